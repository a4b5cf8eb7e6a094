/*
 * The kinds of findings: what is said of each, and the condition under which it is.
 */
#include "stats/findings.h"

#include "stats/conditions.h"

const FindingKind finding_kinds[] = {
    {"constant-labels", "all {0} training samples have the same target, {1}: there is nothing to learn",
     "check the column or file that the targets come from, and --classes", FIND_AT_START, look_for_constant_labels},
    {"constant-inputs", "the input is the same in all {0} training samples that were looked at",
     "check the files that the samples come from", FIND_AT_START, look_for_constant_inputs},
    {"unscaled-inputs", "the input is not normalised: {0}",
     "leave out 'normalize none', or give mean and deviation: normalize mean=[…] std=[…]", FIND_AT_START,
     look_for_unscaled_inputs},
    {"small-batch-statistics", "{0} takes mean and deviation of only {1} in training: {2}",
     "use larger batches, or a norm within the sample such as groupnorm or layernorm", FIND_AT_START,
     look_for_small_batches},
    {"not-finite", "the first number that is not finite is {0}, {1}, at step {2} (epoch {3})",
     "try a smaller learning rate, or clip the gradient: --set 'clip norm(1)'", FIND_DIVERGED, look_for_bad_number},
    {"vanishing-gradient", "the gradient vanishes on its way to {0}: {1} per weight, {2} times that of {3}{4}",
     "use relu and batchnorm, shortcuts around layers, or initialise by he_normal or xavier_uniform", FIND_AFTER_EPOCH,
     look_for_vanishing_gradient},
    {"exploding-gradient", "the gradient explodes: its norm in {0} is {1}, {2} times that of the weights{3}",
     "clip it (clip norm(1)), lower the learning rate, or initialise with smaller weights", FIND_AFTER_EPOCH,
     look_for_exploding_gradient},
    {"dead-units", "{0} of {1} have been 0 for all {2} samples that were looked at",
     "lower the learning rate, or use leaky_relu, elu or batchnorm before it", FIND_AFTER_EPOCH, look_for_dead_units},
    {"saturation", "{0} of the values of {1} are at its bounds, where its slope is almost 0",
     "normalise its input (batchnorm), use smaller initial weights, or relu", FIND_AFTER_EPOCH, look_for_saturation},
    {"rate-too-high", "the learning rate, {0}, is too high: {1}", "try a tenth of it, or --lr-find", FIND_AFTER_EPOCH,
     look_for_high_rate},
    {"rate-too-low", "the learning rate, {0}, is too low: {1}", "try ten times as much, or --lr-find", FIND_AFTER_EPOCH,
     look_for_low_rate},
    {"chance-level", "the loss stays at {0}, that of {1}: nothing is learnt",
     "check that targets belong to their samples, the initial weights, and the learning rate (--lr-find)",
     FIND_AFTER_EPOCH, look_for_chance_level},
    {"classes-not-predicted",
     "{0} has not been predicted for any sample in {1} evaluations, though the data have {2} of it",
     "look at the confusion of `nnc eval`; balance the classes or weight their losses", FIND_AFTER_EPOCH,
     look_for_missing_classes},
    {"over-fitting",
     "over-fitting: since epoch {0} the {1} loss has risen from {2} to {3} while that of training fell to {4}",
     "keep the best weights (keep best, stop patience(5)); add dropout, l2, augmentation or data", FIND_AFTER_EPOCH,
     look_for_over_fitting},
    {0},
};
