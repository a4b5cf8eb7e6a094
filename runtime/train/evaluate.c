/*
 * A whole part of the data through the net, in inference mode.
 *
 * Leaves: the mean loss, and for classes how often the largest output, and one
 * of the five largest, is the right one; for labels how many are on the right side.  The last batch is short: its count is
 * told to the generated code, which leaves the other samples out of the mean.
 */
#include "runtime/train/views.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TOP = 5 };

int nn_largest(const float *y, size_t classes, size_t places, size_t at)
{
    size_t best = 0;
    for (size_t c = 1; c < classes; c++)
        if (y[c * places + at] > y[best * places + at]) best = c;
    return (int)best;
}

/* The rank of y[label] in descending order, from 0. */
static size_t rank_of(const float *y, size_t count, int label)
{
    size_t before = 0;
    for (size_t i = 0; i < count; i++) before += y[i] > y[label] || (y[i] == y[label] && i < (size_t)label);
    return before;
}

size_t nn_own_outputs(const nn_model_info *info)
{
    return info->output_part_count ? info->output_parts[0].count : info->outputs;
}

float nn_middle(const nn_model_info *info)
{
    bool score = !strcmp(info->loss, "bce_logits") || !strcmp(info->loss, "hinge");
    return score ? 0.0f : 0.5f;
}

static bool one_output(const Feed *feed) { return feed->kind == FEED_BINARY || feed->kind == FEED_SIGN; }

static bool all_zero_or_one(const Samples *samples, size_t count)
{
    for (size_t i = 0; i < (size_t)samples->count * count; i++)
        if (samples->targets[i] != 0 && samples->targets[i] != 1) return false;
    return true;
}

NnScoreKind nn_score_kind(const nn_model_info *info, const Feed *feed, DataPart part)
{
    bool binary = !strncmp(info->loss, "bce", 3);
    switch (feed->kind) {
    case FEED_LABELS:
    case FEED_ONE_HOT:
    case FEED_BINARY:
    case FEED_SIGN: return NN_SCORE_CLASS;
    case FEED_MAP: return NN_SCORE_PIXELS;
    case FEED_VALUES:
        return binary && all_zero_or_one(&feed->data->part[part], feed->target_count) ? NN_SCORE_LABELS : NN_SCORE_LOSS;
    case FEED_INPUT: return NN_SCORE_LOSS;
    }
    return NN_SCORE_LOSS;
}

int nn_check_losses(const nn_model_info *info, NnError *error)
{
    if (info->loss_count <= NN_LOSSES_SHOWN) return 0;
    return nn_fail(error, NN_BAD_INPUT, "the net has %d losses; up to %d can be trained and evaluated",
                   info->loss_count, NN_LOSSES_SHOWN);
}

NnScore nn_score_of(const nn_model_info *info, const Feed *feed, DataPart part)
{
    return (NnScore){
        .kind = nn_score_kind(info, feed, part), .loss_count = info->loss_count, .loss_list = info->loss_list};
}

double nn_accuracy(const NnScore *score) { return score->judged ? (double)score->right / (double)score->judged : 0; }

typedef struct Evaluation {
    const nn_model_info *info;
    const Feed *feed;
    const Samples *samples;
    NnSampleVisitor visit;
    void *user;
    NnScore *score;
    const NnViews *views; /* NULL: samples are seen once, as they are */
    float *view, *y_view; /* of a batch */
} Evaluation;

static int judge_class(const Evaluation *e, int row, const float *y)
{
    size_t outputs = nn_own_outputs(e->info);
    int label = e->samples->labels[row];
    int predicted = one_output(e->feed) ? y[0] > nn_middle(e->info) : nn_largest(y, outputs, 1, 0);
    if (label == NO_CLASS) return predicted;
    e->score->judged++;
    e->score->right += predicted == label;
    e->score->top5 += one_output(e->feed) || rank_of(y, outputs, label) < TOP;
    return predicted;
}

static void judge_pixels(const Evaluation *e, const float *y, const void *target)
{
    size_t places = e->feed->target_count, classes = nn_own_outputs(e->info) / places;
    for (size_t p = 0; p < places; p++) {
        const int32_t class = feed_class(e->feed, target, p);
        bool counts = class >= 0 && (size_t) class < classes;
        e->score->judged += counts;
        e->score->right += counts && nn_largest(y, classes, places, p) == class;
    }
}

static void judge_labels(const Evaluation *e, const float *y, const float *target)
{
    int64_t right = 0, count = (int64_t)e->feed->target_count;
    for (int64_t i = 0; i < count; i++) right += (y[i] > nn_middle(e->info)) == (target[i] == 1);
    e->score->judged += count;
    e->score->right += right;
    e->score->whole += right == count;
}

static int judge_sample(const Evaluation *e, int row, const float *y, const void *target)
{
    switch (e->score->kind) {
    case NN_SCORE_LOSS: break;
    case NN_SCORE_CLASS: return judge_class(e, row, y);
    case NN_SCORE_PIXELS: judge_pixels(e, y, target); break;
    case NN_SCORE_LABELS: judge_labels(e, y, target); break;
    }
    return -1;
}

static void score_batch(const Evaluation *e, const Batch *batch, const float *y)
{
    size_t each = feed_row(e->feed) * sizeof(float);
    for (int i = 0; i < batch->count; i++) {
        const float *out = y + (size_t)i * e->info->outputs;
        const char *target = (const char *)batch->target + (size_t)i * each;
        int predicted = judge_sample(e, batch->row[i], out, target);
        if (e->visit) e->visit(e->user, batch->row[i], out, target, predicted);
    }
    e->score->count += batch->count;
}

/* Those of a batch's samples that its mean loss is of. */
static int samples_of_loss(const Evaluation *e, const Batch *batch)
{
    int count = 0;
    if (e->feed->kind != FEED_LABELS) return batch->count;
    for (int i = 0; i < batch->count; i++) count += e->samples->labels[batch->row[i]] != NO_CLASS;
    return count;
}

/* The losses that eval left in its scratch: means over the batch. */
static void add_losses(const Evaluation *e, const void *scratch, double weight)
{
    for (int i = 0; i < e->score->loss_count; i++) e->score->losses[i] += (double)e->info->losses(scratch)[i] * weight;
}

/* y += the outputs of a view / the number of views, of each sample of the batch */
static void add_view(const Evaluation *e, float share, float *y)
{
    const size_t outputs = e->info->outputs, batch = (size_t)e->info->batch;
    for (size_t i = 0; i < batch; i++) views_average_form(e->views, e->y_view + i * outputs);
    for (size_t i = 0; i < batch * outputs; i++) y[i] += share * e->y_view[i];
}

/* The mean outputs of all views, and the mean of their losses. */
static double evaluate_views(const Evaluation *e, const void *model, const Batch *batch, float *y, void *scratch)
{
    const nn_model_info *info = e->info;
    const int views = views_count(e->views);
    double loss = 0;
    memset(y, 0, (size_t)info->batch * info->outputs * sizeof *y);
    for (int v = 0; v < views; v++) {
        views_cut(e->views, v, info->batch, batch->x, e->view);
        loss += (double)info->eval(model, e->view, batch->target, batch->count, e->y_view, scratch);
        add_losses(e, scratch, (double)batch->count / views);
        add_view(e, 1.0f / (float)views, y);
    }
    for (int i = 0; i < info->batch; i++) views_output_form(e->views, y + (size_t)i * info->outputs);
    return loss / views;
}

static double evaluate_batch(const Evaluation *e, const void *model, const Batch *batch, float *y, void *scratch)
{
    if (e->views) return evaluate_views(e, model, batch, y, scratch);
    const float loss = e->info->eval(model, batch->x, batch->target, batch->count, y, scratch);
    add_losses(e, scratch, batch->count);
    return (double)loss;
}

static int evaluate_batches(const Evaluation *e, const void *model, Batcher *batcher, float *y, void *scratch,
                            const volatile sig_atomic_t *stop, NnError *error)
{
    double total = 0;
    int64_t of_loss = 0;
    const Batch *batch;
    batcher_begin(batcher, 0);
    while ((!stop || !*stop) && (batch = batcher_next(batcher))) {
        const int count = samples_of_loss(e, batch);
        of_loss += count;
        total += evaluate_batch(e, model, batch, y, scratch) * count;
        score_batch(e, batch, y);
    }
    if (!(stop && *stop) && batcher_failed(batcher, error)) return -1;
    const double samples = e->score->count ? (double)e->score->count : 1;
    e->score->loss = of_loss ? total / (double)of_loss : 0;
    for (int i = 0; i < e->score->loss_count; i++) e->score->losses[i] /= samples;
    return 0;
}

/* With memory for y and the scratch, and for a view. */
static int evaluate_with(Evaluation *e, const void *model, Batcher *batcher, const volatile sig_atomic_t *stop,
                         NnError *error)
{
    const nn_model_info *info = e->info;
    const size_t batch = (size_t)info->batch;
    float *y = nn_alloc(batch * info->outputs * sizeof *y, error);
    e->view = e->views ? nn_alloc(batch * info->inputs * sizeof *y, error) : NULL;
    e->y_view = e->views ? nn_alloc(batch * info->outputs * sizeof *y, error) : NULL;
    void *scratch =
        nn_memory(info->train_scratch > info->infer_scratch ? info->train_scratch : info->infer_scratch, error);
    const bool ready = batcher && y && scratch && (!e->views || (e->view && e->y_view));
    int failed = ready && !nn_check_losses(info, error) ? 0 : -1;
    if (!failed) failed = evaluate_batches(e, model, batcher, y, scratch, stop, error);
    batcher_free(batcher);
    free(y);
    free(e->view);
    free(e->y_view);
    free(scratch);
    return failed;
}

int nn_evaluate(const nn_model_info *info, const void *model, const Feed *feed, DataPart part, NnSampleVisitor visit,
                void *user, const volatile sig_atomic_t *stop, NnScore *score, NnError *error)
{
    Evaluation e = {
        .info = info, .feed = feed, .samples = &feed->data->part[part], .visit = visit, .user = user, .score = score};
    *score = nn_score_of(info, feed, part);
    return evaluate_with(&e, model, batcher_new(feed, part, info->batch, false, 0, error), stop, error);
}

int nn_evaluate_views(const nn_model_info *info, const void *model, const NnViews *views, DataPart part,
                      NnSampleVisitor visit, void *user, const volatile sig_atomic_t *stop, NnScore *score,
                      NnError *error)
{
    const Feed *feed = &views->feed;
    Evaluation e = {.info = info,
                    .feed = feed,
                    .samples = &feed->data->part[part],
                    .visit = visit,
                    .user = user,
                    .score = score,
                    .views = views->kind == NN_VIEWS_ONE ? NULL : views};
    *score = nn_score_of(info, feed, part);
    return evaluate_with(&e, model, batcher_new(feed, part, info->batch, false, 0, error), stop, error);
}

int nn_evaluate_some(const nn_model_info *info, const void *model, const Feed *feed, DataPart part, int count,
                     const volatile sig_atomic_t *stop, NnScore *score, NnError *error)
{
    Evaluation e = {.info = info, .feed = feed, .samples = &feed->data->part[part], .score = score};
    *score = nn_score_of(info, feed, part);
    return evaluate_with(&e, model, batcher_new_some(feed, part, info->batch, count, error), stop, error);
}
