/*
 * Samples on their way into a net: fitted to its input, scaled, dealt out in batches.
 */
#include <check.h>
#include <math.h>

#include "runtime/core/core.h"
#include "runtime/data/dataset.h"
#include "runtime/train/train.h"
#include "tests/unit/files.h"

/* ---- fitting --------------------------------------------------------------------------------- */

static Dataset images_of(int channels, int height, int width, uint8_t *pixels)
{
    Dataset data = {.rank = 3, .dims = {channels, height, width}, .elements = (size_t)(channels * height * width)};
    data.part[DATA_TRAIN].count = 1;
    data.part[DATA_TRAIN].pixels = pixels;
    return data;
}

static void fit_one(Fitting *f, Dataset *data, float *out)
{
    float scratch[256];
    ck_assert_uint_le(f->scratch, 256);
    const Samples *train = &data->part[DATA_TRAIN];
    fitting_sample(f, (RawSample){train->pixels, train->values}, out, scratch);
}

START_TEST(fit_pads_and_crops)
{
    uint8_t pixels[4] = {255, 51, 0, 102};
    Dataset data = images_of(1, 2, 2, pixels);
    Fitting f;
    NnError error;
    float out[25];
    ck_assert_int_eq(fitting_init(&f, &data, 3, (int[]){1, 4, 5}, NN_FIT_PAD, &error), 0);
    fit_one(&f, &data, out);
    ck_assert(out[0] == 0 && out[6] == 1 && out[7] == 0.2f && out[11] == 0 && out[12] == 0.4f && out[13] == 0);
    /* the padding is black, and normalised as black is */
    ck_assert_int_eq(fitting_set(&f, 1, (double[]){0.5}, (double[]){0.25}, &error), 0);
    fit_one(&f, &data, out);
    ck_assert(out[0] == -2 && out[6] == 2);
    fitting_free(&f);
    uint8_t larger[16] = {0};
    larger[5] = 255;
    data = images_of(1, 4, 4, larger);
    ck_assert_int_eq(fitting_init(&f, &data, 3, (int[]){1, 2, 2}, NN_FIT_CROP, &error), 0);
    fit_one(&f, &data, out);
    ck_assert(out[0] == 1 && out[3] == 0);
    ck_assert_int_eq(fitting_init(&f, &data, 3, (int[]){1, 2, 2}, NN_FIT_PAD, &error), -1);
    ck_assert_has(error.text, "4x4");
    ck_assert_int_eq(fitting_init(&f, &data, 3, (int[]){1, 5, 2}, NN_FIT_CROP, &error), -1);
    ck_assert_has(error.text, "5x2");
    ck_assert_int_eq(fitting_init(&f, &data, 3, (int[]){2, 4, 4}, NN_FIT_CROP, &error), -1);
    ck_assert_has(error.text, "1 channels, the net takes 2");
}
END_TEST

/* Doubling a row 0 1: half-pixel centres give 0, 1/4, 3/4, 1.  Halving averages. */
START_TEST(fit_resizes)
{
    float out[16], scratch[64];
    fit_resize((float[]){0, 1, 0, 1}, 2, 2, out, 4, 4, scratch);
    ck_assert(out[0] == 0 && out[1] == 0.25f && out[2] == 0.75f && out[3] == 1 && out[13] == 0.25f);
    fit_resize((float[]){1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 4, 4, out, 2, 2, scratch);
    for (int i = 0; i < 4; i++) ck_assert_float_eq_tol(out[i], 1, 1e-6);
    /* 0 1 2 3 → triangle two pixels wide: (0·3 + 1·3 + 2·1)/7 and its mirror image */
    fit_resize((float[]){0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3}, 4, 4, out, 2, 2, scratch);
    ck_assert_float_eq_tol(out[0], 5.0 / 7, 1e-6);
    ck_assert_float_eq_tol(out[1], 16.0 / 7, 1e-6);
    /* a wide image covers a square one: its middle is taken */
    fit_resize((float[]){9, 1, 2, 9, 9, 3, 4, 9}, 2, 4, out, 2, 2, scratch);
    ck_assert(out[0] == 1 && out[1] == 2 && out[2] == 3 && out[3] == 4);
}
END_TEST

START_TEST(fit_channels)
{
    uint8_t grey[1] = {51}, colour[3] = {255, 0, 51};
    Dataset data = images_of(1, 1, 1, grey);
    Fitting f;
    NnError error;
    float out[3];
    ck_assert_int_eq(fitting_init(&f, &data, 3, (int[]){3, 1, 1}, NN_FIT_RESIZE, &error), 0);
    fit_one(&f, &data, out);
    ck_assert(out[0] == 0.2f && out[1] == 0.2f && out[2] == 0.2f);
    ck_assert_has(data.notes[0], "grey");
    data = images_of(3, 1, 1, colour);
    ck_assert_int_eq(fitting_init(&f, &data, 3, (int[]){1, 1, 1}, NN_FIT_RESIZE, &error), 0);
    fit_one(&f, &data, out);
    ck_assert_float_eq_tol(out[0], 0.299 + 0.114 * 0.2, 1e-6);
    ck_assert_has(data.notes[0], "601");
    ck_assert_int_eq(fitting_init(&f, &data, 1, (int[]){3}, NN_FIT_RESIZE, &error), 0);
    ck_assert_int_eq(f.channels, 3);
    ck_assert_int_eq(fitting_init(&f, &data, 1, (int[]){4}, NN_FIT_RESIZE, &error), -1);
    ck_assert_has(error.text, "takes 4 values");
    ck_assert_has(error.text, "3x1x1");
}
END_TEST

START_TEST(fit_measures)
{
    uint8_t pixels[4] = {0, 255, 255, 0};
    Dataset data = images_of(1, 2, 2, pixels);
    Fitting f;
    NnError error;
    ck_assert_int_eq(fitting_init(&f, &data, 3, (int[]){1, 4, 4}, NN_FIT_PAD, &error), 0);
    ck_assert_int_eq(fitting_measure(&f, &data, &error), 0);
    ck_assert_float_eq_tol(f.mean[0], 0.5, 1e-7);
    ck_assert_float_eq_tol(f.std[0], 0.5, 1e-7);
    fitting_free(&f);
    float columns[6] = {1, 7, 2, 7, 3, 7}; /* the second is constant */
    Dataset table = {.rank = 1, .dims = {2}, .elements = 2};
    table.part[DATA_TRAIN] = (Samples){.count = 3, .values = columns};
    ck_assert_int_eq(fitting_init(&f, &table, 1, (int[]){2}, NN_FIT_PAD, &error), 0);
    ck_assert_int_eq(fitting_measure(&f, &table, &error), 0);
    ck_assert_float_eq_tol(f.mean[0], 2, 1e-6);
    ck_assert_float_eq_tol(f.std[0], sqrt(2.0 / 3), 1e-6);
    ck_assert(f.mean[1] == 7 && f.std[1] == 1);
    ck_assert_int_eq(fitting_set(&f, 3, (double[]){0, 0, 0}, (double[]){1, 1, 1}, &error), -1);
    ck_assert_int_eq(fitting_set(&f, 1, (double[]){0}, (double[]){0}, &error), -1);
    fitting_free(&f);
}
END_TEST

START_TEST(feed_kinds)
{
    Dataset classes = {.class_count = 10, .target_count = 1}, two = {.class_count = 2, .target_count = 1};
    Dataset values = {.target_count = 1};
    Fitting f = {.elements = 784};
    Feed feed;
    NnError error;
    ck_assert_int_eq(feed_init(&feed, &classes, &f, &(TargetSpec){.classes = true, .scores = 10, .count = 1}, &error),
                     0);
    ck_assert_int_eq(feed.kind, FEED_LABELS);
    ck_assert_int_eq(feed_init(&feed, &classes, &f, &(TargetSpec){.classes = true, .scores = 1000, .count = 1}, &error),
                     -1);
    ck_assert_has(error.text, "10 classes, the net has 1000 outputs");
    ck_assert_int_eq(feed_init(&feed, &values, &f, &(TargetSpec){.classes = true, .scores = 10, .count = 1}, &error),
                     -1);
    ck_assert_int_eq(feed_init(&feed, &classes, &f, &(TargetSpec){.classes = false, .scores = 10, .count = 10}, &error),
                     0);
    ck_assert_int_eq(feed.kind, FEED_ONE_HOT);
    ck_assert_int_eq(
        feed_init(&feed, &classes, &f, &(TargetSpec){.classes = false, .scores = 784, .count = 784}, &error), 0);
    ck_assert_int_eq(feed.kind, FEED_INPUT);
    ck_assert_int_eq(feed_init(&feed, &two, &f, &(TargetSpec){.classes = false, .scores = 1, .count = 1}, &error), 0);
    ck_assert_int_eq(feed.kind, FEED_BINARY);
    ck_assert_int_eq(feed_init(&feed, &values, &f, &(TargetSpec){.classes = false, .scores = 1, .count = 1}, &error),
                     0);
    ck_assert_int_eq(feed.kind, FEED_VALUES);
    ck_assert_int_eq(feed_init(&feed, &values, &f, &(TargetSpec){.classes = false, .scores = 3, .count = 3}, &error),
                     -1);
}
END_TEST

/* ---- batches -------------------------------------------------------------------------------- */

/* Ten samples of one value, 0 … 9, which is the target too. */
static void ten(Dataset *data, Fitting *f, Feed *feed, int count)
{
    static float numbers[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    NnError error;
    *data = (Dataset){.rank = 1, .dims = {1}, .elements = 1, .target_count = 1};
    data->part[DATA_TRAIN] = data->part[DATA_TEST] = (Samples){.count = count, .values = numbers, .targets = numbers};
    ck_assert_int_eq(fitting_init(f, data, 1, (int[]){1}, NN_FIT_PAD, &error), 0);
    ck_assert_int_eq(feed_init(feed, data, f, &(TargetSpec){.classes = false, .scores = 1, .count = 1}, &error), 0);
}

START_TEST(batches_of_training)
{
    Dataset data;
    Fitting f;
    Feed feed;
    NnError error;
    ten(&data, &f, &feed, 10);
    float orders[3][9];
    Batcher *b = batcher_new(&feed, DATA_TRAIN, 3, true, 5, &error);
    ck_assert_int_eq(batcher_batches(b), 3);
    for (int epoch = 0; epoch < 3; epoch++) {
        int seen[10] = {0};
        batcher_begin(b, epoch == 2 ? 0 : (uint64_t)epoch);
        for (int i = 0; i < 3; i++) {
            const Batch *batch = batcher_next(b);
            ck_assert_int_eq(batch->count, 3);
            for (int j = 0; j < 3; j++) {
                orders[epoch][i * 3 + j] = batch->x[j];
                ck_assert(batch->x[j] == ((float *)batch->target)[j]);
                ck_assert_int_eq(seen[(int)batch->x[j]]++, 0);
            }
        }
        ck_assert_ptr_null(batcher_next(b));
    }
    ck_assert_mem_ne(orders[0], orders[1], sizeof orders[0]);
    ck_assert_mem_eq(orders[0], orders[2], sizeof orders[0]);
    batcher_begin(b, 9); /* and ended in the middle */
    ck_assert_ptr_nonnull(batcher_next(b));
    batcher_begin(b, 9);
    batcher_free(b);
}
END_TEST

START_TEST(batches_wrap_and_end)
{
    Dataset data;
    Fitting f;
    Feed feed;
    NnError error;
    ten(&data, &f, &feed, 4);
    Batcher *b = batcher_new(&feed, DATA_TRAIN, 10, true, 5, &error);
    ck_assert_int_eq(batcher_batches(b), 1);
    batcher_begin(b, 0);
    const Batch *batch = batcher_next(b);
    ck_assert_int_eq(batch->count, 10);
    for (int i = 4; i < 10; i++) ck_assert(batch->x[i] == batch->x[i - 4]);
    batcher_free(b);
    ten(&data, &f, &feed, 10);
    b = batcher_new(&feed, DATA_TEST, 4, false, 5, &error);
    int counts[] = {4, 4, 2};
    batcher_begin(b, 0);
    for (int i = 0; i < 3; i++) {
        batch = batcher_next(b);
        ck_assert_int_eq(batch->count, counts[i]);
        ck_assert(batch->x[0] == (float)(4 * i));
    }
    ck_assert_ptr_null(batcher_next(b));
    batcher_free(b);
}
END_TEST

Suite *batches_suite(void)
{
    Suite *suite = suite_create("batches");
    TCase *tcase = tcase_create("batches");
    tcase_add_test(tcase, fit_pads_and_crops);
    tcase_add_test(tcase, fit_resizes);
    tcase_add_test(tcase, fit_channels);
    tcase_add_test(tcase, fit_measures);
    tcase_add_test(tcase, feed_kinds);
    tcase_add_test(tcase, batches_of_training);
    tcase_add_test(tcase, batches_wrap_and_end);
    suite_add_tcase(suite, tcase);
    return suite;
}
