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

/* Axes of a sample that are merged into one: `of` is which, by axis. */
typedef struct MergedAxes {
    int of[ONNX_MAX_RANK], count;
} MergedAxes;

/* The size that a value has in axis `axis` of the result. */
static int64_t aligned_dim(const OnnxValue *v, const OnnxValue *out, int axis)
{
    const int own = axis - (out->rank - v->rank);
    return own < 0 ? 1 : v->dims[own];
}

/* Whether each operand is stretched along both axes, or along neither. */
static bool stretch_alike(OnnxValue *const *in, int count, const OnnxValue *out, int a, int b)
{
    bool alike = true;
    for (int i = 0; i < count; i++)
        alike &= (aligned_dim(in[i], out, a) == out->dims[a]) == (aligned_dim(in[i], out, b) == out->dims[b]);
    return alike;
}

/* Each axis by itself, or where these are too many for a shape, neighbours that are stretched alike together. */
static MergedAxes merge_axes(OnnxValue *const *in, int count, const OnnxValue *out)
{
    MergedAxes m = {.count = 0};
    const int rank = out->rank - out->batched;
    for (int i = 0; i < rank; i++) {
        const int axis = i + out->batched;
        const bool merges = rank > MAX_RANK && i > 0 && stretch_alike(in, count, out, axis - 1, axis);
        m.of[i] = merges ? m.count - 1 : m.count++;
    }
    return m;
}

/* The node of a value with the axes of the result, 1s before its own. */
static ImportNode *aligned_node(Conversion *c, OnnxValue *v, const OnnxValue *out, const MergedAxes *m)
{
    Shape s = {.rank = m->count};
    for (int i = 0; i < s.rank; i++) s.dim[i] = 1;
    for (int i = 0; i + out->batched < out->rank; i++) s.dim[m->of[i]] *= aligned_dim(v, out, i + out->batched);
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
    const MergedAxes m = merge_axes(in, count, out);
    if (m.count > MAX_RANK) return refuse(c, "a sample of %d axes: there are at most %d", m.count, MAX_RANK);
    for (int i = 0; i < count; i++) {
        OnnxValue *v = fits ? in[i] : as_whole(c, in[i]);
        nodes[i] = v ? aligned_node(c, v, out, &m) : NULL;
        if (!nodes[i]) return refuse(c, "its inputs do not have the batch as one axis");
    }
    return true;
}
