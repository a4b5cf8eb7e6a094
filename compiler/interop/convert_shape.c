/*
 * convert_shape: operators that move numbers without computing.
 */
#include <string.h>

#include "interop/importer.h"

enum { MOST_PARTS = 256, MOST_TURNED = 8 }; /* slices that one operator becomes */

/* ---- other shapes of the same numbers ----------------------------------------------- */

/* The value under dimensions of as many numbers: with the batch as axis 0 where it stays. */
static bool put_reshaped(Conversion *c, int rank, const int64_t *dims)
{
    OnnxValue *x = c->in[0];
    if (dims_count(rank, dims) != dims_count(x->rank, x->dims) || dims_count(rank, dims) == 0)
        return refuse(c, "its shape does not have as many numbers as its input");
    const bool batched = x->batched && rank > 0 && dims[0] == c->imp->batch;
    if (!batched && c->imp->batch != 1) return refuse(c, "it moves axis 0, the batch");
    OnnxValue *out = value_new(c->imp, NULL, rank, dims, batched);
    ImportNode *n = value_node(c, x);
    return n && put_like(c, reshaped(c, n, sample_shape(out)), out);
}

static bool convert_reshape(Conversion *c)
{
    OnnxValue *x = c->in[0];
    int64_t dims[ONNX_MAX_RANK], fixed = 1;
    const int rank = known_ints(c, "shape", 1, dims, ONNX_MAX_RANK);
    int open = -1;
    for (int i = 0; i < rank; i++) {
        if (dims[i] == 0 && i < x->rank && !onnx_attr_int(c, "allowzero", 0)) dims[i] = x->dims[i];
        if (dims[i] < -1 || dims[i] == 0) return refuse(c, "its shape has a size of %lld", (long long)dims[i]);
        if (dims[i] == -1)
            open = i;
        else if (__builtin_mul_overflow(fixed, dims[i], &fixed))
            return refuse(c, "its shape is too large");
    }
    if (open >= 0) dims[open] = dims_count(x->rank, x->dims) / fixed;
    return rank >= 0 && put_reshaped(c, rank, dims);
}

static bool convert_flatten(Conversion *c)
{
    OnnxValue *x = c->in[0];
    int64_t axis = onnx_attr_int(c, "axis", 1);
    if (axis < 0) axis += x->rank;
    if (axis < 0 || axis > x->rank) return refuse(c, "it has no axis %lld", (long long)axis);
    const int64_t outer = dims_count((int)axis, x->dims);
    return put_reshaped(c, 2, (const int64_t[]){outer, dims_count(x->rank - (int)axis, x->dims + axis)});
}

static bool convert_unsqueeze(Conversion *c)
{
    OnnxValue *x = c->in[0];
    int64_t axes[ONNX_MAX_RANK], dims[ONNX_MAX_RANK];
    const int count = known_ints(c, "axes", 1, axes, ONNX_MAX_RANK), rank = x->rank + count;
    if (count < 0 || rank > ONNX_MAX_RANK) return false;
    unsigned added = 0;
    for (int i = 0; i < count; i++) added |= 1u << (onnx_axis(axes[i], rank) & 31);
    for (int i = 0, next = 0; i < rank; i++) dims[i] = added >> i & 1 || next >= x->rank ? 1 : x->dims[next++];
    return put_reshaped(c, rank, dims);
}

static bool convert_squeeze(Conversion *c)
{
    OnnxValue *x = c->in[0];
    int64_t axes[ONNX_MAX_RANK], dims[ONNX_MAX_RANK];
    const int count = known_ints(c, "axes", 1, axes, ONNX_MAX_RANK);
    if (count < -1) return false;
    unsigned removed = 0;
    int rank = 0;
    for (int i = 0; i < count; i++) removed |= 1u << (onnx_axis(axes[i], x->rank) & 31);
    for (int i = 0; i < x->rank; i++)
        if (count < 0 ? x->dims[i] != 1 : !(removed >> i & 1)) dims[rank++] = x->dims[i];
    return put_reshaped(c, rank, dims);
}

/* ---- other orders ------------------------------------------------------------------------ */

/* Axis 0 of one sample may go anywhere: it has one element, and becomes an axis like the others. */
static OnnxValue *with_free_batch(Conversion *c, OnnxValue *x)
{
    if (c->imp->batch != 1) return NULL;
    OnnxValue *w = value_new(c->imp, NULL, x->rank, x->dims, false);
    w->node = reshaped(c, x->node, sample_shape(w));
    return w;
}

static bool convert_transpose(Conversion *c)
{
    OnnxValue *x = c->in[0];
    int64_t perm[ONNX_MAX_RANK], dims[ONNX_MAX_RANK];
    int axes[ONNX_MAX_RANK];
    unsigned seen = 0;
    const int count = onnx_attr_ints(c, "perm", perm, ONNX_MAX_RANK);
    if (count >= 0 && count != x->rank) return refuse(c, "its perm has %d numbers", count);
    for (int i = 0; i < x->rank; i++) {
        const int axis = count < 0 ? x->rank - 1 - i : onnx_axis(perm[i], x->rank);
        if (axis < 0) return refuse(c, "its perm is none");
        if (seen >> axis & 1) return refuse(c, "its perm has an axis twice");
        seen |= 1u << axis;
        axes[i] = axis;
        dims[i] = x->dims[axis];
    }
    if (x->batched && axes[0] != 0) x = with_free_batch(c, x);
    if (!x || !value_node(c, x)) return refuse(c, "it moves axis 0, the batch");
    for (int i = 0; i + x->batched < x->rank; i++) axes[i] = axes[i + x->batched] - x->batched;
    const int rank = sample_rank(x);
    ImportNode *n = value_node(c, x);
    n = rank > MAX_RANK ? permuted_in_steps(c, n, rank, x->dims + x->batched, axes) : permuted(c, n, axes);
    return put_output(c, 0, n, x->rank, dims, x->batched);
}

/* DCR: channel (u·r + v)·C + c goes to row u and column v of channel c; CRD: (c·r + u)·r + v. */
static bool convert_depth_to_space(Conversion *c)
{
    OnnxValue *x = as_batched(c, c->in[0]);
    const int64_t r = onnx_attr_int(c, "blocksize", 1);
    if (!x || x->rank != 4 || r < 1 || x->dims[1] % (r * r)) return refuse(c, "its input is no image of blocks");
    const Shape s = sample_shape(x);
    const int64_t out = s.dim[0] / (r * r);
    ImportNode *n = x->node;
    if (strcmp(onnx_attr_string(c, "mode", "DCR"), "DCR") == 0) {
        n = reshaped(c, n, shape_image(r * r, out, s.dim[1] * s.dim[2]));
        n = reshaped(c, permuted(c, n, (const int[]){1, 0, 2}), s);
    }
    n = layer(c, "depth_to_space", n, shape_image(out, s.dim[1] * r, s.dim[2] * r));
    arg_int(c->imp, n, "block", r);
    return put_output(c, 0, n, 4, (const int64_t[]){x->dims[0], out, s.dim[1] * r, s.dim[2] * r}, true);
}

static bool convert_space_to_depth(Conversion *c)
{
    OnnxValue *x = as_batched(c, c->in[0]);
    const int64_t r = onnx_attr_int(c, "blocksize", 1);
    if (!x || x->rank != 4 || r < 1 || x->dims[2] % r || x->dims[3] % r)
        return refuse(c, "its input is no image of blocks");
    const int64_t in = x->dims[1], h = x->dims[2] / r, w = x->dims[3] / r;
    ImportNode *n = layer(c, "space_to_depth", x->node, shape_image(in * r * r, h, w));
    arg_int(c->imp, n, "block", r);
    n = reshaped(c, n, shape_image(in, r * r, h * w));
    n = reshaped(c, permuted(c, n, (const int[]){1, 0, 2}), shape_image(in * r * r, h, w));
    return put_output(c, 0, n, 4, (const int64_t[]){x->dims[0], in * r * r, h, w}, true);
}

/* ---- parts ---------------------------------------------------------------------------------- */

/* An input whose axis can be cut: behind the batch, or the whole sample; *axis is the node's. */
static OnnxValue *cut_input(Conversion *c, int64_t onnx, int *axis)
{
    OnnxValue *x = c->in[0];
    *axis = onnx_axis(onnx, x->rank);
    if (*axis < 0) {
        refuse(c, "it has no axis %lld", (long long)onnx);
        return NULL;
    }
    if (x->batched && *axis == 0) x = as_whole(c, x);
    if (!x || !value_node(c, x)) {
        refuse(c, "it cuts axis 0, the batch");
        return NULL;
    }
    *axis -= x->batched;
    return x;
}

/* The node with an axis that can be cut: where there are too many, those before it and behind it are merged. */
static ImportNode *cut_node(Conversion *c, const OnnxValue *x, int *axis)
{
    const int rank = sample_rank(x);
    if (rank <= MAX_RANK) return x->node;
    const int64_t *dims = x->dims + x->batched, size = dims[*axis];
    const Shape s = shape_image(dims_count(*axis, dims), size, dims_count(rank - *axis - 1, dims + *axis + 1));
    *axis = 1;
    return reshaped(c, x->node, s);
}

/* Whether the inputs of a concat have the same sizes but along its axis. */
static bool can_be_joined(const Conversion *c, int axis)
{
    for (int i = 1; i < c->in_count; i++) {
        if (c->in[i]->rank != c->in[0]->rank) return false;
        for (int a = 0; a < c->in[0]->rank; a++)
            if (a != axis && c->in[i]->dims[a] != c->in[0]->dims[a]) return false;
    }
    return true;
}

static bool convert_concat(Conversion *c)
{
    bool batched = false;
    const int axis = onnx_axis(onnx_attr_int(c, "axis", 1), c->in[0]->rank);
    int64_t dims[ONNX_MAX_RANK], size = 0;
    if (axis < 0) return refuse(c, "it has no such axis");
    if (!can_be_joined(c, axis)) return refuse(c, "the sizes of its inputs do not agree");
    for (int i = 0; i < c->in_count; i++) batched |= c->in[i]->batched;
    batched &= axis > 0;
    memcpy(dims, c->in[0]->dims, sizeof dims);
    List parts = {0};
    for (int i = 0; i < c->in_count; i++) {
        OnnxValue *x = batched ? as_batched(c, c->in[i]) : as_whole(c, c->in[i]);
        if (!x || !value_node(c, x)) return refuse(c, "it joins along axis 0, the batch, or with a constant");
        size += x->dims[axis];
        list_push(c->imp->arena, &parts, x->node);
    }
    dims[axis] = size;
    return put_output(c, 0, joined(c, axis - batched, &parts), c->in[0]->rank, dims, batched);
}

static bool convert_split(Conversion *c)
{
    int axis;
    OnnxValue *x = cut_input(c, onnx_attr_int(c, "axis", 0), &axis);
    if (!x) return false;
    int64_t parts[MOST_PARTS], dims[ONNX_MAX_RANK], begin = 0;
    const int64_t all = x->node->shape.dim[axis], each = div_round_up(all, c->out_count ? c->out_count : 1);
    const int count = known_ints(c, "split", 1, parts, MOST_PARTS);
    if (count < -1 || c->out_count > MOST_PARTS || (count >= 0 && count != c->out_count)) return false;
    memcpy(dims, x->dims, sizeof dims);
    for (int i = 0; i < c->out_count; i++) {
        int64_t size = count < 0 ? each : parts[i];
        if (count < 0 && begin + size > all) size = all - begin;
        if (size < 1 || begin + size > all) return refuse(c, "a part has no elements");
        dims[axis + x->batched] = size;
        if (!put_output(c, i, sliced(c, x->node, axis, begin, begin + size, 1), x->rank, dims, x->batched))
            return false;
        begin += size;
    }
    return true;
}

/* The elements of an axis in the opposite order, as a join of slices. */
static ImportNode *picked(Conversion *c, ImportNode *in, int axis, const int64_t *index, int64_t count)
{
    List parts = {0};
    for (int64_t i = 0, run; i < count; i += run) {
        for (run = 1; i + run < count && index[i + run] == index[i] + run; run++) {
        }
        list_push(c->imp->arena, &parts, sliced(c, in, axis, index[i], index[i] + run, 1));
    }
    return joined(c, axis, &parts);
}

static ImportNode *slice_axis(Conversion *c, ImportNode *n, int axis, int64_t begin, int64_t end, int64_t step)
{
    int64_t index[MOST_PARTS], count = 0;
    if (step > 0) return sliced(c, n, axis, begin, end, step);
    for (int64_t i = begin; i > end && count < MOST_PARTS; i += step) index[count++] = i;
    return count <= MOST_TURNED ? picked(c, n, axis, index, count) : NULL;
}

/* begin and end of ONNX in the axis, as Python counts. */
static void slice_bounds(int64_t size, int64_t step, int64_t *begin, int64_t *end)
{
    const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
    int64_t *const both[] = {begin, end};
    for (int i = 0; i < 2; i++) {
        if (*both[i] < 0) *both[i] = *both[i] < -size ? low : *both[i] + size;
        *both[i] = *both[i] < low ? low : *both[i] > high ? high : *both[i];
    }
}

static bool convert_slice(Conversion *c)
{
    int64_t begins[ONNX_MAX_RANK], ends[ONNX_MAX_RANK], axes[ONNX_MAX_RANK], steps[ONNX_MAX_RANK], dims[ONNX_MAX_RANK];
    const int count = known_ints(c, "starts", 1, begins, ONNX_MAX_RANK);
    if (count < 0 || known_ints(c, "ends", 2, ends, ONNX_MAX_RANK) != count) return false;
    const int named = known_ints(c, "axes", 3, axes, ONNX_MAX_RANK),
              stepped = known_ints(c, NULL, 4, steps, ONNX_MAX_RANK);
    OnnxValue *x = c->in[0];
    ImportNode *n = value_node(c, x);
    if (!n || named < -1 || stepped < -1) return false;
    if ((named >= 0 && named != count) || (stepped >= 0 && stepped != count))
        return refuse(c, "its starts, axes and steps are not as many");
    memcpy(dims, x->dims, sizeof dims);
    bool batched = x->batched;
    for (int i = 0; i < count; i++) {
        const int axis = onnx_axis(named < 0 ? i : axes[i], x->rank);
        const int64_t step = stepped < 0 ? 1 : steps[i];
        if (axis < 0 || step == 0) return refuse(c, "its axes or steps are wrong");
        slice_bounds(x->dims[axis], step, &begins[i], &ends[i]);
        if (step > 0 && begins[i] == 0 && ends[i] == x->dims[axis] && step == 1) continue;
        if (batched && axis == 0) {
            OnnxValue *w = as_whole(c, x);
            if (!w || n != x->node) return refuse(c, "it cuts axis 0, the batch");
            n = w->node;
            batched = false;
        }
        if (step > 0 ? ends[i] <= begins[i] : ends[i] >= begins[i]) return refuse(c, "its result has no elements");
        if (!(n = slice_axis(c, n, axis - batched, begins[i], ends[i], step))) return refuse(c, "it turns a long axis");
        dims[axis] = n->shape.dim[axis - batched];
    }
    return put_output(c, 0, n, x->rank, dims, batched);
}

/* Indices that are known: slices, joined. */
static bool convert_gather(Conversion *c)
{
    int axis;
    if (!known(c, 1)) return gather_unknown(c);
    OnnxConstant *k = known(c, 1);
    OnnxValue *x = k ? cut_input(c, onnx_attr_int(c, "axis", 0), &axis) : NULL;
    if (!x || k->count > MOST_PARTS || k->count < 1)
        return x && refuse(c, "it picks %lld elements", (long long)k->count);
    int64_t index[MOST_PARTS], dims[2 * ONNX_MAX_RANK];
    const int64_t size = x->dims[axis + x->batched];
    for (int64_t i = 0; i < k->count; i++) {
        index[i] = whole_number(constant_values(c->imp, k)[i]);
        if (index[i] < 0) index[i] += size;
        if (index[i] < 0 || index[i] >= size) return refuse(c, "an index is beyond its axis");
    }
    int rank = 0;
    for (int i = 0; i < axis + x->batched; i++) dims[rank++] = x->dims[i];
    for (int i = 0; i < k->rank; i++) dims[rank++] = k->dims[i];
    for (int i = axis + x->batched + 1; i < x->rank; i++) dims[rank++] = x->dims[i];
    if (rank > ONNX_MAX_RANK) return refuse(c, "its result has too many axes");
    OnnxValue *out = value_new(c->imp, NULL, rank, dims, x->batched);
    ImportNode *n = cut_node(c, x, &axis);
    return put_like(c, reshaped(c, picked(c, n, axis, index, k->count), sample_shape(out)), out);
}

/* ---- repeated ------------------------------------------------------------------------------------ */

static bool convert_expand(Conversion *c)
{
    int64_t dims[ONNX_MAX_RANK];
    const int rank = known_ints(c, NULL, 1, dims, ONNX_MAX_RANK);
    if (rank < 0) return false;
    OnnxConstant *zeros = constant_new(c->imp, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, rank, dims);
    if (!zeros || zeros->count > 1 << 20) return refuse(c, "its result is large");
    OnnxValue *k = value_new(c->imp, NULL, rank, dims, false), out;
    k->constant = zeros;
    OnnxValue *const in[] = {c->in[0], k};
    ImportNode *nodes[2];
    return broadcast(c, in, 2, &out, nodes) && put_like(c, combine(c, "add", nodes[0], nodes[1]), &out);
}

static bool convert_tile(Conversion *c)
{
    OnnxValue *x = c->in[0];
    int64_t repeats[ONNX_MAX_RANK], dims[ONNX_MAX_RANK];
    const int count = known_ints(c, NULL, 1, repeats, ONNX_MAX_RANK);
    if (count != x->rank) return count >= -1 && refuse(c, "its repeats are not those of each axis");
    if (x->batched && repeats[0] != 1) x = as_whole(c, x);
    ImportNode *n = x ? value_node(c, x) : NULL;
    if (!n) return refuse(c, "it repeats axis 0, the batch");
    for (int i = 0; i < count; i++) {
        dims[i] = x->dims[i] * repeats[i];
        if (repeats[i] < 1 || repeats[i] > MOST_PARTS) return refuse(c, "it repeats %lld times", (long long)repeats[i]);
        List copies = {0};
        for (int64_t r = 0; r < repeats[i]; r++) list_push(c->imp->arena, &copies, n);
        n = joined(c, i - x->batched, &copies);
    }
    return put_output(c, 0, n, x->rank, dims, x->batched);
}

/* ---- padding ---------------------------------------------------------------------------------------- */

static bool pad_numbers(Conversion *c, int rank, int64_t *pads)
{
    int64_t given[2 * ONNX_MAX_RANK], axes[ONNX_MAX_RANK];
    const int count = known_ints(c, c->opset < 2 ? "paddings" : "pads", 1, given, 2 * ONNX_MAX_RANK);
    const int named = known_ints(c, NULL, 3, axes, ONNX_MAX_RANK), n = named < 0 ? rank : named;
    if (count < 0 || named < -1) return false;
    if (count != 2 * n) return refuse(c, "its pads have %d numbers", count);
    memset(pads, 0, 2 * (size_t)rank * sizeof *pads);
    for (int i = 0; i < n; i++) {
        const int axis = named < 0 ? i : onnx_axis(axes[i], rank);
        if (axis < 0) return refuse(c, "its axes are wrong");
        pads[axis] = given[i];
        pads[rank + axis] = given[n + i];
    }
    for (int i = 0; i < 2 * rank; i++)
        if (pads[i] < 0) return refuse(c, "its pads are negative");
    return true;
}

/* At most three axes of the sample are padded: the last ones. */
static ImportNode *padded(Conversion *c, ImportNode *in, const int64_t *before, const int64_t *after)
{
    const Shape s = in->shape;
    const int rank = s.rank, skip = rank == 4;
    if (skip && (before[0] || after[0])) return NULL;
    int64_t b[3] = {0}, a[3] = {0}, size[3] = {1, 1, 1};
    for (int i = 0; i < rank && i < 3; i++) {
        b[3 - rank + i + skip] = before[i + skip];
        a[3 - rank + i + skip] = after[i + skip];
        size[3 - rank + i + skip] = s.dim[i + skip];
        if (i + 1 + skip == rank) break;
    }
    if (skip && (b[0] || a[0])) return NULL;
    if (skip) size[0] *= s.dim[0];
    const char *mode = onnx_attr_string(c, "mode", "constant");
    OnnxConstant *k = known(c, 2);
    const double value = k && k->count ? constant_values(c->imp, k)[0] : onnx_attr_real(c, "value", 0);
    if (has_input(c, 2) && !k) return NULL;
    Shape out = s;
    for (int i = 0; i < rank; i++) out.dim[i] += before[i] + after[i];
    ImportNode *n = layer(c, "pad", reshaped(c, in, shape_image(size[0], size[1], size[2])),
                          shape_image(size[0] + b[0] + a[0], size[1] + b[1] + a[1], size[2] + b[2] + a[2]));
    arg_dims(c->imp, n, "sides", 4, (const int64_t[]){b[1], b[2], a[1], a[2]});
    arg_symbol(c->imp, n, "mode",
               strcmp(mode, "edge") == 0      ? "replicate"
               : strcmp(mode, "wrap") == 0    ? "circular"
               : strcmp(mode, "reflect") == 0 ? "reflect"
               : value == 0                   ? "zeros"
                                              : "constant");
    if (strcmp(mode, "constant") == 0) arg_real(c->imp, n, "value", value);
    arg_dims(c->imp, n, "channels", 2, (const int64_t[]){b[0], a[0]});
    return reshaped(c, n, out);
}

static bool convert_pad(Conversion *c)
{
    OnnxValue *x = c->in[0];
    int64_t pads[2 * ONNX_MAX_RANK], dims[ONNX_MAX_RANK];
    if (!pad_numbers(c, x->rank, pads)) return false;
    if (x->batched && (pads[0] || pads[x->rank])) x = as_whole(c, x);
    ImportNode *n = x ? value_node(c, x) : NULL;
    if (!n) return refuse(c, "it pads axis 0, the batch");
    for (int i = 0; i < x->rank; i++) dims[i] = x->dims[i] + pads[i] + pads[x->rank + i];
    n = padded(c, n, pads + x->batched, pads + x->rank + x->batched);
    return n ? put_output(c, 0, n, x->rank, dims, x->batched)
             : refuse(c, "it pads four axes, or with a value that is not known");
}

/* ---- numbers as they are ------------------------------------------------------------------------------- */

/* The second output: nothing has been dropped. */
static bool put_whole_mask(Conversion *c, const OnnxValue *x)
{
    if (!output_is_used(c, 1)) return true;
    OnnxConstant *mask = constant_filled(c->imp, x->rank, x->dims, 1);
    if (!mask) return refuse(c, "its mask is large");
    mask->type = ONNX__TENSOR_PROTO__DATA_TYPE__BOOL;
    return put_constant(c, 1, mask);
}

static bool convert_dropout(Conversion *c)
{
    OnnxConstant *given = known(c, 1);
    const double ratio = given ? constant_values(c->imp, given)[0] : onnx_attr_real(c, "ratio", 0.5);
    const bool drops = ratio != 0 || (has_input(c, 1) && !given);
    if (drops && known(c, 2) && constant_values(c->imp, known(c, 2))[0] != 0)
        return refuse(c, "it is in training mode");
    if (drops && has_input(c, 2) && !known(c, 2)) return refuse(c, "whether it is in training mode is not known");
    OnnxValue *x = c->in[0];
    if (!value_node(c, x) || !put_whole_mask(c, x)) return false;
    if (!drops) return put_value(c, 0, x);
    ImportNode *n = layer_like(c, "dropout", x->node);
    arg_real(c->imp, n, "p", ratio);
    return put_like(c, n, x);
}

/* Floats to integers, towards 0, and to truth values. */
static ImportNode *cast_to_whole(Conversion *c, const OnnxValue *x, int to)
{
    ImportNode *sign = layer_like(c, "sign", x->node);
    if (to == ONNX__TENSOR_PROTO__DATA_TYPE__BOOL) return layer_like(c, "abs", sign);
    return combine(c, "mul", sign, rounded_node(c, layer_like(c, "abs", x->node), "floor"));
}

/* int8, uint4, bool, …: not float8e4m3fn, complex64 or string */
static bool is_integer_type(int type)
{
    const char *name = onnx_type_name(type);
    return *name == 'u' || *name == 'i' || type == ONNX__TENSOR_PROTO__DATA_TYPE__BOOL;
}

/* Between floats, from integers and truth values to floats, from floats to both. */
static bool convert_cast(Conversion *c)
{
    OnnxValue *x = c->in[0];
    const bool like = strcmp(c->onnx->op_type, "CastLike") == 0;
    const int to = like ? c->in[1]->type : (int)onnx_attr_int(c, "to", 1);
    const bool widens = onnx_type_is_float(to) && to != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16 &&
                        to != ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16;
    if (onnx_type_is_float(x->type) && is_integer_type(to)) {
        if (!value_node(c, x) || !put_like(c, cast_to_whole(c, x, to), x)) return false;
        c->out[0]->type = to;
        return true;
    }
    if (!widens && to != x->type && (onnx_type_is_float(x->type) || x->type != ONNX__TENSOR_PROTO__DATA_TYPE__BOOL))
        return refuse(c, "it converts from %s to %s", onnx_type_name(x->type), onnx_type_name(to));
    if (!value_node(c, x) || !put_value(c, 0, x)) return false;
    c->out[0]->type = to;
    return true;
}

const OnnxOperator onnx_shape_operators[] = {
    {"Reshape", 1, 0, 1, convert_reshape},
    {"Flatten", 1, 0, 1, convert_flatten},
    {"Unsqueeze", 1, 0, 1, convert_unsqueeze},
    {"Squeeze", 1, 0, 1, convert_squeeze},
    {"Transpose", 1, 0, 1, convert_transpose},
    {"DepthToSpace", 1, 0, 1, convert_depth_to_space},
    {"SpaceToDepth", 1, 0, 1, convert_space_to_depth},
    {"Concat", 4, 0, EACH_INPUT, convert_concat},
    {"Split", 2, 0, 1, convert_split},
    {"Slice", 1, 0, 1, convert_slice},
    {"Gather", 1, 0, 2, convert_gather},
    {"Expand", 8, 0, 2, convert_expand},
    {"Tile", 6, 0, 2, convert_tile},
    {"Pad", 1, 0, 1, convert_pad},
    {"Dropout", 1, 0, 1, convert_dropout},
    {"Cast", 6, 0, 1, convert_cast},
    {"CastLike", 15, 0, 2, convert_cast},
    {0},
};
