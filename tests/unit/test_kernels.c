/*
 * The kernels: the fast form of an operator against its plain form, for the nets
 * of tests/kernels/.
 *
 * A net is run in the plain form and in the fast one, with one, two and three
 * threads, for batches below and above what is shared out by samples.  Compared
 * are inference, the forward pass of training, dx, the parameters' gradients and
 * the running statistics.  The threads' results must be bitwise identical.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernels/norm/batchnorm.h"
#include "tests/unit/form_runs.h"
#include "tests/unit/libraries.h"

/* The plain form, and the fast one with one to three threads. */
static void check_variant(Build v, double tolerance)
{
    Run plain, one, more;
    Build expected = v;
    expected.plain = true;
    expected.jit = JIT_TCC;
    form_run(&plain, &expected);
    v.threads = 1;
    form_run(&one, &v);
    assert_close(&plain, &one, tolerance, &v);
    for (v.threads = 2; v.threads <= 3 && v.jit == JIT_TCC; v.threads++) {
        form_run(&more, &v);
        assert_same_bits(&one, &more, &v);
        run_free(&more);
    }
    run_free(&plain);
    run_free(&one);
}

static const int64_t batches[] = {1, 3, 17}; /* from 16 on samples are shared out */

static void check_net(const char *path, int index, double tolerance, bool coarse)
{
    Nets nets = nets_open(path);
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        check_variant((Build){.path = path, .net = net_name(&nets, index), .batch = batches[i], .coarse = coarse},
                      tolerance);
    }
    compilation_free(nets.c);
}

static const char exact_path[] = "tests/kernels/exact.nn", close_path[] = "tests/kernels/close.nn";

START_TEST(gives_the_same_numbers) { check_net(exact_path, _i, 0, true); }
END_TEST

/* A few units of the last place of the largest value; of sums of some thousand terms
 * that nearly cancel, such as a mean, more. */
START_TEST(gives_close_numbers) { check_net(close_path, _i, 1e-5, false); }
END_TEST

/* ---- fusion while training ----------------------------------------------------- */

/* batchnorm by itself, and with what follows it; inference is fused with rounding of
 * its own, the first piece. */
static void check_fusion(Build v)
{
    Run apart, fused;
    v.without = PASS_BIT(FUSION);
    form_run(&apart, &v);
    v.without = 0;
    form_run(&fused, &v);
    for (int i = 1; i < fused.pieces; i++) {
        const Piece *a = &apart.piece[i], *b = &fused.piece[i];
        ck_assert_msg(memcmp(a->values, b->values, a->count * sizeof(float)) == 0, "%s, batch %d: %s differs by %g",
                      v.net, (int)v.batch, a->name, piece_difference(a, b));
    }
    run_free(&apart);
    run_free(&fused);
}

static const char batchnorm_relu_path[] = "tests/kernels/batchnorm_relu.nn";

START_TEST(fuses_alike)
{
    check_net(batchnorm_relu_path, _i, 1e-4, false);
    Nets nets = nets_open(batchnorm_relu_path);
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        Build v = {.path = batchnorm_relu_path, .net = net_name(&nets, _i), .batch = batches[i], .threads = 2};
        check_fusion(v);
        v.coarse = true;
        check_fusion(v);
    }
    compilation_free(nets.c);
}
END_TEST

/* ---- batch blocking -------------------------------------------------------------- */

static const char batch_blocked_path[] = "tests/kernels/batch_blocked.nn";

/* Passes of the whole batch, with fewer blocks than threads and with as many; training. */
START_TEST(blocks_batches_alike)
{
    Nets nets = nets_open(batch_blocked_path);
    Build v = {.path = batch_blocked_path, .net = net_name(&nets, _i), .batch = 16};
    check_variant(v, 1e-5);
    v.batch = 48;
    check_variant(v, 1e-5);
    if (_i == 0 || getenv("ALL")) { /* the C compiler takes half a minute */
        v.jit = JIT_CC;
        check_variant(v, 1e-5);
    }
    v = (Build){.path = batch_blocked_path, .net = "padded", .set = "optimizer=sgd(lr=0.1)", .batch = 32};
    check_variant(v, 1e-4);
    compilation_free(nets.c);
}
END_TEST

/* ---- updates --------------------------------------------------------------- */

static const char *const updates[] = {
    "optimizer=sgd(lr=0.1)",
    "optimizer=sgd(lr=0.1, momentum=0.9)",
    "optimizer=sgd(lr=0.1, momentum=0.9, nesterov=yes, weight_decay=0.1)",
    "optimizer=sgd(lr=0.1, momentum=0.9, dampening=0.5)",
    "optimizer=adam(lr=0.1)",
    "optimizer=adam(lr=0.1, beta1=0, beta2=0.9, eps=1e-3, weight_decay=0.1)",
    "optimizer=adamw(lr=0.1, weight_decay=0.1)",
    "optimizer=adagrad(lr=0.1, initial=0.1, weight_decay=0.1)",
    "optimizer=rmsprop(lr=0.1)",
    "optimizer=rmsprop(lr=0.1, momentum=0.9, centered=yes, eps=1e-2, weight_decay=0.1)",
    "optimizer=lion(lr=0.1, weight_decay=0.1)",
    "regularize=l2(0.1)",
    "regularize=l1(0.01)",
    "clip=norm(0.01)",
    "clip=value(0.001)",
};

/* Gradients differ by rounding, which adam and its kin divide by their size. */
START_TEST(updates_alike)
{
    check_variant((Build){.path = "tests/kernels/trained.nn", .net = "trained", .set = updates[_i], .batch = 5}, 1e-4);
}
END_TEST

/* ---- other ways of compiling ------------------------------------------------- */

/* The kernels inside the generated text, for vectors of 16, 8 and 4.  For this machine, optimized: the
 * others are seen to compute the same, which the compiler spends most of half a minute on if it is to optimize. */
static const char *const flags[] = {"", " -mno-avx512f", " -mno-avx512f -mno-avx"};

START_TEST(compiles_for_other_machines)
{
    const char *cc = getenv("CC");
    char command[256];
    const char *level = _i == 0 || getenv("ALL") ? "" : " -O0";
    snprintf(command, sizeof command, "%s%s%s", cc && *cc ? cc : "cc", flags[_i], level);
#if !defined(__x86_64__)
    if (_i > 0) return;
#endif
    setenv("CC", command, 1);
    Build v = {.path = "tests/kernels/all.nn", .net = "all", .batch = 17, .jit = JIT_CC};
    check_variant(v, 1e-4);
}
END_TEST

/* A net in which threads do all sorts of work, updates included. */
START_TEST(trains_alike)
{
    check_variant((Build){.path = "tests/kernels/all.nn", .net = "all", .set = "batch=5", .batch = 5}, 1e-3);
    check_variant((Build){.path = "tests/kernels/all.nn", .net = "all", .set = "batch=18", .batch = 18}, 1e-3);
}
END_TEST

/* ---- suite ----------------------------------------------------------------- */

static void add_nets(TCase *tcase, const char *path, const TTest *test)
{
    Nets nets = nets_open(path);
    tcase_add_loop_test(tcase, test, 0, nets.file->nets.count);
    compilation_free(nets.c);
}

Suite *kernels_suite(void)
{
    Suite *suite = suite_create("kernels");
    TCase *tcase = tcase_create("kernels");
    add_nets(tcase, exact_path, gives_the_same_numbers);
    add_nets(tcase, close_path, gives_close_numbers);
    add_nets(tcase, batchnorm_relu_path, fuses_alike);
    add_nets(tcase, batch_blocked_path, blocks_batches_alike);
    tcase_add_loop_test(tcase, updates_alike, 0, sizeof updates / sizeof *updates);
    tcase_add_loop_test(tcase, compiles_for_other_machines, 0, sizeof flags / sizeof *flags);
    tcase_add_test(tcase, trains_alike);
    suite_add_tcase(suite, tcase);
    return suite;
}
