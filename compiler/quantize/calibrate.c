/* Histograms, and the searches for the range that is kept. */
#include "quantize/calibrate.h"

#include <math.h>
#include <string.h>

static const char *const calibration_names[] = {"range", "percentile", "mse", "entropy"};
enum { METHODS = sizeof calibration_names / sizeof *calibration_names, LEVELS = 256, STEPS = 100 };

bool calibration_named(const char *name, RangeChoice *c)
{
    for (int i = 0; i < METHODS; i++)
        if (strcmp(name, calibration_names[i]) == 0) {
            *c = (RangeChoice)i;
            return true;
        }
    return false;
}

const char *calibration_name(RangeChoice c) { return calibration_names[c]; }

size_t observer_range(Observer *o, const float *values, size_t count)
{
    size_t bad = 0;
    for (size_t i = 0; i < count; i++) {
        const double x = (double)values[i];
        if (!isfinite(x)) {
            bad++;
            continue;
        }
        if (x < o->low) o->low = x;
        if (x > o->high) o->high = x;
    }
    return bad;
}

static double bin_width(const Observer *o) { return (o->high - o->low) / CALIBRATION_BINS; }
static double bin_middle(const Observer *o, int i) { return o->low + (i + 0.5) * bin_width(o); }

void observer_count(Observer *o, const float *values, size_t count)
{
    const double per_bin = 1 / bin_width(o);
    if (o->high == o->low) return;
    for (size_t i = 0; i < count; i++) {
        const double at = ((double)values[i] - o->low) * per_bin;
        if (isfinite(at)) o->bins[at < 0 ? 0 : at >= CALIBRATION_BINS ? CALIBRATION_BINS - 1 : (int)at]++;
    }
}

/* ---- methods ---------------------------------------------------------------------------------- */

static double observed(const Observer *o)
{
    double sum = 0;
    for (int i = 0; i < CALIBRATION_BINS; i++) sum += o->bins[i];
    return sum;
}

static Affine percentile_scale(const Observer *o)
{
    const double tail = 0.5e-4 * observed(o);
    int first = 0, last = CALIBRATION_BINS - 1;
    for (double seen = o->bins[0]; seen <= tail && first < last; seen += o->bins[++first]) continue;
    for (double seen = o->bins[last]; seen <= tail && last > first; seen += o->bins[--last]) continue;
    return affine_of_range(o->low + first * bin_width(o), o->low + (last + 1) * bin_width(o));
}

/* What is lost by cutting off and by rounding, whose error is spread evenly over a step. */
static double square_error(const Observer *o, Affine a)
{
    const double least = a.scale * (-128 - a.zero), most = a.scale * (127 - a.zero);
    double sum = 0;
    for (int i = 0; i < CALIBRATION_BINS; i++) {
        const double x = bin_middle(o, i), beyond = x < least ? least - x : x > most ? x - most : 0;
        sum += o->bins[i] * (beyond > 0 ? beyond * beyond : a.scale * a.scale / 12);
    }
    return sum;
}

/* The divergence of the distribution over 256 levels of the bins first … last, from that with all
 * that lies beyond them at their ends. */
static double divergence(const Observer *o, int first, int last)
{
    double all = 0, kept = 0, sum = 0, below = 0, above = 0;
    for (int i = 0; i < CALIBRATION_BINS; i++) {
        all += o->bins[i];
        below += i < first ? o->bins[i] : 0;
        above += i > last ? o->bins[i] : 0;
    }
    kept = all - below - above;
    const int count = last - first + 1;
    for (int level = 0; level < LEVELS; level++) {
        const int begin = first + level * count / LEVELS, end = first + (level + 1) * count / LEVELS;
        double mass = 0;
        int filled = 0;
        for (int i = begin; i < end; i++) {
            mass += o->bins[i];
            filled += o->bins[i] > 0;
        }
        for (int i = begin; i < end; i++) {
            const double p = o->bins[i] + (i == first ? below : 0) + (i == last ? above : 0);
            const double q = o->bins[i] > 0 ? mass / filled : 1e-9;
            if (p > 0) sum += p / all * log(p / all / (q / kept));
        }
    }
    return sum;
}

static int calibration_bin(const Observer *o, double x)
{
    const int i = (int)((x - o->low) / bin_width(o));
    return i < 0 ? 0 : i >= CALIBRATION_BINS ? CALIBRATION_BINS - 1 : i;
}

/* What is lost by keeping low … high; INFINITY where the bins do not tell it. */
static double range_loss(const Observer *o, RangeChoice method, double low, double high)
{
    const int first = calibration_bin(o, low), last = calibration_bin(o, high);
    if (method == CALIBRATE_MSE) return square_error(o, affine_of_range(low, high));
    return last - first + 1 < LEVELS ? INFINITY : divergence(o, first, last);
}

/* The upper end is moved step by step towards 0, and then the lower one. */
static Affine best_scale(const Observer *o, RangeChoice method)
{
    double low = o->low, high = o->high, least = range_loss(o, method, low, high);
    for (int end = 0; end < 2; end++) {
        for (int step = STEPS - 1; step >= STEPS / 20; step--) {
            const double moved = (end ? o->low : o->high) * step / STEPS;
            const double loss = end ? range_loss(o, method, moved, high) : range_loss(o, method, low, moved);
            if (loss >= least) continue;
            least = loss;
            *(end ? &low : &high) = moved;
        }
    }
    return affine_of_range(low, high);
}

Affine observer_scale(const Observer *o, RangeChoice method)
{
    if (method == CALIBRATE_RANGE || o->high == o->low) return affine_of_range(o->low, o->high);
    return method == CALIBRATE_PERCENTILE ? percentile_scale(o) : best_scale(o, method);
}
