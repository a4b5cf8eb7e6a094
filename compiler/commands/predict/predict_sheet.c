/*
 * Cells, and their places on the sheet.
 *
 * A cell is a frame around one or two pictures, above lines of text: the class, its
 * probability, what the sample is where that is another class, and the file.  A right one has
 * a green frame, a wrong one a red frame, one whose class is not known a grey one.
 */
#include "commands/predict/predict_sheet.h"

#include <math.h>
#include <string.h>

#include "commands/support/command.h"

enum {
    PICTURE = 144,
    FRAME = 4,
    GAP = 12,
    TEXT = 2, /* scale */
    LINE = TEXT * GLYPH_HEIGHT + 2,
    CELL_LINES = 3,
    FILE_LINE = GLYPH_HEIGHT + 3
};

typedef enum Mark { MARK_UNKNOWN, MARK_RIGHT, MARK_WRONG } Mark;

typedef struct Cell {
    Mark mark;
    const Canvas *input, *output;
    const char *line[CELL_LINES]; /* NULL: none */
    const char *file;
} Cell;

static const Color white = {255, 255, 255}, black = {0, 0, 0}, grey = {110, 110, 110}, pale = {236, 236, 236};
static const Color mark_colors[] = {
    [MARK_UNKNOWN] = {150, 150, 150}, [MARK_RIGHT] = {38, 152, 66}, [MARK_WRONG] = {208, 36, 44}};

void sheet_init(Sheet *s, Arena *arena) { *s = (Sheet){.arena = arena}; }

bool sheet_is_full(const Sheet *s) { return s->cells.count == SHEET_CELLS; }

/* ---- cells ---------------------------------------------------------------------- */

static const char *name_of_class(const Sheet *s, const Prediction *p, int class)
{
    return p->names ? p->names[class] : arena_printf(s->arena, "%d", class);
}

static void write_lines(const Sheet *s, const Prediction *p, Cell *cell)
{
    if (!p->classes) {
        if (p->outputs <= CELL_LINES)
            for (size_t i = 0; i < p->outputs; i++)
                cell->line[i] = arena_printf(s->arena, "%.5g", nn_shown((double)p->y[i]));
        return;
    }
    const OutputClass *first = p->classes;
    cell->line[0] = name_of_class(s, p, first->index);
    cell->line[1] = p->scores ? arena_printf(s->arena, "%.4g", nn_shown(first->value))
                              : arena_printf(s->arena, "%.2f %%", 100 * nn_shown(first->value));
    if (cell->mark == MARK_WRONG) cell->line[2] = arena_printf(s->arena, "is %s", name_of_class(s, p, p->truth));
}

void sheet_add(Sheet *s, const Prediction *p, const Canvas *input, const Canvas *output)
{
    const bool judged = p->classes && p->truth >= 0, right = judged && p->classes->index == p->truth;
    s->judged += judged;
    s->right += right;
    if (sheet_is_full(s)) {
        s->left_out++;
        return;
    }
    Cell *cell = arena_alloc(s->arena, sizeof *cell);
    cell->mark = !judged ? MARK_UNKNOWN : right ? MARK_RIGHT : MARK_WRONG;
    cell->input = canvas_scaled(s->arena, input, PICTURE);
    cell->output = output ? canvas_scaled(s->arena, output, PICTURE) : NULL;
    cell->file = arena_strdup(s->arena, p->file);
    write_lines(s, p, cell);
    list_push(s->arena, &s->cells, cell);
}

/* ---- the sheet ------------------------------------------------------------------ */

typedef struct SheetLayout {
    int columns, rows, cell_width, cell_height, top;
} SheetLayout;

static SheetLayout layout_of(const Sheet *s)
{
    const Cell *first = s->cells.at[0];
    const int pictures = first->output ? 2 : 1, most = first->output ? 5 : 10;
    int lines = 0;
    for (int i = 0; i < s->cells.count; i++)
        for (int k = 0; k < CELL_LINES; k++)
            if (((const Cell *)s->cells.at[i])->line[k] && k >= lines) lines = k + 1;
    SheetLayout l = {.columns = s->cells.count < most ? s->cells.count : most, .top = GAP};
    l.rows = (int)div_round_up(s->cells.count, l.columns);
    l.cell_width = pictures * PICTURE + (pictures - 1) * FRAME + 2 * FRAME;
    l.cell_height = PICTURE + 2 * FRAME + FRAME + lines * LINE + FILE_LINE;
    if (s->judged) l.top += LINE + GAP;
    return l;
}

/* The beginning of a text that fits, with a mark where it was cut. */
static void draw_line(const Sheet *s, Canvas *c, int x, int y, int width, Color color, const char *text)
{
    const int room = width / (GLYPH_WIDTH * TEXT);
    if (text_characters(text) > room) text = arena_printf(s->arena, "%.*s~", text_bytes(text, room - 1), text);
    canvas_text(c, x, y, TEXT, color, text);
}

/* The end of a path is what tells it from others. */
static void draw_file(const Sheet *s, Canvas *c, int x, int y, int width, const char *path)
{
    const int room = width / GLYPH_WIDTH, length = text_characters(path);
    if (length > room) path = arena_printf(s->arena, "~%s", path + text_bytes(path, length - room + 1));
    canvas_text(c, x, y, 1, grey, path);
}

static void draw_picture(Canvas *c, int x, int y, const Canvas *picture)
{
    canvas_fill(c, x, y, PICTURE, PICTURE, pale);
    canvas_draw(c, x + (PICTURE - picture->width) / 2, y + (PICTURE - picture->height) / 2, picture);
}

static void draw_cell(const Sheet *s, Canvas *c, int x, int y, const SheetLayout *l, const Cell *cell)
{
    const Color color = mark_colors[cell->mark];
    canvas_fill(c, x, y, l->cell_width, PICTURE + 2 * FRAME, color);
    draw_picture(c, x + FRAME, y + FRAME, cell->input);
    if (cell->output) draw_picture(c, x + FRAME + PICTURE + FRAME, y + FRAME, cell->output);
    y += PICTURE + 3 * FRAME;
    for (int i = 0; i < CELL_LINES && cell->line[i]; i++, y += LINE)
        draw_line(s, c, x, y, l->cell_width, cell->mark == MARK_WRONG ? color : black, cell->line[i]);
    draw_file(s, c, x, y, l->cell_width, cell->file);
}

static Canvas *draw_sheet(const Sheet *s)
{
    const SheetLayout l = layout_of(s);
    const int step_x = l.cell_width + GAP, step_y = l.cell_height + GAP;
    Canvas *c = canvas_new(s->arena, GAP + l.columns * step_x, l.top + l.rows * step_y, white);
    if (s->judged)
        draw_line(s, c, GAP, GAP, c->width - 2 * GAP, black,
                  arena_printf(s->arena, "%d of %d right", s->right, s->judged));
    for (int i = 0; i < s->cells.count; i++)
        draw_cell(s, c, GAP + i % l.columns * step_x, l.top + i / l.columns * step_y, &l, s->cells.at[i]);
    return c;
}

int sheet_write(const Sheet *s, const char *path)
{
    if (!s->cells.count) return fail(STATUS_INPUT, "--sheet: there are no samples");
    if (s->left_out)
        fprintf(stderr, "nnc: note: %s has the first %d of %d samples\n", path, SHEET_CELLS, SHEET_CELLS + s->left_out);
    return canvas_write(draw_sheet(s), path);
}
