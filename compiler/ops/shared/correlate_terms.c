/*
 * The terms of a convolution's sum, for people who follow it.
 */
#include "ops/shared/correlate.h"

/* Which row or column of the large image tap u of window i meets; −1: padding. */
static int64_t row_met(const Slide *s, PadMode mode, int64_t i, int64_t u)
{
    int64_t row = i * s->stride + u * s->dilation - s->before;
    const bool inside = row >= 0 && row < s->large;
    if (inside) return row;
    if (mode == PAD_MODE_REPLICATE) return row < 0 ? 0 : s->large - 1;
    if (mode == PAD_MODE_REFLECT) return row < 0 ? -row : 2 * (s->large - 1) - row;
    if (mode == PAD_MODE_CIRCULAR) return (row + s->large) % s->large;
    return -1;
}

/* An output pixel: sample n, output o, row i, column j. */
typedef struct Pixel {
    int64_t n, o, i, j;
} Pixel;

static Pixel output_pixel_at(const Correlation *c, int64_t k)
{
    const int64_t height = c->slide[0].small, width = c->slide[1].small, outputs = c->small.dim[0];
    return (Pixel){k / width / height / outputs, k / width / height % outputs, k / width % height, k % width};
}

int64_t correlate_forward_terms(const Correlation *c, bool bias, int64_t k, Term *terms, int64_t most)
{
    const Slide *h = &c->slide[0], *w = &c->slide[1];
    const Pixel p = output_pixel_at(c, k);
    const int64_t channels = c->large.dim[0] / c->groups;
    const int64_t first = p.o / (c->small.dim[0] / c->groups) * channels;
    int64_t count = 0;
    if (bias && count++ < most) terms[0] = (Term){{2, -1}, {p.o, 0}};
    for (int64_t tap = 0; tap < channels * h->k * w->k; tap++) {
        const int64_t ch = tap / w->k / h->k, u = tap / w->k % h->k, v = tap % w->k;
        const int64_t row = row_met(h, c->mode, p.i, u), col = row_met(w, c->mode, p.j, v);
        if (row < 0 || col < 0 || count++ >= most) continue;
        const int64_t weight = c->flip ? (ch + 1) * h->k * w->k - 1 - u * w->k - v : tap;
        terms[count - 1] = (Term){{1, 0},
                                  {p.o * channels * h->k * w->k + weight,
                                   ((p.n * c->large.dim[0] + first + ch) * h->large + row) * w->large + col}};
    }
    return count;
}
