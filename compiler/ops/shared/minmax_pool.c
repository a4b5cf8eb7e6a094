/*
 * The maximum or minimum of a sliding window, forward and backward.
 *
 *   x: [N][C][H][W]   y: [N][C][h][w]   argmax: [N][C][h][w]
 *
 * While training, `argmax` keeps which tap of the window won, u·kw + v, in a byte
 * when the window has at most 256 taps; backward needs nothing else.  Of equal
 * elements the first wins.  A NaN wins over every number and the last NaN over
 * those before it, as in PyTorch.
 */
#include "ops/shared/minmax_pool.h"

#include <stdio.h>

#include "autodiff/backward.h"

const Attr minmax_pool_attrs[] = {
    {"k", ATTR_PAIR, offsetof(MinMaxPoolAttrs, k), NULL, 1, WINDOW_MAX, NULL},
    {"stride", ATTR_PAIR, offsetof(MinMaxPoolAttrs, stride), "k", 1, WINDOW_MAX, NULL},
    {"pad", ATTR_PAD, offsetof(MinMaxPoolAttrs, pad), "0", 0, WINDOW_MAX, NULL},
    {"dilation", ATTR_PAIR, offsetof(MinMaxPoolAttrs, dilation), "1", 1, WINDOW_MAX, NULL},
    {"ceil", ATTR_BOOL, offsetof(MinMaxPoolAttrs, ceil), "no", 0, 0, NULL},
    {0},
};

/* Of a sequence, as an image of one row. */
const Attr minmax_pool1d_attrs[] = {
    {"k", ATTR_INT, offsetof(MinMaxPoolAttrs, k.w), NULL, 1, WINDOW_MAX, NULL},
    {"stride", ATTR_INT, offsetof(MinMaxPoolAttrs, stride.w), "k", 1, WINDOW_MAX, NULL},
    {"pad", ATTR_PAD, offsetof(MinMaxPoolAttrs, pad), "0", 0, WINDOW_MAX, NULL},
    {"dilation", ATTR_INT, offsetof(MinMaxPoolAttrs, dilation.w), "1", 1, WINDOW_MAX, NULL},
    {"ceil", ATTR_BOOL, offsetof(MinMaxPoolAttrs, ceil), "no", 0, 0, NULL},
    {0},
};

const char *const minmax_pool_in[] = {"x", NULL};
const char *const minmax_pool_out[] = {"y", NULL};
const char *const minmax_pool_training_out[] = {"y", "argmax", NULL};
static const char *const gradient_in[] = {"dy", "argmax", NULL};
static const char *const gradient_out[] = {"dx", NULL};

static WindowSpec spec_of(const MinMaxPoolAttrs *a) { return (WindowSpec){a->k, a->stride, a->dilation, a->pad}; }

bool minmax_pool_shape(Graph *g, Node *n)
{
    MinMaxPoolAttrs *a = n->attrs;
    return window_pool_shape(g, n, spec_of(a), &a->pad, a->ceil);
}

bool minmax_pool1d_shape(Graph *g, Node *n)
{
    MinMaxPoolAttrs *a = n->attrs;
    a->k.h = a->stride.h = a->dilation.h = 1;
    return window_takes_sequence(g, n, &a->pad) && window_pool_size(g, n, spec_of(a), &a->pad, a->ceil);
}

bool minmax_pool_training_shape(Graph *g, Node *n)
{
    MinMaxPoolAttrs *a = n->attrs;
    if (!window_pool_size(g, n, spec_of(a), &a->pad, a->ceil)) return false;
    node_out_as(g, n, a->k.h * a->k.w <= 256 ? DTYPE_U8 : DTYPE_I32, true, node_shape_out(n));
    return true;
}

void minmax_pool_window(const Node *n, int axis, Window *window)
{
    Slide s[2];
    window_slides(s, spec_of(n->attrs), node_shape_in(n), node_shape_out(n));
    window_field(&s[axis], window);
}

int64_t minmax_pool_flops(const Node *n)
{
    const MinMaxPoolAttrs *a = n->attrs;
    return window_cost(shape_count(node_shape_out(n)), a->k.h * a->k.w);
}

/* ---- loops ------------------------------------------------------------ */

/* Binds the arrays of that name as images, which sequences are in these loops. */
static void bind_as_images(Writer *w, const char *name, Shape shape) { window_alias(w, name, name, shape); }

static void bind_forward(Writer *w, const Node *n)
{
    bind_as_images(w, "x", node_shape_in(n));
    bind_as_images(w, "y", node_shape_out(n));
}

/* The loops over the elements of y of sample n. */
static int open_outputs(Writer *w, const Slide s[2], int64_t channels)
{
    int braces = window_loop(w, "c", channels, false);
    braces += window_loop(w, "i", s[0].small, false);
    return braces + window_loop(w, "j", s[1].small, false);
}

static bool is_padded(const Slide s[2]) { return window_tested(&s[0]) || window_tested(&s[1]); }

/* Declares best: where no tap lies in the padding the first element, else `worst`. */
static void minmax_put_start(Writer *w, const Slide s[2], double worst, bool int8)
{
    char row[128], col[128];
    Slide corner[2] = {s[0], s[1]};
    corner[0].k = corner[1].k = 1;
    window_index_text(row, sizeof row, &corner[0], "i", NULL);
    window_index_text(col, sizeof col, &corner[1], "j", NULL);
    writer_bind(w, "row", "%s", row);
    writer_bind(w, "col", "%s", col);
    if (int8)
        writer_bind_int(w, "worst", worst < 0 ? -128 : 127);
    else
        writer_bind_real(w, "worst", worst);
    writer_put(w, is_padded(s) ? "$element best = $worst;" : "$element best = @x(n, $c, $row, $col);");
}

/* Without padding element (c, i, j) is at c·h·w + i·w + j, and the first that it or a later one reads
 * at c·H·W + i·stride·W + j·stride, which is no less: y may lie over x. */
bool minmax_pool_goes_forward(const Node *n)
{
    Slide s[2];
    window_slides(s, spec_of(n->attrs), node_shape_in(n), node_shape_out(n));
    return !is_padded(s);
}

void minmax_pool_plain(Writer *w, const Node *n, const char *better, double worst)
{
    Slide s[2];
    window_slides(s, spec_of(n->attrs), node_shape_in(n), node_shape_out(n));
    bind_forward(w, n);
    writer_bind(w, "better", "%s", better);
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    int outer = 1 + open_outputs(w, s, node_shape_in(n).dim[0]);
    const bool int8 = pool_bind_element(w, n);
    minmax_put_start(w, s, worst, int8);
    int inner = window_taps(w, s, PAD_MODE_ZEROS);
    writer_put(w, "const $element value = @x(n, $c, $row, $col);\n"
                  "if (value $better best$or_nan) {\n"
                  "    best = value;\n"
                  "}\n");
    window_close(w, inner);
    writer_put(w, "@y(n, $c, $i, $j) = best;");
    window_close(w, outer);
}

static void bind_tap(Writer *w, const Slide s[2])
{
    if (s[0].k == 1) {
        writer_bind(w, "tap", "%s", s[1].k == 1 ? "0" : "v");
    } else {
        writer_bind(w, "tap", s[1].k == 1 ? "u" : "u * %lld + v", (long long)s[1].k);
    }
}

/* With padding the first element is known by there being no winner yet: an
 * infinite one could not beat `worst`. */
void minmax_pool_training_plain(Writer *w, const Node *n, const char *better)
{
    Slide s[2];
    window_slides(s, spec_of(n->attrs), node_shape_in(n), node_shape_out(n));
    writer_bind(w, "wins", is_padded(s) ? "winner < 0 || value %s best" : "value %s best", better);
    bind_tap(w, s);
    bind_forward(w, n);
    bind_as_images(w, "argmax", node_shape_out(n));
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    int outer = 1 + open_outputs(w, s, node_shape_in(n).dim[0]);
    pool_bind_element(w, n);
    minmax_put_start(w, s, 0, false);
    writer_put(w, is_padded(s) ? "$int winner = -1;" : "$int winner = 0;");
    int inner = window_taps(w, s, PAD_MODE_ZEROS);
    writer_put(w, "const $real value = @x(n, $c, $row, $col);\n"
                  "if ($wins || value != value) {\n"
                  "    best = value;\n"
                  "    winner = $tap;\n"
                  "}\n");
    window_close(w, inner);
    writer_put(w, "@y(n, $c, $i, $j) = best;\n"
                  "@argmax(n, $c, $i, $j) = winner;\n");
    window_close(w, outer);
}

/* Binds $row and $col to the element that won window (i, j). */
static void bind_winner(Writer *w, const Slide s[2])
{
    char row_tap[40] = "tap", col_tap[40] = "tap", text[128];
    if (s[1].k > 1) snprintf(row_tap, sizeof row_tap, "tap / %lld", (long long)s[1].k);
    if (s[0].k > 1) snprintf(col_tap, sizeof col_tap, "tap %% %lld", (long long)s[1].k);
    window_index_text(text, sizeof text, &s[0], "i", row_tap);
    writer_bind(w, "row", "%s", text);
    window_index_text(text, sizeof text, &s[1], "j", col_tap);
    writer_bind(w, "col", "%s", text);
}

static void minmax_pool_grad_plain(Writer *w, const Node *n)
{
    Slide s[2];
    window_slides(s, spec_of(n->attrs), node_shape_out(n), node_shape_in(n));
    bind_as_images(w, "dx", node_shape_out(n));
    bind_as_images(w, "dy", node_shape_in(n));
    bind_as_images(w, "argmax", node_shape_in(n));
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    window_fill(w, "dx", node_shape_out(n), "0");
    int braces = 1 + open_outputs(w, s, node_shape_in(n).dim[0]);
    bind_winner(w, s);
    writer_put(w, s[0].k * s[1].k > 1 ? "const $int tap = @argmax(n, $c, $i, $j);" : "(void)argmax;");
    writer_put(w, "@dx(n, $c, $row, $col) += @dy(n, $c, $i, $j);");
    window_close(w, braces);
}

/* ---- fast form: runtime/kernels/pool/pool.h -------------------------------- */

/* nn_pool_window has room for it. */
static const char *size_refusal(const Node *n, Shape large)
{
    const MinMaxPoolAttrs *a = n->attrs;
    bool fits = shape_count(large) < INT32_MAX && window_cost(a->k.h, a->k.w) < INT32_MAX;
    return fits ? NULL : "an image or a window has 2^31 elements or more";
}

const char *minmax_pool_refusal(const Node *n) { return size_refusal(n, node_shape_in(n)); }

/* Batch-blocked, a channel of a block is an image of its own, of one channel per sample. */
static void bind_images(Writer *w, const Node *n)
{
    writer_bind(w, "blocks", "%s", "");
    if (n->layout == LAYOUT_NCHW16N) writer_bind(w, "blocks", " / 16 * %lld", (long long)node_shape_in(n).dim[0]);
}

static void call_minmax(Writer *w, const Node *n, Shape large, Shape small, bool least, const char *call)
{
    Slide s[2];
    window_slides(s, spec_of(n->attrs), large, small);
    bind_images(w, n);
    const int64_t channels = n->layout == LAYOUT_NCHW16N ? BATCH_BLOCK : large.dim[0];
    const int64_t size[] = {channels,    s[0].large,  s[1].large,    s[0].small,    s[1].small,  s[0].k,     s[1].k,
                            s[0].stride, s[1].stride, s[0].dilation, s[1].dilation, s[0].before, s[1].before};
    writer_bind_fields(w, "size", "c h w oh ow kh kw sh sw dh dw top left", size);
    writer_bind_int(w, "least", least);
    writer_bind_int(w, "wide", s[0].k * s[1].k > 256);
    writer_put(w, "static const nn_pool_window size = {$size, .least = $least, .wide = $wide};");
    writer_put(w, call);
}

void minmax_pool_emit(Writer *w, const Node *n, bool least)
{
    writer_bind(w, "kernel",
                variant_is_of_bf16(n)      ? "nn_minmax_pool_nhwc_bf16"
                : n->layout != LAYOUT_NCHW ? "nn_minmax_pool_nhwc"
                                           : "nn_minmax_pool");
    const char *keeping = "$kernel(&size, $N$blocks, x, y, argmax, $t, $T);",
               *without = "$kernel(&size, $N$blocks, x, y, 0, $t, $T);";
    call_minmax(w, n, node_shape_in(n), node_shape_out(n), least, n->out_count > 1 ? keeping : without);
}

void minmax_pool_int8_emit(Writer *w, const Node *n)
{
    call_minmax(w, n, node_shape_in(n), node_shape_out(n), false, "nn_int8_maxpool(&size, $N$blocks, x, y, $t, $T);");
}

static void minmax_pool_grad_emit(Writer *w, const Node *n)
{
    writer_bind(w, "kernel",
                variant_is_of_bf16(n)      ? "nn_minmax_pool_nhwc_dx_bf16"
                : n->layout != LAYOUT_NCHW ? "nn_minmax_pool_nhwc_dx"
                                           : "nn_minmax_pool_dx");
    call_minmax(w, n, node_shape_out(n), node_shape_in(n), false, "$kernel(&size, $N$blocks, dy, argmax, dx, $t, $T);");
}

static const char *minmax_pool_grad_refusal(const Node *n) { return size_refusal(n, node_shape_out(n)); }

static const Variant minmax_pool_gradient_variants[] = {
    POOL_ROWS(IN_NCHW | IN_NCHW16N, minmax_pool_grad_refusal, minmax_pool_grad_emit),
    {0},
};

static const Op minmax_pool_gradient = {
    .name = "minmax_pool.dx",
    .class = OP_INTERNAL,
    .in = gradient_in,
    .out = gradient_out,
    .plain = minmax_pool_grad_plain,
    .variants = minmax_pool_gradient_variants,
};

void minmax_pool_grad(Backward *b, const Node *n)
{
    if (!backward_wants(b, n->in[0])) return;
    Graph *g = backward_graph(b);
    Node *d = backward_node(b, &minmax_pool_gradient, n);
    node_in(g, d, backward_of(b, n->out[0]));
    node_in(g, d, n->out[1]);
    backward_give(b, n->in[0], node_out(g, d, node_shape_in(n)));
}
