/*
 * Windows of images, and means of outputs.
 */
#include "runtime/train/views.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/program/classes.h"

/* Along an axis; no more than the image has where it is not resized or padded. */
static int larger_side(const Fitting *f, int axis)
{
    const int side = (8 * f->to[axis] + 6) / 7;
    return f->fit == NN_FIT_CROP && side > f->from[axis] ? f->from[axis] : side;
}

static int enlarge(NnViews *v, NnError *error)
{
    Fitting *f = &v->fitting;
    f->elements = (size_t)f->to[0];
    for (int axis = 1; axis < 3; axis++) {
        f->to[axis] = f->dims[axis] = larger_side(f, axis);
        f->elements *= (size_t)f->to[axis];
    }
    f->scratch = (size_t)f->to[0] * (size_t)f->from[1] * (size_t)f->from[2] + (size_t)f->from[1] * (size_t)f->to[2];
    if (f->to[1] > v->dims[1] || f->to[2] > v->dims[2]) return 0;
    return nn_fail(error, NN_BAD_INPUT, "there is nothing to crop from: the images are as large as the input, %dx%d",
                   v->dims[1], v->dims[2]);
}

int nn_views_init(NnViews *v, NnViewKind kind, int meaning, size_t own, const Feed *feed, NnError *error)
{
    const Fitting *f = feed->fitting;
    *v = (NnViews){.kind = kind, .meaning = meaning, .own = own, .fitting = *f, .feed = *feed};
    memcpy(v->dims, f->to, sizeof v->dims);
    if (kind == NN_VIEWS_ONE) return 0;
    if (f->rank != 3) return nn_fail(error, NN_BAD_INPUT, "the net takes values, and views are of images");
    if (feed->kind == FEED_MAP || feed->kind == FEED_INPUT)
        return nn_fail(error, NN_BAD_INPUT, "the targets belong to pixels, of which each view has others");
    v->feed.fitting = &v->fitting;
    return kind == NN_VIEWS_CROPS ? enlarge(v, error) : 0;
}

int views_count(const NnViews *v)
{
    static const int counts[] = {[NN_VIEWS_ONE] = 1, [NN_VIEWS_FLIP] = 2, [NN_VIEWS_CROPS] = 2 * VIEW_CROPS};
    return counts[v->kind];
}

/* ---- windows ------------------------------------------------------------------------ */

static void copy_row(const float *in, int width, bool mirrored, float *out)
{
    for (int i = 0; i < width; i++) out[i] = in[mirrored ? width - 1 - i : i];
}

/* The corners in the order of reading, then the centre. */
static void window_of(const NnViews *v, int window, int *top, int *left)
{
    const int below = v->fitting.to[1] - v->dims[1], beside = v->fitting.to[2] - v->dims[2];
    const bool centre = window == VIEW_CROPS - 1;
    *top = centre ? below / 2 : window / 2 * below;
    *left = centre ? beside / 2 : window % 2 * beside;
}

void views_cut(const NnViews *v, int view, int batch, const float *x, float *out)
{
    const int channels = v->dims[0], height = v->dims[1], width = v->dims[2];
    const size_t from_row = (size_t)v->fitting.to[2], from_plane = from_row * (size_t)v->fitting.to[1];
    int top, left;
    window_of(v, view / 2, &top, &left);
    for (int plane = 0; plane < batch * channels; plane++)
        for (int row = 0; row < height; row++, out += width)
            copy_row(x + (size_t)plane * from_plane + (size_t)(top + row) * from_row + left, width, view % 2 == 1, out);
}

/* ---- means -------------------------------------------------------------------------- */

void views_average_form(const NnViews *v, float *y)
{
    double most = 0, sum = v->meaning == NN_MEANS_LOGITS ? nn_exponentials(y, v->own, &most) : 1;
    for (size_t i = 0; i < v->own; i++) {
        const double value = (double)y[i];
        if (v->meaning == NN_MEANS_LOGITS) y[i] = (float)(exp(value - most) / sum);
        if (v->meaning == NN_MEANS_LOGARITHMS) y[i] = (float)exp(value);
        if (v->meaning == NN_MEANS_EACH_LOGIT) y[i] = (float)(1 / (1 + exp(-value)));
    }
}

/* Probabilities of 0 and 1 stay finite. */
void views_output_form(const NnViews *v, float *y)
{
    const double least = 1e-30;
    for (size_t i = 0; i < v->own; i++) {
        const double p = (double)y[i];
        if (v->meaning == NN_MEANS_LOGITS || v->meaning == NN_MEANS_LOGARITHMS) y[i] = (float)log(fmax(p, least));
        if (v->meaning == NN_MEANS_EACH_LOGIT) y[i] = (float)log(fmax(p, least) / fmax(1 - p, least));
    }
}
