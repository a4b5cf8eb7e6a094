/*
 * show --decision: what a net of two inputs answers everywhere in a part of the plane.
 *
 * Enters: a net whose input is two numbers, weights, and perhaps data.  Leaves: the regions of the
 * classes, paler where the net is less sure (of one value: blue below the middle of its range, red
 * above it), the line w·x + b = 0 of each unit of the first dense layer, and the training samples.
 * What is drawn is before the normalisation; the net gets it normalised.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/pictures/color_map.h"
#include "commands/predict/predict_output.h"
#include "commands/show/show_picture.h"
#include "commands/support/feeding.h"

enum { PLANE = 480, PLANE_TERMINAL = 48, POINTS_SHOWN = 2000, LINES_SHOWN = 64 };

typedef struct Plane {
    const PictureRequest *request;
    const Model *m;
    const WeightedModel *w;
    Fitting fitting;
    OutputMeaning meaning;
    double low[2], high[2]; /* of x₀, to the right, and of x₁, upwards */
    float *y;               /* [side][side][outputs] */
    size_t outputs;         /* of the net's first output */
    int side;
    Canvas *canvas;
} Plane;

/* ---- the part of the plane ------------------------------------------------------------ */

static bool read_range(Plane *p, const char *text)
{
    char *end;
    const double low = strtod(text, &end);
    if (end == text || *end != ',') return false;
    const char *second = end + 1;
    const double high = strtod(second, &end);
    for (int i = 0; i < 2; i++) p->low[i] = low, p->high[i] = high;
    return end != second && !*end && isfinite(low) && isfinite(high) && low < high;
}

static void point_of(const Samples *s, int row, double x[2])
{
    for (int i = 0; i < 2; i++)
        x[i] = s->values ? (double)s->values[2 * row + i] : (double)s->pixels[2 * row + i] / 255;
}

/* Around the samples, with a fifth of their range on each side. */
static void range_of_samples(Plane *p, const Samples *s)
{
    for (int i = 0; i < 2; i++) p->low[i] = INFINITY, p->high[i] = -INFINITY;
    for (int row = 0; row < s->count; row++) {
        double x[2];
        point_of(s, row, x);
        for (int i = 0; i < 2; i++) {
            p->low[i] = fmin(p->low[i], x[i]);
            p->high[i] = fmax(p->high[i], x[i]);
        }
    }
    for (int i = 0; i < 2; i++) {
        const double margin = p->high[i] > p->low[i] ? (p->high[i] - p->low[i]) / 5 : 1;
        p->low[i] -= margin;
        p->high[i] += margin;
    }
}

static double normalized(const Fitting *f, int axis, double x)
{
    return f->mean ? (x - (double)f->mean[axis]) / (double)f->std[axis] : x;
}

static double coordinate(const Plane *p, int axis, int pixel)
{
    const double share = (pixel + 0.5) / p->side;
    return p->low[axis] + (p->high[axis] - p->low[axis]) * (axis ? 1 - share : share);
}

static int pixel_of(const Plane *p, int axis, double x)
{
    const double share = (x - p->low[axis]) / (p->high[axis] - p->low[axis]);
    return (int)floor((axis ? 1 - share : share) * p->side);
}

/* ---- regions ---------------------------------------------------------------------------- */

/* Row after row; the batch is the width of the plane. */
static void compute_plane(Plane *p)
{
    const nn_model_info *info = p->m->info;
    float *x = block_alloc((size_t)p->side * 2 * sizeof *x),
          *y = block_alloc((size_t)p->side * info->outputs * sizeof *y);
    void *scratch = block_alloc(info->infer_scratch);
    for (int i = 0; i < p->side; i++) {
        for (int j = 0; j < p->side; j++) {
            x[2 * j] = (float)normalized(&p->fitting, 0, coordinate(p, 0, j));
            x[2 * j + 1] = (float)normalized(&p->fitting, 1, coordinate(p, 1, i));
        }
        info->infer(p->w->model, x, y, scratch);
        for (int j = 0; j < p->side; j++)
            memcpy(p->y + ((size_t)i * (size_t)p->side + (size_t)j) * p->outputs, y + (size_t)j * info->outputs,
                   p->outputs * sizeof *y);
    }
    free(scratch);
    free(x);
    free(y);
}

/* The most probable class at 0.25 to 0.7 of its colour, as it goes from a guess to certain. */
static Color class_shade(const OutputClass *classes, int count)
{
    const double guess = 1.0 / count, sure = (classes->value - guess) / (1 - guess);
    return color_mix(color_of_class(classes->index), (Color){255, 255, 255}, 0.25 + 0.45 * fmin(fmax(sure, 0), 1));
}

static void draw_classes(const Plane *p)
{
    OutputClass *classes = arena_alloc(p->m->c->arena, (p->outputs + 1) * sizeof *classes);
    for (int i = 0; i < p->side * p->side; i++) {
        const int count = output_classes(p->meaning, p->y + (size_t)i * p->outputs, p->outputs, classes);
        p->canvas->pixels[i] = class_shade(classes, count);
    }
}

/* The first value of the output; the contour at the middle of its range is where white is. */
static void draw_values(const Plane *p, double *low, double *high)
{
    *low = INFINITY, *high = -INFINITY;
    for (int i = 0; i < p->side * p->side; i++) {
        *low = fmin(*low, (double)p->y[(size_t)i * p->outputs]);
        *high = fmax(*high, (double)p->y[(size_t)i * p->outputs]);
    }
    for (int i = 0; i < p->side * p->side; i++) {
        const double share = ((double)p->y[(size_t)i * p->outputs] - *low) / (*high > *low ? *high - *low : 1);
        p->canvas->pixels[i] = color_diverging(0.8 * (2 * share - 1));
    }
}

/* ---- hidden units -------------------------------------------------------------------------- */

/* The first layer's weight [units][2]; NULL where it is no dense layer of the input. */
static const Node *first_dense(const Graph *net)
{
    for (int i = 0; i < net->nodes.count; i++) {
        const Node *n = net->nodes.at[i];
        const Tensor *w = n->in_count > n->data_count ? n->in[n->data_count] : NULL;
        if (w && w->kind == TENSOR_PARAM) return w->shape.rank == 2 && w->shape.dim[1] == 2 ? n : NULL;
    }
    return NULL;
}

/* a·x₀ + b·x₁ + c = 0 in the plane, from edge to edge along the axis in which it is less steep. */
static void draw_unit(const Plane *p, double a, double b, double c)
{
    const int along = fabs(a) * (p->high[0] - p->low[0]) > fabs(b) * (p->high[1] - p->low[1]) ? 1 : 0;
    const double own = along ? b : a, other = along ? a : b;
    int at[2][2];
    if (other == 0) return;
    for (int i = 0; i < 2; i++) {
        const double x = i ? p->high[along] : p->low[along], y = -(own * x + c) / other;
        at[i][along] = pixel_of(p, along, x);
        at[i][!along] = pixel_of(p, !along, y);
        if (abs(at[i][!along]) > 50 * p->side) return; /* far outside */
    }
    const int width = p->request->output ? 2 : 1;
    canvas_line(p->canvas, at[0][0], at[0][1], at[1][0], at[1][1], width, (Color){64, 64, 64});
}

/* Returns how many lines there are. */
static int draw_units(const Plane *p)
{
    const Node *n = first_dense(p->m->net);
    if (!n) return 0;
    const Tensor *w = n->in[n->data_count], *b = n->in_count > n->data_count + 1 ? n->in[n->data_count + 1] : NULL;
    const int units = (int)w->shape.dim[0], shown = units < LINES_SHOWN ? units : LINES_SHOWN;
    float *weight = arena_alloc(p->m->c->arena, (size_t)units * 2 * sizeof *weight);
    float *bias = arena_alloc(p->m->c->arena, (size_t)units * sizeof *bias);
    memset(bias, 0, (size_t)units * sizeof *bias);
    if (p->m->info->get(p->w->model, w->name, weight, (size_t)units * 2)) return 0;
    if (b) p->m->info->get(p->w->model, b->name, bias, (size_t)units);
    for (int i = 0; i < shown; i++) {
        double k[2], c = (double)bias[i];
        for (int axis = 0; axis < 2; axis++) {
            const int channel = fitting_channel(&p->fitting, (size_t)axis);
            const double std = p->fitting.mean ? (double)p->fitting.std[channel] : 1;
            k[axis] = (double)weight[2 * i + axis] / std;
            if (p->fitting.mean) c -= k[axis] * (double)p->fitting.mean[channel];
        }
        draw_unit(p, k[0], k[1], c);
    }
    return shown;
}

/* ---- samples ----------------------------------------------------------------------------------- */

static Color color_of_sample(const Samples *s, int row)
{
    if (s->labels && s->labels[row] >= 0) return color_of_class(s->labels[row]);
    return (Color){32, 32, 32};
}

static void draw_samples(const Plane *p, const Samples *s)
{
    const int radius = p->request->output ? 4 : 0, edge = p->request->output ? 1 : 0;
    for (int row = 0; row < s->count && row < POINTS_SHOWN; row++) {
        double x[2];
        point_of(s, row, x);
        const int j = pixel_of(p, 0, x[0]), i = pixel_of(p, 1, x[1]), outer = radius + edge;
        canvas_fill(p->canvas, j - outer, i - outer, 2 * outer + 1, 2 * outer + 1, (Color){255, 255, 255});
        canvas_fill(p->canvas, j - radius, i - radius, 2 * radius + 1, 2 * radius + 1, color_of_sample(s, row));
    }
}

/* ---- the picture ----------------------------------------------------------------------------------- */

static const char *range_text(const Plane *p)
{
    return arena_printf(p->m->c->arena, "x0 from %.3g to %.3g, x1 from %.3g to %.3g", p->low[0], p->high[0], p->low[1],
                        p->high[1]);
}

static int put_decision(Plane *p, const Samples *samples)
{
    Arena *arena = p->m->c->arena;
    const char *what = "";
    double low, high;
    p->side = picture_side(p->request, PLANE, PLANE_TERMINAL);
    p->y = arena_alloc(arena, (size_t)p->side * (size_t)p->side * p->outputs * sizeof *p->y);
    p->canvas = canvas_new(arena, p->side, p->side, (Color){255, 255, 255});
    compute_plane(p);
    if (p->meaning != OUTPUT_VALUES) {
        draw_classes(p);
    } else {
        draw_values(p, &low, &high);
        what = arena_printf(arena, "; output %.3g (blue) to %.3g (red)", low, high);
    }
    const int lines = draw_units(p);
    if (samples) draw_samples(p, samples);
    if (lines) what = arena_printf(arena, "%s; %d line%s of the first layer", what, lines, lines == 1 ? "" : "s");
    return picture_put(p->request, arena, p->canvas,
                       arena_printf(arena, "%s: %s%s", p->m->net->name, range_text(p), what));
}

static int decide_with_data(Plane *p)
{
    Feeding f;
    const DataRequest data = {.path = p->request->data};
    int status = feeding_open(&f, p->m, &data, p->w->file, p->request->weights);
    if (status) return status;
    const Samples *s = &f.data->part[DATA_TRAIN];
    if (f.data->elements != 2 || (!s->values && !s->pixels))
        status = fail(STATUS_INPUT, "--data %s: the samples are not two numbers each", f.data->path);
    if (!status && !p->request->range) range_of_samples(p, s);
    p->fitting = f.fitting;
    if (!status) status = put_decision(p, s);
    feeding_close(&f);
    return status;
}

static int decide_alone(Plane *p)
{
    NnError error = {0};
    if (feeding_fit(&p->fitting, p->m, p->w->file, p->request->weights, &error)) return fail_error(&error);
    const int status = put_decision(p, NULL);
    fitting_free(&p->fitting);
    return status;
}

static int run_decision(const PictureRequest *r, const Model *m)
{
    WeightedModel w;
    Plane p = {.request = r, .m = m, .w = &w, .low = {-2, -2}, .high = {2, 2}, .meaning = output_meaning(m)};
    p.outputs = nn_own_outputs(m->info);
    if (r->range && !read_range(&p, r->range))
        return usage_error(&command_show, "--range takes two numbers, LOW,HIGH, not '%s'", r->range);
    int status = weighted_open(&w, r->weights, m);
    if (status) return status;
    status = weighted_load(&w, m->info);
    if (!status) status = r->data ? decide_with_data(&p) : decide_alone(&p);
    weighted_close(&w);
    return status;
}

int show_decision(const PictureRequest *r)
{
    Model m;
    LoadOptions load = r->load;
    load.batch = picture_side(r, PLANE, PLANE_TERMINAL);
    load.train = r->data != NULL; /* the data have targets, which the loss says */
    int status = load_net(&load, &m);
    if (status) return status;
    if (m.net->inputs.count != 1 || shape_count(net_input_shape(m.net)) != 2)
        return fail(STATUS_INPUT, "--decision: the input of %s is not two numbers", m.net->name);
    load.train = false;
    status = load_code(&load, &m);
    if (!status) status = run_decision(r, &m);
    model_free(&m);
    return status;
}
