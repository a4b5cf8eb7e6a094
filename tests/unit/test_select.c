/*
 * Selection with made-up rows: a copy of relu whose table the test owns.  Costs decide,
 * reorders are counted in, the first of equal rows is taken, and a row of another target, layout,
 * number format or trait is not.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "autodiff/program.h"
#include "backend/backend.h"
#include "emit/emit.h"
#include "lower/lower.h"
#include "nets.h"
#include "passes/passes.h"

typedef struct Selected {
    Compilation *c;
    Graph *g;
    Node *relu;
    Op op; /* of relu */
} Selected;

/* input → relu → output, with these rows for relu. */
static Selected *selected_open(const Variant *rows)
{
    Selected *s = calloc(1, sizeof *s);
    s->c = compilation_new();
    s->g = program_build(net_of_text(s->c, "net t { input(32x4x4) relu }", NULL), PROGRAM_INFER, NULL, 16, 1);
    s->relu = s->g->nodes.at[0];
    ck_assert_str_eq(s->relu->op->name, "relu");
    s->op = *s->relu->op;
    s->op.variants = rows;
    s->relu->op = &s->op;
    return s;
}

static const char *select_row(const Variant *rows, SelectOptions options)
{
    Selected *s = selected_open(rows);
    pass_select(s->g, &options);
    const char *name = s->relu->variant ? s->relu->variant->name : "plain";
    compilation_free(s->c);
    free(s);
    return name;
}

static double cost_1(const Node *n, const CostModel *m) { return (void)n, (void)m, 1; }
static double cost_2(const Node *n, const CostModel *m) { return (void)n, (void)m, 2; }
static double cost_of_machine(const Node *n, const CostModel *m) { return (void)n, m->machine->element; }
static const char *refuse(const Node *n) { return (void)n, "never"; }

static const SelectOptions nchw = {.layouts = IN_NCHW, .target = TARGET_AVX2};
static const SelectOptions both = {.layouts = IN_NCHW | IN_NHWC, .target = TARGET_AVX2};

START_TEST(the_cheapest_row_is_taken)
{
    const Variant rows[] = {{.name = "dear", .layouts = IN_NCHW, .cost = cost_2},
                            {.name = "cheap", .layouts = IN_NCHW, .cost = cost_1},
                            {0}};
    ck_assert_str_eq(select_row(rows, nchw), "cheap");
}
END_TEST

START_TEST(of_equal_rows_the_first_is_taken)
{
    const Variant rows[] = {{.name = "first", .layouts = IN_NCHW, .cost = cost_1},
                            {.name = "second", .layouts = IN_NCHW, .cost = cost_1},
                            {0}};
    ck_assert_str_eq(select_row(rows, nchw), "first");
}
END_TEST

/* The input is NCHW: its reorder reads and writes every element. */
static double cost_of_reorder(const Node *n, const CostModel *m)
{
    return 2 * m->machine->element * (double)tensor_count(n->in[0], m->batch);
}
static double cost_1_and_reorder(const Node *n, const CostModel *m) { return 1 + cost_of_reorder(n, m); }
static double cost_2_and_reorder(const Node *n, const CostModel *m) { return 2 + cost_of_reorder(n, m); }

/* NHWC costs 1 and the reorder. */
START_TEST(reorders_are_counted)
{
    static const struct {
        double (*nchw)(const Node *, const CostModel *);
        const char *taken;
    } cases[] = {
        {cost_2, "nchw"},             /* what NHWC saves is less than the reorder */
        {cost_of_reorder, "nchw"},    /* by 1 */
        {cost_1_and_reorder, "nchw"}, /* equal: the layout stays */
        {cost_2_and_reorder, "nhwc"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Variant rows[] = {{.name = "nhwc", .layouts = IN_NHWC, .cost = cost_1},
                                {.name = "nchw", .layouts = IN_NCHW, .cost = cases[i].nchw},
                                {0}};
        ck_assert_str_eq(select_row(rows, both), cases[i].taken);
    }
}
END_TEST

START_TEST(rows_that_refuse_are_left)
{
    const Variant rows[] = {{.name = "refuses", .layouts = IN_NCHW, .cost = cost_1, .refuses = refuse},
                            {.name = "bf16", .layouts = IN_NCHW, .dtypes = OF_BF16, .cost = cost_1},
                            {.name = "wino", .layouts = IN_NCHW, .traits = VARIANT_TRANSFORM_DOMAIN, .cost = cost_1},
                            {.name = "nhwc", .layouts = IN_NHWC, .cost = cost_1},
                            {.name = "left", .layouts = IN_NCHW, .cost = cost_2},
                            {0}};
    SelectOptions options = nchw;
    options.without = VARIANT_TRANSFORM_DOMAIN;
    ck_assert_str_eq(select_row(rows, options), "left");
    ck_assert_str_eq(select_row(rows, nchw), "wino");
    Selected *s = selected_open(rows);
    ck_assert_str_eq(variant_refusal(&rows[0], s->relu, LAYOUT_NCHW, TARGET_AVX2), "never");
    ck_assert_str_eq(variant_refusal(&rows[1], s->relu, LAYOUT_NCHW, TARGET_AVX2),
                     "it does not have the number format");
    ck_assert_str_eq(variant_refusal(&rows[3], s->relu, LAYOUT_NCHW, TARGET_AVX2), "it does not have the layout");
    ck_assert_ptr_null(variant_refusal(&rows[4], s->relu, LAYOUT_NCHW, TARGET_AVX2));
    compilation_free(s->c);
    free(s);
}
END_TEST

START_TEST(a_row_of_another_target_is_never_taken)
{
    const Variant rows[] = {{.name = "avx512", .layouts = IN_NCHW, .targets = ON_AVX512, .cost = cost_1},
                            {.name = "all", .layouts = IN_NCHW, .cost = cost_2},
                            {0}};
    for (int target = 0; target < TARGET_COUNT; target++) {
        const SelectOptions options = {.layouts = IN_NCHW, .target = (Target)target};
        ck_assert_str_eq(select_row(rows, options), target == TARGET_AVX512 ? "avx512" : "all");
    }
}
END_TEST

START_TEST(no_row_is_the_plain_form)
{
    const Variant rows[] = {{.name = "refuses", .layouts = IN_NCHW, .refuses = refuse}, {0}};
    ck_assert_str_eq(select_row(rows, both), "plain");
}
END_TEST

/* Of a batch that is no multiple of the block, and of one that is. */
START_TEST(batch_blocked_is_one_layout_for_all)
{
    Compilation *c = compilation_new();
    const SelectOptions all = {.layouts = IN_ANY_LAYOUT, .target = TARGET_AVX2};
    for (int batch = 15; batch <= 16; batch++) {
        Graph *net = net_of_text(c, "net t { input(3x8x8) conv(8, 3) relu maxpool(2) flatten dense(5) }", NULL);
        Graph *g = program_build(net, PROGRAM_INFER, NULL, batch, 1);
        pass_select(g, &all);
        for (int i = 0; i < g->nodes.count; i++) {
            const Node *n = g->nodes.at[i];
            ck_assert_int_eq(n->layout == LAYOUT_NCHW16N, batch == BATCH_BLOCK);
        }
        ck_assert_int_eq(g->batch_multiple, batch == BATCH_BLOCK ? BATCH_BLOCK : 1);
    }
    compilation_free(c);
}
END_TEST

/* ---- targets ------------------------------------------------------------------------- */

START_TEST(every_target_has_a_page_and_a_name)
{
    const Target target = (Target)_i;
    const MachineCosts *m = machine_costs(target);
    const double *costs = (const double *)m;
    for (size_t i = 0; i < sizeof *m / sizeof *costs; i++) ck_assert_double_gt(costs[i], 0);
    ck_assert(strlen(target_name(target)) > 0);
    const Variant rows[] = {{.name = "costs", .layouts = IN_NCHW, .cost = cost_of_machine}, {0}};
    Selected *s = selected_open(rows);
    const CostModel model = {.target = target, .machine = m, .batch = 16};
    ck_assert_double_eq(variant_cost(&rows[0], s->relu, &model), m->element);
    compilation_free(s->c);
    free(s);
}
END_TEST

/* ---- number formats ------------------------------------------------------------------- */

START_TEST(number_formats)
{
    static const struct {
        DType type;
        int size;
        bool real;
        const char *name, *c_type;
    } expected[] = {
        {DTYPE_F32, 4, true, "f32", "float"},      {DTYPE_F64, 8, true, "f64", "double"},
        {DTYPE_BF16, 2, true, "bf16", "uint16_t"}, {DTYPE_I8, 1, false, "i8", "int8_t"},
        {DTYPE_I16, 2, false, "i16", "int16_t"},   {DTYPE_U8, 1, false, "u8", "uint8_t"},
        {DTYPE_I32, 4, false, "i32", "int32_t"},
    };
    ck_assert_int_eq(sizeof expected / sizeof *expected, DTYPE_COUNT);
    for (int i = 0; i < DTYPE_COUNT; i++) {
        ck_assert_int_eq(dtype_size(expected[i].type), expected[i].size);
        ck_assert_int_eq(dtype_is_real(expected[i].type), expected[i].real);
        ck_assert_str_eq(dtype_name(expected[i].type), expected[i].name);
        ck_assert_str_eq(dtype_c_type(expected[i].type), expected[i].c_type);
    }
}
END_TEST

/* ---- products of bf16 -------------------------------------------------------------- */

static const char small_net[] = "net t { input(3x8x8) conv(16, 3, pad=1, bias=no) batchnorm relu conv(8, 3) relu "
                                "conv(8, 2, groups=2) flatten dense(12) relu dense(4) }\n"
                                "train t { optimizer sgd(0.1) batch 4 }\n";

/* Weights in bf16 are read by rows that are for them. */
static void check_weights_formats(const Node *n)
{
    for (int i = 0; n->variant && i < n->in_count; i++)
        if (n->in[i]->dtype == DTYPE_BF16 && !n->in[i]->batched)
            ck_assert_msg((n->variant->dtypes | n->variant->weights) & OF_BF16, "%s of %s reads bf16", n->variant->name,
                          n->op->name);
}

/* The nodes whose rows multiply bf16, by name. */
static const char *products_of(const char *text, ProgramKind kind, LowerOptions options)
{
    static char names[256];
    Compilation *c = compilation_new();
    TrainSpec *spec;
    Graph *net = net_of_text(c, text, &spec);
    const Graph *g = lower_program(net, kind, spec, &options, NULL)->program;
    names[0] = '\0';
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *n = g->nodes.at[i];
        check_weights_formats(n);
        if (!n->variant || !(n->variant->traits & VARIANT_BF16_PRODUCTS)) continue;
        ck_assert_int_eq(n->in[0]->dtype, DTYPE_BF16);
        ck_assert(n->in[1]->dtype == DTYPE_BF16 || n->variant->rounds_weights);
        ck_assert_int_eq(n->chunk, 0);
        ck_assert_int_lt(strlen(names) + strlen(n->op->name) + 2, sizeof names);
        strcat(strcat(names, *names ? " " : ""), n->op->name);
    }
    compilation_free(c);
    return names;
}

/* Of what is stored in bf16: not of the first layer, whose input is the caller's, nor of the last one's
 * gradient, which a loss makes; and of groups of few channels only for the gradient of the weights. */
START_TEST(what_is_multiplied_in_bf16)
{
    LowerOptions o = {.batch = 4, .target = TARGET_AVX512BF16, .infer = true, .train = true, .bf16_values = true};
    ck_assert_str_eq(products_of(small_net, PROGRAM_INFER, o), "conv dense dense");
    ck_assert_str_eq(products_of(small_net, PROGRAM_STEP, o),
                     "conv dense dense dense.dx dense.dw conv.dweight conv.dx conv.dweight");
    o.batch = 1; /* half of a pair of samples is zeros; convolutions have kernels of floats that read bf16 */
    ck_assert_str_eq(products_of(small_net, PROGRAM_STEP, o), "conv dense dense dense.dx dense.dw conv.dx");
    o.batch = 4;
    o.train = false;
    ck_assert_str_eq(products_of(small_net, PROGRAM_INFER, o), "conv dense dense");
    o.target = TARGET_AVX512VNNI;
    ck_assert_str_eq(products_of(small_net, PROGRAM_INFER, o), "");
    o.target = TARGET_AVX512BF16;
    o.bf16_values = false;
    o.bf16_weights = true;
    ck_assert_str_eq(products_of(small_net, PROGRAM_INFER, o), "");
}
END_TEST

START_TEST(groups_and_deconvolutions_multiply_bf16)
{
    static const char net[] =
        "net t { input(3x8x8) conv(32, 3) conv(32, 3, pad=1, groups=2) deconv(16, 2) relu flatten "
        "dense(4) }\n"
        "train t { optimizer sgd(0.1) batch 4 }\n";
    const LowerOptions o = {.batch = 4, .target = TARGET_AVX512BF16, .infer = true, .train = true, .bf16_values = true};
    ck_assert_str_eq(products_of(net, PROGRAM_INFER, o), "conv deconv dense");
    ck_assert_str_eq(products_of(net, PROGRAM_STEP, o),
                     "conv deconv dense deconv.dx deconv.dweight conv.dx conv.dweight");
}
END_TEST

/* The gradient that a loss makes is in f32, and so are the weights that are multiplied with it. */
START_TEST(gradients_in_f32_read_weights_in_f32)
{
    const LowerOptions o = {.batch = 4, .target = TARGET_AVX512BF16, .infer = true, .train = true, .bf16_values = true};
    ck_assert_str_eq(products_of("net t { input(3x8x8) conv(8, 3) relu conv(2, 1) }\n"
                                 "train t { loss mse optimizer sgd(0.1) batch 4 }\n",
                                 PROGRAM_STEP, o),
                     "conv");
}
END_TEST

/* A run whose result is the same on any number of ranks has none. */
START_TEST(no_products_of_bf16_in_chunks)
{
    const LowerOptions o = {
        .batch = 4, .target = TARGET_AVX512BF16, .infer = true, .train = true, .chunks = true, .bf16_values = true};
    ck_assert_str_eq(products_of(small_net, PROGRAM_GRAD_CHUNK, o), "");
    ck_assert_str_eq(products_of(small_net, PROGRAM_INFER, o), "");
}
END_TEST

/* Weights that are stored in bf16 for some of their readers are read by others number by number: the text
 * declares what it reads them with, though the model has no tensor in bf16. */
START_TEST(plain_layers_read_weights_in_bf16)
{
    static const char text[] = "net t { input(8x5x25) conv(3, 4, bias=no, flip=yes) flatten dense(4) }\n"
                               "train t { optimizer sgd(0.1) batch 2 }\n";
    Compilation *c = compilation_new();
    TrainSpec *spec;
    const char *error = NULL;
    Graph *net = net_of_text(c, text, &spec);
    const EmitOptions options = {.lower.batch = 2,
                                 .lower.infer = true,
                                 .lower.train = true,
                                 .lower.bf16_values = true,
                                 .lower.target = TARGET_AVX512BF16,
                                 .standalone = true,
                                 .threads = 1};
    const EmitResult *emitted = emit_c(net, spec, &options);
    ck_assert_ptr_nonnull(strstr(emitted->source, "nn_from_bf16(weight"));
    Jit *jit = jit_compile(JIT_TCC, emitted->source, c->arena, &error);
    ck_assert_msg(jit != NULL, "%s", error ? error : "");
    jit_free(jit);
    compilation_free(c);
}
END_TEST

Suite *select_suite(void)
{
    Suite *suite = suite_create("select");
    TCase *tests = tcase_create("select");
    tcase_add_test(tests, the_cheapest_row_is_taken);
    tcase_add_test(tests, of_equal_rows_the_first_is_taken);
    tcase_add_test(tests, reorders_are_counted);
    tcase_add_test(tests, rows_that_refuse_are_left);
    tcase_add_test(tests, a_row_of_another_target_is_never_taken);
    tcase_add_test(tests, no_row_is_the_plain_form);
    tcase_add_test(tests, batch_blocked_is_one_layout_for_all);
    tcase_add_loop_test(tests, every_target_has_a_page_and_a_name, 0, TARGET_COUNT);
    tcase_add_test(tests, number_formats);
    tcase_add_test(tests, what_is_multiplied_in_bf16);
    tcase_add_test(tests, groups_and_deconvolutions_multiply_bf16);
    tcase_add_test(tests, gradients_in_f32_read_weights_in_f32);
    tcase_add_test(tests, no_products_of_bf16_in_chunks);
    tcase_add_test(tests, plain_layers_read_weights_in_bf16);
    suite_add_tcase(suite, tests);
    return suite;
}
