/*
 * quantized_depthwise.h: convolution over int8 numbers of which each group is one channel, NHWC.
 *
 *   sum = bias[c] + Σ_tap w[c][tap] · (x[tap][c] − zero)
 *   y[c] = clamp(nn_rescale(sum, multiplier[c], shift[c]) + out_zero, low, high)
 *
 * The products are added as floats, which hold every integer up to 2^24: with NN_INT8_TAPS taps at
 * most, 255 · 127 for each, nothing is rounded.  Panels of 16 channels, [tap][16] floats, and behind
 * the last tap Σ w: where the whole window is in the image, Σ w · (x − zero) = Σ w · x − zero · Σ w.
 */
#ifndef NN_QUANTIZED_DEPTHWISE_H
#define NN_QUANTIZED_DEPTHWISE_H

#include "runtime/kernels/quantized/quantized_types.h"

#ifdef NN_LINKED

void nn_int8_depthwise_panels(long c, long taps, const int8_t *weight, int8_t *panels, int t, int T);
void nn_int8_depthwise(const nn_int8_conv *, const nn_int8_conv_args *, int t, int T);

#else

#include "runtime/kernels/quantized/int8_vector.h"

enum { NN_QUANT_LINE_CHANNELS = 64 }; /* of a cache line: their pixels are read once */

typedef float nn_quant_floats __attribute__((vector_size(NN_QUANT_LANES * 4)));
typedef float nn_quant_packed __attribute__((vector_size(NN_QUANT_LANES * 4), aligned(4), may_alias));

/* weight: [c][taps]; nn_int8_depthwise_packed of limits.h. */
NN_KERNEL void nn_int8_depthwise_panels(long c, long taps, const int8_t *weight, int8_t *panels, int t, int T)
{
    const long count = (c + NN_PANEL - 1) / NN_PANEL;
    for (long p = count * t / T; p < count * (t + 1) / T; p++) {
        float *panel = (float *)(void *)panels + p * NN_PANEL * (taps + 1);
        for (long k = 0; k <= taps; k++)
            for (long i = 0; i < NN_PANEL; i++) panel[k * NN_PANEL + i] = 0;
        for (long i = 0; i < NN_PANEL && p * NN_PANEL + i < c; i++)
            for (long k = 0; k < taps; k++) {
                const float value = weight[(p * NN_PANEL + i) * taps + k];
                panel[k * NN_PANEL + i] = value;
                panel[taps * NN_PANEL + i] += value;
            }
    }
}

NN_INLINE nn_quant_floats nn_quant_floats_of(const int8_t *p, long count)
{
    return __builtin_convertvector(nn_quant_numbers(p, count), nn_quant_floats);
}

NN_INLINE nn_quant_floats nn_quant_tap(const float *panel, long tap)
{
    return *(const nn_quant_packed *)(panel + tap * NN_PANEL);
}

/* A window that is whole in the image, from x on. */
NN_INLINE nn_quant_floats nn_quant_window(const nn_int8_conv *d, const float *panel, const int8_t *x, long count)
{
    nn_quant_floats sum = (float)-d->zero * nn_quant_tap(panel, (long)d->kh * d->kw);
    for (int u = 0; u < d->kh; u++, x += (long)d->dh * d->w * d->c)
        for (int v = 0; v < d->kw; v++, panel += NN_PANEL)
            sum += nn_quant_tap(panel, 0) * nn_quant_floats_of(x + (long)v * d->dw * d->c, count);
    return sum;
}

/* Any other; x is the image. */
NN_INLINE nn_quant_floats nn_quant_border(const nn_int8_conv *d, const float *panel, const int8_t *x, int row,
                                          int column, long count)
{
    nn_quant_floats sum = {0};
    for (int u = 0; u < d->kh; u++)
        for (int v = 0; v < d->kw; v++, panel += NN_PANEL) {
            const int i = row + u * d->dh, j = column + v * d->dw;
            if (i < 0 || i >= d->h || j < 0 || j >= d->w) continue;
            const nn_quant_floats number = nn_quant_floats_of(x + ((long)i * d->w + j) * d->c, count);
            sum += nn_quant_tap(panel, 0) * (number - (float)d->zero);
        }
    return sum;
}

/* The factors of the channels of a cache line, `count` of which exist. */
typedef struct nn_quant_line {
    int start[NN_QUANT_LINE_CHANNELS], multiplier[NN_QUANT_LINE_CHANNELS], shift[NN_QUANT_LINE_CHANNELS],
        more[NN_QUANT_LINE_CHANNELS];
    long first, count;
} nn_quant_line;

NN_INLINE nn_quant_line nn_quant_line_at(const nn_int8_conv *d, const nn_int8_conv_args *a, long first)
{
    nn_quant_line l = {.first = first, .count = d->c - first};
    if (l.count > NN_QUANT_LINE_CHANNELS) l.count = NN_QUANT_LINE_CHANNELS;
    for (long i = 0; i < l.count; i++) {
        l.start[i] = a->bias[first + i];
        l.multiplier[i] = a->multiplier[first + i];
        l.shift[i] = a->shift[first + i];
        l.more[i] = -1 - l.shift[i];
    }
    return l;
}

/* Of pixel p of all images. */
NN_INLINE void nn_quant_line_pixel(const nn_int8_conv *d, const nn_int8_conv_args *a, const nn_quant_line *l, long p)
{
    const long pixels = (long)d->oh * d->ow, taps = (long)d->kh * d->kw;
    const int row = (int)(p % pixels / d->ow) * d->sh - d->top, column = (int)(p % d->ow) * d->sw - d->left;
    const int whole =
        row >= 0 && row + (d->kh - 1) * d->dh < d->h && column >= 0 && column + (d->kw - 1) * d->dw < d->w;
    const int8_t *image = a->x + p / pixels * d->h * d->w * d->c + l->first;
    const int8_t *window = image + (whole ? ((long)row * d->w + column) * d->c : 0);
    const float *panels = (const float *)(const void *)a->panels;
    for (long c = 0; c < l->count; c += NN_QUANT_LANES) {
        const long at = l->first + c, count = l->count - c;
        const float *panel = panels + at / NN_PANEL * NN_PANEL * (taps + 1) + at % NN_PANEL;
        const nn_quant_floats products = whole ? nn_quant_window(d, panel, window + c, count)
                                               : nn_quant_border(d, panel, image + c, row, column, count);
        nn_quant_sums sum = __builtin_convertvector(products, nn_quant_sums) + nn_quant_load(l->start + c);
        sum = nn_quant_rescale_by(d->any_factor, sum, l->multiplier + c, l->shift + c, l->more + c);
        nn_quant_store(a->y + p * d->c + at, nn_quant_clamp(sum + d->out_zero, d->low, d->high), count);
    }
}

/* d->o is d->c. */
NN_KERNEL void nn_int8_depthwise(const nn_int8_conv *d, const nn_int8_conv_args *a, int t, int T)
{
    const long pixels = (long)d->n * d->oh * d->ow;
    for (long c = 0; c < d->c; c += NN_QUANT_LINE_CHANNELS) {
        const nn_quant_line line = nn_quant_line_at(d, a, c);
        for (long p = pixels * t / T; p < pixels * (t + 1) / T; p++) nn_quant_line_pixel(d, a, &line, p);
    }
}

#endif /* NN_LINKED */

#endif
