/* The scales of the values by calibration on samples, of the weights by what they are. */
#include "commands/quantize/initial_scales.h"

#include <math.h>
#include <stdlib.h>

#include "commands/quantize/quantization.h"
#include "commands/support/simulated.h"
#include "quantize/simulate.h"

enum { SAMPLES = 512 };

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

int initial_scales_find(const LoadOptions *load, const Model *m, const DataRequest *data, const char *weights,
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
void initial_scales_set(const FoundScales *f, const nn_model_info *info, void *model)
{
    for (int i = 0; i < f->values.count; i++) {
        const FoundScale *s = f->values.at[i];
        info->set(model, s->name, s->values, (size_t)s->count);
    }
}
