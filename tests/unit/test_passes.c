/*
 * The passes that only the fast form has: with each of them off, a net computes what it computes
 * with all of them on.
 *
 * Sums of floats in another order differ by a few units of 2^-24 per term, and Winograd's form of
 * a convolution rounds more (about 1e-5 of its largest output).  Where a value then comes to the
 * other side of a kink, all that follows is another path: from some starts (weights and images of
 * their own) up to a sixth of them.  What is wrong is wrong from every start, so a quarter of them
 * have to agree.
 */
#include <check.h>

#include "tests/unit/form_runs.h"

static const char mixed[] = "tests/passes/mixed.nn", winograd[] = "tests/passes/winograd.nn",
                  concat_elimination[] = "tests/passes/concat_elimination.nn",
                  micro_batches[] = "tests/passes/micro_batches.nn", batch_blocked[] = "tests/kernels/batch_blocked.nn",
                  resnet[] = "tests/refs/resnet_small.nn", lenet[] = "tests/refs/lenet_sgd.nn";

typedef struct Switched {
    const char *path, *net;
    PassId pass;
    bool same_bits; /* with the pass off */
    int starts;     /* 0: STARTS; fewer where convolutions in the plain form take seconds each, */
    int batch;      /* and of fewer samples; 0: the train section's */
} Switched;

static const Switched switched[] = {
    {mixed, NULL, PASS_FUSION, false, 0, 0},
    {mixed, NULL, PASS_LAYOUT, false, 0, 0},
    {mixed, NULL, PASS_SELECTION, false, 0, 0},
    {mixed, NULL, PASS_LEGALIZATION, false, 0, 0},
    {winograd, NULL, PASS_FUSION, false, 0, 0},
    {winograd, NULL, PASS_WINOGRAD, false, 0, 0},
    {winograd, NULL, PASS_LAYOUT, false, 2, 2},
    {concat_elimination, NULL, PASS_CONCAT_ELIMINATION, true, 0, 0},
    {concat_elimination, NULL, PASS_WINOGRAD, false, 0, 0},
    {concat_elimination, NULL, PASS_FUSION, false, 0, 0},
    {concat_elimination, NULL, PASS_LAYOUT, false, 2, 2},
    {micro_batches, NULL, PASS_MICRO_BATCHES, false, 2, 0},
    {micro_batches, NULL, PASS_GRADIENT_SPLITTING, true, 1, 0},
    {batch_blocked, "padded", PASS_BATCH_BLOCKING, false, 0, 0},
    {resnet, NULL, PASS_FUSION, false, 0, 0},
    {resnet, NULL, PASS_LAYOUT, false, 0, 3},
    {resnet, NULL, PASS_PREPACK, true, 0, 0},
    {lenet, NULL, PASS_LAYOUT, false, 0, 0},
    {lenet, NULL, PASS_SELECTION, false, 0, 0},
    {lenet, NULL, PASS_LEGALIZATION, false, 0, 0},
};

enum { STARTS = 4 };

/* How many starts agree in all their pieces? */
static int starts_that_agree(const Run *a, const Run *b, int starts)
{
    ck_assert_int_eq(a->pieces, b->pieces);
    const int each = a->pieces / starts;
    int agree = 0;
    for (int start = 0; start < starts; start++) {
        int i = start * each;
        while (i < (start + 1) * each && piece_is_close(&a->piece[i], &b->piece[i])) i++;
        agree += i == (start + 1) * each;
    }
    return agree;
}

START_TEST(passes_change_no_results)
{
    const Switched *s = &switched[_i];
    const int starts = s->starts ? s->starts : STARTS;
    Build v = {.path = s->path, .net = s->net, .batch = s->batch, .threads = 2, .starts = starts};
    Run on, off;
    form_run(&on, &v);
    v.without = 1U << s->pass;
    form_run(&off, &v);
    if (s->same_bits) assert_same_bits(&on, &off, &v);
    const int agree = starts_that_agree(&on, &off, starts);
    ck_assert_msg(4 * agree >= starts, "%s without %s: %d of %d starts agree", s->path, pass_name(s->pass), agree,
                  STARTS);
    run_free(&on);
    run_free(&off);
}
END_TEST

/* ---- within a limit of memory ------------------------------------------------------- */

typedef struct Limited {
    const char *path;
    unsigned without;
    int batch; /* 0: the train section's */
} Limited;

static const Limited limited[] = {{mixed, 0, 0}, {resnet, 0, 0}, {resnet, PASS_BIT(LAYOUT), 3}};

static int64_t least_memory(const Limited *l)
{
    Compilation *c = compilation_new();
    List none = {0};
    const File *file = front_parse_file(c, l->path);
    Graph *net = elaborate(c, file, NULL, &none);
    const TrainSpec *spec = train_spec(c, file, net, &none);
    ck_assert_int_eq(c->errors, 0);
    const LowerOptions options = {
        .batch = l->batch ? l->batch : spec->batch, .infer = true, .train = true, .disabled = l->without};
    const int64_t bytes = lower_least_memory(net, spec, &options);
    compilation_free(c);
    return bytes;
}

START_TEST(values_are_computed_again_bitwise)
{
    const Limited *l = &limited[_i];
    Build v = {.path = l->path, .batch = l->batch, .threads = 2, .starts = 2, .without = l->without};
    Run free_run, limited_run;
    form_run(&free_run, &v);
    v.memory_limit = least_memory(l);
    form_run(&limited_run, &v);
    assert_same_bits(&free_run, &limited_run, &v);
    run_free(&free_run);
    run_free(&limited_run);
}
END_TEST

Suite *passes_suite(void)
{
    Suite *suite = suite_create("passes");
    TCase *tcase = tcase_create("passes_off");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, passes_change_no_results, 0, sizeof switched / sizeof *switched);
    tcase_add_loop_test(tcase, values_are_computed_again_bitwise, 0, sizeof limited / sizeof *limited);
    suite_add_tcase(suite, tcase);
    return suite;
}
