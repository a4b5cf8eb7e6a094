/*
 * fit_image: images of any size → the size that a net takes.
 *
 * One text for nnc and for the programs that it writes, which contain it: both must give
 * bitwise the same.  Therefore a product is rounded before it is added: a compiler that may
 * use fused multiply-add (-march=native) would do so in one of them and not in the other.
 */
#ifndef NN_FIT_IMAGE_H
#define NN_FIT_IMAGE_H

#include <math.h>
#include <stddef.h>
#include <string.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC optimize("fp-contract=off")
#endif

/* ITU-R BT.601 luma */
static inline float nn_luma(float red, float green, float blue)
{
    return 0.299f * red + 0.587f * green + 0.114f * blue;
}

/* out[i] = the triangle's weighted mean of in around the centre of i; elements lie
 * `step` apart, and the output is the part of `whole` elements from `first`. */
static inline void nn_resample(const float *in, int count, int whole, int first, int out_count, float *out, int lines,
                               size_t line_in, size_t line_out, size_t step)
{
    double ratio = (double)count / whole, support = ratio > 1 ? ratio : 1;
    for (int i = 0; i < out_count; i++) {
        double centre = (i + first + 0.5) * ratio;
        int low = (int)floor(centre - support), high = (int)ceil(centre + support);
        low = low < 0 ? 0 : low;
        high = high > count ? count : high;
        double total = 0;
        for (int j = low; j < high; j++) total += fmax(0, 1 - fabs(j + 0.5 - centre) / support);
        for (int line = 0; line < lines; line++) out[(size_t)line * line_out + (size_t)i * step] = 0;
        for (int j = low; j < high; j++) {
            float weight = (float)(fmax(0, 1 - fabs(j + 0.5 - centre) / support) / total);
            for (int line = 0; line < lines; line++)
                out[(size_t)line * line_out + (size_t)i * step] +=
                    weight * in[(size_t)line * line_in + (size_t)j * step];
        }
    }
}

/* The sides of H×W scaled until it covers h×w. */
static inline void nn_cover(int height, int width, int out_height, int out_width, int *tall, int *wide)
{
    double scale = fmax((double)out_height / height, (double)out_width / width);
    *tall = (int)(height * scale + 0.5);
    *wide = (int)(width * scale + 0.5);
    *tall = *tall < out_height ? out_height : *tall;
    *wide = *wide < out_width ? out_width : *wide;
}

/* The bilinear resize: in[H][W] → out[h][w], the centre of H×W scaled until it covers h×w.
 * Shrinking averages (a triangle as wide as the scale).  scratch: [H][w]. */
static inline void nn_resize_image(const float *in, int height, int width, float *out, int out_height, int out_width,
                                   float *scratch)
{
    int tall, wide;
    nn_cover(height, width, out_height, out_width, &tall, &wide);
    /* rows: [H][W] → [H][w], then columns: → [h][w] */
    nn_resample(in, width, wide, (wide - out_width) / 2, out_width, scratch, height, (size_t)width, (size_t)out_width,
                1);
    nn_resample(scratch, height, tall, (tall - out_height) / 2, out_height, out, out_width, 1, 1, (size_t)out_width);
}

/* The part that both have, centred in both; zeros where `in` has nothing. */
static inline void nn_centre_image(const float *in, int height, int width, float *out, int out_height, int out_width)
{
    int rows = height < out_height ? height : out_height, columns = width < out_width ? width : out_width;
    int in_top = (height - rows) / 2, in_left = (width - columns) / 2;
    int top = (out_height - rows) / 2, left = (out_width - columns) / 2;
    memset(out, 0, (size_t)out_height * (size_t)out_width * sizeof *out);
    for (int i = 0; i < rows; i++)
        memcpy(out + (size_t)(top + i) * (size_t)out_width + left, in + (size_t)(in_top + i) * (size_t)width + in_left,
               (size_t)columns * sizeof *out);
}

#if defined(__clang__)
#pragma STDC FP_CONTRACT DEFAULT
#elif defined(__GNUC__)
#pragma GCC pop_options
#endif

#endif
