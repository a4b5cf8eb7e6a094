/*
 * Statistics and histograms.
 */
#include "commands/pictures/tensor_summary.h"

#include <math.h>

static void count_special(TensorSummary *s, double value)
{
    s->zeros += value == 0;
    s->nans += isnan(value) != 0;
    s->infinities += isinf(value) != 0;
}

static size_t finite_count(const TensorSummary *s) { return s->count - s->nans - s->infinities; }

/* Range, mean and norm. */
static void sum_values(TensorSummary *s, const double *values)
{
    double sum = 0, squares = 0;
    s->min = INFINITY;
    s->max = -INFINITY;
    for (size_t i = 0; i < s->count; i++) {
        count_special(s, values[i]);
        if (!isfinite(values[i])) continue;
        s->min = fmin(s->min, values[i]);
        s->max = fmax(s->max, values[i]);
        sum += values[i];
        squares += values[i] * values[i];
    }
    s->mean = sum / (double)finite_count(s);
    s->norm = sqrt(squares);
}

static int bin_of(const TensorSummary *s, double value)
{
    const int bin = (int)((value - s->min) / (s->max - s->min) * SUMMARY_BINS);
    return bin < SUMMARY_BINS ? bin : SUMMARY_BINS - 1;
}

static void fill_bins(TensorSummary *s, const double *values)
{
    double squares = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (!isfinite(values[i])) continue;
        const double d = values[i] - s->mean;
        squares += d * d;
        if (s->max > s->min) s->bins[bin_of(s, values[i])]++;
    }
    s->deviation = sqrt(squares / (double)finite_count(s));
}

TensorSummary tensor_summary(const double *values, size_t count)
{
    TensorSummary s = {.count = count};
    sum_values(&s, values);
    if (finite_count(&s) == 0) {
        s.min = s.max = s.mean = 0;
        return s;
    }
    fill_bins(&s, values);
    return s;
}

const char *tensor_histogram(Arena *arena, const TensorSummary *s)
{
    static const char *const bars[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    enum { HEIGHTS = sizeof bars / sizeof *bars - 1 };
    Text text;
    size_t most = 0;
    text_init(&text, arena);
    text_add(&text, "");
    for (int i = 0; i < SUMMARY_BINS; i++) most = s->bins[i] > most ? s->bins[i] : most;
    for (int i = 0; most && i < SUMMARY_BINS; i++)
        text_add(&text, bars[(s->bins[i] * HEIGHTS + most - 1) / most]); /* a bin that is not empty has a bar */
    return text.data ? text.data : "";
}
