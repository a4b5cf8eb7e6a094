/*
 * conv_bf16.h: direct convolution of NHWC images in bf16: products of bf16, sums in floats
 * (bf16_dot.h), results rounded to bf16 where they are stored.  Groups are computed one after another.
 *
 *   y[pixel][o] = epilogue(bias[o] + Σ_{tap, c} x[pixel at tap][c] · W[o][c][tap])
 *
 * As in conv_direct.h, a tile of pixels × panels stays in registers, a pixel has a pointer that moves from
 * tap to tap, and outside the image that is an array of zeros.  What differs:
 *
 *   - A step takes a pair of neighbouring channels: 32 bits of a pixel times a vector of pairs.  Panels are
 *     [outputs / 16][tap][channels / 2][16][2]; an odd last channel is paired with a zero.
 *   - A tile stays in registers over the whole depth, since sums must not be rounded on the way.  Its
 *     panels are read from L2, with prefetching.
 *
 * The order of a sum is tap by tap and pair by pair, whatever the thread or tile.
 */
#ifndef NN_CONV_BF16_H
#define NN_CONV_BF16_H

#include "runtime/kernels/conv/conv_nhwc.h"
#include "runtime/kernels/conv/conv_panels.h"
#include "runtime/kernels/conv/conv_types.h"
#include "runtime/kernels/simd/bf16_dot.h"
#include "runtime/kernels/simd/bf16_round.h"
#include "runtime/kernels/simd/elements.h"

enum {
    NN_PAIR_RUN = 2 * NN_ZEROS, /* channels that are read from one pointer: as many as there are zeros */
    NN_PAIR_AHEAD = 1024,       /* elements of a panel that are prefetched */
    NN_PAIR_OUTPUTS = NN_TILE_PANELS * NN_PANEL
};

/* ---- weights ---------------------------------------------------------------------------- */

/* Weights of a panel: of `lanes` outputs and `i` channels. */
typedef struct nn_pair_weights {
    const uint16_t *from;
    long lanes, i;
    long o, c; /* from one output, and channel, to the next */
} nn_pair_weights;

/* to: [⌈i / 2⌉][16][2] */
NN_INLINE void nn_pack_pairs(const nn_pair_weights *w, uint16_t *to)
{
    for (long k = 0; k < w->i; k += 2, to += 2 * NN_PANEL) {
        const uint16_t *even = w->from + k * w->c, *odd = even + w->c;
        const int whole = w->lanes == NN_PANEL && k + 1 < w->i;
        for (long lane = 0; whole && w->o == 1 && lane < NN_PANEL; lane += NN_W)
            *(nn_pairs *)(to + 2 * lane) = nn_zip(even + lane, odd + lane);
        for (long lane = 0; whole && w->c == 1 && lane < NN_PANEL; lane++)
            __builtin_memcpy(to + 2 * lane, even + lane * w->o, 2 * sizeof *to);
        if (whole && (w->o == 1 || w->c == 1)) continue;
        for (long lane = 0; lane < NN_PANEL; lane++) {
            to[2 * lane] = lane < w->lanes ? even[lane * w->o] : 0;
            to[2 * lane + 1] = lane < w->lanes && k + 1 < w->i ? odd[lane * w->o] : 0;
        }
    }
}

/* One of the groups by itself. */
NN_INLINE nn_conv nn_conv_of_group(const nn_conv *d)
{
    nn_conv one = *d;
    one.c /= d->groups;
    one.o /= d->groups;
    one.groups = 1;
    return one;
}

NN_INLINE void nn_pair_panels(const nn_conv *d, const uint16_t *weight, uint16_t *panels, int t, int T)
{
    const long taps = d->kh * d->kw, depth = nn_round_up(d->c, 2), count = nn_round_up(d->o, NN_PANEL) / NN_PANEL;
    for (long k = count * taps * t / T; k < count * taps * (t + 1) / T; k++) {
        const long first = k / taps * NN_PANEL, left = d->o - first;
        const nn_pair_weights w = {.from = weight + first * d->c * taps + k % taps,
                                   .lanes = left < NN_PANEL ? left : NN_PANEL,
                                   .o = d->c * taps,
                                   .c = taps,
                                   .i = d->c};
        nn_pack_pairs(&w, panels + k * depth * NN_PANEL);
    }
}

NN_INLINE void nn_pair_panels_backward(const nn_conv *d, const uint16_t *weight, uint16_t *panels, int t, int T)
{
    const long taps = d->kh * d->kw, depth = nn_round_up(d->o, 2), count = nn_round_up(d->c, NN_PANEL) / NN_PANEL;
    for (int i = 0; i < d->sh * d->sw; i++) {
        nn_residue r;
        nn_residue_of(d, i / d->sw, i % d->sw, &r);
        for (long k = count * r.taps * t / T; k < count * r.taps * (t + 1) / T; k++) {
            const long first = k / r.taps * NN_PANEL, left = d->c - first;
            const nn_pair_weights w = {.from = weight + first * taps + r.tap[k % r.taps],
                                       .lanes = left < NN_PANEL ? left : NN_PANEL,
                                       .o = taps,
                                       .c = d->c * taps,
                                       .i = d->o};
            nn_pack_pairs(&w, panels + k * depth * NN_PANEL);
        }
        panels += count * r.taps * depth * NN_PANEL;
    }
}

/* panels: of each group [⌈o / 16⌉][tap][⌈c / 2⌉][16][2], for forward. */
NN_KERNEL void nn_conv_panels_bf16(const nn_conv *d, const uint16_t *weight, uint16_t *panels, int t, int T)
{
    const nn_conv one = nn_conv_of_group(d);
    const long weights = (long)one.o * one.c * d->kh * d->kw, packed = nn_conv_packed_bf16(one.o, one.c, d->kh * d->kw);
    for (int g = 0; g < d->groups; g++) nn_pair_panels(&one, weight + g * weights, panels + g * packed, t, T);
}

/* panels: of each group, for each residue [⌈c / 16⌉][its taps][⌈o / 2⌉][16][2], for backward-data. */
NN_KERNEL void nn_conv_panels_backward_bf16(const nn_conv *d, const uint16_t *weight, uint16_t *panels, int t, int T)
{
    const nn_conv one = nn_conv_of_group(d);
    const long weights = (long)one.o * one.c * d->kh * d->kw, packed = nn_conv_packed_bf16(one.c, one.o, d->kh * d->kw);
    for (int g = 0; g < d->groups; g++) nn_pair_panels_backward(&one, weight + g * weights, panels + g * packed, t, T);
}

/* ---- weights in floats, rounded on the way: the same panels ---------------------------------- */

enum { NN_ROUNDED_RUN = 512, NN_ROUNDED_BLOCK = 16, NN_ROUNDED_AHEAD = 256 };

/* Kernels of all taps: of `lanes` lanes `row` apart, each with its partner `odd` behind it, or without (0); so many
 * floats there are from `from` on. */
typedef struct nn_kernel_pairs {
    const float *from;
    long lanes, row, odd, taps, floats;
} nn_kernel_pairs;

/* Where the panels of a tap are, and how far they are apart. */
typedef struct nn_tap_place {
    long at, panel;
} nn_tap_place;

NN_INLINE long nn_panel_lanes(long all, long first) { return all - first < NN_PANEL ? all - first : NN_PANEL; }

/* Row i of a square: the pairs of the taps from `tap` on.  `whole`: as many numbers may be read as fill vectors. */
NN_INLINE nn_words nn_round_kernel(const int fast, const int whole, const nn_kernel_pairs *w, long lane, long tap,
                                   unsigned *apart)
{
    const long left = lane < w->lanes ? w->taps - tap : 0;
    const float *at = w->from + (left || whole ? lane * w->row + tap : 0);
    const nn_vec even = whole ? nn_load(at) : nn_load_some(at, left),
                 odd = whole ? nn_load(at + w->odd) : nn_load_some(at + w->odd, w->odd ? left : 0);
    if (fast) *apart |= nn_rounds_apart(even) | nn_rounds_apart(odd);
    return nn_round_pairs(fast, even, odd);
}

/* The pairs of each tap, [16][2], at `to` and its place. */
NN_INLINE unsigned nn_round_kernels_as(const int fast, const nn_kernel_pairs *w, const nn_tap_place *place, long panel,
                                       uint16_t *to)
{
    unsigned apart = 0;
    for (long tap = 0; tap < w->taps; tap += NN_W) {
        const int whole = w->lanes == NN_PANEL && w->odd && (NN_PANEL - 1) * w->row + w->odd + tap + NN_W <= w->floats;
        for (long lane = 0; lane < NN_PANEL; lane += NN_W) {
            nn_vec row[NN_W];
            if (whole) {
                NN_UNROLL
                for (int i = 0; i < NN_W; i++) row[i] = (nn_vec)nn_round_kernel(fast, 1, w, lane + i, tap, &apart);
            } else {
                float part[NN_W][NN_W] __attribute__((aligned(64)));
                for (int i = 0; i < NN_W; i++)
                    nn_store(part[i], (nn_vec)nn_round_kernel(fast, 0, w, lane + i, tap, &apart));
                NN_UNROLL
                for (int i = 0; i < NN_W; i++) row[i] = nn_load(part[i]);
            }
            nn_transpose_rows(row);
            NN_UNROLL
            for (int i = 0; i < NN_W; i++) {
                if (tap + i >= w->taps) break;
                uint16_t *pairs = to + place[tap + i].at + panel * place[tap + i].panel;
                *(nn_pairs *)(pairs + 2 * lane) = (nn_words)row[i];
            }
        }
    }
    return apart;
}

NN_INLINE void nn_round_kernels(const nn_kernel_pairs *w, const nn_tap_place *place, long panel, uint16_t *to)
{
    if (nn_round_kernels_as(1, w, place, panel, to)) nn_round_kernels_as(0, w, place, panel, to);
}

/* Of one group, some channels of a panel at a time. */
NN_INLINE void nn_rounded_panels(const nn_conv *d, const float *weight, uint16_t *panels, int t, int T)
{
    const long taps = d->kh * d->kw, depth = nn_round_up(d->c, 2), count = nn_round_up(d->o, NN_PANEL) / NN_PANEL;
    const long run = taps == 1 ? NN_ROUNDED_RUN : NN_ROUNDED_BLOCK, runs = (d->c + run - 1) / run;
    nn_tap_place place[NN_MAX_TAPS];
    for (long tap = 0; tap < taps; tap++) place[tap] = (nn_tap_place){tap * depth * NN_PANEL, taps * depth * NN_PANEL};
    for (long i = count * runs * t / T; i < count * runs * (t + 1) / T; i++) {
        const long p = i / runs, first = p * NN_PANEL, c = i % runs * run, channels = d->c - c < run ? d->c - c : run;
        const float *from = weight + (first * d->c + c) * taps;
        if (taps == 1) {
            const nn_float_rows w = {from, d->c, nn_panel_lanes(d->o, first), channels, NN_ROUNDED_AHEAD};
            nn_round_panel(&w, panels + (p * depth + c) * NN_PANEL);
            continue;
        }
        for (long k = 0; k < channels; k += 2) {
            const nn_kernel_pairs w = {.from = from + k * taps,
                                       .lanes = nn_panel_lanes(d->o, first),
                                       .row = d->c * taps,
                                       .odd = k + 1 < channels ? taps : 0,
                                       .taps = taps,
                                       .floats = weight + d->o * d->c * taps - (from + k * taps)};
            nn_round_kernels(&w, place, p, panels + (c + k) * NN_PANEL);
        }
    }
}

/* The same for backward-data, some outputs at a time. */
NN_INLINE void nn_rounded_panels_backward(const nn_conv *d, const float *weight, uint16_t *panels, int t, int T)
{
    const long taps = d->kh * d->kw, depth = nn_round_up(d->o, 2), count = nn_round_up(d->c, NN_PANEL) / NN_PANEL,
               blocks = (d->o + NN_ROUNDED_BLOCK - 1) / NN_ROUNDED_BLOCK;
    nn_tap_place place[NN_MAX_TAPS];
    long begin = 0;
    for (int i = 0; i < d->sh * d->sw; i++) {
        nn_residue r;
        nn_residue_of(d, i / d->sw, i % d->sw, &r);
        for (int s = 0; s < r.taps; s++)
            place[r.tap[s]] = (nn_tap_place){begin + s * depth * NN_PANEL, r.taps * depth * NN_PANEL};
        begin += count * r.taps * depth * NN_PANEL;
    }
    for (long i = blocks * count * t / T; i < blocks * count * (t + 1) / T; i++) {
        const long p = i % count, first = p * NN_PANEL, o = i / count * NN_ROUNDED_BLOCK,
                   outputs = d->o - o < NN_ROUNDED_BLOCK ? d->o - o : NN_ROUNDED_BLOCK;
        const float *from = weight + (o * d->c + first) * taps;
        if (taps == 1) {
            const nn_float_rows w = {from, d->c, outputs, nn_panel_lanes(d->c, first), 0};
            nn_round_across(&w, panels + place[0].at + p * place[0].panel + o * NN_PANEL);
            continue;
        }
        for (long k = 0; k < outputs; k += 2) {
            const nn_kernel_pairs w = {.from = from + k * d->c * taps,
                                       .lanes = nn_panel_lanes(d->c, first),
                                       .row = taps,
                                       .odd = k + 1 < outputs ? d->c * taps : 0,
                                       .taps = taps,
                                       .floats = weight + d->o * d->c * taps - (from + k * d->c * taps)};
            nn_round_kernels(&w, place, p, panels + (o + k) * NN_PANEL);
        }
    }
}

/* The panels of nn_conv_panels_bf16, */
NN_KERNEL void nn_conv_panels_rounded(const nn_conv *d, const float *weight, uint16_t *panels, int t, int T)
{
    const nn_conv one = nn_conv_of_group(d);
    const long weights = (long)one.o * one.c * d->kh * d->kw, packed = nn_conv_packed_bf16(one.o, one.c, d->kh * d->kw);
    for (int g = 0; g < d->groups; g++) nn_rounded_panels(&one, weight + g * weights, panels + g * packed, t, T);
}

/* and of nn_conv_panels_backward_bf16. */
NN_KERNEL void nn_conv_panels_backward_rounded(const nn_conv *d, const float *weight, uint16_t *panels, int t, int T)
{
    const nn_conv one = nn_conv_of_group(d);
    const long weights = (long)one.o * one.c * d->kh * d->kw, packed = nn_conv_packed_bf16(one.c, one.o, d->kh * d->kw);
    for (int g = 0; g < d->groups; g++)
        nn_rounded_panels_backward(&one, weight + g * weights, panels + g * packed, t, T);
}

/* ---- one tile --------------------------------------------------------------------------- */

typedef struct nn_pair_grid {
    nn_conv_grid g; /* without its arrays */
    int merged;     /* taps that form one run, for pixels whose columns are all inside */
    long panel;     /* elements from one panel to the next */
    const nn_conv_args *a;
    const uint16_t *panels;
    long y0; /* where y begins */
} nn_pair_grid;

/* A pixel: where it reads, and the offset of what it writes. */
typedef struct nn_pair_pixel {
    const uint16_t *x;
    long y;
    int row, column, inside; /* as nn_pixel's */
} nn_pair_pixel;

/* As nn_conv_tile_pointers. */
NN_INLINE int nn_pair_pointers(const int M, const nn_conv_grid *g, const nn_pair_pixel *pixel, int inside, int tap,
                               long c, const uint16_t **at)
{
    const int row = g->row[tap], column = g->column[tap];
    const long offset = row * g->xu + column * g->xv + c;
    int any = inside == 3;
    NN_UNROLL
    for (int m = 0; m < M; m++) at[m] = pixel[m].x + offset;
    if (inside == 3) return 1;
    NN_UNROLL
    for (int m = 0; m < M; m++) {
        const int here =
            (unsigned)(pixel[m].row + row) < (unsigned)g->h && (unsigned)(pixel[m].column + column) < (unsigned)g->w;
        at[m] = here ? at[m] : (const uint16_t *)(const void *)nn_zeros;
        any |= here;
    }
    return any;
}

/* sum[m][v] += Σ of the pairs of at[m], of `length` channels, and of b, panels `panel` apart. */
NN_INLINE void nn_pair_micro_kernel(const int M, const int V, const uint16_t *const *at, long length, const uint16_t *b,
                                    long panel, nn_vec sum[NN_PAIR_ROWS][NN_TILE_VECTORS])
{
    const long step = NN_TILE_PANELS > 1 ? panel : 2 * NN_W;
    const long even = length / 2 * 2;
    for (long k = 0; k < even; k += 2) {
        nn_words w[NN_TILE_VECTORS];
        NN_UNROLL
        for (int v = 0; v < V; v++) w[v] = nn_load_pairs(b + k * NN_PANEL + v * step);
        NN_UNROLL
        for (int v = 0; v < V; v += NN_LINE_VECTORS) __builtin_prefetch(b + k * NN_PANEL + v * step + NN_PAIR_AHEAD);
        NN_UNROLL
        for (int m = 0; m < M; m++) {
            const nn_words x = nn_broadcast_pair(at[m] + k);
            NN_UNROLL
            for (int v = 0; v < V; v++) sum[m][v] = nn_dot_bf16(sum[m][v], x, w[v]);
        }
    }
    if (even == length) return;
    NN_UNROLL
    for (int v = 0; v < V; v++) {
        const nn_words w = nn_load_pairs(b + even * NN_PANEL + v * step);
        NN_UNROLL
        for (int m = 0; m < M; m++) sum[m][v] = nn_dot_bf16(sum[m][v], nn_broadcast_last(at[m] + even), w);
    }
}

/* Some rows of results: of `count` outputs from `output` on. */
typedef struct nn_pair_rows {
    int output, count;
} nn_pair_rows;

/* The epilogue, and results in floats or bf16, of a few lanes or of all. */
NN_KERNEL void nn_pair_store(const nn_pair_grid *s, const nn_pair_pixel *pixel, int pixels, const nn_pair_rows *d,
                             nn_vec sum[NN_PAIR_ROWS][NN_TILE_VECTORS])
{
    const nn_epilogue *e = s->a->epilogue;
    for (int m = 0; m < pixels; m++)
        for (int v = 0; v * NN_W < d->count; v++) {
            const long at = pixel[m].y + d->output + v * NN_W, lanes = d->count - v * NN_W;
            const int o = d->output + v * NN_W;
            const nn_vec x = e ? nn_epilogue_apply(e->residual_half, e, o, lanes, at, sum[m][v]) : sum[m][v];
            if (s->a->half)
                nn_store_results_some((uint16_t *)s->a->y + at, lanes, x);
            else
                nn_store_some((float *)s->a->y + at, lanes, x);
        }
}

/* The same, of whole vectors, in registers. */
NN_INLINE void nn_pair_store_whole(const int M, const nn_pair_grid *s, const nn_pair_pixel *pixel, int output,
                                   nn_vec sum[NN_PAIR_ROWS][NN_TILE_VECTORS])
{
    const nn_epilogue *e = s->a->epilogue;
    uint16_t *y = (uint16_t *)s->a->y + output;
    if (e && e->scale) {
        NN_UNROLL
        for (int v = 0; v < NN_TILE_VECTORS; v++) {
            const nn_vec scale = nn_load(e->scale + output + v * NN_W), shift = nn_load(e->shift + output + v * NN_W);
            NN_UNROLL
            for (int m = 0; m < M; m++) sum[m][v] = sum[m][v] * scale + shift;
        }
    }
    if (e && e->residual) {
        const uint16_t *residual = (const uint16_t *)e->residual + output;
        NN_UNROLL
        for (int m = 0; m < M; m++) NN_UNROLL
        for (int v = 0; v < NN_TILE_VECTORS; v++) sum[m][v] += nn_load_bf16(residual + pixel[m].y + v * NN_W);
    }
    if (e && e->relu) {
        NN_UNROLL
        for (int m = 0; m < M; m++) NN_UNROLL
        for (int v = 0; v < NN_TILE_VECTORS; v++) sum[m][v] = nn_relu_of(sum[m][v]);
    }
    if (e && e->relu == NN_RELU6) {
        NN_UNROLL
        for (int m = 0; m < M; m++) NN_UNROLL
        for (int v = 0; v < NN_TILE_VECTORS; v++) sum[m][v] = nn_at_most_6(sum[m][v]);
    }
    NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int v = 0; v < NN_TILE_VECTORS; v += 2)
        nn_store_results_2(y + pixel[m].y + v * NN_W, sum[m][v], sum[m][v + 1]);
}

NN_INLINE void nn_pair_tile(const int M, const int V, const nn_pair_grid *s, const nn_pair_pixel *pixel,
                            const nn_pair_rows *d)
{
    const nn_conv_grid *g = &s->g;
    const nn_epilogue *e = s->a->epilogue;
    const uint16_t *b = s->panels + d->output / NN_PANEL * s->panel;
    nn_vec sum[NN_PAIR_ROWS][NN_TILE_VECTORS];
    int inside = 3;
    NN_UNROLL
    for (int v = 0; v < V; v++) {
        const nn_vec start =
            s->a->bias ? nn_load_some(s->a->bias + d->output + v * NN_W, nn_conv_tile_lanes(d->count, v)) : nn_zero();
        NN_UNROLL
        for (int m = 0; m < M; m++) sum[m][v] = start;
    }
    NN_UNROLL
    for (int m = 0; m < M; m++) inside &= pixel[m].inside;
    const int taps = inside & 1 ? s->merged : 1;
    const long run = (long)taps * g->run;
    for (int tap = 0; tap < g->taps; tap += taps) {
        for (long c = 0, length; c < run; c += length, b += nn_round_up(length, 2) * NN_PANEL) {
            const uint16_t *at[NN_PAIR_ROWS];
            length = run - c < NN_PAIR_RUN ? run - c : NN_PAIR_RUN;
            if (nn_pair_pointers(M, g, pixel, inside, tap, c, at))
                nn_pair_micro_kernel(M, V, at, length, b, s->panel, sum);
        }
    }
    if (V == NN_TILE_VECTORS && d->count == NN_PAIR_OUTPUTS && s->a->half && !(e && e->residual && !e->residual_half)) {
        nn_pair_store_whole(M, s, pixel, d->output, sum);
        return;
    }
    nn_vec rest[NN_PAIR_ROWS][NN_TILE_VECTORS];
    NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int v = 0; v < V; v++) rest[m][v] = sum[m][v];
    nn_pair_store(s, pixel, M, d, rest);
}

/* The rows that a tile may have: one, and even numbers. */
#if NN_PAIR_ROWS > 10
#define NN_PAIR_CASES NN_CASE(1) NN_CASE(2) NN_CASE(4) NN_CASE(6) NN_CASE(8) NN_CASE(10) NN_CASE(12)
#elif NN_PAIR_ROWS > 6
#define NN_PAIR_CASES NN_CASE(1) NN_CASE(2) NN_CASE(4) NN_CASE(6) NN_CASE(8) NN_CASE(10)
#elif NN_PAIR_ROWS > 2
#define NN_PAIR_CASES NN_CASE(1) NN_CASE(2) NN_CASE(4) NN_CASE(6)
#else
#define NN_PAIR_CASES NN_CASE(1) NN_CASE(2)
#endif

/* Of one of the tiles that `count` rows are divided into, as evenly as possible. */
NN_INLINE int nn_pair_tile_rows(int count)
{
    const int tiles = (count + NN_PAIR_ROWS - 1) / NN_PAIR_ROWS, rows = (count + tiles - 1) / tiles;
    return rows == 1 ? 1 : rows + rows % 2 <= count ? rows + rows % 2 : rows - 1;
}

/* One instance for each number of pixels, with all vectors or one.  Not inlined: beside what its
 * caller keeps, gcc has no registers for the pixels' pointers and moves them through vectors in the inner loop. */
NN_KERNEL __attribute__((noinline)) void nn_pair_tile_run(const nn_pair_grid *s, const nn_pair_pixel *pixel, int pixels,
                                                          const nn_pair_rows *d)
{
#define NN_CASE(M)                                         \
    case M:                                                \
        if (d->count <= NN_W)                              \
            nn_pair_tile(M, 1, s, pixel, d);               \
        else                                               \
            nn_pair_tile(M, NN_TILE_VECTORS, s, pixel, d); \
        break;
    switch (pixels) {
        NN_PAIR_CASES
    }
#undef NN_CASE
}

/* ---- the grid --------------------------------------------------------------------------- */

/* As nn_conv_grid_pixels. */
NN_INLINE void nn_pair_grid_pixels(const nn_pair_grid *s, long first, int count, nn_pair_pixel *pixel)
{
    const nn_conv_grid *g = &s->g;
    int top, bottom, left, right;
    nn_offset_bounds(g->row, g->taps, &top, &bottom);
    nn_offset_bounds(g->column, g->taps, &left, &right);
    for (int i = 0; i < count; i++) {
        const long image = (first + i) / ((long)g->u * g->v);
        const int rest = (int)((first + i) % ((long)g->u * g->v)), u = rest / g->v, v = rest % g->v;
        const int row = u * g->su, column = v * g->sv;
        pixel[i] = (nn_pair_pixel){.x = (const uint16_t *)s->a->x + image * g->xn + row * g->xu + column * g->xv,
                                   .y = s->y0 + image * g->yn + u * g->yu + v * g->yv,
                                   .row = row,
                                   .column = column,
                                   .inside = (column + left >= 0 && column + right < g->w) |
                                             (row + top >= 0 && row + bottom < g->h) << 1};
    }
}

/* Pixels first … first + count, panels from … to, in tiles as even as possible; the last overlaps the one before. */
NN_INLINE void nn_pair_grid_block(const nn_pair_grid *s, long first, int count, int from, int to)
{
    nn_pair_pixel pixel[NN_CONV_PIXELS];
    const int even = nn_pair_tile_rows(count);
    nn_pair_grid_pixels(s, first, count, pixel);
    for (int p = from; p < to; p += NN_TILE_PANELS) {
        const int left = s->g.outputs - p * NN_PANEL;
        const nn_pair_rows d = {p * NN_PANEL, left < NN_PAIR_OUTPUTS ? left : NN_PAIR_OUTPUTS};
        for (int at = 0; at < count; at += even)
            nn_pair_tile_run(s, pixel + (at + even <= count ? at : count - even), even, &d);
    }
}

/* Part t of T of the pixels, or of the panels if the weights are larger than the images. */
NN_KERNEL void nn_pair_grid_run(const nn_pair_grid *s, int t, int T)
{
    const nn_conv_grid *g = &s->g;
    const long pixels = (long)g->n * g->u * g->v;
    const int panels = (g->outputs + NN_PANEL - 1) / NN_PANEL, tiles = (panels + NN_TILE_PANELS - 1) / NN_TILE_PANELS;
    long first = pixels * t / T, last = pixels * (t + 1) / T;
    int from = 0, to = panels;
    if (pixels * g->su * g->sv < (long)g->outputs * g->taps && (tiles % T == 0 || pixels < (long)T * NN_PAIR_ROWS)) {
        first = 0, last = pixels;
        from = tiles * t / T * NN_TILE_PANELS;
        to = tiles * (t + 1) / T * NN_TILE_PANELS;
        if (to > panels) to = panels;
    }
    const long parts = (last - first + NN_CONV_PIXELS - 1) / NN_CONV_PIXELS;
    for (long i = 0; i < parts && from < to; i++) {
        const long begin = first + (last - first) * i / parts, end = first + (last - first) * (i + 1) / parts;
        nn_pair_grid_block(s, begin, (int)(end - begin), from, to);
    }
}

/* Its panels are set, and its taps. */
NN_INLINE void nn_pair_grid_begin(nn_pair_grid *s)
{
    const nn_conv_grid *g = &s->g;
    s->merged = g->xv == g->run && g->run % 2 == 0 ? nn_conv_grid_row_taps(g) : 1;
    s->panel = (long)g->taps * nn_round_up(g->run, 2) * NN_PANEL;
}

/* What group g reads and writes, of c channels of x and o of y; `e` is room for its epilogue. */
NN_INLINE nn_conv_args nn_pair_args_of(const nn_conv_args *all, int g, int c, int o, nn_epilogue *e)
{
    nn_conv_args a = *all;
    a.x = nn_at(1, a.x, (long)g * c);
    a.bias = a.bias ? a.bias + (long)g * o : 0;
    a.y = nn_place(a.half, a.y, (long)g * o);
    if (!a.epilogue) return a;
    *e = *a.epilogue;
    if (e->scale) e->scale += (long)g * o, e->shift += (long)g * o;
    if (e->residual) e->residual = nn_at(e->residual_half, e->residual, (long)g * o);
    a.epilogue = e;
    return a;
}

NN_INLINE void nn_pair_forward(const nn_conv *d, const nn_conv_args *a, int t, int T)
{
    nn_pair_grid s = {.a = a, .panels = (const uint16_t *)a->panels};
    nn_conv_grid_of_small(d, &s.g);
    nn_pair_grid_begin(&s);
    nn_pair_grid_run(&s, t, T);
}

/* y = epilogue(bias + weight ∗ x); x is the large image, y the small one. */
NN_KERNEL void nn_conv_forward_bf16(const nn_conv *d, const nn_conv_args *a, int t, int T)
{
    const nn_conv one = nn_conv_of_group(d);
    const long packed = nn_conv_packed_bf16(one.o, one.c, d->kh * d->kw);
    for (int g = 0; g < d->groups; g++) {
        nn_epilogue e;
        nn_conv_args part = nn_pair_args_of(a, g, one.c, one.o, &e);
        part.panels = nn_at(1, part.panels, g * packed);
        nn_pair_forward(&one, &part, t, T);
    }
}

NN_INLINE void nn_pair_backward_data(const nn_conv *d, const nn_conv_args *a, int t, int T)
{
    nn_pair_grid s = {.a = a, .panels = (const uint16_t *)a->panels};
    nn_conv_grid_of_large(d, &s.g);
    for (int i = 0; i < d->sh * d->sw; i++) {
        s.y0 = nn_conv_grid_residue(d, i / d->sw, i % d->sw, &s.g);
        nn_pair_grid_begin(&s);
        if (s.y0 >= 0) nn_pair_grid_run(&s, t, T);
        s.panels += (s.g.outputs + NN_PANEL - 1) / NN_PANEL * s.panel;
    }
}

/* y = bias + the transposed convolution of x; x is the small image, y the large one.  There is no
 * epilogue. */
NN_KERNEL void nn_conv_backward_data_bf16(const nn_conv *d, const nn_conv_args *a, int t, int T)
{
    const nn_conv one = nn_conv_of_group(d);
    const long packed = nn_conv_packed_bf16(one.c, one.o, d->kh * d->kw);
    for (int g = 0; g < d->groups; g++) {
        nn_conv_args part = nn_pair_args_of(a, g, one.o, one.c, 0);
        part.panels = nn_at(1, part.panels, g * packed);
        nn_pair_backward_data(&one, &part, t, T);
    }
}

#endif
