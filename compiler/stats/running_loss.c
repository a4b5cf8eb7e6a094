/*
 * The running norm of the loss: mean and deviation of the newest steps, by exponential averages
 *
 *     m ← m + (1 − d) · (l − m),   q ← q + (1 − d) · (l² − q),   d = 0.98,
 *
 * each divided by 1 − dᵗ after t steps, as Adam does it.
 */
#include <math.h>

#include "stats/parts.h"

static const double running_decay = 0.98;

void running_loss_add(RunningLoss *r, double loss)
{
    r->mean += (1 - running_decay) * (loss - r->mean);
    r->squares += (1 - running_decay) * (loss * loss - r->squares);
    r->rest = r->steps++ ? r->rest * running_decay : running_decay;
}

double running_loss_mean(const RunningLoss *r) { return r->steps ? r->mean / (1 - r->rest) : NAN; }

double running_loss_deviation(const RunningLoss *r)
{
    const double mean = running_loss_mean(r);
    return r->steps ? sqrt(fmax(r->squares / (1 - r->rest) - mean * mean, 0)) : NAN;
}
