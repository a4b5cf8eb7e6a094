/*
 * pool_minmax_dx.h: the gradient of the pools of largest and smallest elements over NHWC images.
 *
 *   dx: [n][h][w][c]   dy, argmax: [n][oh][ow][c], which tap gave each result
 *
 * Each element of dx adds the gradients of the windows over it whose tap it was, in order, in registers, and is
 * written by one thread.  Images may be floats or (half) bf16; sums are of floats, and are rounded once.
 */
#ifndef NN_POOL_MINMAX_DX_H
#define NN_POOL_MINMAX_DX_H

#include "runtime/kernels/pool/pool_common.h"
#include "runtime/kernels/reduction/statistics.h"
#include "runtime/kernels/simd/elements.h"

/* In lane k the bits of byte k % 4 of an int in memory. */
static const int nn_byte_bits[16] __attribute__((unused)) = {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    (int)0xff000000, 0xff0000, 0xff00, 0xff, (int)0xff000000, 0xff0000, 0xff00, 0xff,
    (int)0xff000000, 0xff0000, 0xff00, 0xff, (int)0xff000000, 0xff0000, 0xff00, 0xff,
#else
    0xff, 0xff00, 0xff0000, (int)0xff000000, 0xff, 0xff00, 0xff0000, (int)0xff000000,
    0xff, 0xff00, 0xff0000, (int)0xff000000, 0xff, 0xff00, 0xff0000, (int)0xff000000,
#endif
};

/* NN_W bytes, each in its lane of an int that also holds its three neighbours. */
NN_INLINE nn_ints nn_load_bytes(const unsigned char *p)
{
    int w[NN_W / 4];
    __builtin_memcpy(w, p, sizeof w);
#if NN_W == 16
    return (nn_ints){w[0], w[0], w[0], w[0], w[1], w[1], w[1], w[1], w[2], w[2], w[2], w[2], w[3], w[3], w[3], w[3]};
#elif NN_W == 8
    return (nn_ints){w[0], w[0], w[0], w[0], w[1], w[1], w[1], w[1]};
#else
    return (nn_ints){w[0], w[0], w[0], w[0]};
#endif
}

/* Which of NN_W elements of argmax from `at` on are `tap`. */
NN_INLINE nn_ints nn_argmax_is(const void *argmax, const int wide, long at, int tap)
{
    if (wide) return *(const nn_ints *)((const int *)argmax + at) == tap;
#if !defined(NN_EMULATED) && (defined(NN_AVX512) || defined(NN_AVX2))
    nn_ints number;
    __asm__("vpmovzxbd {%1, %0|%0, %1}" : "=v"(number) : "m"(*(const nn_bytes *)((const unsigned char *)argmax + at)));
    return number == tap;
#endif
    nn_ints bits = *(const nn_ints *)nn_byte_bits, all = nn_lane() * 0 + (int)(tap * 0x01010101u);
    return (nn_load_bytes((const unsigned char *)argmax + at) & bits) == (all & bits);
}

/* The same for the last `left` < NN_W channels. */
NN_INLINE nn_ints nn_argmax_rest_is(const void *argmax, const int wide, long at, long left, int tap)
{
    int lane[NN_W] __attribute__((aligned(64))) = {0};
    for (long k = 0; k < left; k++)
        lane[k] = (wide ? ((const int *)argmax)[at + k] : ((const unsigned char *)argmax)[at + k]) == tap ? -1 : 0;
    return *(const nn_ints *)lane;
}

/* The gradients of the results, and which tap gave each. */
typedef struct nn_minmax_gradient {
    const void *dy;
    const void *argmax;
    int wide; /* the argmax */
} nn_minmax_gradient;

/* Which of the even and of the odd elements of NN_W pairs are `tap`, in bytes. */
typedef struct nn_tap_pairs {
    nn_ints even, odd;
} nn_tap_pairs;

NN_INLINE nn_tap_pairs nn_argmax_pairs(const void *argmax, long at, int tap)
{
    const nn_ints pairs = (nn_ints)nn_load_halves((const unsigned char *)argmax + at);
    const nn_tap_pairs is = {(pairs & 0xff) == tap, pairs >> 8 == tap};
    return NN_BIG_ENDIAN ? (nn_tap_pairs){is.odd, is.even} : is;
}

/* `c` channels from element `at` on: dx = dy where the argmax is `tap`, else 0. */
NN_INLINE void nn_minmax_share(const int half, const int wide, nn_minmax_gradient g, long at, long c, int tap, void *dx)
{
    const void *dy = nn_at(half, g.dy, at);
    long k = 0;
    for (; half && !wide && k + NN_PAIRED <= c; k += NN_PAIRED) {
        const nn_tap_pairs is = nn_argmax_pairs(g.argmax, at + k, tap);
        const nn_words chosen = ((nn_words)is.even & 0xffff) | ((nn_words)is.odd & 0xffff0000u);
        nn_store_both((uint16_t *)dx + k, chosen & nn_quiet_pairs(nn_load_both((const uint16_t *)dy + k)));
    }
    for (; k + NN_W <= c; k += NN_W)
        nn_store_as(half, nn_place(half, dx, k),
                    nn_select(nn_argmax_is(g.argmax, wide, at + k, tap), nn_load_early_as(half, nn_at(half, dy, k)),
                              nn_zero()));
    if (k == c) return;
    nn_store_some_as(half, nn_place(half, dx, k), c - k,
                     nn_select(nn_argmax_rest_is(g.argmax, wide, at + k, c - k, tap),
                               nn_load_some_as(half, nn_at(half, dy, k), c - k), nn_zero()));
}

/* The windows of an axis over element `at`, counted with the padding: first … last, updated from
 * those of the element before. */
NN_INLINE void nn_windows_over(int at, int extent, int stride, int count, int *first, int *last)
{
    while (*first < count && *first * stride + extent <= at) ++*first;
    while (*last + 1 < count && (*last + 1) * stride <= at) ++*last;
}

/* The tap that reads an element `distance` after the start of its window; −1: none. */
NN_INLINE int nn_tap_at(int distance, int dilation)
{
    if (dilation == 1) return distance;
    return distance % dilation ? -1 : distance / dilation;
}

/* The windows over a pixel at (row, column) of the padded image: first[0] … last[0] down and
 * first[1] … last[1] across. */
typedef struct nn_windows {
    int row, column, first[2], last[2];
} nn_windows;

/* Formats of gradients and of the argmax, and how many vectors of channels are taken at a time: constants of a
 * call.  One vector: the last, of `left` channels. */
typedef struct nn_minmax_form {
    int half, wide, vectors;
} nn_minmax_form;

/* sum += dy where the argmax is `tap`, of channels from element `at` on. */
NN_INLINE void nn_minmax_add(const nn_minmax_form f, nn_minmax_gradient g, long at, int tap, long left, nn_vec *sum)
{
    if (f.vectors == 1 && left < NN_W) {
        sum[0] += nn_select(nn_argmax_rest_is(g.argmax, f.wide, at, left, tap),
                            nn_load_some_as(f.half, nn_at(f.half, g.dy, at), left), nn_zero());
        return;
    }
    if (f.half && !f.wide && f.vectors > 1) {
        NN_UNROLL
        for (int v = 0; v < f.vectors; v += 2) {
            const nn_tap_pairs is = nn_argmax_pairs(g.argmax, at + v * NN_W, tap);
            const nn_words pairs = nn_load_both((const uint16_t *)g.dy + at + v * NN_W);
            sum[v] += nn_select(is.even, nn_even(pairs), nn_zero());
            sum[v + 1] += nn_select(is.odd, nn_odd(pairs), nn_zero());
        }
        return;
    }
    NN_UNROLL
    for (int v = 0; v < f.vectors; v++)
        sum[v] += nn_select(nn_argmax_is(g.argmax, f.wide, at + v * NN_W, tap),
                            nn_load_early_as(f.half, nn_at(f.half, g.dy, at + v * NN_W)), nn_zero());
}

NN_INLINE void nn_minmax_store(const nn_minmax_form f, long left, const nn_vec *sum, void *dx)
{
    if (f.vectors == 1) {
        nn_store_some_as(f.half, dx, left, sum[0]);
        return;
    }
    NN_UNROLL
    for (int v = 0; v < f.vectors; v += 2) {
        void *to = nn_place(f.half, dx, v * NN_W);
        if (f.half && !f.wide) {
            nn_store_bf16_pairs((uint16_t *)to, sum[v], sum[v + 1]);
            continue;
        }
        nn_store_as(f.half, to, sum[v]);
        nn_store_as(f.half, nn_place(f.half, to, NN_W), sum[v + 1]);
    }
}

/* Some channels of that pixel.  The sample's gradients of these channels are from `at` on.  A sum begins with
 * −0, which leaves its first term as it is. */
NN_INLINE void nn_minmax_dx_channels(const nn_minmax_form f, const nn_pool_window *d, nn_minmax_gradient g, long at,
                                     const nn_windows *over, void *dx, long left)
{
    nn_vec sum[NN_SIDE];
    int windows = 0;
    NN_UNROLL
    for (int v = 0; v < f.vectors; v++) sum[v] = nn_broadcast(-0.0f);
    for (int i = over->first[0]; i <= over->last[0]; i++) {
        const int u = nn_tap_at(over->row - i * d->sh, d->dh);
        for (int j = over->first[1]; u >= 0 && j <= over->last[1]; j++) {
            const int v = nn_tap_at(over->column - j * d->sw, d->dw);
            if (v < 0) continue;
            nn_minmax_add(f, g, at + ((long)i * d->ow + j) * d->c, u * d->kw + v, left, sum);
            windows++;
        }
    }
    for (int v = 0; v < f.vectors && !windows; v++) sum[v] = nn_zero();
    nn_minmax_store(f, left, sum, dx);
}

NN_INLINE void nn_minmax_dx_pixel(const int half, const int wide, const nn_pool_window *d, nn_minmax_gradient g,
                                  long at, const nn_windows *over, void *dx)
{
    const nn_minmax_form side = {half, wide, NN_SIDE}, pair = {half, wide, 2}, last = {half, wide, 1};
    long c = 0;
    for (; c + NN_SIDE * NN_W <= d->c; c += NN_SIDE * NN_W)
        nn_minmax_dx_channels(side, d, g, at + c, over, nn_place(half, dx, c), NN_SIDE * NN_W);
    for (; c + 2 * NN_W <= d->c; c += 2 * NN_W)
        nn_minmax_dx_channels(pair, d, g, at + c, over, nn_place(half, dx, c), 2 * NN_W);
    for (; c < d->c; c += NN_W) nn_minmax_dx_channels(last, d, g, at + c, over, nn_place(half, dx, c), d->c - c);
}

/* Whether no two windows overlap and none extends into the padding. */
NN_INLINE int nn_windows_apart(const nn_pool_window *d)
{
    const int inside =
        d->top == 0 && d->left == 0 && (d->oh - 1) * d->sh + d->kh <= d->h && (d->ow - 1) * d->sw + d->kw <= d->w;
    return inside && d->dh == 1 && d->dw == 1 && d->sh >= d->kh && d->sw >= d->kw;
}

/* Elements that no window reads. */
NN_INLINE void nn_clear_run(const int half, void *p, long count)
{
    for (long i = 0; i < count; i += NN_W) nn_store_part_as(half, nn_place(half, p, i), count - i, nn_zero());
}

/* One row of dx under row u of such windows, whose gradients are from `at` on. */
NN_INLINE void nn_minmax_dx_row(const int half, const nn_pool_window *d, nn_minmax_gradient g, long at, int u, void *dx)
{
    for (int j = 0; j < d->ow; j++, at += d->c) {
        const int first = j * d->sw, end = j + 1 < d->ow ? first + d->sw : d->w;
        for (int v = 0; v < d->kw; v++) {
            void *to = nn_place(half, dx, (long)(first + v) * d->c);
            if (g.wide)
                nn_minmax_share(half, 1, g, at, d->c, u * d->kw + v, to);
            else
                nn_minmax_share(half, 0, g, at, d->c, u * d->kw + v, to);
        }
        nn_clear_run(half, nn_place(half, dx, (long)(first + d->kw) * d->c), (long)(end - first - d->kw) * d->c);
    }
}

/* Rows first … last − 1 of all images. */
NN_INLINE void nn_minmax_dx_apart(const int half, const nn_pool_window *d, nn_minmax_gradient g, void *dx, long first,
                                  long last)
{
    for (long k = first; k < last; k++) {
        const int row = (int)(k % d->h), i = row / d->sh, u = row % d->sh;
        void *to = nn_place(half, dx, k * d->w * d->c);
        if (i < d->oh && u < d->kh)
            nn_minmax_dx_row(half, d, g, (k / d->h * d->oh + i) * d->ow * d->c, u, to);
        else
            nn_clear_run(half, to, (long)d->w * d->c);
    }
}

/* The same of windows that may overlap. */
NN_INLINE void nn_minmax_dx_over(const int half, const int wide, const nn_pool_window *d, nn_minmax_gradient g,
                                 void *dx, long first, long last)
{
    const int high = (d->kh - 1) * d->dh + 1, across = (d->kw - 1) * d->dw + 1;
    for (long k = first; k < last; k++) {
        nn_windows over = {.row = (int)(k % d->h) + d->top, .last = {-1, -1}};
        const long at = k / d->h * d->oh * d->ow * d->c;
        nn_windows_over(over.row, high, d->sh, d->oh, &over.first[0], &over.last[0]);
        for (int s = 0; s < d->w; s++) {
            over.column = s + d->left;
            nn_windows_over(over.column, across, d->sw, d->ow, &over.first[1], &over.last[1]);
            nn_minmax_dx_pixel(half, wide, d, g, at, &over, nn_place(half, dx, (k * d->w + s) * d->c));
        }
    }
}

NN_INLINE void nn_minmax_gradients(const int half, const nn_pool_window *d, long n, nn_minmax_gradient g, void *dx,
                                   int t, int T)
{
    const long first = n * d->h * t / T, last = n * d->h * (t + 1) / T;
    if (nn_windows_apart(d))
        nn_minmax_dx_apart(half, d, g, dx, first, last);
    else if (g.wide)
        nn_minmax_dx_over(half, 1, d, g, dx, first, last);
    else
        nn_minmax_dx_over(half, 0, d, g, dx, first, last);
}

NN_KERNEL void nn_minmax_pool_nhwc_dx(const nn_pool_window *d, long n, const float *dy, const void *argmax, float *dx,
                                      int t, int T)
{
    nn_minmax_gradients(0, d, n, (nn_minmax_gradient){dy, argmax, d->wide}, dx, t, T);
}

NN_KERNEL void nn_minmax_pool_nhwc_dx_bf16(const nn_pool_window *d, long n, const uint16_t *dy, const void *argmax,
                                           uint16_t *dx, int t, int T)
{
    nn_minmax_gradients(1, d, n, (nn_minmax_gradient){dy, argmax, d->wide}, dx, t, T);
}

#endif
