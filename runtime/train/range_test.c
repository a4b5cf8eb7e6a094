/*
 * Learning rates from 1e-6 to 10, evenly on a logarithmic scale, one step each.
 */
#include "runtime/train/range_test.h"

#include <math.h>
#include <stdlib.h>

enum {
    WARMUP = 10, /* points whose average is of too few losses to be compared */
    REACH = 5
};

static const double first_lr = 1e-6, last_lr = 10;
static const double decay = 0.9;     /* of the average */
static const double far_above = 4.0; /* times the lowest average: training has diverged */

/* lr_i = first · (last/first)^(i / (n − 1)) */
static double lr_of_point(int i) { return first_lr * pow(last_lr / first_lr, (double)i / (NN_RANGE_STEPS - 1)); }

/* s_i = Σ_j decay^(i−j) loss_j / Σ_j decay^(i−j) */
static void add_point(NnRangeTest *r, double lr, double loss, double *sum)
{
    NnRangePoint *point = &r->point[r->count++];
    *sum = decay * *sum + (1 - decay) * loss;
    *point = (NnRangePoint){lr, loss, *sum / (1 - pow(decay, r->count))};
    if (point->smooth < r->point[r->lowest].smooth) r->lowest = r->count - 1;
    r->diverged = !isfinite(loss) || (r->count > WARMUP && point->smooth > far_above * r->point[r->lowest].smooth);
}

/* Another epoch where one is over; NULL where a sample could not be read. */
static const Batch *next_batch(Batcher *batcher, uint64_t *epoch, NnError *error)
{
    const Batch *batch = batcher_next(batcher);
    if (!batch && !batcher_failed(batcher, error)) {
        batcher_begin(batcher, ++*epoch);
        batch = batcher_next(batcher);
    }
    if (!batch) batcher_failed(batcher, error);
    return batch;
}

static int raise_rate(const nn_model_info *info, void *model, Batcher *batcher, void *scratch,
                      const NnTrainConfig *config, NnRangeTest *r, NnError *error)
{
    uint64_t epoch = 0;
    double sum = 0;
    batcher_begin(batcher, epoch);
    while (r->count < NN_RANGE_STEPS && !r->diverged && !(config->stop && *config->stop)) {
        const double lr = lr_of_point(r->count);
        const Batch *batch = next_batch(batcher, &epoch, error);
        if (!batch) return -1;
        if (config->between) config->between(config->user, r->count);
        add_point(r, lr, (double)info->step(model, batch->x, batch->target, (float)lr, scratch), &sum);
    }
    return 0;
}

/* Of central differences over 2 · REACH points, before the lowest: batches differ from one another. */
static int find_steepest(const NnRangeTest *r)
{
    int steepest = -1;
    double least = 0;
    for (int i = WARMUP + REACH; i + REACH <= r->lowest; i++) {
        const double slope = r->point[i + REACH].smooth - r->point[i - REACH].smooth;
        if (slope < least) {
            least = slope;
            steepest = i;
        }
    }
    return steepest;
}

int nn_range_test(const nn_model_info *info, void *model, const Feed *feed, const NnTrainConfig *config, NnRangeTest *r,
                  NnError *error)
{
    Feed whole = *feed;
    whole.last = false; /* batches of one size */
    *r = (NnRangeTest){.steepest = -1};
    Batcher *batcher = batcher_new(&whole, DATA_TRAIN, info->batch, true, config->seed, error);
    void *scratch = batcher ? nn_memory(info->train_scratch, error) : NULL;
    int failed = scratch ? raise_rate(info, model, batcher, scratch, config, r, error) : -1;
    if (!failed) r->steepest = find_steepest(r);
    batcher_free(batcher);
    free(scratch);
    return failed;
}
