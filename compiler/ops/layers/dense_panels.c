/*
 * dense's rows for many vectors, of packed weights: a convolution of 1x1 over images of one pixel, of floats, of
 * floats and weights in bf16 (runtime/kernels/conv/conv_direct.h), or of bf16 (conv_bf16.h).  And its rows for
 * vectors in bf16 and weights that are rounded as they are read.
 */
#include "ops/layers/dense.h"

#include "ops/shared/axis.h"
#include "ops/shared/correlate.h"
#include "ops/shared/region.h"

static double weights_of(const Node *n) { return (double)shape_count(n->in[1]->shape); }

/* Weights that change from call to call are packed in each.  That weights are read once is no part of a dense
 * layer's cost. */
static double packing_of(const Node *n, const CostModel *m)
{
    return m->constant_weights ? 0 : (m->machine->weight_pack - m->machine->weight_read) * weights_of(n);
}

double dense_bf16_cost(const Node *n, const CostModel *m)
{
    return packing_of(n, m) + m->machine->bf16_product * dense_macs_of(n, m);
}

/* Rows that a tile takes as long for as for one. */
enum { TILE = 4 };

/* n->in[0] are the rows, of x or of dy; the last panel counts in full.  Packed once, panels are one more copy of the
 * weights: for few rows they are not worth it. */
double dense_direct_cost(const Node *n, const CostModel *m)
{
    const Shape x = node_shape_in(n), y = node_shape_out(n);
    const int64_t rows = m->batch * rows_of(x);
    const double padding = (double)nn_round_up(features_of(y), NN_PANEL) / (double)features_of(y);
    const double copy = m->constant_weights ? m->machine->weight_read * weights_of(n) : packing_of(n, m);
    return copy + weights_of(n) * padding * (double)(rows < TILE ? TILE : rows);
}

/* A panel is widened for each block of rows, and takes half as many bytes. */
double dense_w16_cost(const Node *n, const CostModel *m)
{
    const int64_t blocks = div_round_up(m->batch * rows_of(node_shape_in(n)), NN_CONV_PIXELS);
    const double reading = (double)blocks * m->machine->weight_widen - m->machine->weight_read / 2;
    return dense_direct_cost(n, m) + reading * weights_of(n);
}

/* Rows (samples, or positions of a sequence) for which dense_pairs.h reads a weight once, and how much longer its
 * products take than those of panels that are stored. */
enum { ROWS_AT_ONCE = 32 };
static const double FEW_ROWS_PRODUCT = 1.8;

/* Weights that the model stores in bf16 are not rounded. */
const char *dense_pairs_refusal(const Node *n)
{
    if (n->in[1]->kind == TENSOR_PARAM) return "its weights are stored in bf16";
    return variant_input_in_f32(n);
}

double dense_pairs_cost(const Node *n, const CostModel *m)
{
    const int64_t rows = m->batch * rows_of(node_shape_in(n)), again = div_round_up(rows, ROWS_AT_ONCE) - 1;
    return m->machine->weight_read * (double)again * weights_of(n) +
           FEW_ROWS_PRODUCT * m->machine->bf16_product * dense_macs_of(n, m);
}

/* The gradient of weights: a product is of both vectors, and of two samples or rows of a sequence. */
const char *dense_bf16_dw_refusal(const Node *n)
{
    return tensor_is_bf16_value(n->in[0]) && tensor_is_bf16_value(n->in[1]) ? NULL : "a vector is in f32";
}

double dense_bf16_dw_cost(const Node *n, const CostModel *m)
{
    const int64_t rows = m->batch * rows_of(n->in[0]->shape);
    const double macs = dense_macs_of(n, m);
    return m->machine->bf16_product * macs * (double)nn_round_up(rows, 2) / (double)rows;
}

/* The nn_conv of so many pixels. */
#define SIZE_OF(ROWS)                                                                                  \
    "static const nn_conv size = {.n = " ROWS ", .c = $I, .h = 1, .w = 1, .o = $O, .oh = 1, .ow = 1, " \
    ".groups = 1, .kh = 1, .kw = 1, .sh = 1, .sw = 1, .dh = 1, .dw = 1, .c_step = $I, .o_step = $O};"

/* Of x and y as the layer has them, whichever of them the node reads; `size` and `text` are the descriptor and
 * the call. */
static void call_on_rows(Writer *w, const Node *n, Shape x, Shape y, const char *size, const char *text)
{
    axis_bind_outer(w, rows_of(y));
    writer_bind_int(w, "half", tensor_is_bf16_value(n->out[0]));
    writer_bind_int(w, "I", features_of(x));
    writer_bind_int(w, "O", features_of(y));
    writer_put(w, size);
    writer_put(w, text);
}

static void call_forward(Writer *w, const Node *n, const char *format)
{
    writer_bind(w, "bias", node_has(n, 2) ? "bias" : "0");
    writer_bind(w, "format", format);
    call_on_rows(w, n, node_shape_in(n), node_shape_out(n), SIZE_OF("$N$outer"),
                 "const nn_conv_args args = {.x = x, .panels = weight, .bias = $bias, .y = y, .half = $half};\n"
                 "nn_conv_forward$format(&size, &args, $t, $T);");
}

void dense_direct_emit(Writer *w, const Node *n) { call_forward(w, n, ""); }
void dense_w16_emit(Writer *w, const Node *n) { call_forward(w, n, "_w16"); }
void dense_bf16_emit(Writer *w, const Node *n) { call_forward(w, n, "_bf16"); }

void dense_direct_dx_emit(Writer *w, const Node *n)
{
    call_on_rows(w, n, node_shape_out(n), node_shape_in(n), SIZE_OF("$N$outer"),
                 "const nn_conv_args args = {.x = dy, .panels = weight, .y = dx};\n"
                 "nn_conv_backward_data(&size, &args, $t, $T);");
}

void dense_bf16_dx_emit(Writer *w, const Node *n)
{
    call_on_rows(w, n, node_shape_out(n), node_shape_in(n), SIZE_OF("$N$outer"),
                 "const nn_conv_args args = {.x = dy, .panels = weight, .y = dx, .half = $half};\n"
                 "nn_conv_backward_data_bf16(&size, &args, $t, $T);");
}

/* ---- weights that are rounded as they are read: runtime/kernels/dense/dense_pairs.h ---------- */

#define ROWS_SIZE "static const nn_dense size = {.n = $N$outer, .i = $I, .o = $O};"

void dense_pairs_emit(Writer *w, const Node *n)
{
    writer_bind(w, "bias", node_has(n, 2) ? "bias" : "0");
    call_on_rows(w, n, node_shape_in(n), node_shape_out(n), ROWS_SIZE,
                 "const nn_dense_pairs_args args = {.x = x, .weight = weight, .bias = $bias, .y = y, .half = $half};\n"
                 "nn_dense_forward_pairs(&size, &args, $t, $T);");
}

void dense_pairs_dx_emit(Writer *w, const Node *n)
{
    call_on_rows(w, n, node_shape_out(n), node_shape_in(n), ROWS_SIZE,
                 "const nn_dense_pairs_args args = {.x = dy, .weight = weight, .y = dx, .half = $half};\n"
                 "nn_dense_dx_pairs(&size, &args, $t, $T);");
}

/* ---- weights: panels of floats, of bf16, and of pairs of bf16 ------------------------- */

static bool dense_panels_of(Graph *g, Node *n, DType dtype, int lanes, int depth)
{
    const Shape weight = n->in[0]->shape;
    node_out_as(g, n, dtype, false, shape_vector(nn_conv_packed(1, weight.dim[lanes], weight.dim[depth], 1)));
    return true;
}

static bool dense_panels_shape(Graph *g, Node *n) { return dense_panels_of(g, n, g->real, 0, 1); }
static bool dense_panels_back_shape(Graph *g, Node *n) { return dense_panels_of(g, n, g->real, 1, 0); }
static bool dense_panels_w16_shape(Graph *g, Node *n) { return dense_panels_of(g, n, DTYPE_BF16, 0, 1); }

static bool dense_pair_panels_of(Graph *g, Node *n, int lanes, int depth)
{
    const Shape weight = n->in[0]->shape;
    const int64_t count = nn_conv_packed_bf16(weight.dim[lanes], weight.dim[depth], 1);
    node_out_as(g, n, DTYPE_BF16, false, shape_vector(count));
    return true;
}

static bool dense_pair_panels_shape(Graph *g, Node *n) { return dense_pair_panels_of(g, n, 0, 1); }
static bool dense_pair_panels_back_shape(Graph *g, Node *n) { return dense_pair_panels_of(g, n, 1, 0); }

static void dense_pack(Writer *w, const Node *n, const char *text)
{
    writer_bind_int(w, "I", n->in[0]->shape.dim[1]);
    writer_bind_int(w, "O", n->in[0]->shape.dim[0]);
    writer_bind(w, "format", n->in[0]->dtype == DTYPE_BF16 ? "bf16" : "rounded");
    writer_put(w, SIZE_OF("1"));
    writer_put(w, text);
}

static void dense_panels_emit(Writer *w, const Node *n)
{
    dense_pack(w, n, "nn_conv_panels(&size, weight, panels, $t, $T);");
}

static void dense_panels_back_emit(Writer *w, const Node *n)
{
    dense_pack(w, n, "nn_conv_panels_backward(&size, weight, panels, $t, $T);");
}

static void dense_panels_w16_emit(Writer *w, const Node *n)
{
    dense_pack(w, n, "nn_conv_panels_w16(&size, weight, panels, $t, $T);");
}

static void dense_pair_panels_emit(Writer *w, const Node *n)
{
    dense_pack(w, n, "nn_conv_panels_$format(&size, weight, panels, $t, $T);");
}

static void dense_pair_panels_back_emit(Writer *w, const Node *n)
{
    dense_pack(w, n, "nn_conv_panels_backward_$format(&size, weight, panels, $t, $T);");
}

#define PANELS_OP(ID, NAME, SHAPE) \
    const Op ID = {                \
        .name = NAME,              \
        .class = OP_INTERNAL,      \
        .in = correlate_pack_in,   \
        .out = correlate_pack_out, \
        .shape = SHAPE,            \
        .flops = region_no_flops,  \
        .variants = ID##_variants, \
    }
#define PANELS_ROW(DTYPES, EMIT)                                                             \
    {                                                                                        \
        .name = "simd", .layouts = IN_NCHW, .dtypes = DTYPES, .emit = EMIT, .kernel = "conv" \
    }

static const Variant dense_panels_variants[] = {PANELS_ROW(OF_F32, dense_panels_emit), {0}};
static const Variant dense_panels_back_variants[] = {PANELS_ROW(OF_F32, dense_panels_back_emit), {0}};
static const Variant dense_w16_panels_variants[] = {PANELS_ROW(OF_BF16, dense_panels_w16_emit), {0}};
static const Variant dense_bf16_panels_variants[] = {PAIR_PANELS_ROW(dense_pair_panels_emit), {0}};
static const Variant dense_bf16_panels_back_variants[] = {PAIR_PANELS_ROW(dense_pair_panels_back_emit), {0}};

PANELS_OP(dense_panels, "dense.panels", dense_panels_shape);
PANELS_OP(dense_panels_back, "dense.panels_back", dense_panels_back_shape);
PANELS_OP(dense_w16_panels, "dense.panels_w16", dense_panels_w16_shape);
PANELS_OP(dense_bf16_panels, "dense.panels_bf16", dense_pair_panels_shape);
PANELS_OP(dense_bf16_panels_back, "dense.panels_back_bf16", dense_pair_panels_back_shape);
