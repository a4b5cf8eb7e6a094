/*
 * prelu: y = x for x > 0, w · x otherwise, with a trained slope w for each
 * channel (feature, of a vector), or one for all with shared=yes (He et al.,
 * Delving Deep into Rectifiers, 2015).
 *
 *   x, y: [N][C][P]   weight: [C] or [1]
 *   dx = dy for x > 0, w · dy otherwise;  dw = Σ over x ≤ 0 of x · dy
 */
#include "autodiff/backward.h"
#include "ops/shared/channels.h"
#include "ops/shared/elementwise.h"

typedef struct PreluAttrs {
    bool shared;
    double init;
} PreluAttrs;

static const Attr prelu_attrs[] = {
    {"shared", ATTR_BOOL, offsetof(PreluAttrs, shared), "no", 0, 0, NULL},
    {"init", ATTR_REAL, offsetof(PreluAttrs, init), "0.25", 0, 0, NULL},
    {0},
};

static const char *const prelu_in[] = {"x", "weight", NULL};
static const char *const prelu_dx_in[] = {"dy", "x", "weight", NULL};
static const char *const prelu_dw_in[] = {"dy", "x", NULL};
static const char *const prelu_dw_out[] = {"dweight", NULL};

static void prelu_params(Graph *g, Node *n)
{
    const PreluAttrs *a = n->attrs;
    int64_t slopes = a->shared ? 1 : channels_of(node_shape_in(n));
    node_param(g, n, "weight", shape_vector(slopes), init_constant(a->init));
}

static int64_t prelu_flops(const Node *n) { return elementwise_cost(n, 2); }

static void prelu_bind_slope(Writer *w, const Node *n)
{
    const PreluAttrs *a = n->attrs;
    writer_bind(w, "slope", a->shared ? "weight[0]" : "weight[c]");
}

/* The lines of a template about the element (n, c, p), in its loops. */
static void put_loops(Writer *w, Shape s, const char *lines)
{
    channels_array(w, "x", s);
    channels_array(w, "y", s);
    channels_array(w, "dy", s);
    channels_array(w, "dx", s);
    channels_bind(w, s);
    writer_put(w, "for ($int n = 0; n < $N; n++) {\n"
                  "    for ($int c = 0; c < $C; c++) {\n");
    channels_open(w, s);
    writer_put(w, lines);
    channels_close(w, s);
    writer_put(w, "    }\n"
                  "}\n");
}

static void prelu_plain(Writer *w, const Node *n)
{
    prelu_bind_slope(w, n);
    put_loops(w, node_shape_in(n),
              "const $real v = @x(n, c, $p);\n"
              "@y(n, c, $p) = v > 0 ? v : $slope * v;\n");
}

static void prelu_dx_plain(Writer *w, const Node *n)
{
    prelu_bind_slope(w, n);
    put_loops(w, node_shape_in(n),
              "const $real d = @dy(n, c, $p);\n"
              "@dx(n, c, $p) = @x(n, c, $p) > 0 ? d : $slope * d;\n");
}

static const char dw_term[] = "const $real v = @x(n, c, $p);\n"
                              "sum += v > 0 ? 0 : v * @dy(n, c, $p);\n";

static void put_shared_dw(Writer *w, Shape s)
{
    writer_put(w, "$real sum = 0;");
    put_loops(w, s, dw_term);
    writer_put(w, "dweight[0] = sum;");
}

static void prelu_dw_plain(Writer *w, const Node *n)
{
    const PreluAttrs *a = n->attrs;
    Shape s = node_shape_in(n);
    if (a->shared) {
        put_shared_dw(w, s);
        return;
    }
    channels_array(w, "x", s);
    channels_array(w, "dy", s);
    channels_bind(w, s);
    writer_put(w, "for ($int c = 0; c < $C; c++) {\n"
                  "    $real sum = 0;\n"
                  "    for ($int n = 0; n < $N; n++) {\n");
    channels_open(w, s);
    writer_put(w, dw_term);
    channels_close(w, s);
    writer_put(w, "    }\n"
                  "    dweight[c] = sum;\n"
                  "}\n");
}

/* ---- fast form: runtime/kernels/activation/prelu.h -------------------------------- */

/* A shared slope is that of one channel with all elements, in either layout. */
static bool is_shared(const Node *n) { return ((const PreluAttrs *)n->attrs)->shared; }

static void call_prelu(Writer *w, const Node *n, const char *nchw, const char *nhwc)
{
    Layout layout = is_shared(n) ? LAYOUT_NCHW : n->layout;
    Shape s = node_shape_in(n);
    if (is_shared(n)) s = (Shape){2, {1, shape_count(s)}};
    channels_put_size(w, "$N", s, layout);
    writer_put(w, layout == LAYOUT_NHWC ? nhwc : nchw);
}

static void prelu_emit(Writer *w, const Node *n)
{
    call_prelu(w, n, "nn_prelu(&size, x, weight, y, $t, $T);", "nn_prelu_nhwc(&size, x, weight, y, $t, $T);");
}

static void prelu_dx_emit(Writer *w, const Node *n)
{
    call_prelu(w, n, "nn_prelu_dx(&size, dy, x, weight, dx, $t, $T);",
               "nn_prelu_nhwc_dx(&size, dy, x, weight, dx, $t, $T);");
}

static void prelu_dw_emit(Writer *w, const Node *n)
{
    static const char call[] = "nn_prelu_dweight(&size, dy, x, dweight, $t, $T);";
    call_prelu(w, n, call, call);
}

static const Variant prelu_dx_variants[] = {{.name = "simd",
                                             .layouts = IN_NCHW | IN_NHWC,
                                             .traits = VARIANT_ANY_BATCH,
                                             .emit = prelu_dx_emit,
                                             .kernel = "prelu"},
                                            {0}};

static const Op prelu_dx = {
    .name = "prelu.dx",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = prelu_dx_in,
    .out = gradient_out,
    .plain = prelu_dx_plain,
    .variants = prelu_dx_variants,
};

static const Variant prelu_dw_variants[] = {
    {.name = "simd", .layouts = IN_NCHW | IN_NHWC, .emit = prelu_dw_emit, .kernel = "prelu"}, {0}};

static const Op prelu_dw = {
    .name = "prelu.dw",
    .class = OP_INTERNAL,
    .in = prelu_dw_in,
    .out = prelu_dw_out,
    .plain = prelu_dw_plain,
    .variants = prelu_dw_variants,
};

static void prelu_grad(Backward *b, const Node *n)
{
    elementwise_grad(b, n, &prelu_dx);
    if (!backward_wants(b, n->in[1])) return;
    Graph *g = backward_graph(b);
    Node *d = backward_node(b, &prelu_dw, n);
    node_in(g, d, backward_of(b, n->out[0]));
    node_in(g, d, n->in[0]);
    backward_give(b, n->in[1], node_out_as(g, d, g->real, false, n->in[1]->shape));
}

static const Variant prelu_variants[] = {
    {.name = "simd", .layouts = IN_NCHW | IN_NHWC, .traits = VARIANT_ANY_BATCH, .emit = prelu_emit, .kernel = "prelu"},
    {0}};

const Op op_prelu = {
    .name = "prelu",
    .summary = "rectified linear unit with a trained slope below 0",
    .formula = "y[c] = x[c] > 0 ? x[c] : weight[c] * x[c]",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .attrs = prelu_attrs,
    .attrs_size = sizeof(PreluAttrs),
    .in = prelu_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = slope_unbounded,
    .params = prelu_params,
    .flops = prelu_flops,
    .grad = prelu_grad,
    .plain = prelu_plain,
    .variants = prelu_variants,
};
