/*
 * What the loss shows: the learning rate, chance level, over-fitting; and the predictions.
 */
#include <math.h>

#include "stats/conditions.h"

static const EpochSeen *newest(const Evidence *e) { return &e->epoch[e->epoch_count - 1]; }
static const char *rate_text(const Evidence *e, Findings *f) { return findings_text(f, "%g", e->lr); }

/* The loss of a guess that knows nothing, in nats; NaN where the loss is not of that kind. */
static double chance_loss(const Evidence *e)
{
    const OutputMeaning meaning = e->spec->loss.op->meaning;
    const bool softmax = meaning == OUTPUT_PROBABILITIES || meaning == OUTPUT_LOGARITHMS || meaning == OUTPUT_LOGITS;
    const bool each = meaning == OUTPUT_EACH || meaning == OUTPUT_EACH_LOGIT;
    return e->data->class_count > 1 && (softmax || (each && e->data->class_count == 2)) ? log(e->data->class_count)
                                                                                        : NAN;
}

/* So many epochs and steps must have passed before slowness means anything: a quarter of the run. */
static bool is_well_begun(const Evidence *e)
{
    return e->epoch_count >= 3 && newest(e)->step >= 30 && 4 * newest(e)->epoch >= e->epochs;
}

/* ---- the rate ------------------------------------------------------------------------- */

static double largest_update(const Evidence *e)
{
    double most = 0;
    for (int i = 0; i < stats_layers(e->stats); i++) most = fmax(most, layer_update(stats_layer(e->stats, i)));
    return most;
}

static bool is_rising(const Evidence *e)
{
    const double first = e->epoch[0].loss;
    return e->epoch_count >= 2 && newest(e)->loss > 1.5 * first && first > 0;
}

void look_for_high_rate(const Evidence *e, Findings *f)
{
    if (e->epoch_count < 2) return;
    const double chance = chance_loss(e), loss = newest(e)->loss, update = largest_update(e);
    const char *why = NULL;
    if (is_rising(e))
        why = findings_text(f, "the loss has risen from %.3g to %.3g", e->epoch[0].loss, loss);
    else if (loss > 1.5 * chance && update > 0.01)
        why = findings_text(f, "after %d epochs the loss, %.3g, is above that of chance, %.3g", newest(e)->epoch, loss,
                            chance);
    else if (update > 0.5 && loss > 1.02 * e->epoch[0].loss)
        why = findings_text(f, "a step changes a layer's weights by %.0f %%", 100 * update);
    if (why) finding_add(f, e->spec->optimizer.span, FOUND(rate_text(e, f), why));
}

static const double slow_update = 3e-5;

void look_for_low_rate(const Evidence *e, Findings *f)
{
    if (e->epoch_count < 3 || !stats_watched_steps(e->stats)) return;
    const double update = largest_update(e), first = e->epoch[0].loss, loss = newest(e)->loss;
    if (!(update < slow_update && update > 0 && loss > 0.95 * first)) return;
    finding_add(
        f, e->spec->optimizer.span,
        FOUND(rate_text(e, f),
              findings_text(
                  f, "a step changes weights by %.1g of themselves at most, and the loss by %.1g %% in %d epochs",
                  update, 100 * (1 - loss / first), newest(e)->epoch)));
}

/* ---- chance level ------------------------------------------------------------------------ */

/* The newest three epochs are within 1.5 % of it. */
static bool stays_at(const Evidence *e, double level)
{
    for (int i = e->epoch_count - 3; i < e->epoch_count; i++)
        if (!(fabs(e->epoch[i].loss - level) <= 0.015 * level)) return false;
    return true;
}

/* Of which a loss at chance level, and classes that are never predicted, are what follows. */
static bool has_cause(const Findings *f)
{
    static const char *const causes[] = {"constant-inputs", "vanishing-gradient", "exploding-gradient", "dead-units",
                                         "saturation",      "rate-too-high",      "rate-too-low"};
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
        if (findings_have(f, causes[i])) return true;
    return false;
}

void look_for_chance_level(const Evidence *e, Findings *f)
{
    const double chance = chance_loss(e), entropy = e->data->entropy;
    if (!is_well_begun(e) || isnan(chance) || e->data->constant || has_cause(f)) return;
    const char *shares = "a guess by the classes' shares";
    if (stays_at(e, chance))
        finding_add(f, e->spec->loss.span,
                    FOUND(findings_text(f, "ln(%d) = %.3g", e->data->class_count, chance), "a guess"));
    else if (stays_at(e, entropy))
        finding_add(f, e->spec->loss.span, FOUND(findings_text(f, "%.3g", entropy), shares));
}

/* ---- predictions ---------------------------------------------------------------------------- */

enum { EVALUATIONS = 3 };

static bool is_missed(const ClassesSeen *c, int class) { return c->missed[class] >= EVALUATIONS; }

void look_for_missing_classes(const Evidence *e, Findings *f)
{
    const ClassesSeen *c = e->classes;
    int missed = 0, first = -1;
    for (int i = 0; i < c->count; i++)
        if (is_missed(c, i)) first = missed++ ? first : i;
    if (!missed || !is_well_begun(e) || has_cause(f) || findings_have(f, "chance-level")) return;
    const char *others = missed == 1 ? "" : findings_text(f, ", like %d more of %d classes,", missed - 1, c->count);
    finding_add(f, e->net->output->producer->span,
                FOUND(findings_text(f, "class %d%s", first, others), findings_text(f, "%d", c->missed[first]),
                      findings_text(f, "%d sample%s", c->present[first], c->present[first] == 1 ? "" : "s")));
}

/* ---- over-fitting -------------------------------------------------------------------------- */

static const EpochSeen *best_epoch(const Evidence *e)
{
    const EpochSeen *best = NULL;
    for (int i = 0; i < e->epoch_count; i++)
        if (!isnan(e->epoch[i].valid) && (!best || e->epoch[i].valid < best->valid)) best = &e->epoch[i];
    return best;
}

/* The newest five epochs are worse than the best by 20 %, and by twice the loss of training. */
void look_for_over_fitting(const Evidence *e, Findings *f)
{
    const EpochSeen *best = best_epoch(e), *now = newest(e);
    if (!best || now - best < 5 || now->loss > best->loss) return;
    for (const EpochSeen *p = now - 4; p <= now; p++)
        if (!(p->valid > 1.2 * best->valid && p->valid > 2 * p->loss)) return;
    finding_add(f, e->net->span,
                FOUND(findings_text(f, "%d", best->epoch), e->valid_name, findings_text(f, "%.3g", best->valid),
                      findings_text(f, "%.3g", now->valid), findings_text(f, "%.3g", now->loss)));
}
