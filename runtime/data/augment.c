/*
 * Augmentation: training images that are a little different in every epoch.
 *
 * Enters: a sample, the steps of the train section, and what chance depends on.
 * Leaves: the net's input.  Every draw is a word of the random stream of (seed,
 * epoch) at a place that the sample's number and the step's fix, so neither the
 * batch nor the thread that makes it changes a pixel.
 *
 * Sources: crop and flip as usual since Krizhevsky et al. (2012); cutout:
 * DeVries and Taylor (arXiv:1708.04552); the three factors of the jitter are
 * those of Howard (arXiv:1312.5402), with the luminance of ITU-R BT.601.
 */
#include "runtime/data/dataset.h"

#include <math.h>
#include <string.h>

enum { DRAWS = 4 /* of a step, at most */, SAMPLE_SHIFT = 8 /* room for the draws of all steps */ };

static const uint64_t STREAM = UINT64_C(0x6175676d656e7401); /* keeps these numbers apart from the shuffle's */

/* ---- steps ------------------------------------------------------------------------ */

void augment_crop(const float *in, int channels, int height, int width, int top, int left, int pad, int size,
                  float *out)
{
    for (int c = 0; c < channels; c++)
        for (int i = 0; i < size; i++, out += size) {
            int row = top + i - pad, first = left - pad;
            int begin = first < 0 ? -first : 0, end = width - first < size ? width - first : size;
            memset(out, 0, (size_t)size * sizeof *out);
            if (row >= 0 && row < height && end > begin)
                memcpy(out + begin, in + ((size_t)c * (size_t)height + (size_t)row) * (size_t)width + first + begin,
                       (size_t)(end - begin) * sizeof *out);
        }
}

/* 2 1 | 0 1 2 … */
static int reflected(int at, int side)
{
    int period = 2 * side - 2;
    if (period == 0) return 0;
    at = (at % period + period) % period;
    return at < side ? at : period - at;
}

void augment_translate(const float *in, int channels, int height, int width, int down, int right, float *out)
{
    for (int c = 0; c < channels; c++)
        for (int i = 0; i < height; i++)
            for (int j = 0; j < width; j++) {
                size_t row = (size_t)c * (size_t)height + (size_t)reflected(i - down, height);
                *out++ = in[row * (size_t)width + (size_t)reflected(j - right, width)];
            }
}

void augment_flip(float *planes, int channels, int height, int width)
{
    for (size_t row = 0; row < (size_t)channels * (size_t)height; row++) {
        float *line = planes + row * (size_t)width;
        for (int a = 0, b = width - 1; a < b; a++, b--) {
            float held = line[a];
            line[a] = line[b];
            line[b] = held;
        }
    }
}

/* The value between four pixels; outside the image is black. */
static float bilinear(const float *plane, int height, int width, double row, double column)
{
    int i = (int)floor(row), j = (int)floor(column);
    float down = (float)(row - i), right = (float)(column - j), sum = 0;
    for (int di = 0; di < 2; di++)
        for (int dj = 0; dj < 2; dj++) {
            if (i + di < 0 || i + di >= height || j + dj < 0 || j + dj >= width) continue;
            sum += (di ? down : 1 - down) * (dj ? right : 1 - right) *
                   plane[(size_t)(i + di) * (size_t)width + (size_t)(j + dj)];
        }
    return sum;
}

typedef struct Rotation {
    double cosine, sine, row, column; /* about this place */
} Rotation;

typedef struct RotatedPlace {
    double row, column;
} RotatedPlace;

/* Against the clock.  Quarter turns are exact: a cosine of 6e-17 is one of 0. */
static Rotation rotation_of(int height, int width, double degrees)
{
    double angle = degrees * (M_PI / 180), c = cos(angle), s = sin(angle);
    return (Rotation){fabs(c) < 1e-15 ? 0 : c, fabs(s) < 1e-15 ? 0 : s, (height - 1) / 2.0, (width - 1) / 2.0};
}

/* What comes to row i, column j. */
static RotatedPlace rotated_place(const Rotation *r, int i, int j)
{
    double y = i - r->row, x = j - r->column;
    return (RotatedPlace){r->row + r->sine * x + r->cosine * y, r->column + r->cosine * x - r->sine * y};
}

void augment_rotate(const float *in, int channels, int height, int width, double degrees, float *out)
{
    const Rotation rotation = rotation_of(height, width, degrees);
    size_t area = (size_t)height * (size_t)width;
    for (int i = 0; i < height; i++)
        for (int j = 0; j < width; j++) {
            const RotatedPlace from = rotated_place(&rotation, i, j);
            for (int k = 0; k < channels; k++)
                out[(size_t)k * area + (size_t)i * (size_t)width + (size_t)j] =
                    bilinear(in + (size_t)k * area, height, width, from.row, from.column);
        }
}

void augment_cutout(float *planes, int channels, int height, int width, int row, int column, int size,
                    const float *fill)
{
    int top = row - size / 2, left = column - size / 2, bottom = top + size, right = left + size;
    top = top < 0 ? 0 : top;
    left = left < 0 ? 0 : left;
    bottom = bottom > height ? height : bottom;
    right = right > width ? width : right;
    for (int c = 0; c < channels; c++)
        for (int i = top; i < bottom; i++)
            for (int j = left; j < right; j++)
                planes[((size_t)c * (size_t)height + (size_t)i) * (size_t)width + (size_t)j] = fill ? fill[c] : 0;
}

static float luma(const float *planes, int channels, size_t area, size_t i)
{
    if (channels == 3) return 0.299f * planes[i] + 0.587f * planes[area + i] + 0.114f * planes[2 * area + i];
    float sum = 0;
    for (int c = 0; c < channels; c++) sum += planes[(size_t)c * area + i];
    return sum / (float)channels;
}

/* about + factor·(x − about), within 0…1 */
static float stretch(float x, float about, double factor, bool clamp)
{
    float y = about + (float)factor * (x - about);
    return !clamp ? y : y < 0 ? 0 : y > 1 ? 1 : y;
}

void augment_jitter(float *planes, int channels, size_t area, double brightness, double contrast, double saturation,
                    bool clamp)
{
    double total = 0;
    size_t count = (size_t)channels * area;
    for (size_t i = 0; i < count; i++) planes[i] = stretch(planes[i], 0, brightness, clamp);
    for (size_t i = 0; i < area; i++) total += luma(planes, channels, area, i);
    float mean = (float)(total / (double)area);
    for (size_t i = 0; i < count; i++) planes[i] = stretch(planes[i], mean, contrast, clamp);
    if (channels != 3) return;
    for (size_t i = 0; i < area; i++) {
        float grey = luma(planes, channels, area, i);
        for (int c = 0; c < 3; c++) {
            float *x = &planes[(size_t)c * area + i];
            *x = stretch(*x, grey, saturation, clamp);
        }
    }
}

/* ---- sizes on the way ----------------------------------------------------------------- */

/* A side of an image whose shorter side becomes `size`. */
static int scaled(int side, int shorter, int size) { return (int)((double)side * size / shorter + 0.5); }

static void resized(int size, int *height, int *width)
{
    int shorter = *height < *width ? *height : *width, tall = scaled(*height, shorter, size);
    *width = scaled(*width, shorter, size);
    *height = tall;
}

static int check_crop(const NnAugmentStep *step, int height, int width, NnError *error)
{
    int shorter = height < width ? height : width;
    if (step->size <= shorter + 2 * step->pad) return 0;
    if (step->pad)
        return nn_fail(error, NN_BAD_INPUT,
                       "augment crop(%d, pad=%d): the images are %dx%d there, %dx%d with the pad; it needs pad=%d",
                       step->size, step->pad, height, width, height + 2 * step->pad, width + 2 * step->pad,
                       (step->size - shorter + 1) / 2);
    return nn_fail(error, NN_BAD_INPUT,
                   "augment crop(%d): the images are only %dx%d there; put crop(%d, pad=%d), or resize(%d) before it",
                   step->size, height, width, step->size, (step->size - shorter + 1) / 2, step->size);
}

static void needs(size_t *most, size_t floats) { *most = floats > *most ? floats : *most; }

static int follow(Augmenter *a, NnError *error)
{
    const Fitting *f = a->fitting;
    size_t channels = (size_t)f->to[0], rest = 0;
    int height = f->from[1], width = f->from[2];
    needs(&a->planes, channels * (size_t)height * (size_t)width);
    for (int i = 0; i < a->count; i++) {
        const NnAugmentStep *step = &a->step[i];
        int before = height;
        if (step->kind == NN_AUGMENT_CROP) {
            if (check_crop(step, height, width, error)) return -1;
            height = width = step->size;
        } else if (step->kind == NN_AUGMENT_RESIZE) {
            resized(step->size, &height, &width);
            if ((double)height * width > 1e9)
                return nn_fail(error, NN_BAD_INPUT, "augment resize(%d) makes images of %dx%d", step->size, height,
                               width);
            needs(&rest, (size_t)before * (size_t)width);
        }
        needs(&a->planes, channels * (size_t)height * (size_t)width);
    }
    needs(&rest, (size_t)height * (size_t)f->to[2]);
    a->height = height;
    a->width = width;
    a->scratch = 2 * a->planes + rest;
    return fitting_check_size(f, height, width, error);
}

int augment_init(Augmenter *a, const Fitting *fitting, const NnAugmentStep *steps, int count, NnError *error)
{
    *a = (Augmenter){.fitting = fitting, .count = count};
    if (fitting->rows)
        return nn_fail(error, NN_BAD_INPUT, "augment changes images, and the data has %s",
                       fitting->rank == 1 ? "columns" : "sequences");
    if (count > NN_AUGMENT_LIMIT)
        return nn_fail(error, NN_BAD_INPUT, "augment has %d steps, more than %d", count, NN_AUGMENT_LIMIT);
    memcpy(a->step, steps, (size_t)count * sizeof *steps);
    return follow(a, error);
}

/* ---- one sample ------------------------------------------------------------------------- */

typedef struct Chance {
    uint64_t seed, epoch, at; /* at: the step's first draw */
} Chance;

/* 0 … 1, without 1 */
static double fraction(const Chance *c, int draw)
{
    return nn_unit_real(nn_random(c->seed, c->epoch, c->at + (uint64_t)draw));
}

/* 0 … count−1 */
static int whole(const Chance *c, int draw, int count)
{
    return (int)((unsigned __int128)nn_random(c->seed, c->epoch, c->at + (uint64_t)draw) * (unsigned)count >> 64);
}

/* −1 … 1 */
static double signed_fraction(const Chance *c, int draw) { return 2 * fraction(c, draw) - 1; }

typedef struct Image {
    float *now, *other, *rest;
    int height, width;
} Image;

/* `other` holds the image of the new size. */
static void turn_over(Image *image, int height, int width)
{
    float *held = image->now;
    image->now = image->other;
    image->other = held;
    image->height = height;
    image->width = width;
}

static void resize_planes(Image *image, int channels, int size)
{
    int height = image->height, width = image->width;
    resized(size, &height, &width);
    if (height == image->height && width == image->width) return;
    for (int c = 0; c < channels; c++)
        fit_resize(image->now + (size_t)c * (size_t)image->height * (size_t)image->width, image->height, image->width,
                   image->other + (size_t)c * (size_t)height * (size_t)width, height, width, image->rest);
    turn_over(image, height, width);
}

/* The corner of a crop, in the image with its pad. */
static int crop_top(const Image *image, const NnAugmentStep *step, const Chance *chance)
{
    return whole(chance, 0, image->height + 2 * step->pad - step->size + 1);
}

static int crop_left(const Image *image, const NnAugmentStep *step, const Chance *chance)
{
    return whole(chance, 1, image->width + 2 * step->pad - step->size + 1);
}

static void crop_planes(Image *image, int channels, const NnAugmentStep *step, const Chance *chance)
{
    int top = crop_top(image, step, chance), left = crop_left(image, step, chance);
    augment_crop(image->now, channels, image->height, image->width, top, left, step->pad, step->size, image->other);
    turn_over(image, step->size, step->size);
}

/* Alternating: the first time by chance, then every other time (Jordan, arXiv:2404.00498). */
static bool flips(const NnAugmentStep *step, const Chance *chance)
{
    Chance first = *chance;
    if (!step->alternate) return whole(chance, 0, 2);
    first.epoch = 0;
    return (whole(&first, 0, 2) + chance->epoch) % 2;
}

static void translate_planes(Image *image, int channels, const NnAugmentStep *step, const Chance *chance)
{
    int down = whole(chance, 0, 2 * step->size + 1) - step->size;
    int right = whole(chance, 1, 2 * step->size + 1) - step->size;
    augment_translate(image->now, channels, image->height, image->width, down, right, image->other);
    turn_over(image, image->height, image->width);
}

static void apply_augmentations(const Fitting *f, const NnAugmentStep *step, const Chance *chance, Image *image)
{
    int channels = f->to[0], height = image->height, width = image->width;
    double x = step->amount;
    switch (step->kind) {
    case NN_AUGMENT_CROP: crop_planes(image, channels, step, chance); break;
    case NN_AUGMENT_FLIP:
        if (flips(step, chance)) augment_flip(image->now, channels, height, width);
        break;
    case NN_AUGMENT_RESIZE: resize_planes(image, channels, step->size); break;
    case NN_AUGMENT_ROTATE:
        augment_rotate(image->now, channels, height, width, x * signed_fraction(chance, 0), image->other);
        turn_over(image, height, width);
        break;
    case NN_AUGMENT_CUTOUT:
        augment_cutout(image->now, channels, height, width, whole(chance, 0, height), whole(chance, 1, width),
                       step->size, f->mean);
        break;
    case NN_AUGMENT_TRANSLATE: translate_planes(image, channels, step, chance); break;
    case NN_AUGMENT_JITTER:
        augment_jitter(image->now, channels, (size_t)height * (size_t)width, 1 + x * signed_fraction(chance, 0),
                       1 + x * signed_fraction(chance, 1), 1 + x * signed_fraction(chance, 2), f->pixels);
        break;
    }
}

static Chance chance_of(int step, int index, uint64_t seed, uint64_t epoch)
{
    return (Chance){seed ^ STREAM, epoch, (uint64_t)index << SAMPLE_SHIFT | (uint64_t)(step * DRAWS)};
}

void augment_sample(const Augmenter *a, RawSample raw, int index, uint64_t seed, uint64_t epoch, float *out,
                    float *scratch)
{
    const Fitting *f = a->fitting;
    Image image = {scratch, scratch + a->planes, scratch + 2 * a->planes, f->from[1], f->from[2]};
    fitting_load(f, raw, image.now);
    for (int i = 0; i < a->count; i++) {
        Chance chance = chance_of(i, index, seed, epoch);
        apply_augmentations(f, &a->step[i], &chance, &image);
    }
    fitting_place(f, image.now, image.height, image.width, out, image.rest);
}

/* ---- class maps ------------------------------------------------------------------------------ */

static float class_at(const Image *map, int row, int column)
{
    bool inside = row >= 0 && row < map->height && column >= 0 && column < map->width;
    return inside ? map->now[(size_t)row * (size_t)map->width + (size_t)column] : NO_CLASS;
}

static void crop_map(Image *map, const NnAugmentStep *step, const Chance *chance)
{
    int top = crop_top(map, step, chance) - step->pad, left = crop_left(map, step, chance) - step->pad;
    for (int i = 0; i < step->size; i++)
        for (int j = 0; j < step->size; j++)
            map->other[(size_t)i * (size_t)step->size + (size_t)j] = class_at(map, top + i, left + j);
    turn_over(map, step->size, step->size);
}

static void rotate_map(Image *map, double degrees)
{
    const Rotation rotation = rotation_of(map->height, map->width, degrees);
    for (int i = 0; i < map->height; i++)
        for (int j = 0; j < map->width; j++) {
            const RotatedPlace from = rotated_place(&rotation, i, j);
            map->other[(size_t)i * (size_t)map->width + (size_t)j] =
                class_at(map, (int)floor(from.row + 0.5), (int)floor(from.column + 0.5));
        }
    turn_over(map, map->height, map->width);
}

static void resize_map(Image *map, int size)
{
    int height = map->height, width = map->width;
    resized(size, &height, &width);
    const FitSource rows = {map->height, height, 0}, columns = {map->width, width, 0};
    for (int i = 0; i < height; i++)
        for (int j = 0; j < width; j++)
            map->other[(size_t)i * (size_t)width + (size_t)j] =
                class_at(map, fitting_source(&rows, i), fitting_source(&columns, j));
    turn_over(map, height, width);
}

/* Colours alone are changed by a jitter and a cutout. */
static void move_map(Image *map, const NnAugmentStep *step, const Chance *chance)
{
    switch (step->kind) {
    case NN_AUGMENT_CROP: crop_map(map, step, chance); break;
    case NN_AUGMENT_FLIP:
        if (flips(step, chance)) augment_flip(map->now, 1, map->height, map->width);
        break;
    case NN_AUGMENT_RESIZE: resize_map(map, step->size); break;
    case NN_AUGMENT_ROTATE: rotate_map(map, step->amount * signed_fraction(chance, 0)); break;
    case NN_AUGMENT_TRANSLATE: translate_planes(map, 1, step, chance); break;
    case NN_AUGMENT_CUTOUT:
    case NN_AUGMENT_JITTER: break;
    }
}

float *augment_map(const Augmenter *a, int index, uint64_t seed, uint64_t epoch, float *map, float *other)
{
    Image image = {map, other, NULL, a->fitting->from[1], a->fitting->from[2]};
    for (int i = 0; i < a->count; i++) {
        const Chance chance = chance_of(i, index, seed, epoch);
        move_map(&image, &a->step[i], &chance);
    }
    return image.now;
}
