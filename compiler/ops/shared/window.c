/*
 * Sliding windows: sizes and padding, errors about them, and the loops over one
 * window.
 *
 * Sizes are PyTorch's.  The loops test for padding only along an axis where a
 * tap can fall into it, so that an unpadded layer reads as its formula.
 */
#include "ops/shared/window.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const char *window_axis_name(const Node *n, int axis)
{
    if (n->in[0]->shape.rank == 2) return "length";
    return axis == 0 ? "height" : "width";
}

Shape window_image(Shape s) { return s.rank == 2 ? shape_image(s.dim[0], 1, s.dim[1]) : s; }

void window_slides(Slide slide[2], WindowSpec s, Shape large, Shape small)
{
    large = window_image(large);
    small = window_image(small);
    slide[0] = (Slide){large.dim[1], small.dim[1], s.k.h, s.stride.h, s.dilation.h, s.pad.top, s.pad.bottom};
    slide[1] = (Slide){large.dim[2], small.dim[2], s.k.w, s.stride.w, s.dilation.w, s.pad.left, s.pad.right};
}

int64_t window_reach(const Slide *s) { return (s->k - 1) * s->dilation + 1; }

/* ---- shape rules ------------------------------------------------------ */

bool window_takes_image(Graph *g, Node *n)
{
    Shape in = node_shape_in(n);
    Arena *arena = g->compilation->arena;
    if (in.rank == 3) return true;
    const char *along = arena_printf(arena, "%s1d", n->op->name); /* the same layer over a sequence */
    const bool other = in.rank == 2 && op_find(along, OP_LAYER);
    diag_error(g->compilation, n->span,
               "%s takes an image CxHxW, but its input is %s; %s`reshape` makes an image of it", n->op->name,
               shape_kind_text(arena, in), other ? arena_printf(arena, "`%s` takes it, ", along) : "");
    return false;
}

bool window_takes_sequence(Graph *g, Node *n, Pad *pad)
{
    bool even = pad->top == pad->left && pad->top == pad->bottom && pad->top == pad->right;
    Shape in = node_shape_in(n);
    if (in.rank != 2)
        diag_error(g->compilation, n->span,
                   "%s takes a sequence CxL, but its input is %s; `reshape` makes a sequence of it", n->op->name,
                   shape_kind_text(g->compilation->arena, in));
    else if (pad->kind == PAD_EXPLICIT && !even)
        diag_error(g->compilation, n->span,
                   "%s: pad is one number, same, valid or full: a sequence has one axis to pad", n->op->name);
    else
        return pad->top = pad->bottom = 0, true;
    return false;
}

/* At stride 1 the output is as large as the input; else ceil(in / stride).
 * The odd row goes to the end. */
static void resolve_same(Slide *s)
{
    int64_t out = (s->large + s->stride - 1) / s->stride;
    int64_t total = (out - 1) * s->stride + window_reach(s) - s->large;
    if (total < 0) total = 0;
    s->before = total / 2;
    s->after = total - total / 2;
}

static void resolve(PadKind kind, Slide *s)
{
    if (kind == PAD_VALID) s->before = s->after = 0;
    if (kind == PAD_FULL) s->before = s->after = window_reach(s) - 1;
    if (kind == PAD_SAME) resolve_same(s);
}

void window_resolve_pad(Pad *pad, WindowSpec spec, Shape large)
{
    if (pad->kind == PAD_EXPLICIT) return;
    Slide s[2];
    window_slides(s, spec, large, large);
    for (int axis = 0; axis < 2; axis++) resolve(pad->kind, &s[axis]);
    *pad = (Pad){pad->kind, s[0].before, s[1].before, s[0].after, s[1].after};
}

static void report_size(Graph *g, Node *n, int axis, const Slide *s)
{
    const char *name = window_axis_name(n, axis);
    long long before = s->before, after = s->after;
    diag_error(
        g->compilation, n->span,
        "%s: the output %s would be floor((%lld + %lld + %lld - %lld*(%lld-1) - 1)/%lld) + 1 = %lld; it must be 1 "
        "or more",
        n->op->name, name, (long long)s->large, before, after, (long long)s->dilation, (long long)s->k,
        (long long)s->stride, (long long)s->small);
    diag_note(g->compilation, n->span, "a window of %lld does not fit an input %s of %lld with padding %lld and %lld",
              (long long)window_reach(s), name, (long long)s->large, before, after);
}

static int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

bool window_size(Graph *g, Node *n, int axis, Slide *s, bool ceil)
{
    int64_t span = s->large + s->before + s->after - window_reach(s);
    s->small = floor_div(span, s->stride) + 1;
    if (ceil) {
        s->small = floor_div(span + s->stride - 1, s->stride) + 1;
        if ((s->small - 1) * s->stride >= s->large + s->before) s->small--;
    }
    if (s->small >= 1) return true;
    report_size(g, n, axis, s);
    return false;
}

/* Window i starts at i·stride − before; from the left it meets the image at its
 * first tap that is not negative. */
static bool meets(const Slide *s, int64_t i)
{
    int64_t first = i * s->stride - s->before;
    int64_t u = first >= 0 ? 0 : (-first + s->dilation - 1) / s->dilation;
    return u < s->k && first + u * s->dilation < s->large;
}

/* A user's error when some window of a pool has no element inside the image. */
static bool window_meets_image(Graph *g, Node *n, int axis, const Slide *s)
{
    int64_t bad = -1;
    for (int64_t i = 0; i < s->small && i * s->stride < s->before && bad < 0; i++) {
        if (!meets(s, i)) bad = i;
    }
    if (bad < 0 && !meets(s, s->small - 1)) bad = s->small - 1;
    if (bad < 0) return true;
    const char *where = n->in[0]->shape.rank == 2 ? "element" : axis == 0 ? "row" : "column";
    diag_error(
        g->compilation, n->span,
        "%s: the window of output %s %lld lies in the padding alone (padding %lld and %lld, window %lld, input %s "
        "%lld)",
        n->op->name, where, (long long)bad, (long long)s->before, (long long)s->after, (long long)window_reach(s),
        window_axis_name(n, axis), (long long)s->large);
    return false;
}

const char *const window_pad_modes[] = {"zeros", "reflect", "replicate", "circular", NULL};
const char *const window_borders[] = {"zeros",    "constant",  "reflect", "replicate",
                                      "circular", "symmetric", "odd",     NULL};

bool window_padding_fits(Graph *g, const Node *n, const Slide slide[2], PadMode mode)
{
    if (mode == PAD_MODE_ZEROS || mode == PAD_MODE_REPLICATE) return true;
    for (int axis = 0; axis < 2; axis++) {
        const Slide *s = &slide[axis];
        int64_t most = mode == PAD_MODE_REFLECT ? s->large - 1 : s->large;
        if (s->before <= most && s->after <= most) continue;
        const char *name = window_axis_name(n, axis);
        diag_error(g->compilation, n->span,
                   "%s: %s padding of %lld and %lld, but an input %s of %lld allows at most %lld", n->op->name,
                   window_pad_modes[mode], (long long)s->before, (long long)s->after, name, (long long)s->large,
                   (long long)most);
        return false;
    }
    return true;
}

bool window_pool_size(Graph *g, Node *n, WindowSpec spec, Pad *pad, bool ceil)
{
    Shape in = node_shape_in(n);
    window_resolve_pad(pad, spec, in);
    spec.pad = *pad;
    Slide s[2];
    window_slides(s, spec, in, in);
    bool fits = true, square = window_is_square(s);
    for (int axis = 0; axis < 2 && (fits || !square); axis++) {
        fits = window_size(g, n, axis, &s[axis], ceil) && window_meets_image(g, n, axis, &s[axis]) && fits;
    }
    Shape row = {2, {in.dim[0], s[1].small}};
    if (fits) node_out(g, n, in.rank == 2 ? row : shape_image(in.dim[0], s[0].small, s[1].small));
    return fits;
}

bool window_pool_shape(Graph *g, Node *n, WindowSpec spec, Pad *pad, bool ceil)
{
    return window_takes_image(g, n) && window_pool_size(g, n, spec, pad, ceil);
}

bool window_is_square(const Slide slide[2]) { return memcmp(&slide[0], &slide[1], sizeof slide[0]) == 0; }

int64_t window_cost(int64_t a, int64_t b)
{
    const double most = 1e17;
    return (double)a * (double)b < most ? a * b : (int64_t)most;
}

void window_field(const Slide *s, Window *window)
{
    window->size = (double)window_reach(s);
    window->stride = (double)s->stride;
    window->pad = (double)s->before;
}

/* ---- loops ------------------------------------------------------------ */

int window_loop(Writer *w, const char *variable, int64_t count, bool keep)
{
    if (count == 1 && !keep) {
        writer_bind(w, variable, "0");
        return 0;
    }
    writer_bind(w, variable, "%s", variable);
    writer_bind(w, "loop_variable", "%s", variable);
    writer_bind_int(w, "loop_count", count);
    writer_put(w, "for ($int $loop_variable = 0; $loop_variable < $loop_count; $loop_variable++) {");
    return 1;
}

void window_close(Writer *w, int braces)
{
    while (braces-- > 0) writer_put(w, "}");
}

static bool tested_low(const Slide *s) { return s->before > 0; }

static bool tested_high(const Slide *s) { return (s->small - 1) * s->stride - s->before + window_reach(s) > s->large; }

bool window_tested(const Slide *s) { return tested_low(s) || tested_high(s); }

void window_index_text(char *text, size_t size, const Slide *s, const char *at, const char *tap)
{
    int length = 0;
    text[0] = '\0';
    if (s->small > 1) length += snprintf(text, size, s->stride > 1 ? "%s * %lld" : "%s", at, (long long)s->stride);
    if (s->k > 1) {
        const char *plus = length ? " + " : "";
        const char *format = s->dilation > 1 ? "%s%s * %lld" : "%s%s";
        length += snprintf(text + length, size - (size_t)length, format, plus, tap, (long long)s->dilation);
    }
    if (s->before > 0) {
        const char *minus = length ? " - " : "-";
        length += snprintf(text + length, size - (size_t)length, "%s%lld", minus, (long long)s->before);
    } else if (s->before < 0) {
        const char *plus = length ? " + " : "";
        length += snprintf(text + length, size - (size_t)length, "%s%lld", plus, (long long)-s->before);
    }
    if (!length) length = snprintf(text, size, "0");
    assert((size_t)length < size);
}

static void put_zeros_test(Writer *w, const Slide *s)
{
    bool low = tested_low(s), high = tested_high(s);
    if (low && high) writer_put(w, "if ($index < 0 || $index >= $index_size) {");
    if (low && !high) writer_put(w, "if ($index < 0) {");
    if (!low && high) writer_put(w, "if ($index >= $index_size) {");
    writer_put(w, "continue;\n}");
}

/* Where an index outside the image is read instead. */
static void put_wrap(Writer *w, const Slide *s, PadMode mode)
{
    static const char *const low[] = {NULL, "-$index", "0", "$index + $index_size"};
    static const char *const high[] = {NULL, "$index_mirror - $index", "$index_last", "$index - $index_size"};
    writer_bind_int(w, "index_last", s->large - 1);
    writer_bind_int(w, "index_mirror", 2 * (s->large - 1));
    char line[96];
    if (tested_low(s)) {
        snprintf(line, sizeof line, "if ($index < 0) {\n$index = %s;\n}", low[mode]);
        writer_put(w, line);
    }
    if (tested_high(s)) {
        snprintf(line, sizeof line, "if ($index >= $index_size) {\n$index = %s;\n}", high[mode]);
        writer_put(w, line);
    }
}

void window_index(Writer *w, int axis, const Slide *s, PadMode mode)
{
    const char *name = axis == 0 ? "row" : "col";
    char text[128];
    window_index_text(text, sizeof text, s, axis == 0 ? "i" : "j", axis == 0 ? "u" : "v");
    if (!window_tested(s)) {
        writer_bind(w, name, "%s", text);
        return;
    }
    writer_bind(w, name, "%s", name);
    writer_bind(w, "index", "%s", name);
    writer_bind(w, "index_start", "%s", text);
    writer_bind_int(w, "index_size", s->large);
    writer_put(w, mode == PAD_MODE_ZEROS ? "const $int $index = $index_start;" : "$int $index = $index_start;");
    if (mode == PAD_MODE_ZEROS) {
        put_zeros_test(w, s);
    } else {
        put_wrap(w, s, mode);
    }
}

int window_taps(Writer *w, const Slide slide[2], PadMode mode)
{
    int braces = window_loop(w, "u", slide[0].k, window_tested(&slide[0]));
    window_index(w, 0, &slide[0], mode);
    braces += window_loop(w, "v", slide[1].k, window_tested(&slide[1]));
    window_index(w, 1, &slide[1], mode);
    return braces;
}

void window_alias(Writer *w, const char *alias, const char *name, Shape shape)
{
    shape = window_image(shape);
    assert(shape.rank == 3);
    int64_t dim[] = {0, shape.dim[0], shape.dim[1], shape.dim[2]}; /* no index needs the first */
    writer_bind_array(w, alias, name, 4, dim);
}

void window_fill(Writer *w, const char *array, Shape shape, const char *value)
{
    char line[80];
    shape = window_image(shape);
    assert(shape.rank == 3);
    int braces = window_loop(w, "c", shape.dim[0], false);
    braces += window_loop(w, "i", shape.dim[1], false);
    braces += window_loop(w, "j", shape.dim[2], false);
    snprintf(line, sizeof line, "@%s(n, $c, $i, $j) = %s;", array, value);
    writer_put(w, line);
    window_close(w, braces);
}
