/*
 * What layers make of a few samples, while a net trains.
 *
 * The net's inference is compiled once more, with the results of these layers as further outputs,
 * for a batch of the samples alone; the weights are copied into it whenever the pictures are made.
 * The samples are evenly spaced in the part that is evaluated, so they are the same all the time.
 */
#include "commands/train/run_activations.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/pictures/color_map.h"
#include "commands/predict/predict_pictures.h"
#include "commands/train/run_record.h"
#include "report/report_json.h"
#include "runtime/core/core.h"

enum {
    SAMPLES_SHOWN = 4,
    LAYERS_SHOWN = 4,
    CHANNELS_SHOWN = 12,
    TILE_SIDE = 28,
    VECTOR_IN_A_ROW = 8,
    MOST_WEIGHTS = 64 << 20
};

struct Activations {
    Arena *arena;
    const Model *trained;
    const Feeding *feeding;
    DataPart part;
    Model m;
    const Node *layer[LAYERS_SHOWN];
    int layers, samples;
    float *x, *y, *weights; /* weights: of the largest tensor */
    int32_t row[SAMPLES_SHOWN];
    void *block, *model, *scratch;
};

/* ---- which layers ------------------------------------------------------------------ */

/* Layers with weights, and functions of one element: what is worth looking at. */
static bool makes_features(const Graph *net, const Node *n)
{
    const Tensor *y = n->out[0];
    if (!y->batched || y == net->output || n->op->traits & (OP_VIEW | OP_SOURCE)) return false;
    return n->op->traits & OP_WEIGHTED || n->op->slope || n->op->traits & OP_RECTIFIES;
}

/* The first, and others evenly spaced. */
static void choose_layers(Activations *a)
{
    const Graph *net = a->trained->net;
    List all = {0};
    for (int i = 0; i < net->nodes.count; i++)
        if (makes_features(net, net->nodes.at[i])) list_push(a->arena, &all, net->nodes.at[i]);
    a->layers = all.count < LAYERS_SHOWN ? all.count : LAYERS_SHOWN;
    for (int i = 0; i < a->layers; i++) a->layer[i] = all.at[a->layers > 1 ? i * (all.count - 1) / (a->layers - 1) : 0];
}

/* ---- the code ------------------------------------------------------------------------- */

/* The net with these results as outputs, and without the optimizer's state; it shares all else with the one that is
 * trained. */
static Graph *net_with_outputs(const Activations *a)
{
    Graph *net = arena_alloc(a->arena, sizeof *net);
    *net = *a->trained->net;
    net->outputs = net->model = (List){0};
    for (int i = 0; i < a->trained->net->model.count; i++) {
        Tensor *t = a->trained->net->model.at[i];
        if (t->kind != TENSOR_STATE) list_push(a->arena, &net->model, t);
    }
    for (int i = 0; i < a->layers; i++) graph_add_output(net, a->layer[i]->out[0], arena_printf(a->arena, "seen%d", i));
    return net;
}

static bool compile_seen(Activations *a)
{
    LoadOptions load = load_options_of(a->trained->c);
    const char *error;
    a->m = *a->trained;
    a->m.net = net_with_outputs(a);
    a->m.spec = NULL; /* inference alone */
    a->m.batch = a->samples;
    a->m.functions = NULL;
    a->m.jit = NULL;
    load.jit = JIT_TCC;
    load.threads = 1;
    load.prefix = "nnc_activations";
    return build_code(&load, &a->m, &error) == STATUS_OK;
}

static bool take_samples(Activations *a)
{
    NnError ignored = {0};
    Batcher *batcher = batcher_new_some(&a->feeding->feed, a->part, SAMPLES_SHOWN, SAMPLES_SHOWN, &ignored);
    if (!batcher) return false;
    batcher_begin(batcher, 0);
    const Batch *batch = batcher_next(batcher);
    if (batch) {
        const size_t bytes = SAMPLES_SHOWN * a->trained->info->inputs * sizeof *a->x;
        a->samples = batch->count;
        a->x = memcpy(arena_alloc(a->arena, bytes), batch->x, bytes);
        memcpy(a->row, batch->row, (size_t)batch->count * sizeof *a->row);
    }
    batcher_free(batcher);
    return batch && a->samples;
}

static size_t largest_tensor(const nn_model_info *info)
{
    size_t most = 0;
    for (int i = 0; i < info->tensor_count; i++)
        if (info->tensors[i].count > most) most = info->tensors[i].count;
    return most;
}

Activations *activations_new(const Model *m, const Feeding *feeding, DataPart part)
{
    Activations *a = arena_alloc(m->c->arena, sizeof *a);
    *a = (Activations){.arena = m->c->arena, .trained = m, .feeding = feeding, .part = part};
    choose_layers(a);
    if (!a->layers || m->info->params > MOST_WEIGHTS || !take_samples(a) || !compile_seen(a)) return NULL;
    const nn_model_info *info = a->m.info;
    a->y = arena_alloc(a->arena, (size_t)a->samples * info->outputs * sizeof *a->y);
    a->weights = arena_alloc(a->arena, (largest_tensor(info) + 1) * sizeof *a->weights);
    a->block = block_alloc(info->model_bytes);
    a->scratch = block_alloc(info->infer_scratch);
    a->model = info->init(a->block, 0, 0);
    return a;
}

void activations_free(Activations *a)
{
    if (!a) return;
    free(a->block);
    free(a->scratch);
    model_free(&a->m);
}

static bool compute(Activations *a, const void *model)
{
    const nn_model_info *info = a->m.info;
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *t = &info->tensors[i];
        if (a->trained->info->get(model, t->name, a->weights, t->count)) return false;
        if (info->set(a->model, t->name, a->weights, t->count)) return false;
    }
    info->infer(a->model, a->x, a->y, a->scratch);
    return true;
}

/* ---- pictures ------------------------------------------------------------------------ */

/* A result as tiles: of an image its channels, of anything else one. */
typedef struct FeatureMap {
    int channels, shown, height, width;
    int64_t elements; /* of one sample */
    size_t offset;    /* in a row of outputs */
    double most;      /* the largest magnitude of all samples */
    bool negative;    /* there are values below 0 */
} FeatureMap;

static FeatureMap feature_map(const Activations *a, int layer)
{
    const Shape s = a->layer[layer]->out[0]->shape;
    FeatureMap f = {.channels = 1, .elements = shape_count(s), .offset = a->m.info->output_parts[layer + 1].offset};
    const bool image = s.rank == 3 && s.dim[1] * s.dim[2] > 1;
    if (image) {
        f.channels = (int)s.dim[0], f.height = (int)s.dim[1], f.width = (int)s.dim[2];
    } else if (s.rank == 2) {
        f.height = (int)s.dim[0], f.width = (int)s.dim[1];
    } else {
        f.width = f.elements <= VECTOR_IN_A_ROW ? (int)f.elements : (int)ceil(sqrt((double)f.elements));
        f.height = (int)div_round_up(f.elements, f.width);
    }
    f.shown = f.channels < CHANNELS_SHOWN ? f.channels : CHANNELS_SHOWN;
    for (int i = 0; i < a->samples; i++)
        for (int64_t k = 0; k < f.elements; k++) {
            const double v = (double)a->y[(size_t)i * a->m.info->outputs + f.offset + (size_t)k];
            f.most = fmax(f.most, fabs(v));
            f.negative |= v < 0;
        }
    return f;
}

/* Shades of grey: of values of both signs 128 is 0, else 0 is. */
static Canvas *map_tile(Arena *arena, const FeatureMap *f, const float *y, int channel)
{
    const uint8_t none = f->negative ? 128 : 0;
    Canvas *c = canvas_new(arena, f->width, f->height, (Color){none, none, none});
    const int64_t area = (int64_t)f->width * f->height;
    for (int64_t i = 0; i < area && channel * area + i < f->elements; i++) {
        const double v = f->most > 0 && isfinite(f->most) ? (double)y[channel * area + i] / f->most : 0;
        const uint8_t shade = (uint8_t)lround(f->negative ? 128 + 127 * v : 255 * v);
        c->pixels[i] = (Color){shade, shade, shade};
    }
    return f->width > TILE_SIDE || f->height > TILE_SIDE ? canvas_scaled(arena, c, TILE_SIDE) : c;
}

static json_t *maps_value(const Activations *a, Arena *arena, const FeatureMap *f, int sample)
{
    const float *y = a->y + (size_t)sample * a->m.info->outputs + f->offset;
    json_t *images = json_array();
    for (int i = 0; i < f->shown; i++)
        json_array_append_new(images, run_canvas_value(arena, map_tile(arena, f, y, i), 1));
    return images;
}

static json_t *layer_seen_value(const Activations *a, Arena *arena, int layer)
{
    const FeatureMap f = feature_map(a, layer);
    const Shape s = a->layer[layer]->out[0]->shape;
    json_t *samples = json_array();
    for (int i = 0; i < a->samples; i++) json_array_append_new(samples, maps_value(a, arena, &f, i));
    return json_pack("{s:s, s:s, s:i, s:i, s:b, s:f, s:o}", "layer", a->layer[layer]->name, "shape",
                     shape_text(arena, s), "channels", f.channels, "shown", f.shown, "signed", f.negative, "most",
                     isfinite(f.most) ? f.most : 0, "samples", samples);
}

/* The colours of the shades: red, green and blue of each. */
static json_t *palette_value(Arena *arena, bool negative)
{
    Canvas *c = canvas_new(arena, 256, 1, (Color){0, 0, 0});
    for (int i = 0; i < 256; i++)
        c->pixels[i] = negative ? color_diverging((i - 128) / 127.0) : color_sequential(i / 255.0);
    return run_canvas_value(arena, c, 3);
}

/* The class that a sample is of and the one that is answered, where there are classes. */
static json_t *sample_value(const Activations *a, Arena *arena, int i)
{
    const Dataset *data = a->feeding->data;
    const Samples *samples = &data->part[a->part];
    const Canvas *picture = sample_picture(arena, data, samples, a->row[i]);
    json_t *value = picture ? run_canvas_value(arena, picture, 3) : json_object();
    const float *y = a->y + (size_t)i * a->m.info->outputs;
    const size_t classes = a->m.info->output_parts[0].count;
    char text[16];
    json_put_integer(value, "row", a->row[i]);
    if (samples->labels && data->class_count > 1 && !data->map[0] && samples->labels[a->row[i]] >= 0) {
        json_put_text(value, "target", dataset_class_name(data, samples->labels[a->row[i]], text));
        if (classes == (size_t)data->class_count)
            json_put_text(value, "predicted", dataset_class_name(data, nn_largest(y, classes, 1, 0), text));
    }
    if (!picture && data->elements <= 4) {
        json_t *x = json_array();
        for (size_t k = 0; k < data->elements; k++)
            json_array_append_new(x, json_real((double)a->x[(size_t)i * a->m.info->inputs + k]));
        json_put(value, "x", x);
    }
    return value;
}

json_t *activations_value(Activations *a, const void *model)
{
    if (!a || !compute(a, model)) return NULL;
    Arena *arena = arena_new();
    json_t *samples = json_array(), *layers = json_array();
    for (int i = 0; i < a->samples; i++) json_array_append_new(samples, sample_value(a, arena, i));
    for (int i = 0; i < a->layers; i++) json_array_append_new(layers, layer_seen_value(a, arena, i));
    json_t *value = json_pack("{s:o, s:o, s:o, s:o}", "samples", samples, "layers", layers, "sequential",
                              palette_value(arena, false), "diverging", palette_value(arena, true));
    arena_free(arena);
    return value;
}
