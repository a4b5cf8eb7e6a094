/*
 * The learning rate of every step, and the momentum where it changes.
 *
 * Enters: a schedule and where training stands.  Leaves: the rate.  Everything
 * but the plateau and the bold driver is a closed formula of the step, so a run that is resumed or
 * shortened needs no history; the formulas are PyTorch's (classes named in
 * train.h), which its own step-by-step recurrences agree with.
 */
#include "runtime/train/train.h"

#include <math.h>

/* OneCycleLR's defaults */
static const double div_factor = 25, final_div_factor = 1e4;

/* From a (t = 0) to b (t = 1) along half a cosine. */
static double half_cosine(double a, double b, double t) { return b + (a - b) * (1 + cos(M_PI * t)) / 2; }

static double cosine(const NnSchedule *s, int64_t step, int64_t steps, int64_t per_epoch)
{
    double rise = floor(s->warmup * (double)per_epoch);
    if ((double)step < rise) return s->lr * (double)(step + 1) / (rise + 1);
    double length = (double)steps - rise;
    return half_cosine(s->lr, s->floor, length > 0 ? ((double)step - rise) / length : 0);
}

/* Two half cosines, from a to b to c, that meet at step warmup·steps − 1, and end at steps − 1. */
static double two_cosines(const NnSchedule *s, int64_t step, int64_t steps, double a, double b, double c)
{
    double top = s->warmup * (double)steps - 1, end = (double)steps - 1;
    if ((double)step <= top) return top > 0 ? half_cosine(a, b, (double)step / top) : b;
    return end > top ? half_cosine(b, c, fmin(1, ((double)step - top) / (end - top))) : b;
}

static double onecycle(const NnSchedule *s, int64_t step, int64_t steps)
{
    double initial = s->peak / div_factor;
    return two_cosines(s, step, steps, initial, s->peak, initial / final_div_factor);
}

double nn_schedule_momentum(const NnSchedule *s, int64_t step, int64_t steps)
{
    return two_cosines(s, step, steps, s->max_momentum, s->base_momentum, s->max_momentum);
}

static double multistep(const NnSchedule *s, double epoch)
{
    int passed = 0;
    for (int i = 0; i < s->at_count; i++) passed += s->at[i] <= epoch;
    return s->lr * pow(s->gamma, passed);
}

double nn_schedule_lr(const NnSchedule *s, const NnScheduleState *state, int64_t step, int64_t steps, int64_t per_epoch)
{
    double epoch = (double)(step / per_epoch);
    switch (s->kind) {
    case NN_CONSTANT: return s->lr;
    case NN_STEP: return s->lr * pow(s->gamma, floor(epoch / s->every));
    case NN_MULTISTEP: return multistep(s, epoch);
    case NN_COSINE: return cosine(s, step, steps, per_epoch);
    case NN_ONECYCLE: return onecycle(s, step, steps);
    case NN_EXPONENTIAL: return s->lr * pow(s->gamma, epoch);
    case NN_BOLD_DRIVER:
    case NN_PLATEAU: return s->lr * state->factor;
    }
    return s->lr;
}

void nn_schedule_init(NnScheduleState *state) { *state = (NnScheduleState){INFINITY, 0, INFINITY, 1}; }

void nn_schedule_valid(NnScheduleState *state, const NnSchedule *s, double validation_loss)
{
    if (s->kind != NN_PLATEAU) return;
    if (validation_loss < state->best * (1 - 1e-4)) {
        state->best = validation_loss;
        state->bad = 0;
    } else if (++state->bad > s->patience) {
        state->factor *= s->gamma;
        state->bad = 0;
    }
}

/* The first epoch has none before it. */
void nn_schedule_epoch(NnScheduleState *state, const NnSchedule *s, double training_loss)
{
    if (s->kind != NN_BOLD_DRIVER) return;
    if (isfinite(state->previous)) state->factor *= training_loss < state->previous ? s->grow : s->cut;
    state->previous = training_loss;
}
