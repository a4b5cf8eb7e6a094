/*
 * The report as Markdown, with the tables of GitHub: for READMEs and issues.
 */
#include <string.h>

#include "report/columns.h"
#include "report/summary.h"

static const Column shown[] = {COLUMN_NAME,  COLUMN_LAYER,  COLUMN_OUTPUT, COLUMN_PARAMS, COLUMN_MACS,
                               COLUMN_FIELD, COLUMN_STRIDE, COLUMN_PAD,    COLUMN_BYTES};

enum { SHOWN = sizeof shown / sizeof *shown };

static void print_markdown_part(const Analysis *a, Arena *arena, const char *title, const List *blocks, FILE *out)
{
    if (blocks->count == 0) return;
    CellContext cells = {.arena = arena, .a = a};
    ReportTable *t = report_table_new(arena, title);
    for (int i = 0; i < SHOWN; i++) report_table_column(t, column_titles[shown[i]], i < 2);
    for (int i = 0; i < blocks->count; i++) {
        const char **row = report_table_row(t);
        for (int k = 0; k < SHOWN; k++) row[k] = column_cell(&cells, blocks->at[i], shown[k]);
    }
    report_table_print_markdown(t, out);
    for (int i = 0; i < cells.notes.count; i++) fprintf(out, "n/a: %s\n\n", (const char *)cells.notes.at[i]);
}

/* Markdown tables need a heading row, even an empty one. */
static void print_markdown_table(ReportTable *t, FILE *out)
{
    bool heads = false;
    for (int i = 0; i < t->columns; i++) heads = heads || t->head[i];
    if (!heads && t->columns == 1) {
        fprintf(out, "%s\n", ((const char **)t->rows.at[0])[0]);
        return;
    }
    for (int i = 0; i < t->columns; i++) t->head[i] = t->head[i] ? t->head[i] : "";
    report_table_print_markdown(t, out);
}

static void print_markdown_net(const Report *r, Arena *arena, FILE *out)
{
    const Analysis *a = r->net[0];
    int heads = a->net->heads.count;
    const List *part = summary_parts(a, arena, r->depth);
    fprintf(out, "# %s\n\n%s\n\n", r->title[0], summary_heading(r, arena));
    print_markdown_part(a, arena, NULL, &part[0], out);
    for (int h = 0; h < heads; h++) {
        const Head *head = a->net->heads.at[h];
        print_markdown_part(a, arena,
                            arena_printf(arena, "head %s, for training only (%s)", head->name, head_words(arena, head)),
                            &part[1 + h], out);
    }
    print_markdown_part(a, arena, "unused", &part[1 + heads], out);
    List sections = summary_sections(r, arena);
    for (int i = 0; i < sections.count; i++) print_markdown_table(sections.at[i], out);
}

static void print_markdown(Report *r, FILE *out)
{
    Arena *arena = arena_within(r->net[0]->net->compilation->arena);
    if (r->count == 1)
        print_markdown_net(r, arena, out);
    else
        report_table_print_markdown(compare_table(r, arena, 1, r->count, false), out);
    arena_free(arena);
}

static void print_markdown_diff(Report *r, FILE *out)
{
    Arena *arena = arena_within(r->net[0]->net->compilation->arena);
    List tables = diff_tables(r, arena);
    for (int i = 0; i < tables.count; i++) print_markdown_table(tables.at[i], out);
    arena_free(arena);
}

const ReportFormat report_markdown = {"md", print_markdown, print_markdown_diff};
