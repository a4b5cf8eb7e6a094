/*
 * Batches, made ahead of the step that takes them.
 *
 * Helper threads fill a ring of slots while the net works on another; the lock
 * is held only to move the counters.  What is in batch b of epoch e is a
 * function of the seed, b and e: the threads change when it is made, never
 * what.
 */
#include "runtime/data/dataset.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_HELPERS = 8, SLOTS = MAX_HELPERS + 2 };

typedef struct Helper {
    Batcher *of;
    pthread_t thread;
    float *scratch;
} Helper;

struct Batcher {
    Feed feed;
    const Samples *samples;
    DataPart part;
    int count; /* samples of an epoch */
    int size, batches;
    bool training;
    uint64_t seed, epoch;
    int32_t *order;
    float *taught; /* [size]: of the teacher; NULL: there is none */
    Helper helper[MAX_HELPERS];
    int helpers, running; /* wanted, and there */
    Batch slot[SLOTS];
    int slots; /* one in use, one ahead, and one for each helper */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    int begun, taken, end; /* of this epoch: batches */
    int busy;              /* helpers at work */
    int made[SLOTS];       /* 1 + the number of the batch that is ready there; 0: none */
    bool quit;
};

/* ---- filling a slot ------------------------------------------------------------- */

/* The net's part of sample `row`'s class map; what is beyond the map has no class. */
static void fill_map(const Batcher *b, int row, int32_t *out, float *scratch)
{
    const Feed *feed = &b->feed;
    const int *map = feed->data->map;
    const size_t area = (size_t)map[0] * (size_t)map[1];
    const int32_t *labels = b->samples->labels + (size_t)row * area;
    const float *moved = NULL;
    if (b->training && feed->augment && map[0] == feed->fitting->from[1] && map[1] == feed->fitting->from[2]) {
        for (size_t i = 0; i < area; i++) scratch[i] = (float)labels[i];
        moved = augment_map(feed->augment, row, b->seed, b->epoch, scratch, scratch + area);
    }
    for (int i = feed->top; i < feed->top + feed->height; i++)
        for (int j = feed->left; j < feed->left + feed->width; j++) {
            bool inside = i >= 0 && i < map[0] && j >= 0 && j < map[1];
            size_t at = (size_t)i * (size_t)map[1] + (size_t)j;
            *out++ = !inside ? NO_CLASS : moved ? (int32_t)moved[at] : labels[at];
        }
}

/* A class stands in four bytes either way. */
static void classes_to_reals(void *row, size_t count)
{
    for (size_t i = 0; i < count; i++) ((float *)row)[i] = (float)((const int32_t *)row)[i];
}

/* The net's own target. */
static void fill_own(const Batcher *b, int row, int i, const Batch *batch, float *scratch)
{
    const Feed *feed = &b->feed;
    const Samples *samples = b->samples;
    const size_t count = feed->target_count;
    float *values = (float *)batch->target + (size_t)i * feed_row(feed);
    switch (feed->kind) {
    case FEED_LABELS: *(int32_t *)(void *)values = samples->labels[row]; break;
    case FEED_MAP: fill_map(b, row, (int32_t *)(void *)values, scratch); break;
    case FEED_VALUES: memcpy(values, samples->targets + (size_t)row * count, count * sizeof *values); break;
    case FEED_ONE_HOT:
        memset(values, 0, count * sizeof *values);
        values[samples->labels[row]] = 1;
        break;
    case FEED_BINARY: *values = (float)samples->labels[row]; break;
    case FEED_SIGN: *values = samples->labels[row] ? 1 : -1; break;
    case FEED_INPUT: memcpy(values, batch->x + (size_t)i * count, count * sizeof *values); break;
    }
    if (feed->reals && (feed->kind == FEED_LABELS || feed->kind == FEED_MAP)) classes_to_reals(values, count);
}

/* A named target, whose values are numbers; one number for several values is a class of theirs. */
static void fill_named(const Feed *feed, const NamedTarget *target, const float *from, size_t count, float *row)
{
    if (count < target->count) {
        memset(row, 0, target->count * sizeof *row);
        row[(size_t)*from] = 1;
        return;
    }
    for (size_t k = 0; k < count; k++)
        if (feed->reals)
            row[k] = from[k];
        else
            ((int32_t *)(void *)row)[k] = (int32_t)from[k];
}

static void fill_target(const Batcher *b, int row, int i, const Batch *batch, float *scratch)
{
    const Feed *feed = &b->feed;
    fill_own(b, row, i, batch, scratch);
    float *to = (float *)batch->target + (size_t)i * feed_row(feed) + feed->target_count;
    for (int k = 0; k < feed->named_count; k++) {
        const NamedValues *values = &feed->data->named[k];
        if (feed->named[k].taught)
            memset(to, 0, feed->named[k].count * sizeof *to);
        else
            fill_named(feed, &feed->named[k], values->at[b->part] + (size_t)row * values->count, values->count, to);
        to += feed->named[k].count;
    }
}

static void fill_sample(Batcher *b, int row, float *out, float *scratch)
{
    if (b->training && b->feed.augment)
        augment_sample(b->feed.augment, b->samples, row, b->seed, b->epoch, out, scratch);
    else
        fitting_sample(b->feed.fitting, b->samples, row, out, scratch);
}

static void fill(Batcher *b, int number, Batch *batch, float *scratch)
{
    size_t elements = b->feed.fitting->elements;
    int first = number * b->size, left = b->count - first;
    bool whole = b->training && !b->feed.last;
    batch->count = whole || left > b->size ? b->size : left;
    for (int i = 0; i < b->size; i++) {
        int row = b->order[(first + i) % b->count];
        batch->row[i] = row;
        fill_sample(b, row, batch->x + (size_t)i * elements, scratch);
        fill_target(b, row, i, batch, scratch);
    }
    if (b->training && (b->feed.mixup > 0 || b->feed.cutmix > 0))
        mix_batch(&b->feed, batch, b->seed, b->epoch, (uint64_t)number);
}

static bool may_begin(const Batcher *b) { return b->begun < b->end && b->begun - b->taken < b->slots - 1; }

static void *work(void *user)
{
    const Helper *helper = user;
    Batcher *b = helper->of;
    pthread_mutex_lock(&b->lock);
    for (;;) {
        while (!b->quit && !may_begin(b)) pthread_cond_wait(&b->changed, &b->lock);
        if (b->quit) break;
        int number = b->begun++, slot = number % b->slots;
        b->busy++;
        pthread_mutex_unlock(&b->lock);
        fill(b, number, &b->slot[slot], helper->scratch);
        pthread_mutex_lock(&b->lock);
        b->busy--;
        b->made[slot] = number + 1;
        pthread_cond_broadcast(&b->changed);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

/* ---- the taker's side -------------------------------------------------------------- */

int batcher_batches(const Batcher *b) { return b->batches; }

void batcher_begin(Batcher *b, uint64_t epoch) { batcher_begin_at(b, epoch, 0); }

void batcher_begin_at(Batcher *b, uint64_t epoch, int number)
{
    pthread_mutex_lock(&b->lock);
    b->end = 0;
    while (b->busy) pthread_cond_wait(&b->changed, &b->lock);
    if (b->training && !b->feed.sequential) nn_shuffle(b->order, b->count, b->seed, epoch);
    b->epoch = epoch;
    b->begun = b->taken = number;
    memset(b->made, 0, sizeof b->made);
    b->end = b->batches;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

/* What the teacher makes of the batch as it was augmented and mixed, at the end of its rows. */
static void teach(const Batcher *b, const Batch *batch)
{
    const Feed *feed = &b->feed;
    const size_t row = feed_row(feed), count = feed->named[feed->named_count - 1].count;
    float *to = (float *)batch->target + row - count;
    feed->teach(feed->teacher, batch->x, b->taught);
    for (size_t i = 0; i < (size_t)b->size; i++) memcpy(to + i * row, b->taught + i * count, count * sizeof *to);
}

const Batch *batcher_next(Batcher *b)
{
    const Batch *batch = NULL;
    pthread_mutex_lock(&b->lock);
    if (b->taken < b->end) {
        int number = b->taken, slot = number % b->slots;
        while (b->made[slot] != number + 1) pthread_cond_wait(&b->changed, &b->lock);
        batch = &b->slot[slot];
        b->taken++;
        pthread_cond_broadcast(&b->changed);
    }
    pthread_mutex_unlock(&b->lock);
    if (batch && b->taught) teach(b, batch);
    return batch;
}

/* ---- making and freeing ------------------------------------------------------------- */

/* One is enough to copy; images that are worked on get half of the processors,
 * and the net the other half. */
static int count_helpers(const Batcher *b)
{
    const Fitting *f = b->feed.fitting;
    bool light = !(b->training && b->feed.augment) && f->from[1] == f->to[1] && f->from[2] == f->to[2];
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int helpers = b->feed.helpers ? b->feed.helpers : light || processors < 4 ? 1 : (int)(processors / 2);
    return helpers > MAX_HELPERS ? MAX_HELPERS : helpers;
}

static size_t scratch_floats(const Batcher *b)
{
    size_t fitting = b->feed.fitting->scratch, augment = b->feed.augment ? b->feed.augment->scratch : 0;
    return fitting > augment ? fitting : augment;
}

static int take_memory(Batcher *b, NnError *error)
{
    size_t size = (size_t)b->size, elements = b->feed.fitting->elements;
    b->order = nn_alloc((size_t)b->count * sizeof *b->order, error);
    if (!b->order) return -1;
    if (b->feed.teach) {
        b->taught = nn_alloc(size * b->feed.named[b->feed.named_count - 1].count * sizeof *b->taught, error);
        if (!b->taught) return -1;
    }
    for (int i = 0; i < b->helpers; i++) {
        b->helper[i] = (Helper){.of = b, .scratch = nn_alloc(scratch_floats(b) * sizeof(float), error)};
        if (!b->helper[i].scratch) return -1;
    }
    for (int i = 0; i < b->count; i++) b->order[i] = (int32_t)((int64_t)i * b->samples->count / b->count);
    for (int i = 0; i < b->slots; i++) {
        Batch *batch = &b->slot[i];
        batch->x = nn_alloc(size * elements * sizeof *batch->x, error);
        batch->target = nn_alloc(size * feed_row(&b->feed) * sizeof(float), error);
        batch->row = nn_alloc(size * sizeof *batch->row, error);
        if (!batch->x || !batch->target || !batch->row) return -1;
    }
    return 0;
}

/* Signals stay with the thread that trains. */
static int start_threads(Batcher *b, NnError *error)
{
    sigset_t all, before;
    int failed = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    while (!failed && b->running < b->helpers) {
        Helper *helper = &b->helper[b->running];
        failed = pthread_create(&helper->thread, NULL, work, helper);
        b->running += !failed;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return nn_fail(error, NN_SYSTEM_FAILED, "cannot start the thread that prepares batches: %s", strerror(failed));
    return 0;
}

static Batcher *batcher_start(Batcher like, NnError *error)
{
    Batcher *b = nn_alloc(sizeof *b, error);
    if (!b) return NULL;
    *b = like;
    b->batches = b->count / b->size;
    if ((!b->training || b->feed.last) && b->count % b->size) b->batches++;
    if (b->batches == 0) b->batches = 1;
    b->helpers = count_helpers(b);
    b->slots = b->helpers + 2;
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    if (take_memory(b, error) || start_threads(b, error)) {
        batcher_free(b);
        return NULL;
    }
    return b;
}

Batcher *batcher_new(const Feed *feed, DataPart part, int size, bool training, uint64_t seed, NnError *error)
{
    const Samples *samples = &feed->data->part[part];
    return batcher_start((Batcher){.feed = *feed,
                                   .samples = samples,
                                   .part = part,
                                   .count = samples->count,
                                   .size = size,
                                   .training = training,
                                   .seed = seed},
                         error);
}

Batcher *batcher_new_some(const Feed *feed, DataPart part, int size, int count, NnError *error)
{
    const Samples *samples = &feed->data->part[part];
    if (count > samples->count) count = samples->count;
    return batcher_start((Batcher){.feed = *feed, .samples = samples, .part = part, .count = count, .size = size},
                         error);
}

void batcher_free(Batcher *b)
{
    if (!b) return;
    if (b->running) {
        pthread_mutex_lock(&b->lock);
        b->quit = true;
        pthread_cond_broadcast(&b->changed);
        pthread_mutex_unlock(&b->lock);
        for (int i = 0; i < b->running; i++) pthread_join(b->helper[i].thread, NULL);
    }
    for (int i = 0; i < b->helpers; i++) free(b->helper[i].scratch);
    for (int i = 0; i < SLOTS; i++) {
        free(b->slot[i].x);
        free(b->slot[i].target);
        free(b->slot[i].row);
    }
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->changed);
    free(b->order);
    free(b->taught);
    free(b);
}
