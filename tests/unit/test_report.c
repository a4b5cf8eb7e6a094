/*
 * Tests of the report's analysis: against what is known of the examples
 * (tests/report/networks.csv), against exercises worked by hand, and against the
 * code that is generated.  Paths are from the top of the repository.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "elab/elaborate.h"
#include "nets.h"

/* ---- helpers ---------------------------------------------------------------- */

static void assert_field(const LayerReport *l, double h, double w)
{
    ck_assert_double_eq(field_size(l->field[0]), h);
    ck_assert_double_eq(field_size(l->field[1]), w);
}

/* ---- known networks ----------------------------------------------------------- */

enum { EXAMPLE, DEFINES, PARAMS, HEADS, MACS, FIELD, STRIDE, PADDING, CELLS };

/* Cuts a line at its commas; empty cells stay. */
static int split(char *line, char **cell)
{
    int count = 0;
    line[strcspn(line, "\r\n")] = '\0';
    for (char *p = line; p && count < CELLS;) cell[count++] = strsep(&p, ",");
    return count;
}

static void define(Compilation *c, List *defines, char *words)
{
    for (char *word; (word = strsep(&words, " "));) {
        char *equals = strchr(word, '=');
        if (!equals) continue;
        Define *d = arena_alloc(c->arena, sizeof *d);
        d->name = arena_strndup(c->arena, word, (size_t)(equals - word));
        d->value = front_parse_expr(c, "test", equals + 1);
        list_push(c->arena, defines, d);
    }
}

static void check_row(char **cell)
{
    Compilation *c = compilation_new();
    List defines = {0};
    const char *what = arena_printf(c->arena, "%s %s", cell[EXAMPLE], cell[DEFINES]);
    const char *path = arena_printf(c->arena, "dsl_examples/%s.nn", cell[EXAMPLE]);
    const File *file = front_parse_file(c, path);
    define(c, &defines, cell[DEFINES]);
    const ReportOptions options = report_options();
    const Analysis *a = analysis_build(net_of_file(c, file, &defines, NULL), NULL, &options);
    ck_assert_ptr_nonnull(a);
    ck_assert_msg(a->total.trained == atoll(cell[PARAMS]), "%s: %lld parameters", what, (long long)a->total.trained);
    ck_assert_msg(a->heads.trained == atoll(cell[HEADS]), "%s: %lld in heads", what, (long long)a->heads.trained);
    if (*cell[MACS]) ck_assert_msg(a->total.macs == atoll(cell[MACS]), "%s: %lld MACs", what, (long long)a->total.macs);
    for (int axis = 0; axis < 2 && *cell[FIELD]; axis++) {
        ck_assert_ptr_nonnull(a->last_map);
        Field f = a->last_map->field[axis];
        ck_assert_msg(
            field_size(f) == atof(cell[FIELD]) && f.stride == atof(cell[STRIDE]) && -f.first == atof(cell[PADDING]),
            "%s: field %g, stride %g, padding %g at %s", what, field_size(f), f.stride, -f.first, a->last_map->name);
    }
    compilation_free(c);
}

START_TEST(known_networks)
{
    FILE *table = fopen("tests/report/networks.csv", "r");
    char line[512], *cell[CELLS];
    int rows = 0;
    ck_assert_ptr_nonnull(table);
    while (fgets(line, sizeof line, table)) {
        if (*line == '#' || strncmp(line, "example,", 8) == 0) continue;
        ck_assert_int_eq(split(line, cell), CELLS);
        check_row(cell);
        rows++;
    }
    fclose(table);
    ck_assert_int_ge(rows, 34);
}
END_TEST

/* ---- exercises by hand ----------------------------------------------------------- */

START_TEST(fields_of_small_chains)
{
    static const struct {
        const char *layers;
        double h, w;
    } row[] = {
        {"conv(2, 3x1)  conv(2, 1x3) as last", 3, 3},         {"conv(2, 3)  conv(2, 3) as last", 5, 5},
        {"conv(2, 5, stride=2)  conv(2, 5) as last", 13, 13}, {"conv(2, 3, dilation=2)  conv(2, 3) as last", 7, 7},
        {"conv(2, 3)  maxpool(2)  conv(2, 3) as last", 8, 8},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        Compilation *c = compilation_new();
        const char *text = arena_printf(c->arena, "net n { input(1x32x32) %s }", row[i].layers);
        const Analysis *a = analyse_batch(c, text, 1);
        ck_assert_str_eq(a->last_map->name, "last");
        assert_field(a->last_map, row[i].h, row[i].w);
        compilation_free(c);
    }
}
END_TEST

/* 3×3 on 2C channels against a bottleneck of C: 36 C² and 13 C². */
START_TEST(bottleneck_ratio)
{
    Compilation *c = compilation_new();
    const Analysis *plain = analyse_batch(c, "net n { input(16x8x8) conv(16, 3, pad=1, bias=no) }", 1);
    const Analysis *thin = analyse_batch(c,
                                         "net n { input(16x8x8) conv(8, 1, bias=no)"
                                         " conv(8, 3, pad=1, bias=no) conv(16, 1, bias=no) }",
                                         1);
    ck_assert_int_eq(plain->total.trained, 36 * 8 * 8);
    ck_assert_int_eq(thin->total.trained, 13 * 8 * 8);
    ck_assert_int_eq(plain->total.macs, 36 * 8 * 8 * 64);
    ck_assert_int_eq(thin->total.macs, 13 * 8 * 8 * 64);
    ck_assert_double_eq_tol((double)plain->total.trained / (double)thin->total.trained, 2.769, 5e-4);
    compilation_free(c);
}
END_TEST

START_TEST(parameters_of_kernels)
{
    static const struct {
        const char *layers;
        int64_t params;
    } row[] = {
        {"input(1x16x16) conv(1, 5)", 26},
        {"input(1x16x16) conv(1, 3) conv(1, 3)", 20},
        {"input(3x16x16) conv(1, 3, bias=no)", 27},
        {"input(4x16x16) conv(8, 3, groups=2, bias=no)", 144},
        {"input(4x16x16) batchnorm", 8},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        Compilation *c = compilation_new();
        const Analysis *a = analyse_batch(c, arena_printf(c->arena, "net n { %s }", row[i].layers), 1);
        ck_assert_int_eq(a->total.trained, row[i].params);
        compilation_free(c);
    }
}
END_TEST

START_TEST(shapes)
{
    Compilation *c = compilation_new();
    const Analysis *a = analyse_batch(c, "net n { input(2x4x5) conv(8, 3, stride=2, pad=1) as c }", 4);
    const LayerReport *l = layer_of(a, "c");
    ck_assert_str_eq(shape_text(c->arena, l->shape), "8x2x3");
    ck_assert_int_eq(l->activation, 48 * 4 * 4); /* 48 floats, batch 4 */
    ck_assert_str_eq(l->arguments, "8, 3, stride=2, pad=1");
    compilation_free(c);
}
END_TEST

/* LeNet's maps; 55×55 from 227 without padding and from 224 with padding 2. */
START_TEST(known_shapes)
{
    static const char *const maps[] = {"6x28x28", "6x14x14", "16x10x10", "16x5x5", "400", "120", "84", "10"};
    Compilation *c = compilation_new();
    const Analysis *a = analyse_batch(c,
                                      "net n { input(1x32x32) conv(6, 5) maxpool(2) conv(16, 5) maxpool(2) flatten"
                                      " dense(120) dense(84) dense(10) }",
                                      1);
    for (int i = 0; i < 8; i++) ck_assert_str_eq(shape_text(c->arena, a->layers[i].shape), maps[i]);
    const Analysis *bare = analyse_batch(c, "net n { input(3x227x227) conv(96, 11, stride=4) as c }", 1);
    const Analysis *padded = analyse_batch(c, "net n { input(3x224x224) conv(96, 11, stride=4, pad=2) as c }", 1);
    ck_assert_str_eq(shape_text(c->arena, layer_of(bare, "c")->shape), "96x55x55");
    ck_assert_str_eq(shape_text(c->arena, layer_of(padded, "c")->shape), "96x55x55");
    compilation_free(c);
}
END_TEST

/* ResNet-50 with the stride of a stage on the first 1×1, as in the paper: 483. */
START_TEST(older_resnet50)
{
    Compilation *c = compilation_new();
    const Analysis *a =
        analyse_batch(c,
                      "block unit(c, stride=1) { add {"
                      " conv(c, 1, stride=stride) conv(c, 3, pad=1) conv(4 * c, 1) }"
                      " { if in.channels != 4 * c { conv(4 * c, 1, stride=stride) } } }"
                      "net n { input(3x224x224) conv(64, 7, stride=2, pad=3) maxpool(3, stride=2, pad=1)"
                      " for s in 0..4 { for i in 0..[3, 4, 6, 3][s] { unit(64 * 2**s, s > 0 and i == 0 ? 2 : 1) } } }",
                      1);
    assert_field(a->last_map, 483, 483);
    ck_assert_double_eq(a->last_map->field[0].stride, 32);
    ck_assert_int_eq(a->misalignments.count, 0);
    compilation_free(c);
}
END_TEST

/* ---- what belongs where ------------------------------------------------------------ */

START_TEST(heads_are_apart)
{
    Compilation *c = compilation_new();
    const Analysis *a = analyse_batch(c,
                                      "net n { input(1x8x8) conv(2, 3) as c"
                                      " head aux (weight=0.5) { flatten dense(3) as d }"
                                      " flatten dense(3) as d }"
                                      " train n { loss cross_entropy optimizer sgd(lr=0.1) batch 4 }",
                                      4);
    ck_assert_int_eq(a->total.trained, 20 + 72 * 3 + 3);
    ck_assert_int_eq(a->heads.trained, 72 * 3 + 3);
    ck_assert_int_eq(layer_of(a, "aux.d")->part, LAYER_HEAD);
    ck_assert_str_eq(layer_of(a, "aux.d")->head->name, "aux");
    ck_assert_int_eq(layer_of(a, "d")->part, LAYER_MAIN);
    ck_assert_int_eq(a->depth, 2);
    ck_assert_int_eq(a->parameter_bytes, 4 * (20 + 2 * (72 * 3 + 3)));
    compilation_free(c);
}
END_TEST

START_TEST(frozen_and_buffers)
{
    Compilation *c = compilation_new();
    const Analysis *a = analyse_batch(c, "net n { input(1x8x8) frozen { conv(2, 3) } batchnorm flatten dense(3) }", 1);
    ck_assert_int_eq(a->total.frozen, 20);
    ck_assert_int_eq(a->total.trained, 4 + 72 * 3 + 3);
    ck_assert_int_eq(a->total.buffers, 4);
    compilation_free(c);
}
END_TEST

/* The longest way through two branches counts; the shortcut's 1×1 does not. */
START_TEST(depth_of_the_longest_path)
{
    Compilation *c = compilation_new();
    const Analysis *a = analyse_batch(c,
                                      "net n { input(2x8x8) add { conv(4, 3, pad=1) relu conv(4, 3, pad=1) }"
                                      " { conv(4, 1) } global_avgpool flatten dense(2) }",
                                      1);
    ck_assert_int_eq(a->depth, 3);
    compilation_free(c);
}
END_TEST

START_TEST(memory_of_both_programs)
{
    Compilation *c = compilation_new();
    const Analysis *a = analyse_batch(c,
                                      "net n { input(1x8x8) conv(4, 3) relu flatten dense(3) }"
                                      " train n { loss cross_entropy optimizer adam(lr=1e-3) batch 8 }",
                                      8);
    ck_assert(a->infer.plan && a->step.plan);
    ck_assert_int_ge(a->infer.arena, a->infer.lower_bound);
    ck_assert_int_ge(a->step.arena, a->step.lower_bound);
    ck_assert_int_gt(a->step.arena, a->infer.arena);
    ck_assert_int_ge(a->train_arena, a->step.arena);
    ck_assert_int_eq(a->optimizer_bytes, 2 * a->parameter_bytes); /* Adam keeps two moments */
    compilation_free(c);
}
END_TEST

/* What the report says is what the generated code asks its caller for. */
START_TEST(memory_is_that_of_the_code)
{
    static const char *const nets[] = {
        "net n { input(1x8x8) conv(4, 3) relu flatten dense(3) } train n { loss cross_entropy optimizer adam(lr=1e-3) "
        "batch 8 }",
        "net n { input(2x9x7) add { conv(2, 3, pad=1) batchnorm relu } { } dropout flatten dense(5) }"
        " train n { loss cross_entropy optimizer sgd(lr=0.1, momentum=0.9) clip norm(1) batch 3 }",
        "net n { input(5) dense(4) tanh dense(2) }",
        "net n { input(16x12x14) conv(40, 3, pad=1) batchnorm relu maxpool(2) conv(16, 1) }",
        "net n { input(16x12x14) conv(40, 3, pad=1) batchnorm relu maxpool(2) conv(16, 1) flatten dense(3) }"
        " train n { loss cross_entropy optimizer adam(lr=1e-3) batch 8 }",
    };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        Compilation *c = compilation_new();
        TrainSpec *spec = NULL;
        Graph *net = net_of_text(c, nets[i], &spec);
        ReportOptions report = report_options();
        report.batch = 6;
        const Analysis *a = analysis_build(net, spec, &report);
        ck_assert_int_eq(i == 3, a->prepared_bytes > 0);
        const EmitOptions options = {
            .lower = {.batch = 6, .target = target_native(), .infer = true, .train = spec != NULL},
            .target = target_native(),
            .standalone = true};
        const EmitResult *e = emit_c(net, spec, &options);
        ck_assert(a && e);
        ck_assert_int_eq(a->infer.arena, e->infer_scratch);
        ck_assert_int_eq(a->train_arena, e->train_scratch);
        ck_assert_int_eq(spec ? a->train_model : a->infer_model, e->model_bytes);
        compilation_free(c);
    }
}
END_TEST

START_TEST(largest_batch)
{
    const char *text = "net n { input(1x8x8) conv(4, 3) relu flatten dense(3) }"
                       " train n { loss cross_entropy optimizer adam(lr=1e-3) batch 8 }";
    Compilation *c = compilation_new();
    ReportOptions options = report_options();
    options.batch = 8;
    options.growth = true;
    options.memory_limit = 200000;
    const Analysis *a = analyse(c, text, &options);
    ck_assert_int_gt(a->largest_batch, 8);
    const Analysis *at = analyse_batch(c, text, a->largest_batch),
                   *beyond = analyse_batch(c, text, a->largest_batch + 1);
    ck_assert_int_le(at->train_model + at->train_arena, 200000);
    ck_assert_int_gt(beyond->train_model + beyond->train_arena, 200000);
    ck_assert_int_ge(a->growth.count, 5);
    for (int i = 0; i < a->growth.count; i++) {
        const MemoryAt *m = a->growth.at[i];
        ck_assert_int_eq(m->fits, m->batch <= a->largest_batch);
        if (m->batch == 8) ck_assert_int_eq(m->train, a->train_arena);
    }
    options.memory_limit = 2000;
    ck_assert_int_eq(analyse(c, text, &options)->largest_batch, 0);
    compilation_free(c);
}
END_TEST

/* Of the input, by the middle element: 16 of 32 rows and columns. */
START_TEST(share_of_the_input)
{
    Compilation *c = compilation_new();
    const Analysis *a = analyse_batch(
        c, "net n { input(1x32x32) conv(2, 5) maxpool(2) conv(2, 5) maxpool(2) as p flatten dense(3) as d }", 1);
    ck_assert_double_eq(layer_of(a, "p")->covered.value, 0.25);
    ck_assert_double_eq(layer_of(a, "d")->covered.value, 1);
    const Analysis *v = analyse_batch(c, "net n { input(7) dense(3) as d }", 1);
    ck_assert_ptr_nonnull(layer_of(v, "d")->covered.why);
    ck_assert_ptr_nonnull(layer_of(v, "d")->field_why);
    ck_assert_ptr_null(v->last_map);
    const Analysis *cut =
        analyse_batch(c, "net n { input(1x4x9) conv(1, 3, pad=1) as a conv(1, 5x3, pad=2x1) as b }", 1);
    ck_assert_double_eq(layer_of(cut, "b")->covered.value, 5.0 / 9); /* all four rows, five of nine columns */
    compilation_free(c);
}
END_TEST

/* Ten layers with dilations 1, 2, …, 512 see 1024 samples (van den Oord et al., WaveNet, 2016). */
START_TEST(fields_of_sequences)
{
    Compilation *c = compilation_new();
    const Analysis *a = analyse_batch(
        c, "net n { input(1x4096) for i in 0..10 { conv1d(2, 2, dilation=2**i) } expect in.rf == 1024 }", 1);
    const LayerReport *l = a->last_map;
    ck_assert_int_eq(l->shape.dim[1], 4096 - 1023);
    assert_field(l, 1, 1024);
    ck_assert_double_eq(l->covered.value, 1024.0 / 4096);
    const Analysis *steps =
        analyse_batch(c,
                      "net n { input(2x64) conv1d(4, 5, stride=2, pad=2) as a maxpool1d(3, stride=3) as b "
                      "slice(axis=1, begin=1, end=-1) as c deconv1d(4, 6, stride=6) as d layernorm(axis=0) as e "
                      "reduce_mean(axes=[1], keep=no) dense(3) as f expect b.rf == 9 and b.stride == 6 }",
                      1);
    assert_field(layer_of(steps, "a"), 1, 5);
    assert_field(layer_of(steps, "b"), 1, 9);
    ck_assert_double_eq(layer_of(steps, "b")->field[1].stride, 6);
    ck_assert_double_eq(-layer_of(steps, "c")->field[1].first, 2 - 6);
    assert_field(layer_of(steps, "d"), 1, 9);
    ck_assert(!layer_of(steps, "e")->field[1].whole && layer_of(steps, "f")->field[1].whole);
    ck_assert_str_eq(steps->last_map->name, "e");
    const Analysis *all = analyse_batch(c, "net n { input(4x9) softmax(axis=1) as s permute([1, 0]) as p }", 1);
    ck_assert(layer_of(all, "s")->field[1].whole && layer_of(all, "p")->field[1].whole);
    const Analysis *paths = analyse_batch(
        c, "net n { input(1x9) add { conv1d(1, 3, pad=1) } { conv1d(1, 2, pad=1) slice(1, 1) } as s }", 1);
    ck_assert_int_eq(paths->misalignments.count, 1);
    compilation_free(c);
}
END_TEST

START_TEST(misaligned_paths)
{
    Compilation *c = compilation_new();
    const Analysis *centre = analyse_batch(
        c, "net n {\n input(1x9x9)\n add { conv(1, 3, pad=1) } { conv(1, 2, pad=[0, 0, 1, 1]) } as s\n relu as r }", 1);
    ck_assert_int_eq(centre->misalignments.count, 2); /* both axes */
    const Misalignment *m = centre->misalignments.at[0];
    ck_assert_str_eq(m->layer->name, "s");
    ck_assert_int_eq(m->layer->line, 3);
    ck_assert_double_eq(m->first.stride, m->second.stride);
    ck_assert(layer_of(centre, "s")->misaligned && !layer_of(centre, "r")->misaligned);
    const Analysis *stride =
        analyse_batch(c, "net n { input(1x8x8) add { conv(1, 3, stride=2, pad=1) } { crop([2, 2, 2, 2]) } as s }", 1);
    ck_assert(layer_of(stride, "s")->misaligned);
    const Analysis *good = analyse_batch(
        c,
        "net n { input(4x8x8) add { conv(4, 3, pad=1) } { } as s mul { } { global_avgpool conv(4, 1) sigmoid } as g }",
        1);
    ck_assert_int_eq(good->misalignments.count, 0); /* a gate has no place */
    compilation_free(c);
}
END_TEST

Suite *report_suite(void)
{
    Suite *suite = suite_create("report");
    TCase *tests = tcase_create("report");
    tcase_add_test(tests, known_networks);
    tcase_add_test(tests, fields_of_small_chains);
    tcase_add_test(tests, bottleneck_ratio);
    tcase_add_test(tests, parameters_of_kernels);
    tcase_add_test(tests, shapes);
    tcase_add_test(tests, known_shapes);
    tcase_add_test(tests, older_resnet50);
    tcase_add_test(tests, heads_are_apart);
    tcase_add_test(tests, frozen_and_buffers);
    tcase_add_test(tests, depth_of_the_longest_path);
    tcase_add_test(tests, memory_of_both_programs);
    tcase_add_test(tests, memory_is_that_of_the_code);
    tcase_add_test(tests, largest_batch);
    tcase_add_test(tests, share_of_the_input);
    tcase_add_test(tests, fields_of_sequences);
    tcase_add_test(tests, misaligned_paths);
    suite_add_tcase(suite, tests);
    return suite;
}
