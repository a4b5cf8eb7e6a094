/*
 * What the normalising layers share: sums in two levels, moments; and for groupnorm and
 * layernorm, which differ in what is averaged and in their affine parameters,
 * the whole of shapes, loops and gradients.
 */
#ifndef NNC_OPS_SHARED_NORM_H
#define NNC_OPS_SHARED_NORM_H

#include "graph/graph.h"

/* Two loops: variable < count, and k < inner inside it. */
typedef struct NormLoops {
    const char *variable, *count; /* "n", "$N" */
    int64_t inner;
} NormLoops;

/* Declares target = Σ term.  The inner sum has a variable of its own: in float that
 * loses less.  `first` is a statement before the term, or NULL. */
void norm_sum(Writer *, const char *target, NormLoops, const char *first, const char *term);

/* Declares average and variance (biased) of x[$at], `count` values. */
void norm_moments(Writer *, NormLoops, const char *count);

/* A node with dy, x and the statistics, which are the outputs 1 and 2 of n. */
Node *norm_gradient_node(Backward *, const Op *, const Node *n);

/* The loop over k < inner, left out where there is one element. */
int norm_loop(Writer *, int64_t inner);

typedef struct NormAttrs {
    int64_t groups; /* 0: all of the sample at once, or along `axis`, with affine parameters per element */
    int64_t axis;   /* with groups 0: ATTR_NONE is all of the sample */
    double eps;
    bool affine;
} NormAttrs;

/* The rows of norm's kernels: of contiguous groups, and of layernorm along the channels of NHWC images,
 * where they are contiguous too. */
#define NORM_ROWS(TRAITS, EMIT)                                                                                      \
    {.name = "simd", .layouts = IN_NCHW, .traits = TRAITS, .refuses = norm_refusal, .emit = EMIT, .kernel = "norm"}, \
        {.name = "pixels",                                                                                           \
         .layouts = IN_NHWC,                                                                                         \
         .traits = TRAITS,                                                                                           \
         .refuses = norm_pixels_refusal,                                                                             \
         .emit = EMIT,                                                                                               \
         .kernel = "norm"},                                                                                          \
    {                                                                                                                \
        0                                                                                                            \
    }

const char *norm_refusal(const Node *);
const char *norm_pixels_refusal(const Node *);

extern const char *const norm_in[];           /* x, weight, bias */
extern const char *const norm_out[];          /* y */
extern const char *const norm_training_out[]; /* y, mean, inv */

bool norm_shape(Graph *, Node *);
bool norm_training_shape(Graph *, Node *);
void norm_params(Graph *, Node *);
void norm_window(const Node *, int axis, Window *);
int64_t norm_flops(const Node *);
void norm_plain(Writer *, const Node *);
void norm_training_plain(Writer *, const Node *);
void norm_emit(Writer *, const Node *);   /* of both */
void norm_grad(Backward *, const Node *); /* of the training forms */

#endif
