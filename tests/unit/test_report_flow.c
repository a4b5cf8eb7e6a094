/*
 * Tests of paths and gradient flow: the chains and blocks of the exercises, and
 * small graphs against a count of every case.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nets.h"

/* ---- chains and blocks ------------------------------------------------------------ */

static const Analysis *repeated(Compilation *c, const char *block, int times, double gain, double kill)
{
    ReportOptions options = report_options();
    options.gain = gain;
    options.kill = kill;
    return analyse(c, arena_printf(c->arena, "net n { input(3) repeat %d { %s } }", times, block), &options);
}

START_TEST(plain_chain)
{
    Compilation *c = compilation_new();
    for (int n = 1; n <= 30; n++) {
        const Analysis *a = repeated(c, "dense(3) relu", n, 0.5, 0.2);
        ck_assert_double_eq(a->input_bound[0].value, pow(0.5, n));
        ck_assert_double_eq_tol(a->input_dead[0].value, 1 - pow(0.8, n), 1e-12);
        ck_assert_double_eq(layer_of(a, "dense1")->bound.value, pow(0.5, n - 1));
        ck_assert_str_eq(a->paths.count, "1");
        ck_assert_int_eq(a->paths.shortest, n);
        ck_assert_int_eq(a->paths.longest, n);
    }
    compilation_free(c);
}
END_TEST

START_TEST(blocks_with_shortcuts)
{
    Compilation *c = compilation_new();
    for (int n = 1; n <= 30; n++) {
        const Analysis *a = repeated(c, "add { dense(3) } { }", n, 0.5, 0.2);
        ck_assert_double_eq_tol(a->input_bound[0].value, pow(1.5, n), 1e-9 * pow(1.5, n));
        ck_assert_double_eq(a->input_dead[0].value, 0);
        ck_assert_str_eq(a->paths.count, arena_printf(c->arena, "%lld", 1LL << n));
        ck_assert_int_eq(a->paths.shortest, 0);
        ck_assert_int_eq(a->paths.longest, n);
        ck_assert_double_eq_tol(a->paths.mean.value, n / 2.0, 1e-9);
    }
    compilation_free(c);
}
END_TEST

START_TEST(many_paths_are_counted_exactly)
{
    Compilation *c = compilation_new();
    ck_assert_str_eq(repeated(c, "add { dense(3) } { }", 80, 0.5, 0)->paths.count, "1208925819614629174706176");
    const Analysis *three = repeated(c, "add { dense(3) } { } { relu }", 40, 0.5, 0);
    ck_assert_str_eq(three->paths.count, "12157665459056928801");
    ck_assert_str_eq(repeated(c, "add { dense(3) } { }", 300, 0.5, 0)->paths.count,
                     "2037035976334486086268445688409378161051468393665936250636140449354381299763336706183397376");
    compilation_free(c);
}
END_TEST

START_TEST(what_is_beyond_a_number)
{
    Compilation *c = compilation_new();
    const Analysis *a = repeated(c, "dense(3)", 200, 1e6, 0);
    ck_assert_ptr_nonnull(a->input_bound[0].why);
    ck_assert_ptr_null(layer_of(a, "dense200")->bound.why);
    compilation_free(c);
}
END_TEST

START_TEST(where_gradients_do_not_come)
{
    Compilation *c = compilation_new();
    const Analysis *a = analyse_batch(
        c, "net n { input(3) dense(3) as a step dense(2) as b head h { dense(2) as s } dense(2) as d }", 1);
    ck_assert_double_eq(a->input_bound[0].value, 0);
    ck_assert_double_eq(a->input_dead[0].value, 1);
    ck_assert_double_eq(layer_of(a, "a")->dead.value, 1);
    ck_assert_double_eq(layer_of(a, "b")->bound.value, 0.5);
    ck_assert_ptr_nonnull(layer_of(a, "h.s")->bound.why);
    ck_assert_ptr_nonnull(layer_of(a, "h.s")->dead.why);
    compilation_free(c);
}
END_TEST

/* ---- against every case --------------------------------------------------------------- */

/* Is the gradient of the layer's result there when the layers of `killed`, bits
 * by the order of layers with weights, let none through? */
static void live_layers(const Analysis *a, unsigned killed, bool *live)
{
    int weighted = 0;
    int *bit = calloc((size_t)a->layer_count, sizeof *bit);
    for (int i = 0; i < a->layer_count; i++) bit[i] = a->layers[i].node->op->traits & OP_WEIGHTED ? weighted++ : -1;
    for (int i = 0; i < a->layer_count; i++) live[i] = false;
    live[a->net->output->producer->id] = true;
    for (int i = a->layer_count - 1; i >= 0; i--) {
        const Node *n = a->layers[i].node;
        if (!live[i] || (bit[i] >= 0 && killed >> bit[i] & 1)) continue;
        for (int k = 0; k < n->data_count; k++) {
            if (n->in[k]->producer) live[n->in[k]->producer->id] = true;
        }
    }
    free(bit);
}

static int weighted_layers(const Analysis *a)
{
    int count = 0;
    for (int i = 0; i < a->layer_count; i++) count += (a->layers[i].node->op->traits & OP_WEIGHTED) != 0;
    return count;
}

static void count_every_case(const Analysis *a, double *dead)
{
    int weighted = weighted_layers(a);
    bool *live = calloc((size_t)a->layer_count, sizeof *live);
    ck_assert_int_le(weighted, 16);
    for (unsigned killed = 0; killed < 1u << weighted; killed++) {
        int count = __builtin_popcount(killed);
        double probability = pow(a->options.kill, count) * pow(1 - a->options.kill, weighted - count);
        live_layers(a, killed, live);
        for (int i = 0; i < a->layer_count; i++) dead[i] += live[i] ? 0 : probability;
    }
    free(live);
}

static const char *const graphs[] = {
    "dense(3) add { dense(3) } { dense(3) dense(3) } dense(3)",
    "add { dense(3) dense(3) } { dense(3) relu } { dense(3) } dense(3)",
    "dense(3) as a dense(3) as b from a dense(3) as d add { } { from b } as e add { dense(3) } { from d dense(3) }",
    ("dense(3) as a dense(3) as b dense(3) as d add { dense(3) } { from a dense(3) } as e add { from e } { from b "
     "dense(3) } { from d }"),
    "repeat 3 { add { dense(3) dense(3) } { dense(3) } } dense(3)",
    "repeat 2 { concat { } { dense(2) dense(2) } } dense(3) add { dense(3) } { }",
    "add { add { dense(3) } { dense(3) } dense(3) } { dense(3) add { dense(3) } { dense(3) } }",
};

START_TEST(death_in_every_case)
{
    Compilation *c = compilation_new();
    ReportOptions options = report_options();
    options.kill = 0.3;
    const Analysis *a =
        analyse(c, arena_printf(c->arena, "net n { input(3) dense(3) as first %s }", graphs[_i]), &options);
    double *dead = calloc((size_t)a->layer_count, sizeof *dead);
    count_every_case(a, dead);
    for (int i = 0; i < a->layer_count; i++) {
        ck_assert_msg(fabs(a->layers[i].dead.value - dead[i]) < 1e-12, "%s: %s is dead with %g, not %g", graphs[_i],
                      a->layers[i].name, a->layers[i].dead.value, dead[i]);
    }
    free(dead);
    compilation_free(c);
}
END_TEST

/* ---- time ----------------------------------------------------------------------------------- */

/* conv 8×8×1 → 8×8×2 with 3×3: 20 parameters, 1152 MACs, 2432 FLOPs; it reads 64
 * and 20 numbers and writes 128. */
START_TEST(roofline)
{
    Compilation *c = compilation_new();
    ReportOptions options = report_options();
    options.batch = 4;
    options.peak = 1e9;
    options.bandwidth = 1e9;
    const Analysis *a = analyse(c, "net n { input(1x8x8) conv(2, 3, pad=1) as c flatten }", &options);
    const LayerReport *l = layer_of(a, "c");
    int64_t bytes = 4 * (4 * 64 + 20 + 4 * 128);
    ck_assert_int_eq(l->traffic, bytes);
    ck_assert_double_eq_tol(l->intensity.value, (double)l->flops * 4 / (double)bytes, 1e-12);
    ck_assert_double_eq_tol(l->seconds, (double)l->flops * 4 / 1e9, 1e-15);
    ck_assert(!l->memory_bound);
    ck_assert_ptr_nonnull(layer_of(a, "flatten1")->intensity.why);
    options.bandwidth = 1e8;
    l = layer_of(analyse(c, "net n { input(1x8x8) conv(2, 3, pad=1) as c flatten }", &options), "c");
    ck_assert(l->memory_bound);
    ck_assert_double_eq_tol(l->seconds, (double)bytes / 1e8, 1e-12);
    compilation_free(c);
}
END_TEST

Suite *report_flow_suite(void)
{
    Suite *suite = suite_create("report_flow");
    TCase *tests = tcase_create("report_flow");
    tcase_add_test(tests, plain_chain);
    tcase_add_test(tests, blocks_with_shortcuts);
    tcase_add_test(tests, many_paths_are_counted_exactly);
    tcase_add_test(tests, what_is_beyond_a_number);
    tcase_add_test(tests, where_gradients_do_not_come);
    tcase_add_loop_test(tests, death_in_every_case, 0, sizeof graphs / sizeof *graphs);
    tcase_add_test(tests, roofline);
    suite_add_tcase(suite, tests);
    return suite;
}
