/*
 * What is said of a net: its formatted text, its reports, its receptive field.
 *
 * The formatted text must be the same net and stay as it is when formatted again;
 * every report must come out; and a receptive field must hold all that an output
 * depends on, which the gradient shows.
 */
#include "fuzz.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lower/dump.h"
#include "ops/shared/window.h"
#include "report/report_formats.h"

/* ---- format --------------------------------------------------------------------- */

static const char *dump_of(const FuzzNet *n)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    graph_dump(n->net, out);
    fclose(out);
    const char *copy = arena_strdup(n->c->arena, text);
    free(text);
    return copy;
}

static const char *formatted(const FuzzNet *n, const char *source)
{
    Text out;
    text_init(&out, n->c->arena);
    return front_format(n->c, "fuzz.nn", source, strlen(source), train_keys(), &out) ? out.data : NULL;
}

static void check_format(Verdict *v)
{
    const char *text = formatted(v->net, v->net->source);
    const char *again = text ? formatted(v->net, text) : NULL;
    FuzzNet *n = text ? fuzz_net(v->net->seed, text) : NULL;
    if (!n)
        verdict_fail(v, "the formatted text is not taken:\n%s", text ? text : "(none)");
    else if (strcmp(dump_of(n), dump_of(v->net)) != 0)
        verdict_fail(v, "the formatted text is another net:\n%s", text);
    else if (strcmp(text, again) != 0)
        verdict_fail(v, "formatted again, the text changes:\n%s", text);
    if (n) fuzz_free(n);
}

/* ---- reports --------------------------------------------------------------------- */

static void check_reports(Verdict *v)
{
    static const char *const formats[] = {"text", "md", "csv", "json"};
    ReportOptions options = report_options();
    options.batch = v->net->batch;
    const Analysis *a = analysis_build(v->net->net, v->net->spec, &options);
    if (!a) {
        verdict_fail(v, "there is no analysis");
        return;
    }
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const char *title = "fuzz";
        Report report = {.net = &a, .title = &title, .count = 1, .depth = DEPTH_ALL, .width = 100};
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        report_format(formats[i])->print(&report, out);
        fclose(out);
        if (report.failed || size == 0) verdict_fail(v, "the report as %s fails", formats[i]);
        free(text);
    }
}

void check_texts(Verdict *v)
{
    check_format(v);
    check_reports(v);
}

/* ---- receptive fields --------------------------------------------------------------- */

/* While training, batchnorm makes everything depend on everything. */
static bool couples(const Graph *net)
{
    for (int i = 0; i < net->nodes.count; i++) {
        const Op *op = ((const Node *)net->nodes.at[i])->op;
        if (op->training && op->training->traits & OP_BATCH_COUPLED) return true;
    }
    return false;
}

/* Rows (or columns) of a tensor, low … high; all of them where `whole`. */
typedef struct Rows {
    double low, high;
    bool any, whole;
} Rows;

static void widen(Rows *to, Rows r)
{
    if (!r.any || (!r.whole && r.high < r.low)) return; /* it reads nothing there: a gap of a deconvolution */
    to->low = to->any ? fmin(to->low, r.low) : r.low;
    to->high = to->any ? fmax(to->high, r.high) : r.high;
    to->whole |= r.whole;
    to->any = true;
}

/* Its padding is made of the image, so that beyond a border it reads what lies inside. */
static bool pads_with_image(const Node *n)
{
    for (const Attr *a = n->op->attrs; a && a->name; a++) {
        if (a->symbols != window_pad_modes && a->symbols != window_borders) continue;
        int mode = *(const int *)((const char *)n->attrs + a->offset);
        return a->symbols == window_borders ? mode > BORDER_CONSTANT : mode != PAD_MODE_ZEROS;
    }
    return false;
}

/* What the node reads of an input for the rows `out` of its output. */
static Rows through(const Node *n, int axis, Rows out)
{
    Window w = {.size = 1, .stride = 1};
    if (n->op->window) n->op->window(n, axis, &w);
    if (w.whole || n->out[0]->shape.rank != 3) out.whole = true;
    double before = w.uneven ? w.before : w.pad, after = w.uneven ? w.after : w.size - 1 - w.pad;
    out.low = ceil(out.low * w.stride - before - 1e-9);
    out.high = floor(out.high * w.stride + after + 1e-9);
    if (pads_with_image(n) && (out.low < 0 || out.high >= n->in[0]->shape.dim[1 + axis])) out.whole = true;
    return out;
}

/* The rows of the input that row u of the output needs, followed back layer by layer. */
static Rows rows_of(const Graph *net, int axis, int64_t u)
{
    Rows *need = calloc((size_t)net->tensors.count, sizeof *need);
    need[net->output->id] = (Rows){(double)u, (double)u, true, false};
    for (int i = net->nodes.count - 1; i >= 0; i--) {
        const Node *n = net->nodes.at[i];
        Rows out = need[n->out[0]->id];
        for (int k = 0; out.any && k < n->data_count; k++) widen(&need[n->in[k]->id], through(n, axis, out));
    }
    Rows rows = need[((const Tensor *)net->inputs.at[0])->id];
    free(need);
    return rows;
}

/* Behind pooling into unequal parts and the like a tensor's field is only the trend; of
 * padding with the image it counts the rows beyond the border. */
static bool is_trend(const Graph *net, int axis)
{
    for (int i = 0; i < net->nodes.count; i++) {
        const Node *n = net->nodes.at[i];
        Window w = {0};
        if (n->op->window) n->op->window(n, axis, &w);
        if (w.uneven || pads_with_image(n)) return true;
    }
    return false;
}

/* May row (or column) u of the output depend on row `at` of the input?  By the windows
 * of the layers, and by the field that the output has. */
static bool inside(const Graph *net, int axis, int64_t u, int64_t at)
{
    const Field *f = &net->output->field[axis];
    const Rows rows = rows_of(net, axis, u);
    double row = (double)at, start = f->first + (double)u * f->stride, end = f->last + (double)u * f->stride;
    bool in_field = f->whole || is_trend(net, axis) || (row >= start - 1e-9 && row <= end + 1e-9);
    return in_field && rows.any && (rows.whole || (row >= rows.low && row <= rows.high));
}

/* dx of one output element, at (i, j) of channel 0 of the first sample. */
static void check_element(Verdict *v, Form *form, Feed *feed, int64_t i, int64_t j)
{
    const Tensor *in = v->net->net->inputs.at[0], *out = v->net->net->output;
    double magnitude;
    memset(feed->dy, 0, (size_t)feed->batch * form_outputs(form) * sizeof *feed->dy);
    feed->dy[i * out->shape.dim[2] + j] = 1;
    form_reset(form, feed);
    form_vjp(form, feed, &magnitude);
    const double *dx = form_dx(form);
    int64_t height = in->shape.dim[1], width = in->shape.dim[2];
    for (int64_t k = 0; k < shape_count(in->shape); k++) {
        int64_t row = k / width % height, column = k % width;
        if (dx[k] == 0 || isnan(dx[k]) || (inside(v->net->net, 0, i, row) && inside(v->net->net, 1, j, column)))
            continue;
        verdict_fail(v,
                     "output %lld, %lld depends on input %lld, %lld: outside the field of rows %g + %g u … %g + %g u, "
                     "columns %g + %g u … %g + %g u",
                     (long long)i, (long long)j, (long long)row, (long long)column, out->field[0].first,
                     out->field[0].stride, out->field[0].last, out->field[0].stride, out->field[1].first,
                     out->field[1].stride, out->field[1].last, out->field[1].stride);
        return;
    }
}

void check_field(Verdict *v, Form *form, Random *r)
{
    const Graph *net = v->net->net;
    const Tensor *in = net->inputs.at[0], *out = net->output;
    if (net->inputs.count > 1 || in->shape.rank != 3 || out->shape.rank != 3 || couples(net)) return;
    Feed *feed = feed_new(form, r);
    int64_t height = out->shape.dim[1], width = out->shape.dim[2];
    for (int64_t k = 0; k < 3; k++)
        check_element(v, form, feed, random_int(r, 0, height - 1), random_int(r, 0, width - 1));
}
