/*
 * Separable linear maps of images: along each of the three axes an output index reads some input
 * indices, its taps, with weights known at compile time.
 *
 *   y[c][i][j] = Σ_{a,u,v} wc[c][a] · wh[i][u] · ww[j][v] · x[tc[c][a]][th[i][u]][tw[j][v]]
 *
 * The gradient adds dy, times the same weights, to the places that were read.
 */
#ifndef NNC_OPS_SHARED_TAPS_H
#define NNC_OPS_SHARED_TAPS_H

#include "graph/graph.h"

enum { TAPS_MAX = 4 };

/* Of one output index; `count` is the same for all indices of an axis. */
typedef struct Taps {
    int64_t at[TAPS_MAX];
    double weight[TAPS_MAX];
} Taps;

/* One axis: how many outputs, taps of each, and what they are; NULL: each is the input's. */
typedef struct TapsAxis {
    int64_t out;
    int count;
    Taps (*of)(const void *self, int axis, int64_t index);
} TapsAxis;

/* Bodies of functions of arrays x, y and of dy, dx; `self` is the first argument of `of`, `image` the shape of
 * x and dx. */
void taps_forward(Writer *, const TapsAxis axes[3], const void *self);
void taps_gradient(Writer *, const TapsAxis axes[3], const void *self, Shape image);

/* The same by the kernels of runtime/kernels/movement/taps.h, and why they do not serve it, or NULL. */
const char *taps_refusal(Shape image);
void taps_forward_emit(Writer *, const TapsAxis axes[3], const void *self, Shape image);
void taps_gradient_emit(Writer *, const TapsAxis axes[3], const void *self, Shape image);

#endif
