/*
 * The report as CSV (RFC 4180): a row to a layer, plain numbers, one name to a
 * column; or a row to a figure where nets are compared.  What is not there is
 * n/a, and the last column says why.
 */
#include <string.h>

#include "report/columns.h"
#include "report/figures.h"
#include "report/numbers.h"
#include "report/summary.h"

static const char *const heads[] = {
    "name",          "kind",       "arguments", "part",          "line",      "output",           "params",
    "trained",       "frozen",     "buffers",   "macs",          "flops",     "activation_bytes", "field_h",
    "field_w",       "stride_h",   "stride_w",  "padding_h",     "padding_w", "centre_h",         "centre_w",
    "covered",       "misaligned", "depth",     "traffic_bytes", "intensity", "seconds",          "gradient_bound",
    "gradient_dead", "why",
};

enum { HEADS = sizeof heads / sizeof *heads };

typedef struct Line {
    Arena *arena;
    const char **cell;
    int at;
    Text why;
} Line;

static void put(Line *l, const char *text) { l->cell[l->at++] = text; }

static void put_count(Line *l, int64_t value) { put(l, arena_printf(l->arena, "%lld", (long long)value)); }

static void put_known(Line *l, Known k)
{
    if (k.why && !strstr(l->why.data, k.why)) text_addf(&l->why, "%s%s", l->why.length ? "; " : "", k.why);
    put(l, k.why ? "n/a" : arena_printf(l->arena, "%.10g", k.value == 0 ? 0 : k.value));
}

static void put_axis(Line *l, const LayerReport *r, int axis, double value)
{
    if (r->field_why)
        put_known(l, unknown(r->field_why));
    else if (r->field[axis].whole)
        put_known(l, unknown("it sees the whole input"));
    else
        put_known(l, known(value));
}

static void put_fields(Line *l, const LayerReport *r)
{
    const Field *f = r->field;
    for (int i = 0; i < 2; i++) put_axis(l, r, i, field_size(f[i]));
    for (int i = 0; i < 2; i++) put_axis(l, r, i, f[i].stride);
    for (int i = 0; i < 2; i++) put_axis(l, r, i, -f[i].first);
    for (int i = 0; i < 2; i++) put_axis(l, r, i, (f[i].first + f[i].last) / 2);
    put_known(l, r->covered);
    put(l, r->misaligned ? "yes" : "no");
}

static void put_costs(Line *l, const Block *b)
{
    const ReportTotals *t = &b->total;
    put_count(l, t->trained + t->frozen);
    put_count(l, t->trained);
    put_count(l, t->frozen);
    put_count(l, t->buffers);
    put_count(l, t->macs);
    put_count(l, t->flops);
    put_count(l, t->activation);
}

static Known intensity(const Block *b, int64_t batch)
{
    if (b->layer) return b->layer->intensity;
    if (b->total.traffic == 0) return unknown("it moves no bytes");
    return known((double)b->total.flops * (double)batch / (double)b->total.traffic);
}

static void add_row(Sheet *t, const Analysis *a, const Block *b)
{
    static const char *const parts[] = {"main", "head", "unused"};
    const LayerReport *r = b->last;
    Line l = {.arena = t->arena, .cell = sheet_row(t)};
    text_init(&l.why, t->arena);
    text_add(&l.why, "");
    put(&l, b->path);
    put(&l, b->layer ? r->kind : "block");
    put(&l, b->layer ? r->arguments : "");
    put(&l, r->head ? arena_printf(t->arena, "head %s", r->head->name) : parts[r->part]);
    put_count(&l, b->layer ? r->line : 0);
    put(&l, shape_text(t->arena, r->shape));
    put_costs(&l, b);
    put_fields(&l, r);
    put_count(&l, r->depth);
    put_count(&l, b->total.traffic);
    put_known(&l, intensity(b, a->batch));
    put_known(&l, known(b->total.seconds));
    put_known(&l, r->bound);
    put_known(&l, r->dead);
    put(&l, l.why.data);
}

static Sheet *layers_table(const Report *r, Arena *arena)
{
    const Analysis *a = r->net[0];
    Sheet *t = sheet_new(arena, NULL);
    for (int i = 0; i < HEADS; i++) sheet_column(t, heads[i], true);
    const List *part = summary_parts(a, arena, r->depth);
    for (int p = 0; p < a->net->heads.count + 2; p++) {
        for (int i = 0; i < part[p].count; i++) add_row(t, a, part[p].at[i]);
    }
    return t;
}

/* ---- several nets ------------------------------------------------------------------ */

static const char *exact(Arena *arena, const Figure *f)
{
    if (f->value.why) return "n/a";
    return f->kind == FIGURE_DIGITS ? arena_printf(arena, "%.0f", f->value.value)
                                    : arena_printf(arena, "%.15g", f->value.value);
}

static Sheet *nets_table(const Report *r, Arena *arena)
{
    Sheet *t = sheet_new(arena, NULL);
    sheet_column(t, "figure", true);
    List *all = arena_alloc(arena, (size_t)r->count * sizeof *all);
    for (int i = 0; i < r->count; i++) {
        all[i] = figures(r->net[i], arena);
        sheet_column(t, r->title[i], false);
    }
    for (int i = 1; i < r->count; i++) sheet_column(t, arena_printf(arena, "%s/%s", r->title[i], r->title[0]), false);
    for (int k = 0; k < all[0].count; k++) {
        const char **row = sheet_row(t);
        Known first = ((const Figure *)all[0].at[k])->value;
        row[0] = ((const Figure *)all[0].at[k])->key;
        for (int i = 0; i < r->count; i++) {
            const Figure *f = all[i].at[k];
            bool ratio = !first.why && !f->value.why && first.value != 0;
            row[1 + i] = exact(arena, f);
            if (i) row[r->count + i] = ratio ? arena_printf(arena, "%.6g", f->value.value / first.value) : "n/a";
        }
    }
    return t;
}

static void print_csv(Report *r, FILE *out)
{
    Arena *arena = arena_new();
    sheet_csv(r->count == 1 ? layers_table(r, arena) : nets_table(r, arena), out);
    arena_free(arena);
}

static void print_diff(Report *r, FILE *out)
{
    Arena *arena = arena_new();
    sheet_csv(diff_layers(r, arena, true), out);
    arena_free(arena);
}

const ReportFormat report_csv = {"csv", print_csv, print_diff};
