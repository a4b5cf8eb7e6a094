/*
 * Samples from memory, from a cache, or from the files.
 */
#include "runtime/data/source.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* ---- the cache --------------------------------------------------------------------- */

enum { NOT_CACHED, BEING_CACHED, CACHED }; /* CACHED + i: in place i */

struct SampleCache {
    size_t bytes;       /* of a sample */
    int capacity;       /* in samples */
    atomic_int used;    /* places that are taken; more than the capacity where it is full */
    uint8_t *samples;   /* [capacity][bytes] */
    atomic_int place[]; /* of each sample of the source */
};

int source_use_cache(SampleSource *s, size_t limit, NnError *error)
{
    const size_t capacity = limit / s->bytes;
    if (!capacity) return 0;
    SampleCache *c = nn_alloc(sizeof *c + (size_t)s->count * sizeof *c->place, error);
    if (!c) return -1;
    c->bytes = s->bytes;
    c->capacity = capacity < (size_t)s->count ? (int)capacity : s->count;
    c->samples = nn_memory((size_t)c->capacity * c->bytes, error);
    s->cache = c;
    return c->samples ? 0 : -1;
}

static const uint8_t *cache_find(SampleCache *c, int number)
{
    const int place = c ? atomic_load_explicit(&c->place[number], memory_order_acquire) : NOT_CACHED;
    return place < CACHED ? NULL : c->samples + (size_t)(place - CACHED) * c->bytes;
}

/* Of several threads that have read the same sample, one puts it there. */
static void cache_put(SampleCache *c, int number, const uint8_t *sample)
{
    int expected = NOT_CACHED;
    if (!c || atomic_load(&c->used) >= c->capacity ||
        !atomic_compare_exchange_strong(&c->place[number], &expected, BEING_CACHED))
        return;
    const int place = atomic_fetch_add(&c->used, 1);
    if (place < c->capacity) {
        memcpy(c->samples + (size_t)place * c->bytes, sample, c->bytes);
        atomic_store_explicit(&c->place[number], CACHED + place, memory_order_release);
    } else {
        atomic_store(&c->place[number], NOT_CACHED);
    }
}

void source_free(SampleSource *s)
{
    if (!s) return;
    if (s->cache) free(s->cache->samples);
    free(s->cache);
    s->free(s);
}

/* ---- reading ------------------------------------------------------------------------ */

typedef struct LoadTask {
    const SampleSource *source;
    const int32_t *numbers;
    uint8_t *out;
} LoadTask;

static int load_one(void *user, size_t i, Workspace *workspace, NnError *error)
{
    const LoadTask *t = user;
    const SampleSource *s = t->source;
    uint8_t *out = t->out + i * s->bytes;
    const uint8_t *cached = cache_find(s->cache, t->numbers[i]);
    if (cached)
        memcpy(out, cached, s->bytes);
    else if (s->read(s, t->numbers[i], out, workspace, error))
        return -1;
    if (!cached) cache_put(s->cache, t->numbers[i], out);
    return 0;
}

int source_load(const SampleSource *s, const int32_t *numbers, int count, uint8_t *out, const TeamWatch *watch,
                NnError *error)
{
    return team_run((size_t)count, load_one, &(LoadTask){s, numbers, out}, "images decoded", watch, error);
}

static int read_streamed(const SampleSource *s, int number, SampleBuffer *buffer, RawSample *out, NnError *error)
{
    const uint8_t *cached = cache_find(s->cache, number);
    *out = (RawSample){.pixels = cached};
    if (cached) return 0;
    if (workspace_provide(&buffer->sample, s->bytes, 0, error) ||
        s->read(s, number, buffer->sample.bytes, &buffer->read, error))
        return -1;
    cache_put(s->cache, number, buffer->sample.bytes);
    out->pixels = buffer->sample.bytes;
    return 0;
}

int samples_read(const Samples *samples, size_t elements, int index, SampleBuffer *buffer, RawSample *out,
                 NnError *error)
{
    if (samples->source) return read_streamed(samples->source, samples->numbers[index], buffer, out, error);
    const size_t at = (size_t)index * elements;
    *out = (RawSample){.pixels = samples->pixels ? samples->pixels + at : NULL,
                       .values = samples->values ? samples->values + at : NULL};
    return 0;
}

void sample_buffer_free(SampleBuffer *buffer)
{
    workspace_free(&buffer->read);
    workspace_free(&buffer->sample);
}
