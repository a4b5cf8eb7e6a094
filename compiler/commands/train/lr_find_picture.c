/*
 * A range test as pixels or SVG: both from the same lines and texts.
 *
 * The losses of the batches are pale, their average is dark, the proposed rate is a line from
 * top to bottom.  The vertical axis ends at the largest average before the lowest, since what
 * comes after that is divergence.
 */
#include "commands/train/lr_find_picture.h"

#include <math.h>
#include <string.h>

#include "commands/pictures/pen.h"
#include "commands/support/command.h"

enum {
    WIDTH = 960,
    HEIGHT = 540,
    LEFT = 96, /* of the frame */
    RIGHT = WIDTH - 24,
    TOP = 52,
    BOTTOM = HEIGHT - 68
};

static const Color black = {0, 0, 0}, grid = {222, 222, 222}, pale = {168, 196, 226}, dark = {24, 86, 158},
                   marked = {208, 36, 44};

/* ---- axes --------------------------------------------------------------------------- */

typedef struct Axes {
    double first, last; /* logarithms of the rates */
    double low, high;   /* losses */
} Axes;

static Axes axes_of(const NnRangeTest *r)
{
    Axes a = {.first = log10(r->point[0].lr), .last = log10(r->point[r->count - 1].lr), .low = INFINITY};
    for (int i = 0; i < r->count; i++) {
        const double smooth = r->point[i].smooth;
        if (i <= r->lowest && isfinite(smooth)) a.high = fmax(a.high, smooth);
        if (isfinite(smooth)) a.low = fmin(a.low, smooth);
    }
    if (!(a.last > a.first)) a.last = a.first + 1;
    if (!(a.low < a.high)) a.low = a.high - 1;
    const double margin = (a.high - a.low) / 12;
    a.low -= margin;
    a.high += margin;
    return a;
}

static double x_of_rate(const Axes *a, double lr)
{
    return LEFT + (RIGHT - LEFT) * (log10(lr) - a->first) / (a->last - a->first);
}
static double y_of_loss(const Axes *a, double loss)
{
    return BOTTOM - (BOTTOM - TOP) * (loss - a->low) / (a->high - a->low);
}

static void draw_axes(Pen *p, const Axes *a)
{
    const double step = tick_step(a->high - a->low);
    for (double loss = ceil(a->low / step) * step; loss <= a->high; loss += step) {
        pen_line(p, LEFT, y_of_loss(a, loss), RIGHT, y_of_loss(a, loss), 1, grid);
        pen_text(p, LEFT - 8, y_of_loss(a, loss), ANCHOR_END, black,
                 arena_printf(p->arena, "%.4g", fabs(loss) < step / 2 ? 0 : loss));
    }
    for (double power = ceil(a->first - 1e-9); power <= a->last + 1e-9; power++) {
        const double x = x_of_rate(a, pow(10, power));
        pen_line(p, x, TOP, x, BOTTOM, 1, grid);
        pen_text(p, x, BOTTOM + 18, ANCHOR_MIDDLE, black, arena_printf(p->arena, "%.0e", pow(10, power)));
    }
    pen_line(p, LEFT, TOP, LEFT, BOTTOM, 1, black);
    pen_line(p, LEFT, BOTTOM, RIGHT, BOTTOM, 1, black);
    pen_text(p, (LEFT + RIGHT) / 2.0, HEIGHT - 20, ANCHOR_MIDDLE, black, "learning rate");
}

/* ---- curves ------------------------------------------------------------------------- */

typedef struct CurvePoint {
    double lr, loss;
} CurvePoint;

static bool is_inside(const Axes *a, double loss) { return loss >= a->low && loss <= a->high; }

/* A piece with an end outside the frame is cut off there. */
static void draw_piece(Pen *p, const Axes *a, const CurvePoint end[2], int width, Color c)
{
    if (!isfinite(end[0].loss) || !isfinite(end[1].loss)) return;
    if (!is_inside(a, end[0].loss) && !is_inside(a, end[1].loss)) return;
    double x[2] = {x_of_rate(a, end[0].lr), x_of_rate(a, end[1].lr)},
           y[2] = {y_of_loss(a, end[0].loss), y_of_loss(a, end[1].loss)};
    for (int i = 0; i < 2; i++) {
        const double edge = fmin(fmax(y[i], TOP), BOTTOM);
        if (edge != y[i]) x[i] += (x[1 - i] - x[i]) * (edge - y[i]) / (y[1 - i] - y[i]);
        y[i] = edge;
    }
    pen_line(p, x[0], y[0], x[1], y[1], width, c);
}

static CurvePoint curve_point(const NnRangePoint *point, bool smooth)
{
    return (CurvePoint){point->lr, smooth ? point->smooth : point->loss};
}

static void draw_curve(Pen *p, const Axes *a, const NnRangeTest *r, bool smooth, int width, Color c)
{
    for (int i = 0; i + 1 < r->count; i++) {
        const CurvePoint ends[] = {curve_point(&r->point[i], smooth), curve_point(&r->point[i + 1], smooth)};
        draw_piece(p, a, ends, width, c);
    }
}

static void draw_proposal(Pen *p, const Axes *a, const NnRangeTest *r)
{
    if (r->steepest < 0) {
        pen_text(p, RIGHT, TOP - 24, ANCHOR_END, marked, "no proposal: the loss did not fall");
        return;
    }
    const double x = x_of_rate(a, r->point[r->steepest].lr);
    pen_line(p, x, TOP, x, BOTTOM, 2, marked);
    pen_text(p, RIGHT, TOP - 24, ANCHOR_END, marked,
             arena_printf(p->arena, "proposal: --lr %.2g", r->point[r->steepest].lr));
}

static void draw_range_test(Pen *p, const NnRangeTest *r, const char *net)
{
    const Axes a = axes_of(r);
    pen_text(p, LEFT, TOP - 24, ANCHOR_START, black, arena_printf(p->arena, "%s: loss of a step", net));
    draw_axes(p, &a);
    draw_curve(p, &a, r, false, 1, pale);
    draw_proposal(p, &a, r);
    draw_curve(p, &a, r, true, 3, dark);
}

/* ---- files -------------------------------------------------------------------------- */

bool lr_find_is_picture(const char *path) { return pen_is_picture(path); }

int lr_find_draw(const NnRangeTest *r, Arena *arena, const char *net, const char *path)
{
    if (!path) return STATUS_OK;
    Pen pen;
    pen_begin(&pen, arena, WIDTH, HEIGHT, path);
    draw_range_test(&pen, r, net);
    return pen_end(&pen, path);
}
