/*
 * pool_types.h: the descriptors of pools.
 */
#ifndef NN_POOL_TYPES_H
#define NN_POOL_TYPES_H

/* x: [n][c][h][w]   y, argmax: [n][c][oh][ow].  The argmax is the tap u · kw + v that
 * won, in a byte or (wide) in an int32_t; `least`: the smallest element wins. */
typedef struct nn_pool_window {
    int c, h, w, oh, ow;
    int kh, kw, sh, sw, dh, dw, top, left;
    int least, wide;
} nn_pool_window;

/* One axis of pooling regions: `small` regions of an axis of `large` elements.
 *   region > 0: region i is floor(i · region / small) … ceil((i + 1) · region / small), shifted by −before
 *   else:       region i is i · stride − before … + k, clipped to the axis
 * An average divides by `count` elements; 0: by those inside it; −1: by those of the
 * window within `padded`, the axis with its padding. */
typedef struct nn_region_axis {
    int large, small, k, stride, before, region, count, padded;
} nn_region_axis;

typedef struct nn_pool_regions {
    int c;
    nn_region_axis v, h; /* rows, columns */
} nn_pool_regions;

#endif
