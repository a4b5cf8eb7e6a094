/*
 * pool_types.h: the descriptors of pools.
 */
#ifndef NN_POOL_TYPES_H
#define NN_POOL_TYPES_H

/* x: [n][c][h][w]   y, place: [n][c][oh][ow].  The place is the tap u · kw + v that
 * won, in a byte or (wide) in an int32_t; `least`: the smallest element wins. */
typedef struct nn_window {
    int c, h, w, oh, ow;
    int kh, kw, sh, sw, dh, dw, top, left;
    int least, wide;
} nn_window;

/* One axis of cells: `small` cells of an axis of `large` elements.
 *   region > 0: cell i is floor(i · region / small) … ceil((i + 1) · region / small), from `before`'s opposite on
 *   else:       cell i is i · stride − before … + k, as far as it is inside
 * An average divides by `count` elements; 0: by those inside; −1: by those of the
 * window that lie within `room`, the axis with its padding. */
typedef struct nn_axis {
    int large, small, k, stride, before, region, count, room;
} nn_axis;

typedef struct nn_cells {
    int c;
    nn_axis v, h; /* rows, columns */
} nn_cells;

#endif
