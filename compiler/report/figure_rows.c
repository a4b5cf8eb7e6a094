/*
 * Wraps a figure that is too long for a page: it goes on in further rows.
 *
 * In: a placed figure with its arrows, and the places where a row may end: between two boxes that
 * every path passes one after the other.  Out: rows below each other, each at most FIGURE_WIDE, and
 * arrows that lead from the end of one to the next.  A net with a wider part that cannot be cut, such
 * as the arms of a U-Net, stays as it is.
 */
#include <math.h>

#include "report/figure.h"

enum { ROWS_MAX = 64, INDENT = 18, TURN = 10, BETWEEN = 26 };

typedef struct RowPlan {
    double begin[ROWS_MAX];                 /* in the figure of one row */
    double top[ROWS_MAX], bottom[ROWS_MAX]; /* of what is in the row, there */
    double right[ROWS_MAX], down[ROWS_MAX]; /* of its boxes, there; how far it goes down */
    int count;
} RowPlan;

static bool is_arc(const FigureArrow *a) { return fabs(a->at[a->points - 1][0] - a->at[a->points - 2][0]) < 0.01; }

/* Whether both begin at the same box. */
static bool begin_together(const Figure *f, const FigureArrow *a, const FigureArrow *other)
{
    for (int i = 0; i < f->boxes.count; i++) {
        const FigureBox *b = f->boxes.at[i];
        const double right = b->x + b->depth + b->oblique;
        if (a->at[0][0] >= b->x && a->at[0][0] <= right) return other->at[0][0] >= b->x && other->at[0][0] <= right;
    }
    return false;
}

/* All arrows that lead to the next row begin at one box, and at least one enters its box from the left; the others
 * branch off it. */
static bool may_end(const Figure *f, double x)
{
    const FigureArrow *first = NULL;
    bool straight = false;
    for (int i = 0; i < f->arrows.count; i++) {
        const FigureArrow *a = f->arrows.at[i];
        if (a->at[0][0] >= x || a->at[a->points - 1][0] <= x) continue;
        if (first && !begin_together(f, first, a)) return false;
        first = a;
        straight |= !is_arc(a);
    }
    return straight;
}

/* False where some part is wider and cannot be cut. */
static bool plan_rows(RowPlan *p, const Figure *f, const double *cut, int cuts, double wide)
{
    double last = 0; /* the newest place where the row may end */
    p->count = 0;
    p->begin[p->count++] = 0;
    for (int i = 0; i <= cuts; i++) {
        const double x = i < cuts ? cut[i] : f->width;
        if (x - p->begin[p->count - 1] > wide) {
            if (last <= p->begin[p->count - 1] || p->count == ROWS_MAX) return false;
            p->begin[p->count++] = last;
            if (x - last > wide) return false;
        }
        last = x;
    }
    return true;
}

/* As few rows as are needed, and these about equally long. */
static bool plan_even_rows(RowPlan *p, const Figure *f, const double *cut, int cuts)
{
    enum { STEP = 20 };
    RowPlan even;
    if (!plan_rows(p, f, cut, cuts, FIGURE_WIDE)) return false;
    for (double wide = FIGURE_WIDE; plan_rows(&even, f, cut, cuts, wide) && even.count == p->count; wide -= STEP)
        *p = even;
    return true;
}

static int row_of(const RowPlan *p, double x)
{
    int row = 0;
    while (row + 1 < p->count && x >= p->begin[row + 1]) row++;
    return row;
}

static void widen_row(RowPlan *p, int row, double top, double bottom)
{
    p->top[row] = fmin(p->top[row], top);
    p->bottom[row] = fmax(p->bottom[row], bottom);
}

static void measure_rows(RowPlan *p, const Figure *f)
{
    for (int i = 0; i < p->count; i++) p->top[i] = INFINITY, p->bottom[i] = -INFINITY, p->right[i] = 0;
    for (int i = 0; i < f->boxes.count; i++) {
        const FigureBox *b = f->boxes.at[i];
        const double own = b->depth + b->oblique;
        const int row = row_of(p, b->x);
        widen_row(p, row, b->y - b->oblique, b->y + b->height + 2 * FIGURE_LINE + 4);
        p->right[row] = fmax(p->right[row], b->x + (own + fmax(own, figure_label_width(b))) / 2);
    }
    for (int i = 0; i < f->arrows.count; i++) {
        const FigureArrow *a = f->arrows.at[i];
        const int row = row_of(p, a->at[0][0]);
        for (int k = 0; k < a->points && row == row_of(p, a->at[a->points - 1][0]); k++)
            widen_row(p, row, a->at[k][1], a->at[k][1]);
    }
    for (int i = 0; i < f->repeats.count; i++) {
        const FigureRepeat *r = f->repeats.at[i];
        widen_row(p, row_of(p, r->x), r->y, r->y + 2 * FIGURE_LINE);
    }
    for (int i = 0; i < p->count; i++)
        p->down[i] = i ? p->down[i - 1] + p->bottom[i - 1] + BETWEEN - p->top[i] : -p->top[0];
}

static void move_point(const RowPlan *p, int row, double *x, double *y)
{
    *x += (row ? INDENT : 0) - p->begin[row];
    *y += p->down[row];
}

/* Along the space between the rows, and in from the left. */
static void turn_arrow(const RowPlan *p, FigureArrow *a, int from, int to)
{
    const double *end = a->at[a->points - 1];
    double x0 = a->at[0][0], y0 = a->at[0][1], x1 = end[0], y1 = end[1];
    double right = p->right[from] + TURN, between = p->bottom[from] + BETWEEN / 2.0;
    const double left = INDENT - TURN;
    move_point(p, from, &x0, &y0);
    move_point(p, to, &x1, &y1);
    move_point(p, from, &right, &between);
    *a = is_arc(a) ? (FigureArrow){3, {{right, between}, {x1, between}, {x1, y1}}}
                   : (FigureArrow){6, {{x0, y0}, {right, y0}, {right, between}, {left, between}, {left, y1}, {x1, y1}}};
}

static void move_arrow(const RowPlan *p, FigureArrow *a)
{
    const int from = row_of(p, a->at[0][0]), to = row_of(p, a->at[a->points - 1][0]);
    if (from != to)
        turn_arrow(p, a, from, to);
    else
        for (int i = 0; i < a->points; i++) move_point(p, from, &a->at[i][0], &a->at[i][1]);
}

static void move_all(const RowPlan *p, Figure *f)
{
    for (int i = 0; i < f->arrows.count; i++) move_arrow(p, f->arrows.at[i]);
    for (int i = 0; i < f->boxes.count; i++) {
        FigureBox *b = f->boxes.at[i];
        move_point(p, row_of(p, b->x), &b->x, &b->y);
    }
    for (int i = 0; i < f->repeats.count; i++) {
        FigureRepeat *r = f->repeats.at[i];
        move_point(p, row_of(p, r->x), &r->x, &r->y);
    }
}

void figure_wrap(Figure *f, const double *cut, int cuts, Arena *arena)
{
    RowPlan p;
    double *usable = arena_alloc(arena, ((size_t)cuts + 1) * sizeof *usable), width = 0;
    int count = 0;
    for (int i = 0; i < cuts; i++)
        if (may_end(f, cut[i])) usable[count++] = cut[i];
    if (f->width <= FIGURE_WIDE || !plan_even_rows(&p, f, usable, count) || p.count == 1) return;
    measure_rows(&p, f);
    move_all(&p, f);
    for (int i = 0; i < p.count; i++) width = fmax(width, p.right[i] - p.begin[i] + INDENT + TURN + 1);
    f->width = width;
    f->height = p.down[p.count - 1] + p.bottom[p.count - 1];
}
