/*
 * Batches, made ahead of the step that takes them.
 *
 * Worker threads fill a ring of slots while the net works on another.  They share the samples
 * of a batch, so that the memory of batches does not grow with their number; the lock is held
 * only to move the counters.  What is in batch b of epoch e is a function of the seed, b and e:
 * the threads change when it is made, never what.  Without workers, the thread that takes a
 * batch makes it.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/data/dataset.h"
#include "runtime/data/fill.h"

enum {
    SLOTS = 4,  /* one in use, the others ahead of it */
    PIECES = 4, /* of a batch, for each worker */
    NO_BATCH = -1
};

typedef struct Worker {
    Batcher *of;
    pthread_t thread;
    FillMemory memory;
} Worker;

typedef struct BatchSlot {
    Batch batch;
    /* under the lock */
    int number; /* of the batch in it, or NO_BATCH */
    int left;   /* samples that are not there yet; mixing is one more */
} BatchSlot;

struct Batcher {
    Filler fill;
    int count; /* samples of an epoch */
    int size, batches;
    int piece; /* samples that a worker takes at once */
    int32_t *order;
    float *taught;  /* [size]: of the teacher; NULL: there is none */
    Worker *worker; /* one at least, whose memory is the taker's where there is no thread */
    int workers, running;
    BatchSlot slot[SLOTS];
    double waited;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    int number, next; /* the samples to be made next: of that batch, from `next` on */
    int taken, end;   /* of this epoch: batches */
    int busy;         /* workers at work */
    int64_t failed;   /* the first sample of the epoch that could not be read, or INT64_MAX */
    NnError error;    /* of that sample */
    bool quit;
};

/* ---- filling a slot ------------------------------------------------------------- */

/* Samples begin … end−1 of a batch. */
typedef struct BatchPiece {
    BatchSlot *slot;
    int number, begin, end;
    int failed; /* the sample that could not be read, or `end` */
    NnError error;
} BatchPiece;

/* Mixing takes all samples of a batch. */
static bool is_made(const Filler *fill, int i)
{
    const Feed *feed = &fill->feed;
    if (!fill->training || !feed->share_end || feed->mixup > 0 || feed->cutmix > 0) return true;
    return i >= feed->share_begin && i < feed->share_end;
}

static void fill_piece(const Batcher *b, BatchPiece *p, FillMemory *memory)
{
    const int64_t first = (int64_t)p->number * b->size;
    p->failed = p->end;
    for (int i = p->begin; i < p->end; i++) {
        const int32_t row = b->order[(first + i) % b->count];
        p->slot->batch.row[i] = row;
        if (!is_made(&b->fill, i)) continue;
        if (!fill_row(&b->fill, row, i, &p->slot->batch, memory, &p->error)) continue;
        p->failed = i;
        break;
    }
}

static void finish_batch(const Batcher *b, BatchSlot *slot, int number)
{
    const Filler *fill = &b->fill;
    const int left = b->count - number * b->size;
    const bool whole = fill->training && !fill->feed.last;
    slot->batch.count = whole || left > b->size ? b->size : left;
    if (fill->training && (fill->feed.mixup > 0 || fill->feed.cutmix > 0))
        mix_batch(&fill->feed, &slot->batch, fill->seed, fill->epoch, (uint64_t)number);
}

/* Under the lock: the error that is kept is that of the first sample. */
static void note_failure(Batcher *b, const BatchPiece *p)
{
    const int64_t at = (int64_t)p->number * b->size + p->failed;
    if (p->failed == p->end || at >= b->failed) return;
    b->failed = at;
    b->error = p->error;
}

/* ---- workers ---------------------------------------------------------------------- */

static bool may_begin(const Batcher *b) { return b->number < b->end && b->number - b->taken < SLOTS - 1; }

/* Under the lock: the next piece; all of a batch are given out before the next batch. */
static BatchPiece take_piece(Batcher *b)
{
    BatchSlot *slot = &b->slot[b->number % SLOTS];
    BatchPiece p = {.slot = slot, .number = b->number, .begin = b->next};
    if (p.begin == 0) {
        slot->number = b->number;
        slot->left = b->size + 1;
    }
    p.end = b->size - p.begin > b->piece ? p.begin + b->piece : b->size;
    b->next = p.end;
    if (p.end == b->size) {
        b->number++;
        b->next = 0;
    }
    return p;
}

/* Under the lock, which is given up while there is work. */
static void do_piece(Batcher *b, FillMemory *memory)
{
    BatchPiece p = take_piece(b);
    b->busy++;
    pthread_mutex_unlock(&b->lock);
    fill_piece(b, &p, memory);
    pthread_mutex_lock(&b->lock);
    note_failure(b, &p);
    p.slot->left -= p.end - p.begin;
    if (p.slot->left == 1) { /* the last piece that was missing */
        pthread_mutex_unlock(&b->lock);
        finish_batch(b, p.slot, p.number);
        pthread_mutex_lock(&b->lock);
        p.slot->left = 0;
    }
    b->busy--;
    pthread_cond_broadcast(&b->changed);
}

static void *work(void *user)
{
    Worker *worker = user;
    Batcher *b = worker->of;
    pthread_mutex_lock(&b->lock);
    while (!b->quit)
        if (may_begin(b))
            do_piece(b, &worker->memory);
        else
            pthread_cond_wait(&b->changed, &b->lock);
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

/* ---- the taker's side -------------------------------------------------------------- */

int batcher_batches(const Batcher *b) { return b->batches; }

double batcher_waited(const Batcher *b) { return b->waited; }

void batcher_begin(Batcher *b, uint64_t epoch) { batcher_begin_at(b, epoch, 0); }

void batcher_begin_at(Batcher *b, uint64_t epoch, int number)
{
    pthread_mutex_lock(&b->lock);
    b->end = 0;
    while (b->busy) pthread_cond_wait(&b->changed, &b->lock);
    if (b->fill.training && !b->fill.feed.sequential) nn_shuffle(b->order, b->count, b->fill.seed, epoch);
    b->fill.epoch = epoch;
    b->number = b->taken = number;
    b->next = 0;
    b->failed = INT64_MAX;
    for (int i = 0; i < SLOTS; i++) b->slot[i].number = NO_BATCH;
    b->end = b->batches;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

/* What the teacher makes of the batch as it was augmented and mixed, at the end of its rows. */
static void teach(const Batcher *b, const Batch *batch)
{
    const Feed *feed = &b->fill.feed;
    const size_t row = feed_row(feed), count = feed->named[feed->named_count - 1].count;
    float *to = (float *)batch->target + row - count;
    feed->teach(feed->teacher, batch->x, b->taught);
    for (size_t i = 0; i < (size_t)b->size; i++) memcpy(to + i * row, b->taught + i * count, count * sizeof *to);
}

static double batch_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static bool is_ready(const BatchSlot *slot, int number) { return slot->number == number && slot->left == 0; }

/* Under the lock: until the batch is there. */
static void await_batch(Batcher *b, int number)
{
    const BatchSlot *slot = &b->slot[number % SLOTS];
    if (is_ready(slot, number)) return;
    const double since = batch_clock();
    while (!is_ready(slot, number))
        if (b->workers)
            pthread_cond_wait(&b->changed, &b->lock);
        else
            do_piece(b, &b->worker[0].memory);
    b->waited += batch_clock() - since;
}

/* Under the lock: whether a sample before batch `number` + 1 could not be read. */
static bool has_failed(const Batcher *b, int number) { return b->failed < ((int64_t)number + 1) * b->size; }

const Batch *batcher_next(Batcher *b)
{
    const Batch *batch = NULL;
    pthread_mutex_lock(&b->lock);
    if (b->taken < b->end) {
        const int number = b->taken;
        await_batch(b, number);
        if (has_failed(b, number)) {
            b->end = b->taken; /* nothing is made after it */
        } else {
            batch = &b->slot[number % SLOTS].batch;
            b->taken++;
        }
        pthread_cond_broadcast(&b->changed);
    }
    pthread_mutex_unlock(&b->lock);
    if (batch && b->taught) teach(b, batch);
    return batch;
}

int batcher_failed(Batcher *b, NnError *error)
{
    pthread_mutex_lock(&b->lock);
    const bool failed = b->taken < b->batches && has_failed(b, b->taken);
    if (failed) *error = b->error;
    pthread_mutex_unlock(&b->lock);
    return failed ? -1 : 0;
}

/* ---- making and freeing ------------------------------------------------------------- */

/* One is enough to copy; images that are worked on get half of the processors,
 * and the net the other half. */
static int count_workers(const Batcher *b)
{
    const Feed *feed = &b->fill.feed;
    const Fitting *f = feed->fitting;
    const bool light = !b->fill.samples->source && !(b->fill.training && feed->augment) && f->from[1] == f->to[1] &&
                       f->from[2] == f->to[2];
    const int processors = nn_processors();
    const int usual = light || processors < 4 ? 1 : processors / 2;
    const int workers = feed->workers == FEED_USUAL_WORKERS ? usual : feed->workers;
    return workers > FEED_MOST_WORKERS ? FEED_MOST_WORKERS : workers;
}

static int reserve_slots(Batcher *b, NnError *error)
{
    const size_t size = (size_t)b->size, elements = b->fill.feed.fitting->elements;
    for (int i = 0; i < SLOTS; i++) {
        Batch *batch = &b->slot[i].batch;
        batch->x = nn_alloc(size * elements * sizeof *batch->x, error);
        batch->target = nn_alloc(size * feed_row(&b->fill.feed) * sizeof(float), error);
        batch->row = nn_alloc(size * sizeof *batch->row, error);
        if (!batch->x || !batch->target || !batch->row) return -1;
    }
    return 0;
}

static int reserve_workers(Batcher *b, NnError *error)
{
    const int memories = b->workers ? b->workers : 1;
    b->worker = nn_alloc((size_t)memories * sizeof *b->worker, error);
    if (!b->worker) return -1;
    for (int i = 0; i < memories; i++) {
        b->worker[i].of = b;
        if (fill_memory_init(&b->worker[i].memory, &b->fill, error)) return -1;
    }
    return 0;
}

static int take_memory(Batcher *b, NnError *error)
{
    const Feed *feed = &b->fill.feed;
    b->order = nn_alloc((size_t)b->count * sizeof *b->order, error);
    if (!b->order) return -1;
    for (int i = 0; i < b->count; i++) b->order[i] = (int32_t)((int64_t)i * b->fill.samples->count / b->count);
    if (feed->teach) {
        b->taught = nn_alloc((size_t)b->size * feed->named[feed->named_count - 1].count * sizeof *b->taught, error);
        if (!b->taught) return -1;
    }
    return reserve_workers(b, error) || reserve_slots(b, error) ? -1 : 0;
}

/* Signals stay with the thread that trains. */
static int start_threads(Batcher *b, NnError *error)
{
    sigset_t all, before;
    int failed = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    while (!failed && b->running < b->workers) {
        Worker *worker = &b->worker[b->running];
        failed = pthread_create(&worker->thread, NULL, work, worker);
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
    if ((!b->fill.training || b->fill.feed.last) && b->count % b->size) b->batches++;
    if (b->batches == 0) b->batches = 1;
    b->workers = count_workers(b);
    b->piece = b->workers ? (b->size - 1) / (PIECES * b->workers) + 1 : b->size;
    b->failed = INT64_MAX;
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
    const Filler fill = {.feed = *feed, .samples = samples, .part = part, .training = training, .seed = seed};
    return batcher_start((Batcher){.fill = fill, .count = samples->count, .size = size}, error);
}

Batcher *batcher_new_some(const Feed *feed, DataPart part, int size, int count, NnError *error)
{
    const Samples *samples = &feed->data->part[part];
    const Filler fill = {.feed = *feed, .samples = samples, .part = part};
    if (count > samples->count) count = samples->count;
    return batcher_start((Batcher){.fill = fill, .count = count, .size = size}, error);
}

static void stop_threads(Batcher *b)
{
    if (!b->running) return;
    pthread_mutex_lock(&b->lock);
    b->quit = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
    for (int i = 0; i < b->running; i++) pthread_join(b->worker[i].thread, NULL);
}

void batcher_free(Batcher *b)
{
    if (!b) return;
    stop_threads(b);
    for (int i = 0; b->worker && i < (b->workers ? b->workers : 1); i++) fill_memory_free(&b->worker[i].memory);
    free(b->worker);
    for (int i = 0; i < SLOTS; i++) {
        free(b->slot[i].batch.x);
        free(b->slot[i].batch.target);
        free(b->slot[i].batch.row);
    }
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->changed);
    free(b->order);
    free(b->taught);
    free(b);
}
