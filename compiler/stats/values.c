/*
 * Sums over values as they are in memory.
 *
 * A value is seen as rows of units of `run` elements each:
 *
 *     [N][F]            vector              rows N, units F, run 1
 *     [N][C][H][W]      NCHW                rows N, units C, run H·W
 *     [N][H][W][C]      NHWC                rows N·H·W, units C, run 1
 *     [N/16][C][H][W][16]  batch-blocked    rows N/16, units C, run H·W·16
 *     [N][C][L]         sequence            rows N, units C, run L
 *
 * A branch of a concat that was written in place has the rows of the whole image.
 */
#include <math.h>

#include "stats/parts.h"

UnitLayout unit_layout(const Tensor *t, int64_t batch)
{
    enum { BLOCK = 16 };
    const int64_t units = t->shape.rank ? t->shape.dim[0] : 1, rest = shape_count(t->shape) / units;
    if (t->layout == LAYOUT_NCHW16N) return (UnitLayout){batch / BLOCK, units, rest * BLOCK, units * rest * BLOCK};
    if (t->layout == LAYOUT_NHWC && tensor_is_image(t))
        return (UnitLayout){batch * rest, units, 1, tensor_pixel_stride(t)};
    return (UnitLayout){batch, units, rest, units * rest};
}

/* Four sums that do not wait for each other. */
static void add_run(const float *x, int64_t count, double *sum, double *squares)
{
    double s[4] = {0}, q[4] = {0};
    int64_t i = 0;
    for (; i + 4 <= count; i += 4)
        for (int k = 0; k < 4; k++) {
            const double v = (double)x[i + k];
            s[k] += v;
            q[k] += v * v;
        }
    for (; i < count; i++) {
        s[0] += (double)x[i];
        q[0] += (double)x[i] * (double)x[i];
    }
    *sum += s[0] + s[1] + s[2] + s[3];
    *squares += q[0] + q[1] + q[2] + q[3];
}

void values_add_moments(const float *x, const UnitLayout *l, double *sum, double *squares)
{
    const int64_t own = l->units * l->run;
    if (own == l->row) {
        add_run(x, l->rows * own, sum, squares);
        return;
    }
    for (int64_t a = 0; a < l->rows; a++) add_run(x + a * l->row, own, sum, squares);
}

/* Within 2 % of the range of a bound: there the slope of tanh and sigmoid is below 8 % of its largest. */
int64_t values_near(const float *x, const UnitLayout *l, const double bounds[2])
{
    const double margin = 0.02 * (bounds[1] - bounds[0]);
    const float low = (float)(bounds[0] + margin), high = (float)(bounds[1] - margin);
    int64_t near = 0;
    for (int64_t a = 0; a < l->rows; a++)
        for (int64_t i = 0; i < l->units * l->run; i++) near += x[a * l->row + i] < low || x[a * l->row + i] > high;
    return near;
}

static bool any_not_zero(const float *x, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (x[i] != 0) return true;
    return false;
}

void values_mark_active(const float *x, const UnitLayout *l, bool *active)
{
    for (int64_t a = 0; a < l->rows; a++)
        for (int64_t u = 0; u < l->units; u++)
            if (!active[u]) active[u] = any_not_zero(x + a * l->row + u * l->run, l->run);
}

double values_squares(const float *x, int64_t count)
{
    double sum = 0, squares = 0;
    add_run(x, count, &sum, &squares);
    return squares;
}

double values_distance(const float *x, const float *y, int64_t count)
{
    double squares = 0;
    for (int64_t i = 0; i < count; i++) {
        const double d = (double)x[i] - (double)y[i];
        squares += d * d;
    }
    return squares;
}
