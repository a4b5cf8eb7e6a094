/*
 * What optimizers share: the loop over a parameter's elements and the gradient
 * with PyTorch's weight decay (of every parameter, biases too) in it.
 */
#ifndef NNC_OPS_SHARED_OPTIMIZER_H
#define NNC_OPS_SHARED_OPTIMIZER_H

#include "graph/graph.h"

/* Ranges of attributes: a decay rate of moments lies below 1. */
#define OPTIMIZER_MAX      1e9
#define OPTIMIZER_BETA_MAX ATTR_DECAY_MAX

/* Opens the loop, k the index, and defines g = gradient[k] + decay · param[k]. */
void optimizer_open(Writer *, const Node *, double weight_decay);
void optimizer_close(Writer *);

/* Binds $name to beta and $rest to 1 − beta, as literals. */
void optimizer_bind_beta(Writer *, const char *name, const char *rest, double beta);

/* For the kernels: binds $elements and $decay. */
void optimizer_bind(Writer *, const Node *, double weight_decay);

/* The kernels' descriptor of a step, of which the second has its number. */
#define OPTIMIZER_UPDATE \
    "const nn_update update = {.count = $elements, .gradient = gradient, .param = param, .lr = $lr};\n"
#define OPTIMIZER_UPDATE_AT_STEP \
    "const nn_update update = {.count = $elements, .gradient = gradient, .param = param, .lr = $lr, .step = $step};\n"

/* Adam and AdamW differ in what weight decay means. */
typedef struct AdamAttrs {
    double lr, beta1, beta2, eps, weight_decay;
    bool amsgrad;
} AdamAttrs;

void adam_states(Graph *, Node *);

/* Variant.refuses of the kernel. */
const char *adam_refusal(const Node *);

/* Declare t, the number of this step from 1 on, and correction1 and correction2, 1 − beta^t. */
void adam_corrections(Writer *, double beta1, double beta2);
void adam_correction2(Writer *, double beta2);

/* The step, with `weight_decay` in the gradient; `before`, a line of the loop that
 * comes first, or NULL. */
void adam_step(Writer *, const Node *, double weight_decay, const char *before);

/* The same by the kernel; `shrink` is AdamW's decay. */
void adam_emit_step(Writer *, const Node *, double weight_decay, double shrink);

/* Is the momentum, or beta1, a number of the model that the schedule cycles?  beta1 of the step is then
 * that of all steps in the mean, as in PyTorch, whose 1 − beta1^t has the group's beta1 of the step. */
bool optimizer_is_cycled(const Node *);

extern const char *const optimizer_in[]; /* gradient, param; states have their own names */

#endif
