/*
 * Steps and predictions of a run, in bounded memory.
 */
#include "commands/train/run_record.h"

#include <string.h>

static void halve_steps(StepCurve *c)
{
    c->count /= 2;
    c->every *= 2;
    for (int i = 0; i < c->count; i++) {
        c->loss[i] = c->loss[2 * i];
        c->step[i] = c->step[2 * i];
    }
}

void step_curve_add(StepCurve *c, int64_t step, double loss)
{
    if (!c->every) c->every = 1;
    if (step % c->every) return;
    if (c->count == STEPS_KEPT) halve_steps(c);
    c->loss[c->count] = loss;
    c->step[c->count++] = step;
}

void predictions_begin(Predictions *p)
{
    if (p->count) memset(p->count, 0, (size_t)p->classes * (size_t)p->classes * sizeof *p->count);
    p->samples = p->mistakes = 0;
}

static void insert_mistake(Predictions *p, Mistake m)
{
    int at = p->mistakes < MISTAKES_KEPT ? p->mistakes++ : MISTAKES_KEPT - 1;
    if (at == MISTAKES_KEPT - 1 && p->worst[at].margin >= m.margin && p->mistakes == MISTAKES_KEPT) return;
    for (; at > 0 && p->worst[at - 1].margin < m.margin; at--) p->worst[at] = p->worst[at - 1];
    p->worst[at] = m;
}

void predictions_add(Predictions *p, int row, int label, int predicted, const float *y, size_t outputs)
{
    const bool known = label >= 0 && label < p->classes && predicted >= 0 && predicted < p->classes;
    if (!known) return;
    p->count[label * p->classes + predicted]++;
    p->samples++;
    if (label == predicted) return;
    const bool scores = outputs == (size_t)p->classes;
    insert_mistake(p, (Mistake){row, label, predicted, scores ? (double)y[predicted] - (double)y[label] : 0});
}
