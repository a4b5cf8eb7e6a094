/*
 * source: samples that are read when they are asked for.
 *
 * A reader that knows files of encoded images leaves a SampleSource: how many samples there
 * are, and how one of them is read.  The parts of the data set list the source's samples by
 * number.  A set that fits in the memory that it may take is read from its source at once;
 * else its samples are streamed: read one by one, by the threads that prepare batches.
 *
 * The cache keeps the samples that were read first, and nothing is ever removed from it: an
 * epoch takes every sample once, so that no other choice finds more of them in it.
 */
#ifndef NN_SOURCE_H
#define NN_SOURCE_H

#include "runtime/data/dataset.h"

typedef struct SampleCache SampleCache;

struct SampleSource {
    int count;
    size_t bytes; /* of a sample */
    /* Sample `number` → out[bytes].  Called by several threads at once. */
    int (*read)(const SampleSource *, int number, uint8_t *out, Workspace *, NnError *);
    void (*free)(SampleSource *);
    SampleCache *cache; /* NULL: none */
};

void source_free(SampleSource *); /* NULL does nothing */

/* Up to `limit` bytes of samples are kept. */
int source_use_cache(SampleSource *, size_t limit, NnError *);

/* The samples numbers[0 … count) → out[count][bytes], by several threads. */
int source_load(const SampleSource *, const int32_t *numbers, int count, uint8_t *out, const TeamWatch *, NnError *);

/* What a thread needs to take samples of a data set that may be streamed. */
typedef struct SampleBuffer {
    Workspace read, sample;
} SampleBuffer;

/* Sample `index` of a part, as the files have it; in the set's memory, or in the buffer until
 * the next call.  `elements` are those of the set. */
int samples_read(const Samples *, size_t elements, int index, SampleBuffer *, RawSample *, NnError *);
void sample_buffer_free(SampleBuffer *);

#endif
