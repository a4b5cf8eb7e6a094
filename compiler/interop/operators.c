/*
 * operators: which row of the families' tables converts an operator.
 */
#include <string.h>

#include "interop/importer.h"

static const OnnxOperator *const onnx_families[] = {
    onnx_conv_operators,       onnx_matrix_operators,      onnx_pool_operators,      onnx_norm_operators,
    onnx_activation_operators, onnx_elementwise_operators, onnx_logic_operators,     onnx_shape_operators,
    onnx_resize_operators,     onnx_reduction_operators,   onnx_loss_operators,      onnx_einsum_operators,
    onnx_index_operators,      onnx_rounding_operators,    onnx_quantized_operators,
};

bool onnx_takes_any_rank(const Onnx__NodeProto *n)
{
    static const char *const names[] = {"Reshape", "Flatten", "Unsqueeze", "Squeeze", "Transpose", "Gather",
                                        "Add",     "Sub",     "Mul",       "Div",     "Einsum"};
    return name_is_one_of(n->op_type, names, sizeof names / sizeof *names);
}

bool onnx_is_main_domain(const char *domain) { return !domain || !*domain || strcmp(domain, "ai.onnx") == 0; }

int onnx_input_left_out(const Conversion *c, const OnnxOperator *row)
{
    const int needs = row->needs != EACH_INPUT ? row->needs : c->in_count ? c->in_count : 1;
    for (int i = 0; i < needs; i++)
        if (!has_input(c, i)) return i;
    return -1;
}

static const OnnxOperator *find_row(const OnnxOperator *rows, const char *name, int opset, bool *known_name)
{
    for (const OnnxOperator *o = rows; o->name; o++) {
        if (strcmp(o->name, name) != 0) continue;
        *known_name = true;
        if (opset >= o->since && (!o->until || opset <= o->until)) return o;
    }
    return NULL;
}

const OnnxOperator *onnx_operator_find(const Onnx__NodeProto *n, int opset, bool *known_name)
{
    const OnnxOperator *found = NULL;
    if (!onnx_is_main_domain(n->domain)) {
        const bool trains = strcmp(n->domain, "ai.onnx.preview.training") == 0;
        return trains ? find_row(onnx_training_operators, n->op_type, 1, known_name) : NULL;
    }
    for (size_t f = 0; f < sizeof onnx_families / sizeof *onnx_families && !found; f++)
        found = find_row(onnx_families[f], n->op_type, opset, known_name);
    return found;
}
