/*
 * A whole part of the data through the net, in inference mode.
 *
 * Leaves: the mean loss, and for classes how often the largest output, and one
 * of the five largest, is the right one.  The last batch is short: its count is
 * told to the generated code, which leaves the other samples out of the mean.
 */
#include "runtime/train/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TOP = 5 };

/* Where y has its maximum; the first of equal ones. */
static int largest(const float *y, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (y[i] > y[best]) best = i;
    return (int)best;
}

/* The rank of y[label] in descending order, from 0. */
static size_t rank_of(const float *y, size_t count, int label)
{
    size_t before = 0;
    for (size_t i = 0; i < count; i++) before += y[i] > y[label] || (y[i] == y[label] && i < (size_t)label);
    return before;
}

/* One output stands for class 1 when it passes the middle: 0 of a score, 0.5 of a value. */
static int predict(const nn_model_info *info, const Feed *feed, const float *y)
{
    if (feed->kind == FEED_BINARY) return y[0] > (strcmp(info->loss, "bce_logits") ? 0.5f : 0.0f);
    return largest(y, info->outputs);
}

typedef struct Evaluation {
    const nn_model_info *info;
    const Feed *feed;
    const Samples *samples;
    NnSampleVisitor visit;
    void *user;
    NnScore *score;
} Evaluation;

static void score_batch(const Evaluation *e, const Batch *batch, const float *y)
{
    for (int i = 0; i < batch->count; i++) {
        const float *out = y + (size_t)i * e->info->outputs;
        int predicted = e->score->classes ? predict(e->info, e->feed, out) : -1;
        if (e->score->classes) {
            int label = e->samples->labels[batch->row[i]];
            e->score->right += predicted == label;
            e->score->top5 += e->feed->kind == FEED_BINARY || rank_of(out, e->info->outputs, label) < TOP;
        }
        if (e->visit) e->visit(e->user, batch->row[i], out, predicted);
    }
    e->score->count += batch->count;
}

static void evaluate_batches(const Evaluation *e, const void *model, Batcher *batcher, float *y, void *scratch,
                             const volatile sig_atomic_t *stop)
{
    double total = 0;
    const Batch *batch;
    batcher_begin(batcher, 0);
    while ((!stop || !*stop) && (batch = batcher_next(batcher))) {
        total += (double)e->info->eval(model, batch->x, batch->target, batch->count, y, scratch) * batch->count;
        score_batch(e, batch, y);
    }
    e->score->loss = e->score->count ? total / (double)e->score->count : 0;
}

int nn_evaluate(const nn_model_info *info, const void *model, const Feed *feed, DataPart part, NnSampleVisitor visit,
                void *user, const volatile sig_atomic_t *stop, NnScore *score, NnError *error)
{
    Evaluation e = {info, feed, &feed->data->part[part], visit, user, score};
    *score = (NnScore){.classes = feed->data->class_count > 0 && feed->kind != FEED_INPUT};
    Batcher *batcher = batcher_new(feed, part, info->batch, false, 0, error);
    float *y = nn_alloc((size_t)info->batch * info->outputs * sizeof *y, error);
    void *scratch =
        nn_memory(info->train_scratch > info->infer_scratch ? info->train_scratch : info->infer_scratch, error);
    int failed = batcher && y && scratch ? 0 : -1;
    if (!failed) evaluate_batches(&e, model, batcher, y, scratch, stop);
    batcher_free(batcher);
    free(y);
    free(scratch);
    return failed;
}
