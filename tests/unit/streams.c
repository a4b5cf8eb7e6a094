#include "tests/unit/streams.h"

#include <png.h>
#include <stdlib.h>

#include "runtime/data/parts.h"
#include "tests/unit/files.h"

Dataset *read_set(const DatasetOptions *options)
{
    NnError error = {0};
    Dataset *data = dataset_open(folder, options, &error);
    ck_assert_msg(data != NULL, "%s", error.text);
    return data;
}

void refuse_set(const char *path, const DatasetOptions *options, const char *part)
{
    NnError error = {0};
    Dataset *data = dataset_open(path, options, &error);
    ck_assert_ptr_null(data);
    ck_assert_has(error.text, part);
}

/* ---- pictures ------------------------------------------------------------------------- */

size_t make_png(unsigned char *out, size_t room, int height, int width, int number)
{
    unsigned char *rows = malloc((size_t)(height * width * 3));
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)width,
                       .height = (png_uint_32)height,
                       .format = PNG_FORMAT_RGB};
    png_alloc_size_t size = room;
    for (int i = 0; i < height * width * 3; i++) rows[i] = (unsigned char)(number * 7 + i / (width * 3) * (i % 3 + 1));
    ck_assert_int_ne(png_image_write_to_memory(&image, out, &size, 0, rows, 0, NULL), 0);
    free(rows);
    return size;
}

void write_picture(const char *name, int height, int width, int number)
{
    unsigned char bytes[8192];
    write_bytes(name, bytes, make_png(bytes, sizeof bytes, height, width, number));
}

void write_folders(void)
{
    char name[64];
    for (int i = 0; i < PICTURES; i++) {
        snprintf(name, sizeof name, "class_%d/%02d.png", i % CLASSES, i);
        write_picture(name, 8 + i % 5, 9 + i % 7, i);
    }
}

/* ---- a set and an epoch of it ------------------------------------------------------------ */

void open_stream(Stream *s, const char *path, size_t cache)
{
    static const NnAugmentStep steps[] = {{.kind = NN_AUGMENT_CROP, .size = SIDE, .pad = 2},
                                          {.kind = NN_AUGMENT_FLIP},
                                          {.kind = NN_AUGMENT_JITTER, .amount = 0.3}};
    memset(s, 0, sizeof *s);
    s->data = dataset_open(path, &(DatasetOptions){.net = {3, SIDE, SIDE}, .cache = cache}, &s->error);
    ck_assert_msg(s->data != NULL, "%s", s->error.text);
    ck_assert_int_eq(dataset_choose(s->data, "2,0", &s->error), 0);
    ck_assert_int_eq(dataset_limit(s->data, 28, 5, &s->error), 0);
    ck_assert_int_eq(dataset_cut_valid(s->data, 0.25, 5, &s->error), 0);
    ck_assert_int_eq(fitting_init(&s->fitting, s->data, 3, (int[]){3, SIDE, SIDE}, NN_FIT_RESIZE, &s->error), 0);
    ck_assert_int_eq(
        feed_init(&s->feed, s->data, &s->fitting, &(TargetSpec){.classes = true, .scores = 2, .count = 1}, &s->error),
        0);
    ck_assert_int_eq(fitting_measure(&s->fitting, s->data, &s->error), 0);
    ck_assert_int_eq(augment_init(&s->augmenter, &s->fitting, steps, 3, &s->error), 0);
    s->feed.augment = &s->augmenter;
    s->feed.last = true;
}

void close_stream(Stream *s)
{
    fitting_free(&s->fitting);
    dataset_free(s->data);
}

size_t run_epochs(Stream *s, DataPart part, int workers, float *out)
{
    float *at = out;
    s->feed.workers = workers;
    Batcher *b = batcher_new(&s->feed, part, BATCH, part == DATA_TRAIN, 11, &s->error);
    ck_assert_ptr_nonnull(b);
    for (uint64_t epoch = 0; epoch < 2; epoch++) {
        batcher_begin(b, epoch);
        for (const Batch *batch; (batch = batcher_next(b));) {
            memcpy(at, batch->x, (size_t)batch->count * ELEMENTS * sizeof *at);
            at += batch->count * ELEMENTS;
            for (int i = 0; i < batch->count; i++) *at++ = (float)((const int32_t *)batch->target)[i];
        }
        ck_assert_int_eq(batcher_failed(b, &s->error), 0);
    }
    batcher_free(b);
    return (size_t)(at - out);
}

/* Without a cache, with one for some of the images, and with one for all but one. */
static const size_t caches[] = {1, 10 * ELEMENTS, (PICTURES - 1) * ELEMENTS};

void compare_with_memory(const char *path)
{
    static float want[FLOATS], got[FLOATS];
    for (DataPart part = 0; part < DATA_PARTS; part++) {
        Stream memory;
        open_stream(&memory, path, 0);
        ck_assert_ptr_null(memory.data->source);
        const size_t count = run_epochs(&memory, part, 1, want);
        ck_assert_uint_ge(count, 2 * ELEMENTS);
        for (size_t i = 0; i < 3; i++)
            for (int workers = 0; workers < 4; workers++) {
                Stream s;
                open_stream(&s, path, caches[i]);
                ck_assert_ptr_nonnull(s.data->source);
                ck_assert_uint_eq(dataset_fingerprint(s.data), dataset_fingerprint(memory.data));
                ck_assert_mem_eq(s.fitting.mean, memory.fitting.mean, 3 * sizeof(float));
                ck_assert_mem_eq(s.fitting.std, memory.fitting.std, 3 * sizeof(float));
                ck_assert_uint_eq(run_epochs(&s, part, workers, got), count);
                ck_assert_mem_eq(got, want, count * sizeof *want);
                close_stream(&s);
            }
        close_stream(&memory);
    }
}
