/*
 * average: the weights beside those that the optimizer moves.
 *
 *   ema        a ← decay · a + (1 − decay) · w after every step (Polyak and Juditsky 1992)
 *   lookahead  every k steps a ← a + alpha · (w − a), and w ← a (Zhang et al. 2019)
 *
 * Both begin as the weights of before the first step.  Evaluation and the weights file have
 * the average: of parameters, and for ema of running statistics as well; lookahead leaves
 * these as they are.
 */
#ifndef NN_AVERAGE_H
#define NN_AVERAGE_H

#include "runtime/core/core.h"
#include "runtime/nn.h"

typedef struct Average {
    const nn_model_info *info;
    bool buffers;   /* statistics too */
    size_t count;   /* of all values */
    float *values;  /* [count], tensor after tensor; NULL: there is none */
    float *scratch; /* [the largest] */
} Average;

int average_init(Average *, const nn_model_info *, const void *model, bool buffers, NnError *);
void average_free(Average *);
void average_take(Average *, const void *model); /* becomes the model's */
void average_ema(Average *, const void *model, double decay);
void average_lookahead(Average *, void *model, double alpha);
/* The average of the tensor of that name, or NULL. */
float *average_find(const Average *, const char *name);
bool average_has(const Average *, const nn_tensor_info *);
/* The model has the average, and the average what the model had. */
void average_swap(Average *, void *model);

#endif
