/*
 * Normalising each group of channels of a sample.
 *
 *   y = (x − mean) · inv · weight + bias,   inv = 1 / sqrt(var + eps), var biased
 *
 *   x: [N][G·C][P], P elements per channel   mean, inv: [N][G]
 *   groupnorm: weight, bias [G·C]            layernorm: G = 1, weight, bias [C·P]
 *   layernorm along an axis: x: [N·outer][C][places], mean, inv: [N·outer][places], weight, bias [C]
 *
 *   with x̂ = (x − mean) · inv, D = C·P, s = Σ dy·weight, t = Σ dy·weight·x̂:
 *   dx = inv · (dy·weight − s/D − x̂ · t/D);   dweight = Σ dy·x̂;   dbias = Σ dy
 *
 * An infinite dy makes s or t infinite; whether an element of dx is then infinite or
 * NaN depends on the order of the terms, and may differ from PyTorch.
 *
 * While training mean and inv are kept; backward needs them and x.
 */
#include "ops/shared/norm.h"

#include <assert.h>
#include <stdio.h>

#include "autodiff/backward.h"
#include "ops/shared/axis.h"

const char *const norm_in[] = {"x", "weight", "bias", NULL};
const char *const norm_out[] = {"y", NULL};
const char *const norm_training_out[] = {"y", "mean", "inv", NULL};
static const char *const dx_in[] = {"dy", "x", "mean", "inv", "weight", NULL};
static const char *const dx_out[] = {"dx", NULL};
static const char *const dweight_in[] = {"dy", "x", "mean", "inv", NULL};
static const char *const dweight_out[] = {"dweight", NULL};
static const char *const dbias_in[] = {"dy", NULL};
static const char *const dbias_out[] = {"dbias", NULL};

/* ---- sums ------------------------------------------------------------- */

int norm_loop(Writer *w, int64_t inner)
{
    if (inner == 1) return 0;
    writer_bind_int(w, "inner", inner);
    writer_put(w, "for ($int k = 0; k < $inner; k++) {");
    return 1;
}

static void close(Writer *w, int braces)
{
    while (braces-- > 0) writer_put(w, "}");
}

static void put(Writer *w, const char *format, ...) PRINTF_LIKE(2, 3);

/* Two steps: the arguments make the template, and the writer expands it. */
static void put(Writer *w, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    assert(length >= 0 && (size_t)length < sizeof line);
    writer_put(w, line);
}

void norm_sum(Writer *w, const char *target, NormLoops loops, const char *first, const char *term)
{
    bool parts = loops.inner > 1;
    put(w, "$real %s = 0;", target);
    put(w, "for ($int %s = 0; %s < %s; %s++) {", loops.variable, loops.variable, loops.count, loops.variable);
    if (parts) writer_put(w, "$real part = 0;");
    int braces = norm_loop(w, loops.inner);
    if (first) writer_put(w, first);
    put(w, "%s += %s;", parts ? "part" : target, term);
    close(w, braces);
    if (parts) put(w, "%s += part;", target);
    writer_put(w, "}");
}

/* The first mean carries the rounding of a long sum, which is not small beside
 * the deviation where the values hardly differ; so the remainders are summed
 * along with their squares and both are put right: the corrected two-pass
 * algorithm (Chan, Golub and LeVeque, "Algorithms for Computing the Sample
 * Variance", 1983). */
void norm_moments(Writer *w, NormLoops loops, const char *count)
{
    norm_sum(w, "sum", loops, NULL, "x[$at]");
    put(w, "const $real first = sum / %s;", count);
    writer_put(w, "$real rest = 0; /* what the first mean is off, times the count */");
    norm_sum(w, "squares", loops, "const $real d = x[$at] - first;\nrest += d;", "d * d");
    put(w, "const $real average = first + rest / %s;", count);
    put(w, "const $real spread = squares - rest * rest / %s;", count);
    put(w, "const $real variance = spread < 0 ? 0 : spread / %s;", count);
}

/* ---- graph ------------------------------------------------------------ */

typedef struct Groups {
    int64_t groups, channels, elements; /* of the sample, of a group, of a channel */
    int64_t outer, places;              /* along an axis: samples of a sample; vectors that are side by side */
    bool per_element;                   /* the affine parameters */
} Groups;

static bool is_along_axis(const Node *n)
{
    const NormAttrs *a = n->attrs;
    return a->groups == 0 && a->axis != ATTR_NONE;
}

static Groups groups_of(const Node *n)
{
    const NormAttrs *a = n->attrs;
    Shape s = node_shape_in(n);
    int64_t groups = a->groups ? a->groups : 1;
    if (is_along_axis(n)) {
        ShapeParts parts = shape_parts(s, (int)a->axis);
        return (Groups){1, parts.size, 1, parts.outer, parts.inner, true};
    }
    return (Groups){groups, s.dim[0] / groups, shape_count(s) / s.dim[0], 1, 1, a->groups == 0};
}

bool norm_shape(Graph *g, Node *n)
{
    NormAttrs *a = n->attrs;
    Shape in = node_shape_in(n);
    if (is_along_axis(n) && !axis_resolve(g, n, &a->axis)) return false;
    if (a->groups && in.dim[0] % a->groups) {
        const char *what = in.rank == 3 ? "channels" : "features";
        diag_error(g->compilation, n->span, "%s: %lld %s cannot be divided into %lld equal groups", n->op->name,
                   (long long)in.dim[0], what, (long long)a->groups);
        return false;
    }
    node_out(g, n, in);
    return true;
}

bool norm_training_shape(Graph *g, Node *n)
{
    if (!norm_shape(g, n)) return false;
    Groups s = groups_of(n);
    Shape groups = shape_vector(s.outer * s.groups * s.places);
    node_out(g, n, groups);
    node_out(g, n, groups);
    return true;
}

void norm_params(Graph *g, Node *n)
{
    const NormAttrs *a = n->attrs;
    if (!a->affine) return;
    Shape in = node_shape_in(n);
    Shape affine = a->groups ? shape_vector(in.dim[0]) : is_along_axis(n) ? shape_vector(in.dim[a->axis]) : in;
    node_param(g, n, "weight", affine, init_constant(1))->regularized = false;
    node_param(g, n, "bias", affine, init_constant(0))->regularized = false;
}

void norm_window(const Node *n, int axis, Window *window)
{
    window->whole = !is_along_axis(n) || ((const NormAttrs *)n->attrs)->axis == field_axis(node_shape_in(n), axis);
}

/* Per element: 1 for the mean, 3 for the variance, 2 to normalise, 2 affine. */
int64_t norm_flops(const Node *n)
{
    const NormAttrs *a = n->attrs;
    return shape_count(node_shape_in(n)) * (a->affine ? 8 : 6);
}

/* ---- loops ------------------------------------------------------------ */

/* Element (n, c, k) along an axis, k the place. */
static void bind_norm_places(Writer *w, const Groups *s)
{
    writer_bind(w, "at", "(n * %lld + c) * %lld + k", (long long)s->channels, (long long)s->places);
    writer_bind(w, "stat", "n * %lld + k", (long long)s->places);
    writer_bind(w, "affine", "c");
}

/* $at is element (n, g, c, k) of the sample, $stat its group's statistics,
 * $affine its parameters. */
static void bind_norm_elements(Writer *w, const Groups *s)
{
    char channel[80] = "c", element[160];
    if (s->groups > 1) snprintf(channel, sizeof channel, "g * %lld + c", (long long)s->channels);
    snprintf(element, sizeof element, s->elements == 1 ? "n * %lld + %s" : "(n * %lld + %s) * %lld + k",
             (long long)(s->groups * s->channels), channel, (long long)s->elements);
    writer_bind(w, "at", "%s", element);
    writer_bind(w, "stat", s->groups > 1 ? "n * %lld + g" : "n", (long long)s->groups);
    if (s->per_element && s->elements > 1) {
        writer_bind(w, "affine", "c * %lld + k", (long long)s->elements);
    } else {
        writer_bind(w, "affine", "%s", channel);
    }
}

static void bind_indices(Writer *w, const Groups *s)
{
    if (s->places > 1)
        bind_norm_places(w, s);
    else
        bind_norm_elements(w, s);
    axis_bind_outer(w, s->outer);
    writer_bind_int(w, "groups", s->groups);
    writer_bind_int(w, "channels", s->channels);
    writer_bind_int(w, "D", s->channels * s->elements);
}

/* The loops over the groups of sample n, or its places, and over the elements of group g. */
static int open_groups(Writer *w, const Groups *s)
{
    if (s->places > 1) return norm_loop(w, s->places);
    if (s->groups == 1) return 0;
    writer_put(w, "for ($int g = 0; g < $groups; g++) {");
    return 1;
}

static int open_elements(Writer *w, const Groups *s)
{
    writer_put(w, "for ($int c = 0; c < $channels; c++) {");
    return 1 + norm_loop(w, s->elements);
}

static void write_forward(Writer *w, const Node *n, bool keep)
{
    const NormAttrs *a = n->attrs;
    Groups s = groups_of(n);
    bind_indices(w, &s);
    writer_bind_real(w, "eps", a->eps);
    writer_put(w, "for ($int n = 0; n < $N$outer; n++) {");
    int outer = 1 + open_groups(w, &s);
    NormLoops group = {"c", "$channels", s.elements};
    norm_moments(w, group, "$D");
    writer_put(w, "const $real scale = 1 / $sqrt(variance + $eps);");
    if (keep) writer_put(w, "mean[$stat] = average;\ninv[$stat] = scale;\n");
    int inner = open_elements(w, &s);
    writer_put(w, a->affine ? "y[$at] = (x[$at] - average) * scale * weight[$affine] + bias[$affine];"
                            : "y[$at] = (x[$at] - average) * scale;");
    close(w, inner + outer);
}

void norm_plain(Writer *w, const Node *n) { write_forward(w, n, false); }

void norm_training_plain(Writer *w, const Node *n) { write_forward(w, n, true); }

static void norm_dx_plain(Writer *w, const Node *n)
{
    const NormAttrs *a = n->attrs;
    Groups s = groups_of(n);
    bind_indices(w, &s);
    writer_put(w, "for ($int n = 0; n < $N$outer; n++) {");
    int outer = 1 + open_groups(w, &s);
    writer_put(w, "const $real average = mean[$stat];\n"
                  "const $real scale = inv[$stat];\n");
    const char *slope = a->affine ? "dy[$at] * weight[$affine]" : "dy[$at]";
    char term[128];
    snprintf(term, sizeof term, "%s * (x[$at] - average) * scale", slope);
    NormLoops group = {"c", "$channels", s.elements};
    norm_sum(w, "sum", group, NULL, slope);
    norm_sum(w, "along", group, NULL, term);
    int inner = open_elements(w, &s);
    writer_put(w, "const $real unit = (x[$at] - average) * scale;");
    put(w, "dx[$at] = scale * (%s - (sum + unit * along) / $D);", slope);
    close(w, inner + outer);
}

/* The sum over the batch, and over a channel's elements unless they have
 * parameters of their own. */
static void write_affine(Writer *w, const Node *n, const char *target, const char *term)
{
    Groups s = groups_of(n);
    bind_indices(w, &s);
    int braces = s.places > 1 ? 0 : open_groups(w, &s);
    writer_put(w, "for ($int c = 0; c < $channels; c++) {");
    braces += 1 + (s.per_element ? norm_loop(w, s.elements) : 0);
    NormLoops all = {"n", "$N$outer", s.per_element ? s.places : s.elements};
    norm_sum(w, "sum", all, NULL, term);
    put(w, "%s[$affine] = sum;", target);
    close(w, braces);
}

static void dweight_plain(Writer *w, const Node *n)
{
    write_affine(w, n, "dweight", "dy[$at] * (x[$at] - mean[$stat]) * inv[$stat]");
}

static void dbias_plain(Writer *w, const Node *n) { write_affine(w, n, "dbias", "dy[$at]"); }

/* ---- fast form: runtime/kernels/norm/norm.h --------------------------------- */

static void call_norm(Writer *w, const Node *n, const char *call)
{
    const NormAttrs *a = n->attrs;
    Groups s = groups_of(n);
    axis_bind_outer(w, n->layout == LAYOUT_NHWC ? s.places : s.outer);
    writer_bind_int(w, "groups", s.groups);
    writer_bind_int(w, "channels", s.channels);
    writer_bind_int(w, "P", s.elements);
    writer_bind_int(w, "per_element", s.per_element);
    writer_bind_real(w, "eps", a->eps);
    writer_bind(w, "weight", a->affine ? "weight" : "0");
    writer_bind(w, "bias", a->affine ? "bias" : "0");
    writer_put(w, "static const nn_norm size = {.groups = $groups, .channels = $channels, .p = $P, "
                  ".per_element = $per_element, .eps = $eps};");
    writer_put(w, call);
}

void norm_emit(Writer *w, const Node *n)
{
    bool keep = n->out_count > 1;
    call_norm(w, n,
              keep ? "const nn_norm_forward_args args = {.x = x, .weight = $weight, .bias = $bias, .y = y, .mean = "
                     "mean, .inv = inv};\n"
                     "nn_norm_forward(&size, (long)$N$outer, &args, $t, $T);"
                   : "const nn_norm_forward_args args = {.x = x, .weight = $weight, .bias = $bias, .y = y};\n"
                     "nn_norm_forward(&size, (long)$N$outer, &args, $t, $T);");
}

static void norm_dx_emit(Writer *w, const Node *n)
{
    call_norm(w, n,
              "const nn_norm_gradient gradient = {.dy = dy, .x = x, .mean = mean, .inv = inv};\n"
              "nn_norm_dx(&size, (long)$N$outer, &gradient, $weight, dx, $t, $T);");
}

static void dweight_emit(Writer *w, const Node *n)
{
    call_norm(w, n,
              "const nn_norm_gradient gradient = {.dy = dy, .x = x, .mean = mean, .inv = inv};\n"
              "nn_norm_dweight(&size, (long)$N$outer, &gradient, dweight, $t, $T);");
}

static void dbias_emit(Writer *w, const Node *n)
{
    call_norm(w, n, "nn_norm_dbias(&size, (long)$N$outer, dy, dbias, $t, $T);");
}

const char *norm_refusal(const Node *n) { return groups_of(n).places > 1 ? "the axis is not the last" : NULL; }

const char *norm_pixels_refusal(const Node *n)
{
    const NormAttrs *a = n->attrs;
    bool channels = is_along_axis(n) && a->axis == 0;
    return channels ? NULL : "it is not along the channels";
}

/* ---- gradients -------------------------------------------------------- */

static const Variant norm_dx_variants[] = {NORM_ROWS(VARIANT_ANY_BATCH, norm_dx_emit)};

static const Op norm_dx = {
    .name = "norm.dx",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = dx_in,
    .out = dx_out,
    .plain = norm_dx_plain,
    .variants = norm_dx_variants,
};
static const Variant norm_dweight_variants[] = {NORM_ROWS(0, dweight_emit)};

static const Op norm_dweight = {
    .name = "norm.dweight",
    .class = OP_INTERNAL,
    .in = dweight_in,
    .out = dweight_out,
    .plain = dweight_plain,
    .variants = norm_dweight_variants,
};
static const Variant norm_dbias_variants[] = {NORM_ROWS(0, dbias_emit)};

static const Op norm_dbias = {
    .name = "norm.dbias",
    .class = OP_INTERNAL,
    .in = dbias_in,
    .out = dbias_out,
    .plain = dbias_plain,
    .variants = norm_dbias_variants,
};

Node *norm_gradient_node(Backward *b, const Op *op, const Node *n)
{
    Graph *g = backward_graph(b);
    Node *d = backward_node(b, op, n);
    node_in(g, d, backward_of(b, n->out[0]));
    node_in(g, d, n->in[0]);
    node_in(g, d, n->out[1]);
    node_in(g, d, n->out[2]);
    return d;
}

static void norm_give_model(Backward *b, Node *d, Tensor *param)
{
    backward_give(b, param, node_out_as(backward_graph(b), d, backward_graph(b)->real, false, param->shape));
}

void norm_grad(Backward *b, const Node *n)
{
    Graph *g = backward_graph(b);
    if (backward_wants(b, n->in[0])) {
        Node *d = norm_gradient_node(b, &norm_dx, n);
        if (node_has(n, 1)) node_in(g, d, n->in[1]);
        backward_give(b, n->in[0], node_out(g, d, node_shape_in(n)));
    }
    if (node_has(n, 1) && backward_wants(b, n->in[1]))
        norm_give_model(b, norm_gradient_node(b, &norm_dweight, n), n->in[1]);
    if (node_has(n, 2) && backward_wants(b, n->in[2])) {
        Node *d = backward_node(b, &norm_dbias, n);
        node_in(g, d, backward_of(b, n->out[0]));
        norm_give_model(b, d, n->in[2]);
    }
}
