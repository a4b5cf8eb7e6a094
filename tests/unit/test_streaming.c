/*
 * Images in folders that are streamed, beside the same images in memory; what goes wrong while
 * they are read; and how much memory that takes.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/core/core.h"
#include "runtime/data/dataset.h"
#include "runtime/data/source.h"
#include "tests/unit/files.h"
#include "tests/unit/streams.h"

START_TEST(streamed_is_as_in_memory)
{
    write_folders();
    compare_with_memory(folder);
}
END_TEST

/* The fingerprint tells sets apart: by a name, a class, the choice, and what is in a file. */
START_TEST(fingerprint_of_files)
{
    Stream before, after;
    write_folders();
    open_stream(&before, folder, 1);
    write_picture("class_1/61.png", 9, 9, 61); /* not of the classes chosen, but the draw is another one */
    open_stream(&after, folder, 1);
    ck_assert_uint_ne(dataset_fingerprint(before.data), dataset_fingerprint(after.data));
    close_stream(&after);
    ck_assert_int_eq(remove(in_folder("class_1/61.png")), 0);
    open_stream(&after, folder, 1);
    ck_assert_uint_eq(dataset_fingerprint(before.data), dataset_fingerprint(after.data));
    close_stream(&after);
    write_picture("class_0/00.png", 8, 9, 99);
    open_stream(&after, folder, 1);
    ck_assert_uint_ne(dataset_fingerprint(before.data), dataset_fingerprint(after.data));
    close_stream(&after);
    close_stream(&before);
}
END_TEST

/* The batches of an epoch before the one with a sample that cannot be read, and the error. */
static int batches_before_failure(Stream *s, uint64_t epoch, int workers)
{
    int taken = 0;
    s->feed.workers = workers;
    Batcher *b = batcher_new(&s->feed, DATA_TRAIN, 4, true, 1, &s->error);
    batcher_begin(b, epoch + 1); /* and given up */
    batcher_next(b);
    batcher_begin(b, epoch);
    while (batcher_next(b)) taken++;
    ck_assert_int_eq(batcher_failed(b, &s->error), -1);
    ck_assert_ptr_null(batcher_next(b));
    batcher_free(b);
    return taken;
}

/* Images of which only the head is whole.  The batches before the first of them are there, and
 * the error is about that one, whatever the number of workers. */
START_TEST(damaged_in_the_middle)
{
    enum { DAMAGED = 30 };
    char name[64], first[sizeof(((NnError *)0)->text)];
    Stream s;
    write_folders();
    open_stream(&s, folder, 1);
    s.feed.sequential = true; /* class_0 comes first */
    for (int i = DAMAGED; i < PICTURES; i++) {
        snprintf(name, sizeof name, "class_%d/%02d.png", i % CLASSES, i);
        if (i % CLASSES == 2) ck_assert_int_eq(truncate(in_folder(name), 60), 0);
    }
    const int batches = batches_before_failure(&s, 0, 0);
    strcpy(first, s.error.text);
    ck_assert_int_ge(batches, 2);
    ck_assert_has(first, "class_2/");
    ck_assert_has(first, ".png is damaged");
    for (int workers = 1; workers < 4; workers++) {
        ck_assert_int_eq(batches_before_failure(&s, (uint64_t)workers, workers), batches);
        ck_assert_str_eq(s.error.text, first);
    }
    close_stream(&s);
}
END_TEST

/* ---- a source that is a formula ------------------------------------------------------------ */

enum { FORMULA_COUNT = 45000, FORMULA_BYTES = 12 };

static int read_formula(const SampleSource *source, int number, uint8_t *out, Workspace *workspace, NnError *error)
{
    (void)source;
    (void)workspace;
    (void)error;
    for (int i = 0; i < FORMULA_BYTES; i++) out[i] = (uint8_t)(number * (i + 3) + number / 977);
    return 0;
}

static void keep_formula(SampleSource *source) { (void)source; }

static void compare_measures(Dataset *memory, Dataset *streamed, int channels)
{
    Fitting f, g;
    NnError error = {0};
    const size_t bytes = (size_t)channels * sizeof(float);
    ck_assert_int_eq(fitting_init(&f, memory, 3, (int[]){channels, 2, 2}, NN_FIT_RESIZE, &error), 0);
    ck_assert_int_eq(fitting_init(&g, streamed, 3, (int[]){channels, 2, 2}, NN_FIT_RESIZE, &error), 0);
    ck_assert_int_eq(fitting_measure(&f, memory, &error), 0);
    ck_assert_int_eq(fitting_measure(&g, streamed, &error), 0);
    ck_assert_mem_eq(f.mean, g.mean, bytes);
    ck_assert_mem_eq(f.std, g.std, bytes);
    near(f.mean[0], 0.5, 0.01);
    fitting_free(&f);
    fitting_free(&g);
}

/* The mean and the deviation of many images are measured over the same ones in memory and
 * streamed; with channels as they are, and as their luminance, which is a sum of reals. */
START_TEST(large_sets_are_measured)
{
    static uint8_t pixels[FORMULA_COUNT * FORMULA_BYTES];
    static int32_t numbers[FORMULA_COUNT];
    SampleSource source = {.count = FORMULA_COUNT, .bytes = FORMULA_BYTES, .read = read_formula, .free = keep_formula};
    Dataset memory = {.rank = 3, .dims = {3, 2, 2}, .elements = FORMULA_BYTES}, streamed = memory;
    for (int i = 0; i < FORMULA_COUNT; i++) {
        numbers[i] = FORMULA_COUNT - 1 - i;
        read_formula(&source, numbers[i], pixels + i * FORMULA_BYTES, NULL, NULL);
    }
    memory.part[DATA_TRAIN] = (Samples){.count = FORMULA_COUNT, .pixels = pixels, .numbers = numbers};
    streamed.part[DATA_TRAIN] = (Samples){.count = FORMULA_COUNT, .source = &source, .numbers = numbers};
    compare_measures(&memory, &streamed, 3);
    compare_measures(&memory, &streamed, 1);
}
END_TEST

/* ---- memory --------------------------------------------------------------------------------- */

/* Sanitizers keep memory of their own. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
static const bool sanitized = true;
#else
static const bool sanitized = false;
#endif

static size_t resident_kilobytes(void)
{
    char line[128];
    size_t kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, "VmRSS:", 6)) kilobytes = (size_t)atol(line + 6);
    if (file) fclose(file);
    return kilobytes;
}

/* 500 images of 100x100: 15 MB of pixels, streamed with a cache of 1 MB, grow the process by
 * less than 6 MB. */
START_TEST(memory_is_bounded)
{
    enum { COUNT = 500, LARGE = 100, MEGABYTE = 1 << 20 };
    static const int dims[3] = {3, LARGE, LARGE};
    char name[64];
    NnError error;
    Fitting f;
    Feed feed;
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "train/class_%d/%03d.png", i % 2, i);
        write_picture(name, LARGE, LARGE, i);
    }
    const size_t before = resident_kilobytes();
    size_t most = 0;
    Dataset *data = dataset_open(folder, &(DatasetOptions){.net = {3, LARGE, LARGE}, .cache = MEGABYTE}, &error);
    ck_assert_msg(data != NULL, "%s", error.text);
    ck_assert_int_eq(fitting_init(&f, data, 3, dims, NN_FIT_RESIZE, &error), 0);
    ck_assert_int_eq(feed_init(&feed, data, &f, &(TargetSpec){.classes = true, .scores = 2, .count = 1}, &error), 0);
    feed.workers = 2;
    Batcher *b = batcher_new(&feed, DATA_TRAIN, 4, true, 1, &error);
    batcher_begin(b, 0);
    for (int i = 0; batcher_next(b); i++)
        if (i % 16 == 0) most = resident_kilobytes() > most ? resident_kilobytes() : most;
    ck_assert_int_eq(batcher_failed(b, &error), 0);
    batcher_free(b);
    dataset_free(data);
    ck_assert(before > 0);
    ck_assert_msg(sanitized || most < before + 6 * 1024, "from %zu kB to %zu kB", before, most);
}
END_TEST

Suite *streaming_suite(void)
{
    Suite *suite = suite_create("streaming");
    TCase *tcase = tcase_create("streaming");
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_add_test(tcase, streamed_is_as_in_memory);
    tcase_add_test(tcase, fingerprint_of_files);
    tcase_add_test(tcase, damaged_in_the_middle);
    tcase_add_test(tcase, large_sets_are_measured);
    tcase_add_test(tcase, memory_is_bounded);
    suite_add_tcase(suite, tcase);
    return suite;
}
