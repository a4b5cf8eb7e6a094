/* Scales for simulated int8: found before training, and read from what training has saved. */
#include "commands/support/simulated.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/quantize/quantization.h"
#include "quantize/simulate.h"

enum { SAMPLES = 512 };

bool simulated_is_of(const NnTensors *file) { return nn_tensors_metadata(file, SIMULATED_NOTE) != NULL; }

int simulated_apply(Model *m)
{
    if (m->net->heads.count)
        return fail(STATUS_INPUT, "--quantize: %s has heads, which int8 weights do not have", m->net->name);
    Graph *made = simulate_net(m->net);
    if (!made) return fail(STATUS_INPUT, "--quantize: %s has no layer that can be in int8", m->net->name);
    m->original = m->net;
    m->net = made;
    m->simulated = "{\"version\": 1, \"format\": \"int8\"}";
    return STATUS_OK;
}

/* ---- before training ---------------------------------------------------------------------------- */

static float *add_scale(FoundScales *f, Arena *arena, const char *name, const char *suffix, int64_t count)
{
    FoundScale *s = arena_alloc(arena, sizeof *s);
    s->name = arena_printf(arena, SIMULATED_PREFIX "%s%s", name, suffix);
    s->count = count;
    s->values = arena_alloc(arena, (size_t)count * sizeof *s->values);
    list_push(arena, &f->values, s);
    return s->values;
}

/* A row of zeros has no scale of its own: it gets one at which training can begin. */
static void add_rows(FoundScales *f, Arena *arena, const LayerNumbers *l)
{
    double largest = 0;
    for (int64_t i = 0; i < l->rows; i++) largest = fmax(largest, l->scale[i]);
    const double least = largest > 1e-20 ? largest * 1e-6 : 1.0 / 127;
    float *values = add_scale(f, arena, arena_printf(arena, "%s.qweight", l->layer), SIMULATED_SCALE, l->rows);
    for (int64_t i = 0; i < l->rows; i++) values[i] = (float)fmax(l->scale[i], least);
}

static void take_scales(FoundScales *f, Arena *arena, const Quantization *q)
{
    f->samples = q->seen;
    for (int i = 0; i < q->net->values.count; i++) {
        const QuantizedValue *v = q->net->values.at[i];
        *add_scale(f, arena, v->value->name, SIMULATED_SCALE, 1) = (float)v->made->scale;
        *add_scale(f, arena, v->value->name, SIMULATED_ZERO, 1) = (float)v->made->zero_point;
    }
    for (int i = 0; i < q->layers.count; i++) add_rows(f, arena, q->layers.at[i]);
}

static int has_learned_scales(const char *path, bool *yes)
{
    NnError error = {0};
    NnTensors *file = nn_tensors_open_header(path, &error);
    if (!file) return fail_error(&error);
    *yes = simulated_is_of(file);
    nn_tensors_close(file);
    return STATUS_OK;
}

int simulated_find(const LoadOptions *load, const Model *m, const DataRequest *data, const char *weights,
                   FoundScales *f)
{
    bool learned = false;
    int status = m->weights ? STATUS_OK : has_learned_scales(weights, &learned);
    if (status || learned) return status;
    QuantizeRequest r = {.load = *load,
                         .weights = weights,
                         .data = *data,
                         .method = CALIBRATE_MSE,
                         .samples = SAMPLES,
                         .as_training = true};
    r.load.jit = JIT_TCC;
    r.load.train = r.load.steps = r.load.chunks = r.load.watch = false;
    r.load.memory_limit = 0;
    Quantization q = {.request = &r, .arena = m->c->arena, .f32.m = *m};
    status = quantization_open(&q);
    if (!status) status = quantization_observe(&q);
    if (!status) status = quantization_scale(&q);
    if (!status) take_scales(f, m->c->arena, &q);
    f->found = !status;
    quantization_close(&q);
    return status;
}

/* Branches of a concat have the scale of its result, and no tensors. */
void simulated_set(const FoundScales *f, const nn_model_info *info, void *model)
{
    for (int i = 0; i < f->values.count; i++) {
        const FoundScale *s = f->values.at[i];
        info->set(model, s->name, s->values, (size_t)s->count);
    }
}

/* ---- afterwards ----------------------------------------------------------------------------------- */

static const float *learned_numbers(NnTensors *file, Arena *arena, const char *path, const char *name,
                                    const char *suffix, int64_t count)
{
    NnError error = {0};
    const NnTensor *t = nn_tensors_find(file, arena_printf(arena, SIMULATED_PREFIX "%s%s", name, suffix));
    double *numbers = arena_alloc(arena, (size_t)count * sizeof *numbers);
    float *floats = arena_alloc(arena, (size_t)count * sizeof *floats);
    if (!t || (int64_t)t->count != count || nn_tensors_fetch(file, t, &error)) {
        fail(STATUS_INPUT, "%s was trained with simulated int8, but has no scale of %s: it is of another net", path,
             name);
        return NULL;
    }
    nn_tensor_doubles(t, numbers);
    for (int64_t i = 0; i < count; i++) floats[i] = (float)numbers[i];
    return floats;
}

/* As step_size computes it. */
static float learned_scale_of(float initial, float factor) { return initial * fmaxf(factor, 1.0f / 1024); }

bool simulated_value_scale(NnTensors *file, Arena *arena, const char *path, const char *value, Affine *a)
{
    const float *initial = learned_numbers(file, arena, path, value, SIMULATED_SCALE, 1);
    const float *factor = initial ? learned_numbers(file, arena, path, value, SIMULATED_FACTOR, 1) : NULL;
    const float *zero = factor ? learned_numbers(file, arena, path, value, SIMULATED_ZERO, 1) : NULL;
    if (!zero) return false;
    *a = (Affine){(double)learned_scale_of(*initial, *factor), (int)*zero};
    return (a->scale > 0 && a->scale < 1e30) ||
           !fail(STATUS_INPUT, "%s: the learned scale of %s is %g", path, value, a->scale);
}

const double *simulated_weight_scales(NnTensors *file, Arena *arena, const char *path, const char *layer, int64_t rows)
{
    const char *name = arena_printf(arena, "%s.qweight", layer);
    const float *initial = learned_numbers(file, arena, path, name, SIMULATED_SCALE, rows);
    const float *factor = initial ? learned_numbers(file, arena, path, name, SIMULATED_FACTOR, rows) : NULL;
    double *scales = arena_alloc(arena, (size_t)rows * sizeof *scales);
    for (int64_t i = 0; factor && i < rows; i++) scales[i] = (double)learned_scale_of(initial[i], factor[i]);
    return factor ? scales : NULL;
}
