/*
 * Nets side by side: a figure to a row, a net to a column, and after every net
 * but the first its ratio to the first: ×2.769 is 2.769 times as much, ÷2.769
 * so much less.
 */
#include "report/figures.h"
#include "report/numbers.h"
#include "report/summary.h"

static bool is_told(const List *all, int count, int figure)
{
    for (int i = 0; i < count; i++) {
        if (figure_told(all[i].at[figure], true)) return true;
    }
    return false;
}

static const char *ratio_text(Arena *arena, const Figure *first, const Figure *other)
{
    if (first->value.why || other->value.why) return "";
    return number_ratio(arena, first->value.value, other->value.value);
}

/* Columns: the figure, the first net, then nets from … to − 1 with ratios. */
Sheet *compare_table(const Report *r, Arena *arena, int from, int to, bool units)
{
    Sheet *t = sheet_new(arena, NULL);
    List *all = arena_alloc(arena, (size_t)r->count * sizeof *all);
    for (int i = 0; i < r->count; i++) all[i] = figures(r->net[i], arena);
    sheet_column(t, "", true);
    sheet_column(t, r->title[0], false);
    for (int i = from; i < to; i++) {
        sheet_column(t, r->title[i], false);
        sheet_column(t, "", true);
    }
    for (int k = 0; k < all[0].count; k++) {
        if (!is_told(all, r->count, k)) continue;
        const char **row = sheet_row(t);
        const Figure *first = all[0].at[k];
        row[0] = first->label;
        row[1] = units ? figure_short(arena, first) : first->text;
        for (int i = from; i < to; i++) {
            const Figure *f = all[i].at[k];
            row[2 * (i - from) + 2] = units ? figure_short(arena, f) : f->text;
            row[2 * (i - from) + 3] = ratio_text(arena, first, f);
        }
    }
    return t;
}

/* ---- text ------------------------------------------------------------------------ */

static int printed_width(const Sheet *t)
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
        Sheet *t = compare_table(r, arena, from, to, false);
        if (printed_width(t) > r->width) t = compare_table(r, arena, from, to, true);
        while (to > from + 1 && printed_width(t) > r->width) t = compare_table(r, arena, from, --to, true);
        if (from > 1) fputc('\n', out);
        sheet_text(t, r->width, out);
        from = to;
    }
}
