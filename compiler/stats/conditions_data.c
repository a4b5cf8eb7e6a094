/*
 * What can be said of data, batches and labels before the first step.
 */
#include <math.h>

#include "stats/conditions.h"

static Span input_span(const Evidence *e) { return ((const Tensor *)e->net->inputs.at[0])->span; }

void look_for_constant_labels(const Evidence *e, Findings *f)
{
    const DataSeen *d = e->data;
    if (!d->constant || d->samples < 2) return;
    const char *target = d->class_count ? "one class" : "one value";
    finding_add(f, e->spec->loss.span, FOUND(findings_text(f, "%d", d->samples), target));
}

static bool is_constant(const DataSeen *d) { return d->samples >= 2 && d->varying == 0; }

void look_for_constant_inputs(const Evidence *e, Findings *f)
{
    if (is_constant(e->data)) finding_add(f, input_span(e), FOUND(findings_text(f, "%d", e->data->samples)));
}

/* Of a normalised input values are about 1, and columns are about as large as each other. */
void look_for_unscaled_inputs(const Evidence *e, Findings *f)
{
    const DataSeen *d = e->data;
    if (is_constant(d) || d->samples < 2) return;
    if (d->size > 10)
        finding_add(f, input_span(e), FOUND(findings_text(f, "its values are about %.3g (root mean square)", d->size)));
    else if (d->spread > 100)
        finding_add(f, input_span(e),
                    FOUND(findings_text(f, "one column is %.3g times as large as another", d->spread)));
}

/* ---- batchnorm ------------------------------------------------------------------------ */

/* Samples that a layer sees only in batches: its statistics are of the batch. */
static bool takes_batch_statistics(const Node *n)
{
    return n->op->training && n->op->training->traits & OP_BATCH_COUPLED;
}

/* Values of one channel. */
static int64_t channel_values(const Node *n, int64_t batch)
{
    const Shape s = n->in[0]->shape;
    return batch * shape_count(s) / (s.rank ? s.dim[0] : 1);
}

enum { FEW_VALUES = 8, FEW_SAMPLES = 3 };

void look_for_small_batches(const Evidence *e, Findings *f)
{
    for (int i = 0; i < e->net->nodes.count; i++) {
        const Node *n = e->net->nodes.at[i];
        if (!takes_batch_statistics(n)) continue;
        const bool small = channel_values(n, e->batch) < FEW_VALUES || e->batch < FEW_SAMPLES;
        const bool single = e->last && channel_values(n, e->last) < 2;
        if (!small && !single) continue;
        const int64_t batch = small ? e->batch : e->last, values = channel_values(n, batch);
        finding_add(f, n->span,
                    FOUND(n->name, findings_text(f, "%lld value%s", (long long)values, values == 1 ? "" : "s"),
                          findings_text(f, "%s has %lld sample%s", small ? "a batch" : "the last batch of an epoch",
                                        (long long)batch, batch == 1 ? "" : "s")));
        return;
    }
}
