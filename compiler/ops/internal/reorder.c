/*
 * reorder: the same values in the node's layout, whatever that of its input is.  Put in by
 * passes/legalize.c.
 *
 *   NCHW to NHWC      x: [N][C][H][W], y: [N][H][W][C], or the reverse
 *   NCHW to NCHW16N   x: [N / 16][16][E], y: [N / 16][E][16], or the reverse
 */
#include "ops/shared/elementwise.h"
#include "ops/shared/region.h"

/* $format: of int8 or bf16, else of floats. */
static void bind_format(Writer *w, const Node *n)
{
    writer_bind(w, "format", "%s", variant_is_of_bf16(n) ? "_bf16" : n->in[0]->dtype == DTYPE_I8 ? "_int8" : "");
}

static void blocks_emit(Writer *w, const Node *n)
{
    int64_t elements = shape_count(node_shape_in(n));
    writer_bind_int(w, "rows", n->layout == LAYOUT_NCHW16N ? BATCH_BLOCK : elements);
    writer_bind_int(w, "columns", n->layout == LAYOUT_NCHW16N ? elements : BATCH_BLOCK);
    writer_put(w, "nn_reorder($N / 16, $rows, $columns, x, y, $t, $T);");
}

static void transpose_emit(Writer *w, const Node *n)
{
    const int64_t channels = node_shape_in(n).dim[0], pixels = shape_count(node_shape_in(n)) / channels;
    writer_bind_int(w, "rows", n->layout == LAYOUT_NHWC ? channels : pixels);
    writer_bind_int(w, "columns", n->layout == LAYOUT_NHWC ? pixels : channels);
    bind_format(w, n);
    if (n->layout == LAYOUT_NHWC && channels == 3 && !variant_is_of_bf16(n))
        writer_put(w, "nn_reorder_three$format($N, $columns, x, y, $t, $T);");
    else
        writer_put(w, "nn_reorder$format($N, $rows, $columns, x, y, $t, $T);");
}

static bool is_blocked(const Node *n) { return n->layout == LAYOUT_NCHW16N || n->in[0]->layout == LAYOUT_NCHW16N; }

static const char *blocks_refusal(const Node *n) { return is_blocked(n) ? NULL : "neither side is batch-blocked"; }
static const char *pixels_refusal(const Node *n) { return is_blocked(n) ? "one side is batch-blocked" : NULL; }

static const Variant reorder_variants[] = {
    {.name = "blocks",
     .layouts = IN_NCHW | IN_NCHW16N,
     .traits = VARIANT_ANY_BATCH,
     .refuses = blocks_refusal,
     .emit = blocks_emit,
     .kernel = "reorder"},
    {.name = "pixels",
     .layouts = IN_NCHW | IN_NHWC,
     .dtypes = OF_F32 | OF_BF16 | OF_I8,
     .traits = VARIANT_ANY_BATCH,
     .refuses = pixels_refusal,
     .emit = transpose_emit,
     .kernel = "reorder"},
    {0},
};

const Op op_reorder = {
    .name = "reorder",
    .summary = "the same values in another layout",
    .formula = "y[i][j][c] = x[c][i][j]",
    .class = OP_INTERNAL,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .flops = region_no_flops,
    .variants = reorder_variants,
};
