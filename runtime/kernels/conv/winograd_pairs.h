/*
 * winograd_pairs.h: 3 × 3 convolution of NHWC images in bf16 by Winograd's algorithm (winograd.h) for tiles of
 * 2 × 2, with products of pairs of bf16 (bf16_dot.h).
 *
 *   tile of 2 × 2 outputs = Aᵀ [ Σ over channels of U ⊙ V ] A,   V = bf16(Bᵀ x B), U = bf16(G w Gᵀ)
 *
 * The transforms are in floats.  V and U are rounded to bf16, U when it is packed; a sum begins with zero and
 * goes through pairs of neighbouring channels, in floats.
 *
 * Larger tiles would multiply what rounding adds by eight; F(2 × 2, 3 × 3) only doubles it.
 */
#ifndef NN_WINOGRAD_PAIRS_H
#define NN_WINOGRAD_PAIRS_H

#include "runtime/kernels/conv/conv_bf16.h"
#include "runtime/kernels/conv/winograd.h"

/* ---- weights ------------------------------------------------------------------------------------------- */

enum { NN_WINOGRAD_PAIRS_PACKED = 8 }; /* pairs of channels that are written together: the frequencies are far apart */

/* The kernels of channels `channel` and the next one, where there is one, and of the outputs of a panel, as pairs.
 * They are floats that are rounded, or in bf16. */
NN_INLINE void nn_winograd_kernel_pairs(const int half, const nn_winograd_weights *s, long panel, long channel,
                                        uint16_t to[9][2 * NN_PANEL])
{
    const nn_conv *d = s->d;
    const int back = s->back;
    const long outputs = back ? d->c : d->o, channels = back ? d->o : d->c, first = panel * NN_PANEL;
    const long lane = back ? 9 : 9L * d->c, next = back ? 9L * d->c : 9, from = first * lane + channel * next;
    const long lanes = nn_panel_lanes(outputs, first), count = channel + 1 < channels ? 2 : 1;
    if (half) {
        for (int tap = 0; tap < 9; tap++) {
            const nn_pair_weights w = {(const uint16_t *)s->weight + from + tap, lanes, count, lane, next};
            nn_pack_pairs(&w, to[back ? 8 - tap : tap]);
        }
        return;
    }
    nn_tap_place place[9];
    const nn_kernel_pairs w = {.from = (const float *)s->weight + from,
                               .lanes = lanes,
                               .row = lane,
                               .odd = count > 1 ? next : 0,
                               .taps = 9,
                               .floats = 9L * d->o * d->c - from};
    for (int tap = 0; tap < 9; tap++) place[tap] = (nn_tap_place){(back ? 8 - tap : tap) * 2L * NN_PANEL, 0};
    nn_round_kernels(&w, place, 0, to[0]);
}

/* G w Gᵀ of a vector of kernels. */
NN_INLINE void nn_winograd_pair_kernel(const nn_vec w[9], nn_vec to[16])
{
    nn_vec half[3][NN_WINOGRAD_EDGE];
    NN_UNROLL
    for (int j = 0; j < 3; j++) {
        const nn_vec g[3] = {w[j], w[3 + j], w[6 + j]};
        nn_winograd_g(4, 3, g, half[j]);
    }
    NN_UNROLL
    for (int i = 0; i < 4; i++) {
        const nn_vec g[3] = {half[0][i], half[1][i], half[2][i]};
        nn_winograd_g(4, 3, g, to + 4 * i);
    }
}

/* to[f · stride]: [16][2] of each frequency. */
NN_INLINE void nn_winograd_transform_pairs(uint16_t w[9][2 * NN_PANEL], uint16_t *to, long stride)
{
    for (int v = 0; v < 2 * NN_PANEL; v += NN_PAIRED) {
        nn_vec even[9], odd[9], u[16], u_odd[16];
        NN_UNROLL
        for (int i = 0; i < 9; i++) {
            const nn_words pairs = nn_load_both(w[i] + v);
            even[i] = nn_even(pairs), odd[i] = nn_odd(pairs);
        }
        nn_winograd_pair_kernel(even, u);
        nn_winograd_pair_kernel(odd, u_odd);
        NN_UNROLL
        for (int f = 0; f < 16; f++) nn_store_bf16_pairs(to + f * stride + v, u[f], u_odd[f]);
    }
}

/* Part t of T of the runs of pairs of channels. */
NN_INLINE void nn_winograd_pack_pairs(const int half, const nn_winograd_weights *s, int t, int T)
{
    enum { RUN = NN_WINOGRAD_PAIRS_PACKED, PAIR = 2 * NN_PANEL };
    const nn_conv *d = s->d;
    const long pairs = nn_round_up(s->back ? d->o : d->c, 2) / 2;
    const long all = nn_round_up(s->back ? d->c : d->o, NN_PANEL) / NN_PANEL * pairs, runs = (all + RUN - 1) / RUN;
    uint16_t *panels = (uint16_t *)s->panels, part[16][RUN * PAIR] __attribute__((aligned(64)));
    for (long run = runs * t / T; run < runs * (t + 1) / T; run++) {
        const long first = run * RUN, count = all - first < RUN ? all - first : RUN;
        for (long k = 0; k < count; k++) {
            uint16_t w[9][PAIR] __attribute__((aligned(64)));
            nn_winograd_kernel_pairs(half, s, (first + k) / pairs, (first + k) % pairs * 2, w);
            nn_winograd_transform_pairs(w, part[0] + k * PAIR, RUN * PAIR);
        }
        for (int f = 0; f < 16; f++)
            for (long i = 0; i < count * PAIR; i += NN_PAIRED)
                nn_store_both(panels + (f * all + first) * PAIR + i, nn_load_both(part[f] + i));
    }
}

/* panels: [16][⌈outputs / 16⌉][⌈channels / 2⌉][16][2], of weights in bf16.  `back`, for backward-data, rotates the
 * kernels by 180° and swaps outputs and channels. */
NN_KERNEL void nn_winograd_panels_bf16(const nn_conv *d, int back, const uint16_t *weight, uint16_t *panels, int t,
                                       int T)
{
    const nn_winograd_weights s = {d, back, weight, panels};
    nn_winograd_pack_pairs(1, &s, t, T);
}

/* The same of weights in floats, which are rounded to bf16 before they are transformed. */
NN_KERNEL void nn_winograd_panels_rounded(const nn_conv *d, int back, const float *weight, uint16_t *panels, int t,
                                          int T)
{
    const nn_winograd_weights s = {d, back, weight, panels};
    nn_winograd_pack_pairs(0, &s, t, T);
}

/* ---- inputs: [tile][16][channels rounded up to 16] ----------------------------------------------- */

/* Bᵀ x B of one vector of channels. */
NN_INLINE void nn_winograd_pair_input(const uint16_t *const *at, long c, long lanes, uint16_t *to, long stride)
{
    nn_vec once[4][NN_WINOGRAD_EDGE];
    NN_UNROLL
    for (int j = 0; j < 4; j++) {
        nn_vec x[NN_WINOGRAD_EDGE], column[NN_WINOGRAD_EDGE];
        NN_UNROLL
        for (int i = 0; i < 4; i++) x[i] = nn_load_bf16_some(at[i * 4 + j] + c, lanes);
        nn_winograd_b(4, x, column);
        NN_UNROLL
        for (int i = 0; i < 4; i++) once[i][j] = column[i];
    }
    NN_UNROLL
    for (int i = 0; i < 4; i++) {
        nn_vec row[NN_WINOGRAD_EDGE];
        nn_winograd_b(4, once[i], row);
        NN_UNROLL
        for (int j = 0; j < 4; j++) nn_store_results(to + (i * 4 + j) * stride + c, row[j]);
    }
}

/* Where the pixels of a tile are; zeros outside the image. */
NN_INLINE void nn_winograd_pair_pixels(const nn_winograd_block *s, const uint16_t *x, long tile, const uint16_t *at[16])
{
    const nn_conv *d = s->d;
    const long image = tile / (s->down * s->across), rest = tile % (s->down * s->across);
    const int h0 = (int)(rest / s->across) * 2 - d->top, w0 = (int)(rest % s->across) * 2 - d->left;
    const uint16_t *first = x + ((image * d->h + h0) * d->w + w0) * d->c_step;
    const int inside = h0 >= 0 && w0 >= 0 && h0 + 4 <= d->h && w0 + 4 <= d->w;
    NN_UNROLL
    for (int k = 0; k < 16; k++) at[k] = first + ((long)(k / 4) * d->w + k % 4) * d->c_step;
    for (int k = 0; k < 16 && !inside; k++) {
        const int h = h0 + k / 4, w = w0 + k % 4;
        if (h < 0 || h >= d->h || w < 0 || w >= d->w) at[k] = (const uint16_t *)(const void *)nn_zeros;
    }
}

NN_INLINE void nn_winograd_pair_inputs(const nn_winograd_block *s, const uint16_t *x, uint16_t *to)
{
    const long channels = s->d->c, stride = nn_round_up(channels, NN_PANEL), whole = channels / NN_W * NN_W;
    for (long i = 0; i < s->count; i++, to += nn_winograd_pair_step(channels)) {
        const uint16_t *at[16];
        nn_winograd_pair_pixels(s, x, s->first + i, at);
        for (long c = 0; c < whole; c += NN_W) nn_winograd_pair_input(at, c, NN_W, to, stride);
        if (whole < channels) nn_winograd_pair_input(at, whole, channels - whole, to, stride);
    }
}

/* ---- outputs, from [tile][16][outputs rounded up to 16] --------------------------------------------- */

NN_INLINE void nn_winograd_pair_output(const float *from, long stride, nn_vec to[2][4])
{
    nn_vec half[2][NN_WINOGRAD_EDGE];
    NN_UNROLL
    for (int j = 0; j < 4; j++) {
        nn_vec x[NN_WINOGRAD_EDGE], column[4];
        NN_UNROLL
        for (int i = 0; i < 4; i++) x[i] = nn_load(from + (i * 4 + j) * stride);
        nn_winograd_a(2, 4, x, column);
        NN_UNROLL
        for (int i = 0; i < 2; i++) half[i][j] = column[i];
    }
    NN_UNROLL
    for (int i = 0; i < 2; i++) nn_winograd_a(2, 4, half[i], to[i]);
}

/* The results of a tile: the first one's element, and how many rows and columns are in the image from there on. */
typedef struct nn_winograd_results {
    long at;
    int rows, columns;
} nn_winograd_results;

/* A vector of outputs from `output` on, of the tile's pixels that are in the image. */
NN_INLINE void nn_winograd_pair_store(const nn_conv *d, const nn_conv_args *io, const nn_winograd_results *to,
                                      int output, long lanes, nn_vec value[2][4])
{
    const nn_epilogue *e = io->epilogue;
    const nn_vec start = io->bias ? nn_load_some(io->bias + output, lanes) : nn_zero();
    NN_UNROLL
    for (int k = 0; k < 4; k++) {
        const long at = to->at + (k / 2 * (long)d->ow + k % 2) * d->o_step + output;
        nn_vec v = value[k / 2][k % 2] + start;
        if (k / 2 >= to->rows || k % 2 >= to->columns) continue;
        if (e) v = nn_epilogue_apply(e->residual_half, e, output, lanes, at, v);
        if (io->half)
            nn_store_results_some((uint16_t *)io->y + at, lanes, v);
        else
            nn_store_some((float *)io->y + at, lanes, v);
    }
}

/* Outputs o0 … o0 + outputs. */
NN_INLINE void nn_winograd_pair_outputs(const nn_winograd_block *s, const float *from, int o0, int outputs,
                                        const nn_conv_args *io)
{
    const nn_conv *d = s->d;
    const long row = nn_round_up(outputs, NN_PANEL);
    for (long i = 0; i < s->count; i++, from += nn_winograd_sums_step(row)) {
        const long tile = s->first + i, image = tile / (s->down * s->across), rest = tile % (s->down * s->across);
        const int h = (int)(rest / s->across) * 2, w = (int)(rest % s->across) * 2;
        const nn_winograd_results to = {((image * d->oh + h) * d->ow + w) * d->o_step, d->oh - h, d->ow - w};
        for (int o = 0; o < outputs; o += NN_W) {
            nn_vec value[2][4];
            nn_winograd_pair_output(from + o, row, value);
            if (outputs - o >= NN_W)
                nn_winograd_pair_store(d, io, &to, o0 + o, NN_W, value);
            else
                nn_winograd_pair_store(d, io, &to, o0 + o, outputs - o, value);
        }
    }
}

/* ---- products ------------------------------------------------------------------------------------------ */

/* Of a frequency: rows of `from` times panels of pairs [⌈depth / 2⌉][16][2]. */
typedef struct nn_winograd_product {
    const uint16_t *from;
    long from_step, depth;
    const uint16_t *panels;
    long panel; /* elements from one panel to the next */
    float *to;
    long to_step;
} nn_winograd_product;

NN_INLINE void nn_winograd_pair_tile(const int M, const int V, const nn_winograd_product *p)
{
    const uint16_t *at[NN_PAIR_ROWS];
    nn_vec sum[NN_PAIR_ROWS][NN_TILE_VECTORS];
    NN_UNROLL
    for (int m = 0; m < M; m++) {
        at[m] = p->from + m * p->from_step;
        NN_UNROLL
        for (int v = 0; v < V; v++) sum[m][v] = nn_zero();
    }
    nn_pair_micro_kernel(M, V, at, p->depth, p->panels, p->panel, sum);
    NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int v = 0; v < V; v++) nn_store(p->to + m * p->to_step + v * NN_W, sum[m][v]);
}

/* `rows` rows, and one panel or as many as a tile has. */
NN_KERNEL __attribute__((noinline)) void nn_winograd_pair_tile_run(const nn_winograd_product *p, int rows, int panels)
{
#define NN_CASE(M)                                                         \
    case M:                                                                \
        if (panels < NN_TILE_PANELS)                                       \
            nn_winograd_pair_tile(M, NN_TILE_VECTORS / NN_TILE_PANELS, p); \
        else                                                               \
            nn_winograd_pair_tile(M, NN_TILE_VECTORS, p);                  \
        break;
    switch (rows) {
        NN_PAIR_CASES
    }
#undef NN_CASE
}

/* Panels p … q of all frequencies: to: [tile][16][(q − p) · 16]. */
NN_INLINE void nn_winograd_pair_multiply(const nn_winograd_block *s, const uint16_t *from, const uint16_t *panels,
                                         int p, int q, float *to)
{
    const long depth = s->d->c, row = (long)(q - p) * NN_PANEL, panel = nn_round_up(depth, 2) * NN_PANEL;
    const long all = nn_ceil(s->d->o, NN_PANEL), from_step = nn_winograd_pair_step(depth),
               to_step = nn_winograd_sums_step(row);
    const int rows = (int)s->count, tile = nn_pair_tile_rows(rows);
    for (int f = 0; f < 16; f++) {
        for (int i = p; i < q; i += NN_TILE_PANELS) {
            for (int at = 0; at < rows; at += tile) {
                const int first = at + tile <= rows ? at : rows - tile; /* the last overlaps the one before */
                const nn_winograd_product product = {.from =
                                                         from + first * from_step + f * nn_round_up(depth, NN_PANEL),
                                                     .from_step = from_step,
                                                     .depth = depth,
                                                     .panels = panels + (f * all + i) * panel,
                                                     .panel = panel,
                                                     .to = to + first * to_step + f * row + (long)(i - p) * NN_PANEL,
                                                     .to_step = to_step};
                nn_winograd_pair_tile_run(&product, tile, q - i);
            }
        }
    }
}

/* ---- the convolution -------------------------------------------------------------------------------------- */

/* Part t of T of the tiles, or of the outputs if there are few tiles.  x and y are in bf16, y with half = 0 in floats,
 * the residual as it says; panels are those of nn_winograd_panels_bf16; `work` has nn_winograd_pair_work(c, o)
 * floats. */
NN_KERNEL void nn_winograd_pairs(const nn_conv *d, const nn_conv_args *io, int t, int T)
{
    const nn_winograd_costs costs = {NN_WINOGRAD_PAIR_TILES, 16, 300, 29};
    nn_winograd_block s = {.d = d, .down = (d->oh + 1) / 2, .across = (d->ow + 1) / 2};
    const int most = NN_WINOGRAD_PAIR_OUTPUTS / NN_PANEL;
    if (T > NN_WINOGRAD_THREADS) T = NN_WINOGRAD_THREADS;
    if (t >= T) return;
    const nn_winograd_range r = nn_winograd_range_of(&costs, d, (long)d->n * s.down * s.across, t, T);
    const long blocks = (r.last - r.first + NN_WINOGRAD_PAIR_TILES - 1) / NN_WINOGRAD_PAIR_TILES;
    uint16_t *inputs =
        (uint16_t *)(void *)(io->work + nn_slot_of(t, T, NN_WINOGRAD_THREADS) * nn_winograd_pair_slot(d->c, d->o));
    float *sums = (float *)(void *)(inputs + NN_WINOGRAD_PAIR_TILES * nn_winograd_pair_step(d->c));
    for (long b = 0; b < blocks; b++) {
        s.first = r.first + (r.last - r.first) * b / blocks;
        s.count = r.first + (r.last - r.first) * (b + 1) / blocks - s.first;
        nn_winograd_pair_inputs(&s, (const uint16_t *)io->x, inputs);
        for (int p = r.from; p < r.to; p += most) {
            const int q = r.to - p < most ? r.to : p + most;
            const int outputs = q * NN_PANEL <= d->o ? (q - p) * NN_PANEL : d->o - p * NN_PANEL;
            nn_winograd_pair_multiply(&s, inputs, (const uint16_t *)io->panels, p, q, sums);
            nn_winograd_pair_outputs(&s, sums, p * NN_PANEL, outputs, io);
        }
    }
}

#endif
