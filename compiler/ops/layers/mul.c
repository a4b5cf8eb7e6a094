/*
 * mul: y = x0 · x1 · …, element by element.
 *
 * A dimension of 1 is stretched over that dimension of the other branches, as
 * PyTorch broadcasts: 64x1x1 gates the channels of 64x8x8 (squeeze and
 * excitation), 1x8x8 its places.
 *
 *   dx_i = dy · Π_{j≠i} x_j, summed over the dimensions along which x_i was stretched
 *
 * Every gradient needs the other branches, not its own.
 */
#include "autodiff/backward.h"

#include <assert.h>
#include <stdio.h>

#include "ops/shared/combine.h"

static const char *const axis_index[] = {"c", "i", "j"};

static bool stretches(Shape *to, Shape shape)
{
    if (shape.rank != to->rank) return false;
    for (int axis = 0; axis < to->rank; axis++) {
        if (to->dim[axis] == 1) to->dim[axis] = shape.dim[axis];
        if (shape.dim[axis] != to->dim[axis] && shape.dim[axis] != 1) return false;
    }
    return true;
}

static bool mul_shape(Graph *g, Node *n)
{
    Shape out = node_shape_in(n);
    for (int i = 1; i < n->in_count; i++) {
        if (stretches(&out, n->in[i]->shape)) continue;
        combine_disagree(g, n, i, "each dimension must be the same, or 1");
        return false;
    }
    node_out(g, n, out);
    return true;
}

/* "n, c, i, j" of an element of `shape` at a place of `full`. */
static void index_text(char *text, size_t size, Shape shape)
{
    size_t length = (size_t)snprintf(text, size, "n");
    for (int axis = 0; axis < shape.rank; axis++) {
        const char *index = shape.dim[axis] == 1 ? "0" : axis_index[axis];
        length += (size_t)snprintf(text + length, size - length, ", %s", index);
        assert(length < size);
    }
}

/* One line of a template about an element of `array`: before, @array(…), after. */
static void put_element(Writer *w, const char *before, const char *array, Shape shape, const char *after)
{
    char index[32], line[128];
    index_text(index, sizeof index, shape);
    int length = snprintf(line, sizeof line, "%s@%s(%s)%s", before, array, index, after);
    assert(length > 0 && (size_t)length < sizeof line);
    writer_put(w, line);
}

/* Loops over the axes of `full` along which `kept` has more than one element, or
 * exactly the others.  Returns how many. */
static int open_axes(Writer *w, Shape full, Shape kept, bool others)
{
    int loops = 0;
    for (int axis = 0; axis < full.rank; axis++) {
        if (full.dim[axis] == 1 || (kept.dim[axis] == 1) != others) continue;
        writer_bind(w, "index", "%s", axis_index[axis]);
        writer_bind_int(w, "size", full.dim[axis]);
        writer_put(w, "for ($int $index = 0; $index < $size; $index++) {");
        loops++;
    }
    return loops;
}

static void close_axes(Writer *w, int loops)
{
    while (loops-- > 0) writer_put(w, "}");
}

/* The current element of the inputs after the first, times `value`. */
static void put_product(Writer *w, const Node *n, int number)
{
    for (int i = 1; i < n->in_count; i++) {
        char array[16];
        snprintf(array, sizeof array, "x%d", number++);
        put_element(w, "value *= ", array, n->in[i]->shape, ";");
    }
}

static bool all_alike(const Node *n)
{
    for (int i = 0; i < n->in_count; i++) {
        if (!shape_equal(n->in[i]->shape, n->out[0]->shape)) return false;
    }
    return true;
}

static void mul_plain(Writer *w, const Node *n)
{
    if (all_alike(n)) {
        combine_fold(w, n, "*");
        return;
    }
    Shape full = node_shape_out(n);
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    int loops = open_axes(w, full, full, false);
    put_element(w, "$real value = ", "x0", n->in[0]->shape, ";");
    put_product(w, n, 1);
    put_element(w, "", "y", full, " = value;");
    close_axes(w, loops + 1);
}

/* After dy stand the other branches. */
static void mul_dx_plain(Writer *w, const Node *n)
{
    if (all_alike(n)) {
        combine_loop(w, n->out[0]);
        writer_put(w, "$real value = dy[k];");
        combine_steps(w, 0, n->in_count - 1, "value *= $x;");
        writer_put(w, "dx[k] = value;\n"
                      "}");
        return;
    }
    Shape full = n->in[0]->shape, own = n->out[0]->shape;
    bool sums = !shape_equal(full, own);
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    int loops = open_axes(w, full, own, false);
    if (sums) writer_put(w, "$real sum = 0;");
    int inner = open_axes(w, full, own, true);
    put_element(w, "$real value = ", "dy", full, ";");
    put_product(w, n, 0);
    if (sums) writer_put(w, "sum += value;");
    close_axes(w, inner);
    put_element(w, "", "dx", own, sums ? " = sum;" : " = value;");
    close_axes(w, loops + 1);
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
    writer_bind_int(w, "C", s.dim[0]);
    writer_bind_int(w, "P", s.dim[1] * s.dim[2]);
    writer_bind(w, "kernel", n->layout == LAYOUT_NHWC ? "%s_nhwc" : "%s", kernel);
    writer_bind(w, "arrays", "%s", arrays);
    writer_put(w, "$kernel($N, $C, $P, $arrays, $t, $T);");
}

static void mul_emit(Writer *w, const Node *n)
{
    if (all_alike(n)) {
        combine_emit(w, n, "nn_mul");
        return;
    }
    Shape full = node_shape_out(n);
    int gate = gate_of(n->in[0]->shape, n->in[1]->shape, full);
    call_gate(w, n, full, "nn_gate", gate ? "x0, x1, y" : "x1, x0, y");
}

static const char not_a_gate[] = "no gate of one pixel or one channel";

static const char *mul_refusal(const Node *n)
{
    bool gate = n->in_count == 2 && gate_of(n->in[0]->shape, n->in[1]->shape, node_shape_out(n)) >= 0;
    return all_alike(n) || gate ? NULL : not_a_gate;
}

/* dy has the full shape. */
static void mul_dx_emit(Writer *w, const Node *n)
{
    if (all_alike(n)) {
        combine_arrays(w, n, "dy", n->in_count);
        writer_put(w, "nn_mul($count, x, $N, $elements, dx, $t, $T);");
        return;
    }
    Shape full = n->in[0]->shape;
    int gate = gate_of(n->out[0]->shape, n->in[1]->shape, full);
    gate ? call_gate(w, n, full, "nn_gate", "dy, x0, dx") : call_gate(w, n, full, "nn_gate_sums", "x0, dy, dx");
}

static const char *mul_dx_refusal(const Node *n)
{
    bool gate = n->in_count == 2 && gate_of(n->out[0]->shape, n->in[1]->shape, n->in[0]->shape) >= 0;
    return all_alike(n) || gate ? NULL : not_a_gate;
}

static const Variant mul_dx_variants[] = {{.name = "simd",
                                           .layouts = IN_NCHW | IN_NHWC,
                                           .traits = VARIANT_ANY_BATCH,
                                           .refuses = mul_dx_refusal,
                                           .emit = mul_dx_emit,
                                           .kernel = "combine"},
                                          {0}};

static const Op mul_dx = {
    .name = "mul.dx",
    .class = OP_INTERNAL,
    .traits = OP_VARIADIC | OP_INPLACE,
    .in = combine_dx_in,
    .out = combine_dx_out,
    .plain = mul_dx_plain,
    .variants = mul_dx_variants,
};

static void mul_grad(Backward *b, const Node *n)
{
    Graph *g = backward_graph(b);
    Tensor *dy = backward_of(b, n->out[0]);
    for (int i = 0; i < n->in_count; i++) {
        if (!backward_wants(b, n->in[i])) continue;
        Node *d = backward_node(b, &mul_dx, n);
        node_in(g, d, dy);
        for (int j = 0; j < n->in_count; j++) {
            if (j != i) node_in(g, d, n->in[j]);
        }
        backward_give(b, n->in[i], node_out(g, d, n->in[i]->shape));
    }
}

/* What is stretched reaches every place of the result. */
static void mul_window(const Node *n, int axis, Window *window)
{
    Shape out = node_shape_out(n);
    for (int i = 0; i < n->in_count; i++) {
        if (out.rank == 3 && n->in[i]->shape.dim[axis + 1] != out.dim[axis + 1]) window->whole = true;
    }
}

static const Variant mul_variants[] = {{.name = "simd",
                                        .layouts = IN_NCHW | IN_NHWC,
                                        .traits = VARIANT_ANY_BATCH,
                                        .refuses = mul_refusal,
                                        .emit = mul_emit,
                                        .kernel = "combine"},
                                       {0}};

const Op op_mul = {
    .name = "mul",
    .summary = "product of the branches; dimensions of 1 are stretched",
    .formula = "y = x0 * x1 * ...",
    .class = OP_COMBINE,
    .traits = OP_VARIADIC | OP_INPLACE,
    .out = combine_out,
    .shape = mul_shape,
    .window = mul_window,
    .flops = combine_flops,
    .grad = mul_grad,
    .plain = mul_plain,
    .variants = mul_variants,
};
