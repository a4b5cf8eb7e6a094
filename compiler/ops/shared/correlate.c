/*
 * The loop nests of convolution and the wiring of its gradients.
 *
 * The group of an output channel is found by one division before the inner
 * loops; without groups, and with one channel per group (depthwise), nothing of
 * it is seen in the code.
 */
#include "ops/shared/correlate.h"

#include <assert.h>
#include <stdio.h>

#include "autodiff/backward.h"
#include "ops/shared/channels.h"

const char *const correlate_in[] = {"x", "weight", "bias", NULL};
const char *const correlate_pack_in[] = {"weight", NULL};
const char *const correlate_pack_out[] = {"panels", NULL};
const char *const correlate_out[] = {"y", NULL};
const char *const correlate_dx_in[] = {"dy", "weight", NULL};
const char *const correlate_dx_out[] = {"dx", NULL};
const char *const correlate_dweight_in[] = {"x", "dy", NULL};
const char *const correlate_dweight_out[] = {"dweight", NULL};
const char *const correlate_dbias_in[] = {"dy", NULL};
const char *const correlate_dbias_out[] = {"dbias", NULL};

static int64_t group_large(const Correlation *c) { return c->large.dim[0] / c->groups; }

static int64_t group_small(const Correlation *c) { return c->small.dim[0] / c->groups; }

int64_t correlate_macs(const Correlation *c)
{
    return window_cost(shape_count(c->small), window_cost(group_large(c), c->slide[0].k * c->slide[1].k));
}

/* ---- loops ------------------------------------------------------------ */

/* Stands right inside the loop over o: binds $channel, the large side's channel
 * that belongs to o and c. */
static void bind_channel(Writer *w, const Correlation *c)
{
    int64_t per_large = group_large(c), per_small = group_small(c);
    if (c->groups == 1) {
        writer_bind(w, "channel", "%s", per_large == 1 ? "0" : "c");
        return;
    }
    if (per_large == 1) {
        writer_bind(w, "channel", per_small == 1 ? "o" : "o / %lld", (long long)per_small);
        return;
    }
    writer_bind_int(w, "per_small", per_small);
    writer_bind_int(w, "per_large", per_large);
    writer_bind(w, "channel", "first + c");
    writer_put(w, per_small == 1 ? "const $int first = o * $per_large; /* channel of o's group */"
                                 : "const $int first = o / $per_small * $per_large; /* channel of o's group */");
}

static void bind_sides(Writer *w, const Correlation *c, const char *large, const char *small)
{
    window_alias(w, "large", large, c->large);
    window_alias(w, "small", small, c->small);
    writer_bind_int(w, "O", c->small.dim[0]);
    writer_bind_int(w, "C", c->large.dim[0]);
    writer_bind_int(w, "area", c->large.dim[1] * c->large.dim[2]);
}

/* The weight's place along an axis under a tap. */
static void bind_mirrored(Writer *w, const Correlation *c, int axis)
{
    const char *name = axis == 0 ? "row_tap" : "col_tap";
    const char *tap = axis == 0 ? "u" : "v";
    int64_t k = c->slide[axis].k;
    if (k == 1) {
        writer_bind(w, name, "0");
    } else if (c->flip) {
        writer_bind(w, name, "%lld - %s", (long long)(k - 1), tap);
    } else {
        writer_bind(w, name, "%s", tap);
    }
}

static void bind_taps(Writer *w, const Correlation *c)
{
    bind_mirrored(w, c, 0);
    bind_mirrored(w, c, 1);
}

void correlate_bind_row(Writer *w, const char *name, const Correlation *c)
{
    const int64_t dim[] = {c->small.dim[0], c->large.dim[0] / c->groups, 1, c->slide[1].k};
    writer_bind_array(w, name, name, 4, dim);
}

/* The loops over c, u and v. */
static int open_kernel(Writer *w, const Correlation *c)
{
    int braces = window_loop(w, "c", group_large(c), false);
    return braces + window_taps(w, c->slide, c->mode);
}

/* One sum; with `row`, that is where the array has the rows of a window. */
static void put_sum(Writer *w, const Correlation *c, const CorrelateText *text, const char *row)
{
    writer_put(w, text->start);
    int inner = open_kernel(w, c);
    if (row) writer_bind(w, "row", "%s", row);
    writer_put(w, text->term);
    window_close(w, inner);
}

static void put_value(Writer *w, const char *element, const CorrelateText *text)
{
    char line[256];
    const int length = snprintf(line, sizeof line, "%s = %s;", element, text->value);
    assert(length > 0 && (size_t)length < sizeof line);
    writer_put(w, line);
}

/* ---- a column ---------------------------------------------------------- */

static int64_t column_elements(const Correlation *c) { return c->large.dim[0] * c->slide[0].k * c->slide[1].k; }

/* Stands at the beginning of the function. */
static void open_column(Writer *w, const Correlation *c)
{
    const int64_t dim[] = {c->large.dim[0], c->slide[0].k, c->slide[1].k};
    writer_bind_array(w, "column", "column", 3, dim);
    writer_bind_int(w, "depth", column_elements(c));
    writer_put(w, "int16_t column[$depth];");
}

/* What the pixel at $i, $j reads; taps beside the image are zero. */
static void put_column(Writer *w, const Correlation *c, const CorrelateText *text, const char *row)
{
    if (window_tested(&c->slide[0]) || window_tested(&c->slide[1]))
        writer_put(w, "for ($int k = 0; k < $depth; k++) {\n"
                      "column[k] = 0;\n"
                      "}\n");
    bind_channel(w, c);
    int inner = open_kernel(w, c);
    if (row) writer_bind(w, "row", "%s", row);
    writer_put(w, text->gather);
    window_close(w, inner);
    writer_put(w, text->gathered);
}

/* All outputs of that pixel. */
static void put_outputs(Writer *w, const CorrelateText *text)
{
    writer_put(w, "for ($int o = 0; o < $O; o++) {");
    writer_put(w, text->sum);
    put_value(w, "@small(n, o, $i, $j)", text);
    window_close(w, 1);
}

static void sums_by_columns(Writer *w, const Correlation *c, const CorrelateText *text)
{
    open_column(w, c);
    bind_sides(w, c, text->large, text->small);
    bind_taps(w, c);
    writer_bind(w, "sample", "n");
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    int outer = window_loop(w, "i", c->slide[0].small, false);
    outer += window_loop(w, "j", c->slide[1].small, false);
    put_column(w, c, text, NULL);
    put_outputs(w, text);
    window_close(w, outer + 1);
}

/* ---- all sums ---------------------------------------------------------- */

/* All sums of sample n and output o. */
static void put_plane(Writer *w, const Correlation *c, const CorrelateText *text, const char *element)
{
    bind_channel(w, c);
    int outer = window_loop(w, "i", c->slide[0].small, false);
    outer += window_loop(w, "j", c->slide[1].small, false);
    put_sum(w, c, text, NULL);
    put_value(w, element, text);
    window_close(w, outer);
}

static void open_planes(Writer *w, const Correlation *c, const CorrelateText *text)
{
    bind_sides(w, c, text->large, text->small);
    bind_taps(w, c);
    writer_bind(w, "sample", "n");
    writer_put(w, "for ($int n = 0; n < $N; n++) {\n"
                  "for ($int o = 0; o < $O; o++) {\n");
}

static const char small_element[] = "@small(n, o, $i, $j)";

void correlate_sums(Writer *w, const Correlation *c, const CorrelateText *text)
{
    if (text->gather) {
        sums_by_columns(w, c, text);
        return;
    }
    open_planes(w, c, text);
    put_plane(w, c, text, small_element);
    window_close(w, 2);
}

CorrelateText correlate_text(Writer *w, const char *large, const char *small, const char *bias)
{
    writer_bind(w, "start", bias ? "%s[o]" : "0", bias);
    return (CorrelateText){
        .large = large,
        .small = small,
        .start = "$real sum = $start;",
        .term = "sum += @weight(o, $c, $row_tap, $col_tap) * @large($sample, $channel, $row, $col);",
        .value = "sum",
    };
}

void correlate_forward(Writer *w, const Correlation *c, const char *large, const char *small, const char *bias)
{
    const CorrelateText text = correlate_text(w, large, small, bias);
    correlate_sums(w, c, &text);
}

/* ---- in place --------------------------------------------------------- */

const char *const correlate_in_place_out[] = {"y", "work", NULL};

/* What is computed beside the image before it is written over: a plane of the small image, or the
 * pixels or the rows of the large one that a pixel or a row of the small one still needs. */
typedef enum InPlace { IN_PLACE_NOT, IN_PLACE_PLANE, IN_PLACE_PIXEL, IN_PLACE_ROWS } InPlace;

static bool reaches_one(const Slide *s) { return s->k == 1 && s->stride == 1 && !s->before && !s->after; }

static bool keeps_rows(const Correlation *c)
{
    const Slide *s = &c->slide[0];
    const bool zeros = c->mode == PAD_MODE_ZEROS || (s->before <= 0 && s->after <= 0);
    return zeros && s->stride == 1 && s->large == s->small && s->before >= 0 && s->before < window_reach(s) &&
           c->slide[1].large == c->slide[1].small && c->small.dim[0] <= c->large.dim[0];
}

static int64_t row_elements(const Correlation *c)
{
    return window_cost(c->large.dim[0], window_cost(window_reach(&c->slide[0]), c->large.dim[2]));
}

static InPlace in_place_of(const Correlation *c)
{
    const int64_t channels = c->large.dim[0], outputs = c->small.dim[0];
    if (c->groups == 1 && outputs <= channels && reaches_one(&c->slide[0]) && reaches_one(&c->slide[1]))
        return IN_PLACE_PIXEL;
    const bool rows = keeps_rows(c);
    if (channels == c->groups && outputs == channels && channels > 1 &&
        !(rows && row_elements(c) < c->small.dim[1] * c->small.dim[2]))
        return IN_PLACE_PLANE;
    return rows ? IN_PLACE_ROWS : IN_PLACE_NOT;
}

bool correlate_is_in_place(const Correlation *c, int64_t batch)
{
    return in_place_of(c) != IN_PLACE_NOT && (batch == 1 || shape_count(c->small) == shape_count(c->large));
}

static int64_t rows_kept(const Correlation *c)
{
    return in_place_of(c) == IN_PLACE_ROWS ? window_reach(&c->slide[0]) : 1;
}

static int64_t columns_kept(const Correlation *c) { return in_place_of(c) == IN_PLACE_ROWS ? c->large.dim[2] : 1; }

void correlate_in_place_shape(Graph *g, Node *n, const Correlation *c)
{
    const bool plane = in_place_of(c) == IN_PLACE_PLANE;
    node_out_as(g, n, n->out[0]->dtype, false,
                plane ? (Shape){2, {c->small.dim[1], c->small.dim[2]}}
                      : (Shape){4, {1, c->large.dim[0], rows_kept(c), columns_kept(c)}});
}

static void plane_in_place(Writer *w, const Correlation *c, const CorrelateText *text)
{
    const int64_t rows = c->slide[0].small, columns = c->slide[1].small, plane[] = {rows, columns};
    writer_bind_array(w, "work", "work", 2, plane);
    open_planes(w, c, text);
    put_plane(w, c, text, "@work($i, $j)");
    int outer = window_loop(w, "i", rows, false);
    outer += window_loop(w, "j", columns, false);
    writer_put(w, "@small(n, o, $i, $j) = @work($i, $j);");
    window_close(w, outer + 2);
}

/* The sums read `work`, [C][rows][W]; `x` is what they are the windows of. */
static void open_work(Writer *w, const Correlation *c, const CorrelateText *text)
{
    const int64_t dim[] = {1, c->large.dim[0], rows_kept(c), columns_kept(c)};
    bind_sides(w, c, "work", text->small);
    bind_taps(w, c);
    window_alias(w, "x", text->large, c->large);
    writer_bind_array(w, "large", "work", 4, dim);
    writer_bind(w, "sample", "0");
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
}

static void pixel_in_place(Writer *w, const Correlation *c, const CorrelateText *text)
{
    if (text->gather) open_column(w, c);
    open_work(w, c, text);
    int outer = window_loop(w, "i", c->slide[0].small, false);
    outer += window_loop(w, "j", c->slide[1].small, false);
    if (text->gather) {
        window_alias(w, "large", text->large, c->large);
        writer_bind(w, "sample", "n");
        writer_put(w, "(void)work; /* the column is the copy */");
        put_column(w, c, text, NULL);
        put_outputs(w, text);
        window_close(w, outer + 1);
        return;
    }
    writer_put(w, "for ($int c = 0; c < $C; c++) {\n"
                  "@large(0, c, 0, 0) = @x(n, c, $i, $j);\n"
                  "}\n"
                  "for ($int o = 0; o < $O; o++) {\n");
    bind_channel(w, c);
    writer_put(w, text->start);
    int inner = window_loop(w, "c", c->large.dim[0], false);
    writer_bind(w, "row", "0");
    writer_bind(w, "col", "0");
    writer_put(w, text->term);
    window_close(w, inner);
    put_value(w, small_element, text);
    window_close(w, outer + 2);
}

/* Row i of the small image, from the rows in `work`. */
static void put_row_of_rows(Writer *w, const Correlation *c, const CorrelateText *text, const char *row)
{
    writer_bind(w, "i", "i");
    if (text->gather) {
        int outer = window_loop(w, "j", c->slide[1].small, false);
        put_column(w, c, text, row);
        put_outputs(w, text);
        window_close(w, outer);
        return;
    }
    writer_put(w, "for ($int o = 0; o < $O; o++) {");
    bind_channel(w, c);
    int outer = window_loop(w, "j", c->slide[1].small, false);
    put_sum(w, c, text, row);
    put_value(w, small_element, text);
    window_close(w, outer + 1);
}

static void rows_in_place(Writer *w, const Correlation *c, const CorrelateText *text)
{
    const Slide *s = &c->slide[0];
    const int64_t reach = window_reach(s), ahead = reach - 1 - s->before;
    if (text->gather) open_column(w, c);
    open_work(w, c, text);
    writer_bind_int(w, "W", c->large.dim[2]);
    writer_bind_int(w, "H", c->large.dim[1]);
    writer_bind_int(w, "before", s->before);
    writer_bind_int(w, "ahead", ahead);
    writer_bind_int(w, "last", reach - 1);
    writer_bind_int(w, "known", ahead < c->large.dim[1] ? ahead : c->large.dim[1]);
    if (ahead > 0)
        writer_put(w, "for ($int c = 0; c < $C; c++) {\n"
                      "for ($int i = 0; i < $known; i++) {\n"
                      "for ($int j = 0; j < $W; j++) {\n"
                      "@large(0, c, i + $before, j) = @x(n, c, i, j);\n"
                      "}\n}\n}\n");
    writer_put(w, "for ($int i = 0; i < $H; i++) {\n"
                  "for ($int c = 0; c < $C; c++) {\n"
                  "for ($int j = 0; j < $W && i + $ahead < $H; j++) {\n"
                  "@large(0, c, $last, j) = @x(n, c, i + $ahead, j);\n"
                  "}\n}\n");
    char row[48];
    snprintf(row, sizeof row, s->k == 1 ? "0" : s->dilation > 1 ? "u * %lld" : "u", (long long)s->dilation);
    put_row_of_rows(w, c, text, row);
    if (reach > 1)
        writer_put(w, "for ($int c = 0; c < $C; c++) {\n"
                      "for ($int i = 0; i < $last; i++) {\n"
                      "for ($int j = 0; j < $W; j++) {\n"
                      "@large(0, c, i, j) = @large(0, c, i + 1, j);\n"
                      "}\n}\n}\n");
    window_close(w, 2);
}

void correlate_in_place(Writer *w, const Correlation *c, const CorrelateText *text)
{
    switch (in_place_of(c)) {
    case IN_PLACE_PLANE: plane_in_place(w, c, text); break;
    case IN_PLACE_PIXEL: pixel_in_place(w, c, text); break;
    case IN_PLACE_ROWS: rows_in_place(w, c, text); break;
    case IN_PLACE_NOT: assert(!"correlate_is_in_place"); break;
    }
}

/* Before the sums: every element of sample n is its channel's bias, or zero. */
static void put_start(Writer *w, const Correlation *c, const char *bias)
{
    char start[32] = "0";
    if (bias) snprintf(start, sizeof start, "%s[$c]", bias);
    window_fill(w, "large", c->large, start);
}

void correlate_backward_data(Writer *w, const Correlation *c, const char *large, const char *small, const char *bias)
{
    bind_sides(w, c, large, small);
    bind_taps(w, c);
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    put_start(w, c, bias);
    writer_put(w, "for ($int o = 0; o < $O; o++) {");
    bind_channel(w, c);
    int outer = window_loop(w, "i", c->slide[0].small, false);
    outer += window_loop(w, "j", c->slide[1].small, false);
    writer_put(w, "const $real value = @small(n, o, $i, $j);");
    int inner = open_kernel(w, c);
    writer_put(w, "@large(n, $channel, $row, $col) += value * @weight(o, $c, $row_tap, $col_tap);");
    window_close(w, inner + outer + 2);
}

void correlate_wgrad(Writer *w, const Correlation *c, const char *large, const char *small)
{
    bind_sides(w, c, large, small);
    bind_taps(w, c);
    writer_put(w, "for ($int o = 0; o < $O; o++) {");
    bind_channel(w, c);
    int outer = window_loop(w, "c", group_large(c), false);
    outer += window_loop(w, "u", c->slide[0].k, false);
    outer += window_loop(w, "v", c->slide[1].k, false);
    writer_put(w, "$real sum = 0;\n"
                  "for ($int n = 0; n < $N; n++) {\n");
    int inner = window_loop(w, "i", c->slide[0].small, window_tested(&c->slide[0]));
    window_index(w, 0, &c->slide[0], c->mode);
    inner += window_loop(w, "j", c->slide[1].small, window_tested(&c->slide[1]));
    window_index(w, 1, &c->slide[1], c->mode);
    writer_put(w, "sum += @small(n, o, $i, $j) * @large(n, $channel, $row, $col);");
    window_close(w, inner + 1);
    writer_put(w, "@dweight(o, $c, $row_tap, $col_tap) = sum;");
    window_close(w, outer + 1);
}

void correlate_bias_plain(Writer *w, const Node *n)
{
    Shape s = window_image(node_shape_in(n));
    writer_bind_int(w, "C", s.dim[0]);
    writer_bind_int(w, "area", s.dim[1] * s.dim[2]);
    writer_put(w, "for ($int c = 0; c < $C; c++) {\n"
                  "    $real sum = 0;\n"
                  "    for ($int n = 0; n < $N; n++) {\n"
                  "        for ($int k = 0; k < $area; k++) {\n"
                  "            sum += dy[(n * $C + c) * $area + k];\n"
                  "        }\n"
                  "    }\n"
                  "    dbias[c] = sum;\n"
                  "}\n");
}

void correlate_bias_emit(Writer *w, const Node *n)
{
    Shape s = node_shape_in(n);
    writer_bind_int(w, "step", n->layout == LAYOUT_NHWC ? tensor_pixel_stride(n->in[0]) : s.dim[0]);
    channels_put_size(w, "$N", s, n->layout);
    writer_bind(w, "format", n->in[0]->dtype == DTYPE_BF16 ? "_bf16" : "");
    writer_put(w, "nn_channel_sums$format(&size, $step, dy, dbias, $t, $T);");
}

/* ---- graph ------------------------------------------------------------ */

bool correlate_groups_divide(Graph *g, Node *n, int64_t groups, int64_t in, int64_t out)
{
    if (in % groups == 0 && out % groups == 0) return true;
    const char *which = in % groups ? "input" : "output";
    long long channels = in % groups ? in : out;
    diag_error(g->compilation, n->span, "%s: the %lld %s channels cannot be divided into %lld equal groups",
               n->op->name, channels, which, (long long)groups);
    return false;
}

/* Fans as PyTorch counts them: of dimension 1 and of dimension 0, times the
 * kernel's area. */
void correlate_params(Graph *g, Node *n, Shape weight, int64_t biases, Init init, const Init *bias)
{
    int64_t area = weight.dim[2] * (weight.rank == 4 ? weight.dim[3] : 1);
    init = init_with_fans(init, weight.dim[1] * area, weight.dim[0] * area);
    node_param(g, n, "weight", weight, init);
    if (!bias) return;
    node_param(g, n, "bias", shape_vector(biases), init_of_bias(*bias, init));
}

static void give_model(Backward *b, Node *d, Tensor *param)
{
    backward_give(b, param, node_out_as(backward_graph(b), d, backward_graph(b)->real, false, param->shape));
}

void correlate_grad(Backward *b, const Node *n, const CorrelateGradients *gradients)
{
    Graph *g = backward_graph(b);
    Tensor *x = n->in[0], *weight = n->in[1];
    Tensor *dy = backward_of(b, n->out[0]);
    if (backward_wants(b, x)) {
        Node *d = backward_node(b, gradients->dx, n);
        node_in(g, d, dy);
        node_in(g, d, weight);
        backward_give(b, x, node_out(g, d, x->shape));
    }
    if (backward_wants(b, weight)) {
        Node *d = backward_node(b, gradients->dweight, n);
        node_in(g, d, x);
        node_in(g, d, dy);
        give_model(b, d, weight);
    }
    if (node_has(n, 2) && backward_wants(b, n->in[2])) {
        Node *d = backward_node(b, gradients->dbias, n);
        node_in(g, d, dy);
        give_model(b, d, n->in[2]);
    }
}
