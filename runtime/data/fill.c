/*
 * A sample of the data set → its place in a batch: input and target.
 *
 * What is there is a function of the seed, the epoch and the sample's number alone.
 */
#include "runtime/data/fill.h"

#include <stdlib.h>
#include <string.h>

/* ---- targets ---------------------------------------------------------------------- */

/* The net's part of sample `row`'s class map, which was augmented and fitted with its image; what
 * is beyond the map has no class. */
static void fill_map(const Filler *b, int row, int32_t *out, float *scratch)
{
    const Feed *feed = &b->feed;
    const Augmenter *augment = b->training && feed->map_moves ? feed->augment : NULL;
    const int *map = feed->data->map, size[2] = {augment ? augment->height : map[0], augment ? augment->width : map[1]};
    const size_t area = (size_t)map[0] * (size_t)map[1];
    const int32_t *labels = b->samples->labels + (size_t)row * area;
    const float *moved = NULL;
    FitSource source[2];
    if (!feed->map_moves) {
        memcpy(out, labels, area * sizeof *out);
        return;
    }
    for (size_t i = 0; augment && i < area; i++) scratch[i] = (float)labels[i];
    if (augment) moved = augment_map(augment, row, b->seed, b->epoch, scratch, scratch + augment->planes);
    fitting_sources(feed->fitting, size, source);
    for (int i = 0; i < feed->height; i++)
        for (int j = 0; j < feed->width; j++) {
            int y = fitting_source(&source[0], i + feed->top), x = fitting_source(&source[1], j + feed->left);
            size_t at = (size_t)y * (size_t)size[1] + (size_t)x;
            *out++ = y < 0 || x < 0 ? NO_CLASS : moved ? (int32_t)moved[at] : labels[at];
        }
}

/* A class stands in four bytes either way. */
static void classes_to_reals(void *row, size_t count)
{
    for (size_t i = 0; i < count; i++) ((float *)row)[i] = (float)((const int32_t *)row)[i];
}

/* The net's own target. */
static void fill_own(const Filler *b, int row, int i, const Batch *batch, float *scratch)
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

static void fill_target(const Filler *b, int row, int i, const Batch *batch, float *scratch)
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

/* ---- a sample ----------------------------------------------------------------------- */

static int fill_input(const Filler *b, int row, float *out, FillMemory *memory, NnError *error)
{
    const Fitting *f = b->feed.fitting;
    RawSample raw;
    if (samples_read(b->samples, b->feed.data->elements, row, &memory->buffer, &raw, error)) return -1;
    if (b->training && b->feed.augment)
        augment_sample(b->feed.augment, raw, row, b->seed, b->epoch, out, memory->scratch);
    else
        fitting_sample(f, raw, out, memory->scratch);
    return 0;
}

int fill_row(const Filler *b, int row, int i, const Batch *batch, FillMemory *memory, NnError *error)
{
    batch->row[i] = row;
    if (fill_input(b, row, batch->x + (size_t)i * b->feed.fitting->elements, memory, error)) return -1;
    fill_target(b, row, i, batch, memory->scratch);
    return 0;
}

int fill_memory_init(FillMemory *memory, const Filler *b, NnError *error)
{
    const size_t fitting = b->feed.fitting->scratch, augment = b->feed.augment ? b->feed.augment->scratch : 0;
    *memory = (FillMemory){.scratch = nn_alloc((fitting > augment ? fitting : augment) * sizeof(float), error)};
    return memory->scratch ? 0 : -1;
}

void fill_memory_free(FillMemory *memory)
{
    sample_buffer_free(&memory->buffer);
    free(memory->scratch);
}
