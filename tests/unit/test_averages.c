/*
 * Averages of weights and mixed batches, step by step, against their formulas in double.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "runtime/train/average.h"
#include "tests/unit/files.h"
#include "tests/unit/line.h"

/* ---- of the training loop ------------------------------------------------------ */

enum { ROWS_BATCHES = 5 /* whole ones of 22 rows */ };

typedef struct Weights {
    double w, b;
} Weights;

/* The gradient of half the mean squared error of rows 4·number … 4·number + 3 of y = 2x + 1. */
static Weights gradient(Weights at, int number)
{
    Weights d = {0, 0};
    for (int i = 0; i < LINE_BATCH; i++) {
        const double x = (LINE_BATCH * number + i) / 10.5 - 1, error = at.w * x + at.b - (2 * x + 1);
        d.w += error * x / LINE_BATCH;
        d.b += error / LINE_BATCH;
    }
    return d;
}

/* from + share · (to − from) */
static Weights towards(Weights from, Weights to, double share)
{
    return (Weights){from.w + share * (to.w - from.w), from.b + share * (to.b - from.b)};
}

/* What `steps` steps leave in the weights file. */
static Weights reference(const NnTrainConfig *config, int steps)
{
    Weights fast = {0, 0}, slow = fast, mean = fast;
    for (int t = 1; t <= steps; t++) {
        const Weights d = gradient(fast, (t - 1) % ROWS_BATCHES);
        fast = (Weights){fast.w - config->schedule.lr * d.w, fast.b - config->schedule.lr * d.b};
        if (config->lookahead && t % config->lookahead == 0) fast = slow = towards(slow, fast, config->lookahead_alpha);
        mean = towards(mean, fast, 1 - config->ema);
    }
    return config->ema > 0 ? mean : config->lookahead ? slow : fast;
}

static const struct {
    double ema;
    int64_t lookahead;
    double alpha;
} averages[] = {{0, 0, 0}, {0.9, 0, 0}, {0.3, 0, 0}, {0, 3, 0.5}, {0, 5, 0.8}, {0.7, 4, 0.25}};

START_TEST(averages_step_by_step)
{
    for (int steps = 1; steps <= 13; steps++) {
        LineSetting s;
        line_set_up(&s);
        s.feed.sequential = true;
        s.config.max_steps = steps;
        s.config.ema = averages[_i].ema;
        s.config.lookahead = averages[_i].lookahead;
        s.config.lookahead_alpha = averages[_i].alpha;
        ck_assert_msg(line_train(&s) == 0, "%s", s.error.text);
        ck_assert_int_eq(s.line.head.step, steps);
        const Weights want = reference(&s.config, steps);
        near(s.line.w, want.w, 1e-5);
        near(s.line.b, want.b, 1e-5);
        line_tear_down(&s);
    }
}
END_TEST

/* ---- what is averaged ------------------------------------------------------------ */

enum { TABLE_KINDS = 4, TABLE_SIZE = 3 };

typedef struct Table {
    float at[TABLE_KINDS][TABLE_SIZE]; /* by nn_tensor_kind */
} Table;

static int table_row(const char *name) { return name[0] - '0'; }

static int table_set(void *model, const char *name, const float *values, size_t count)
{
    memcpy(((Table *)model)->at[table_row(name)], values, count * sizeof *values);
    return 0;
}

static int table_get(const void *model, const char *name, float *values, size_t count)
{
    memcpy(values, ((const Table *)model)->at[table_row(name)], count * sizeof *values);
    return 0;
}

static const nn_tensor_info table_tensors[TABLE_KINDS] = {{"0", NN_TRAINED, 1, {TABLE_SIZE}, TABLE_SIZE},
                                                          {"1", NN_FROZEN, 1, {TABLE_SIZE}, TABLE_SIZE},
                                                          {"2", NN_BUFFER, 1, {TABLE_SIZE}, TABLE_SIZE},
                                                          {"3", NN_STATE, 1, {TABLE_SIZE}, TABLE_SIZE}};

static const nn_model_info table_info = {
    .name = "table", .tensor_count = TABLE_KINDS, .tensors = table_tensors, .set = table_set, .get = table_get};

/* Some path of the weights. */
static double path(int kind, int k, int t) { return sin(0.7 * t + k) + kind; }

static Table table_at(int t)
{
    Table table;
    for (int kind = 0; kind < TABLE_KINDS; kind++)
        for (int k = 0; k < TABLE_SIZE; k++) table.at[kind][k] = (float)path(kind, k, t);
    return table;
}

/* decay^T w(0) + (1 − decay) Σ decay^(T−t) w(t), of parameters and statistics; the rest stays. */
START_TEST(ema_in_closed_form)
{
    enum { STEPS = 12 };
    const double decay = 0.8;
    NnError error = {0};
    Average a;
    Table table = table_at(0);
    ck_assert_int_eq(average_init(&a, &table_info, &table, true, &error), 0);
    for (int t = 1; t <= STEPS; t++) {
        table = table_at(t);
        average_ema(&a, &table, decay);
    }
    average_swap(&a, &table);
    for (int kind = 0; kind < TABLE_KINDS; kind++)
        for (int k = 0; k < TABLE_SIZE; k++) {
            double want = pow(decay, STEPS) * path(kind, k, 0);
            for (int t = 1; t <= STEPS; t++) want += (1 - decay) * pow(decay, STEPS - t) * path(kind, k, t);
            if (kind == NN_FROZEN || kind == NN_STATE) want = path(kind, k, STEPS);
            near(table.at[kind][k], want, 1e-6);
        }
    average_swap(&a, &table);
    const Table last = table_at(STEPS);
    ck_assert_mem_eq(&table, &last, sizeof table);
    average_free(&a);
}
END_TEST

/* Of parameters alone: statistics are those of the fast weights. */
START_TEST(lookahead_of_parameters)
{
    NnError error = {0};
    Average a;
    Table table = table_at(0);
    ck_assert_int_eq(average_init(&a, &table_info, &table, false, &error), 0);
    table = table_at(1);
    average_lookahead(&a, &table, 0.25);
    for (int kind = 0; kind < TABLE_KINDS; kind++)
        for (int k = 0; k < TABLE_SIZE; k++) {
            double slow = 0.75 * path(kind, k, 0) + 0.25 * path(kind, k, 1);
            near(table.at[kind][k], kind == NN_TRAINED ? slow : path(kind, k, 1), 1e-6);
        }
    average_free(&a);
}
END_TEST

/* ---- mixup --------------------------------------------------------------------------- */

/* By tests/refs/mixing.py. */
static const struct {
    uint64_t seed, epoch, batch;
    double alpha, lambda;
} mixings[] = {
    {1, 1, 0, 1, 0.37680904096026},
    {1, 1, 1, 1, 0.851095902403552},
    {7, 3, 5, 0.2, 0.476389092561972},
    {7, 3, 6, 0.2, 0.999875468518983},
    {1099511627781, 2, 9, 0.4, 0.572469263552996},
    {3, 12, 100, 8, 0.602057904261271},
};

START_TEST(shares_of_mixup)
{
    ck_assert_double_eq_tol(mix_beta(mixings[_i].seed, mixings[_i].epoch, mixings[_i].batch, mixings[_i].alpha),
                            mixings[_i].lambda, 1e-12);
}
END_TEST

/* Five samples of three values: 0 with 4, 1 with 3, and 2 stays; their targets likewise. */
START_TEST(batches_of_mixup)
{
    enum { COUNT_OF_BATCH = 5, VALUES = 3, CLASSES = 2 };
    const double l = mixings[_i].lambda;
    Fitting f = {.rank = 1, .dims = {VALUES}, .elements = VALUES};
    Feed feed = {.kind = FEED_ONE_HOT, .fitting = &f, .target_count = CLASSES, .mixup = mixings[_i].alpha};
    float x[COUNT_OF_BATCH * VALUES], targets[COUNT_OF_BATCH * CLASSES];
    for (int i = 0; i < COUNT_OF_BATCH * VALUES; i++) x[i] = (float)cos(i);
    for (int i = 0; i < COUNT_OF_BATCH * CLASSES; i++) targets[i] = (i / CLASSES + i) % 2;
    mix_batch(&feed, &(Batch){.x = x, .target = targets, .count = COUNT_OF_BATCH}, mixings[_i].seed, mixings[_i].epoch,
              mixings[_i].batch);
    for (int i = 0; i < COUNT_OF_BATCH; i++) {
        const int other = COUNT_OF_BATCH - 1 - i;
        for (int k = 0; k < VALUES; k++)
            near(x[i * VALUES + k], l * cos(i * VALUES + k) + (1 - l) * cos(other * VALUES + k), 1e-6);
        for (int k = 0; k < CLASSES; k++)
            near(targets[i * CLASSES + k],
                 l * ((i + i * CLASSES + k) % 2) + (1 - l) * ((other + other * CLASSES + k) % 2), 1e-6);
    }
}
END_TEST

/* ---- cutmix -------------------------------------------------------------------------- */

/* By tests/refs/mixing.py. */
static const struct {
    uint64_t seed, epoch, batch;
    double alpha;
    int height, width;
    int edge[4]; /* top, bottom, left, right */
    double lambda;
} cuts[] = {
    {1, 1, 0, 1, 32, 32, {17, 32, 7, 32}, 0.6337890625},
    {7, 3, 5, 0.2, 28, 20, {0, 14, 6, 20}, 0.65},
    {7, 3, 6, 0.2, 28, 20, {12, 13, 17, 17}, 1},
    {1099511627781, 2, 9, 0.4, 9, 9, {0, 4, 4, 9}, 0.753086419753086},
    {3, 12, 100, 8, 224, 160, {145, 224, 99, 160}, 0.865541294642857},
    {3, 12, 101, 8, 5, 31, {3, 5, 12, 30}, 0.767741935483871},
};

static bool is_cut(int k, int i, int j)
{
    const int *edge = cuts[k].edge;
    return i >= edge[0] && i < edge[1] && j >= edge[2] && j < edge[3];
}

/* Three samples of two channels: 0 with 2, and 1 stays; then a further target, whose two values are
 * mixed, and a teacher's, which is not. */
START_TEST(batches_of_cutmix)
{
    enum { SAMPLES = 3, CHANNELS = 2, CLASSES = 3, ROW = CLASSES + 3 };
    static float x[SAMPLES * CHANNELS * 224 * 160];
    const int height = cuts[_i].height, width = cuts[_i].width;
    const size_t area = (size_t)height * (size_t)width, sample = CHANNELS * area;
    Fitting f = {.rank = 3, .dims = {CHANNELS, height, width}, .elements = sample};
    const NamedTarget named[] = {{.name = "further", .count = 2}, {.name = "teacher", .count = 1, .taught = true}};
    Feed feed = {.kind = FEED_ONE_HOT,
                 .fitting = &f,
                 .target_count = CLASSES,
                 .named = named,
                 .named_count = 2,
                 .cutmix = cuts[_i].alpha};
    float targets[SAMPLES * ROW];
    for (size_t i = 0; i < SAMPLES * sample; i++) x[i] = (float)(i % 1009);
    for (int i = 0; i < SAMPLES * ROW; i++) targets[i] = (float)sin(i);
    mix_batch(&feed, &(Batch){.x = x, .target = targets, .count = SAMPLES}, cuts[_i].seed, cuts[_i].epoch,
              cuts[_i].batch);
    for (size_t i = 0; i < SAMPLES * sample; i++) {
        const size_t n = i / sample, pixel = i % area;
        const bool other = is_cut(_i, (int)(pixel / (size_t)width), (int)(pixel % (size_t)width));
        ck_assert_float_eq(x[i], (float)(((other ? SAMPLES - 1 - n : n) * sample + i % sample) % 1009));
    }
    for (int i = 0; i < SAMPLES * ROW; i++) {
        const int n = i / ROW, k = i % ROW, other = (SAMPLES - 1 - n) * ROW + k;
        const double l = k == ROW - 1 ? 1 : cuts[_i].lambda;
        near(targets[i], l * (double)(float)sin(i) + (1 - l) * (double)(float)sin(other), 1e-6);
    }
}
END_TEST

Suite *averages_suite(void)
{
    Suite *suite = suite_create("averages");
    TCase *loop = tcase_create("averages_loop"), *tcase = tcase_create("averages");
    tcase_add_checked_fixture(loop, make_folder, remove_folder);
    tcase_add_loop_test(loop, averages_step_by_step, 0, COUNT(averages));
    tcase_add_test(tcase, ema_in_closed_form);
    tcase_add_test(tcase, lookahead_of_parameters);
    tcase_add_loop_test(tcase, shares_of_mixup, 0, COUNT(mixings));
    tcase_add_loop_test(tcase, batches_of_mixup, 0, COUNT(mixings));
    tcase_add_loop_test(tcase, batches_of_cutmix, 0, COUNT(cuts));
    suite_add_tcase(suite, loop);
    suite_add_tcase(suite, tcase);
    return suite;
}
