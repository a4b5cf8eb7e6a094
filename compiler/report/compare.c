/*
 * Nets side by side: one metric per row, a net to a column, and after every net
 * but the first its ratio to the first: ×2.769 is 2.769 times as much, ÷2.769
 * that many times less.
 */
#include "report/metrics.h"
#include "report/number_text.h"
#include "report/summary.h"

static bool is_shown_of_any(const List *all, int count, int metric)
{
    for (int i = 0; i < count; i++) {
        if (metric_is_shown(all[i].at[metric], true)) return true;
    }
    return false;
}

static const char *ratio_text(Arena *arena, const Metric *first, const Metric *other)
{
    if (first->value.why || other->value.why) return "";
    return number_ratio(arena, first->value.value, other->value.value);
}

/* Columns: the metric, the first net, then nets from … to − 1 with ratios. */
ReportTable *compare_table(const Report *r, Arena *arena, int from, int to, bool units)
{
    ReportTable *t = report_table_new(arena, NULL);
    List *all = arena_alloc(arena, (size_t)r->count * sizeof *all);
    for (int i = 0; i < r->count; i++) all[i] = net_metrics(r->net[i], arena);
    report_table_column(t, "", true);
    report_table_column(t, r->title[0], false);
    for (int i = from; i < to; i++) {
        report_table_column(t, r->title[i], false);
        report_table_column(t, "", true);
    }
    for (int k = 0; k < all[0].count; k++) {
        if (!is_shown_of_any(all, r->count, k)) continue;
        const char **row = report_table_row(t);
        const Metric *first = all[0].at[k];
        row[0] = first->label;
        row[1] = units ? metric_short_text(arena, first) : first->text;
        for (int i = from; i < to; i++) {
            const Metric *f = all[i].at[k];
            row[2 * (i - from) + 2] = units ? metric_short_text(arena, f) : f->text;
            row[2 * (i - from) + 3] = ratio_text(arena, first, f);
        }
    }
    return t;
}

/* ---- text ------------------------------------------------------------------------ */

static int printed_width(const ReportTable *t)
{
    int width = 0;
    for (int i = 0; i < t->columns; i++) {
        int most = text_columns(t->head[i] ? t->head[i] : "");
        for (int k = 0; k < t->rows.count; k++) {
            const char *cell = ((const char **)t->rows.at[k])[i];
            if (cell && text_columns(cell) > most) most = text_columns(cell);
        }
        width += most + 2;
    }
    return width - 2;
}

/* As many nets beside the first as there is room for, exact numbers if they fit;
 * the rest in tables below. */
void compare_text(const Report *r, Arena *arena, FILE *out)
{
    for (int from = 1; from < r->count;) {
        int to = r->count;
        ReportTable *t = compare_table(r, arena, from, to, false);
        if (printed_width(t) > r->width) t = compare_table(r, arena, from, to, true);
        while (to > from + 1 && printed_width(t) > r->width) t = compare_table(r, arena, from, --to, true);
        if (from > 1) fputc('\n', out);
        report_table_print_text(t, r->width, out);
        from = to;
    }
}
