/*
 * The report as CSV (RFC 4180): a row to a layer, plain numbers, one name to a
 * column; or one row per metric where nets are compared.  A missing value
 * is n/a, and the last column says why.
 */
#include <string.h>

#include "report/metrics.h"
#include "report/summary.h"

static const char *const heads[] = {
    "name",          "kind",       "arguments", "part",          "line",      "output",           "params",
    "trained",       "frozen",     "buffers",   "macs",          "flops",     "activation_bytes", "field_h",
    "field_w",       "stride_h",   "stride_w",  "padding_h",     "padding_w", "centre_h",         "centre_w",
    "covered",       "misaligned", "depth",     "traffic_bytes", "intensity", "seconds",          "gradient_bound",
    "gradient_dead", "slope",      "why",
};

enum { HEADS = sizeof heads / sizeof *heads };

typedef struct CsvRow {
    Arena *arena;
    const char **cell;
    int at;
    Text why;
} CsvRow;

static void put_text(CsvRow *l, const char *text) { l->cell[l->at++] = text; }

static void csv_count(CsvRow *l, int64_t value) { put_text(l, arena_printf(l->arena, "%lld", (long long)value)); }

static void put_known(CsvRow *l, Known k)
{
    if (k.why && !strstr(l->why.data, k.why)) text_addf(&l->why, "%s%s", l->why.length ? "; " : "", k.why);
    put_text(l, k.why ? "n/a" : arena_printf(l->arena, "%.10g", k.value == 0 ? 0 : k.value));
}

static void put_axis_value(CsvRow *l, const LayerReport *r, int axis, double value)
{
    put_known(l, layer_axis(r, axis, value));
}

static void put_fields(CsvRow *l, const LayerReport *r)
{
    const Field *f = r->field;
    for (int i = 0; i < 2; i++) put_axis_value(l, r, i, field_size(f[i]));
    for (int i = 0; i < 2; i++) put_axis_value(l, r, i, f[i].stride);
    for (int i = 0; i < 2; i++) put_axis_value(l, r, i, -f[i].first);
    for (int i = 0; i < 2; i++) put_axis_value(l, r, i, (f[i].first + f[i].last) / 2);
    put_known(l, r->covered);
    put_text(l, r->misaligned ? "yes" : "no");
}

static void put_costs(CsvRow *l, const Block *b)
{
    const ReportTotals *t = &b->total;
    csv_count(l, t->trained + t->frozen);
    csv_count(l, t->trained);
    csv_count(l, t->frozen);
    csv_count(l, t->buffers);
    csv_count(l, t->macs);
    csv_count(l, t->flops);
    csv_count(l, t->activation);
}

static Known block_intensity(const Block *b, int64_t batch)
{
    if (b->layer) return b->layer->intensity;
    if (b->total.traffic == 0) return unknown("it moves no bytes");
    return known((double)b->total.flops * (double)batch / (double)b->total.traffic);
}

static void add_row(ReportTable *t, const Analysis *a, const Block *b)
{
    static const char *const parts[] = {"main", "head", "unused"};
    const LayerReport *r = b->last;
    CsvRow l = {.arena = t->arena, .cell = report_table_row(t)};
    text_init(&l.why, t->arena);
    text_add(&l.why, "");
    put_text(&l, b->path);
    put_text(&l, b->layer ? r->kind : "block");
    put_text(&l, b->layer ? r->arguments : "");
    put_text(&l, r->head ? arena_printf(t->arena, "head %s", r->head->name) : parts[r->part]);
    csv_count(&l, b->layer ? r->line : 0);
    put_text(&l, shape_text(t->arena, r->shape));
    put_costs(&l, b);
    put_fields(&l, r);
    csv_count(&l, r->depth);
    csv_count(&l, b->total.traffic);
    put_known(&l, block_intensity(b, a->batch));
    put_known(&l, known(b->total.seconds));
    put_known(&l, r->bound);
    put_known(&l, r->dead);
    if (b->layer && r->node->op->slope)
        put_known(&l, r->slope);
    else
        put_text(&l, "");
    put_text(&l, l.why.data);
}

static ReportTable *layers_table(const Report *r, Arena *arena)
{
    const Analysis *a = r->net[0];
    ReportTable *t = report_table_new(arena, NULL);
    for (int i = 0; i < HEADS; i++) report_table_column(t, heads[i], true);
    const List *part = summary_parts(a, arena, r->depth);
    for (int p = 0; p < a->net->heads.count + 2; p++) {
        for (int i = 0; i < part[p].count; i++) add_row(t, a, part[p].at[i]);
    }
    return t;
}

/* ---- several nets ------------------------------------------------------------------ */

static const char *exact_text(Arena *arena, const Metric *f)
{
    if (f->value.why) return "n/a";
    return f->kind == METRIC_DIGITS ? arena_printf(arena, "%.0f", f->value.value)
                                    : arena_printf(arena, "%.15g", f->value.value);
}

static ReportTable *nets_table(const Report *r, Arena *arena)
{
    ReportTable *t = report_table_new(arena, NULL);
    report_table_column(t, "figure", true);
    List *all = arena_alloc(arena, (size_t)r->count * sizeof *all);
    for (int i = 0; i < r->count; i++) {
        all[i] = net_metrics(r->net[i], arena);
        report_table_column(t, r->title[i], false);
    }
    for (int i = 1; i < r->count; i++)
        report_table_column(t, arena_printf(arena, "%s/%s", r->title[i], r->title[0]), false);
    for (int k = 0; k < all[0].count; k++) {
        const char **row = report_table_row(t);
        Known first = ((const Metric *)all[0].at[k])->value;
        row[0] = ((const Metric *)all[0].at[k])->key;
        for (int i = 0; i < r->count; i++) {
            const Metric *f = all[i].at[k];
            bool ratio = !first.why && !f->value.why && first.value != 0;
            row[1 + i] = exact_text(arena, f);
            if (i) row[r->count + i] = ratio ? arena_printf(arena, "%.6g", f->value.value / first.value) : "n/a";
        }
    }
    return t;
}

static void print_csv_report(Report *r, FILE *out)
{
    Arena *arena = arena_within(r->net[0]->net->compilation->arena);
    report_table_print_csv(r->count == 1 ? layers_table(r, arena) : nets_table(r, arena), out);
    arena_free(arena);
}

static void print_csv_diff(Report *r, FILE *out)
{
    Arena *arena = arena_within(r->net[0]->net->compilation->arena);
    report_table_print_csv(diff_layers(r, arena, true), out);
    arena_free(arena);
}

const ReportFormat report_csv = {"csv", print_csv_report, print_csv_diff};
