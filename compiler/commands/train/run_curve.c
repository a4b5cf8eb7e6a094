/*
 * A log → loss, and accuracy where it has one, over the epochs, one panel above the other.
 *
 * Training is blue, the validation part (or the test part) orange; the best epoch of that part has
 * a mark.
 */
#include "commands/train/run_curve.h"

#include <math.h>

#include "commands/pictures/pen.h"
#include "commands/support/command.h"
#include "commands/train/run_log.h"

enum { CURVE_WIDTH = 960, PANEL_HEIGHT = 400, PANEL_LEFT = 96, PANEL_RIGHT = CURVE_WIDTH - 24, PANEL_EDGE = 56 };

static const Color text_color = {32, 32, 32}, rule = {222, 222, 222}, training = {0, 114, 178}, judged = {190, 82, 0};

/* A panel: what the epochs say under two keys. */
typedef struct Panel {
    const char *title, *train, *other; /* keys of an epoch */
    bool percent, lower_is_better;
} Panel;

static const Panel panels[] = {{"loss", "loss", "valid", false, true},
                               {"accuracy", "train_accuracy", "accuracy", true, false}};

typedef struct PanelFrame {
    double top, bottom, low, high, first, last; /* low, high: values; first, last: epochs */
} PanelFrame;

static double epoch_number(const json_t *epochs, size_t i, const char *key)
{
    const json_t *value = json_object_get(json_array_get(epochs, i), key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* False where no epoch has a value. */
static bool find_range(const json_t *epochs, const Panel *p, PanelFrame *f)
{
    f->low = INFINITY, f->high = -INFINITY;
    for (size_t i = 0; i < json_array_size(epochs); i++) {
        const double value[2] = {epoch_number(epochs, i, p->train), epoch_number(epochs, i, p->other)};
        for (int k = 0; k < 2; k++) {
            f->low = fmin(f->low, value[k]); /* which leave out NaN */
            f->high = fmax(f->high, value[k]);
        }
    }
    if (!(f->low <= f->high)) return false;
    const double margin = f->high > f->low ? (f->high - f->low) / 12 : fmax(fabs(f->high) / 10, 1e-3);
    f->low = p->lower_is_better && f->low >= 0 ? 0 : f->low - margin;
    f->high = p->percent ? fmin(f->high + margin, 1) : f->high + margin;
    f->first = epoch_number(epochs, 0, "epoch");
    f->last = epoch_number(epochs, json_array_size(epochs) - 1, "epoch");
    if (!(f->last > f->first)) f->first -= 0.5, f->last += 0.5;
    return true;
}

static double panel_x(const PanelFrame *f, double epoch)
{
    return PANEL_LEFT + (PANEL_RIGHT - PANEL_LEFT) * (epoch - f->first) / (f->last - f->first);
}
static double panel_y(const PanelFrame *f, double value)
{
    return f->bottom - (f->bottom - f->top) * (value - f->low) / (f->high - f->low);
}

static void draw_frame(Pen *pen, const PanelFrame *f, const Panel *p)
{
    const double step = tick_step(f->high - f->low), wide = fmax(tick_step(f->last - f->first), 1);
    for (double k = ceil(f->low / step - 1e-9); k * step <= f->high + step * 1e-9; k++) {
        const double v = k * step + 0.0 /* −0 is 0 */, y = panel_y(f, v);
        pen_line(pen, PANEL_LEFT, y, PANEL_RIGHT, y, 1, rule);
        pen_text(pen, PANEL_LEFT - 8, y, ANCHOR_END, text_color,
                 p->percent ? arena_printf(pen->arena, "%.4g %%", 100 * v) : arena_printf(pen->arena, "%.4g", v));
    }
    for (double e = ceil(f->first / wide - 1e-9) * wide; e <= f->last + 1e-9; e += wide)
        pen_text(pen, panel_x(f, e), f->bottom + 16, ANCHOR_MIDDLE, text_color, arena_printf(pen->arena, "%.4g", e));
    pen_line(pen, PANEL_LEFT, f->bottom, PANEL_RIGHT, f->bottom, 1, text_color);
    pen_line(pen, PANEL_LEFT, f->top, PANEL_LEFT, f->bottom, 1, text_color);
}

/* Epochs without a value are bridged; a single one is a dot. */
static void draw_series(Pen *pen, const PanelFrame *f, const json_t *epochs, const char *key, Color c)
{
    double x = NAN, y = NAN;
    for (size_t i = 0; i < json_array_size(epochs); i++) {
        const double value = epoch_number(epochs, i, key);
        if (!isfinite(value)) continue;
        const double to_x = panel_x(f, epoch_number(epochs, i, "epoch")), to_y = panel_y(f, value);
        pen_line(pen, isfinite(x) ? x : to_x, isfinite(y) ? y : to_y, to_x, to_y, 3, c);
        x = to_x, y = to_y;
    }
}

static int epoch_of_best(const json_t *epochs, const Panel *p)
{
    int best = -1;
    double most = -INFINITY;
    for (size_t i = 0; i < json_array_size(epochs); i++) {
        const double value = epoch_number(epochs, i, p->other), good = p->lower_is_better ? -value : value;
        if (!(good > most)) continue;
        most = good;
        best = (int)i;
    }
    return best;
}

/* A cross at the best epoch, and what is there. */
static void draw_best(Pen *pen, const PanelFrame *f, const json_t *epochs, const Panel *p, const char *part)
{
    enum { ARM = 6 };
    const int best = epoch_of_best(epochs, p);
    if (best < 0) return;
    const double value = epoch_number(epochs, (size_t)best, p->other),
                 epoch = epoch_number(epochs, (size_t)best, "epoch"), x = panel_x(f, epoch), y = panel_y(f, value);
    pen_line(pen, x - ARM, y - ARM, x + ARM, y + ARM, 2, judged);
    pen_line(pen, x - ARM, y + ARM, x + ARM, y - ARM, 2, judged);
    pen_text(pen, PANEL_RIGHT, f->top - 20, ANCHOR_END, judged,
             p->percent ? arena_printf(pen->arena, "%s, best %.4g %% in epoch %g", part, 100 * value, epoch)
                        : arena_printf(pen->arena, "%s, best %.4g in epoch %g", part, value, epoch));
}

static void draw_panel(Pen *pen, const PanelFrame *f, const json_t *run, const Panel *p)
{
    const json_t *epochs = json_object_get(run, "epochs");
    const char *part = json_string_value(json_object_get(run, "part"));
    draw_frame(pen, f, p);
    draw_series(pen, f, epochs, p->train, training);
    draw_series(pen, f, epochs, p->other, judged);
    pen_text(pen, PANEL_LEFT, f->top - 20, ANCHOR_START, text_color, p->title);
    pen_text(pen, PANEL_LEFT + (PANEL_RIGHT - PANEL_LEFT) / 4.0, f->top - 20, ANCHOR_START, training, "training");
    draw_best(pen, f, epochs, p, part);
}

static int draw_log(Arena *arena, const json_t *run, const char *path)
{
    const json_t *epochs = json_object_get(run, "epochs");
    PanelFrame frame[2];
    const Panel *shown[2];
    int count = 0;
    for (int i = 0; i < 2; i++)
        if (find_range(epochs, &panels[i], &frame[count])) shown[count++] = &panels[i];
    Pen pen;
    pen_begin(&pen, arena, CURVE_WIDTH, count * PANEL_HEIGHT + 24, path);
    for (int i = 0; i < count; i++) {
        frame[i].top = i * PANEL_HEIGHT + PANEL_EDGE;
        frame[i].bottom = (i + 1) * PANEL_HEIGHT - 32;
        draw_panel(&pen, &frame[i], run, shown[i]);
    }
    pen_text(&pen, (PANEL_LEFT + PANEL_RIGHT) / 2.0, pen.height - 16, ANCHOR_MIDDLE, text_color, "epoch");
    return pen_end(&pen, path);
}

int run_curve_draw(const char *log, const char *path)
{
    Arena *arena = arena_new();
    json_t *run = run_log_value(arena, log);
    const int status = run ? draw_log(arena, run, path) : STATUS_INPUT;
    json_decref(run);
    arena_free(arena);
    return status;
}
