/*
 * What `nnc bench` prints.
 *
 * Enters: times.  Leaves: tables to read, or CSV with a line for each call.
 *
 * A call's operations are those of the whole batch, two for a multiply-add; the
 * gradient of a convolution by its input or by its weights costs what the
 * convolution costs.  Its bytes are the arrays it takes and gives, each once:
 * what it must move at least when nothing is left in a cache.
 */
#include "commands/bench/bench.h"

#include <stdlib.h>
#include <string.h>

#include "report/number_text.h"
#include "report/report_table.h"

enum { TOP = 5, WIDTH = 200 };

/* ---- what a call costs ----------------------------------------------------------- */

/* How often a pass calls it. */
static double node_rounds(const Graph *g, const Node *n)
{
    return n->phase == PHASE_EACH ? (double)g->micro_batches : 1;
}

/* Of the whole batch; 0: not known. */
static double node_operations(const Graph *g, const Node *n)
{
    double samples = (double)g->batch * node_rounds(g, n);
    if (n->op->macs || n->op->flops) return samples * (double)node_flops(n);
    bool layer = n->op->class == OP_LAYER || n->op->class == OP_COMBINE;
    return layer && n->out_count ? samples * (double)shape_count(n->out[0]->shape) : 0;
}

ProductType call_products(const Node *n)
{
    if (n->in_count && n->in[0]->dtype == DTYPE_I8) return PRODUCTS_INT8;
    return n->variant && n->variant->traits & VARIANT_BF16_PRODUCTS ? PRODUCTS_BF16 : PRODUCTS_F32;
}

static double float_bytes(const Graph *g, const Tensor *t) { return (double)tensor_bytes(t, g->batch); }

static double node_bytes(const Graph *g, const Node *n)
{
    double bytes = 0;
    for (int i = 0; i < n->in_count; i++) bytes += float_bytes(g, n->in[i]) * (node_mutates(n, i) ? 2 : 1);
    for (int i = 0; i < n->out_count; i++) bytes += float_bytes(g, n->out[i]);
    return bytes * node_rounds(g, n);
}

/* Calls added up. */
typedef struct Sum {
    const char *name;
    int calls;
    double seconds, operations, bytes;
    double counted; /* seconds of the calls whose operations are known */
    double least;   /* what these operations take at the machine's peak */
} Sum;

static const Node *call_at(const Timing *t, int i) { return t->calls.at[i]; }

static void sum_add(Sum *s, const Machine *m, const Timing *t, int i)
{
    double operations = node_operations(t->program, call_at(t, i));
    double seconds = t->call_median ? t->call_median[i] : 0;
    s->calls++;
    s->seconds += seconds;
    s->operations += operations;
    s->least += operations / m->peak[call_products(call_at(t, i))];
    s->bytes += node_bytes(t->program, call_at(t, i));
    if (operations > 0) s->counted += seconds;
}

static Sum sum_of_call(const Machine *m, const Timing *t, int i)
{
    Sum s = {.name = call_at(t, i)->op->name};
    sum_add(&s, m, t, i);
    return s;
}

static Sum sum_of_calls(const Machine *m, const Timing *t)
{
    Sum s = {.name = "all calls"};
    for (int i = 0; i < t->calls.count; i++) sum_add(&s, m, t, i);
    s.counted = s.seconds;
    return s;
}

/* The pass as anyone gets it, without the waits between calls. */
static Sum sum_of_pass(const Machine *m, const Timing *t)
{
    Sum s = sum_of_calls(m, t);
    s.name = "the pass by itself";
    s.seconds = s.counted = t->median;
    return s;
}

/* ---- the order of cost ------------------------------------------------------------ */

typedef struct Ranked {
    double seconds;
    int index;
} Ranked;

static int by_cost(const void *a, const void *b)
{
    const Ranked *x = a, *y = b;
    if (x->seconds != y->seconds) return x->seconds < y->seconds ? 1 : -1;
    return x->index - y->index;
}

static Ranked *rank_calls(Arena *arena, const Timing *t)
{
    int count = t->calls.count;
    Ranked *list = arena_alloc(arena, (size_t)(count + 1) * sizeof *list);
    for (int i = 0; i < count; i++) list[i] = (Ranked){t->call_median[i], i};
    qsort(list, (size_t)count, sizeof *list, by_cost);
    return list;
}

static int by_seconds(const void *a, const void *b)
{
    const Sum *x = *(const Sum *const *)a, *y = *(const Sum *const *)b;
    if (x->seconds != y->seconds) return x->seconds < y->seconds ? 1 : -1;
    return strcmp(x->name, y->name);
}

/* One sum for each operator, the most expensive first: of Sum. */
static List sums_by_operator(Arena *arena, const Machine *m, const Timing *t)
{
    Map *found = map_new(arena);
    List list = {0};
    for (int i = 0; i < t->calls.count; i++) {
        const char *name = call_at(t, i)->op->name;
        Sum *s = map_get(found, name);
        if (!s) {
            s = arena_alloc(arena, sizeof *s);
            s->name = name;
            map_put(found, name, s);
            list_push(arena, &list, s);
        }
        sum_add(s, m, t, i);
    }
    qsort(list.at, (size_t)list.count, sizeof *list.at, by_seconds);
    return list;
}

/* ---- tables to read ----------------------------------------------------------------- */

static const char *milliseconds(Arena *arena, double seconds)
{
    double ms = seconds * 1e3;
    return arena_printf(arena, ms < 10 ? "%.4f" : ms < 1000 ? "%.3f" : "%.1f", ms);
}

static const char *fixed(Arena *arena, double value, int digits) { return arena_printf(arena, "%.*f", digits, value); }

static void number_columns(ReportTable *s)
{
    static const char *const names[] = {"ms", "share", "GFLOP/s", "of peak", "MB", "GB/s"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) report_table_column(s, names[i], false);
}

static void put_numbers(const BenchResult *r, const char **cells, const Sum *s, double whole)
{
    Arena *arena = r->loaded->c->arena;
    cells[0] = milliseconds(arena, s->seconds);
    cells[1] = whole > 0 ? arena_printf(arena, "%.1f%%", 100 * s->seconds / whole) : "";
    if (s->operations > 0 && s->counted > 0) {
        cells[2] = fixed(arena, s->operations / s->counted * 1e-9, 1);
        cells[3] = arena_printf(arena, "%.1f%%", 100 * s->least / s->counted);
    } else {
        cells[2] = cells[3] = "-";
    }
    cells[4] = fixed(arena, s->bytes * 1e-6, s->bytes < 1e6 ? 3 : 1);
    cells[5] = s->seconds > 0 ? fixed(arena, s->bytes / s->seconds * 1e-9, 1) : "-";
}

static const char *call_output(Arena *arena, const Node *n)
{
    if (n->out_count) return shape_text(arena, n->out[0]->shape);
    for (int i = 0; i < n->in_count; i++)
        if (node_mutates(n, i)) return shape_text(arena, n->in[i]->shape);
    return "";
}

static void call_row(const BenchResult *r, ReportTable *sheet, const Timing *t, int i, double whole)
{
    Arena *arena = r->loaded->c->arena;
    const Node *n = call_at(t, i);
    const char **row = report_table_row(sheet);
    Sum s = sum_of_call(&r->machine, t, i);
    row[0] = arena_printf(arena, "%d", i + 1);
    row[1] = n->name;
    row[2] = n->op->name;
    row[3] = call_output(arena, n);
    put_numbers(r, row + 4, &s, whole);
}

static ReportTable *call_sheet(Arena *arena)
{
    ReportTable *sheet = report_table_new(arena, NULL);
    report_table_column(sheet, "call", false);
    report_table_column(sheet, "layer", true);
    report_table_column(sheet, "operator", true);
    report_table_column(sheet, "result", true);
    number_columns(sheet);
    return sheet;
}

static void total_row(const BenchResult *r, ReportTable *sheet, const Sum *s, double whole)
{
    const char **row = report_table_row(sheet);
    row[1] = s->name;
    put_numbers(r, row + 4, s, whole);
}

static void print_calls(const BenchResult *r, const Timing *t, FILE *out)
{
    ReportTable *sheet = call_sheet(r->loaded->c->arena);
    Sum all = sum_of_calls(&r->machine, t);
    for (int i = 0; i < t->calls.count; i++) call_row(r, sheet, t, i, all.seconds);
    total_row(r, sheet, &all, all.seconds);
    Sum pass = sum_of_pass(&r->machine, t);
    total_row(r, sheet, &pass, all.seconds);
    fprintf(out, "\n%s, call by call\n", t->name);
    report_table_print_text(sheet, WIDTH, out);
}

static void print_operators(const BenchResult *r, const Timing *t, FILE *out)
{
    Arena *arena = r->loaded->c->arena;
    ReportTable *sheet = report_table_new(arena, NULL);
    Sum all = sum_of_calls(&r->machine, t);
    List sums = sums_by_operator(arena, &r->machine, t);
    report_table_column(sheet, "operator", true);
    report_table_column(sheet, "calls", false);
    number_columns(sheet);
    for (int i = 0; i < sums.count; i++) {
        const Sum *s = sums.at[i];
        const char **row = report_table_row(sheet);
        row[0] = s->name;
        row[1] = arena_printf(arena, "%d", s->calls);
        put_numbers(r, row + 2, s, all.seconds);
    }
    fprintf(out, "\n%s, by operator\n", t->name);
    report_table_print_text(sheet, WIDTH, out);
}

static void print_top(const BenchResult *r, const Timing *t, FILE *out)
{
    ReportTable *sheet = call_sheet(r->loaded->c->arena);
    Sum all = sum_of_calls(&r->machine, t);
    Ranked *ranked = rank_calls(r->loaded->c->arena, t);
    for (int i = 0; i < TOP && i < t->calls.count; i++) call_row(r, sheet, t, ranked[i].index, all.seconds);
    fprintf(out, "\n%s, the most expensive calls\n", t->name);
    report_table_print_text(sheet, WIDTH, out);
}

/* ---- the whole -------------------------------------------------------------------------- */

static void print_whole(const BenchResult *r, const Timing *t, FILE *out)
{
    Arena *arena = r->loaded->c->arena;
    const Sum pass = sum_of_pass(&r->machine, t);
    fprintf(out, "\n%s\n", t->name);
    fprintf(out, "  median %s ms, least %s ms, of %lld runs; %.4g samples/s\n", milliseconds(arena, t->median),
            milliseconds(arena, t->least), (long long)t->runs, r->loaded->info->batch / t->median);
    fprintf(out, "  %.4g GFLOP, %.1f GFLOP/s, %.1f%% of the peak\n", pass.operations * 1e-9,
            pass.operations / t->median * 1e-9, 100 * pass.least / t->median);
    fprintf(out, "  memory: model %s, scratch %s\n", bytes_text(arena, t->model_bytes),
            bytes_text(arena, t->scratch_bytes));
    const char *limited = model_memory_text(r->loaded);
    if (limited && t->program == r->loaded->emitted->step_program) fprintf(out, "  within its limit: %s\n", limited);
}

static void print_bench_text(const BenchResult *r, FILE *out)
{
    const nn_model_info *info = r->loaded->info;
    const Machine *m = &r->machine;
    fprintf(out, "%s: %s parameters, batch %d, %d thread%s, %s\n", info->name,
            number_grouped(r->loaded->c->arena, (int64_t)info->params), info->batch, m->threads,
            m->threads == 1 ? "" : "s", r->jit);
    fprintf(out, "machine: %s, at most %.1f GFLOP/s", m->kernels, m->peak[PRODUCTS_F32] * 1e-9);
    for (ProductType p = PRODUCTS_F32 + 1; p < PRODUCTS_KINDS; p++)
        if (m->peak[p] > 0) fprintf(out, ", %.1f in %s", m->peak[p] * 1e-9, products_name(p));
    if (m->bytes > 0) fprintf(out, ", memory %.1f GB/s", m->bytes * 1e-9);
    fputc('\n', out);
    for (int i = 0; i < r->timings; i++) print_whole(r, &r->timing[i], out);
    for (int i = 0; i < r->timings; i++) {
        if (!r->timing[i].call_median) continue;
        print_calls(r, &r->timing[i], out);
        print_operators(r, &r->timing[i], out);
        print_top(r, &r->timing[i], out);
    }
}

/* ---- CSV ---------------------------------------------------------------------------------- */

enum {
    CSV_KIND,
    CSV_PASS,
    CSV_CALL,
    CSV_RANK,
    CSV_LAYER,
    CSV_OPERATOR,
    CSV_RESULT,
    CSV_RUNS,
    CSV_MEDIAN,
    CSV_LEAST,
    CSV_FLOP,
    CSV_RATE,
    CSV_PEAK,
    CSV_BYTES,
    CSV_BANDWIDTH,
    CSV_COLUMNS
};

static ReportTable *csv_sheet(Arena *arena)
{
    static const char *const names[CSV_COLUMNS] = {"kind",     "pass",   "call",    "rank",      "layer",
                                                   "operator", "result", "runs",    "median_ms", "least_ms",
                                                   "flop",     "gflops", "of_peak", "bytes",     "gbytes_per_s"};
    ReportTable *sheet = report_table_new(arena, NULL);
    for (int i = 0; i < CSV_COLUMNS; i++) report_table_column(sheet, names[i], true);
    return sheet;
}

static const char *exact(Arena *arena, double value) { return arena_printf(arena, "%.6g", value); }

/* The columns of times and rates, as far as there is something to say. */
static void csv_numbers(Arena *arena, const char **row, const Sum *s)
{
    row[CSV_MEDIAN] = exact(arena, s->seconds * 1e3);
    if (s->operations > 0) {
        row[CSV_FLOP] = fixed(arena, s->operations, 0);
        row[CSV_RATE] = exact(arena, s->operations / s->seconds * 1e-9);
        row[CSV_PEAK] = exact(arena, s->least / s->seconds);
    }
    if (s->bytes > 0) {
        row[CSV_BYTES] = fixed(arena, s->bytes, 0);
        row[CSV_BANDWIDTH] = exact(arena, s->bytes / s->seconds * 1e-9);
    }
}

static void csv_machine(const BenchResult *r, ReportTable *sheet)
{
    Arena *arena = r->loaded->c->arena;
    const char **row = report_table_row(sheet);
    row[CSV_KIND] = "machine";
    row[CSV_OPERATOR] = r->machine.kernels;
    row[CSV_RESULT] = arena_printf(arena, "%d threads", r->machine.threads);
    row[CSV_RATE] = exact(arena, r->machine.peak[PRODUCTS_F32] * 1e-9);
    row[CSV_PEAK] = "1";
    if (r->machine.bytes > 0) row[CSV_BANDWIDTH] = exact(arena, r->machine.bytes * 1e-9);
    for (ProductType p = PRODUCTS_F32 + 1; p < PRODUCTS_KINDS; p++) {
        if (r->machine.peak[p] <= 0) continue;
        row = report_table_row(sheet);
        row[CSV_KIND] = "peak";
        row[CSV_OPERATOR] = products_name(p);
        row[CSV_RATE] = exact(arena, r->machine.peak[p] * 1e-9);
    }
}

static void csv_calls(const BenchResult *r, ReportTable *sheet, const Timing *t)
{
    Arena *arena = r->loaded->c->arena;
    int count = t->calls.count;
    Ranked *ranked = rank_calls(arena, t);
    int *rank = arena_alloc(arena, (size_t)(count + 1) * sizeof *rank);
    for (int i = 0; i < count; i++) rank[ranked[i].index] = i + 1;
    for (int i = 0; i < count; i++) {
        const char **row = report_table_row(sheet);
        Sum s = sum_of_call(&r->machine, t, i);
        row[CSV_KIND] = "call";
        row[CSV_PASS] = t->name;
        row[CSV_CALL] = arena_printf(arena, "%d", i + 1);
        row[CSV_RANK] = arena_printf(arena, "%d", rank[i]);
        row[CSV_LAYER] = call_at(t, i)->name;
        row[CSV_OPERATOR] = call_at(t, i)->op->name;
        row[CSV_RESULT] = call_output(arena, call_at(t, i));
        row[CSV_LEAST] = exact(arena, t->call_least[i] * 1e3);
        csv_numbers(arena, row, &s);
    }
}

static const char **csv_total(Arena *arena, ReportTable *sheet, const Timing *t, const char *kind, Sum s)
{
    const char **row = report_table_row(sheet);
    row[CSV_KIND] = kind;
    row[CSV_PASS] = t->name;
    csv_numbers(arena, row, &s);
    return row;
}

static void print_csv(const BenchResult *r, FILE *out)
{
    Arena *arena = r->loaded->c->arena;
    ReportTable *sheet = csv_sheet(arena);
    csv_machine(r, sheet);
    for (int i = 0; i < r->timings; i++) {
        const Timing *t = &r->timing[i];
        const char **row = csv_total(arena, sheet, t, "whole", sum_of_pass(&r->machine, t));
        row[CSV_RUNS] = arena_printf(arena, "%lld", (long long)t->runs);
        row[CSV_LEAST] = exact(arena, t->least * 1e3);
        if (!t->call_median) continue;
        csv_calls(r, sheet, t);
        csv_total(arena, sheet, t, "sum", sum_of_calls(&r->machine, t));
    }
    report_table_print_csv(sheet, out);
}

void bench_print(const BenchResult *r, BenchFormat format, FILE *out)
{
    if (format == BENCH_CSV)
        print_csv(r, out);
    else
        print_bench_text(r, out);
}
