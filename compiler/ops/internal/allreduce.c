/*
 * allreduce: the values of all chunks of a batch become one.  What a program that computes a chunk does
 * not compute itself: its caller does, between two segments of it (runtime/train/collective.h).
 *
 *   mean      y = Σ w · x / Σ w over the chunks, w a chunk's part of a whole one
 *   moments   mean, Σ (x − mean)² and count of all values from those of each chunk
 */
#include "graph/graph.h"

static const char *const moments[] = {"mean", "deviations", "count", NULL};

const Op op_allreduce_mean = {
    .name = "allreduce_mean",
    .summary = "the mean over the chunks of a batch",
    .formula = "y = Σ w·x / Σ w",
    .class = OP_INTERNAL,
    .traits = OP_VARIADIC,
    .collective = COLLECTIVE_MEAN,
};

const Op op_allreduce_moments = {
    .name = "allreduce_moments",
    .summary = "mean and squared differences of all chunks of a batch",
    .formula = "mean and Σ (x − mean)² of all x",
    .class = OP_INTERNAL,
    .in = moments,
    .out = moments,
    .collective = COLLECTIVE_MOMENTS,
};
