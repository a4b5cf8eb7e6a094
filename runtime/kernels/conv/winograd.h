/*
 * winograd.h: r × r convolution of NHWC images with stride 1 by Winograd's algorithm,
 * F(m × m, r × r) of Lavin and Gray, "Fast algorithms for convolutional neural networks", 2015:
 * r = 3 with m = 4 (a quarter of the multiplications) or m = 2 (four ninths, with smaller
 * transformed weights and less waste at the edges of small images), and r = 5 with m = 2 (nine
 * twenty-fifths).
 *
 *   tile of m × m outputs = Aᵀ [ (G w Gᵀ) ⊙ (Bᵀ x B) ] A,   x: e × e inputs, e = m + r − 1
 *
 * The interpolation points are 0, 1, −1 and infinity for e = 4, and 2 and −2 as well for e = 6.
 *
 * Summed over the channels, the e² products of a position are e² matrix products, which the tile
 * of conv_direct.h computes.  Weights are transformed and packed beforehand (winograd_weights.h), in
 * floats or in fixed point of 16 bits, whose products and sums are those of the same panels in floats.
 * Rounding errors are about ten times those of direct convolution for e = 6, and the same for e = 4.
 * winograd_pairs.h has products of bf16.
 *
 * A thread transforms the inputs of a block of tiles into its slot of `work`, multiplies them with
 * the weights of some outputs, transforms these back, and so on until it has all its outputs.
 * Results do not depend on the division into blocks.
 */
#ifndef NN_WINOGRAD_H
#define NN_WINOGRAD_H

#include "runtime/kernels/conv/conv_direct.h"
#include "runtime/kernels/conv/conv_types.h"
#include "runtime/kernels/conv/winograd_weights.h"
#include "runtime/kernels/simd/elements.h"

/* ---- inputs -------------------------------------------------------------------------- */

/* Bᵀ of e vectors. */
NN_INLINE void nn_winograd_b(const int e, const nn_vec *x, nn_vec *to)
{
    if (e == 4) {
        to[0] = x[0] - x[2];
        to[1] = x[1] + x[2];
        to[2] = x[2] - x[1];
        to[3] = x[1] - x[3];
        return;
    }
    nn_vec a = x[4] - 4 * x[2], b = x[3] - 4 * x[1], c = x[4] - x[2], f = 2 * (x[3] - x[1]);
    to[0] = 4 * x[0] - 5 * x[2] + x[4];
    to[1] = a + b;
    to[2] = a - b;
    to[3] = c + f;
    to[4] = c - f;
    to[5] = 4 * x[1] - 5 * x[3] + x[5];
}

/* Bᵀ x B of one tile, channels `c` and those after it; to[f · stride]. */
NN_INLINE void nn_winograd_transform_input(const int half, const int e, const void *const *at, long c, long lanes,
                                           float *to, long stride)
{
    nn_vec once[NN_WINOGRAD_EDGE][NN_WINOGRAD_EDGE];
    for (int j = 0; j < e; j++) {
        nn_vec x[NN_WINOGRAD_EDGE], column[NN_WINOGRAD_EDGE];
        NN_UNROLL
        for (int i = 0; i < e; i++) x[i] = nn_load_some_as(half, nn_at(half, at[i * e + j], c), lanes);
        nn_winograd_b(e, x, column);
        NN_UNROLL
        for (int i = 0; i < e; i++) once[i][j] = column[i];
    }
    for (int i = 0; i < e; i++) {
        nn_vec row[NN_WINOGRAD_EDGE];
        nn_winograd_b(e, once[i], row);
        NN_UNROLL
        for (int j = 0; j < e; j++) nn_store_some(to + (i * e + j) * stride, lanes, row[j]);
    }
}

typedef struct nn_winograd_block {
    const nn_conv *d;
    int down, across;  /* tiles of an image */
    long first, count; /* the block */
    float *wide;       /* nn_conv_grid's */
} nn_winograd_block;

/* The constants of the code for tiles of m × m outputs; `half`: images are in bf16; `format`: of the panels. */
typedef struct nn_winograd_form {
    int half, m, e, format;
} nn_winograd_form;

/* Channels c0 … c0 + channels; to: [e²][count][channels] */
NN_INLINE void nn_winograd_inputs(const nn_winograd_form f, const nn_winograd_block *s, const void *x, int c0,
                                  int channels, float *to)
{
    const nn_conv *d = s->d;
    const int m = f.m, e = f.e;
    const long stride = nn_winograd_stride(s->count, channels);
    for (long i = 0; i < s->count; i++, to += channels) {
        long tile = s->first + i, image = tile / (s->down * s->across), rest = tile % (s->down * s->across);
        int h0 = (int)(rest / s->across) * m - d->top, w0 = (int)(rest % s->across) * m - d->left;
        const void *at[NN_WINOGRAD_EDGE * NN_WINOGRAD_EDGE];
        for (int k = 0; k < e * e; k++) {
            int h = h0 + k / e, w = w0 + k % e, inside = h >= 0 && h < d->h && w >= 0 && w < d->w;
            at[k] = inside ? nn_at(f.half, x, ((image * d->h + h) * d->w + w) * d->c_step + c0) : nn_zeros;
        }
        for (long c = 0; c < channels; c += NN_W)
            nn_winograd_transform_input(f.half, e, at, c, channels - c, to + c, stride);
    }
}

/* ---- outputs --------------------------------------------------------------------------- */

/* Aᵀ of e vectors: m of them. */
NN_INLINE void nn_winograd_a(const int m, const int e, const nn_vec x[NN_WINOGRAD_EDGE], nn_vec to[4])
{
    nn_vec a = x[1] + x[2], b = x[1] - x[2];
    to[0] = x[0] + a;
    to[1] = b;
    if (e == 4) {
        to[1] -= x[3];
        return;
    }
    nn_vec c = x[3] + x[4], f = x[3] - x[4];
    to[0] += c;
    to[1] += 2 * f;
    if (m == 4) {
        to[2] = a + 4 * c;
        to[3] = b + 8 * f;
    }
    to[m - 1] += x[5];
}

NN_INLINE void nn_winograd_transform_output(const int m, const int e, const float *from, long stride, nn_vec to[4][4])
{
    nn_vec half[4][NN_WINOGRAD_EDGE];
    for (int j = 0; j < e; j++) {
        nn_vec x[NN_WINOGRAD_EDGE], column[4];
        NN_UNROLL
        for (int i = 0; i < e; i++) x[i] = nn_load(from + (i * e + j) * stride);
        nn_winograd_a(m, e, x, column);
        NN_UNROLL
        for (int i = 0; i < m; i++) half[i][j] = column[i];
    }
    NN_UNROLL
    for (int i = 0; i < m; i++) nn_winograd_a(m, e, half[i], to[i]);
}

/* Outputs o0 … o0 + outputs from: [e²][count][outputs rounded up to 16]. */
NN_INLINE void nn_winograd_outputs(const nn_winograd_form f, const nn_winograd_block *s, const float *from, int o0,
                                   int outputs, const nn_conv_args *io)
{
    const nn_conv *d = s->d;
    const int m = f.m, e = f.e;
    const float *bias = io->bias;
    const nn_epilogue *epilogue = io->epilogue;
    const long row = (outputs + NN_PANEL - 1) / NN_PANEL * NN_PANEL, stride = nn_winograd_stride(s->count, row);
    for (long i = 0; i < s->count; i++, from += row) {
        long tile = s->first + i, image = tile / (s->down * s->across), rest = tile % (s->down * s->across);
        int h0 = (int)(rest / s->across) * m, w0 = (int)(rest % s->across) * m;
        for (int o = 0; o < outputs; o += NN_W) {
            nn_vec value[4][4], start = bias ? nn_load_some(bias + o0 + o, outputs - o) : nn_zero();
            nn_winograd_transform_output(m, e, from + o, stride, value);
            for (int k = 0; k < m * m; k++) {
                int h = h0 + k / m, w = w0 + k % m;
                if (h >= d->oh || w >= d->ow) continue;
                long at = ((image * d->oh + h) * d->ow + w) * d->o_step + o0 + o;
                nn_vec v = value[k / m][k % m] + start;
                if (epilogue) v = nn_epilogue_apply(f.half, epilogue, o0 + o, outputs - o, at, v);
                nn_store_some_as(f.half, nn_place(f.half, io->y, at), outputs - o, v);
            }
        }
    }
}

/* ---- products ------------------------------------------------------------------------------ */

/* to[f][tile][o] = Σ_c from[f][tile][c] · panels[f][panel][c][o], panels p … q. */
NN_INLINE void nn_winograd_multiply(const nn_winograd_form form, const nn_winograd_block *s, const float *from,
                                    const void *panels, int p, int q, float *to)
{
    const nn_conv *d = s->d;
    const int e = form.e, half = form.format != NN_PANELS_F32;
    const long all = (d->o + NN_PANEL - 1) / NN_PANEL, row = (long)(q - p) * NN_PANEL;
    nn_conv_grid grid = {.n = 1, .u = 1, .v = (int)s->count, .su = 1, .sv = 1, .h = 1, .w = (int)s->count, .run = d->c};
    grid.xv = d->c;
    grid.taps = 1;
    grid.streamed = 1;
    grid.panel = (long)d->c * NN_PANEL + (form.format == NN_PANELS_FIXED ? NN_FIXED_STEPS : 0);
    grid.wide = s->wide;
    grid.outputs = (int)row;
    grid.yv = row;
    for (int f = 0; f < e * e; f++) {
        grid.x = from + f * nn_winograd_stride(s->count, d->c);
        grid.y = to + f * nn_winograd_stride(s->count, row);
        grid.panels = nn_at(half, panels, (f * all + p) * grid.panel);
        grid.after = f < e * e - 1 ? nn_at(half, grid.panels, all * grid.panel) : 0;
        nn_conv_grid_block(form.format, &grid, 0, (int)s->count, 0, q - p);
    }
}

/* A thread's part: tiles and panels. */
typedef struct nn_winograd_range {
    long first, last; /* tiles first … last − 1 */
    int from, to;     /* panels from … to − 1 */
} nn_winograd_range;

/* All blocks of a part; `work` is the thread's slot. */
NN_INLINE void nn_winograd_run(const nn_winograd_form form, nn_winograd_block *s, nn_winograd_range r,
                               const nn_conv_args *io, float *work)
{
    const int e = form.e;
    const long block = nn_winograd_tiles(e);
    const long blocks = (r.last - r.first + block - 1) / block;
    const int most = NN_WINOGRAD_OUTPUTS / NN_PANEL;
    for (long b = 0; b < blocks; b++) {
        s->first = r.first + (r.last - r.first) * b / blocks;
        s->count = r.first + (r.last - r.first) * (b + 1) / blocks - s->first;
        float *products = work + e * e * nn_winograd_stride(s->count, s->d->c);
        nn_winograd_inputs(form, s, io->x, 0, s->d->c, work);
        for (int p = r.from; p < r.to; p += most) {
            int q = r.to - p < most ? r.to : p + most, outputs = (q - p) * NN_PANEL;
            if (p * NN_PANEL + outputs > s->d->o) outputs = s->d->o - p * NN_PANEL;
            nn_winograd_multiply(form, s, work, io->panels, p, q, products);
            nn_winograd_outputs(form, s, products, p * NN_PANEL, outputs, io);
        }
    }
}

/* What decides how the threads divide the work: tiles of a block, and in multiplications, of the kind that the form
 * does, to transform a channel of a tile, and ten times those in the time of reading a transformed weight. */
typedef struct nn_winograd_costs {
    int block, frequencies, transform, reading;
} nn_winograd_costs;

/* Whether the outputs are divided among the threads rather than the tiles.  Then each thread transforms the inputs
 * of all tiles, but reads only its own weights, once per block. */
NN_INLINE int nn_winograd_by_outputs(const nn_winograd_costs *c, const nn_conv *d, long tiles, int T)
{
    const int all = (d->o + NN_PANEL - 1) / NN_PANEL;
    const long block = c->block, mine = (tiles + T - 1) / T, blocks = (tiles + block - 1) / block;
    const long reads = T * ((mine + block - 1) / block) - blocks; /* that are saved */
    const long transforms = (long)c->transform * (T - 1) * tiles;
    return all % T == 0 && all / T % NN_TILE_PANELS == 0 &&
           c->reading * c->frequencies * reads * d->o > 10 * transforms;
}

/* Part t of T of the tiles, or of the outputs. */
NN_INLINE nn_winograd_range nn_winograd_range_of(const nn_winograd_costs *c, const nn_conv *d, long tiles, int t, int T)
{
    const int all = (d->o + NN_PANEL - 1) / NN_PANEL;
    if (nn_winograd_by_outputs(c, d, tiles, T)) return (nn_winograd_range){0, tiles, all / T * t, all / T * (t + 1)};
    return (nn_winograd_range){tiles * t / T, tiles * (t + 1) / T, 0, all};
}

NN_INLINE void nn_winograd_part(const nn_winograd_form form, const nn_conv *d, const nn_conv_args *io, float *wide,
                                int t, int T)
{
    const int m = form.m, e = form.e;
    nn_winograd_block s = {.d = d, .down = (d->oh + m - 1) / m, .across = (d->ow + m - 1) / m, .wide = wide};
    const long tiles = (long)d->n * s.down * s.across;
    const nn_winograd_costs costs = {(int)nn_winograd_tiles(e), e * e, e == 4 ? 200 : d->kh == 5 ? 600 : 300, 29};
    if (T > NN_WINOGRAD_THREADS) T = NN_WINOGRAD_THREADS;
    if (t >= T) return;
    float *work = io->work + nn_slot_of(t, T, NN_WINOGRAD_THREADS) * nn_winograd_slot(e, d->c, d->o);
    nn_winograd_run(form, &s, nn_winograd_range_of(&costs, d, tiles, t, T), io, work);
}

/* `form` has the formats. */
NN_INLINE void nn_winograd_of(const nn_winograd_form form, const nn_conv *d, int m, const nn_conv_args *io, float *wide,
                              int t, int T)
{
    if (d->kh == 5)
        nn_winograd_part((nn_winograd_form){form.half, 2, 6, form.format}, d, io, wide, t, T);
    else if (m == 2)
        nn_winograd_part((nn_winograd_form){form.half, 2, 4, form.format}, d, io, wide, t, T);
    else
        nn_winograd_part((nn_winograd_form){form.half, 4, 6, form.format}, d, io, wide, t, T);
}

/* Part t of T of the tiles, or of the outputs if there are few tiles.  `work` has
 * nn_winograd_work(e, c, o) floats; y: [n][oh][ow][o]. */
NN_KERNEL void nn_winograd(const nn_conv *d, int m, const nn_conv_args *io, int t, int T)
{
    nn_winograd_of((nn_winograd_form){.format = NN_PANELS_F32}, d, m, io, 0, t, T);
}

/* The same of images in bf16, the residual too. */
NN_KERNEL void nn_winograd_bf16(const nn_conv *d, int m, const nn_conv_args *io, int t, int T)
{
    nn_winograd_of((nn_winograd_form){.half = 1, .format = NN_PANELS_F32}, d, m, io, 0, t, T);
}

/* The same of panels in fixed point. */
NN_KERNEL void nn_winograd_w16(const nn_conv *d, int m, const nn_conv_args *io, int t, int T)
{
    float wide[NN_CONV_WIDE] __attribute__((aligned(64)));
    nn_winograd_of((nn_winograd_form){.format = NN_PANELS_FIXED}, d, m, io, wide, t, T);
}

#endif
