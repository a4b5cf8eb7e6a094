/*
 * A trace as it is written on a board: a line for each value, pass by pass.
 */
#include <math.h>
#include <string.h>

#include "commands/trace/trace.h"
#include "report/number_text.h"

enum { MOST_WHOLE = 32, MOST_LINES = 8, GAP = 2 };

typedef struct TraceLine {
    const char *what, *by, *text;
} TraceLine;

typedef struct TraceTable {
    const Trace *t;
    List lines; /* of TraceLine; one without `what` and `by` goes on with the one before */
} TraceTable;

static void add_trace_line(TraceTable *table, const char *what, const char *by, const char *text)
{
    TraceLine *line = arena_alloc(table->t->arena, sizeof *line);
    *line = (TraceLine){what, by, text};
    list_push(table->t->arena, &table->lines, line);
}

static void print_trace_table(TraceTable *table, const char *title, FILE *out)
{
    int what = 0, by = 0;
    for (int i = 0; i < table->lines.count; i++) {
        const TraceLine *l = table->lines.at[i];
        what = text_columns(l->what) > what ? text_columns(l->what) : what;
        by = text_columns(l->by) > by ? text_columns(l->by) : by;
    }
    if (table->lines.count) fprintf(out, "\n%s\n", title);
    for (int i = 0; i < table->lines.count; i++) {
        const TraceLine *l = table->lines.at[i];
        fprintf(out, "  %s%*s%s%*s%s\n", l->what, what - text_columns(l->what) + GAP, "", l->by,
                by - text_columns(l->by) + (by ? GAP : 0), "", l->text);
    }
    table->lines.count = 0;
}

/* ---- arrays ---------------------------------------------------------------------------- */

static const char *range_of(const Trace *t, const Tensor *tensor, const double *values, int64_t count)
{
    double least = values[0], most = values[0], sum = 0;
    for (int64_t i = 0; i < count; i++) {
        least = fmin(least, values[i]);
        most = fmax(most, values[i]);
        sum += values[i];
    }
    const char *batch = tensor->batched ? arena_printf(t->arena, "%lldx", (long long)t->program->batch) : "";
    const char *histogram = trace_histogram(t, values, count);
    return arena_printf(t->arena, "%s%s from %s to %s, mean %s%s%s", batch, shape_text(t->arena, tensor->shape),
                        trace_number(t, least), trace_number(t, most), trace_number(t, sum / (double)count),
                        *histogram ? "  " : "", histogram);
}

/* 0.73; (1, 2); (1, 2; 3, 4): samples, or rows of a matrix, between semicolons. */
static const char *numbers_of_array(const Trace *t, const Tensor *tensor, const double *values)
{
    const int64_t count = trace_count(t, tensor);
    if (!values) return "";
    if (count > MOST_WHOLE) return range_of(t, tensor, values, count);
    if (count == 1) return trace_number(t, values[0]);
    const int64_t row = tensor->shape.rank > 0 ? tensor->shape.dim[tensor->shape.rank - 1] : 1;
    Text out;
    text_init(&out, t->arena);
    for (int64_t i = 0; i < count; i++)
        text_addf(&out, "%s%s", i == 0 ? "(" : i % row ? ", " : "; ", trace_number(t, values[i]));
    text_add(&out, ")");
    return out.data;
}

/* ---- lines ------------------------------------------------------------------------------ */

static const char *result_name(const Trace *t, const Node *n)
{
    const Tensor *of = trace_gradient_target(t, n);
    const TracePass pass = trace_pass_of(t, n);
    if (pass == TRACE_LOSS) return "L";
    if (pass == TRACE_FORWARD) return n->name;
    return of ? arena_printf(t->arena, "d(%s)", trace_value_name(of)) : arena_printf(t->arena, "… through %s", n->name);
}

/* Images that are too large to be printed whole, below their range. */
static void add_array_picture(TraceTable *table, const Tensor *tensor)
{
    const char *lines[TRACE_PICTURE_LINES];
    const int count = trace_count(table->t, tensor) > MOST_WHOLE ? trace_picture(table->t, tensor, lines) : 0;
    for (int i = 0; i < count; i++) add_trace_line(table, "", "", lines[i]);
}

/* An element with its numbers on each line; the array first where there are several. */
static void add_call_lines(TraceTable *table, const Node *n)
{
    const Trace *t = table->t;
    const Tensor *y = n->out[0];
    const int64_t count = trace_count(t, y);
    const char *what = result_name(t, n), *by = trace_op_name(n), *first = trace_filled(t, n, 0);
    if (count == 1 && first) {
        add_trace_line(table, what, by, first);
        return;
    }
    const char *numbers = numbers_of_array(t, y, t->value[y->id]), *formula = trace_formula(t, n);
    const bool shown = !first && trace_pass_of(t, n) == TRACE_LOSS;
    add_trace_line(table, what, by, shown ? arena_printf(t->arena, "%s = %s", formula, numbers) : numbers);
    for (int64_t k = 0; first && count <= MOST_LINES && k < count; k++)
        add_trace_line(table, "", "", trace_filled(t, n, k));
    add_array_picture(table, y);
}

static void add_input_lines(TraceTable *table)
{
    const Graph *g = table->t->program;
    for (int i = 0; i < g->inputs.count; i++) {
        const Tensor *x = g->inputs.at[i];
        add_trace_line(table, x->name, "input", numbers_of_array(table->t, x, table->t->value[x->id]));
        add_array_picture(table, x);
    }
}

static void add_seed(TraceTable *table)
{
    const Tensor *dy = table->t->program->output_gradient;
    if (!dy) return;
    const char *name = arena_printf(table->t->arena, "d(%s)", trace_value_name(table->t->program->output));
    add_trace_line(table, name, "given", numbers_of_array(table->t, dy, table->t->value[dy->id]));
}

static void add_target(TraceTable *table)
{
    const Tensor *target = table->t->program->target;
    if (target && table->t->value[target->id])
        add_trace_line(table, "t", "target", numbers_of_array(table->t, target, table->t->value[target->id]));
}

/* A step changes little: with two digits more. */
static void add_update(TraceTable *table, const Node *n)
{
    Trace finer = *table->t;
    const Trace *t = &finer;
    const Tensor *p = trace_updated(t, n);
    finer.digits += 2;
    if (!p) return;
    add_trace_line(table, p->name, trace_op_name(n),
                   arena_printf(t->arena, "%s → %s", numbers_of_array(t, p, t->value[p->id]),
                                numbers_of_array(t, p, t->after[p->id])));
}

static void print_pass(const Trace *t, TracePass pass, const char *title, FILE *out)
{
    TraceTable table = {.t = t};
    if (pass == TRACE_FORWARD) add_input_lines(&table);
    if (pass == TRACE_LOSS) add_target(&table);
    if (pass == TRACE_BACKWARD) add_seed(&table);
    for (int i = 0; i < t->program->nodes.count; i++) {
        const Node *n = t->program->nodes.at[i];
        if (trace_pass_of(t, n) != pass) continue;
        n->out_count ? add_call_lines(&table, n) : add_update(&table, n);
    }
    print_trace_table(&table, title, out);
}

static const char *update_title(const Trace *t)
{
    for (int i = 0; i < t->program->nodes.count; i++) {
        const Node *n = t->program->nodes.at[i];
        if (trace_pass_of(t, n) == TRACE_UPDATE)
            return arena_printf(t->arena, "update: %s, lr = %g", trace_formula(t, n), t->m->spec->lr);
    }
    return "update";
}

static void print_trace_text(const Trace *t, FILE *out)
{
    fprintf(out, "%s, %lld sample%s\n", t->m->net->name, (long long)t->program->batch,
            t->program->batch == 1 ? "" : "s");
    print_pass(t, TRACE_FORWARD, "forward", out);
    print_pass(t, TRACE_LOSS, "loss", out);
    print_pass(t, TRACE_BACKWARD, "backward", out);
    print_pass(t, TRACE_UPDATE, update_title(t), out);
}

const TraceFormat trace_text = {"text", print_trace_text};
