/*
 * int8_channels.h: sums of windows whose lanes are channels, an output of each: what depthwise convolutions and
 * those of small groups share.
 *
 * A step of a window is a column of taps, of which a lane adds NN_QUANT_TAPS products at a time: its parts.
 * What the parts read lies in a band, column by column, one vector for each of the NN_QUANT_GROUPS vectors of a
 * block of channels; neighbouring windows share the columns.  Where the last channels fill no more than half of a
 * block, its two halves may be those channels in two rows of results.
 */
#ifndef NN_INT8_CHANNELS_H
#define NN_INT8_CHANNELS_H

#include "runtime/kernels/quantized/int8_floats.h"
#include "runtime/kernels/quantized/int8_interleave.h"

enum {
    NN_QUANT_PARTS = NN_INT8_QUADS * 4 / NN_QUANT_TAPS, /* lanes' products of a window, at most */
    NN_QUANT_BAND = NN_QUANT_PARTS,                     /* interleaved columns of a run */
    NN_QUANT_NEAR_BAND = 64                             /* that stay in L1 with all else */
};

typedef struct nn_quant_window {
    int steps, parts; /* a window has `steps` columns of `parts` lanes' products, or of one row `steps` */
    int apart;        /* columns of the image between them */
    int taken;        /* columns of the band between them: the same or, where it has none between, 1 */
    int run;          /* outputs of a band */
} nn_quant_window;

/* Channels first … first + count − 1. */
typedef struct nn_quant_block {
    nn_quant_sums weight[NN_QUANT_PARTS][NN_QUANT_GROUPS];
    nn_quant_scale scale[NN_QUANT_GROUPS];
    nn_quant_bounds bounds;
    int8_t border[NN_QUANT_BLOCK];
    long first, count;
    int rows;  /* of results in a block: 1, or 2 where its halves are the same channels */
    int taken; /* of the window */
} nn_quant_block;

/* Where a row of results is computed: its number, and the block's channels of the images. */
typedef struct nn_quant_place {
    const int8_t *x;
    int8_t *y;
    int row;
} nn_quant_place;

/* apart: columns of the image between the steps. */
NN_INLINE nn_quant_window nn_quant_window_of(const nn_int8_conv *d, int steps, int parts, int apart)
{
    nn_quant_window w = {steps, parts, apart, apart, 1};
    const long reach = (long)(steps - 1) * apart + 1, near = NN_QUANT_NEAR_BAND / parts, most = NN_QUANT_BAND / parts;
    if (reach > most)
        w.taken = 1;
    else
        w.run = (int)(((reach + 8 * d->sw <= near ? near : most) - reach) / d->sw + 1);
    return w;
}

/* Vector g of ints that lie at byte `at` of each panel of `bytes`, 4 bytes to a channel. */
NN_INLINE nn_quant_sums nn_quant_of_panels(const nn_int8_conv *d, const nn_quant_block *b, const int8_t *panels,
                                           long bytes, int g, long at)
{
    int lane[NN_QUANT_LANES] = {0};
    for (int i = 0; i < NN_QUANT_LANES; i += NN_QUANT_CHUNK) {
        const long c = b->first + nn_quant_channel(g, i) % (NN_QUANT_BLOCK / b->rows);
        if (c < nn_quant_channels_of(d))
            __builtin_memcpy(lane + i, panels + c / NN_PANEL * bytes + at + c % NN_PANEL * 4,
                             NN_QUANT_CHUNK * sizeof *lane);
    }
    return nn_quant_load(lane);
}

/* A block whose first channel and rows are there, but for its weights; `bytes` of a panel, whose last are the sums
 * of weights. */
NN_INLINE void nn_quant_block_begin(const nn_int8_conv *d, const nn_int8_conv_args *a, const nn_quant_window *w,
                                    long bytes, nn_quant_block *b)
{
    const int rectified = nn_quant_bounds_of(d).rectified;
    const long left = nn_quant_channels_of(d) - b->first;
    nn_quant_scale scale[NN_QUANT_GROUPS];
    b->taken = w->taken, b->count = left < NN_QUANT_BLOCK ? left : NN_QUANT_BLOCK;
    b->bounds = nn_quant_bounds_of(d), b->bounds.by_floats = 0;
    for (int i = 0; i < NN_QUANT_BLOCK; i++) b->border[i] = (int8_t)d->zero;
    for (int g = 0; g < NN_QUANT_GROUPS; g++) {
        const long at = g * NN_QUANT_LANES % (NN_QUANT_BLOCK / b->rows);
        scale[g] = nn_quant_scale_at(rectified, a, b->first + at, left - at, (nn_quant_sums){0});
    }
    for (int g = 0; g < NN_QUANT_GROUPS; g++) {
        const nn_quant_sums sums = nn_quant_of_panels(d, b, a->panels, bytes, g, bytes - NN_PANEL * 4);
        b->scale[g] = nn_quant_scale_in_order(rectified, scale, g);
        b->scale[g].start = nn_quant_plus(b->scale[g].start, -(sums * (NN_QUANT_OFFSET + d->zero)));
    }
}

/* What is the same for a layer and known when its loops are compiled. */
typedef struct nn_quant_way {
    int whole, rectified; /* all channels of a block exist */
    int steps, parts;     /* of the window */
    int by_floats;
    int rows; /* of the block */
} nn_quant_way;

/* Stores the results of a block, its halves `apart` from one another. */
NN_INLINE void nn_quant_store_sums(const nn_quant_way way, int8_t *to, long apart, const nn_quant_sums *sum,
                                   const nn_quant_block *b, const nn_quant_bounds *bounds)
{
    const long count = way.whole ? NN_QUANT_BLOCK / way.rows : b->count;
    if (NN_QUANT_FLOATS && way.rows == 2 && way.by_floats)
        nn_quant_store_floors_halves(way.rectified, to, apart, sum, b->scale, bounds, count);
    else if (way.rows == 2)
        nn_quant_store_halves(way.rectified, to, apart, sum, b->scale, bounds, count);
    else if (NN_QUANT_FLOATS && way.by_floats)
        nn_quant_store_floors_block(way.rectified, to, sum, b->scale, bounds, count);
    else
        nn_quant_store_block(way.rectified, to, sum, b->scale, bounds, count);
}

/* Adds the products of one window, which begins at `at` in the band. */
NN_INLINE void nn_quant_window_sums(const nn_quant_way way, const nn_quant_sums (*weight)[NN_QUANT_GROUPS],
                                    const nn_quant_sums *at, long apart, nn_quant_sums *sum)
{
    NN_UNROLL_KNOWN
    for (int v = 0; v < way.steps; v++) NN_UNROLL_KNOWN
    for (int q = 0; q < way.parts; q++) NN_UNROLL
    for (int g = 0; g < NN_QUANT_GROUPS; g++)
        sum[g] = nn_quant_dot(sum[g], at[(v * apart + q) * NN_QUANT_GROUPS + g], weight[v * way.parts + q][g]);
}

/* `count` outputs of a row, or of two whose results are `beside` one another. */
NN_INLINE void nn_quant_run(const nn_quant_way way, const nn_int8_conv *d, const nn_quant_block *b,
                            const nn_quant_sums *band, int count, int8_t *y, long beside)
{
    const nn_quant_bounds bounds = b->bounds;
    const long apart = (long)b->taken * way.parts, step = (long)d->sw * way.parts * NN_QUANT_GROUPS,
               next = nn_quant_y_pitch_of(d);
    for (int j = 0; j < count; j++, band += step, y += next) {
        nn_quant_sums sum[NN_QUANT_GROUPS];
        NN_UNROLL
        for (int g = 0; g < NN_QUANT_GROUPS; g++) sum[g] = b->scale[g].start;
        nn_quant_window_sums(way, b->weight, band, apart, sum);
        nn_quant_store_sums(way, y, beside, sum, b, &bounds);
    }
}

#endif
