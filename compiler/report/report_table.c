/*
 * Tables of formatted cells; columns are as wide as their widest cell.
 */
#include "report/report_table.h"

#include <string.h>

#include "report/number_text.h"

enum { GAP = 2, WRAP_MIN = 20 };

ReportTable *report_table_new(Arena *arena, const char *title)
{
    ReportTable *t = arena_alloc(arena, sizeof *t);
    t->arena = arena;
    t->title = title;
    return t;
}

void report_table_column(ReportTable *t, const char *head, bool left)
{
    t->head[t->columns] = head;
    t->left[t->columns++] = left;
}

const char **report_table_row(ReportTable *t)
{
    const char **row = arena_alloc(t->arena, (size_t)t->columns * sizeof *row);
    list_push(t->arena, &t->rows, row);
    return row;
}

static const char *cell_text(const char *text) { return text ? text : ""; }

static bool has_head(const ReportTable *t)
{
    for (int i = 0; i < t->columns; i++) {
        if (t->head[i]) return true;
    }
    return false;
}

/* ---- text ------------------------------------------------------------------- */

static void measure(const ReportTable *t, int *width)
{
    for (int i = 0; i < t->columns; i++) {
        width[i] = text_columns(cell_text(t->head[i]));
        for (int r = 0; r < t->rows.count; r++) {
            int columns = text_columns(cell_text(((const char **)t->rows.at[r])[i]));
            if (columns > width[i]) width[i] = columns;
        }
    }
}

/* How many bytes of `text` go on a line of `width` columns: whole words. */
static size_t line_bytes(const char *text, int width)
{
    size_t last = 0, i = 0;
    for (int columns = 0; text[i] && columns <= width; i++) {
        if (text[i] == ' ') last = i;
        if ((text[i + 1] & 0xc0) != 0x80) columns++;
    }
    return text[i] == '\0' && text_columns(text) <= width ? i : last ? last : strlen(text);
}

/* The last cell, in lines of `width` columns that begin after `indent`. */
static void print_wrapped(const char *text, int indent, int width, FILE *out)
{
    for (;;) {
        size_t bytes = line_bytes(text, width);
        fprintf(out, "%.*s\n", (int)bytes, text);
        text += bytes;
        while (*text == ' ') text++;
        if (!*text) return;
        fprintf(out, "%*s", indent, "");
    }
}

static void print_line(const ReportTable *t, const char *const *row, const int *width, int limit, FILE *out)
{
    Text line;
    text_init(&line, t->arena);
    text_add(&line, "");
    int at = 0, last = t->columns - 1;
    while (last > 0 && !*cell_text(row[last])) last--;
    for (int i = 0; i < last; i++) {
        const char *text = cell_text(row[i]);
        int fill = width[i] - text_columns(text);
        text_addf(&line, "%*s%s%*s%*s", t->left[i] ? 0 : fill, "", text, t->left[i] ? fill : 0, "", GAP, "");
        at += width[i] + GAP;
    }
    int fill = t->left[last] ? 0 : width[last] - text_columns(cell_text(row[last]));
    fprintf(out, "%s%*s", line.data, fill, "");
    int room = limit - at < WRAP_MIN || !t->left[last] ? 10 * WRAP_MIN : limit - at;
    print_wrapped(cell_text(row[last]), at, room, out);
}

void report_table_print_text(const ReportTable *t, int limit, FILE *out)
{
    int width[TABLE_COLUMNS_MAX];
    measure(t, width);
    if (t->title) fprintf(out, "%s\n", t->title);
    if (has_head(t)) print_line(t, t->head, width, limit, out);
    for (int r = 0; r < t->rows.count; r++) print_line(t, t->rows.at[r], width, limit, out);
}

/* ---- Markdown ----------------------------------------------------------------- */

static void markdown_cell(const char *text, FILE *out)
{
    fputs("| ", out);
    for (const char *p = cell_text(text); *p; p++) {
        if (*p == '|' || *p == '*' || *p == '_' || *p == '<' || *p == '\\' || *p == '`') fputc('\\', out);
        fputc(*p, out);
    }
    fputc(' ', out);
}

static void markdown_line(const ReportTable *t, const char *const *row, FILE *out)
{
    for (int i = 0; i < t->columns; i++) markdown_cell(row[i], out);
    fputs("|\n", out);
}

void report_table_print_markdown(const ReportTable *t, FILE *out)
{
    if (t->title) fprintf(out, "## %s\n\n", t->title);
    markdown_line(t, t->head, out);
    for (int i = 0; i < t->columns; i++) fputs(t->left[i] ? "|---" : "|---:", out);
    fputs("|\n", out);
    for (int r = 0; r < t->rows.count; r++) markdown_line(t, t->rows.at[r], out);
    fputc('\n', out);
}

/* ---- CSV ------------------------------------------------------------------------ */

void csv_put_field(const char *text, FILE *out)
{
    bool quoted = text[strcspn(text, ",\"\r\n")] != '\0';
    if (quoted) fputc('"', out);
    for (const char *p = text; *p; p++) {
        if (*p == '"') fputc('"', out);
        fputc(*p, out);
    }
    if (quoted) fputc('"', out);
}

static void csv_line(const ReportTable *t, const char *const *row, FILE *out)
{
    for (int i = 0; i < t->columns; i++) {
        if (i) fputc(',', out);
        csv_put_field(cell_text(row[i]), out);
    }
    fputc('\n', out);
}

void report_table_print_csv(const ReportTable *t, FILE *out)
{
    if (has_head(t)) csv_line(t, t->head, out);
    for (int r = 0; r < t->rows.count; r++) csv_line(t, t->rows.at[r], out);
}
