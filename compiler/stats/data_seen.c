/*
 * The training part before the first step: its targets, and some of its inputs as the net gets them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/diagnosis.h"

enum { MOST_SAMPLES = 512 };

/* ---- targets ---------------------------------------------------------------------- */

static void see_classes(Arena *arena, const Samples *s, int class_count, DataSeen *seen)
{
    int *count = arena_alloc(arena, (size_t)(class_count + 1) * sizeof *count), all = 0;
    for (int i = 0; i < s->count; i++) {
        if (s->labels[i] < 0 || s->labels[i] >= class_count) continue;
        count[s->labels[i]]++;
        all++;
    }
    seen->class_count = class_count;
    for (int i = 0; i < class_count; i++) {
        const double share = all ? (double)count[i] / all : 0;
        seen->classes += count[i] > 0;
        seen->entropy -= share > 0 ? share * log(share) : 0;
    }
    seen->constant = seen->classes == 1;
}

static bool rows_are_equal(const float *rows, int count, size_t elements)
{
    for (int i = 1; i < count; i++)
        if (memcmp(rows, rows + (size_t)i * elements, elements * sizeof *rows)) return false;
    return true;
}

static void see_targets(Arena *arena, const Feed *feed, DataSeen *seen)
{
    const Samples *s = &feed->data->part[DATA_TRAIN];
    const bool classes = s->labels && !feed->data->map[0] && feed->kind != FEED_INPUT;
    if (classes)
        see_classes(arena, s, feed->data->class_count, seen);
    else if (s->targets && feed->kind == FEED_VALUES)
        seen->constant = rows_are_equal(s->targets, s->count, (size_t)feed->data->target_count);
}

/* ---- inputs ------------------------------------------------------------------------- */

typedef struct ElementSums {
    float *first; /* of the first sample */
    bool *varies;
    double *squares;
} ElementSums;

static void add_sample(ElementSums *e, const float *x, size_t elements, bool first)
{
    if (first) memcpy(e->first, x, elements * sizeof *x);
    for (size_t i = 0; i < elements; i++) {
        e->varies[i] |= x[i] != e->first[i];
        e->squares[i] += (double)x[i] * (double)x[i];
    }
}

static void sum_up(const ElementSums *e, size_t elements, bool columns, DataSeen *seen)
{
    double all = 0, most = 0, least = INFINITY;
    size_t varying = 0;
    for (size_t i = 0; i < elements; i++) {
        all += e->squares[i];
        varying += e->varies[i];
        if (e->varies[i]) most = fmax(most, e->squares[i]), least = fmin(least, e->squares[i]);
    }
    seen->size = sqrt(all / ((double)elements * seen->samples));
    seen->varying = (double)varying / (double)elements;
    seen->spread = columns && least > 0 && most > 0 ? sqrt(most / least) : 1;
}

/* As the net gets them, but not augmented.  What cannot be read is for training to say. */
static void see_samples(Batcher *batcher, size_t elements, ElementSums *sums, DataSeen *seen)
{
    const Batch *batch;
    batcher_begin(batcher, 0);
    while ((batch = batcher_next(batcher)))
        for (int i = 0; i < batch->count; i++)
            add_sample(sums, batch->x + (size_t)i * elements, elements, seen->samples++ == 0);
}

static void see_inputs(Arena *arena, const Feed *feed, DataSeen *seen)
{
    enum { BATCH = 16 };
    const Fitting *f = feed->fitting;
    const size_t elements = f->elements;
    NnError ignored = {0};
    Feed alone = *feed; /* without a teacher */
    alone.teach = NULL;
    ElementSums sums = {.first = arena_alloc(arena, elements * sizeof(float)),
                        .varies = arena_alloc(arena, elements),
                        .squares = arena_alloc(arena, elements * sizeof(double))};
    Batcher *batcher = batcher_new_some(&alone, DATA_TRAIN, BATCH, MOST_SAMPLES, &ignored);
    if (!batcher) return;
    see_samples(batcher, elements, &sums, seen);
    batcher_free(batcher);
    if (seen->samples) sum_up(&sums, elements, f->rank != 3, seen);
}

DataSeen data_seen(Arena *arena, const Feed *feed)
{
    DataSeen seen = {0};
    see_targets(arena, feed, &seen);
    see_inputs(arena, feed, &seen);
    return seen;
}
