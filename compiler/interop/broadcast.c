/*
 * broadcast: operands of several shapes → nodes of one rank.
 *
 * ONNX aligns shapes at their last axes; the language's combinators want ranks that are
 * equal.  Where one operand has the batch as axis 0, all must have it there, or be constants
 * that are the same for all samples.
 */
#include "interop/importer.h"

static bool result_dims(Conversion *c, OnnxValue *const *in, int count, OnnxValue *out)
{
    *out = (OnnxValue){.name = ""};
    for (int i = 0; i < count; i++) out->rank = in[i]->rank > out->rank ? in[i]->rank : out->rank;
    for (int i = 0; i < out->rank; i++) out->dims[i] = 1;
    for (int i = 0; i < count; i++)
        for (int a = 0; a < in[i]->rank; a++) {
            int64_t *dim = &out->dims[out->rank - in[i]->rank + a], own = in[i]->dims[a];
            if (*dim != own && *dim != 1 && own != 1) return refuse(c, "the sizes of its inputs do not agree");
            if (*dim == 1) *dim = own;
        }
    return true;
}

/* Whether the value can be an operand where axis 0 of `rank` is the batch. */
static bool serves_batched(const OnnxValue *v, int rank)
{
    if (v->batched) return v->rank == rank;
    return v->rank < rank || v->dims[0] == 1;
}

/* The node of a value in the shape of a sample of `rank` axes, 1s before its own. */
static ImportNode *aligned_node(Conversion *c, OnnxValue *v, int rank, bool batched)
{
    Shape s = {.rank = rank - batched};
    for (int i = 0; i < s.rank; i++) {
        const int axis = i + batched - (rank - v->rank);
        s.dim[i] = axis < 0 ? 1 : v->dims[axis];
    }
    if (!s.rank) s = shape_vector(1);
    ImportNode *n = v->constant && !v->node ? param_source(c, v->constant, s) : value_node(c, v);
    return n ? reshaped(c, n, s) : NULL;
}

bool broadcast(Conversion *c, OnnxValue *const *in, int count, OnnxValue *out, ImportNode **nodes)
{
    if (!result_dims(c, in, count, out)) return false;
    bool fits = true;
    for (int i = 0; i < count; i++) out->batched |= in[i]->batched;
    for (int i = 0; i < count && out->batched; i++) fits &= serves_batched(in[i], out->rank);
    if (!fits && c->imp->batch != 1) return refuse(c, "its inputs do not have the batch as one axis");
    out->batched &= fits;
    if (out->rank - out->batched > MAX_RANK)
        return refuse(c, "a sample of %d axes: there are at most %d", out->rank - out->batched, MAX_RANK);
    for (int i = 0; i < count; i++) {
        OnnxValue *v = fits ? in[i] : as_whole(c, in[i]);
        nodes[i] = v ? aligned_node(c, v, out->rank, out->batched) : NULL;
        if (!nodes[i]) return refuse(c, "its inputs do not have the batch as one axis");
    }
    return true;
}
