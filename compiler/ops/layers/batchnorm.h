/* What the files of batchnorm share. */
#ifndef NNC_OPS_BATCHNORM_H
#define NNC_OPS_BATCHNORM_H

#include <math.h>

#include "graph/rewrite.h"
#include "ops/shared/norm.h"

typedef struct BatchnormAttrs {
    double eps, momentum; /* momentum: NAN is none */
    bool affine;
} BatchnormAttrs;

static inline bool batchnorm_is_affine(const Node *n) { return ((const BatchnormAttrs *)n->attrs)->affine; }
static inline bool batchnorm_is_cumulative(const Node *n)
{
    return isnan(((const BatchnormAttrs *)n->attrs)->momentum);
}

/* Of bodies.  $at is element (n, c, k). */
void batchnorm_bind_sizes(Writer *, const Node *);
NormLoops batchnorm_loops(const Node *); /* over the values of channel c */
void batchnorm_put_momentum(Writer *,
                            const Node *); /* counts the batch and declares momentum, where that is 1 / count */

/* A call of a kernel.  x, y (or dy) and dx are the arrays of those names, as far as the call has them. */
void batchnorm_call(Writer *, const Node *, const Tensor *x, const Tensor *y, const Tensor *dx, const char *call);

/* The kernels do the sum and relu in the walk over pixels alone, not in that over planes. */
#define BATCHNORM_FIELDS(NAME, LAYOUT, DTYPES, REFUSES, TRAITS, EPILOGUES, MASK, EMIT)                               \
    .name = NAME, .layouts = LAYOUT, .dtypes = DTYPES, .traits = TRAITS, .epilogues = EPILOGUES, .refuses = REFUSES, \
    .mask = MASK, .emit = EMIT, .kernel = "batchnorm"
#define BATCHNORM_ROW(...)            \
    {                                 \
        BATCHNORM_FIELDS(__VA_ARGS__) \
    }
#define BATCHNORM_FEATURES(DTYPES, TRAITS, EPILOGUES, MASK, EMIT) \
    BATCHNORM_ROW("features", IN_NCHW, DTYPES, batchnorm_pixels_refusal, TRAITS, EPILOGUES, MASK, EMIT)
#define BATCHNORM_PLANES(TRAITS, EMIT) BATCHNORM_ROW("planes", IN_NCHW, OF_F32, NULL, TRAITS, 0, NULL, EMIT)
#define BATCHNORM_ROWS(DTYPES, TRAITS, EPILOGUES, MASK, EMIT)                                  \
    BATCHNORM_FEATURES(DTYPES, TRAITS, EPILOGUES, MASK, EMIT), BATCHNORM_PLANES(TRAITS, EMIT), \
        BATCHNORM_ROW("pixels", IN_NHWC, DTYPES, NULL, TRAITS, EPILOGUES, MASK, EMIT),         \
    {                                                                                          \
        0                                                                                      \
    }

const char *batchnorm_pixels_refusal(const Node *);

/* The output of the training form from the mean and the inverse deviation that it has found. */
Node *batchnorm_again(Graph *, const Node *);

/* batchnorm_chunks.c: Op.in_chunks of the training form and of its sums, whose users, as far as they are
 * batchnorm_dx, get those of the whole batch */
void batchnorm_training_in_chunks(GraphRewriter *, Node *);
void batchnorm_sums_in_chunks(GraphRewriter *, Node *);
extern const Op batchnorm_dx;

/* batchnorm_fold.c: Op.fold */
extern const Op batchnorm_fold;

#endif
