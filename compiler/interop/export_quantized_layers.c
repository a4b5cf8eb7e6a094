/*
 * export_quantized_layers: layers that there are for integers, as a batchnorm by itself, and those that simulate
 * them.
 */
#include "interop/exporter.h"

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
    if (low != -128 || high != 127) return export_cut_off_steps(e, step, low - zero, high - zero);
    return export_integers(e, export_in(e, 0), arena_printf(e->ex->arena, "%s/", e->base), step, zero);
}

const ExportRow export_quantized_rows[] = {{"fake_quantize", export_fake_quantize}, {0}};
