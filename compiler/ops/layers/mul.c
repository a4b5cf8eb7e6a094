/*
 * mul: y = x0 · x1 · …, element by element.
 *
 * Dimensions of 1 are stretched: 64x1x1 gates the channels of 64x8x8 (squeeze and
 * excitation), 1x8x8 its places.
 *
 *   dx_i = dy · Π_{j≠i} x_j, summed over the dimensions along which x_i was stretched
 *
 * Every gradient needs the other branches, not its own.
 */
#include "autodiff/backward.h"

#include <stdio.h>

#include "ops/shared/channels.h"
#include "ops/shared/combine.h"

static void mul_plain(Writer *w, const Node *n) { combine_fold(w, n, "*"); }

/* After dy stand the other branches. */
static void times_others(Writer *w, const Node *n)
{
    for (int i = 0; i < n->in_count - 1; i++) {
        char line[24];
        snprintf(line, sizeof line, "value *= $x%d;", i);
        writer_put(w, line);
    }
}

static void mul_dx_plain(Writer *w, const Node *n) { combine_gradient(w, n, times_others); }

/* Of two branches of one shape, as of dy and the other branch. */
static int64_t mul_terms(const Node *n, int64_t batch, int64_t k, Term *terms, int64_t most)
{
    (void)batch;
    if (n->in_count != 2 || !combine_is_even(n)) return 0;
    if (most > 0) terms[0] = (Term){{0, 1}, {k, k}};
    return 1;
}

/* ---- fast form: runtime/kernels/elementwise/combine.h -------------------------------  */

static bool is_gate(Shape gate, Shape of)
{
    return of.rank == 3 && gate.dim[0] == of.dim[0] && gate.dim[1] == 1 && gate.dim[2] == 1 &&
           of.dim[1] * of.dim[2] > 1;
}

/* The gate among two branches, 0 or 1, or −1. */
static int gate_of(Shape first, Shape second, Shape full)
{
    if (shape_equal(first, full) && is_gate(second, full)) return 1;
    if (shape_equal(second, full) && is_gate(first, full)) return 0;
    return -1;
}

/* `kernel` for images of shape `s` that lie as the node's do; `arrays`: its arguments. */
static void call_gate(Writer *w, const Node *n, Shape s, const char *kernel, const char *arrays)
{
    channels_put_size(w, "$N", s, LAYOUT_NCHW); /* the kernel says which layout it is */
    writer_bind(w, "kernel", "%s%s%s", kernel, n->layout == LAYOUT_NHWC ? "_nhwc" : "",
                variant_is_of_bf16(n) ? "_bf16" : "");
    writer_bind(w, "arrays", "%s", arrays);
    writer_put(w, "$kernel(&size, $arrays, $t, $T);");
}

static void mul_even_emit(Writer *w, const Node *n) { combine_emit(w, n, "nn_mul"); }

static void mul_gate_emit(Writer *w, const Node *n)
{
    Shape full = node_shape_out(n);
    int gate = gate_of(n->in[0]->shape, n->in[1]->shape, full);
    call_gate(w, n, full, "nn_gate", gate ? "x0, x1, y" : "x1, x0, y");
}

static const char *mul_even_refusal(const Node *n) { return combine_is_even(n) ? NULL : "a branch is stretched"; }

static const char not_a_gate[] = "no gate of one pixel or one channel";

static const char *mul_gate_refusal(const Node *n)
{
    bool gate = n->in_count == 2 && gate_of(n->in[0]->shape, n->in[1]->shape, node_shape_out(n)) >= 0;
    return gate ? NULL : not_a_gate;
}

static void mul_dx_even_emit(Writer *w, const Node *n)
{
    combine_arrays(w, n, "dy", n->in_count);
    writer_bind(w, "kernel", variant_is_of_bf16(n) ? "nn_mul_bf16" : "nn_mul");
    writer_put(w, "$kernel($count, x, (long)$N * $elements, dx, $t, $T);");
}

/* dy has the full shape. */
static void mul_dx_gate_emit(Writer *w, const Node *n)
{
    Shape full = n->in[0]->shape;
    int gate = gate_of(n->out[0]->shape, n->in[1]->shape, full);
    gate ? call_gate(w, n, full, "nn_gate", "dy, x0, dx") : call_gate(w, n, full, "nn_gate_sums", "x0, dy, dx");
}

static const char *mul_dx_gate_refusal(const Node *n)
{
    bool gate = n->in_count == 2 && gate_of(n->out[0]->shape, n->in[1]->shape, n->in[0]->shape) >= 0;
    return gate ? NULL : not_a_gate;
}

#define MUL_ROW(NAME, LAYOUTS, DTYPES, REFUSES, EMIT)                                                        \
    {                                                                                                        \
        .name = NAME, .layouts = LAYOUTS, .dtypes = DTYPES, .traits = VARIANT_ANY_BATCH, .refuses = REFUSES, \
        .emit = EMIT, .kernel = "combine"                                                                    \
    }
#define MUL_ROWS(EVEN, GATE_REFUSAL, GATE)                                        \
    MUL_ROW("simd", IN_NCHW | IN_NHWC, OF_F32 | OF_BF16, mul_even_refusal, EVEN), \
        MUL_ROW("gate_nhwc", IN_NHWC, OF_F32 | OF_BF16, GATE_REFUSAL, GATE),      \
        MUL_ROW("gate_nchw", IN_NCHW, OF_F32, GATE_REFUSAL, GATE)

static const Variant mul_dx_variants[] = {MUL_ROWS(mul_dx_even_emit, mul_dx_gate_refusal, mul_dx_gate_emit), {0}};

static const Op mul_dx = {
    .name = "mul.dx",
    .class = OP_INTERNAL,
    .traits = OP_VARIADIC | OP_INPLACE,
    .in = combine_dx_in,
    .out = combine_dx_out,
    .terms = mul_terms,
    .plain = mul_dx_plain,
    .variants = mul_dx_variants,
};

static void mul_grad(Backward *b, const Node *n)
{
    for (int i = 0; i < n->in_count; i++) {
        if (backward_wants(b, n->in[i])) combine_give(b, n, i, &mul_dx, false);
    }
}

static const Variant mul_variants[] = {MUL_ROWS(mul_even_emit, mul_gate_refusal, mul_gate_emit), {0}};

const Op op_mul = {
    .name = "mul",
    .summary = "product of the branches; dimensions of 1 are stretched",
    .formula = "y = x0 * x1 * ...",
    .class = OP_COMBINE,
    .traits = OP_VARIADIC | OP_INPLACE,
    .out = combine_out,
    .shape = combine_shape,
    .window = combine_window,
    .flops = combine_flops,
    .grad = mul_grad,
    .terms = mul_terms,
    .plain = mul_plain,
    .variants = mul_variants,
};
