/*
 * Augmentation against closed forms: every step by itself, then of a data set.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/core.h"
#include "runtime/data/dataset.h"
#include "runtime/train/train.h"
#include "tests/unit/files.h"

/* ---- augmentation: the steps ------------------------------------------------------------- */

static void ramp(float *planes, int count)
{
    for (int i = 0; i < count; i++) planes[i] = (float)i;
}

START_TEST(crop_takes_a_window)
{
    float in[2 * 20], out[18]; /* 2 planes of 4×5 */
    ramp(in, 40);
    augment_crop(in, 2, 4, 5, 1, 2, 0, 3, out);
    for (int c = 0; c < 2; c++)
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) near(out[c * 9 + i * 3 + j], c * 20 + (i + 1) * 5 + j + 2, 0);
    augment_crop(in, 2, 4, 5, 0, 5, 2, 3, out); /* row 2 is the image's first, column 2 is beyond it */
    for (int c = 0; c < 2; c++)
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) near(out[c * 9 + i * 3 + j], i == 2 && j < 2 ? c * 20 + 3 + j : 0, 0);
    augment_crop(in, 1, 4, 5, 0, 0, 8, 3, out); /* nothing but the pad */
    for (int i = 0; i < 9; i++) near(out[i], 0, 0);
}
END_TEST

START_TEST(flip_turns_back)
{
    float planes[30], want[30];
    ramp(planes, 30);
    ramp(want, 30);
    augment_flip(planes, 2, 3, 5);
    near(planes[0], 4, 0);
    near(planes[29], 25, 0);
    augment_flip(planes, 2, 3, 5);
    ck_assert_mem_eq(planes, want, sizeof want);
}
END_TEST

/* A quarter turn against the clock: out[i][j] = in[j][n−1−i]. */
START_TEST(rotation_by_quarters)
{
    float in[2 * 25], out[2 * 25], again[2 * 25];
    ramp(in, 50);
    augment_rotate(in, 2, 5, 5, 90, out);
    for (int c = 0; c < 2; c++)
        for (int i = 0; i < 5; i++)
            for (int j = 0; j < 5; j++) near(out[c * 25 + i * 5 + j], in[c * 25 + j * 5 + 4 - i], 0);
    augment_rotate(out, 2, 5, 5, -90, again);
    ck_assert_mem_eq(again, in, sizeof in);
    augment_rotate(in, 1, 4, 6, 180, out);
    for (int i = 0; i < 24; i++) near(out[i], 23 - i, 0);
    augment_rotate(in, 1, 4, 6, 0, out);
    ck_assert_mem_eq(out, in, 24 * sizeof *in);
}
END_TEST

/* A plane a + b·i + c·j turned by θ about its centre is again one, within the disc. */
START_TEST(rotation_of_a_slope)
{
    enum { SIDE = 21 };
    float in[SIDE * SIDE], out[SIDE * SIDE];
    double t = 30 * M_PI / 180;
    for (int i = 0; i < SIDE * SIDE; i++) in[i] = (float)(100 + 2 * (i / SIDE - 10) + 3 * (i % SIDE - 10));
    augment_rotate(in, 1, SIDE, SIDE, 30, out);
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            double y = i - 10, x = j - 10;
            if (hypot(x, y) > 9) continue;
            near(out[i * SIDE + j], 100 + 2 * (sin(t) * x + cos(t) * y) + 3 * (cos(t) * x - sin(t) * y), 1e-4);
        }
    near(out[0], 0, 0); /* the corner came from outside */
}
END_TEST

START_TEST(cutout_covers)
{
    float planes[2 * 64];
    static const float fill[2] = {5, 7};
    for (int i = 0; i < 128; i++) planes[i] = 1;
    augment_cutout(planes, 2, 8, 8, 0, 7, 4, fill); /* rows 0, 1; columns 5, 6, 7 */
    for (int c = 0; c < 2; c++)
        for (int i = 0; i < 8; i++)
            for (int j = 0; j < 8; j++) near(planes[c * 64 + i * 8 + j], i < 2 && j > 4 ? fill[c] : 1, 0);
    augment_cutout(planes, 2, 8, 8, 4, 4, 100, NULL);
    for (int i = 0; i < 128; i++) near(planes[i], 0, 0);
}
END_TEST

START_TEST(jitter_by_factors)
{
    float planes[6] = {0.2f, 0.6f, 0.4f, 0.8f, 0.1f, 0.5f}, x[6];
    double grey[2] = {0.299 * 0.2 + 0.587 * 0.4 + 0.114 * 0.1, 0.299 * 0.6 + 0.587 * 0.8 + 0.114 * 0.5};
    memcpy(x, planes, sizeof x);
    augment_jitter(x, 3, 2, 1, 1, 1, true);
    for (int i = 0; i < 6; i++) near(x[i], planes[i], 1e-6);
    augment_jitter(x, 3, 2, 1.5, 1, 1, true);
    for (int i = 0; i < 6; i++) near(x[i], fmin(1.5 * (double)planes[i], 1), 1e-6);
    memcpy(x, planes, sizeof x);
    augment_jitter(x, 3, 2, 1, 0, 1, true);
    for (int i = 0; i < 6; i++) near(x[i], (grey[0] + grey[1]) / 2, 1e-6);
    memcpy(x, planes, sizeof x);
    augment_jitter(x, 3, 2, 1, 1, 0, true);
    for (int i = 0; i < 6; i++) near(x[i], grey[i % 2], 1e-6);
    augment_jitter(x, 3, 2, 10, 1, 1, false);
    ck_assert(x[1] > 1);
}
END_TEST

/* ---- augmentation: of a set ---------------------------------------------------------------- */

/* `count` images of H×W whose first pixel is the image's number. */
typedef struct Setting {
    Dataset data;
    Fitting fitting;
    Augmenter augmenter;
    Feed feed;
    float *scratch, *out;
    NnError error;
} Setting;

static void set_up(Setting *s, int count, int height, int width, int side, NnFit fit)
{
    memset(s, 0, sizeof *s);
    Samples *train = &s->data.part[DATA_TRAIN];
    s->data.rank = 3;
    s->data.dims[0] = 1;
    s->data.dims[1] = height;
    s->data.dims[2] = width;
    s->data.elements = (size_t)(height * width);
    s->data.class_count = 2;
    s->data.target_count = 1;
    s->data.shared = true;
    train->count = count;
    train->values = calloc((size_t)count * s->data.elements, sizeof(float));
    train->labels = calloc((size_t)count, sizeof(int32_t));
    for (int i = 0; i < count; i++)
        for (size_t p = 0; p < s->data.elements; p++)
            train->values[(size_t)i * s->data.elements + p] = p ? 1 : (float)i;
    s->data.part[DATA_TEST] = *train;
    ck_assert_int_eq(fitting_init(&s->fitting, &s->data, 3, (int[]){1, side, side}, fit, &s->error), 0);
    ck_assert_int_eq(
        feed_init(&s->feed, &s->data, &s->fitting, &(TargetSpec){.classes = true, .scores = 2, .count = 1}, &s->error),
        0);
    s->out = calloc((size_t)(side * side), sizeof(float));
}

static void augment(Setting *s, const NnAugmentStep *steps, int count)
{
    int failed = augment_init(&s->augmenter, &s->fitting, steps, count, &s->error);
    ck_assert_msg(!failed, "%s", s->error.text);
    s->scratch = malloc(s->augmenter.scratch * sizeof(float));
    s->feed.augment = &s->augmenter;
}

static void tear_down(Setting *s)
{
    free(s->data.part[DATA_TRAIN].values);
    free(s->data.part[DATA_TRAIN].labels);
    fitting_free(&s->fitting);
    free(s->scratch);
    free(s->out);
}

static RawSample sample_of(const Dataset *data, int i)
{
    return (RawSample){.values = data->part[DATA_TRAIN].values + (size_t)i * data->elements};
}

/* Rows covered by a cutout of 4 in 8, over the centres: 2, 3, 4, 4, 4, 4, 4, 3, 28/8 in the
 * mean; the share of pixels is (3.5/8)².  The deviation of a sample's is 0.04, of 4000's 0.0006. */
START_TEST(cutout_by_chance)
{
    Setting s;
    double total = 0;
    set_up(&s, 4000, 8, 8, 8, NN_FIT_RESIZE);
    ck_assert_int_eq(fitting_set(&s.fitting, 1, (double[]){3}, (double[]){2}, &s.error), 0);
    augment(&s, &(NnAugmentStep){.kind = NN_AUGMENT_CUTOUT, .size = 4}, 1);
    for (int i = 0; i < 4000; i++) {
        augment_sample(&s.augmenter, sample_of(&s.data, i), i, 1, 0, s.out, s.scratch);
        for (int p = 0; p < 64; p++) total += s.out[p] == 0; /* the mean, after the normalisation */
    }
    near(total / 4000 / 64, 3.5 * 3.5 / 64, 0.003);
    tear_down(&s);
}
END_TEST

/* Over 4000 samples each of the 5·5 windows comes up 160 times (σ = 12.4), and half are flipped (σ = 32). */
START_TEST(crop_and_flip_by_chance)
{
    Setting s;
    int times[25] = {0}, flips = 0;
    set_up(&s, 4000, 6, 6, 2, NN_FIT_RESIZE);
    for (int i = 0; i < 4000; i++) ramp(s.data.part[0].values + i * 36, 36);
    augment(&s, (NnAugmentStep[]){{.kind = NN_AUGMENT_CROP, .size = 2}, {.kind = NN_AUGMENT_FLIP}}, 2);
    for (int i = 0; i < 4000; i++) {
        augment_sample(&s.augmenter, sample_of(&s.data, i), i, 1, 0, s.out, s.scratch);
        bool flipped = s.out[0] > s.out[1];
        int at = (int)s.out[flipped];
        near(s.out[2 + flipped], at + 6, 0);
        near(s.out[2 + !flipped], at + 7, 0);
        flips += flipped;
        times[at / 6 * 5 + at % 6]++;
    }
    for (int i = 0; i < 25; i++) ck_assert_msg(abs(times[i] - 160) < 62, "window %d: %d times", i, times[i]);
    ck_assert_msg(abs(flips - 2000) < 160, "%d flips", flips);
    tear_down(&s);
}
END_TEST

/* On an image of one grey only the brightness shows: 1−x … 1+x, and all of it. */
START_TEST(jitter_within_bounds)
{
    Setting s;
    float least = 2, most = 0;
    set_up(&s, 1000, 2, 2, 2, NN_FIT_RESIZE);
    for (int i = 0; i < 4000; i++) s.data.part[0].values[i] = 1;
    augment(&s, &(NnAugmentStep){.kind = NN_AUGMENT_JITTER, .amount = 0.4}, 1);
    for (int i = 0; i < 1000; i++) {
        augment_sample(&s.augmenter, sample_of(&s.data, i), i, 1, 0, s.out, s.scratch);
        for (int p = 1; p < 4; p++) near(s.out[p], s.out[0], 1e-6);
        least = fminf(least, s.out[0]);
        most = fmaxf(most, s.out[0]);
    }
    ck_assert(least >= 0.6f - 1e-6f && least < 0.61f);
    ck_assert(most <= 1.4f + 1e-6f && most > 1.39f);
    tear_down(&s);
}
END_TEST

START_TEST(sizes_on_the_way)
{
    Setting s;
    set_up(&s, 1, 10, 20, 8, NN_FIT_RESIZE);
    for (int p = 0; p < 200; p++) s.data.part[0].values[p] = 3;
    augment(&s, (NnAugmentStep[]){{.kind = NN_AUGMENT_RESIZE, .size = 15}, {.kind = NN_AUGMENT_ROTATE, .amount = 0}},
            2);
    ck_assert(s.augmenter.height == 15 && s.augmenter.width == 30);
    augment_sample(&s.augmenter, sample_of(&s.data, 0), 0, 1, 0, s.out, s.scratch);
    for (int p = 0; p < 64; p++) near(s.out[p], 3, 1e-5);
    free(s.scratch);
    augment(&s,
            (NnAugmentStep[]){{.kind = NN_AUGMENT_RESIZE, .size = 5}, {.kind = NN_AUGMENT_CROP, .size = 8, .pad = 2}},
            2);
    ck_assert(s.augmenter.height == 8 && s.augmenter.width == 8);
    augment_sample(&s.augmenter, sample_of(&s.data, 0), 0, 1, 0, s.out, s.scratch);
    for (int p = 0; p < 64; p++) ck_assert(fabsf(s.out[p] - 3) < 1e-5f || s.out[p] == 0);
    tear_down(&s);
}
END_TEST

START_TEST(augmentation_that_does_not_fit)
{
    Setting s;
    Augmenter a;
    set_up(&s, 1, 10, 20, 32, NN_FIT_PAD);
    ck_assert_int_eq(augment_init(&a, &s.fitting, &(NnAugmentStep){.size = 12}, 1, &s.error), -1);
    ck_assert_has(s.error.text, "augment crop(12): the images are only 10x20 there; put crop(12, pad=1)");
    ck_assert_int_eq(augment_init(&a, &s.fitting, &(NnAugmentStep){.size = 32, .pad = 4}, 1, &s.error), -1);
    ck_assert_has(s.error.text, "18x28 with the pad; it needs pad=11");
    ck_assert_int_eq(augment_init(&a, &s.fitting, &(NnAugmentStep){.kind = NN_AUGMENT_RESIZE, .size = 17}, 1, &s.error),
                     -1);
    ck_assert_has(s.error.text, "images of 17x34 cannot be padded to the net's 32x32");
    tear_down(&s);
}
END_TEST

/* A training epoch, keyed by the samples' numbers: out[count][4]. */
static void run_epoch(Setting *s, int size, int workers, uint64_t seed, uint64_t epoch, float *out)
{
    const Batch *batch;
    s->feed.workers = workers;
    Batcher *b = batcher_new(&s->feed, DATA_TRAIN, size, true, seed, &s->error);
    ck_assert_ptr_nonnull(b);
    batcher_begin(b, epoch + 1); /* and given up */
    batcher_next(b);
    batcher_begin(b, epoch);
    while ((batch = batcher_next(b)))
        for (int i = 0; i < size; i++) memcpy(out + 4 * batch->row[i], batch->x + 4 * i, 4 * sizeof *out);
    batcher_free(b);
}

/* Neither the batch nor the number of threads changes a value; seed and epoch do. */
START_TEST(chance_is_of_seed_epoch_and_sample)
{
    enum { SAMPLES = 60, VALUES = 4 * SAMPLES };
    static const NnAugmentStep steps[] = {{.kind = NN_AUGMENT_ROTATE, .amount = 40},
                                          {.kind = NN_AUGMENT_JITTER, .amount = 0.5},
                                          {.kind = NN_AUGMENT_CROP, .size = 2, .pad = 1}};
    Setting s;
    float first[VALUES], other[VALUES];
    set_up(&s, SAMPLES, 5, 5, 2, NN_FIT_RESIZE);
    augment(&s, steps, COUNT(steps));
    run_epoch(&s, 6, 1, 1, 3, first);
    for (int workers = 0; workers < 9; workers += 2) {
        run_epoch(&s, 6, workers, 1, 3, other);
        ck_assert_mem_eq(first, other, sizeof first);
    }
    run_epoch(&s, 15, 3, 1, 3, other);
    ck_assert_mem_eq(first, other, sizeof first);
    run_epoch(&s, 6, 2, 1, 4, other);
    ck_assert_mem_ne(first, other, sizeof first);
    run_epoch(&s, 6, 2, 2, 3, other);
    ck_assert_mem_ne(first, other, sizeof first);
    tear_down(&s);
}
END_TEST

START_TEST(tests_are_not_augmented)
{
    Setting s;
    set_up(&s, 8, 4, 4, 4, NN_FIT_RESIZE);
    augment(&s, &(NnAugmentStep){.kind = NN_AUGMENT_CUTOUT, .size = 50}, 1);
    for (int training = 0; training < 2; training++) {
        Batcher *b = batcher_new(&s.feed, training ? DATA_TRAIN : DATA_TEST, 8, training, 1, &s.error);
        batcher_begin(b, 0);
        near(batcher_next(b)->x[17], training ? 0 : 1, 0);
        batcher_free(b);
    }
    tear_down(&s);
}
END_TEST

START_TEST(translation_reflects)
{
    float in[2 * 12], out[2 * 12]; /* 2 planes of 3×4 */
    ramp(in, 24);
    augment_translate(in, 2, 3, 4, 1, -2, out); /* down by 1, left by 2 */
    static const int rows[] = {1, 0, 1}, columns[] = {2, 3, 2, 1};
    for (int c = 0; c < 2; c++)
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 4; j++) near(out[c * 12 + i * 4 + j], c * 12 + rows[i] * 4 + columns[j], 0);
    augment_translate(in, 2, 3, 4, 0, 0, out);
    ck_assert_mem_eq(out, in, sizeof in);
}
END_TEST

/* A class map that is the image moves as it does. */
START_TEST(maps_move_with_images)
{
    enum { SIDE = 6, AREA = SIDE * SIDE };
    static const NnAugmentStep steps[] = {{.kind = NN_AUGMENT_FLIP}, {.kind = NN_AUGMENT_TRANSLATE, .size = 2}};
    float values[4 * AREA], out[AREA], scratch[4 * AREA + SIDE * SIDE], map[AREA], other[AREA];
    NnError error;
    Augmenter augmenter;
    Fitting f;
    ramp(values, 4 * AREA);
    Dataset data = {.rank = 3, .dims = {1, SIDE, SIDE}, .elements = AREA};
    data.part[DATA_TRAIN] = (Samples){.count = 4, .values = values};
    ck_assert_int_eq(fitting_init(&f, &data, 3, (int[]){1, SIDE, SIDE}, NN_FIT_PAD, &error), 0);
    ck_assert_int_eq(augment_init(&augmenter, &f, steps, 2, &error), 0);
    ck_assert(augmenter.scratch <= sizeof scratch / sizeof *scratch);
    bool moved = false;
    for (uint64_t epoch = 0; epoch < 8; epoch++)
        for (int i = 0; i < 4; i++) {
            augment_sample(&augmenter, sample_of(&data, i), i, 9, epoch, out, scratch);
            memcpy(map, values + i * AREA, sizeof map);
            const float *after = augment_map(&augmenter, i, 9, epoch, map, other);
            ck_assert_mem_eq(after, out, sizeof out);
            moved |= memcmp(out, values + i * AREA, sizeof out) != 0;
        }
    ck_assert(moved);
}
END_TEST

/* ---- mixing ---------------------------------------------------------------------------------- */

/* Beta(a, a) has the mean 1/2 and the variance 1 / (4 · (2a + 1)). */
START_TEST(mixing_by_beta)
{
    enum { DRAWS = 4000 };
    static const double alphas[] = {0.2, 1, 3};
    for (int k = 0; k < 3; k++) {
        double sum = 0, squares = 0;
        for (int i = 0; i < DRAWS; i++) {
            double x = mix_beta(7, 3, (uint64_t)i, alphas[k]);
            ck_assert(x >= 0 && x <= 1 && x == mix_beta(7, 3, (uint64_t)i, alphas[k]));
            sum += x, squares += (x - 0.5) * (x - 0.5);
        }
        ck_assert_double_eq_tol(sum / DRAWS, 0.5, 0.03);
        ck_assert_double_eq_tol(squares / DRAWS, 1 / (4 * (2 * alphas[k] + 1)), 0.01);
    }
}
END_TEST

/* Two samples and their one-hot targets: by mixup every element is blended by what the targets
 * say, by cutmix as large a share of the pixels is the other's. */
START_TEST(mixed_batches)
{
    enum { AREA = 64 };
    Fitting f = {.rank = 3, .dims = {1, 8, 8}, .elements = AREA};
    for (uint64_t number = 0; number < 20; number++) {
        Feed feed = {.kind = FEED_ONE_HOT, .fitting = &f, .target_count = 2};
        float x[2 * AREA], targets[4] = {1, 0, 0, 1};
        Batch batch = {.x = x, .target = targets, .count = 2};
        *(number % 2 ? &feed.cutmix : &feed.mixup) = 1;
        for (int i = 0; i < 2 * AREA; i++) x[i] = i < AREA ? 1 : 0;
        mix_batch(&feed, &batch, 5, 1, number);
        float own = 0;
        for (int i = 0; i < AREA; i++) {
            near(x[i] + x[AREA + i], 1, 1e-6);
            if (number % 2) ck_assert(x[i] == 0 || x[i] == 1);
            own += x[i];
        }
        near(own / AREA, targets[0], 1e-5);
        near(targets[0] + targets[1], 1, 1e-6);
        near(targets[3], targets[0], 1e-6);
    }
}
END_TEST

Suite *augmentation_suite(void)
{
    Suite *suite = suite_create("augmentation");
    TCase *tcase = tcase_create("augmentation");
    tcase_add_test(tcase, crop_takes_a_window);
    tcase_add_test(tcase, flip_turns_back);
    tcase_add_test(tcase, rotation_by_quarters);
    tcase_add_test(tcase, rotation_of_a_slope);
    tcase_add_test(tcase, cutout_covers);
    tcase_add_test(tcase, jitter_by_factors);
    tcase_add_test(tcase, cutout_by_chance);
    tcase_add_test(tcase, crop_and_flip_by_chance);
    tcase_add_test(tcase, jitter_within_bounds);
    tcase_add_test(tcase, sizes_on_the_way);
    tcase_add_test(tcase, augmentation_that_does_not_fit);
    tcase_add_test(tcase, chance_is_of_seed_epoch_and_sample);
    tcase_add_test(tcase, tests_are_not_augmented);
    tcase_add_test(tcase, translation_reflects);
    tcase_add_test(tcase, maps_move_with_images);
    tcase_add_test(tcase, mixing_by_beta);
    tcase_add_test(tcase, mixed_batches);
    suite_add_tcase(suite, tcase);
    return suite;
}
