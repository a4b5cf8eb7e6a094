/*
 * Batches whose samples are mixed two by two, with their targets.
 *
 *   mixup   x ← λ · x + (1 − λ) · x', t likewise (Zhang et al., arXiv:1710.09412)
 *   cutmix  a rectangle of x, of 1 − λ of its area, is that of x'; t by area (Yun et al.,
 *           arXiv:1905.04899)
 *
 * λ is drawn from Beta(alpha, alpha) for each batch; where both are asked for, each batch
 * gets one of them by chance.  Sample i is mixed with sample count − 1 − i, and that with
 * it: batches are in random order already.  Chance depends on the seed, the epoch and the
 * batch's number alone.
 */
#include "runtime/data/dataset.h"

#include <math.h>

static const uint64_t STREAM = UINT64_C(0x6d69786564000001); /* keeps these numbers apart from the shuffle's */

typedef struct Draws {
    uint64_t seed, epoch, at;
} Draws;

/* 0 … 1, without both */
static double mix_draw(Draws *d)
{
    return ((double)(nn_random(d->seed ^ STREAM, d->epoch, d->at++) >> 11) + 0.5) * 0x1p-53;
}

static double draw_normal(Draws *d)
{
    double u = mix_draw(d), v = mix_draw(d);
    return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

/* The logarithm of a Gamma(alpha, 1) variate (Marsaglia and Tsang 2000); small alphas underflow
 * without it. */
static double draw_log_gamma(Draws *d, double alpha)
{
    double more = alpha < 1 ? log(mix_draw(d)) / alpha : 0, a = (alpha < 1 ? alpha + 1 : alpha) - 1.0 / 3;
    for (;;) {
        double x = draw_normal(d), v = 1 + x / sqrt(9 * a);
        if (v <= 0) continue;
        v = v * v * v;
        if (log(mix_draw(d)) < x * x / 2 + a - a * v + a * log(v)) return log(a) + log(v) + more;
    }
}

double mix_beta(uint64_t seed, uint64_t epoch, uint64_t batch, double alpha)
{
    Draws d = {seed, epoch, batch << 16};
    double x = draw_log_gamma(&d, alpha), y = draw_log_gamma(&d, alpha);
    return 1 / (1 + exp(y - x));
}

static void blend(float *a, float *b, size_t count, double lambda)
{
    float keep = (float)lambda, rest = (float)(1 - lambda);
    for (size_t i = 0; i < count; i++) {
        float x = a[i], y = b[i];
        a[i] = keep * x + rest * y;
        b[i] = keep * y + rest * x;
    }
}

/* Rows and columns of an image that change places. */
typedef struct Cut {
    int top, bottom, left, right;
} Cut;

static int limit(double at, int most) { return at < 0 ? 0 : at > most ? most : (int)at; }

static Cut draw_cut(Draws *d, double lambda, int height, int width)
{
    double share = sqrt(1 - lambda), row = mix_draw(d) * height, column = mix_draw(d) * width;
    return (Cut){limit(row - share * height / 2, height), limit(row + share * height / 2, height),
                 limit(column - share * width / 2, width), limit(column + share * width / 2, width)};
}

static void exchange_cut(float *a, float *b, const Fitting *f, const Cut *cut)
{
    for (int c = 0; c < f->dims[0]; c++)
        for (int i = cut->top; i < cut->bottom; i++) {
            size_t row = ((size_t)c * (size_t)f->dims[1] + (size_t)i) * (size_t)f->dims[2];
            blend(a + row + cut->left, b + row + cut->left, (size_t)(cut->right - cut->left), 0);
        }
}

/* How much of a sample stays its own. */
static double kept_share(const Fitting *f, const Cut *cut)
{
    double area = (double)(cut->bottom - cut->top) * (cut->right - cut->left);
    return 1 - area / ((double)f->dims[1] * f->dims[2]);
}

void mix_batch(const Feed *feed, Batch *batch, uint64_t seed, uint64_t epoch, uint64_t number)
{
    const Fitting *f = feed->fitting;
    Draws d = {seed, epoch, number << 16 | 1u << 15};
    bool cuts = feed->cutmix > 0 && (feed->mixup == 0 || mix_draw(&d) < 0.5);
    double lambda = mix_beta(seed, epoch, number, cuts ? feed->cutmix : feed->mixup);
    Cut cut = cuts ? draw_cut(&d, lambda, f->dims[1], f->dims[2]) : (Cut){0};
    double share = cuts ? kept_share(f, &cut) : lambda;
    float *targets = batch->target;
    const size_t row = feed_row(feed), mixed = row - feed_taught(feed);
    for (int i = 0, j = batch->count - 1; i < j; i++, j--) {
        float *a = batch->x + (size_t)i * f->elements, *b = batch->x + (size_t)j * f->elements;
        if (cuts)
            exchange_cut(a, b, f, &cut);
        else
            blend(a, b, f->elements, lambda);
        blend(targets + (size_t)i * row, targets + (size_t)j * row, mixed, share);
    }
}
