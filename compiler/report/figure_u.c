/*
 * Folds the figure of a U-Net: a level below the other for each of its connections.
 *
 * In: a placed figure of one row, in which every box reads the one before it, and nested connections
 * lead from the first half to the second.  Out: on the left of a level what leads to the beginning of
 * its connection, on the right what follows its end, and at the bottom what is between the innermost;
 * the arrows are made anew.  Any other figure stays as it is.
 */
#include <math.h>

#include "report/figure.h"

enum { LEVELS_MAX = 16, LEVEL_INDENT = 34, MIDDLE = 70, LEVEL_GAP = 38, LEVEL_TURN = 10, ABOVE_ARC = 12 };

/* Boxes first … last, one after the other; groups 0 … levels − 1 go down, `levels` is the bottom, the rest goes up. */
typedef struct UGroup {
    int first, last;
    double left, right;
} UGroup;

typedef struct UShape {
    const Figure *f;
    int levels;
    int from[LEVELS_MAX], to[LEVELS_MAX]; /* the boxes that each level's connection is between, the outermost first */
    UGroup group[2 * LEVELS_MAX + 1];
    double above[LEVELS_MAX + 1], below[LEVELS_MAX + 1]; /* of the level's axis */
    double axis[LEVELS_MAX + 1];
} UShape;

static FigureBox *u_box(const UShape *u, int i) { return u->f->boxes.at[i]; }

static double overhang(const FigureBox *b) { return fmax(0, figure_label_width(b) - b->depth - b->oblique) / 2; }
static double cell_left(const FigureBox *b) { return b->x - overhang(b); }
static double cell_right(const FigureBox *b) { return b->x + b->depth + b->oblique + overhang(b); }

static int level_of(const UShape *u, int group) { return group <= u->levels ? group : 2 * u->levels - group; }

/* ---- which figures are a U ---------------------------------------------------------------- */

static int box_index(const Figure *f, const FigureBox *b)
{
    for (int i = 0; i < f->boxes.count; i++)
        if (f->boxes.at[i] == b) return i;
    return -1;
}

/* The box that i reads besides the one before it; −1: none, −2: it is no part of a U. */
static int skipped_from(const Figure *f, int i)
{
    const FigureBox *b = f->boxes.at[i];
    bool chained = i == 0 && !b->from.count;
    int skip = -1;
    for (int k = 0; k < b->from.count; k++) {
        const int from = box_index(f, ((const FigureBox *)b->from.at[k])->shown);
        if (from == i - 1)
            chained = true;
        else if (from < 0 || skip >= 0)
            return -2;
        else
            skip = from;
    }
    return chained ? skip : -2;
}

/* The connections, which are found from the innermost to the outermost. */
static bool find_levels(UShape *u)
{
    int n = 0, from[LEVELS_MAX], to[LEVELS_MAX];
    for (int i = 0; i < u->f->boxes.count; i++) {
        const int skip = skipped_from(u->f, i);
        if (skip == -1) continue;
        if (skip < 0 || n == LEVELS_MAX || (n && (skip >= from[n - 1] || from[0] >= to[0]))) return false;
        from[n] = skip;
        to[n++] = i;
    }
    u->levels = n;
    for (int k = 0; k < n; k++) u->from[k] = from[n - 1 - k], u->to[k] = to[n - 1 - k];
    return n > 1;
}

/* Where the right side of a level begins: what was enlarged for the connection stands beside it. */
static int right_begins(const UShape *u, int level)
{
    const int end = u->to[level], inner = level + 1 < u->levels ? u->to[level + 1] : u->from[level] + 1;
    const bool beside = end - 1 > inner && fabs(u_box(u, end - 1)->height - u_box(u, end)->height) < 0.01;
    return beside ? end - 1 : end;
}

/* False where a group is empty. */
static bool find_u_groups(UShape *u)
{
    const int n = u->levels;
    for (int g = 0; g <= 2 * n; g++) {
        UGroup *group = &u->group[g];
        group->first = g == 0 ? 0 : u->group[g - 1].last + 1;
        if (g < n) group->last = u->from[g];
        if (g >= n && g < 2 * n) group->last = right_begins(u, 2 * n - g - 1) - 1;
        if (g == 2 * n) group->last = u->f->boxes.count - 1;
        if (group->last < group->first) return false;
    }
    return true;
}

static bool on_one_axis(const Figure *f)
{
    for (int i = 1; i < f->boxes.count; i++)
        if (fabs(figure_axis(f->boxes.at[i]) - figure_axis(f->boxes.at[0])) > 0.01) return false;
    return true;
}

/* ---- places ------------------------------------------------------------------------------- */

static void measure_groups(UShape *u)
{
    for (int g = 0; g <= 2 * u->levels; g++) {
        UGroup *group = &u->group[g];
        const int level = level_of(u, g);
        group->left = cell_left(u_box(u, group->first));
        group->right = cell_right(u_box(u, group->last));
        for (int i = group->first; i <= group->last; i++) {
            const FigureBox *b = u_box(u, i);
            u->above[level] = fmax(u->above[level], figure_axis(b) - (b->y - b->oblique));
            u->below[level] = fmax(u->below[level], b->y + b->height + 2 * FIGURE_LINE + 4 - figure_axis(b));
        }
    }
    double y = ABOVE_ARC;
    for (int level = 0; level <= u->levels; level++) {
        u->axis[level] = y + u->above[level];
        y = u->axis[level] + u->below[level] + LEVEL_GAP;
    }
}

static double group_width(const UGroup *g) { return g->right - g->left; }

static double u_width(const UShape *u)
{
    double width = 0;
    for (int level = 0; level <= u->levels; level++) {
        const double left = group_width(&u->group[level]), right = group_width(&u->group[2 * u->levels - level]);
        const double own = level == u->levels ? left : left + MIDDLE + right;
        width = fmax(width, own + 2 * level * LEVEL_INDENT);
    }
    return width + 2 * LEVEL_TURN;
}

static void move_group(UShape *u, int g, double width)
{
    UGroup *group = &u->group[g];
    const int level = level_of(u, g);
    const double indent = LEVEL_TURN + level * LEVEL_INDENT, own = group_width(group);
    const double left = g < u->levels ? indent : g == u->levels ? (width - own) / 2 : width - indent - own;
    for (int i = group->first; i <= group->last; i++) {
        FigureBox *b = u_box(u, i);
        b->x += left - group->left;
        b->y += u->axis[level] - figure_axis(b);
    }
    group->left = left;
    group->right = left + own;
}

/* ---- arrows -------------------------------------------------------------------------------- */

/* From the end of a group to the beginning of the next one, through the space between their levels. */
static FigureArrow turning_arrow(const UShape *u, int g)
{
    const FigureBox *from = u_box(u, u->group[g].last), *to = u_box(u, u->group[g + 1].first);
    const int upper = g < u->levels ? level_of(u, g) : level_of(u, g + 1);
    const FigureArrow flow = figure_flow_arrow(from, to);
    const double *begin = flow.at[0], *end = flow.at[flow.points - 1];
    const double right = u->group[g].right + LEVEL_TURN, left = u->group[g + 1].left - LEVEL_TURN;
    const double between = u->axis[upper] + u->below[upper] + LEVEL_TURN;
    return (FigureArrow){
        6,
        {{begin[0], begin[1]}, {right, begin[1]}, {right, between}, {left, between}, {left, end[1]}, {end[0], end[1]}}};
}

static void add_u_arrow(Figure *f, Arena *arena, FigureArrow made)
{
    FigureArrow *arrow = arena_alloc(arena, sizeof *arrow);
    *arrow = made;
    list_push(arena, &f->arrows, arrow);
}

static void add_u_arrows(const UShape *u, Figure *f, Arena *arena)
{
    f->arrows.count = 0;
    for (int g = 0; g <= 2 * u->levels; g++) {
        for (int i = u->group[g].first; i < u->group[g].last; i++)
            add_u_arrow(f, arena, figure_flow_arrow(u_box(u, i), u_box(u, i + 1)));
        if (g < 2 * u->levels) add_u_arrow(f, arena, turning_arrow(u, g));
    }
    for (int level = 0; level < u->levels; level++) {
        FigureArrow arc = figure_arc_arrow(u_box(u, u->from[level]), u_box(u, u->to[level]));
        arc.at[1][1] = arc.at[2][1] = u->axis[level] - u->above[level] - ABOVE_ARC + 1;
        add_u_arrow(f, arena, arc);
    }
}

bool figure_fold_u(Figure *f, Arena *arena)
{
    UShape *u = arena_alloc(arena, sizeof *u);
    *u = (UShape){.f = f};
    if (f->width <= FIGURE_WIDE || f->repeats.count || !on_one_axis(f) || !find_levels(u) || !find_u_groups(u))
        return false;
    measure_groups(u);
    const double width = u_width(u);
    if (width > FIGURE_WIDE) return false;
    for (int g = 0; g <= 2 * u->levels; g++) move_group(u, g, width);
    add_u_arrows(u, f, arena);
    f->width = width;
    f->height = u->axis[u->levels] + u->below[u->levels];
    return true;
}
