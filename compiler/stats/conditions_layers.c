/*
 * What layers show: gradients, units, and the first number that is not finite.
 */
#include <math.h>

#include "report/analysis.h"
#include "stats/conditions.h"

static const char *share_text(Findings *f, double share) { return findings_text(f, "%.0f %%", 100 * share); }

/* A condition of every epoch looks at windows of so many samples, or at a whole epoch. */
static bool has_layers(const Evidence *e) { return e->epoch_count && stats_watched_steps(e->stats) > 0; }

/* Then gradients have become small, and hidden units are often at their bounds. */
static bool has_learnt(const Evidence *e)
{
    return e->epoch_count > 1 && e->epoch[e->epoch_count - 1].loss < 0.5 * e->epoch[0].loss;
}

/* ---- the first number that is not finite ----------------------------------------------- */

static const char *number_word(double value) { return isnan(value) ? "not a number" : value > 0 ? "∞" : "−∞"; }

void look_for_bad_number(const Evidence *e, Findings *f)
{
    const BadNumber *bad = e->bad;
    if (!bad || !bad->step) return;
    const Span span = bad->node ? bad->node->origin->span : ((const Tensor *)e->net->inputs.at[0])->span;
    finding_add(f, span,
                FOUND(bad->what, number_word(bad->value), findings_text(f, "%lld", (long long)bad->step),
                      findings_text(f, "%d", bad->epoch)));
}

/* ---- gradients ---------------------------------------------------------------------------- */

static int64_t trained_elements(const Node *n)
{
    int64_t count = 0;
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i]->kind == TENSOR_PARAM && n->in[i]->trainable) count += tensor_count(n->in[i], 1);
    return count;
}

/* Root mean square of a layer's gradients, per weight. */
static double gradient_per_weight(const Evidence *e, const LayerStats *l)
{
    return layer_gradient(l, stats_watched_steps(e->stats)) / sqrt((double)trained_elements(l->node));
}

/* Layers with weights of two axes or more: not biases alone, not norms. */
static bool is_weighted(const LayerStats *l) { return l->updates && l->node->op->traits & OP_WEIGHTED; }

/* The layer whose gradient is largest. */
static const LayerStats *largest_gradient(const Evidence *e)
{
    const LayerStats *most = NULL;
    for (int i = 0; i < stats_layers(e->stats); i++) {
        const LayerStats *l = stats_layer(e->stats, i);
        if (is_weighted(l) && (!most || gradient_per_weight(e, l) > gradient_per_weight(e, most))) most = l;
    }
    return most;
}

/* What `nnc report` says of the gradient of the layer's result; computed when it is needed. */
static const char *bound_text(const Evidence *e, Findings *f, const Node *n)
{
    const ReportOptions options = report_options();
    const Analysis *report = analysis_build(e->net, e->spec, &options);
    for (int i = 0; report && i < report->layer_count; i++) {
        const LayerReport *l = &report->layers[i];
        if (l->node == n && !l->bound.why)
            return findings_text(f, "; the report's bound on dL/dy there is %.3g of that at the output",
                                 l->bound.value);
    }
    return "";
}

static const double vanished = 5e-3;

/* A layer before the one with the largest gradient has next to none of it.  Of none at all dead
 * units or weights of 0 are the cause. */
void look_for_vanishing_gradient(const Evidence *e, Findings *f)
{
    const LayerStats *most = has_layers(e) && !has_learnt(e) ? largest_gradient(e) : NULL;
    if (!most) return;
    const double largest = gradient_per_weight(e, most);
    for (int i = 0; stats_layer(e->stats, i) != most; i++) {
        const LayerStats *l = stats_layer(e->stats, i);
        const double gradient = gradient_per_weight(e, l);
        if (!is_weighted(l) || !(gradient > 0 && gradient < vanished * largest)) continue;
        finding_add(f, l->node->span,
                    FOUND(l->node->name, findings_text(f, "%.2g", gradient),
                          findings_text(f, "%.1g", gradient / largest), most->node->name, bound_text(e, f, l->node)));
        return;
    }
}

/* Relative to the weights; small weights alone do not make it. */
static const double exploded = 100;

void look_for_exploding_gradient(const Evidence *e, Findings *f)
{
    const LayerStats *worst = NULL;
    double most = exploded;
    for (int i = 0; has_layers(e) && i < stats_layers(e->stats); i++) {
        const LayerStats *l = stats_layer(e->stats, i);
        const bool large = is_weighted(l) && layer_gradient(l, stats_watched_steps(e->stats)) > 10;
        const double ratio = large ? sqrt(l->gradient_squares / l->weight_squares) : 0;
        if (!(ratio > most)) continue;
        most = ratio;
        worst = l;
    }
    if (!worst) return;
    finding_add(f, worst->node->span,
                FOUND(worst->node->name, findings_text(f, "%.3g", layer_gradient(worst, stats_watched_steps(e->stats))),
                      findings_text(f, "%.3g", most), bound_text(e, f, worst->node)));
}

/* ---- units ----------------------------------------------------------------------------------- */

enum { FEW_UNITS = 8 };

void look_for_dead_units(const Evidence *e, Findings *f)
{
    const int64_t samples = stats_activity_samples(e->stats);
    if (!has_layers(e) || !samples || findings_have(f, "constant-inputs")) return;
    for (int i = 0; i < stats_layers(e->stats); i++) {
        const LayerStats *l = stats_layer(e->stats, i);
        const double dead = layer_dead(l);
        if (!(dead == 1 || (dead >= 0.5 && l->units >= FEW_UNITS))) continue;
        finding_add(f, l->node->span,
                    FOUND(dead == 1 ? "all units" : share_text(f, dead), l->node->name,
                          findings_text(f, "%lld", (long long)samples)));
    }
}

/* A last layer is meant to come to its bounds. */
static bool is_hidden(const Evidence *e, const Node *n)
{
    for (int i = 0; i < e->net->nodes.count; i++) {
        const Node *user = e->net->nodes.at[i];
        for (int k = 0; k < user->in_count; k++)
            if (user->in[k] == n->out[0] && !(user->op->traits & OP_VIEW)) return true;
    }
    return false;
}

void look_for_saturation(const Evidence *e, Findings *f)
{
    if (!has_layers(e) || has_learnt(e)) return;
    for (int i = 0; i < stats_layers(e->stats); i++) {
        const LayerStats *l = stats_layer(e->stats, i);
        const double saturated = layer_saturated(l);
        if (saturated >= 0.5 && is_hidden(e, l->node))
            finding_add(f, l->node->span, FOUND(share_text(f, saturated), l->node->name));
    }
}
