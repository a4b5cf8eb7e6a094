/*
 * Which steps are watched.
 *
 * By time: after a watched step that took `extra` seconds longer than the others' `step`, the next
 * one is extra / (share · step) steps away.  The first ones are watched whatever it costs, so
 * that a run of few steps has numbers too.
 */
#include <math.h>

#include "stats/parts.h"

const double stats_share = 0.02;

bool sampling_is_due(const Sampling *s, int64_t step) { return step >= s->next; }

/* A moving average of about ten. */
static double averaged(double average, double value) { return average > 0 ? average + 0.1 * (value - average) : value; }

void sampling_add(Sampling *s, int64_t step, bool watched, double seconds, double watching)
{
    s->step = averaged(s->step, seconds - watching);
    if (!watched) return;
    s->extra = averaged(s->extra, fmax(watching, seconds - s->step));
    const double gap = s->every ? (double)s->every : ceil(s->extra / (stats_share * fmax(s->step, 1e-9)));
    const bool first = !s->every && step + 1 < (s->first > 2 ? s->first : 2);
    s->next = step + (first ? 1 : (int64_t)fmin(fmax(gap, 1), 1e9));
}
