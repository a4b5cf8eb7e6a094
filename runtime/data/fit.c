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

/* Images keep their channels, whatever the net makes of them; arrays of sequences have those of the net. */
static void fit_elements(Fitting *f, const Dataset *data)
{
    const bool sequences = f->rank == 2 && !f->pixels && f->from[0] == 1 && f->from[1] == f->to[0];
    f->rows = data->rank != 3 || sequences;
    if (f->rows)
        memcpy(f->from, f->to, sizeof f->from);
    else
        memcpy(f->to, f->from, sizeof f->to);
}

static bool takes_bytes(const Samples *samples) { return samples->pixels || samples->source; }

int fitting_init(Fitting *f, Dataset *data, int rank, const int *dims, NnFit fit, NnError *error)
{
    *f = (Fitting){.fit = fit, .rank = rank, .pixels = takes_bytes(&data->part[DATA_TRAIN]), .elements = 1};
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
        fit_elements(f, data);
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

static void load(const Fitting *f, RawSample raw, size_t at, size_t count, float *out)
{
    if (f->pixels)
        for (size_t i = 0; i < count; i++) out[i] = (float)raw.pixels[at + i] / 255.0f;
    else
        memcpy(out, raw.values + at, count * sizeof *out);
}

/* out: [C'][H][W], 0…1 for pixels */
void fitting_load(const Fitting *f, RawSample raw, float *out)
{
    size_t area = (size_t)f->from[1] * (size_t)f->from[2];
    if (f->from[0] == f->to[0]) {
        load(f, raw, 0, (size_t)f->from[0] * area, out);
    } else if (f->from[0] == 1) {
        for (int c = 0; c < f->to[0]; c++) load(f, raw, 0, area, out + (size_t)c * area);
    } else {
        for (size_t i = 0; i < area; i++) {
            float rgb[3];
            for (int c = 0; c < 3; c++) load(f, raw, (size_t)c * area + i, 1, &rgb[c]);
            out[i] = nn_luma(rgb[0], rgb[1], rgb[2]);
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

static void normalize_channels(const Fitting *f, float *out, size_t elements)
{
    const size_t each = elements / (size_t)f->channels;
    for (int c = 0; f->mean && c < f->channels; c++, out += each)
        for (size_t i = 0; i < each; i++) out[i] = (out[i] - f->mean[c]) / f->std[c];
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
    }
    normalize_channels(f, out, (size_t)f->to[0] * out_area);
}

void fitting_sources(const Fitting *f, const int size[2], FitSource source[2])
{
    int whole[2] = {size[0], size[1]};
    bool same = size[0] == f->to[1] && size[1] == f->to[2];
    if (!same && f->fit == NN_FIT_RESIZE) nn_cover(size[0], size[1], f->to[1], f->to[2], &whole[0], &whole[1]);
    for (int axis = 0; axis < 2; axis++) {
        int to = f->to[1 + axis], more = whole[axis] - to;
        source[axis] = (FitSource){size[axis], whole[axis], more < 0 ? -(-more / 2) : more / 2};
    }
}

int fitting_source(const FitSource *s, int at)
{
    int64_t place = at + s->first;
    if (place < 0 || place >= s->whole) return -1;
    return (int)((2 * place + 1) * s->side / (2 * (int64_t)s->whole));
}

void fitting_sample(const Fitting *f, RawSample raw, float *out, float *scratch)
{
    bool same = f->from[1] == f->to[1] && f->from[2] == f->to[2];
    float *planes = same ? out : scratch;
    fitting_load(f, raw, planes);
    fitting_place(f, planes, f->from[1], f->from[2], out,
                  scratch + (size_t)f->to[0] * (size_t)f->from[1] * (size_t)f->from[2]);
}

/* ---- normalisation ---------------------------------------------------------------- */

int fitting_reserve(Fitting *f, NnError *error)
{
    fitting_free(f);
    f->mean = calloc((size_t)f->channels, sizeof *f->mean);
    f->std = calloc((size_t)f->channels, sizeof *f->std);
    if (f->mean && f->std) return 0;
    return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the normalisation");
}

int fitting_channel(const Fitting *f, size_t element) { return (int)(element / (f->elements / (size_t)f->channels)); }

/* Of what is no image to the net: as many as it has channels or columns; and without the data, which may have been
 * images in colour, any number of parts. */
static bool takes_parts(const Fitting *f, int count)
{
    if (f->rank == 3 || count < 1 || f->elements % (size_t)count) return false;
    return f->alone || count == f->dims[0];
}

int fitting_set(Fitting *f, int count, const double *mean, const double *std, NnError *error)
{
    if (takes_parts(f, count) && count != 1) f->channels = count;
    if (count != f->channels && count != 1)
        return nn_fail(error, NN_BAD_INPUT, "the normalisation has %d values, the net's input has %d channel%s", count,
                       f->channels, f->channels == 1 ? "" : "s");
    if (fitting_reserve(f, error)) return -1;
    for (int c = 0; c < f->channels; c++) {
        f->mean[c] = (float)mean[count == 1 ? 0 : c];
        f->std[c] = (float)std[count == 1 ? 0 : c];
        if (!isfinite(f->mean[c]) || !isfinite(f->std[c]) || f->std[c] <= 0)
            return nn_fail(error, NN_BAD_INPUT, "the normalisation of channel %d is mean %g, std %g", c, f->mean[c],
                           f->std[c]);
    }
    return 0;
}
