/*
 * show --features LAYER IMAGE: what a layer makes of a sample.
 *
 * Enters: a net, weights, a sample.  Leaves: the layer's output, a tile for each channel; of a
 * vector one tile with a square for each unit.  All tiles have the same scale, so that a channel
 * that does nothing looks like one.
 *
 * The net is cut after the layer: its result becomes the net's only output.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/pictures/color_map.h"
#include "commands/show/show_picture.h"
#include "runtime/core/core.h"

enum { FEATURE_SIDE = 84, FEATURE_SIDE_TERMINAL = 14, CHANNELS_SHOWN = 256 };

/* The tensor that the layer of this name makes. */
static Tensor *layer_result(const Graph *net, const char *layer)
{
    for (int i = 0; i < net->nodes.count; i++) {
        const Node *n = net->nodes.at[i];
        if (!strcmp(n->name, layer) && n->out[0]->batched) return n->out[0];
    }
    return NULL;
}

/* How an output is cut into tiles: a vector is one, filled row by row. */
typedef struct Tiles {
    int count, height, width;
    int64_t elements; /* of all; what is past the last is grey */
    double low, high;
} Tiles;

static Tiles tiles_of(Shape s, const float *y)
{
    Tiles t = {.elements = shape_count(s), .low = INFINITY, .high = -INFINITY};
    if (s.rank == 3) {
        t.count = (int)s.dim[0], t.height = (int)s.dim[1], t.width = (int)s.dim[2];
    } else if (s.rank == 2) {
        t.count = 1, t.height = (int)s.dim[0], t.width = (int)s.dim[1];
    }
    if (s.rank == 1 || t.height * t.width == 1) {
        const int side = (int)ceil(sqrt((double)t.elements));
        t.count = 1, t.width = side, t.height = (int)div_round_up(t.elements, side);
    }
    for (int64_t i = 0; i < t.elements; i++) {
        t.low = fmin(t.low, (double)y[i]);
        t.high = fmax(t.high, (double)y[i]);
    }
    return t;
}

/* Of both signs: blue and red around a white 0.  Else light is much. */
static Color feature_color(const Tiles *t, double v)
{
    if (t->low < 0) return color_diverging(v / fmax(-t->low, t->high));
    return color_sequential(t->high > 0 ? v / t->high : 0);
}

static Canvas *feature_tile(Arena *arena, const Tiles *t, const float *y, int64_t first, int side)
{
    Canvas *c = canvas_new(arena, t->width, t->height, (Color){225, 225, 225});
    for (int64_t i = 0; i < (int64_t)t->width * t->height && first + i < t->elements; i++)
        c->pixels[i] = feature_color(t, (double)y[first + i]);
    return canvas_scaled(arena, c, side);
}

static int put_features(const PictureRequest *r, const Model *m, Shape shape, const float *y)
{
    Arena *arena = m->c->arena;
    char dims[NN_DIMS_TEXT];
    const Tiles t = tiles_of(shape, y);
    const int shown = t.count < CHANNELS_SHOWN ? t.count : CHANNELS_SHOWN, alone = shown == 1 ? 4 : 1;
    const int side = picture_side(r, FEATURE_SIDE * alone, FEATURE_SIDE_TERMINAL * (alone > 1 ? 2 : 1));
    Canvas **tile = arena_alloc(arena, (size_t)shown * sizeof(Canvas *));
    for (int i = 0; i < shown; i++) tile[i] = feature_tile(arena, &t, y, (int64_t)i * t.height * t.width, side);
    const char *caption =
        arena_printf(arena, "%s %s: %.3g to %.3g, %s", r->layer, nn_dims_text(shape.rank, shape.dim, dims), t.low,
                     t.high, t.low < 0 ? "blue is negative, red positive" : "0 is dark");
    if (shown < t.count) caption = arena_printf(arena, "%s; the first %d of %d channels", caption, shown, t.count);
    Canvas *grid = picture_grid(arena, tile, shown, (int)ceil(sqrt(shown)), picture_side(r, 4, 1));
    return picture_put(r, arena, grid, caption);
}

static int run_features(const PictureRequest *r, const Model *m, Shape shape)
{
    WeightedModel w;
    Fitting fitting = {0};
    float *x;
    int status = weighted_open(&w, r->weights, m);
    if (status) return status;
    status = weighted_load(&w, m->info);
    if (!status) status = picture_sample(r, m, &w, &fitting, &x);
    if (!status) {
        float *y = arena_alloc(m->c->arena, m->info->outputs * sizeof *y);
        void *scratch = block_alloc(m->info->infer_scratch);
        m->info->infer(w.model, x, y, scratch);
        free(scratch);
        status = put_features(r, m, shape, y);
    }
    fitting_free(&fitting);
    weighted_close(&w);
    return status;
}

int show_features(const PictureRequest *r)
{
    Model m;
    LoadOptions load = r->load;
    load.batch = 1;
    int status = load_net(&load, &m);
    if (status) return status;
    Tensor *result = layer_result(m.net, r->layer);
    if (!result) return fail(STATUS_INPUT, "--features %s: %s has no layer of this name", r->layer, m.net->name);
    m.net->output = result;
    m.net->outputs = (List){0};
    status = load_code(&load, &m);
    if (!status) status = run_features(r, &m, result->shape);
    model_free(&m);
    return status;
}
