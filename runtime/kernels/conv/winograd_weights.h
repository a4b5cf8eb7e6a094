/*
 * winograd_weights.h: the weights of Winograd's algorithm (winograd.h), transformed and packed: of a kernel w
 * the e × e numbers U = G w Gᵀ.
 *
 * Panels are [e²][outputs / 16][channels][16], in floats or, of weights in bf16, in fixed point of 16 bits
 * (panel_formats.h).
 */
#ifndef NN_WINOGRAD_WEIGHTS_H
#define NN_WINOGRAD_WEIGHTS_H

#include "runtime/kernels/conv/conv_types.h"
#include "runtime/kernels/conv/panel_formats.h"
#include "runtime/kernels/simd/elements.h"
#include "runtime/kernels/simd/transpose.h"

enum {
    NN_WINOGRAD_PACKED = 16, /* channels whose transformed weights are written together */
    NN_WINOGRAD_KERNEL = 5   /* the largest r */
};

/* ---- weights ------------------------------------------------------------------- */

/* G of r vectors; e = 6 takes 3 to 5. */
NN_INLINE void nn_winograd_g(const int e, const int r, const nn_vec *g, nn_vec *to)
{
    if (e == 4) {
        nn_vec even = (g[0] + g[2]) * 0.5f, odd = g[1] * 0.5f;
        to[0] = g[0];
        to[1] = even + odd;
        to[2] = even - odd;
        to[3] = g[2];
        return;
    }
    nn_vec even = g[0] + g[2], odd = g[1];
    nn_vec even_2 = g[0] * (1.0f / 24) + g[2] * (1.0f / 6), odd_2 = g[1] * (1.0f / 12);
    if (r > 3) {
        odd += g[3];
        odd_2 += g[3] * (1.0f / 3);
    }
    if (r > 4) {
        even += g[4];
        even_2 += g[4] * (2.0f / 3);
    }
    even *= -1.0f / 6;
    odd *= 1.0f / 6;
    to[0] = g[0] * 0.25f;
    to[1] = even - odd;
    to[2] = even + odd;
    to[3] = even_2 + odd_2;
    to[4] = even_2 - odd_2;
    to[5] = g[r - 1];
}

/* G w Gᵀ of the kernels in the lanes, w[i · r + j][lane]; to[f · stride]. */
NN_INLINE void nn_winograd_transform_kernels(const int e, const int r, float w[][NN_PANEL], float *to, long stride)
{
    for (int v = 0; v < NN_PANEL; v += NN_W) {
        nn_vec half[NN_WINOGRAD_KERNEL][NN_WINOGRAD_EDGE], g[NN_WINOGRAD_KERNEL], row[NN_WINOGRAD_EDGE];
        for (int j = 0; j < r; j++) {
            for (int i = 0; i < r; i++) g[i] = nn_load(w[i * r + j] + v);
            nn_winograd_g(e, r, g, half[j]);
        }
        for (int i = 0; i < e; i++) {
            for (int j = 0; j < r; j++) g[j] = half[j][i];
            nn_winograd_g(e, r, g, row);
            for (int j = 0; j < e; j++) nn_store(to + (i * e + j) * stride + v, row[j]);
        }
    }
}

/* The weights of a convolution, and where they are packed; `back` rotates them by 180° and swaps channels
 * and outputs. */
typedef struct nn_winograd_weights {
    const nn_conv *d;
    int back;
    const void *weight;
    void *panels;
} nn_winograd_weights;

/* The kernels of channel `channel` and 16 outputs from `first` on. */
NN_INLINE void nn_winograd_load_kernels(const int half, const int taps, const nn_winograd_weights *s, long first,
                                        long channel, float w[][NN_PANEL])
{
    const nn_conv *d = s->d;
    const int back = s->back;
    const long outputs = back ? d->c : d->o, lanes = outputs - first < NN_PANEL ? outputs - first : NN_PANEL;
    const long step = back ? taps : d->c * taps;
    long from = (back ? channel * d->c + first : first * d->c + channel) * taps;
    if (!half && lanes == NN_PANEL &&
        from + (NN_PANEL - 1) * step + nn_round_up(taps, NN_W) <= (long)d->o * d->c * taps) {
        float turned[NN_WINOGRAD_KERNEL * NN_WINOGRAD_KERNEL + NN_W][NN_PANEL] __attribute__((aligned(64)));
        for (int i = 0; i < taps; i += NN_W)
            for (long lane = 0; lane < NN_PANEL; lane += NN_W)
                nn_transpose_square(turned[i] + lane, NN_PANEL, (const float *)s->weight + from + lane * step + i,
                                    step);
        for (int i = 0; i < taps; i++)
            for (long lane = 0; lane < NN_PANEL; lane += NN_W)
                nn_store(w[i] + lane, nn_load(turned[back ? taps - 1 - i : i] + lane));
        return;
    }
    for (long lane = 0; lane < lanes; lane++, from += step)
        for (int i = 0; i < taps; i++) w[i][lane] = nn_number_at(half, s->weight, from + (back ? taps - 1 - i : i));
}

NN_INLINE void nn_winograd_pack(const int half, const int e, const int r, const nn_winograd_weights *s, int t, int T)
{
    const nn_conv *d = s->d;
    const int back = s->back;
    float *panels = (float *)s->panels;
    const long outputs = back ? d->c : d->o, channels = back ? d->o : d->c;
    const long all = (outputs + NN_PANEL - 1) / NN_PANEL * channels,
               runs = (all + NN_WINOGRAD_PACKED - 1) / NN_WINOGRAD_PACKED;
    float part[NN_WINOGRAD_EDGE * NN_WINOGRAD_EDGE][NN_WINOGRAD_PACKED * NN_PANEL] __attribute__((aligned(64)));
    for (long run = runs * t / T; run < runs * (t + 1) / T; run++) {
        const long k0 = run * NN_WINOGRAD_PACKED, count = all - k0 < NN_WINOGRAD_PACKED ? all - k0 : NN_WINOGRAD_PACKED;
        for (long k = k0; k < k0 + count; k++) {
            float w[NN_WINOGRAD_KERNEL * NN_WINOGRAD_KERNEL][NN_PANEL] __attribute__((aligned(64))) = {{0}};
            nn_winograd_load_kernels(half, r * r, s, k / channels * NN_PANEL, k % channels, w);
            nn_winograd_transform_kernels(e, r, w, part[0] + (k - k0) * NN_PANEL, NN_WINOGRAD_PACKED * NN_PANEL);
        }
        for (int f = 0; f < e * e; f++)
            for (long i = 0; i < count * NN_PANEL; i += NN_W)
                nn_store(panels + (f * all + k0) * NN_PANEL + i, nn_load(part[f] + i));
    }
}

/* For tiles of m × m. */
NN_INLINE void nn_winograd_pack_form(const int half, int m, const nn_winograd_weights *s, int t, int T)
{
    if (s->d->kh == 5)
        nn_winograd_pack(half, 6, 5, s, t, T);
    else if (m == 2)
        nn_winograd_pack(half, 4, 3, s, t, T);
    else
        nn_winograd_pack(half, 6, 3, s, t, T);
}

/* panels: [e²][⌈outputs / 16⌉][channels][16], for tiles of m × m.  `back`, for backward-data, swaps
 * outputs and channels.  Some channels are collected before they are written, since the e²
 * destinations are far apart. */
NN_KERNEL void nn_winograd_panels(const nn_conv *d, int m, int back, const float *weight, float *panels, int t, int T)
{
    const nn_winograd_weights s = {d, back, weight, panels};
    nn_winograd_pack_form(0, m, &s, t, T);
}

/* The same of weights in bf16. */
NN_KERNEL void nn_winograd_panels_widened(const nn_conv *d, int m, const uint16_t *weight, float *panels, int t, int T)
{
    const nn_winograd_weights s = {d, 0, weight, panels};
    nn_winograd_pack_form(1, m, &s, t, T);
}

/* ---- weights in fixed point ---------------------------------------------------------- */

/* Of a panel: 16 outputs from `first` on. */
typedef struct nn_winograd_fixed {
    const nn_winograd_weights *s;
    long first;
    float inverse[NN_WINOGRAD_EDGE * NN_WINOGRAD_EDGE][NN_PANEL]; /* of steps */
} nn_winograd_fixed;

/* The transformed kernels of a channel. */
NN_INLINE void nn_winograd_fixed_kernels(const int e, const int r, const nn_winograd_fixed *p, long channel,
                                         float to[][NN_PANEL])
{
    float w[NN_WINOGRAD_KERNEL * NN_WINOGRAD_KERNEL][NN_PANEL] __attribute__((aligned(64))) = {{0}};
    nn_winograd_load_kernels(1, r * r, p->s, p->first, channel, w);
    nn_winograd_transform_kernels(e, r, w, to[0], NN_PANEL);
}

/* The panel's steps: of each frequency and output, for the largest of its channels; `panel` elements from
 * a frequency to the next. */
NN_INLINE void nn_winograd_fixed_steps(const int e, const int r, nn_winograd_fixed *p, int16_t *to, long panel)
{
    float u[NN_WINOGRAD_EDGE * NN_WINOGRAD_EDGE][NN_PANEL] __attribute__((aligned(64)));
    uint32_t most[NN_WINOGRAD_EDGE * NN_WINOGRAD_EDGE][NN_PANEL] __attribute__((aligned(64))) = {{0}};
    for (long c = 0; c < p->s->d->c; c++) {
        nn_winograd_fixed_kernels(e, r, p, c, u);
        for (int f = 0; f < e * e; f++)
            for (int v = 0; v < NN_PANEL; v += NN_W)
                *(nn_words *)(most[f] + v) = nn_larger_bits(*(const nn_words *)(most[f] + v), nn_load(u[f] + v));
    }
    for (int f = 0; f < e * e; f++)
        for (int lane = 0; lane < NN_PANEL; lane++)
            nn_fixed_step(most[f][lane], (float *)(void *)(to + f * panel) + lane, &p->inverse[f][lane]);
}

NN_INLINE void nn_winograd_pack_fixed(const int e, const int r, const nn_winograd_weights *s, int t, int T)
{
    const long channels = s->d->c, panels = (s->d->o + NN_PANEL - 1) / NN_PANEL,
               panel = NN_FIXED_STEPS + channels * NN_PANEL;
    float u[NN_WINOGRAD_EDGE * NN_WINOGRAD_EDGE][NN_PANEL] __attribute__((aligned(64)));
    for (long p = panels * t / T; p < panels * (t + 1) / T; p++) {
        int16_t *to = (int16_t *)s->panels + p * panel;
        nn_winograd_fixed part = {.s = s, .first = p * NN_PANEL};
        nn_winograd_fixed_steps(e, r, &part, to, panels * panel);
        to += NN_FIXED_STEPS;
        for (long c = 0; c < channels; c++, to += NN_PANEL) {
            nn_winograd_fixed_kernels(e, r, &part, c, u);
            for (int f = 0; f < e * e; f++)
                for (int v = 0; v < NN_PANEL; v += NN_W)
                    nn_store_fixed(to + f * panels * panel + v, nn_load(u[f] + v), nn_load(part.inverse[f] + v));
        }
    }
}

/* panels: [e²][⌈outputs / 16⌉] of NN_PANELS_FIXED, of weights in bf16. */
NN_KERNEL void nn_winograd_panels_w16(const nn_conv *d, int m, const uint16_t *weight, int16_t *panels, int t, int T)
{
    const nn_winograd_weights s = {d, 0, weight, panels};
    if (d->kh == 5)
        nn_winograd_pack_fixed(6, 5, &s, t, T);
    else if (m == 2)
        nn_winograd_pack_fixed(4, 3, &s, t, T);
    else
        nn_winograd_pack_fixed(6, 3, &s, t, T);
}

#endif
