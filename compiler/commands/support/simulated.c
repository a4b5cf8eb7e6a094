/* A net with simulated int8, and the scales in what training it has saved. */
#include "commands/support/simulated.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "quantize/simulate.h"

bool simulated_is_of(const NnTensors *file) { return nn_tensors_metadata(file, SIMULATED_NOTE) != NULL; }

int simulated_apply(Model *m)
{
    Graph *made = simulate_net(m->net);
    if (!made) return fail(STATUS_INPUT, "--quantize: %s has no layer that can be in int8", m->net->name);
    m->original = m->net;
    m->net = made;
    m->simulated = "{\"version\": 1, \"format\": \"int8\"}";
    return STATUS_OK;
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
