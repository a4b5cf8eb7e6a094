/*
 * The report as text: a table of the layers, then the totals.
 *
 * In: analyses and a width in columns.  Out: lines of at most that width,
 * if the shapes and counts allow it at all.  The table is laid out from its own
 * contents: every cell is made first, then columns are as wide as their widest
 * cell.  Where there is room, further columns come in, the most asked for first.
 * When it is too wide, it is made again in a narrower style: first large numbers
 * get units, then arguments are left out, and at last long names are split into
 * a line for the scope and rows for what is in it.
 */
#include <string.h>

#include "report/columns.h"
#include "report/number_text.h"
#include "report/summary.h"

enum { GAP = 2, NAME_MIN = 8, LAYER_MAX = 44, KIND_MAX = 10 };

/* Level of detail, from the widest table to the narrowest. */
typedef enum Detail { DETAIL_FULL, DETAIL_UNITS, DETAIL_KINDS, DETAIL_TIGHT } Detail;

/* What every table has, and what comes in where there is room, in that order. */
static const Column always[] = {COLUMN_NAME,  COLUMN_LAYER,  COLUMN_OUTPUT, COLUMN_PARAMS, COLUMN_MACS,
                                COLUMN_FIELD, COLUMN_STRIDE, COLUMN_PAD,    COLUMN_BYTES};
static const Column extra[] = {COLUMN_FLOPS,   COLUMN_BOUND, COLUMN_DEAD,   COLUMN_INTENSITY,
                               COLUMN_COVERED, COLUMN_TIME,  COLUMN_CENTRE, COLUMN_SLOPE};

enum { ALWAYS = sizeof always / sizeof *always, EXTRA = sizeof extra / sizeof *extra };

typedef struct ListingRow {
    const Block *block;
    const char *cell[COLUMNS];
} ListingRow;

typedef struct Listing {
    Arena *arena;
    CellContext cells;
    Detail detail;
    int gap;
    int rows;
    ListingRow *row; /* the first one holds the titles */
    bool shown[COLUMNS];
    int width[COLUMNS];
    const char *scope; /* of the rows being printed, when names are split; else "" */
} Listing;

/* ---- cells ---------------------------------------------------------------- */

/* At most `width` columns of an ASCII text. */
static const char *cut_end(Arena *arena, const char *text, int width)
{
    return text_columns(text) <= width ? text : arena_printf(arena, "%.*s…", width - 1, text);
}

static const char *layer_cell(Listing *t, const Block *b)
{
    bool kind = b->layer && t->detail >= DETAIL_KINDS;
    const char *text = kind ? b->layer->kind : column_cell(&t->cells, b, COLUMN_LAYER);
    return cut_end(t->arena, text, t->detail == DETAIL_TIGHT ? KIND_MAX : LAYER_MAX);
}

static void fill_row(Listing *t, ListingRow *row)
{
    for (int i = 0; i < COLUMNS; i++) {
        if (!t->shown[i]) continue;
        row->cell[i] = i == COLUMN_LAYER ? layer_cell(t, row->block) : column_cell(&t->cells, row->block, (Column)i);
    }
}

/* ---- the table -------------------------------------------------------------- */

static int listing_width(const Listing *t)
{
    int width = -t->gap;
    for (int i = 0; i < COLUMNS; i++) width += t->shown[i] && t->width[i] ? t->width[i] + t->gap : 0;
    return width;
}

/* The row of titles comes first; a column without any cell is left out. */
static void listing_measure(Listing *t)
{
    for (int i = 0; i < COLUMNS; i++) {
        t->width[i] = 0;
        for (int r = 1; t->shown[i] && r < t->rows; r++) {
            int columns = text_columns(t->row[r].cell[i]);
            if (columns > t->width[i]) t->width[i] = columns;
        }
        int title = text_columns(column_titles[i]);
        if (t->width[i] && title > t->width[i]) t->width[i] = title;
    }
}

static void listing_fill(Listing *t, Detail detail)
{
    t->detail = detail;
    t->gap = detail == DETAIL_TIGHT ? 1 : GAP;
    t->cells.units = detail != DETAIL_FULL;
    t->cells.notes.count = 0;
    for (int r = 1; r < t->rows; r++) fill_row(t, &t->row[r]);
    listing_measure(t);
}

/* Makes all further columns, and keeps those that there is room for. */
static void listing_widen(Listing *t, int width)
{
    int used = listing_width(t);
    for (int i = 0; i < EXTRA; i++) t->shown[extra[i]] = true;
    listing_fill(t, DETAIL_FULL);
    for (int i = 0; i < EXTRA; i++) {
        int more = t->width[extra[i]] + t->gap;
        t->shown[extra[i]] = used + more <= width;
        used += t->shown[extra[i]] ? more : 0;
    }
    listing_fill(t, DETAIL_FULL);
}

static void listing_fit(Listing *t, int width)
{
    for (int i = 0; i < ALWAYS; i++) t->shown[always[i]] = true;
    for (int detail = DETAIL_FULL; detail <= DETAIL_TIGHT; detail++) {
        listing_fill(t, (Detail)detail);
        if (listing_width(t) > width) continue;
        if (detail == DETAIL_FULL) listing_widen(t, width);
        return;
    }
    int name = t->width[COLUMN_NAME] - (listing_width(t) - width);
    t->width[COLUMN_NAME] = name < NAME_MIN ? NAME_MIN : name;
}

/* ---- rows -------------------------------------------------------------------- */

/* The longest end of a path that fits: features.denseblock4.norm1 → denseblock4.norm1 */
static const char *path_end(const char *path, int width)
{
    for (const char *dot; text_columns(path) > width && (dot = strchr(path, '.')); path = dot + 1) continue;
    return path;
}

/* What of `path` is left below the scope of the row before, or NULL. */
static const char *below(const char *scope, const char *path)
{
    size_t length = strlen(scope);
    return length && strncmp(path, scope, length) == 0 && path[length] == '.' ? path + length + 1 : NULL;
}

/* The cell of the name column.  Where a path is too long for it, its scope is
 * printed on a line of its own, once for all of its rows. */
static const char *name_cell(Listing *t, const char *path, FILE *out)
{
    int width = t->width[COLUMN_NAME];
    const char *end = below(t->scope, path);
    if (!end || text_columns(end) >= width) {
        end = text_columns(path) <= width ? path : path_end(path, width - 1);
        t->scope = end == path ? "" : arena_strndup(t->arena, path, (size_t)(end - path) - 1);
        if (*t->scope) fprintf(out, "%s\n", t->scope);
    }
    return *t->scope ? arena_printf(t->arena, " %s", cut_end(t->arena, end, width - 1)) : cut_end(t->arena, end, width);
}

static void print_listing_row(Listing *t, const ListingRow *row, FILE *out)
{
    Text line;
    text_init(&line, t->arena);
    for (int i = 0; i < COLUMNS; i++) {
        if (!t->shown[i] || !t->width[i]) continue;
        const char *cell = i == COLUMN_NAME ? name_cell(t, row->cell[i], out) : row->cell[i];
        int fill = t->width[i] - text_columns(cell);
        bool left = i == COLUMN_NAME || i == COLUMN_LAYER;
        text_addf(&line, "%*s", i ? t->gap : 0, "");
        text_addf(&line, "%*s%s%*s", left ? 0 : fill, "", cell, left ? fill : 0, "");
    }
    while (line.length && line.data[line.length - 1] == ' ') line.data[--line.length] = '\0';
    fprintf(out, "%s\n", line.data);
}

/* ---- parts ---------------------------------------------------------------------- */

static void add_listing_rows(Listing *t, const List *blocks)
{
    for (int i = 0; i < blocks->count; i++) t->row[t->rows++].block = blocks->at[i];
}

static void print_listing_rows(Listing *t, int *at, int count, FILE *out)
{
    t->scope = "";
    while (count-- > 0) print_listing_row(t, &t->row[(*at)++], out);
}

static void print_listing_parts(Listing *t, const Analysis *a, const List *part, FILE *out)
{
    int at = 1, heads = a->net->heads.count;
    print_listing_row(t, &t->row[0], out);
    print_listing_rows(t, &at, part[0].count, out);
    for (int h = 0; h < heads; h++) {
        const Head *head = a->net->heads.at[h];
        fprintf(out, "\nhead %s, for training only (%s, not in the totals)\n", head->name, head_words(t->arena, head));
        print_listing_rows(t, &at, part[1 + h].count, out);
    }
    if (part[1 + heads].count == 0) return;
    fprintf(out, "\nunused: the output does not depend on these\n");
    print_listing_rows(t, &at, part[1 + heads].count, out);
}

static void print_listing(const Report *r, Arena *arena, FILE *out)
{
    const Analysis *a = r->net[0];
    const List *part = summary_parts(a, arena, r->depth);
    Listing t = {.arena = arena, .scope = "", .rows = 1, .cells = {.arena = arena, .a = a}};
    t.row = arena_alloc(arena, (size_t)(a->layer_count + 1) * sizeof *t.row);
    memcpy(t.row[0].cell, column_titles, sizeof column_titles);
    for (int i = 0; i < a->net->heads.count + 2; i++) add_listing_rows(&t, &part[i]);
    listing_fit(&t, r->width);
    print_listing_parts(&t, a, part, out);
    for (int i = 0; i < t.cells.notes.count; i++) fprintf(out, "n/a  %s\n", (const char *)t.cells.notes.at[i]);
}

/* ---- the report -------------------------------------------------------------------- */

static void print_text_net(const Report *r, Arena *arena, FILE *out)
{
    fprintf(out, "%s\n\n", summary_heading(r, arena));
    print_listing(r, arena, out);
    List sections = summary_sections(r, arena);
    for (int i = 0; i < sections.count; i++) {
        fputc('\n', out);
        report_table_print_text(sections.at[i], r->width, out);
    }
}

static void print_text(Report *r, FILE *out)
{
    Arena *arena = arena_within(r->net[0]->net->compilation->arena);
    if (r->count == 1)
        print_text_net(r, arena, out);
    else
        compare_text(r, arena, out);
    arena_free(arena);
}

static void print_text_diff(Report *r, FILE *out)
{
    Arena *arena = arena_within(r->net[0]->net->compilation->arena);
    List tables = diff_tables(r, arena);
    for (int i = 0; i < tables.count; i++) {
        if (i) fputc('\n', out);
        report_table_print_text(tables.at[i], r->width, out);
    }
    arena_free(arena);
}

const ReportFormat report_text = {"text", print_text, print_text_diff};
