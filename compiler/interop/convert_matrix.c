/*
 * convert_matrix: matrix products.
 */
#include <string.h>

#include "interop/importer.h"

/* rows×columns of k, the other way round: dense has [out][in]. */
static float *transposed(Conversion *c, OnnxConstant *k, double by)
{
    const int64_t rows = k->dims[0], columns = k->dims[1];
    const FileFloat *from = constant_floats(c->imp, k);
    float *out = arena_alloc(c->imp->arena, (size_t)(k->count + 1) * sizeof *out);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) out[j * rows + i] = (float)by * from[i * columns + j];
    return out;
}

static const FileFloat *times(Conversion *c, OnnxConstant *k, double by)
{
    const FileFloat *from = constant_floats(c->imp, k);
    if (by == 1) return from;
    float *out = arena_alloc(c->imp->arena, (size_t)(k->count + 1) * sizeof *out);
    for (int64_t i = 0; i < k->count; i++) out[i] = (float)by * from[i];
    return out;
}

/* x · W with W of in×out, or out×in where it is turned already. */
static ImportNode *dense_layer(Conversion *c, ImportNode *x, OnnxConstant *k, bool turned, double by)
{
    const int64_t in = k->dims[turned], out = k->dims[!turned];
    Shape s = x->shape;
    s.dim[s.rank - 1] = out;
    ImportNode *n = layer(c, "dense", x, s);
    arg_int(c->imp, n, "out", out);
    arg_bool(c->imp, n, "bias", false);
    const Shape weight = {2, {out, in}};
    if (turned && by == 1)
        layer_param(c, n, "weight", weight, k);
    else {
        layer_param(c, n, "weight", weight, k); /* for the label */
        ImportParam *p = n->params.at[0];
        p->data = turned ? times(c, k, by) : transposed(c, k, by);
        p->exact = NULL;
        p->steps = by == 1 && (k->step_count == 1 || k->step_axis == !turned) ? k->steps : NULL;
    }
    return n;
}

static void dense_bias(Conversion *c, ImportNode *n, OnnxConstant *k, double by)
{
    const ImportArg *bias = import_arg(n, "bias");
    if (bias) bias->value->integer = 1;
    layer_param_floats(c, n, "bias", shape_vector(k->count), times(c, k, by));
    if (by == 1) ((ImportParam *)n->params.at[n->params.count - 1])->exact = k->values;
}

/* ---- general ---------------------------------------------------------------------------- */

static ImportNode *turned_last(Conversion *c, ImportNode *n)
{
    int axes[MAX_RANK] = {0, 1, 2, 3};
    axes[n->shape.rank - 1] = n->shape.rank - 2;
    axes[n->shape.rank - 2] = n->shape.rank - 1;
    return permuted(c, n, axes);
}

ImportNode *matrix_product(Conversion *c, ImportNode *a, ImportNode *b)
{
    const int rank = a->shape.rank > b->shape.rank ? a->shape.rank : b->shape.rank;
    ImportNode *both[] = {a, b};
    for (int i = 0; i < 2; i++) {
        Shape s = {.rank = rank};
        for (int d = 0; d < rank; d++) {
            const int own = d - (rank - both[i]->shape.rank);
            s.dim[d] = own < 0 ? 1 : both[i]->shape.dim[own];
        }
        both[i] = reshaped(c, both[i], s);
    }
    ImportNode *n = combine(c, "matmul", both[0], both[1]);
    for (int d = 0; d < rank - 2; d++)
        n->shape.dim[d] = both[0]->shape.dim[d] > both[1]->shape.dim[d] ? both[0]->shape.dim[d] : both[1]->shape.dim[d];
    n->shape.dim[rank - 2] = both[0]->shape.dim[rank - 2];
    n->shape.dim[rank - 1] = both[1]->shape.dim[rank - 1];
    return n;
}

static bool product_dims(Conversion *c, const OnnxValue *a, const OnnxValue *b, OnnxValue *out)
{
    *out = (OnnxValue){.name = "", .rank = a->rank > b->rank ? a->rank : b->rank};
    if (a->dims[a->rank - 1] != b->dims[b->rank - 2]) return refuse(c, "the sizes of its inputs do not agree");
    for (int i = 0; i < out->rank - 2; i++) {
        const int ia = i - (out->rank - a->rank), ib = i - (out->rank - b->rank);
        const int64_t da = ia < 0 ? 1 : a->dims[ia], db = ib < 0 ? 1 : b->dims[ib];
        out->dims[i] = da > db ? da : db;
    }
    out->dims[out->rank - 2] = a->dims[a->rank - 2];
    out->dims[out->rank - 1] = b->dims[b->rank - 1];
    return true;
}

/* A vector as a matrix of one row or one column. */
static OnnxValue *as_matrix(Conversion *c, OnnxValue *v, bool row)
{
    if (v->rank != 1) return v;
    const int64_t dims[] = {row ? 1 : v->dims[0], row ? v->dims[0] : 1};
    OnnxValue *w = as_whole(c, v);
    return w ? value_new(c->imp, reshaped(c, w->node, (Shape){2, {dims[0], dims[1]}}), 2, dims, false) : NULL;
}

static bool general_matmul(Conversion *c)
{
    OnnxValue *a = as_matrix(c, c->in[0], true), *b = as_matrix(c, c->in[1], false), out;
    if (!a || !b || a->rank < 2 || b->rank < 2) return refuse(c, "its inputs do not have the batch as one axis");
    if (!product_dims(c, a, b, &out)) return false;
    /* With the batch as axis 0 of both, or of the first with at least a matrix after it. */
    const bool both = a->batched && b->batched && a->rank == b->rank && a->rank > 2;
    const bool first = a->batched && a->rank > 2 && b->constant && b->rank < a->rank;
    out.batched = both || first;
    if (!out.batched && ((a = as_whole(c, a)) == NULL || (b = as_whole(c, b)) == NULL))
        return refuse(c, "its inputs do not have the batch as one axis");
    ImportNode *x = value_node(c, a), *y = value_node(c, b);
    if (!x || !y || out.rank - out.batched > MAX_RANK) return refuse(c, "its inputs have too many axes");
    ImportNode *n = matrix_product(c, x, y);
    int64_t dims[ONNX_MAX_RANK];
    int rank = 0;
    for (int i = 0; i < out.rank; i++)
        if (!(i == out.rank - 2 && c->in[0]->rank == 1) && !(i == out.rank - 1 && c->in[1]->rank == 1))
            dims[rank++] = out.dims[i];
    OnnxValue *result = value_new(c->imp, NULL, rank, dims, out.batched);
    return put_like(c, reshaped(c, n, sample_shape(result)), result);
}

/* dense where the second is a matrix of weights: of each row, whatever axes are before it. */
static bool convert_matmul(Conversion *c)
{
    OnnxValue *x = c->in[0];
    OnnxConstant *k = c->in[1]->constant;
    const bool rows = x->node && x->rank >= 2 && sample_rank(x) >= 1;
    if (!k || k->rank != 2 || !rows || x->dims[x->rank - 1] != k->dims[0] || k->dims[0] == 0) return general_matmul(c);
    int64_t dims[ONNX_MAX_RANK];
    memcpy(dims, x->dims, sizeof dims);
    dims[x->rank - 1] = k->dims[1];
    OnnxValue *result = value_new(c->imp, NULL, x->rank, dims, x->batched);
    ImportNode *n = x->node;
    if (n->shape.rank > 2 || sample_rank(x) > MAX_RANK)
        n = reshaped(c, n, (Shape){2, {shape_count(n->shape) / k->dims[0], k->dims[0]}});
    n = dense_layer(c, n, k, false, 1);
    if (sample_rank(x) > 2) n = reshaped(c, n, sample_shape(result));
    return put_like(c, n, result);
}

/* ---- Gemm ------------------------------------------------------------------------------------ */

static bool gemm_general(Conversion *c, double alpha, double beta)
{
    OnnxValue *a = as_whole(c, c->in[0]), *b = as_whole(c, c->in[1]), out;
    if (!a || !b || a->rank != 2 || b->rank != 2) return refuse(c, "its inputs do not have the batch as one axis");
    ImportNode *x = value_node(c, a), *y = value_node(c, b);
    if (onnx_attr_int(c, "transA", 0)) x = turned_last(c, x);
    if (onnx_attr_int(c, "transB", 0)) y = turned_last(c, y);
    if (x->shape.dim[1] != y->shape.dim[0]) return refuse(c, "the sizes of its inputs do not agree");
    ImportNode *n = scaled(c, matrix_product(c, x, y), alpha), *nodes[2];
    OnnxValue *product = value_new(c->imp, n, 2, n->shape.dim, false);
    if (!has_input(c, 2) || beta == 0) return put_like(c, n, product);
    OnnxValue *const in[] = {product, c->in[2]};
    if (!broadcast(c, in, 2, &out, nodes)) return false;
    return put_like(c, combine(c, "add", nodes[0], scaled(c, nodes[1], beta)), &out);
}

static bool convert_gemm(Conversion *c)
{
    const double alpha = onnx_attr_real(c, "alpha", 1), beta = onnx_attr_real(c, "beta", 1);
    const bool turned = onnx_attr_int(c, "transB", 0);
    OnnxValue *x = c->in[0];
    OnnxConstant *k = c->in[1]->constant, *bias = has_input(c, 2) ? c->in[2]->constant : NULL;
    const bool plain_bias =
        !has_input(c, 2) || (bias && k && k->rank == 2 && bias->rank >= 1 && bias->count == k->dims[!turned] &&
                             bias->dims[bias->rank - 1] == bias->count);
    if (!k || k->rank != 2 || !plain_bias || onnx_attr_int(c, "transA", 0) || x->rank != 2 || !x->node ||
        x->dims[1] != k->dims[turned])
        return gemm_general(c, alpha, beta);
    ImportNode *n = dense_layer(c, x->node, k, turned, alpha);
    if (bias) dense_bias(c, n, bias, beta);
    return put_output(c, 0, n, 2, (const int64_t[]){x->dims[0], k->dims[!turned]}, x->batched);
}

const OnnxOperator onnx_matrix_operators[] = {
    {"MatMul", 1, 0, 2, convert_matmul},
    {"Gemm", 1, 0, 2, convert_gemm},
    {0},
};
