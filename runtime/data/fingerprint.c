/*
 * A data set → a number that another set does not have.
 *
 * Enters: a set as its files have it.  Leaves: 64 bits of all that training sees of it; of
 * images, whose pixels may be streamed, of their files (Dataset.identity) and of the choice
 * among them.  It is not meant against forgery.
 */
#include "runtime/data/dataset.h"

#include <string.h>

static const uint64_t FACTOR = UINT64_C(0x9e3779b97f4a7c15); /* 2^64 / the golden ratio, odd */

static uint64_t fingerprint_word(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * FACTOR;
    return hash ^ hash >> 32;
}

/* Eight bytes at a time, in the machine's order; the length tells apart what zeros would not. */
static uint64_t fingerprint_bytes(uint64_t hash, const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    uint64_t word;
    hash = fingerprint_word(hash, count);
    for (; count >= sizeof word; count -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = fingerprint_word(hash, word);
    }
    word = 0;
    memcpy(&word, at, count);
    return fingerprint_word(hash, word);
}

static uint64_t fingerprint_samples(uint64_t hash, const Dataset *data, const Samples *s)
{
    const size_t count = (size_t)s->count, elements = count * data->elements;
    hash = fingerprint_word(hash, count);
    if (s->numbers)
        hash = fingerprint_bytes(hash, s->numbers, count * sizeof *s->numbers);
    else if (s->pixels)
        hash = fingerprint_bytes(hash, s->pixels, elements);
    if (s->values) hash = fingerprint_bytes(hash, s->values, elements * sizeof *s->values);
    if (s->labels) hash = fingerprint_bytes(hash, s->labels, count * dataset_label_count(data) * sizeof *s->labels);
    if (s->targets) hash = fingerprint_bytes(hash, s->targets, count * (size_t)data->target_count * sizeof *s->targets);
    return hash;
}

static uint64_t fingerprint_named(uint64_t hash, const Dataset *data)
{
    for (int i = 0; i < NAMED_TARGETS; i++)
        for (int part = 0; part < DATA_PARTS; part++) {
            const NamedValues *named = &data->named[i];
            const size_t count = (size_t)data->part[part].count * named->count;
            if (named->at[part]) hash = fingerprint_bytes(hash, named->at[part], count * sizeof(float));
        }
    return hash;
}

uint64_t dataset_fingerprint(const Dataset *data)
{
    uint64_t hash = fingerprint_bytes(FACTOR, data->dims, (size_t)data->rank * sizeof *data->dims);
    hash = fingerprint_word(hash, (uint64_t)data->class_count);
    if (data->identity) hash = fingerprint_word(hash, data->identity);
    hash = fingerprint_named(hash, data);
    hash = fingerprint_samples(hash, data, &data->part[DATA_TRAIN]);
    if (!data->shared) hash = fingerprint_samples(hash, data, &data->part[DATA_TEST]);
    const Samples *valid = &data->part[DATA_VALID];
    return valid->count ? fingerprint_samples(hash, data, valid) : hash;
}
