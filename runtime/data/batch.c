/*
 * Batches, made ahead of the step that takes them.
 *
 * One helper thread fills a ring of slots while the net works on another; the
 * lock is held only to move the two counters.  What is in batch b of epoch e is
 * a function of the seed, b and e: the thread changes when it is made, never
 * what.
 */
#include "runtime/data/dataset.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 3 }; /* one in use, two ahead */

struct Batcher {
    Feed feed;
    const Samples *samples;
    int size, batches;
    bool training;
    uint64_t seed;
    int32_t *order;
    float *scratch;
    Batch slot[SLOTS];

    pthread_t thread;
    bool running;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    int made, taken, end; /* of this epoch */
    bool busy, quit;
};

/* ---- filling a slot ------------------------------------------------------------- */

static void fill_target(const Feed *feed, const Samples *samples, int row, int i, const Batch *batch)
{
    size_t count = feed->target_count;
    float *values = (float *)batch->target + (size_t)i * count;
    switch (feed->kind) {
    case FEED_LABELS: ((int32_t *)batch->target)[i] = samples->labels[row]; break;
    case FEED_VALUES: memcpy(values, samples->targets + (size_t)row * count, count * sizeof *values); break;
    case FEED_ONE_HOT:
        memset(values, 0, count * sizeof *values);
        values[samples->labels[row]] = 1;
        break;
    case FEED_BINARY: *values = (float)samples->labels[row]; break;
    case FEED_INPUT: memcpy(values, batch->x + (size_t)i * count, count * sizeof *values); break;
    }
}

static void fill(Batcher *b, int number, Batch *batch)
{
    size_t elements = b->feed.fitting->elements;
    int first = number * b->size, left = b->samples->count - first;
    batch->count = b->training || left > b->size ? b->size : left;
    for (int i = 0; i < b->size; i++) {
        int row = b->order[(first + i) % b->samples->count];
        batch->row[i] = row;
        fitting_sample(b->feed.fitting, b->samples, row, batch->x + (size_t)i * elements, b->scratch);
        fill_target(&b->feed, b->samples, row, i, batch);
    }
}

static void *work(void *user)
{
    Batcher *b = user;
    pthread_mutex_lock(&b->lock);
    for (;;) {
        while (!b->quit && (b->made >= b->end || b->made - b->taken >= SLOTS - 1))
            pthread_cond_wait(&b->changed, &b->lock);
        if (b->quit) break;
        int number = b->made;
        b->busy = true;
        pthread_mutex_unlock(&b->lock);
        fill(b, number, &b->slot[number % SLOTS]);
        pthread_mutex_lock(&b->lock);
        b->busy = false;
        b->made++;
        pthread_cond_broadcast(&b->changed);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

/* ---- the taker's side -------------------------------------------------------------- */

int batcher_batches(const Batcher *b) { return b->batches; }

void batcher_begin(Batcher *b, uint64_t epoch)
{
    pthread_mutex_lock(&b->lock);
    b->end = 0;
    while (b->busy) pthread_cond_wait(&b->changed, &b->lock);
    if (b->training) nn_shuffle(b->order, b->samples->count, b->seed, epoch);
    b->made = b->taken = 0;
    b->end = b->batches;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

const Batch *batcher_next(Batcher *b)
{
    const Batch *batch = NULL;
    pthread_mutex_lock(&b->lock);
    if (b->taken < b->end) {
        while (b->made <= b->taken) pthread_cond_wait(&b->changed, &b->lock);
        batch = &b->slot[b->taken++ % SLOTS];
        pthread_cond_broadcast(&b->changed);
    }
    pthread_mutex_unlock(&b->lock);
    return batch;
}

/* ---- making and freeing ------------------------------------------------------------- */

static int take_memory(Batcher *b, NnError *error)
{
    size_t size = (size_t)b->size, elements = b->feed.fitting->elements;
    b->order = nn_alloc((size_t)b->samples->count * sizeof *b->order, error);
    b->scratch = nn_alloc(b->feed.fitting->scratch * sizeof *b->scratch, error);
    if (!b->order || !b->scratch) return -1;
    for (int i = 0; i < b->samples->count; i++) b->order[i] = i;
    for (int i = 0; i < SLOTS; i++) {
        Batch *batch = &b->slot[i];
        batch->x = nn_alloc(size * elements * sizeof *batch->x, error);
        batch->target = nn_alloc(size * b->feed.target_count * sizeof(float), error);
        batch->row = nn_alloc(size * sizeof *batch->row, error);
        if (!batch->x || !batch->target || !batch->row) return -1;
    }
    return 0;
}

/* Signals stay with the thread that trains. */
static int start_thread(Batcher *b, NnError *error)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int failed = pthread_create(&b->thread, NULL, work, b);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) return nn_fail(error, NN_SYSTEM_FAILED, "no thread for the batches: %s", strerror(failed));
    b->running = true;
    return 0;
}

Batcher *batcher_new(const Feed *feed, DataPart part, int size, bool training, uint64_t seed, NnError *error)
{
    Batcher *b = calloc(1, sizeof *b);
    if (!b) {
        nn_fail(error, NN_SYSTEM_FAILED, "no memory for the batches");
        return NULL;
    }
    b->feed = *feed;
    b->samples = &feed->data->part[part];
    b->size = size;
    b->training = training;
    b->seed = seed;
    b->batches = training ? b->samples->count / size : b->samples->count / size + (b->samples->count % size != 0);
    if (b->batches == 0) b->batches = 1;
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    if (take_memory(b, error) || start_thread(b, error)) {
        batcher_free(b);
        return NULL;
    }
    return b;
}

void batcher_free(Batcher *b)
{
    if (!b) return;
    if (b->running) {
        pthread_mutex_lock(&b->lock);
        b->quit = true;
        pthread_cond_broadcast(&b->changed);
        pthread_mutex_unlock(&b->lock);
        pthread_join(b->thread, NULL);
    }
    for (int i = 0; i < SLOTS; i++) {
        free(b->slot[i].x);
        free(b->slot[i].target);
        free(b->slot[i].row);
    }
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->changed);
    free(b->order);
    free(b->scratch);
    free(b);
}
