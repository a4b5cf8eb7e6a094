/*
 * export_shape: layers that move numbers without computing.
 */
#include <string.h>

#include "interop/exporter.h"

/* ---- other shapes of the same numbers ------------------------------------------------ */

static const char *export_flatten(Export *e)
{
    const char *x = export_in(e, 0);
    Onnx__NodeProto *n = export_node(e, "Flatten", 1, &x);
    export_attr_int(e, n, "axis", 1);
    return export_result(n);
}

static const char *export_reshape(Export *e) { return export_reshaped(e, export_in(e, 0), node_shape_out(e->node)); }

/* ---- other orders ---------------------------------------------------------------------- */

static const char *export_permute(Export *e)
{
    const Shape axes = argument_shape(e->node, "axes");
    int64_t perm[MAX_RANK + 1] = {0};
    for (int i = 0; i < axes.rank; i++) perm[i + 1] = axes.dim[i] + 1;
    return export_transposed(e, export_in(e, 0), axes.rank + 1, perm);
}

/* [g][C/g][…] → [C/g][g][…] */
static const char *export_channel_shuffle(Export *e)
{
    const Shape s = node_shape_in(e->node);
    const int64_t groups = argument_int(e->node, "groups"), perm[] = {0, 2, 1, 3, 4};
    Shape split = {s.rank + 1, {groups, s.dim[0] / groups}};
    for (int i = 1; i < s.rank; i++) split.dim[i + 1] = s.dim[i];
    const char *x = export_reshaped(e, export_in(e, 0), split);
    return export_reshaped(e, export_transposed(e, x, split.rank + 1, perm), s);
}

static Onnx__NodeProto *block_node(Export *e, const char *op, const char *x)
{
    Onnx__NodeProto *n = export_node(e, op, 1, &x);
    export_attr_int(e, n, "blocksize", argument_int(e->node, "block"));
    return n;
}

static const char *export_depth_to_space(Export *e)
{
    Onnx__NodeProto *n = block_node(e, "DepthToSpace", export_in(e, 0));
    export_attr_text(e, n, "mode", "CRD");
    return export_result(n);
}

/* ONNX has the place in the block before the channel: [r·r][C][…] → [C][r·r][…]. */
static const char *export_space_to_depth(Export *e)
{
    const Shape out = node_shape_out(e->node);
    const int64_t block = argument_int(e->node, "block"), perm[] = {0, 2, 1, 3};
    const Shape split = {3, {block * block, out.dim[0] / (block * block), out.dim[1] * out.dim[2]}};
    const char *x = export_result(block_node(e, "SpaceToDepth", export_in(e, 0)));
    return export_reshaped(e, export_transposed(e, export_reshaped(e, x, split), 4, perm), out);
}

/* ---- parts ------------------------------------------------------------------------------- */

/* An index as Python counts, 0 … size. */
static int64_t bound_of(int64_t index, int64_t size)
{
    if (index == ATTR_NONE) return size;
    if (index < 0) index += size;
    return index < 0 ? 0 : index > size ? size : index;
}

static const char *export_part(Export *e)
{
    const Node *n = e->node;
    const int axis = (int)argument_int(n, "axis");
    const int64_t size = node_shape_in(n).dim[axis];
    return export_slice(e, export_in(e, 0), axis + 1, bound_of(argument_int(n, "begin"), size),
                        bound_of(argument_int(n, "end"), size), argument_int(n, "step"));
}

static const char *export_crop(Export *e)
{
    const Pad sides = argument_sides(e->node, "sides");
    const Shape out = node_shape_out(e->node);
    const int64_t begin[] = {sides.top, sides.left}, end[] = {sides.top + out.dim[1], sides.left + out.dim[2]},
                  axes[] = {2, 3};
    const char *in[] = {export_in(e, 0), export_ints(e, "starts", 2, begin), export_ints(e, "ends", 2, end),
                        export_ints(e, "axes", 2, axes)};
    return export_result(export_node(e, "Slice", 4, in));
}

/* Branches that are the same for all samples are repeated where others are not. */
static const char *export_joined(Export *e)
{
    const Node *n = e->node;
    const char **in = arena_alloc(e->ex->arena, (size_t)n->in_count * sizeof *in);
    bool single = true;
    for (int i = 0; i < n->in_count; i++) single = single && e->ex->value[n->in[i]->id].single;
    for (int i = 0; i < n->in_count; i++) {
        in[i] = export_in(e, i);
        if (!single && e->ex->value[n->in[i]->id].single) in[i] = export_stretched(e, in[i], export_rank(e));
    }
    return export_concat(e, n->in_count, in, (int)argument_int(n, "axis") + 1);
}

/* ---- borders -------------------------------------------------------------------------------- */

static const char *export_pad(Export *e)
{
    const Node *n = e->node;
    const Pad sides = argument_sides(n, "sides");
    const Pair channels = argument_pair(n, "channels");
    ExportBorders b = {.rank = 4,
                       .before = {0, channels.h, sides.top, sides.left},
                       .after = {0, channels.w, sides.bottom, sides.right}};
    for (int i = 0; i < 3; i++) b.size[i + 1] = node_shape_in(n).dim[i];
    const char *mode = argument_symbol(n, "mode");
    return export_padded(e, export_in(e, 0), &b, mode, argument_real(n, "value"));
}

const ExportRow export_shape_rows[] = {
    {"flatten", export_flatten},
    {"reshape", export_reshape},
    {"permute", export_permute},
    {"channel_shuffle", export_channel_shuffle},
    {"depth_to_space", export_depth_to_space},
    {"space_to_depth", export_space_to_depth},
    {"slice", export_part},
    {"crop", export_crop},
    {"concat", export_joined},
    {"pad", export_pad},
    {0},
};
