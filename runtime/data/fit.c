/*
 * A sample of the data set → the input of the net.
 *
 * Enters: bytes [C][H][W] or a row of values.  Leaves: floats in the net's
 * shape.  The order is that of the usual chain of transforms — scale to 0…1,
 * channels, size, and only then the normalisation — so that zeros put around an
 * image are black, and are normalised like every other black pixel.
 */
#include "runtime/data/dataset.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/program/fit_image.h"

/* ---- can it be done? ------------------------------------------------------------ */

static void take_dims(int out[3], int rank, const int *dims)
{
    for (int i = 0; i < 3; i++) out[i] = i < rank ? dims[i] : 1;
}

static const char *shape_text(int rank, const int *dims, char out[NN_DIMS_TEXT])
{
    int64_t wide[3];
    for (int i = 0; i < rank; i++) wide[i] = dims[i];
    return nn_dims_text(rank, wide, out);
}

static int fit_channels(const Fitting *f, Dataset *data, NnError *error)
{
    int have = f->from[0], want = f->to[0];
    if (have == want) return 0;
    if (have == 1 && want == 3)
        dataset_note(data, "the images are grey; the net's three channels are the same");
    else if (have == 3 && want == 1)
        dataset_note(data, "the images are in colour; the net gets their luminance (ITU-R 601)");
    else
        return nn_fail(error, NN_BAD_INPUT, "the images have %d channels, the net takes %d", have, want);
    return 0;
}

int fitting_check_size(const Fitting *f, int height, int width, NnError *error)
{
    bool smaller = height < f->to[1] || width < f->to[2];
    bool larger = height > f->to[1] || width > f->to[2];
    if (f->fit == NN_FIT_PAD && larger)
        return nn_fail(error, NN_BAD_INPUT,
                       "images of %dx%d cannot be padded to the net's %dx%d; use fit resize or fit crop", height, width,
                       f->to[1], f->to[2]);
    if (f->fit == NN_FIT_CROP && smaller)
        return nn_fail(error, NN_BAD_INPUT,
                       "images cannot be cropped to %dx%d: they are %dx%d; use fit resize or fit pad", f->to[1],
                       f->to[2], height, width);
    return 0;
}

static int check_count(const Fitting *f, const Dataset *data, NnError *error)
{
    char have[NN_DIMS_TEXT], want[NN_DIMS_TEXT];
    if (data->elements == f->elements) return 0;
    shape_text(data->rank, data->dims, have);
    shape_text(f->rank, f->dims, want);
    if (data->rank == 3)
        return nn_fail(error, NN_BAD_INPUT, "the net takes %s values, the images have %zu (%s)", want, data->elements,
                       have);
    return nn_fail(error, NN_BAD_INPUT, "the net takes %zu value%s (%s), the rows of the data have %zu", f->elements,
                   f->elements == 1 ? "" : "s", want, data->elements);
}

int fitting_init(Fitting *f, Dataset *data, int rank, const int *dims, NnFit fit, NnError *error)
{
    *f = (Fitting){.fit = fit, .rank = rank, .pixels = data->part[DATA_TRAIN].pixels != NULL, .elements = 1};
    for (int i = 0; i < rank; i++) {
        f->dims[i] = dims[i];
        f->elements *= (size_t)dims[i];
    }
    take_dims(f->from, data->rank, data->dims);
    take_dims(f->to, rank, dims);
    if (data->rank == 3 && rank == 3) {
        if (fit_channels(f, data, error) || fitting_check_size(f, f->from[1], f->from[2], error)) return -1;
    } else {
        if (check_count(f, data, error)) return -1;
        if (data->rank == 3) memcpy(f->to, f->from, sizeof f->to);
        memcpy(f->from, f->to, sizeof f->from);
    }
    f->channels = f->to[0];
    f->scratch = (size_t)f->to[0] * (size_t)f->from[1] * (size_t)f->from[2] + (size_t)f->from[1] * (size_t)f->to[2];
    return 0;
}

void fitting_free(Fitting *f)
{
    free(f->mean);
    free(f->std);
    f->mean = f->std = NULL;
}

/* ---- one sample ------------------------------------------------------------------ */

static void load(const Fitting *f, const Samples *samples, size_t at, size_t count, float *out)
{
    if (f->pixels)
        for (size_t i = 0; i < count; i++) out[i] = (float)samples->pixels[at + i] / 255.0f;
    else
        memcpy(out, samples->values + at, count * sizeof *out);
}

/* out: [C'][H][W], 0…1 for pixels */
void fitting_load(const Fitting *f, const Samples *samples, int index, float *out)
{
    size_t area = (size_t)f->from[1] * (size_t)f->from[2], sample = (size_t)f->from[0] * area;
    size_t at = (size_t)index * sample;
    if (f->from[0] == f->to[0]) {
        load(f, samples, at, sample, out);
    } else if (f->from[0] == 1) {
        for (int c = 0; c < f->to[0]; c++) load(f, samples, at, area, out + (size_t)c * area);
    } else {
        for (size_t i = 0; i < area; i++) {
            float sum = 0;
            for (int c = 0; c < 3; c++) {
                float value;
                load(f, samples, at + (size_t)c * area + i, 1, &value);
                sum += nn_luma[c] * value;
            }
            out[i] = sum;
        }
    }
}

void fit_resize(const float *in, int height, int width, float *out, int out_height, int out_width, float *scratch)
{
    nn_resize_image(in, height, width, out, out_height, out_width, scratch);
}

void fit_bytes(NnFit fit, int channels, const uint8_t *in, int height, int width, uint8_t *out, int out_height,
               int out_width, float *scratch)
{
    size_t area = (size_t)height * (size_t)width, out_area = (size_t)out_height * (size_t)out_width;
    float *plane = scratch, *fitted = plane + area, *rest = fitted + out_area;
    for (int c = 0; c < channels; c++) {
        for (size_t i = 0; i < area; i++) plane[i] = in[(size_t)c * area + i];
        if (fit == NN_FIT_RESIZE)
            fit_resize(plane, height, width, fitted, out_height, out_width, rest);
        else
            nn_centre_image(plane, height, width, fitted, out_height, out_width);
        for (size_t i = 0; i < out_area; i++) out[(size_t)c * out_area + i] = (uint8_t)(fitted[i] + 0.5f);
    }
}

/* in-place when `planes` is `out` */
void fitting_place(const Fitting *f, const float *planes, int height, int width, float *out, float *scratch)
{
    size_t area = (size_t)height * (size_t)width, out_area = (size_t)f->to[1] * (size_t)f->to[2];
    bool same = height == f->to[1] && width == f->to[2];
    for (int c = 0; c < f->to[0]; c++) {
        const float *in = planes + (size_t)c * area;
        float *plane = out + (size_t)c * out_area;
        if (same && planes != out)
            memcpy(plane, in, area * sizeof *plane);
        else if (!same && f->fit == NN_FIT_RESIZE)
            fit_resize(in, height, width, plane, f->to[1], f->to[2], scratch);
        else if (!same)
            nn_centre_image(in, height, width, plane, f->to[1], f->to[2]);
        if (f->mean)
            for (size_t i = 0; i < out_area; i++) plane[i] = (plane[i] - f->mean[c]) / f->std[c];
    }
}

void fitting_sample(const Fitting *f, const Samples *samples, int index, float *out, float *scratch)
{
    bool same = f->from[1] == f->to[1] && f->from[2] == f->to[2];
    float *planes = same ? out : scratch;
    fitting_load(f, samples, index, planes);
    fitting_place(f, planes, f->from[1], f->from[2], out,
                  scratch + (size_t)f->to[0] * (size_t)f->from[1] * (size_t)f->from[2]);
}

/* ---- normalisation ---------------------------------------------------------------- */

static int take_channels(Fitting *f, NnError *error)
{
    fitting_free(f);
    f->mean = calloc((size_t)f->channels, sizeof *f->mean);
    f->std = calloc((size_t)f->channels, sizeof *f->std);
    if (f->mean && f->std) return 0;
    return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the normalisation");
}

/* Σ x and Σ x² of bytes, exactly: what one piece adds fits 16 and 32 bits.  Pieces have a
 * fixed length, and their elements those types, since compilers turn that into vectors. */
static void sum_pixels(const uint8_t *at, size_t count, uint64_t *sum, uint64_t *squares)
{
    enum { PIECE = 256 };
    size_t i = 0;
    for (; i + PIECE <= count; i += PIECE) {
        uint16_t piece = 0;
        int32_t piece_squares = 0;
        for (size_t k = 0; k < PIECE; k++) {
            int16_t v = at[i + k];
            piece = (uint16_t)(piece + v);
            piece_squares += v * v;
        }
        *sum += piece;
        *squares += (uint64_t)piece_squares;
    }
    for (; i < count; i++) {
        *sum += at[i];
        *squares += (uint64_t)at[i] * at[i];
    }
}

/* Of bytes whose channels are the net's. */
static void measure_bytes(const Fitting *f, const Samples *samples, double *mean, double *variance)
{
    size_t area = (size_t)f->from[1] * (size_t)f->from[2], from = (size_t)f->from[0];
    double count = (double)samples->count * (double)area;
    for (size_t c = 0; c < (size_t)f->channels; c++) {
        uint64_t sum = 0, squares = 0;
        size_t run = from == 1 ? (size_t)samples->count * area : area; /* bytes of the channel in a row */
        for (size_t at = from == 1 ? 0 : c * area; at < (size_t)samples->count * from * area; at += from * run)
            sum_pixels(samples->pixels + at, run, &sum, &squares);
        double average = (double)sum / count;
        mean[c] = average / 255;
        variance[c] = ((double)squares / count - average * average) / (255.0 * 255.0);
    }
}

/* sum[c] += Σ (x − mean[c])^power over the training part */
static void accumulate(const Fitting *f, const Samples *samples, const double *mean, int power, double *sum,
                       float *scratch)
{
    size_t area = (size_t)f->from[1] * (size_t)f->from[2];
    for (int i = 0; i < samples->count; i++) {
        fitting_load(f, samples, i, scratch);
        for (int c = 0; c < f->channels; c++)
            for (size_t j = 0; j < area; j++) {
                double d = scratch[(size_t)c * area + j] - mean[c];
                sum[c] += power == 2 ? d * d : d;
            }
    }
}

/* Of any values; `zero` has zeros. */
static void measure_values(const Fitting *f, const Samples *samples, const double *zero, double *mean, double *variance,
                           float *scratch)
{
    double count = (double)samples->count * f->from[1] * f->from[2];
    accumulate(f, samples, zero, 1, mean, scratch);
    for (int c = 0; c < f->channels; c++) mean[c] /= count;
    accumulate(f, samples, mean, 2, variance, scratch);
    for (int c = 0; c < f->channels; c++) variance[c] /= count;
}

int fitting_measure(Fitting *f, const Dataset *data, NnError *error)
{
    const Samples *samples = &data->part[DATA_TRAIN];
    size_t channels = (size_t)f->channels;
    if (take_channels(f, error)) return -1;
    double *sums = calloc(3 * channels, sizeof *sums);
    float *scratch = malloc(f->scratch * sizeof *scratch);
    int failed = 0;
    if (sums && scratch) {
        double *zero = sums, *mean = sums + channels, *variance = sums + 2 * channels;
        if (f->pixels && (f->from[0] == f->to[0] || f->from[0] == 1))
            measure_bytes(f, samples, mean, variance);
        else
            measure_values(f, samples, zero, mean, variance, scratch);
        for (size_t c = 0; c < channels; c++) {
            double std = sqrt(fmax(variance[c], 0));
            f->mean[c] = (float)mean[c];
            f->std[c] = std > 1e-12 ? (float)std : 1.0f; /* a constant column becomes zeros */
        }
    } else {
        failed = nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the normalisation");
    }
    free(sums);
    free(scratch);
    return failed;
}

int fitting_set(Fitting *f, int count, const double *mean, const double *std, NnError *error)
{
    if (count != f->channels && count != 1)
        return nn_fail(error, NN_BAD_INPUT, "the normalisation has %d values, the net's input has %d channel%s", count,
                       f->channels, f->channels == 1 ? "" : "s");
    if (take_channels(f, error)) return -1;
    for (int c = 0; c < f->channels; c++) {
        f->mean[c] = (float)mean[count == 1 ? 0 : c];
        f->std[c] = (float)std[count == 1 ? 0 : c];
        if (!isfinite(f->mean[c]) || !isfinite(f->std[c]) || f->std[c] <= 0)
            return nn_fail(error, NN_BAD_INPUT, "the normalisation of channel %d is mean %g, std %g", c, f->mean[c],
                           f->std[c]);
    }
    return 0;
}
