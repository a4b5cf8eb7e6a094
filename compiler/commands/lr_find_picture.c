/*
 * A range test as pixels or SVG: both from the same lines and texts.
 *
 * The losses of the batches are pale, their average is dark, the proposed rate is a line from
 * top to bottom.  The vertical axis ends at the largest average before the lowest, since what
 * comes after that is divergence.
 */
#include "commands/lr_find_picture.h"

#include <math.h>
#include <string.h>

#include "commands/canvas.h"
#include "commands/commands.h"
#include "commands/output.h"

enum {
    WIDTH = 960,
    HEIGHT = 540,
    LEFT = 96, /* of the frame */
    RIGHT = WIDTH - 24,
    TOP = 52,
    BOTTOM = HEIGHT - 68,
    TEXT_SCALE = 2,
    CHARACTER = GLYPH_WIDTH * TEXT_SCALE,
    TEXT_HEIGHT = 7 * TEXT_SCALE /* of capitals and digits */
};

typedef enum Anchor { ANCHOR_START, ANCHOR_MIDDLE, ANCHOR_END } Anchor;

/* What lines and texts go to: pixels, or else SVG. */
typedef struct Pen {
    Arena *arena;
    Canvas *canvas;
    Text svg;
} Pen;

static const Color white = {255, 255, 255}, black = {0, 0, 0}, grid = {222, 222, 222}, pale = {168, 196, 226},
                   dark = {24, 86, 158}, marked = {208, 36, 44};

/* ---- lines and texts ---------------------------------------------------------------- */

static void pen_line(Pen *p, double x0, double y0, double x1, double y1, int width, Color c)
{
    if (p->canvas)
        canvas_line(p->canvas, (int)lround(x0), (int)lround(y0), (int)lround(x1), (int)lround(y1), width, c);
    else
        text_addf(&p->svg, "<path d=\"M%.1f %.1fL%.1f %.1f\" stroke=\"#%02x%02x%02x\" stroke-width=\"%d\"/>\n", x0, y0,
                  x1, y1, c.r, c.g, c.b, width);
}

/* x is the text's start, middle or end, y the middle of its height. */
static void pen_text(Pen *p, double x, double y, Anchor anchor, Color c, const char *text)
{
    static const char *const names[] = {"start", "middle", "end"};
    const double left = x - (double)anchor / 2 * CHARACTER * text_characters(text);
    if (p->canvas)
        canvas_text(p->canvas, (int)lround(left), (int)lround(y - TEXT_HEIGHT / 2), TEXT_SCALE, c, text);
    else
        text_addf(&p->svg, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"#%02x%02x%02x\">%s</text>\n", x,
                  y + TEXT_HEIGHT / 2, names[anchor], c.r, c.g, c.b, text);
}

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

/* 1, 2 or 5 times a power of ten, four to ten of which fill the range. */
static double tick_step(double range)
{
    const double power = pow(10, floor(log10(range / 4))), times = range / 4 / power;
    return power * (times >= 5 ? 5 : times >= 2 ? 2 : 1);
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

bool lr_find_is_picture(const char *path) { return path_has_ending(path, ".png") || path_has_ending(path, ".svg"); }

static int write_svg(const NnRangeTest *r, Arena *arena, const char *net, const char *path)
{
    Pen pen = {.arena = arena};
    text_init(&pen.svg, arena);
    text_addf(&pen.svg,
              "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"monospace\" "
              "font-size=\"%d\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
              WIDTH, HEIGHT, GLYPH_HEIGHT * TEXT_SCALE);
    draw_range_test(&pen, r, net);
    text_add(&pen.svg, "</svg>\n");
    return output_write(&(OutputFile){.path = path, .text = pen.svg.data, .length = pen.svg.length}, 1);
}

int lr_find_draw(const NnRangeTest *r, Arena *arena, const char *net, const char *path)
{
    if (!path) return STATUS_OK;
    if (path_has_ending(path, ".svg")) return write_svg(r, arena, net, path);
    Pen pen = {.arena = arena, .canvas = canvas_new(arena, WIDTH, HEIGHT, white)};
    draw_range_test(&pen, r, net);
    return canvas_write(pen.canvas, path);
}
