/*
 * Averages and maxima of rectangles of an image, forward and backward.
 *
 *   x: [N][C][H][W]   y: [N][C][h][w]
 *   average: dx = dy / count over the region;  maximum: dx = dy where it was found
 *
 * PoolRegions of one size that never meet the edge get loops with literal bounds;
 * others name their edges first, so that no loop tests for padding.  Of equal
 * elements the first wins; a NaN wins over every number, as in PyTorch.
 */
#include "ops/shared/pool_regions.h"

#include <stdio.h>
#include <string.h>

#include "autodiff/backward.h"

const char *const pool_regions_in[] = {"x", NULL};
const char *const pool_regions_out[] = {"y", NULL};
const char *const pool_regions_training_out[] = {"y", "argmax", NULL};
const char *const pool_regions_gradient_in[] = {"dy", NULL};
const char *const pool_regions_gradient_out[] = {"dx", NULL};
static const char *const maximum_gradient_in[] = {"dy", "argmax", NULL};

/* A single window is cut at the edges here, so that its bounds are literals. */
static PoolRegions single_window(Slide s, bool padding_counts)
{
    int64_t first = s.before > 0 ? 0 : -s.before;
    int64_t last = s.k - s.before < s.large ? s.k - s.before : s.large;
    int64_t padded = s.large + s.before + s.after;
    int64_t counted = s.k < padded ? s.k : padded;
    Slide cut = {.large = s.large, .small = 1, .k = last - first, .stride = 1, .dilation = 1, .before = -first};
    return (PoolRegions){.slide = cut, .counted = padding_counts ? counted : last - first};
}

PoolRegions pool_regions_window(Slide s, bool padding_counts)
{
    s.dilation = 1;
    if (s.small == 1) return single_window(s, padding_counts);
    return (PoolRegions){.slide = s, .padding_counts = padding_counts, .counted = s.k};
}

void pool_regions_set_divisor(PoolRegions regions[2], int64_t divisor)
{
    regions[0].counted = divisor;
    regions[1].counted = 1;
    regions[0].fixed = regions[1].fixed = true;
}

PoolRegions pool_regions_parts(int64_t large, int64_t small, int64_t origin, int64_t region)
{
    Slide s = {.large = large, .small = small, .dilation = 1, .before = -origin};
    if (region % small) return (PoolRegions){.slide = s, .region = region, .origin = origin};
    s.k = s.stride = region / small;
    return (PoolRegions){.slide = s, .origin = origin, .counted = s.k};
}

void pool_regions_adaptive(PoolRegions regions[2], Shape large, Shape small)
{
    for (int axis = 0; axis < 2; axis++) {
        regions[axis] = pool_regions_parts(large.dim[1 + axis], small.dim[1 + axis], 0, large.dim[1 + axis]);
    }
}

int64_t pool_regions_reach(const PoolRegions *c)
{
    if (!c->region) return c->slide.k;
    int64_t largest = 0;
    int64_t small = c->slide.small;
    for (int64_t i = 0; i < small; i++) {
        int64_t size = div_round_up((i + 1) * c->region, small) - i * c->region / small;
        if (size > largest) largest = size;
    }
    return largest;
}

/* Parts of unequal size: as windows of the largest size about the same centres. */
void pool_regions_field(const PoolRegions *c, Window *window)
{
    if (!c->region) {
        window_field(&c->slide, window);
        return;
    }
    window->size = (double)pool_regions_reach(c);
    window->stride = (double)c->region / (double)c->slide.small;
    window->pad = (window->size - window->stride) / 2 - (double)c->origin;
    window->uneven = true; /* from ⌊u·region/small⌋ to ⌈(u + 1)·region/small⌉ − 1 */
    window->before = (double)(c->slide.small - 1) / (double)c->slide.small - (double)c->origin;
    window->after = (double)(c->region - 1) / (double)c->slide.small + (double)c->origin;
}

/* ---- edges ------------------------------------------------------------ */

/* All regions are whole windows inside the image. */
static bool even(const PoolRegions *c) { return !c->region && !window_tested(&c->slide); }

/* "i * 2": where window i starts, before padding. */
static const char *start_text(char text[40], int axis, const Slide *s)
{
    const char *at = axis == 0 ? "i" : "j";
    if (s->stride == 1) return at;
    snprintf(text, 40, "%s * %lld", at, (long long)s->stride);
    return text;
}

static void bind_first(Writer *w, int axis, const PoolRegions *c)
{
    const Slide *s = &c->slide;
    char buffer[40];
    const char *start = start_text(buffer, axis, s);
    long long before = s->before, origin = c->origin, region = c->region, parts = s->small;
    if (c->region) {
        writer_bind(w, "first", origin ? "%s * %lld / %lld + %lld" : "%s * %lld / %lld", axis == 0 ? "i" : "j", region,
                    parts, origin);
    } else if (before > 0) {
        writer_bind(w, "first", "%s < %lld ? 0 : %s - %lld", start, before, start, before);
    } else {
        writer_bind(w, "first", "%s", start);
    }
}

static void bind_last(Writer *w, int axis, const PoolRegions *c)
{
    const Slide *s = &c->slide;
    char buffer[40];
    const char *start = start_text(buffer, axis, s);
    int64_t reach = s->k - s->before, beyond = (s->small - 1) * s->stride + reach;
    long long origin = c->origin, region = c->region, parts = s->small;
    if (c->region) {
        writer_bind(w, "last", origin ? "((%s + 1) * %lld + %lld) / %lld + %lld" : "((%s + 1) * %lld + %lld) / %lld",
                    axis == 0 ? "i" : "j", region, parts - 1, parts, origin);
    } else if (beyond > s->large) {
        writer_bind(w, "last", "%s > %lld ? %lld : %s + %lld", start, (long long)(s->large - reach),
                    (long long)s->large, start, (long long)reach);
    } else {
        writer_bind(w, "last", "%s + %lld", start, (long long)reach);
    }
}

/* Declares the first row of region i and the one after its last (axis 1: columns). */
static void put_edges(Writer *w, int axis, const PoolRegions *c)
{
    if (even(c)) return;
    bind_first(w, axis, c);
    bind_last(w, axis, c);
    writer_put(w, axis == 0 ? "const $int top = $first;\nconst $int bottom = $last;\n"
                            : "const $int left = $first;\nconst $int right = $last;\n");
}

/* ---- loops ------------------------------------------------------------ */

int pool_regions_open(Writer *w, const PoolRegions regions[2], int64_t channels)
{
    int braces = window_loop(w, "c", channels, false);
    braces += window_loop(w, "i", regions[0].slide.small, false);
    put_edges(w, 0, &regions[0]);
    braces += window_loop(w, "j", regions[1].slide.small, false);
    put_edges(w, 1, &regions[1]);
    return braces;
}

static int open_axis(Writer *w, int axis, const PoolRegions *c)
{
    if (even(c)) {
        int braces = window_loop(w, axis == 0 ? "u" : "v", c->slide.k, false);
        window_index(w, axis, &c->slide, PAD_MODE_ZEROS);
        return braces;
    }
    writer_bind(w, axis == 0 ? "row" : "col", axis == 0 ? "row" : "col");
    writer_put(w, axis == 0 ? "for ($int row = top; row < bottom; row++) {"
                            : "for ($int col = left; col < right; col++) {");
    return 1;
}

int pool_regions_inside(Writer *w, const PoolRegions regions[2])
{
    int braces = open_axis(w, 0, &regions[0]);
    return braces + open_axis(w, 1, &regions[1]);
}

/* With the padding, windows have k elements, but for those that reach beyond it
 * (ceil=yes): the number is declared. */
static const char *put_padded_count(Writer *w, int axis, const Slide *s)
{
    int64_t padded = s->large + s->before + s->after;
    char buffer[40];
    writer_bind(w, "start", "%s", start_text(buffer, axis, s));
    writer_bind_int(w, "last", padded - s->k);
    writer_bind_int(w, "padded", padded);
    writer_bind_int(w, "k", s->k);
    writer_put(w, axis == 0 ? "const $int rows = $start > $last ? $padded - $start : $k;"
                            : "const $int cols = $start > $last ? $padded - $start : $k;");
    return axis == 0 ? "rows" : "cols";
}

/* The elements of a region along an axis; NULL where all have c->counted. */
static const char *axis_count(Writer *w, int axis, const PoolRegions *c)
{
    const Slide *s = &c->slide;
    if (c->fixed || even(c)) return NULL;
    if (!c->padding_counts) return axis == 0 ? "(bottom - top)" : "(right - left)";
    bool beyond = (s->small - 1) * s->stride + s->k > s->large + s->before + s->after;
    return beyond ? put_padded_count(w, axis, s) : NULL;
}

void pool_regions_bind_count(Writer *w, const PoolRegions regions[2])
{
    long long height = regions[0].counted, width = regions[1].counted;
    const char *rows = axis_count(w, 0, &regions[0]);
    const char *cols = axis_count(w, 1, &regions[1]);
    if (rows && cols) {
        writer_bind(w, "count", "(%s * %s)", rows, cols);
    } else if (rows) {
        writer_bind(w, "count", "(%s * %lld)", rows, width);
    } else if (cols) {
        writer_bind(w, "count", "(%lld * %s)", height, cols);
    } else {
        writer_bind_int(w, "count", height * width);
    }
}

/* ---- averages --------------------------------------------------------- */

void pool_regions_average(Writer *w, const Node *n, const PoolRegions regions[2])
{
    window_alias(w, "x", "x", node_shape_in(n));
    window_alias(w, "y", "y", node_shape_out(n));
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    int outer = 1 + pool_regions_open(w, regions, node_shape_in(n).dim[0]);
    writer_put(w, "$real sum = 0;");
    int inner = pool_regions_inside(w, regions);
    writer_put(w, "sum += @x(n, $c, $row, $col);");
    window_close(w, inner);
    pool_regions_bind_count(w, regions);
    writer_put(w, "@y(n, $c, $i, $j) = sum / $count;");
    window_close(w, outer);
}

void pool_regions_average_gradient(Writer *w, const Node *n, const PoolRegions regions[2])
{
    window_alias(w, "dx", "dx", node_shape_out(n));
    window_alias(w, "dy", "dy", node_shape_in(n));
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    window_fill(w, "dx", node_shape_out(n), "0");
    int outer = 1 + pool_regions_open(w, regions, node_shape_in(n).dim[0]);
    pool_regions_bind_count(w, regions);
    writer_put(w, "const $real share = @dy(n, $c, $i, $j) / $count;");
    int inner = pool_regions_inside(w, regions);
    writer_put(w, "@dx(n, $c, $row, $col) += share;");
    window_close(w, inner + outer);
}

void pool_regions_average_grad(Backward *b, const Node *n, const Op *gradient)
{
    if (!backward_wants(b, n->in[0])) return;
    Graph *g = backward_graph(b);
    Node *d = backward_node(b, gradient, n);
    node_in(g, d, backward_of(b, n->out[0]));
    backward_give(b, n->in[0], node_out(g, d, node_shape_in(n)));
}

/* ---- maxima ----------------------------------------------------------- */

/* A pixel as text: its row and column, and its index in the plane of a channel. */
typedef struct PixelIndex {
    char row[128], col[128], flat[320];
} PixelIndex;

static void axis_text(char text[128], int axis, const PoolRegions *c, const char *edge, const char *tap)
{
    Slide s = c->slide;
    if (!tap) s.k = 1;
    if (even(c)) {
        window_index_text(text, 128, &s, axis == 0 ? "i" : "j", tap);
    } else {
        snprintf(text, 128, "%s", edge);
    }
}

static void flatten(PixelIndex *index, int64_t width)
{
    bool sum = strpbrk(index->row, " ") != NULL;
    if (strcmp(index->row, "0") == 0) {
        snprintf(index->flat, sizeof index->flat, "%s", index->col);
        return;
    }
    int length =
        snprintf(index->flat, sizeof index->flat, sum ? "(%s) * %lld" : "%s * %lld", index->row, (long long)width);
    if (strcmp(index->col, "0") == 0) return;
    snprintf(index->flat + length, sizeof index->flat - (size_t)length, " + %s", index->col);
}

/* The first element of the region, where the search starts. */
static PixelIndex corner(const PoolRegions regions[2])
{
    PixelIndex index;
    axis_text(index.row, 0, &regions[0], "top", NULL);
    axis_text(index.col, 1, &regions[1], "left", NULL);
    flatten(&index, regions[1].slide.large);
    return index;
}

/* The element that the loops inside the region have come to. */
static PixelIndex current(const PoolRegions regions[2])
{
    PixelIndex index;
    axis_text(index.row, 0, &regions[0], "row", "u");
    axis_text(index.col, 1, &regions[1], "col", "v");
    flatten(&index, regions[1].slide.large);
    return index;
}

static void bind_pixels(Writer *w, const PoolRegions regions[2])
{
    PixelIndex first = corner(regions), now = current(regions);
    writer_bind(w, "first_row", "%s", first.row);
    writer_bind(w, "first_col", "%s", first.col);
    writer_bind(w, "first_flat", "%s", first.flat);
    writer_bind(w, "flat", "%s", now.flat);
}

bool pool_bind_element(Writer *w, const Node *n)
{
    const bool int8 = n->in[0]->dtype == DTYPE_I8;
    writer_bind(w, "element", "%s", dtype_c_type(n->in[0]->dtype));
    writer_bind(w, "or_nan", "%s", int8 ? "" : " || value != value");
    return int8;
}

void pool_regions_maximum(Writer *w, const Node *n, const PoolRegions regions[2])
{
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    int outer = 1 + pool_regions_open(w, regions, node_shape_in(n).dim[0]);
    bind_pixels(w, regions);
    pool_bind_element(w, n);
    writer_put(w, "$element best = @x(n, $c, $first_row, $first_col);");
    int inner = pool_regions_inside(w, regions);
    writer_put(w, "const $element value = @x(n, $c, $row, $col);\n"
                  "if (value > best$or_nan) {\n"
                  "    best = value;\n"
                  "}\n");
    window_close(w, inner);
    writer_put(w, "@y(n, $c, $i, $j) = best;");
    window_close(w, outer);
}

void pool_regions_maximum_training(Writer *w, const Node *n, const PoolRegions regions[2])
{
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    int outer = 1 + pool_regions_open(w, regions, node_shape_in(n).dim[0]);
    bind_pixels(w, regions);
    writer_put(w, "$real best = @x(n, $c, $first_row, $first_col);\n"
                  "$int winner = $first_flat;\n");
    int inner = pool_regions_inside(w, regions);
    writer_put(w, "const $real value = @x(n, $c, $row, $col);\n"
                  "if (value > best || value != value) {\n"
                  "    best = value;\n"
                  "    winner = $flat;\n"
                  "}\n");
    window_close(w, inner);
    writer_put(w, "@y(n, $c, $i, $j) = best;\n"
                  "@argmax(n, $c, $i, $j) = winner;\n");
    window_close(w, outer);
}

/* Binds $winner_row and $winner_col to the place in an h × w plane that `winner` counts. */
static void bind_winner_place(Writer *w, int64_t height, int64_t width)
{
    writer_bind(w, "winner_row", height == 1 ? "0" : width == 1 ? "winner" : "winner / %lld", (long long)width);
    writer_bind(w, "winner_col", width == 1 ? "0" : height == 1 ? "winner" : "winner %% %lld", (long long)width);
}

static void maximum_gradient_plain(Writer *w, const Node *n)
{
    Shape dx = node_shape_out(n), dy = node_shape_in(n);
    bind_winner_place(w, dx.dim[1], dx.dim[2]);
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    window_fill(w, "dx", dx, "0");
    int braces = 1 + window_loop(w, "c", dx.dim[0], false);
    braces += window_loop(w, "i", dy.dim[1], false);
    braces += window_loop(w, "j", dy.dim[2], false);
    writer_put(w, "const $int winner = @argmax(n, $c, $i, $j);\n"
                  "@dx(n, $c, $winner_row, $winner_col) += @dy(n, $c, $i, $j);\n");
    window_close(w, braces);
}

/* ---- fast form: runtime/kernels/pool/pool.h -------------------------------- */

/* Binds $name to the fields of an nn_region_axis. */
static void bind_axis(Writer *w, const char *name, const PoolRegions *c)
{
    const Slide *s = &c->slide;
    const int64_t count = c->fixed || even(c) ? c->counted
                          : c->padding_counts ? -1
                                              : 0,
                  padded = s->large + s->before + s->after;
    const int64_t fields[] = {s->large, s->small, s->k, s->stride, s->before, c->region, count, padded};
    writer_bind_fields(w, name, "large small k stride before region count padded", fields);
}

/* nn_pool_regions has room for images of that shape. */
static bool is_indexable(Shape s) { return shape_count(s) / s.dim[0] < INT32_MAX; }

const char *pool_regions_refusal(const Node *n)
{
    return is_indexable(node_shape_in(n)) && is_indexable(node_shape_out(n)) ? NULL
                                                                             : "a channel has 2^31 pixels or more";
}

void pool_regions_put_size(Writer *w, const Node *n, const PoolRegions regions[2])
{
    writer_bind_int(w, "C", node_shape_in(n).dim[0]);
    bind_axis(w, "rows", &regions[0]);
    bind_axis(w, "columns", &regions[1]);
    writer_put(w, "static const nn_pool_regions size = {.c = $C, .v = {$rows}, .h = {$columns}};");
}

/* $kernel for images that lie as the node's do. */
static void call_regions(Writer *w, const Node *n, const PoolRegions regions[2], const char *kernel, const char *call)
{
    pool_regions_put_size(w, n, regions);
    writer_bind(w, "kernel", "%s", kernel);
    writer_put(w, call);
}

void pool_regions_average_emit(Writer *w, const Node *n, const PoolRegions regions[2])
{
    call_regions(w, n, regions,
                 variant_is_of_bf16(n)      ? "nn_region_avgpool_nhwc_bf16"
                 : n->layout == LAYOUT_NHWC ? "nn_region_avgpool_nhwc"
                                            : "nn_region_avgpool",
                 "$kernel(&size, $N, x, y, $t, $T);");
}

void pool_regions_average_gradient_emit(Writer *w, const Node *n, const PoolRegions regions[2])
{
    call_regions(w, n, regions,
                 variant_is_of_bf16(n)      ? "nn_region_avgpool_nhwc_dx_bf16"
                 : n->layout == LAYOUT_NHWC ? "nn_region_avgpool_nhwc_dx"
                                            : "nn_region_avgpool_dx",
                 "$kernel(&size, $N, dy, dx, $t, $T);");
}

void pool_regions_maximum_emit(Writer *w, const Node *n, const PoolRegions regions[2])
{
    call_regions(w, n, regions, n->layout == LAYOUT_NHWC ? "nn_region_maxpool_nhwc" : "nn_region_maxpool",
                 "$kernel(&size, $N, x, y, 0, $t, $T);");
}

void pool_regions_maximum_training_emit(Writer *w, const Node *n, const PoolRegions regions[2])
{
    call_regions(w, n, regions, n->layout == LAYOUT_NHWC ? "nn_region_maxpool_nhwc" : "nn_region_maxpool",
                 "$kernel(&size, $N, x, y, argmax, $t, $T);");
}

/* The argmaxes say it all: the regions matter only by how many there are. */
static void maximum_gradient_emit(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    pool_regions_adaptive(regions, node_shape_out(n), node_shape_in(n));
    call_regions(w, n, regions, n->layout == LAYOUT_NHWC ? "nn_region_maxpool_nhwc_dx" : "nn_region_maxpool_dx",
                 "$kernel(&size, $N, dy, argmax, dx, $t, $T);");
}

static const Variant maximum_gradient_variants[] = {{.name = "simd",
                                                     .layouts = IN_NCHW | IN_NHWC,
                                                     .traits = VARIANT_ANY_BATCH,
                                                     .refuses = pool_regions_refusal,
                                                     .emit = maximum_gradient_emit,
                                                     .kernel = "pool"},
                                                    {0}};

static const Op maximum_gradient = {
    .name = "maximum.dx",
    .class = OP_INTERNAL,
    .in = maximum_gradient_in,
    .out = pool_regions_gradient_out,
    .plain = maximum_gradient_plain,
    .variants = maximum_gradient_variants,
};

void pool_regions_argmax(Graph *g, Node *n) { node_out_as(g, n, DTYPE_I32, true, node_shape_out(n)); }

void pool_regions_maximum_grad(Backward *b, const Node *n)
{
    if (!backward_wants(b, n->in[0])) return;
    Graph *g = backward_graph(b);
    Node *d = backward_node(b, &maximum_gradient, n);
    node_in(g, d, backward_of(b, n->out[0]));
    node_in(g, d, n->out[1]);
    backward_give(b, n->in[0], node_out(g, d, node_shape_in(n)));
}
