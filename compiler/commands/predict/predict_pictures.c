/*
 * Values → pixels.
 */
#include "commands/predict/predict_pictures.h"

#include <math.h>

#include "commands/predict/predict_output.h"
#include "runtime/data/source.h"
#include "runtime/train/train.h"

/* Values of an image: [channels][height][width]. */
typedef struct Planes {
    const float *values;
    int channels, height, width;
    const float *mean, *std; /* what v · std + mean undoes; NULL: nothing */
    bool logits;             /* 1 / (1 + exp(−v)) is shown */
} Planes;

static bool is_drawable(int channels) { return channels == 1 || channels == 3; }

static uint8_t shown_value(const Planes *p, int channel, size_t at)
{
    double v = (double)p->values[at];
    if (p->logits) v = 1 / (1 + exp(-v));
    if (p->mean) v = v * (double)p->std[channel] + (double)p->mean[channel];
    return (uint8_t)lround(255 * fmin(fmax(v, 0), 1)); /* fmax takes 0 for NaN */
}

static Canvas *draw_planes(Arena *arena, const Planes *p)
{
    const size_t area = (size_t)p->height * (size_t)p->width;
    Canvas *c = canvas_new(arena, p->width, p->height, (Color){0, 0, 0});
    for (size_t i = 0; i < area; i++) {
        const uint8_t first = shown_value(p, 0, i);
        c->pixels[i] = p->channels == 1 ? (Color){first, first, first}
                                        : (Color){first, shown_value(p, 1, area + i), shown_value(p, 2, 2 * area + i)};
    }
    return c;
}

/* ---- inputs --------------------------------------------------------------------- */

Canvas *input_picture(Arena *arena, const Fitting *f, const float *x)
{
    if (f->rank != 3 || !is_drawable(f->to[0])) return NULL;
    const Planes planes = {x, f->to[0], f->to[1], f->to[2], f->mean, f->std, false};
    return draw_planes(arena, &planes);
}

/* NULL where the image can no longer be read. */
static const float *sample_values(Arena *arena, const Dataset *data, const Samples *samples, int row)
{
    NnError ignored;
    SampleBuffer buffer = {0};
    RawSample raw;
    if (samples_read(samples, data->elements, row, &buffer, &raw, &ignored)) raw = (RawSample){0};
    float *values = raw.pixels ? arena_alloc(arena, data->elements * sizeof *values) : NULL;
    for (size_t i = 0; values && i < data->elements; i++) values[i] = (float)raw.pixels[i] / 255;
    sample_buffer_free(&buffer);
    return values ? values : raw.values;
}

Canvas *sample_picture(Arena *arena, const Dataset *data, const Samples *samples, int row)
{
    if (data->rank != 3 || !is_drawable(data->dims[0])) return NULL;
    const Planes planes = {.values = sample_values(arena, data, samples, row),
                           .channels = data->dims[0],
                           .height = data->dims[1],
                           .width = data->dims[2]};
    return planes.values ? draw_planes(arena, &planes) : NULL;
}

/* ---- outputs -------------------------------------------------------------------- */

static bool are_class_scores(OutputMeaning meaning)
{
    return meaning == OUTPUT_LOGITS || meaning == OUTPUT_LOGARITHMS || meaning == OUTPUT_PROBABILITIES;
}

OutputPicture output_picture_kind(const Model *m)
{
    const Shape in = net_input_shape(m->net), out = m->net->output->shape;
    const bool image = out.rank == 3, like_input = in.rank == 3 && is_drawable((int)in.dim[0]);
    if (image && out.dim[0] > 1 && are_class_scores(net_meaning(m))) return OUTPUT_PICTURE_CLASSES;
    if (like_input && shape_count(in) == shape_count(out)) return OUTPUT_PICTURE_INPUT;
    return image && is_drawable((int)out.dim[0]) ? OUTPUT_PICTURE_VALUES : OUTPUT_PICTURE_NONE;
}

/* Colours far from each other: hues by the golden ratio; class 0, mostly the background, is black. */
static Color class_color(int class)
{
    const double hue = 6 * fmod(class * 0.61803398875, 1);
    uint8_t channel[3];
    if (class == 0) return (Color){0, 0, 0};
    for (int i = 0; i < 3; i++) {
        const double distance = fabs(remainder(hue - 2 * i, 6)); /* from red, green, blue */
        channel[i] = (uint8_t)lround(255 * fmin(fmax(2 - distance, 0), 1));
    }
    return (Color){channel[0], channel[1], channel[2]};
}

/* Of two classes the second is white. */
static Canvas *draw_class_map(Arena *arena, Shape shape, const float *y)
{
    const size_t classes = (size_t)shape.dim[0], area = (size_t)(shape.dim[1] * shape.dim[2]);
    Canvas *c = canvas_new(arena, (int)shape.dim[2], (int)shape.dim[1], (Color){0, 0, 0});
    for (size_t i = 0; i < area; i++) {
        const int class = nn_largest(y, classes, area, i);
        c->pixels[i] = classes == 2 && class ? (Color){255, 255, 255} : class_color(class);
    }
    return c;
}

Canvas *output_picture(Arena *arena, const Model *m, const Fitting *f, const float *y)
{
    const OutputPicture kind = output_picture_kind(m);
    const Shape shape = kind == OUTPUT_PICTURE_INPUT ? net_input_shape(m->net) : m->net->output->shape;
    if (kind == OUTPUT_PICTURE_NONE) return NULL;
    if (kind == OUTPUT_PICTURE_CLASSES) return draw_class_map(arena, shape, y);
    const OutputMeaning meaning = net_meaning(m);
    const bool as_input = kind == OUTPUT_PICTURE_INPUT && meaning == OUTPUT_VALUES;
    const Planes planes = {.values = y,
                           .channels = (int)shape.dim[0],
                           .height = (int)shape.dim[1],
                           .width = (int)shape.dim[2],
                           .mean = as_input ? f->mean : NULL,
                           .std = as_input ? f->std : NULL,
                           .logits = meaning == OUTPUT_EACH_LOGIT};
    return draw_planes(arena, &planes);
}
