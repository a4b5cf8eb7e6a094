/*
 * Pooling regions: each element of the output stands for a rectangle of the input, and is
 * its average or its maximum.  avgpool, lppool, the adaptive and the global
 * pools and roipool are this with different rectangles.
 *
 * Along an axis region i is either a window, i·stride − before … + k, clipped to
 * the image, or part i of a region cut into `small` parts as PyTorch's adaptive
 * pools cut it: floor(i·region/small) … ceil((i + 1)·region/small).
 */
#ifndef NNC_OPS_SHARED_POOL_REGIONS_H
#define NNC_OPS_SHARED_POOL_REGIONS_H

#include "ops/shared/window.h"

typedef struct PoolRegions { /* one axis */
    Slide slide;             /* of windows, with dilation 1 */
    int64_t region;          /* of parts of unequal size; 0: a window */
    int64_t origin;          /* where the region starts */
    bool padding_counts;     /* an average divides by the window's size with its padding */
    int64_t counted;         /* elements an average divides by, where all regions have as many */
    bool fixed;              /* `counted` it is, whatever the edges */
} PoolRegions;

PoolRegions pool_regions_window(Slide, bool padding_counts);

/* Averages of the regions divide by `divisor` elements. */
void pool_regions_set_divisor(PoolRegions regions[2], int64_t divisor);

/* `small` parts of the rows origin … origin + region − 1; equal parts are windows. */
PoolRegions pool_regions_parts(int64_t large, int64_t small, int64_t origin, int64_t region);

/* Both axes of an image cut into parts: of the whole (adaptive pools). */
void pool_regions_adaptive(PoolRegions regions[2], Shape large, Shape small);

/* Rows of the largest region. */
int64_t pool_regions_reach(const PoolRegions *);
void pool_regions_field(const PoolRegions *, Window *);

/* ---- loops ------------------------------------------------------------ */

/* Opens the loops over c, i and j of sample n and leaves the edges of the region
 * bound; then the loops over the rows and columns of the region, with $row and $col
 * bound.  Both return braces for window_close. */
int pool_regions_open(Writer *, const PoolRegions regions[2], int64_t channels);
int pool_regions_inside(Writer *, const PoolRegions regions[2]);

/* Binds $count to the elements an average divides by; after pool_regions_open. */
void pool_regions_bind_count(Writer *, const PoolRegions regions[2]);

/* For maxima: binds $element, the type of the input's elements, and $or_nan, the test whether `value` is
 * none; returns whether they are int8, of which none is. */
bool pool_bind_element(Writer *, const Node *);

/* Bodies of the operators' functions: arrays x, y; dy, dx; x, y, argmax; dy, argmax, dx.  Averages
 * of sequences too. */
void pool_regions_average(Writer *, const Node *, const PoolRegions regions[2]);
void pool_regions_average_gradient(Writer *, const Node *, const PoolRegions regions[2]);
void pool_regions_maximum(Writer *, const Node *, const PoolRegions regions[2]);
void pool_regions_maximum_training(Writer *, const Node *, const PoolRegions regions[2]);

/* The same by the kernel "pool". */
void pool_regions_average_emit(Writer *, const Node *, const PoolRegions regions[2]);
void pool_regions_average_gradient_emit(Writer *, const Node *, const PoolRegions regions[2]);
void pool_regions_maximum_emit(Writer *, const Node *, const PoolRegions regions[2]);
void pool_regions_maximum_training_emit(Writer *, const Node *, const PoolRegions regions[2]);

/* Rows of a table, with kernels of bf16 where channels are last. */
#define POOL_ROWS(LAYOUTS, REFUSES, EMIT)                                                              \
    {.name = "simd",                                                                                   \
     .layouts = LAYOUTS,                                                                               \
     .traits = VARIANT_ANY_BATCH,                                                                      \
     .refuses = REFUSES,                                                                               \
     .emit = EMIT,                                                                                     \
     .kernel = "pool"},                                                                                \
    {                                                                                                  \
        .name = "pixels", .layouts = IN_NHWC, .dtypes = OF_F32 | OF_BF16, .traits = VARIANT_ANY_BATCH, \
        .refuses = REFUSES, .emit = EMIT, .kernel = "pool"                                             \
    }

/* Declares `size`, the nn_pool_regions of the kernels. */
void pool_regions_put_size(Writer *, const Node *, const PoolRegions regions[2]);

/* Variant.refuses of all that call it. */
const char *pool_regions_refusal(const Node *);

/* ---- graph ------------------------------------------------------------ */

/* Adds the output `place` of a maximum's training form: the winner's index in
 * its plane, row·W + col. */
void pool_regions_argmax(Graph *, Node *);

/* Op.grad of the maxima's training forms. */
void pool_regions_maximum_grad(Backward *, const Node *);

/* One gradient node dx from dy alone, the averages'. */
void pool_regions_average_grad(Backward *, const Node *, const Op *gradient);

extern const char *const pool_regions_in[];           /* x */
extern const char *const pool_regions_out[];          /* y */
extern const char *const pool_regions_training_out[]; /* y, argmax */
extern const char *const pool_regions_gradient_in[];  /* dy */
extern const char *const pool_regions_gradient_out[]; /* dx */

#endif
