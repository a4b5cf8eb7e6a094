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

#include "report/report.h"

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

/* Is row (or column) `at` of the input in the field of output row `u`?  Parts of
 * unequal size have fields with fractions: then it is a row that is touched. */
static bool inside(const Field *f, double u, double at)
{
    return f->whole || (at >= floor(f->first + u * f->stride + 1e-9) && at <= ceil(f->last + u * f->stride - 1e-9));
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
        if (dx[k] == 0 || isnan(dx[k]) ||
            (inside(&out->field[0], (double)i, (double)row) && inside(&out->field[1], (double)j, (double)column)))
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
