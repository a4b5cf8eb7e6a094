/*
 * Weights of f32 → integers, and the file of them.
 *
 * A row's scale puts its largest weight at ±127.  Where its bias would need more than 24 bits at the
 * scale of the sum, the row's scale is larger: then the weights are too small to matter beside the
 * bias.  So sums keep to 32 bits, and biases are floats without rounding.
 */
#include <math.h>
#include <string.h>

#include "commands/support/feeding.h"
#include "commands/support/quantized.h"

static const float *values_of_model(const F32Model *f, const Tensor *t)
{
    const size_t count = (size_t)shape_count(t->shape);
    float *values = arena_alloc(f->arena, (count + 1) * sizeof *values);
    return f->info->get(f->model, t->name, values, count) ? NULL : values;
}

/* Scale and shift of each row: those of the batchnorm, or 1 and 0. */
static bool row_affine(const F32Model *f, const WeightRequest *r, double *scale, double *shift)
{
    const float *params[8];
    int count = 0;
    for (int64_t i = 0; i < r->shape.dim[0]; i++) scale[i] = 1, shift[i] = 0;
    if (!r->affine) return true;
    for (int i = r->affine->data_count; i < r->affine->in_count && count < 8; i++)
        if (!(params[count++] = values_of_model(f, r->affine->in[i]))) return false;
    r->affine->op->affine(r->affine, params, scale, shift);
    return true;
}

static double least_scale(double bias, double x_scale)
{
    return fabs(bias) / (x_scale * (QUANTIZED_BIAS_MAX - 1)) * (1 + 1e-6);
}

static double row_scale(const double *weight, int64_t count, double bias, double x_scale)
{
    double largest = 0;
    for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs(weight[i]));
    return (double)(float)fmax(fmax(largest / 127, least_scale(bias, x_scale)), 1e-30);
}

/* Learned: 0, or the scale, at which floats are divided as training does it. */
static void quantize_row(LayerNumbers *l, int64_t row, const double *weight, double bias, double x_scale,
                         double learned)
{
    const int64_t count = l->count / l->rows;
    const double least = learned > 0 ? (double)(float)fmax(learned, least_scale(bias, x_scale)) : 0;
    const double scale = l->scale[row] = learned > 0 ? least : row_scale(weight, count, bias, x_scale);
    for (int64_t i = 0; i < count; i++) {
        const double ratio = learned > 0 ? (double)((float)weight[i] / (float)scale) : weight[i] / scale;
        l->weight[row * count + i] = (int8_t)fmin(fmax(round(ratio), -127), 127);
    }
    l->bias[row] = (int32_t)fmin(fmax(round(bias / (x_scale * scale)), -QUANTIZED_BIAS_MAX), QUANTIZED_BIAS_MAX);
}

static LayerNumbers *new_layer(Arena *arena, const WeightRequest *r)
{
    LayerNumbers *l = arena_alloc(arena, sizeof *l);
    *l = (LayerNumbers){
        .layer = r->of->name, .rows = r->shape.dim[0], .count = shape_count(r->shape), .shape = r->shape};
    l->scale = arena_alloc(arena, (size_t)l->rows * sizeof *l->scale);
    l->weight = arena_alloc(arena, (size_t)l->count + 1);
    l->bias = arena_alloc(arena, (size_t)l->rows * sizeof *l->bias);
    return l;
}

static const LayerNumbers *no_numbers(const WeightRequest *r)
{
    fail(STATUS_INPUT, "the weights of %s are not finite numbers", r->of->name);
    return NULL;
}

const LayerNumbers *quantize_layer(const F32Model *f, const WeightRequest *r, const double *learned)
{
    LayerNumbers *l = new_layer(f->arena, r);
    const int64_t count = l->count / l->rows;
    const float *from = r->from ? values_of_model(f, r->from) : NULL;
    const float *bias = r->from_bias ? values_of_model(f, r->from_bias) : NULL;
    double *scale = arena_alloc(f->arena, (size_t)l->rows * sizeof *scale);
    double *shift = arena_alloc(f->arena, (size_t)l->rows * sizeof *shift);
    double *row = arena_alloc(f->arena, (size_t)count * sizeof *row);
    if ((r->from && !from) || (r->from_bias && !bias) || !row_affine(f, r, scale, shift)) return no_numbers(r);
    for (int64_t o = 0; o < l->rows; o++) {
        const double offset = (bias ? (double)bias[o] : 0) * scale[o] + shift[o];
        double sum = offset;
        for (int64_t i = 0; i < count; i++) sum += row[i] = (from ? (double)from[o * count + i] : 1) * scale[o];
        if (!isfinite(sum)) return no_numbers(r);
        quantize_row(l, o, row, offset, r->x->scale, learned ? learned[o] : 0);
    }
    return l;
}

/* ---- the file --------------------------------------------------------------------------------------- */

typedef struct TensorList {
    Arena *arena;
    NnTensor *at;
    int count;
} TensorList;

/* Little-endian, whatever the machine. */
static unsigned char *bytes_of_words(Arena *arena, const void *values, int64_t count)
{
    unsigned char *bytes = arena_alloc(arena, (size_t)count * 4 + 1);
    for (int64_t i = 0; i < count; i++) {
        uint32_t word;
        memcpy(&word, (const char *)values + i * 4, sizeof word);
        for (int k = 0; k < 4; k++) bytes[i * 4 + k] = (unsigned char)(word >> (8 * k));
    }
    return bytes;
}

static void list_tensor(TensorList *l, const char *name, NnType type, Shape shape, const void *data)
{
    NnTensor *t = &l->at[l->count++];
    *t = (NnTensor){.name = name, .type = type, .rank = shape.rank, .count = (size_t)shape_count(shape)};
    for (int i = 0; i < shape.rank; i++) t->dims[i] = shape.dim[i];
    t->data = type == NN_I8 ? data : bytes_of_words(l->arena, data, (int64_t)t->count);
}

static void list_layer(TensorList *l, const LayerNumbers *n)
{
    const Shape rows = shape_vector(n->rows);
    float *scale = arena_alloc(l->arena, (size_t)n->rows * sizeof *scale);
    for (int64_t i = 0; i < n->rows; i++) scale[i] = (float)n->scale[i];
    list_tensor(l, arena_printf(l->arena, "%s.qweight", n->layer), NN_I8, n->shape, n->weight);
    list_tensor(l, arena_printf(l->arena, "%s.qbias", n->layer), NN_I32, rows, n->bias);
    list_tensor(l, arena_printf(l->arena, "quantization/%s.qweight.scale", n->layer), NN_F32, rows, scale);
}

static void list_value(TensorList *l, const QuantizedValue *v)
{
    const float scale = (float)v->made->scale;
    const int32_t zero = v->made->zero_point;
    list_tensor(l, arena_printf(l->arena, "quantization/%s.scale", v->value->name), NN_F32, shape_vector(1), &scale);
    list_tensor(l, arena_printf(l->arena, "quantization/%s.zero_point", v->value->name), NN_I32, shape_vector(1),
                &zero);
}

static TensorList list_numbers(const QuantizedFile *f)
{
    Arena *arena = f->f32.arena;
    const List *model = &f->net->graph->model;
    const int most = model->count + f->layers.count * 3 + f->net->values.count * 2;
    TensorList l = {arena, arena_alloc(arena, (size_t)(most + 1) * sizeof(NnTensor)), 0};
    for (int i = 0; i < f->layers.count; i++) list_layer(&l, f->layers.at[i]);
    for (int i = 0; i < model->count; i++) {
        const Tensor *t = model->at[i];
        if (dtype_is_real(t->dtype)) list_tensor(&l, t->name, NN_F32, t->shape, values_of_model(&f->f32, t));
    }
    for (int i = 0; i < f->net->values.count; i++) list_value(&l, f->net->values.at[i]);
    return l;
}

/* Those of the file that the weights are from, and after them our own. */
static const NnFileNote *all_notes(const QuantizedFile *f)
{
    int count = 0, kept = 0;
    const char *value;
    while (f->from && nn_tensors_metadata_at(f->from, count, &value)) count++;
    for (const NnFileNote *own = f->notes; own->key; own++) kept++;
    NnFileNote *notes = arena_alloc(f->f32.arena, (size_t)(count + kept + 1) * sizeof *notes);
    kept = 0;
    for (int i = 0; i < count; i++) {
        const char *key = nn_tensors_metadata_at(f->from, i, &value);
        if (strncmp(key, "state.", 6) != 0) notes[kept++] = (NnFileNote){key, value};
    }
    for (const NnFileNote *own = f->notes; own->key; own++) notes[kept++] = *own;
    return notes;
}

int quantize_save(const QuantizedFile *f, const char *path)
{
    NnError error = {0};
    const TensorList l = list_numbers(f);
    const NnTensorsToSave save = {.at = l.at, .count = l.count, .notes = all_notes(f)};
    return nn_tensors_save(&save, NN_FILE_SAFETENSORS, path, &error) ? fail_error(&error) : STATUS_OK;
}
