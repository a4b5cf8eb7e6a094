/*
 * Pictures of a run: filters of the first layer, mistakes; and the confusion of its classes.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/pictures/visible_weights.h"
#include "commands/predict/predict_pictures.h"
#include "commands/train/run_record.h"
#include "report/report_json.h"

enum { FILTERS_SHOWN = 64, CLASSES_SHOWN = 30 };

/* ---- bytes as text ------------------------------------------------------------------- */

/* RFC 4648, section 4. */
static json_t *base64_value(Arena *arena, const uint8_t *bytes, size_t count)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = arena_alloc(arena, (count + 2) / 3 * 4 + 1), *out = text;
    for (size_t i = 0; i < count; i += 3) {
        const size_t left = count - i;
        const uint32_t group = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                               (left > 2 ? (uint32_t)bytes[i + 2] : 0);
        *out++ = digit[group >> 18];
        *out++ = digit[group >> 12 & 63];
        *out++ = left > 1 ? digit[group >> 6 & 63] : '=';
        *out++ = left > 2 ? digit[group & 63] : '=';
    }
    return json_string(text);
}

static json_t *image_value(Arena *arena, const uint8_t *bytes, int channels, int height, int width)
{
    const size_t count = (size_t)channels * (size_t)height * (size_t)width;
    return json_pack("{s:o, s:[i, i, i]}", "pixels", base64_value(arena, bytes, count), "shape", channels, height,
                     width);
}

/* ---- filters --------------------------------------------------------------------------- */

static json_t *filter_images(Arena *arena, const VisibleWeights *v, const float *values)
{
    const size_t size = (size_t)v->channels * (size_t)v->height * (size_t)v->width;
    uint8_t *bytes = arena_alloc(arena, size);
    json_t *images = json_array();
    for (int i = 0; i < v->count && i < FILTERS_SHOWN; i++) {
        weights_as_grey(values + (size_t)i * size, size, bytes);
        json_array_append_new(images, image_value(arena, bytes, v->channels, v->height, v->width));
    }
    return images;
}

json_t *run_filters(const Model *m, const void *model)
{
    VisibleWeights v;
    if (!visible_weights(m->net, NULL, &v)) return NULL;
    Arena *arena = arena_within(m->c->arena);
    const size_t count = (size_t)v.count * (size_t)v.channels * (size_t)v.height * (size_t)v.width;
    float *values = arena_alloc(arena, count * sizeof *values);
    json_t *value = NULL;
    if (!m->info->get(model, v.name, values, count)) {
        const char *hint = arena_printf(
            arena, "%s, %s: grey is 0, white the largest weight of %s, black the same below 0.%s", v.layer,
            v.templates ? "a template for each unit" : "a filter for each channel",
            v.templates ? "a template" : "a filter",
            v.count > FILTERS_SHOWN ? arena_printf(arena, " The first %d of %d.", FILTERS_SHOWN, v.count) : "");
        value =
            json_pack("{s:s, s:s, s:o}", "layer", v.layer, "hint", hint, "images", filter_images(arena, &v, values));
    }
    arena_free(arena);
    return value;
}

/* ---- mistakes --------------------------------------------------------------------------- */

json_t *run_canvas_value(Arena *arena, const Canvas *c, int channels)
{
    const size_t area = (size_t)c->width * (size_t)c->height;
    uint8_t *bytes = arena_alloc(arena, 3 * area);
    for (size_t i = 0; i < area; i++) {
        bytes[i] = c->pixels[i].r;
        bytes[area + i] = c->pixels[i].g;
        bytes[2 * area + i] = c->pixels[i].b;
    }
    return image_value(arena, bytes, channels, c->height, c->width);
}

static json_t *mistake_value(Arena *arena, const Mistake *m, const Dataset *data, const Samples *samples)
{
    char target[16], predicted[16];
    const Canvas *picture = sample_picture(arena, data, samples, m->row);
    json_t *value = picture ? run_canvas_value(arena, picture, 3) : NULL;
    if (!value) return NULL;
    json_put_integer(value, "row", m->row);
    json_put_text(value, "target", dataset_class_name(data, m->label, target));
    json_put_text(value, "predicted", dataset_class_name(data, m->predicted, predicted));
    return value;
}

json_t *run_mistakes(const Predictions *p, const Feeding *f, DataPart part)
{
    const Dataset *data = f->data;
    Arena *arena = arena_new();
    json_t *list = json_array();
    for (int i = 0; i < p->mistakes; i++) {
        json_t *value = mistake_value(arena, &p->worst[i], data, &data->part[part]);
        if (value) json_array_append_new(list, value);
    }
    arena_free(arena);
    return list;
}

json_t *run_confusion(const Predictions *p, const Feeding *f)
{
    char buffer[16];
    if (!p->samples || p->classes > CLASSES_SHOWN) return NULL;
    json_t *names = json_array(), *rows = json_array();
    for (int i = 0; i < p->classes; i++) {
        json_t *row = json_array();
        for (int k = 0; k < p->classes; k++) json_array_append_new(row, json_integer(p->count[i * p->classes + k]));
        json_array_append_new(rows, row);
        json_array_append_new(names, json_string(dataset_class_name(f->data, i, buffer)));
    }
    return json_pack("{s:o, s:o}", "names", names, "counts", rows);
}
