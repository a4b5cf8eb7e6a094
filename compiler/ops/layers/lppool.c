/*
 * lppool: the p-norm of each window, PyTorch's LPPool2d.
 *
 *   y[c][i][j] = (f · Σ_{u,v} x[c][i·stride + u][j·stride + v]^p)^(1/p)
 *   dx = f · dy · x^(p−1) · y^(1−p), summed over the windows of x
 *
 * f is 1; with ceil=yes it is the window's area over the part inside the image.
 * As in PyTorch x is raised with its sign: for an odd p a window whose sum is
 * negative gives NaN.  Where y is 0 the gradient is taken as 0 (PyTorch: NaN).
 */
#include "autodiff/backward.h"
#include "ops/shared/pool_regions.h"

typedef struct LppoolAttrs {
    Pair k;
    double p;
    Pair stride;
    bool ceil;
} LppoolAttrs;

static const Attr lppool_attrs[] = {
    {"k", ATTR_PAIR, offsetof(LppoolAttrs, k), NULL, 1, WINDOW_MAX, NULL},
    {"p", ATTR_REAL, offsetof(LppoolAttrs, p), "2", 1, 1e6, NULL},
    {"stride", ATTR_PAIR, offsetof(LppoolAttrs, stride), "k", 1, WINDOW_MAX, NULL},
    {"ceil", ATTR_BOOL, offsetof(LppoolAttrs, ceil), "no", 0, 0, NULL},
    {0},
};

static const char *const lppool_dx_in[] = {"dy", "x", "y", NULL};

static WindowSpec lppool_spec(const LppoolAttrs *a) { return (WindowSpec){a->k, a->stride, {1, 1}, {0}}; }

static void lppool_cells(PoolRegions regions[2], const Node *n, Shape large, Shape small)
{
    Slide s[2];
    window_slides(s, lppool_spec(n->attrs), large, small);
    for (int axis = 0; axis < 2; axis++) regions[axis] = pool_regions_window(s[axis], false);
}

static bool lppool_shape(Graph *g, Node *n)
{
    const LppoolAttrs *a = n->attrs;
    Pad none = {0};
    return window_pool_shape(g, n, lppool_spec(a), &none, a->ceil);
}

static void lppool_window(const Node *n, int axis, Window *window)
{
    Slide s[2];
    window_slides(s, lppool_spec(n->attrs), node_shape_in(n), node_shape_out(n));
    window_field(&s[axis], window);
}

static int64_t lppool_flops(const Node *n)
{
    const LppoolAttrs *a = n->attrs;
    return window_cost(shape_count(node_shape_out(n)), 2 * a->k.h * a->k.w + 1);
}

/* Binds $factor to "f * " and $total to f · sum: without f where no window is cut
 * off.  After pool_regions_open. */
static void lppool_bind_factor(Writer *w, const Node *n, const PoolRegions regions[2])
{
    const LppoolAttrs *a = n->attrs;
    writer_bind(w, "factor", "%s", "");
    writer_bind(w, "total", "sum");
    bool whole = regions[0].counted == a->k.h && regions[1].counted == a->k.w;
    if (whole && !window_tested(&regions[0].slide) && !window_tested(&regions[1].slide)) return;
    pool_regions_bind_count(w, regions);
    writer_bind_int(w, "area", a->k.h * a->k.w);
    writer_put(w, "const $real factor = ($real)$area / $count;");
    writer_bind(w, "factor", "factor * ");
    writer_bind(w, "total", "factor * sum");
}

static void lppool_plain(Writer *w, const Node *n)
{
    const LppoolAttrs *a = n->attrs;
    PoolRegions regions[2];
    lppool_cells(regions, n, node_shape_in(n), node_shape_out(n));
    writer_bind_real(w, "p", a->p);
    writer_bind_real(w, "inverse", 1 / a->p);
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    int outer = 1 + pool_regions_open(w, regions, node_shape_in(n).dim[0]);
    writer_put(w, "$real sum = 0;");
    int inner = pool_regions_inside(w, regions);
    if (a->p == 1) {
        writer_put(w, "sum += @x(n, $c, $row, $col);");
    } else {
        writer_put(w, "const $real value = @x(n, $c, $row, $col);");
        writer_put(w, a->p == 2 ? "sum += value * value;" : "sum += $pow(value, $p);");
    }
    window_close(w, inner);
    lppool_bind_factor(w, n, regions);
    writer_put(w, a->p == 1   ? "@y(n, $c, $i, $j) = $total;"
                  : a->p == 2 ? "@y(n, $c, $i, $j) = $sqrt($total);"
                              : "@y(n, $c, $i, $j) = $pow($total, $inverse);");
    window_close(w, outer);
}

/* Declares the slope of a window, f · dy · y^(1−p): its elements get that times x^(p−1). */
static void put_slope(Writer *w, double p)
{
    if (p == 1) {
        writer_put(w, "const $real slope = $factor@dy(n, $c, $i, $j);");
        return;
    }
    writer_put(w, "const $real norm = @y(n, $c, $i, $j);\n"
                  "if (norm == 0) {\n"
                  "    continue;\n"
                  "}\n");
    writer_put(w, p == 2 ? "const $real slope = $factor@dy(n, $c, $i, $j) / norm;"
                         : "const $real slope = $factor@dy(n, $c, $i, $j) * $pow(norm, $less_p);");
}

static void lppool_dx_plain(Writer *w, const Node *n)
{
    const LppoolAttrs *a = n->attrs;
    PoolRegions regions[2];
    lppool_cells(regions, n, node_shape_out(n), node_shape_in(n));
    writer_bind_real(w, "p_less", a->p - 1);
    writer_bind_real(w, "less_p", 1 - a->p);
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    window_fill(w, "dx", node_shape_out(n), "0");
    int outer = 1 + pool_regions_open(w, regions, node_shape_in(n).dim[0]);
    lppool_bind_factor(w, n, regions);
    put_slope(w, a->p);
    int inner = pool_regions_inside(w, regions);
    writer_put(w, a->p == 1   ? "@dx(n, $c, $row, $col) += slope;"
                  : a->p == 2 ? "@dx(n, $c, $row, $col) += slope * @x(n, $c, $row, $col);"
                              : "@dx(n, $c, $row, $col) += slope * $pow(@x(n, $c, $row, $col), $p_less);");
    window_close(w, inner + outer);
}

static const Op lppool_dx = {
    .name = "lppool.dx",
    .class = OP_INTERNAL,
    .in = lppool_dx_in,
    .out = pool_regions_gradient_out,
    .plain = lppool_dx_plain,
};

static void lppool_grad(Backward *b, const Node *n)
{
    if (!backward_wants(b, n->in[0])) return;
    Graph *g = backward_graph(b);
    Node *d = backward_node(b, &lppool_dx, n);
    node_in(g, d, backward_of(b, n->out[0]));
    if (((const LppoolAttrs *)n->attrs)->p != 1) {
        node_in(g, d, n->in[0]);
        node_in(g, d, n->out[0]);
    }
    backward_give(b, n->in[0], node_out(g, d, node_shape_in(n)));
}

const Op op_lppool = {
    .name = "lppool",
    .summary = "p-norm of each window of an image",
    .formula = "y[c][i][j] = (sum_{u,v} x[c][i*stride + u][j*stride + v]^p)^(1/p)",
    .class = OP_LAYER,
    .attrs = lppool_attrs,
    .attrs_size = sizeof(LppoolAttrs),
    .in = pool_regions_in,
    .out = pool_regions_out,
    .shape = lppool_shape,
    .window = lppool_window,
    .flops = lppool_flops,
    .grad = lppool_grad,
    .plain = lppool_plain,
};
