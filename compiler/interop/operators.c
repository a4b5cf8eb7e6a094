/*
 * operators: which row of the families' tables converts an operator.
 */
#include <string.h>

#include "interop/importer.h"

static const OnnxOperator *const onnx_families[] = {
    onnx_conv_operators,       onnx_matrix_operators,      onnx_pool_operators,  onnx_norm_operators,
    onnx_activation_operators, onnx_elementwise_operators, onnx_logic_operators, onnx_shape_operators,
    onnx_resize_operators,     onnx_reduction_operators,   onnx_loss_operators,
};

const OnnxOperator *onnx_operator_find(const char *name, int opset, bool *known_name)
{
    for (size_t f = 0; f < sizeof onnx_families / sizeof *onnx_families; f++)
        for (const OnnxOperator *o = onnx_families[f]; o->name; o++) {
            if (strcmp(o->name, name) != 0) continue;
            *known_name = true;
            if (opset >= o->since && (!o->until || opset <= o->until)) return o;
        }
    return NULL;
}
