/*
 * Class maps that are augmented and fitted with their images.
 *
 * Pixels of the images are their own places: channel 0 is the row, channel 1 the column, channel 2
 * is 1.  Bilinear interpolation of these is exact, so that after any step a pixel says where it is
 * from, as long as nothing of the black beyond the image (where channel 2 is 0) is in it.  The map
 * has the number of the place as its class, and must have that of the nearest one.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "runtime/data/dataset.h"

enum { HEIGHT = 9, WIDTH = 12, AREA = HEIGHT * WIDTH, SAMPLES = 3 };

typedef struct MapCase {
    NnAugmentStep step;
    int steps; /* 0 or 1 */
    NnFit fit;
    int height, width; /* of the input, and of the scores */
    double least;      /* share of the pixels that are compared, at least */
} MapCase;

static const MapCase map_cases[] = {
    {{.kind = NN_AUGMENT_FLIP}, 1, NN_FIT_CROP, 9, 12, 1},
    {{.kind = NN_AUGMENT_TRANSLATE, .size = 2}, 1, NN_FIT_CROP, 9, 12, 1},
    {{.kind = NN_AUGMENT_CROP, .size = 7, .pad = 2}, 1, NN_FIT_CROP, 7, 7, 1},
    {{.kind = NN_AUGMENT_ROTATE, .amount = 60}, 1, NN_FIT_CROP, 9, 12, 0.4},
    {{.kind = NN_AUGMENT_RESIZE, .size = 16}, 1, NN_FIT_RESIZE, 16, 21, 0.4},
    {{.kind = NN_AUGMENT_RESIZE, .size = 7}, 1, NN_FIT_CROP, 7, 9, 0.4},
    {{0}, 0, NN_FIT_RESIZE, 9, 9, 1},
    {{0}, 0, NN_FIT_RESIZE, 20, 17, 0.4},
    {{0}, 0, NN_FIT_PAD, 13, 16, 1},
    {{0}, 0, NN_FIT_CROP, 5, 7, 1},
};

static void number_places(float *values, int32_t *labels)
{
    for (int n = 0; n < SAMPLES; n++)
        for (int k = 0; k < AREA; k++) {
            float *image = values + (size_t)n * 3 * AREA;
            image[k] = (float)(k / WIDTH);
            image[AREA + k] = (float)(k % WIDTH);
            image[2 * AREA + k] = 1;
            labels[n * AREA + k] = k;
        }
}

/* Far enough from the middle between two. */
static bool is_clear(double place) { return fabs(place - floor(place) - 0.5) > 0.1; }

/* Returns whether there was something to compare. */
static bool compare_pixel(const float *x, size_t area, size_t k, int32_t class)
{
    const double row = (double)x[k], column = (double)x[area + k], there = (double)x[2 * area + k];
    if (there < 1e-6) {
        ck_assert_int_eq(class, NO_CLASS);
        return true;
    }
    if (there < 1 - 1e-4 || !is_clear(row) || !is_clear(column)) return false;
    ck_assert_int_eq(class, (int)floor(row + 0.5) * WIDTH + (int)floor(column + 0.5));
    return true;
}

/* Returns how many pixels of the epoch were compared. */
static int compare_epoch(Batcher *b, uint64_t epoch, size_t area)
{
    int compared = 0;
    batcher_begin(b, epoch);
    const Batch *batch = batcher_next(b);
    for (int i = 0; i < batch->count; i++)
        for (size_t k = 0; k < area; k++)
            compared += compare_pixel(batch->x + (size_t)i * 3 * area, area, k,
                                      ((const int32_t *)batch->target)[(size_t)i * area + k]);
    return compared;
}

START_TEST(maps_are_where_images_are)
{
    enum { EPOCHS = 6 };
    const MapCase *of = &map_cases[_i];
    static float values[SAMPLES * 3 * AREA];
    static int32_t labels[SAMPLES * AREA];
    const size_t area = (size_t)of->height * (size_t)of->width;
    NnError error;
    Fitting f;
    Augmenter augmenter;
    Feed feed;
    Dataset data = {
        .rank = 3, .dims = {3, HEIGHT, WIDTH}, .elements = 3 * AREA, .class_count = AREA, .map = {HEIGHT, WIDTH}};
    number_places(values, labels);
    data.part[DATA_TRAIN] = (Samples){.count = SAMPLES, .values = values, .labels = labels};
    ck_assert_int_eq(fitting_init(&f, &data, 3, (int[]){3, of->height, of->width}, of->fit, &error), 0);
    const TargetSpec spec = {
        .classes = true, .scores = AREA, .count = area, .height = of->height, .width = of->width, .aligned = true};
    ck_assert_int_eq(feed_init(&feed, &data, &f, &spec, &error), 0);
    ck_assert_int_eq(augment_init(&augmenter, &f, &of->step, of->steps, &error), 0);
    feed.augment = &augmenter;
    Batcher *b = batcher_new(&feed, DATA_TRAIN, SAMPLES, true, 5, &error);
    int compared = 0;
    for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) compared += compare_epoch(b, epoch, area);
    ck_assert_double_ge(compared, of->least * (double)area * SAMPLES * EPOCHS);
    batcher_free(b);
}
END_TEST

/* The scores of a net without padding are of the middle of its input. */
START_TEST(maps_of_smaller_outputs)
{
    static float values[SAMPLES * 3 * AREA];
    static int32_t labels[SAMPLES * AREA];
    NnError error;
    Fitting f;
    Feed feed;
    Dataset data = {
        .rank = 3, .dims = {3, HEIGHT, WIDTH}, .elements = 3 * AREA, .class_count = AREA, .map = {HEIGHT, WIDTH}};
    number_places(values, labels);
    data.part[DATA_TRAIN] = (Samples){.count = SAMPLES, .values = values, .labels = labels};
    ck_assert_int_eq(fitting_init(&f, &data, 3, (int[]){3, 11, WIDTH}, NN_FIT_PAD, &error), 0);
    TargetSpec spec = {.classes = true, .scores = AREA, .count = 70, .height = 7, .width = 10, .aligned = true};
    ck_assert_int_eq(feed_init(&feed, &data, &f, &spec, &error), 0);
    Batcher *b = batcher_new(&feed, DATA_TRAIN, SAMPLES, true, 5, &error);
    batcher_begin(b, 0);
    const int32_t *classes = batcher_next(b)->target;
    for (int i = 0; i < 7; i++)
        for (int j = 0; j < 10; j++) ck_assert_int_eq(classes[i * 10 + j], (i + 1) * WIDTH + j + 1);
    batcher_free(b);
    spec.aligned = false; /* a pixel stands for several */
    ck_assert_int_ne(feed_init(&feed, &data, &f, &spec, &error), 0);
}
END_TEST

Suite *class_maps_suite(void)
{
    Suite *suite = suite_create("class_maps");
    TCase *tcase = tcase_create("class_maps");
    tcase_add_loop_test(tcase, maps_are_where_images_are, 0, (int)(sizeof map_cases / sizeof *map_cases));
    tcase_add_test(tcase, maps_of_smaller_outputs);
    suite_add_tcase(suite, tcase);
    return suite;
}
