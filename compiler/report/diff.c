/*
 * The difference of two nets, by sequence alignment of their layers.
 *
 * In: the layers of both, in order.  Out: one merged order.  Layers are paired so
 * that the sum of scores is largest (Needleman and Wunsch, 1970): high for equal
 * layers, low for layers that only share a name; layers without a partner were
 * removed or inserted.  So an inserted layer does not make all later ones differ.
 */
#include "report/diff.h"

#include <string.h>

#include "report/metrics.h"
#include "report/number_text.h"
#include "report/summary.h"

enum { MERIT_ALIKE = 4, MERIT_NAME = 1 };

static bool layers_alike(const LayerReport *a, const LayerReport *b)
{
    return strcmp(a->kind, b->kind) == 0 && strcmp(a->arguments, b->arguments) == 0 &&
           shape_equal(a->shape, b->shape) && a->trained == b->trained && a->frozen == b->frozen && a->macs == b->macs;
}

/* 0: they are not to be paired. */
static int merit(const LayerReport *a, const LayerReport *b)
{
    int name = strcmp(a->name, b->name) == 0 ? MERIT_NAME : 0;
    return layers_alike(a, b) ? MERIT_ALIKE + name : name;
}

/* best[i][j]: the largest merit of the layers from i and from j on. */
static int *find_best(Arena *arena, const Analysis *a, const Analysis *b)
{
    int wide = b->layer_count + 1;
    int *best = arena_alloc(arena, (size_t)(a->layer_count + 1) * (size_t)wide * sizeof *best);
    for (int i = a->layer_count - 1; i >= 0; i--) {
        for (int j = b->layer_count - 1; j >= 0; j--) {
            int *here = &best[i * wide + j];
            int pair = merit(&a->layers[i], &b->layers[j]);
            *here = here[1] > here[wide] ? here[1] : here[wide];
            if (pair && here[wide + 1] + pair > *here) *here = here[wide + 1] + pair;
        }
    }
    return best;
}

static void add_diff_step(Arena *arena, List *steps, const LayerReport *first, const LayerReport *second)
{
    DiffStep *step = arena_alloc(arena, sizeof *step);
    *step = (DiffStep){first, second, first && second && layers_alike(first, second)};
    list_push(arena, steps, step);
}

List diff_steps(Arena *arena, const Analysis *a, const Analysis *b)
{
    const int *best = find_best(arena, a, b);
    int wide = b->layer_count + 1, i = 0, j = 0;
    List steps = {0};
    while (i < a->layer_count || j < b->layer_count) {
        const int *here = &best[i * wide + j];
        bool both = i < a->layer_count && j < b->layer_count;
        int pair = both ? merit(&a->layers[i], &b->layers[j]) : 0;
        if (pair && *here == here[wide + 1] + pair)
            add_diff_step(arena, &steps, &a->layers[i++], &b->layers[j++]);
        else if (i < a->layer_count && (j == b->layer_count || *here == here[wide]))
            add_diff_step(arena, &steps, &a->layers[i++], NULL);
        else
            add_diff_step(arena, &steps, NULL, &b->layers[j++]);
    }
    return steps;
}

/* ---- as tables ------------------------------------------------------------------ */

static void layer_row(ReportTable *t, const char *mark, const LayerReport *l, bool plain)
{
    int64_t params = l->trained + l->frozen;
    const char **row = report_table_row(t);
    row[0] = mark;
    row[1] = l->name;
    row[2] = *l->arguments ? arena_printf(t->arena, "%s(%s)", l->kind, l->arguments) : l->kind;
    row[3] = shape_text(t->arena, l->shape);
    row[4] = plain ? arena_printf(t->arena, "%lld", (long long)params) : number_grouped(t->arena, params);
    row[5] = plain ? arena_printf(t->arena, "%lld", (long long)l->macs) : number_grouped(t->arena, l->macs);
}

static int alike_row(ReportTable *t, int count)
{
    if (count == 0) return 0;
    const char **row = report_table_row(t);
    row[1] = arena_printf(t->arena, "(%d alike)", count);
    return 0;
}

/* `plain`: for programs; numbers without separators, and no rows of what is alike. */
ReportTable *diff_layers(const Report *r, Arena *arena, bool plain)
{
    static const char *const heads[] = {"change", "name", "layer", "output", "params", "MACs"};
    ReportTable *t = report_table_new(arena, NULL);
    for (int i = 0; i < 6; i++) report_table_column(t, i || plain ? heads[i] : "", i < 3);
    List steps = diff_steps(arena, r->net[0], r->net[1]);
    int same = 0;
    for (int i = 0; i < steps.count; i++) {
        const DiffStep *s = steps.at[i];
        if (s->alike) {
            same++;
            continue;
        }
        same = plain ? 0 : alike_row(t, same);
        if (s->first) layer_row(t, "-", s->first, plain);
        if (s->second) layer_row(t, "+", s->second, plain);
    }
    if (!plain) alike_row(t, same);
    return t;
}

static ReportTable *diff_totals(const Report *r, Arena *arena)
{
    ReportTable *t = report_table_new(arena, NULL);
    report_table_column(t, "", true);
    report_table_column(t, arena_printf(arena, "- %s", r->title[0]), false);
    report_table_column(t, arena_printf(arena, "+ %s", r->title[1]), false);
    report_table_column(t, "", true);
    List first = net_metrics(r->net[0], arena), second = net_metrics(r->net[1], arena);
    for (int i = 0; i < first.count; i++) {
        const Metric *a = first.at[i], *b = second.at[i];
        if (strcmp(a->text, b->text) == 0 || (a->use == USE_NEVER && b->use == USE_NEVER)) continue;
        const char **row = report_table_row(t);
        row[0] = a->label;
        row[1] = a->text;
        row[2] = b->text;
        row[3] = a->value.why || b->value.why ? "" : number_ratio(arena, a->value.value, b->value.value);
    }
    return t;
}

List diff_tables(const Report *r, Arena *arena)
{
    List tables = {0};
    list_push(arena, &tables, diff_layers(r, arena, false));
    ReportTable *totals = diff_totals(r, arena);
    if (totals->rows.count) list_push(arena, &tables, totals);
    return tables;
}
