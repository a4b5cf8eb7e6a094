/*
 * export_matrix: matrix products.
 */
#include "interop/exporter.h"

/* x · Wᵀ + b of vectors, W as PyTorch has it. */
static const char *dense_of_vectors(Export *e)
{
    const char *in[] = {export_in(e, 0), export_param(e, "weight", 0, NULL), export_param(e, "bias", 0, NULL)};
    Onnx__NodeProto *n = export_node(e, "Gemm", in[2] ? 3 : 2, in);
    export_attr_int(e, n, "transB", 1);
    return export_result(n);
}

/* x · W, of rows: W as ONNX has it. */
static const char *transposed_weight(Export *e)
{
    const int64_t swap[] = {1, 0};
    if (!e->layer) return export_transposed(e, export_param(e, "weight", 0, NULL), 2, swap);
    const Shape s = export_param_tensor(e, "weight")->shape;
    return export_quantized_weight(e, (ExportArray){2, {s.dim[1], s.dim[0]}, export_values(e, NULL)}, 1);
}

/* Of each row of a sequence: Gemm takes vectors alone. */
static const char *export_dense(Export *e)
{
    if (node_shape_in(e->node).rank == 1) return dense_of_vectors(e);
    const char *x = export_binary(e, "MatMul", export_in(e, 0), transposed_weight(e)),
               *bias = export_param(e, "bias", 0, NULL);
    return bias ? export_binary(e, "Add", x, bias) : x;
}

static const char *export_matmul(Export *e) { return export_binary(e, "MatMul", export_in(e, 0), export_in(e, 1)); }

const ExportRow export_matrix_rows[] = {{"dense", export_dense}, {"matmul", export_matmul}, {0}};
