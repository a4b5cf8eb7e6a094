/*
 * show --saliency IMAGE: which pixels a net's answer depends on.
 *
 * Enters: a net, weights, an image.  Leaves: three pictures beside each other.
 *
 *   the input, as the net gets it, without the normalisation
 *   |∂s/∂x|, the largest over the channels, where s is the score of the class that the net
 *   answers (Simonyan, Vedaldi and Zisserman, 2013): the logit, since a probability near 1 has
 *   no slope
 *   occlusion (Zeiler and Fergus, 2014): how much s falls when a square around the pixel is
 *   replaced by the image's mean colour; the mean over the squares that cover it
 *
 * Both are of inference: norms use their running statistics, nothing is dropped.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/pictures/color_map.h"
#include "commands/predict/predict_output.h"
#include "commands/predict/predict_pictures.h"
#include "commands/show/show_picture.h"
#include "commands/support/feeding.h"

enum { PANEL = 252, PANEL_TERMINAL = 28, SQUARES = 7 /* beside each other, without overlap */ };

typedef void (*SaliencyVjp)(void *, const float *, const float *, float *, float *, void *);

typedef struct Saliency {
    const PictureRequest *request;
    const Model *m;
    void *model, *scratch;
    float *x, *y, *dx;
    double *fall; /* [height][width] */
    int channels, height, width;
    size_t score; /* index of the class */
} Saliency;

/* ---- the net --------------------------------------------------------------------- */

/* Scores in place of probabilities; nothing that is learnt or that training alone does. */
static void make_scores(Model *m)
{
    Tensor *out = m->net->output;
    m->net->outputs = (List){0};
    if (out->producer && out->producer->op->traits & OP_OUTPUTS_PROBABILITIES) m->net->output = out->producer->in[0];
    for (int i = 0; i < m->net->model.count; i++) {
        Tensor *t = m->net->model.at[i];
        t->trainable = false;
        t->fixed = true;
    }
    m->spec->no_dropout = true;
}

/* ---- the two maps ------------------------------------------------------------------ */

static void differentiate(Saliency *s)
{
    const size_t outputs = s->m->info->outputs;
    float *dy = arena_alloc(s->m->c->arena, outputs * sizeof *dy);
    SaliencyVjp vjp = (SaliencyVjp)model_symbol(s->m, "vjp");
    s->m->info->infer(s->model, s->x, s->y, s->scratch);
    for (size_t i = 1; i < outputs; i++)
        if (s->y[i] > s->y[s->score]) s->score = i;
    memset(dy, 0, outputs * sizeof *dy);
    dy[s->score] = 1;
    vjp(s->model, s->x, dy, s->y, s->dx, s->scratch);
}

static int smaller(int a, int b) { return a < b ? a : b; }

/* The image's mean colour in rows and columns [top, top + side) × [left, left + side). */
static void occlude(const Saliency *s, float *x, const float *mean, int top, int left, int side)
{
    memcpy(x, s->x, s->m->info->inputs * sizeof *x);
    for (int c = 0; c < s->channels; c++)
        for (int i = top; i < smaller(top + side, s->height); i++)
            for (int j = left; j < smaller(left + side, s->width); j++) x[(c * s->height + i) * s->width + j] = mean[c];
}

static float *mean_color(const Saliency *s)
{
    const int area = s->height * s->width;
    float *mean = arena_alloc(s->m->c->arena, (size_t)s->channels * sizeof *mean);
    for (int c = 0; c < s->channels; c++) {
        double sum = 0;
        for (int i = 0; i < area; i++) sum += (double)s->x[c * area + i];
        mean[c] = (float)(sum / area);
    }
    return mean;
}

static void add_fall(const Saliency *s, int *covered, double fall, int top, int left, int side)
{
    for (int i = top; i < smaller(top + side, s->height); i++)
        for (int j = left; j < smaller(left + side, s->width); j++) {
            s->fall[i * s->width + j] += fall;
            covered[i * s->width + j]++;
        }
}

static void occlude_all(Saliency *s)
{
    Arena *arena = s->m->c->arena;
    const int longer = s->height > s->width ? s->height : s->width;
    const int side = (int)div_round_up(longer, SQUARES), step = (side + 1) / 2;
    const float *mean = mean_color(s);
    const double score = (double)s->y[s->score];
    float *x = arena_alloc(arena, s->m->info->inputs * sizeof *x);
    int *covered = arena_alloc(arena, (size_t)(s->height * s->width) * sizeof *covered);
    memset(covered, 0, (size_t)(s->height * s->width) * sizeof *covered);
    for (int top = 0; top < s->height; top += step)
        for (int left = 0; left < s->width; left += step) {
            occlude(s, x, mean, top, left, side);
            s->m->info->infer(s->model, x, s->y, s->scratch);
            add_fall(s, covered, score - (double)s->y[s->score], top, left, side);
        }
    for (int i = 0; i < s->height * s->width; i++) s->fall[i] /= covered[i];
}

/* ---- pictures ------------------------------------------------------------------------- */

static Canvas *gradient_picture(const Saliency *s)
{
    const int area = s->height * s->width;
    double *map = arena_alloc(s->m->c->arena, (size_t)area * sizeof *map), most = 0;
    Canvas *c = canvas_new(s->m->c->arena, s->width, s->height, (Color){0, 0, 0});
    for (int i = 0; i < area; i++) {
        map[i] = 0;
        for (int k = 0; k < s->channels; k++) map[i] = fmax(map[i], fabs((double)s->dx[k * area + i]));
        most = fmax(most, map[i]);
    }
    for (int i = 0; i < area; i++) c->pixels[i] = color_sequential(most > 0 ? map[i] / most : 0);
    return c;
}

static Canvas *occlusion_picture(const Saliency *s, double *most)
{
    const int area = s->height * s->width;
    Canvas *c = canvas_new(s->m->c->arena, s->width, s->height, (Color){0, 0, 0});
    *most = 0;
    for (int i = 0; i < area; i++) *most = fmax(*most, fabs(s->fall[i]));
    for (int i = 0; i < area; i++) c->pixels[i] = color_diverging(*most > 0 ? s->fall[i] / *most : 0);
    return c;
}

static int put_saliency(const Saliency *s, const Fitting *fitting, const char *class, double score)
{
    Arena *arena = s->m->c->arena;
    double most;
    const int side = picture_side(s->request, PANEL, PANEL_TERMINAL);
    Canvas *panel[3];
    panel[0] = canvas_scaled(arena, input_picture(arena, fitting, s->x), side);
    panel[1] = canvas_scaled(arena, gradient_picture(s), side);
    panel[2] = canvas_scaled(arena, occlusion_picture(s, &most), side);
    const char *caption = arena_printf(arena,
                                       "%s, score %.3g: input; |d score/dx|, yellow is most; occlusion, red: the score "
                                       "falls without it (by %.3g at most), blue: it rises",
                                       class, score, most);
    return picture_put(s->request, arena, picture_grid(arena, panel, 3, 3, picture_side(s->request, 8, 1)), caption);
}

/* ---- the run ----------------------------------------------------------------------------- */

static Saliency saliency_of(const PictureRequest *r, const Model *m, void *model)
{
    const nn_model_info *info = m->info;
    const Shape in = net_input_shape(m->net);
    Saliency s = {.request = r, .m = m, .model = model};
    s.channels = (int)in.dim[0], s.height = (int)in.dim[1], s.width = (int)in.dim[2];
    s.scratch = block_alloc((size_t)(m->emitted->train_scratch + m->emitted->infer_scratch));
    s.y = arena_alloc(m->c->arena, info->outputs * sizeof *s.y);
    s.dx = arena_alloc(m->c->arena, info->inputs * sizeof *s.dx);
    s.fall = arena_alloc(m->c->arena, (size_t)(s.height * s.width) * sizeof *s.fall);
    memset(s.fall, 0, (size_t)(s.height * s.width) * sizeof *s.fall);
    return s;
}

static int run_saliency(const PictureRequest *r, const Model *m, WeightedModel *w)
{
    NnError error = {0};
    Fitting fitting = {0};
    char *const *names = NULL;
    int count = 0;
    Saliency s = saliency_of(r, m, w->model);
    int status = picture_sample(r, m, w, &fitting, &s.x);
    if (!status && output_class_names(m, w->file, r->weights, &names, &count, &error)) status = fail_error(&error);
    if (!status) {
        differentiate(&s);
        const double score = (double)s.y[s.score];
        occlude_all(&s);
        const char *class = names && (size_t)count == m->info->outputs
                                ? names[s.score]
                                : arena_printf(m->c->arena, "output %zu", s.score);
        status = put_saliency(&s, &fitting, class, score);
    }
    free(s.scratch);
    fitting_free(&fitting);
    return status;
}

static int run_saliency_loaded(const PictureRequest *r, const Model *m)
{
    WeightedModel w;
    int status = weighted_open(&w, r->weights, m);
    if (status) return status;
    status = weighted_load(&w, m->info);
    if (!status) status = run_saliency(r, m, &w);
    weighted_close(&w);
    return status;
}

int show_saliency(const PictureRequest *r)
{
    Model m;
    LoadOptions load = r->load;
    load.batch = 1;
    load.train = true; /* there is a TrainSpec, which says that nothing is dropped */
    int status = load_net(&load, &m);
    if (status) return status;
    const Shape in = net_input_shape(m.net);
    if (m.net->inputs.count != 1 || in.rank != 3 || (in.dim[0] != 1 && in.dim[0] != 3))
        return fail(STATUS_INPUT, "--saliency: the input of %s is no image of one or three channels", m.net->name);
    make_scores(&m);
    load.train = false;
    load.vjp = true;
    status = load_code(&load, &m);
    if (!status) status = run_saliency_loaded(r, &m);
    model_free(&m);
    return status;
}
