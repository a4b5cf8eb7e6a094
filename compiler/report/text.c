/*
 * The report as text: a table of the layers, then the totals.
 *
 * Enters: an analysis and a width in columns.  Leaves: lines of at most that
 * width, if the shapes and counts allow it at all.  The table is laid out from
 * its own contents: every cell is made first, then columns are as wide as their
 * widest cell.  When that is too wide, the table is made again in a narrower
 * style: first large numbers get units, then arguments are left out, and at
 * last long names are split into a line for the scope and rows for what is in it.
 */
#include <string.h>

#include "report/report.h"

typedef enum Column {
    COLUMN_NAME,
    COLUMN_LAYER,
    COLUMN_OUTPUT,
    COLUMN_PARAMS,
    COLUMN_MACS,
    COLUMN_FIELD,
    COLUMN_STRIDE,
    COLUMN_PAD,
    COLUMN_BYTES,
    COLUMNS
} Column;

static const char *const titles[COLUMNS] = {
    "name", "layer", "output", "params", "MACs", "field", "stride", "pad", "bytes",
};

enum { GAP = 2, NAME_MIN = 8, LAYER_MAX = 44, KIND_MAX = 10 };

/* How much is told, from the widest table to the narrowest. */
typedef enum Detail { DETAIL_FULL, DETAIL_UNITS, DETAIL_KINDS, DETAIL_TIGHT } Detail;

typedef struct Table {
    Arena *arena;
    Detail detail;
    int gap;
    int rows;
    const char *(*cell)[COLUMNS];
    int width[COLUMNS];
    const char *scope; /* of the rows being printed, when names are split; else "" */
} Table;

/* ---- numbers ------------------------------------------------------------ */

/* 1814073344 → 1,814,073,344 */
static const char *grouped(Arena *arena, int64_t value)
{
    const char *digits = arena_printf(arena, "%lld", (long long)value);
    Text text;
    text_init(&text, arena);
    for (size_t left = strlen(digits); left > 0; left--) {
        text_add_bytes(&text, digits++, 1);
        if (left % 3 == 1 && left > 1 && digits[-1] != '-') text_add(&text, ",");
    }
    return text.data;
}

/* 1814073344 → 1.81G; three digits are kept.  Below 1000 the number itself. */
static const char *with_unit(Arena *arena, int64_t value)
{
    static const char units[] = " kMGTPE";
    int unit = 0;
    double scaled = (double)value;
    for (; scaled >= 999.5 && unit < 6; unit++) scaled /= 1000;
    if (unit == 0) return arena_printf(arena, "%lld", (long long)value);
    int digits = scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0;
    return arena_printf(arena, "%.*f%c", digits, scaled, units[unit]);
}

static const char *big(const Table *t, int64_t value)
{
    if (value == 0) return "";
    return t->detail == DETAIL_FULL ? grouped(t->arena, value) : with_unit(t->arena, value);
}

/* One number where both axes agree: 7, else 7x1. */
static const char *both(Arena *arena, double h, double w)
{
    if (h == 0) h = 0; /* not −0 */
    if (w == 0) w = 0;
    return h == w ? arena_printf(arena, "%g", h) : arena_printf(arena, "%gx%g", h, w);
}

/* ---- cells ---------------------------------------------------------------- */

/* At most `width` columns of an ASCII text. */
static const char *cut_end(Arena *arena, const char *text, int width)
{
    return (int)strlen(text) <= width ? text : arena_printf(arena, "%.*s…", width - 1, text);
}

static const char *layer_cell(const Table *t, const LayerReport *l)
{
    if (t->detail == DETAIL_TIGHT) return cut_end(t->arena, l->kind, KIND_MAX);
    if (t->detail == DETAIL_KINDS || !*l->arguments) return l->kind;
    return cut_end(t->arena, arena_printf(t->arena, "%s(%s)", l->kind, l->arguments), LAYER_MAX);
}

/* Frozen parameters have a star; numbers below each other stay aligned. */
static const char *params_cell(const Table *t, const LayerReport *l, bool stars)
{
    if (l->trained + l->frozen == 0) return "";
    const char *count = grouped(t->arena, l->trained + l->frozen);
    if (!stars) return count;
    return arena_printf(t->arena, "%s%s", count, l->frozen ? "*" : " ");
}

static void field_cells(const Table *t, const LayerReport *l, const char **cell)
{
    Field h = l->field[0], w = l->field[1];
    if (h.whole && w.whole) {
        cell[COLUMN_FIELD] = l->shape.rank == 3 ? "all" : "";
        return;
    }
    cell[COLUMN_FIELD] = both(t->arena, field_size(h), field_size(w));
    cell[COLUMN_STRIDE] = both(t->arena, h.stride, w.stride);
    cell[COLUMN_PAD] = both(t->arena, -h.first, -w.first);
}

static void table_row(Table *t, const LayerReport *l, bool stars)
{
    const char **cell = t->cell[t->rows++];
    for (int i = 0; i < COLUMNS; i++) cell[i] = "";
    cell[COLUMN_NAME] = l->name;
    cell[COLUMN_LAYER] = layer_cell(t, l);
    cell[COLUMN_OUTPUT] = shape_text(t->arena, l->shape);
    cell[COLUMN_PARAMS] = params_cell(t, l, stars);
    cell[COLUMN_MACS] = big(t, l->macs);
    cell[COLUMN_BYTES] = big(t, l->activation);
    field_cells(t, l, cell);
}

/* ---- the table -------------------------------------------------------------- */

/* Columns on a terminal: bytes that begin a character. */
static int text_columns(const char *text)
{
    int count = 0;
    for (; *text; text++) count += (*text & 0xc0) != 0x80;
    return count;
}

static int table_width(const Table *t)
{
    int width = 0;
    for (int i = 0; i < COLUMNS; i++) width += t->width[i] ? t->width[i] + (i ? t->gap : 0) : 0;
    return width;
}

/* The row of titles comes first; a column without any cell is left out. */
static void table_measure(Table *t)
{
    for (int i = 0; i < COLUMNS; i++) {
        t->width[i] = 0;
        for (int r = 1; r < t->rows; r++) {
            int columns = text_columns(t->cell[r][i]);
            if (columns > t->width[i]) t->width[i] = columns;
        }
        int title = text_columns(t->cell[0][i]);
        if (t->width[i] && title > t->width[i]) t->width[i] = title;
    }
}

static void table_fill(Table *t, const Analysis *a, Detail detail)
{
    t->detail = detail;
    t->gap = detail == DETAIL_TIGHT ? 1 : GAP;
    t->rows = 1;
    memcpy(t->cell[0], titles, sizeof titles);
    bool stars = a->total.frozen + a->heads.frozen > 0;
    for (int i = 0; i < a->layer_count; i++) table_row(t, &a->layers[i], stars);
    table_measure(t);
}

static void table_fit(Table *t, const Analysis *a, int width)
{
    for (int detail = DETAIL_FULL; detail <= DETAIL_TIGHT; detail++) {
        table_fill(t, a, (Detail)detail);
        if (table_width(t) <= width) return;
    }
    int name = t->width[COLUMN_NAME] - (table_width(t) - width);
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

/* What stands in the column of names.  Where a path is too long for it, its
 * scope stands on a line of its own, once for all rows that it holds. */
static const char *name_cell(Table *t, const char *path, FILE *out)
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

static void print_row(Table *t, int row, FILE *out)
{
    Text line;
    text_init(&line, t->arena);
    for (int i = 0; i < COLUMNS; i++) {
        if (!t->width[i]) continue;
        const char *cell = i == COLUMN_NAME ? name_cell(t, t->cell[row][i], out) : t->cell[row][i];
        int fill = t->width[i] - text_columns(cell);
        bool left = i == COLUMN_NAME || i == COLUMN_LAYER;
        text_addf(&line, "%*s", i ? t->gap : 0, "");
        text_addf(&line, "%*s%s%*s", left ? 0 : fill, "", cell, left ? fill : 0, "");
    }
    while (line.length && line.data[line.length - 1] == ' ') line.data[--line.length] = '\0';
    fprintf(out, "%s\n", line.data);
}

static void print_part(Table *t, const Analysis *a, LayerPart part, const Head *head, FILE *out)
{
    t->scope = "";
    for (int i = 0; i < a->layer_count; i++) {
        if (a->layers[i].part == part && a->layers[i].head == head) print_row(t, i + 1, out);
    }
}

static bool has_part(const Analysis *a, LayerPart part)
{
    for (int i = 0; i < a->layer_count; i++) {
        if (a->layers[i].part == part) return true;
    }
    return false;
}

static void print_table(const Analysis *a, int width, Arena *arena, FILE *out)
{
    Table t = {.arena = arena, .scope = ""};
    t.cell = arena_alloc(arena, (size_t)(a->layer_count + 1) * sizeof *t.cell);
    table_fit(&t, a, width);
    print_row(&t, 0, out);
    print_part(&t, a, LAYER_MAIN, NULL, out);
    for (int h = 0; h < a->net->heads.count; h++) {
        const Head *head = a->net->heads.at[h];
        fprintf(out, "\nhead %s, for training only (weight %g, not in the totals)\n", head->name, head->weight);
        print_part(&t, a, LAYER_HEAD, head, out);
    }
    if (!has_part(a, LAYER_UNUSED)) return;
    fprintf(out, "\nunused: the output does not depend on these\n");
    print_part(&t, a, LAYER_UNUSED, NULL, out);
}

/* ---- totals ------------------------------------------------------------------ */

enum { LABEL = 17, NUMBER = 17 };

static void print_number(FILE *out, Arena *arena, const char *label, int64_t value, const char *note)
{
    fprintf(out, "%-*s%*s%s%s\n", LABEL, label, NUMBER, grouped(arena, value), *note ? "  " : "", note);
}

static void print_params(const Analysis *a, Arena *arena, FILE *out)
{
    const ReportTotals *t = &a->total;
    print_number(out, arena, "parameters", t->trained + t->frozen, t->frozen ? "in all" : "");
    if (t->frozen) {
        print_number(out, arena, "  trained", t->trained, "");
        print_number(out, arena, "  frozen", t->frozen, "marked *");
    }
    if (t->buffers) print_number(out, arena, "  buffers", t->buffers, "besides: statistics and constants");
    if (!a->heads.layers) return;
    int64_t heads = a->heads.trained + a->heads.frozen;
    const char *both_text = grouped(arena, t->trained + t->frozen + heads);
    print_number(out, arena, "  in heads", heads, arena_printf(arena, "besides: with them %s", both_text));
}

static void print_field(const Analysis *a, Arena *arena, FILE *out)
{
    const LayerReport *l = a->last_map;
    if (!l) return;
    Field h = l->field[0], w = l->field[1];
    const char *at = arena_printf(arena, "%s, %s", l->name, shape_text(arena, l->shape));
    if (h.whole && w.whole) {
        fprintf(out, "%-*s%*s  of the last map (%s)\n", LABEL, "receptive field", NUMBER, "all", at);
        return;
    }
    fprintf(out, "%-*s%*s  stride %s, padding %s, of the last map\n", LABEL, "receptive field", NUMBER,
            both(arena, field_size(h), field_size(w)), both(arena, h.stride, w.stride),
            both(arena, -h.first, -w.first));
    fprintf(out, "%*s  (%s)%s\n", LABEL + NUMBER, "", at,
            h.misaligned || w.misaligned ? "; paths to it are misaligned" : "");
}

static void print_memory(const Analysis *a, Arena *arena, FILE *out)
{
    fprintf(out, "\nmemory in bytes, batch %lld\n", (long long)a->batch);
    print_number(out, arena, "  parameters", a->parameter_bytes, a->heads.trained ? "heads included" : "");
    if (a->buffer_bytes) print_number(out, arena, "  buffers", a->buffer_bytes, "");
    if (a->step.planned) print_number(out, arena, "  optimizer", a->optimizer_bytes, "");
    print_number(out, arena, "  inference", a->infer.arena,
                 arena_printf(arena, "no plan needs less than %s", grouped(arena, a->infer.lower_bound)));
    if (!a->step.planned) {
        fprintf(out, "%-*s%*s  there is no train section\n", LABEL, "  training", NUMBER, "-");
        return;
    }
    print_number(out, arena, "  training", a->train_arena, "for a step, for gradients, for evaluation");
    print_number(out, arena, "    a step alone", a->step.arena,
                 arena_printf(arena, "no plan needs less than %s", grouped(arena, a->step.lower_bound)));
}

static void print_totals(const Analysis *a, Arena *arena, FILE *out)
{
    print_params(a, arena, out);
    print_number(out, arena, "MACs", a->total.macs, "per sample");
    print_number(out, arena, "FLOPs", a->total.flops, "per sample, two for a MAC");
    if (a->heads.layers) print_number(out, arena, "  MACs of heads", a->heads.macs, "besides, per sample");
    print_number(out, arena, "depth", a->depth, "layers with weights, on the longest path");
    print_field(a, arena, out);
    print_memory(a, arena, out);
}

static void print_heading(const Analysis *a, Arena *arena, FILE *out)
{
    fprintf(out, "%s:", a->net->name);
    for (int i = 0; i < a->net->inputs.count; i++) {
        const Tensor *t = a->net->inputs.at[i];
        fprintf(out, "%s %s", i ? "," : "", shape_text(arena, t->shape));
    }
    fprintf(out, " -> %s; bytes of results are for a batch of %lld\n\n", shape_text(arena, a->net->output->shape),
            (long long)a->batch);
}

static void print_report(const Analysis *a, int width, FILE *out)
{
    Arena *arena = arena_new();
    print_heading(a, arena, out);
    print_table(a, width, arena, out);
    fputc('\n', out);
    print_totals(a, arena, out);
    arena_free(arena);
}

const ReportFormat report_text = {"text", print_report};
