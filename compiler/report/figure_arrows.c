/*
 * The arrows of a figure: straight where nothing is in the way, else over the boxes.
 */
#include <math.h>
#include <stdlib.h>

#include "report/figure.h"

enum { ARC_GAP = 11, ARC_SIDE = 3, BEND = 9 };

double figure_axis(const FigureBox *b) { return b->y + (b->height - b->oblique) / 2; }

/* The middle of the right side, which recedes. */
static double exit_x(const FigureBox *b) { return b->x + b->depth + b->oblique / 2; }

static bool crosses(const FigureBox *b, double x0, double y0, double x1, double y1)
{
    return fmax(x0, x1) > b->x && fmin(x0, x1) < b->x + b->depth + b->oblique && fmax(y0, y1) > b->y - b->oblique &&
           fmin(y0, y1) < b->y + b->height;
}

FigureArrow figure_flow_arrow(const FigureBox *from, const FigureBox *to)
{
    const double x0 = exit_x(from), y0 = figure_axis(from), x1 = to->x, y1 = figure_axis(to);
    const double cell = fmax(to->depth + to->oblique, figure_label_width(to)); /* it is in the middle of that */
    const double bend = fmax(x0, x1 + (to->depth + to->oblique - cell) / 2 - BEND);
    if (fabs(y0 - y1) < 0.01) return (FigureArrow){2, {{x0, y0}, {x1, y1}}};
    return (FigureArrow){4, {{x0, y0}, {bend, y0}, {bend, y1}, {x1, y1}}};
}

static bool arrow_is_free(const Figure *f, const FigureArrow *arrow, const FigureBox *from, const FigureBox *to)
{
    for (int i = 0; i < f->boxes.count; i++) {
        const FigureBox *b = f->boxes.at[i];
        for (int k = 1; b != from && b != to && k < arrow->points; k++)
            if (crosses(b, arrow->at[k - 1][0], arrow->at[k - 1][1], arrow->at[k][0], arrow->at[k][1])) return false;
    }
    return true;
}

/* From the top of one to the top of the other; figure_arrows finds the level. */
FigureArrow figure_arc_arrow(const FigureBox *from, const FigureBox *to)
{
    const double x0 = from->x + (from->depth + from->oblique) / 2 + ARC_SIDE;
    const double x1 = to->x + (to->depth + to->oblique) / 2 - ARC_SIDE;
    const double y0 = from->y - from->oblique / 2, y1 = to->y - to->oblique / 2;
    return (FigureArrow){4, {{x0, y0}, {x0, y0}, {x1, y1}, {x1, y1}}};
}

static void add_arrow(const Figure *f, const FigureBox *from, const FigureBox *to, List *straight, List *arcs,
                      Arena *arena)
{
    FigureArrow *arrow = arena_alloc(arena, sizeof *arrow);
    *arrow = figure_flow_arrow(from, to);
    const bool flows = arrow_is_free(f, arrow, from, to);
    if (!flows) *arrow = figure_arc_arrow(from, to);
    list_push(arena, flows ? straight : arcs, arrow);
}

static void add_arrows_to(Figure *f, const FigureBox *to, List *arcs, Arena *arena)
{
    for (int i = 0; i < to->from.count; i++) {
        const FigureBox *from = ((const FigureBox *)to->from.at[i])->shown;
        bool again = from == to;
        for (int k = 0; k < i; k++) again |= ((const FigureBox *)to->from.at[k])->shown == from;
        if (!again) add_arrow(f, from, to, &f->arrows, arcs, arena);
    }
}

/* Shorter arcs first: longer ones go over them. */
static int compare_arcs(const void *a, const void *b)
{
    const FigureArrow *p = *(FigureArrow *const *)a, *q = *(FigureArrow *const *)b;
    const double first = p->at[3][0] - p->at[0][0], other = q->at[3][0] - q->at[0][0];
    if (first != other) return first < other ? -1 : 1;
    return (p->at[0][0] > q->at[0][0]) - (p->at[0][0] < q->at[0][0]);
}

static double arc_level(const Figure *f, const List *arcs, int index)
{
    const FigureArrow *arc = arcs->at[index];
    const double left = arc->at[0][0], right = arc->at[3][0];
    double top = fmin(arc->at[0][1], arc->at[3][1]);
    for (int i = 0; i < f->boxes.count; i++) {
        const FigureBox *b = f->boxes.at[i];
        if (b->x < right && b->x + b->depth + b->oblique > left) top = fmin(top, b->y - b->oblique);
    }
    for (int i = 0; i < index; i++) {
        const FigureArrow *other = arcs->at[i];
        if (other->at[0][0] < right && other->at[3][0] > left) top = fmin(top, other->at[1][1]);
    }
    return top - ARC_GAP;
}

void figure_arrows(Figure *f, Arena *arena)
{
    List arcs = {0};
    for (int i = 0; i < f->boxes.count; i++) add_arrows_to(f, f->boxes.at[i], &arcs, arena);
    if (arcs.count) qsort(arcs.at, (size_t)arcs.count, sizeof *arcs.at, compare_arcs);
    for (int i = 0; i < arcs.count; i++) {
        FigureArrow *arc = arcs.at[i];
        arc->at[1][1] = arc->at[2][1] = arc_level(f, &arcs, i);
        list_push(arena, &f->arrows, arc);
    }
}
