/*
 * Numbers of a layer, as the table and the log have them.
 */
#include <math.h>

#include "stats/parts.h"

double layer_mean(const LayerStats *l) { return l->count ? l->sum / (double)l->count : NAN; }

double layer_deviation(const LayerStats *l)
{
    if (!l->count) return NAN;
    const double mean = layer_mean(l), variance = l->squares / (double)l->count - mean * mean;
    return isnan(variance) ? NAN : sqrt(fmax(variance, 0));
}

double layer_dead(const LayerStats *l)
{
    int64_t dead = 0;
    if (!l->active || !l->judged) return NAN;
    for (int64_t i = 0; i < l->units; i++) dead += !l->active[i];
    return (double)dead / (double)l->units;
}

double layer_saturated(const LayerStats *l)
{
    return l->node->op->saturation && l->count ? (double)l->saturated / (double)l->count : NAN;
}

double layer_gradient(const LayerStats *l, int64_t steps)
{
    return l->updates && steps ? sqrt(l->gradient_squares / (double)steps) : NAN;
}

double layer_update(const LayerStats *l)
{
    return l->weight_squares > 0 ? sqrt(l->weight_changes / l->weight_squares) : NAN;
}

static double mean_of(const LayerStats *l, int64_t steps) { return (void)steps, layer_mean(l); }
static double deviation_of(const LayerStats *l, int64_t steps) { return (void)steps, layer_deviation(l); }
static double dead_of(const LayerStats *l, int64_t steps) { return (void)steps, layer_dead(l); }
static double saturated_of(const LayerStats *l, int64_t steps) { return (void)steps, layer_saturated(l); }
static double update_of(const LayerStats *l, int64_t steps) { return (void)steps, layer_update(l); }

static bool always(const LayerStats *l) { return (void)l, true; }
static bool when_rectifying(const LayerStats *l) { return l->active; }
static bool when_saturating(const LayerStats *l) { return l->node->op->saturation; }

static bool when_trained(const LayerStats *l)
{
    for (int i = 0; i < l->node->in_count; i++)
        if (l->node->in[i]->kind == TENSOR_PARAM && l->node->in[i]->trainable) return true;
    return false;
}

const LayerColumn layer_columns[LAYER_COLUMNS] = {
    {"mean", "mean", mean_of, always},
    {"std", "std", deviation_of, always},
    {"dead", "dead", dead_of, when_rectifying},
    {"saturated", "saturated", saturated_of, when_saturating},
    {"gradient", "gradient", layer_gradient, when_trained},
    {"update", "update/weight", update_of, when_trained},
};
