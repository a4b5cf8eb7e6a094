/*
 * limits.h: the limits and sizes that the compiler and the kernels share, the same for
 * every target.
 *
 * The compiler asks here whether a kernel serves a shape and how much memory packed
 * weights and workspace take; the kernels index that memory by the same functions.
 * Sizes are counted in floats.  What differs from target to target is in config/, and
 * library_table.h checks that each target keeps to the limits of this file.
 */
#ifndef NN_LIMITS_H
#define NN_LIMITS_H

#define NN_SIZE static inline __attribute__((unused))

enum {
    NN_LINE = 16,          /* floats of a cache line */
    NN_BATCH_BLOCK = 16,   /* samples of a block in the batch-blocked layout */
    NN_MAX_WIDTH = 16,     /* floats of a vector, at most */
    NN_MAX_TILE_ROWS = 10, /* output pixels, or channels of wgrad, of a register tile, at most */

    NN_PANEL = 16,       /* outputs of a panel of packed weights */
    NN_MAX_TAPS = 256,   /* kh · kw */
    NN_ZEROS = 1024,     /* what padding is read from */
    NN_PEAK_BYTES = 128, /* operands and result of the kernels of peak.h */

    NN_PLANAR_COPY = 8192,  /* the padded rows of a planar convolution, at most */
    NN_WGRAD_COPY = 33792,  /* a block of the large image, packed for wgrad, at most */
    NN_LRN_CHANNELS = 1024, /* at most, for the gradient */
    NN_LRN_WINDOW = 64      /* channels that are summed, at most, in NHWC */
};

NN_SIZE long nn_round_up(long count, long step) { return (count + step - 1) / step * step; }

enum { NN_RELU6 = 2 }; /* as nn_epilogue.relu */

/* Of the slots of a workspace, that of thread t of T, T ≤ slots: few threads have slots far from each other.  On Zen 5
 * a thread takes up to half as long again while another one writes up to 256 KB before its slot. */
NN_SIZE long nn_slot_of(int t, int T, int slots) { return (long)t * (slots / T); }

/* ---- direct convolution ---------------------------------------------------------- */

/* Pixels along an axis that `count` outputs read. */
NN_SIZE long nn_extent(long count, long stride, long k, long dilation)
{
    return (count - 1) * stride + (k - 1) * dilation + 1;
}

enum { NN_CONV_PIXELS = 240 }; /* of a block of direct convolution: a multiple of every NN_TILE_ROWS */

/* Packed weights [groups][outputs / 16][taps][channels][16], of `outputs` and `channels` in
 * each group; of a depthwise convolution [taps][groups], padded to whole panels. */
NN_SIZE long nn_conv_packed(long groups, long outputs, long channels, long taps)
{
    if (groups > 1 && outputs == 1 && channels == 1) return taps * nn_round_up(groups, NN_PANEL);
    return groups * nn_round_up(outputs, NN_PANEL) * channels * taps;
}

/* Whether rows of pixels with the outputs of many groups in the lanes serve: groups of 2, 4 or 8 channels with as
 * many outputs. */
NN_SIZE int nn_grouped_rows_serves(long groups, long channels, long outputs)
{
    const long k = channels / groups;
    return groups > 1 && channels == outputs && (k == 2 || k == 4 || k == 8);
}

enum { NN_FIXED_STEPS = 2 * NN_PANEL }; /* what 16 floats take before a panel of numbers in 16 bits */

/* Pairs of bf16 [outputs / 16][taps][channels / 2][16][2], of one group; in elements of bf16. */
NN_SIZE long nn_conv_packed_bf16(long outputs, long channels, long taps)
{
    return nn_round_up(outputs, NN_PANEL) * nn_round_up(channels, 2) * taps;
}

/* Whether wgrad can copy what one output pixel reads, of a tile of channels: kernels of
 * height × width pixels, dilation included. */
NN_SIZE int nn_wgrad_serves(long channels, long taps, long height, long width)
{
    const long rows = channels < NN_MAX_TILE_ROWS ? channels : NN_MAX_TILE_ROWS;
    return taps <= NN_MAX_TAPS && height <= NN_WGRAD_COPY && width <= NN_WGRAD_COPY / height &&
           rows * height * width <= NN_WGRAD_COPY;
}

/* What a row of outputs of a planar convolution reads: [channels][height][width]. */
NN_SIZE int nn_planar_serves(long channels, long height, long width, long outputs_width)
{
    return outputs_width >= NN_MAX_WIDTH && channels <= NN_PLANAR_COPY && height <= NN_PLANAR_COPY &&
           width <= NN_PLANAR_COPY && channels * height <= NN_PLANAR_COPY &&
           channels * height * width <= NN_PLANAR_COPY;
}

/* ---- direct convolution of images in bf16 ---------------------------------------- */

enum {
    NN_FRAME = 1 << 18,     /* floats of a frame: what a block of pixels reads, widened */
    NN_FRAME_OUTPUTS = 128, /* that are computed before they are stored, at most */
    NN_FRAME_THREADS = 8    /* that can work at once */
};

/* A grid of u × v pixels with the step su × sv, which reads `run` channels of down × across pixels. */
typedef struct nn_frame_grid {
    long u, v, su, sv, down, across, run;
} nn_frame_grid;

/* A block: some columns of a row, or some rows, or some images. */
typedef struct nn_frame_block {
    long images, rows, columns;
} nn_frame_block;

/* Of kernels of one pixel no more is read than that. */
NN_SIZE long nn_frame_floats(const nn_frame_grid *g, const nn_frame_block *b)
{
    if (g->down == 1 && g->across == 1) return b->images * b->rows * b->columns * g->run;
    return b->images * ((b->rows - 1) * g->su + g->down) * ((b->columns - 1) * g->sv + g->across) * g->run;
}

/* The largest block. */
NN_SIZE nn_frame_block nn_frame_block_of(const nn_frame_grid *g)
{
    const long parts = (g->v + NN_CONV_PIXELS - 1) / NN_CONV_PIXELS;
    nn_frame_block b = {1, 1, (g->v + parts - 1) / parts};
    while (b.columns > 1 && nn_frame_floats(g, &b) > NN_FRAME) b.columns = (b.columns + 1) / 2;
    if (b.columns < g->v) return b;
    b.rows = NN_CONV_PIXELS / g->v < g->u ? NN_CONV_PIXELS / g->v : g->u;
    while (b.rows > 1 && nn_frame_floats(g, &b) > NN_FRAME) b.rows--;
    if (b.rows < g->u) return b;
    b.images = NN_CONV_PIXELS / (g->u * g->v);
    while (b.images > 1 && nn_frame_floats(g, &b) > NN_FRAME) b.images--;
    return b;
}

/* Whether a frame has room for what one pixel reads. */
NN_SIZE int nn_frame_serves(const nn_frame_grid *g) { return g->down * g->across <= NN_FRAME / g->run; }

/* The workspace of one thread: a frame, and the sums of a block's outputs. */
NN_SIZE long nn_frame_slot(const nn_frame_grid *g, long outputs)
{
    const nn_frame_block b = nn_frame_block_of(g);
    const long padded = nn_round_up(outputs, NN_PANEL);
    return nn_round_up(nn_frame_floats(g, &b), NN_LINE) +
           b.images * b.rows * b.columns * (padded < NN_FRAME_OUTPUTS ? padded : NN_FRAME_OUTPUTS);
}

NN_SIZE long nn_frame_work(const nn_frame_grid *g, long outputs)
{
    return NN_FRAME_THREADS * nn_frame_slot(g, outputs);
}

/* ---- int8 --------------------------------------------------------------------------- */

/* Products of an output: each row of taps ends in zeros to a multiple of four. */
NN_SIZE long nn_int8_depth(long c, long kh, long kw) { return kh * nn_round_up(kw * c, 4); }

enum { NN_INT8_MAX_DEPTH = 65536 }; /* what a kernel has room for */

enum { NN_INT8_LINEAR_SHIFT = 12 }; /* of nn_int8_linear, at least */

/* Factors below 2^−shift and sums of as many products are not computed by floats (int8_floats.h). */
enum { NN_INT8_FLOATS_SHIFT = 15, NN_INT8_FLOATS_DEPTH = 16384 };

/* A panel of 16 rows of `depth` weights, and their sums; in bytes. */
NN_SIZE long nn_int8_panel_bytes(long depth) { return (depth + 4) * NN_PANEL; }

NN_SIZE long nn_int8_packed(long outputs, long depth)
{
    return nn_round_up(outputs, NN_PANEL) / NN_PANEL * nn_int8_panel_bytes(depth);
}

/* Groups that are computed as one, zeros in the place of the weights between them, so that panels are
 * full: a divisor of their number, all of them where no other suffices. */
NN_SIZE long nn_int8_joined(long groups, long outputs_of_one)
{
    long joined = 1;
    while (joined < groups && (joined * outputs_of_one < NN_PANEL || groups % joined)) joined++;
    return joined;
}

/* Depthwise: fours of a column's taps, or of the one row's. */
enum { NN_INT8_QUADS = 192 };

NN_SIZE long nn_int8_quads(long kh, long kw) { return kh == 1 ? (kw + 3) / 4 : kw * ((kh + 3) / 4); }

/* Panels of 16 channels: fours of taps, and the sums of weights in 32 bits; in bytes. */
NN_SIZE long nn_int8_depthwise_panel_bytes(long kh, long kw) { return (nn_int8_quads(kh, kw) + 1) * 4 * NN_PANEL; }

NN_SIZE long nn_int8_depthwise_packed(long channels, long kh, long kw)
{
    return nn_round_up(channels, NN_PANEL) / NN_PANEL * nn_int8_depthwise_panel_bytes(kh, kw);
}

/* In groups of at most 8 channels with as many outputs, groups of 2 as one of 4: panels of 16 outputs. */
NN_SIZE int nn_int8_grouped_serves(long groups, long channels, long outputs, long kh, long kw)
{
    const int sized = channels == 4 || channels == 8 || (channels == 2 && groups % 2 == 0);
    return sized && groups > 1 && outputs == channels && (channels + 3) / 4 * kh * kw <= NN_INT8_QUADS;
}

NN_SIZE long nn_int8_grouped_panel_bytes(long width, long kh, long kw)
{
    return (kh * kw * (width / 4) + 1) * 4 * NN_PANEL;
}

/* ---- separable maps of images ------------------------------------------------------- */

enum { NN_TAPS_ROW = 4096 }; /* elements of a row, at most */

/* ---- Winograd convolution: tiles of m × m outputs, e × e inputs, e = m + r − 1 ---------- */

enum {
    NN_WINOGRAD_THREADS = 8,   /* that can work at once */
    NN_WINOGRAD_EDGE = 6,      /* the largest e */
    NN_WINOGRAD_TILES = 28,    /* of a block with e = 6, at most */
    NN_WINOGRAD_TILES_4 = 56,  /* of a block with e = 4, at most */
    NN_WINOGRAD_OUTPUTS = 128, /* transformed back at once, at most */

    NN_WINOGRAD_PAIR_TILES = 60,   /* of a block in pairs of bf16, at most */
    NN_WINOGRAD_PAIR_OUTPUTS = 64, /* the same of them */

    NN_WINOGRAD_WGRAD_TILES = 32,    /* of a block, at most */
    NN_WINOGRAD_WGRAD_CHANNELS = 48, /* of a unit, at most */
    NN_WINOGRAD_WGRAD_PANELS = 4,    /* of a unit, at most */

    /* The same in pairs of bf16. */
    NN_WINOGRAD_WGRAD_PAIRS = 96,
    NN_WINOGRAD_WGRAD_PAIR_CHANNELS = 128,
    NN_WINOGRAD_WGRAD_PAIR_PANELS = 8
};

/* Transformed weights [e²][outputs / 16][channels][16]. */
NN_SIZE long nn_winograd_packed(long e, long outputs, long channels)
{
    return e * e * nn_round_up(outputs, NN_PANEL) * channels;
}

/* The same in fixed point (panel_formats.h): [e²][outputs / 16] panels of 16 steps and [channels][16]; in
 * elements of 16 bits. */
NN_SIZE long nn_winograd_packed_w16(long e, long outputs, long channels)
{
    return e * e * (nn_round_up(outputs, NN_PANEL) / NN_PANEL) * (NN_FIXED_STEPS + channels * NN_PANEL);
}

NN_SIZE long nn_winograd_tiles(long e) { return e == 4 ? NN_WINOGRAD_TILES_4 : NN_WINOGRAD_TILES; }

/* From a frequency to the next, of a block's transformed inputs or products: a cache line more than these,
 * since the e² places of a channel would often be a multiple of 4096 bytes apart, where a cache has few lines. */
NN_SIZE long nn_winograd_stride(long tiles, long channels) { return tiles * channels + NN_LINE; }

/* The workspace of one thread: a block's transformed inputs [e²][tiles][channels], and the
 * products [e²][tiles][outputs] of as many outputs as are transformed back at once. */
NN_SIZE long nn_winograd_slot(long e, long channels, long outputs)
{
    const long padded = nn_round_up(outputs, NN_PANEL);
    const long tiles = nn_winograd_tiles(e), most = padded < NN_WINOGRAD_OUTPUTS ? padded : NN_WINOGRAD_OUTPUTS;
    return e * e * (nn_winograd_stride(tiles, channels) + nn_winograd_stride(tiles, most));
}

NN_SIZE long nn_winograd_work(long e, long channels, long outputs)
{
    return NN_WINOGRAD_THREADS * nn_winograd_slot(e, channels, outputs);
}

/* In pairs of bf16, e = 4: transformed weights, in elements of 16 bits. */
NN_SIZE long nn_winograd_packed_pairs(long outputs, long channels)
{
    return 16 * nn_round_up(outputs, NN_PANEL) * nn_round_up(channels, 2);
}

/* From a tile's transformed inputs and products to the next tile's, in elements and floats: a cache line more than
 * [16][channels], so that tiles do not meet in the same sets of a cache. */
NN_SIZE long nn_winograd_pair_step(long channels) { return 16 * nn_round_up(channels, NN_PANEL) + 2 * NN_LINE; }
NN_SIZE long nn_winograd_sums_step(long outputs) { return 16 * nn_round_up(outputs, NN_PANEL) + NN_LINE; }

/* The workspace of one thread: products and transformed inputs of a block. */
NN_SIZE long nn_winograd_pair_slot(long channels, long outputs)
{
    const long most = outputs < NN_WINOGRAD_PAIR_OUTPUTS ? outputs : NN_WINOGRAD_PAIR_OUTPUTS;
    return NN_WINOGRAD_PAIR_TILES * (nn_winograd_sums_step(most) + nn_winograd_pair_step(channels) / 2);
}

NN_SIZE long nn_winograd_pair_work(long channels, long outputs)
{
    return NN_WINOGRAD_THREADS * nn_winograd_pair_slot(channels, outputs);
}

/* Of wgrad: a unit's sums [36][channels][outputs], and a block's transformed inputs
 * [36][tiles][channels] and output gradients [36][tiles][outputs]. */
NN_SIZE long nn_winograd_wgrad_slot(void)
{
    const long channels = NN_WINOGRAD_WGRAD_CHANNELS, outputs = NN_WINOGRAD_WGRAD_PANELS * NN_PANEL;
    return NN_WINOGRAD_EDGE * NN_WINOGRAD_EDGE *
           (channels * outputs + nn_winograd_stride(NN_WINOGRAD_WGRAD_TILES, channels) +
            nn_winograd_stride(NN_WINOGRAD_WGRAD_TILES, outputs));
}

NN_SIZE long nn_winograd_wgrad_work(void) { return NN_WINOGRAD_THREADS * nn_winograd_wgrad_slot(); }

/* In pairs: a unit's sums [16][channels][outputs], and of a block and four frequencies, transformed inputs
 * [4][pairs][channels] and output gradients [4][pairs][outputs]. */
NN_SIZE long nn_winograd_wgrad_pairs_slot(long channels, long outputs)
{
    const long c = nn_round_up(channels, NN_PANEL), o = nn_round_up(outputs, NN_PANEL);
    const long most_c = NN_WINOGRAD_WGRAD_PAIR_CHANNELS, most_o = NN_WINOGRAD_WGRAD_PAIR_PANELS * NN_PANEL;
    const long unit_c = c < most_c ? c : most_c, unit_o = o < most_o ? o : most_o;
    return 4 * (4 * unit_c * unit_o + NN_WINOGRAD_WGRAD_PAIRS * (unit_c + unit_o));
}

NN_SIZE long nn_winograd_wgrad_pairs_work(long channels, long outputs)
{
    return NN_WINOGRAD_THREADS * nn_winograd_wgrad_pairs_slot(channels, outputs);
}

#endif
