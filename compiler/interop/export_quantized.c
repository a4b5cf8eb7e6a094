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

const char *export_quantized_value(Export *e, const char *x, const Tensor *value)
{
    Arena *arena = e->ex->arena;
    const Tensor *int8 = e->ex->request->quantized->int8[value->id];
    const float zero = (float)int8->zero_point;
    const ExportArray number = {.values = &zero};
    const char *in[] = {x,
                        int8_scales(e, arena_printf(arena, "quantization/%s.scale", value->name), 0, 1, &int8->scale),
                        int_array(e, arena_printf(arena, "quantization/%s.zero_point", value->name),
                                  ONNX__TENSOR_PROTO__DATA_TYPE__INT8, 1, &number)};
    in[0] = export_result(export_node(e, "QuantizeLinear", 3, in));
    return export_result(export_node(e, "DequantizeLinear", 3, in));
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

/* A batchnorm by itself, of integers: a convolution of one element for each channel. */
const char *export_quantized_channels(Export *e)
{
    const Shape s = node_shape_in(e->node);
    const int rank = s.rank < 2 ? 2 : s.rank;
    ExportArray a = {rank + 1, {s.dim[0], 1, 1, 1}, export_values(e, NULL)};
    const int64_t ones[] = {1, 1};
    const char *x = export_in(e, 0);
    if (s.rank == 1) x = export_reshaped(e, x, (Shape){2, {s.dim[0], 1}});
    const char *in[] = {x, export_quantized_weight(e, a, 0), export_quantized_bias(e)};
    Onnx__NodeProto *n = export_node(e, "Conv", 3, in);
    export_attr_ints(e, n, "kernel_shape", rank - 1, ones);
    export_attr_int(e, n, "group", s.dim[0]);
    return s.rank == 1 ? export_reshaped(e, export_result(n), s) : export_result(n);
}

/* ---- simulated integers ------------------------------------------------------------------------- */

/* Of bounds that no type of ONNX has. */
static const char *export_cut_off_steps(Export *e, double step, int64_t low, int64_t high)
{
    const char *whole = export_unary(e, "Round", export_binary(e, "Div", export_in(e, 0), export_real(e, step)));
    const char *in[] = {whole, export_real(e, (double)low), export_real(e, (double)high)};
    return export_binary(e, "Mul", export_result(export_node(e, "Clip", 3, in)), export_real(e, step));
}

static const char *export_fake_quantize(Export *e)
{
    const Tensor *learned = export_param_tensor(e, "scale");
    const double step =
        learned ? (double)e->ex->request->values(e->ex->request->user, learned)[0] : argument_real(e->node, "scale");
    const int64_t zero = argument_int(e->node, "zero"), low = argument_int(e->node, "low"),
                  high = argument_int(e->node, "high");
    if (!(step > 0)) return export_refuse(e, "a scale of %g", step);
    const float point = (float)zero;
    const ExportArray number = {.values = &point};
    if (low != -128 || high != 127) return export_cut_off_steps(e, step, low - zero, high - zero);
    const char *in[] = {export_in(e, 0), int8_scales(e, arena_printf(e->ex->arena, "%s/scale", e->base), 0, 1, &step),
                        int_array(e, arena_printf(e->ex->arena, "%s/zero_point", e->base),
                                  ONNX__TENSOR_PROTO__DATA_TYPE__INT8, 1, &number)};
    in[0] = export_result(export_node(e, "QuantizeLinear", 3, in));
    return export_result(export_node(e, "DequantizeLinear", 3, in));
}

const ExportRow export_quantized_rows[] = {{"fake_quantize", export_fake_quantize}, {0}};
