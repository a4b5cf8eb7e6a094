/*
 * export_quantized: nets in int8, in the QDQ form.
 *
 * A layer in integers is the layer of the net in floats between DequantizeLinear and QuantizeLinear,
 * which tools that know the form compute in integers.  Its weights are int8 with a scale for each
 * output, its bias int32 at the scale of the sums; what is in its bounds, a relu say, is a node before
 * QuantizeLinear.  Scales and integers that stand for 0 are initialisers under the names that files of
 * int8 weights have for them.
 */
#include <string.h>

#include "interop/exporter.h"

/* Little-endian elements of `size` bytes of whole numbers. */
static const char *int_array(Export *e, const char *name, int type, int size, const ExportArray *a)
{
    int64_t count = 1;
    for (int i = 0; i < a->rank; i++) count *= a->dims[i];
    unsigned char *bytes = arena_alloc(e->ex->arena, (size_t)(count * size) + 1);
    for (int64_t i = 0; i < count; i++) {
        const uint32_t bits = (uint32_t)(int32_t)a->values[i];
        for (int b = 0; b < size; b++) bytes[i * size + b] = (unsigned char)(bits >> (8 * b));
    }
    return export_initialiser(e, name, type, a, bytes, (size_t)(count * size));
}

static const char *int8_scales(Export *e, const char *name, int rank, int64_t count, const double *values)
{
    unsigned char *bytes = arena_alloc(e->ex->arena, (size_t)count * sizeof(float) + 1);
    for (int64_t i = 0; i < count; i++) {
        const float value = (float)values[i];
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        for (int b = 0; b < 4; b++) bytes[i * 4 + b] = (unsigned char)(bits >> (8 * b));
    }
    const ExportArray shape = {rank, {count}, NULL};
    return export_initialiser(e, name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, &shape, bytes, (size_t)count * 4);
}

/* ---- values -------------------------------------------------------------------------------- */

const char *export_integers(Export *e, const char *x, const char *prefix, double scale, int64_t zero)
{
    Arena *arena = e->ex->arena;
    const float point = (float)zero;
    const ExportArray number = {.values = &point};
    const char *in[] = {
        x, int8_scales(e, arena_printf(arena, "%sscale", prefix), 0, 1, &scale),
        int_array(e, arena_printf(arena, "%szero_point", prefix), ONNX__TENSOR_PROTO__DATA_TYPE__INT8, 1, &number)};
    in[0] = export_result(export_node(e, "QuantizeLinear", 3, in));
    return export_result(export_node(e, "DequantizeLinear", 3, in));
}

const char *export_quantized_value(Export *e, const char *x, const Tensor *value)
{
    const Tensor *int8 = e->ex->request->quantized->int8[value->id];
    const char *prefix = arena_printf(e->ex->arena, "quantization/%s.", value->name);
    return export_integers(e, x, prefix, int8->scale, int8->zero_point);
}

const char *export_quantized_in(Export *e, int input)
{
    const Tensor *t = e->node->in[input];
    const char **name = &e->ex->int8[t->id];
    if (!*name) {
        Export own = {.ex = e->ex, .node = e->node, .base = e->ex->value[t->id].name};
        *name = export_quantized_value(&own, e->ex->value[t->id].name, t);
    }
    return *name;
}

/* ---- weights --------------------------------------------------------------------------------- */

/* Rows of a matrix as its columns. */
static const float *int_columns(Export *e, const ExportArray *a)
{
    float *out = arena_alloc(e->ex->arena, (size_t)(a->dims[0] * a->dims[1] + 1) * sizeof *out);
    for (int64_t i = 0; i < a->dims[0]; i++)
        for (int64_t k = 0; k < a->dims[1]; k++) out[i * a->dims[1] + k] = a->values[k * a->dims[0] + i];
    return out;
}

const char *export_quantized_weight(Export *e, ExportArray a, int axis)
{
    const QuantizedLayer *l = e->layer;
    const int64_t rows = l->weight->shape.dim[0];
    if (axis) a.values = int_columns(e, &a);
    const char *in[] = {
        int_array(e, l->weight->name, ONNX__TENSOR_PROTO__DATA_TYPE__INT8, 1, &a),
        int8_scales(e, arena_printf(e->ex->arena, "quantization/%s.scale", l->weight->name), 1, rows, l->scales)};
    Onnx__NodeProto *n = export_node(e, "DequantizeLinear", 2, in);
    export_attr_int(e, n, "axis", axis);
    return export_result(n);
}

const char *export_quantized_bias(Export *e)
{
    const QuantizedLayer *l = e->layer;
    const int64_t rows = l->weight->shape.dim[0];
    const ExportArray a = {1, {rows}, e->ex->request->values(e->ex->request->user, l->bias)};
    double *steps = arena_alloc(e->ex->arena, (size_t)(rows + 1) * sizeof *steps);
    for (int64_t i = 0; i < rows; i++) steps[i] = l->x->scale * l->scales[i];
    const char *in[] = {
        int_array(e, l->bias->name, ONNX__TENSOR_PROTO__DATA_TYPE__INT32, 4, &a),
        int8_scales(e, arena_printf(e->ex->arena, "quantization/%s.scale", l->bias->name), 1, rows, steps)};
    Onnx__NodeProto *n = export_node(e, "DequantizeLinear", 2, in);
    export_attr_int(e, n, "axis", 0);
    return export_result(n);
}

const float *export_values(const Export *e, const Tensor *param)
{
    return e->ex->request->values(e->ex->request->user, e->layer ? e->layer->weight : param);
}
