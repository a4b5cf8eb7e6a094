/*
 * Tests of the formats: what each looks like, that numbers which are not there
 * are n/a with a reason, and that nets side by side have their ratios.
 */
#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "elab/elaborate.h"
#include "nets.h"
#include "report/report_formats.h"
#include "elab/input_size.h"

/* ---- helpers ------------------------------------------------------------------------- */

static Analysis *example(Compilation *c, const char *name, const char *define, const char *value)
{
    List defines = {0};
    TrainSpec *spec = NULL;
    Define d = {define, define ? front_parse_expr(c, "test", value) : NULL};
    if (define) list_push(c->arena, &defines, &d);
    const File *file = front_parse_file(c, arena_printf(c->arena, "dsl_examples/%s.nn", name));
    Graph *net = net_of_file(c, file, &defines, &spec);
    const ReportOptions options = report_options();
    Analysis *a = analysis_build(net, spec, &options);
    ck_assert_ptr_nonnull(a);
    return a;
}

static char *print_all(const ReportFormat *format, const Analysis **nets, int count, int depth, int width, bool diff)
{
    char *text = NULL;
    size_t size = 0;
    const char *titles[8];
    for (int i = 0; i < count; i++) titles[i] = nets[i]->net->name;
    FILE *out = open_memstream(&text, &size);
    Report r = {.net = nets, .title = titles, .count = count, .depth = depth, .width = width};
    (diff ? format->diff : format->print)(&r, out);
    ck_assert(!r.failed);
    fclose(out);
    return text;
}

static char *print_one(const ReportFormat *format, const Analysis *a, int depth, int width)
{
    return print_all(format, &a, 1, depth, width, false);
}

static void assert_has(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %.2000s", part, text);
}

static int count_of(const char *text, char c)
{
    int count = 0;
    for (const char *p = text; *p; p++) count += *p == c && (p == text || p[-1] != '\\');
    return count;
}

/* ---- text ------------------------------------------------------------------------------ */

static int columns(const char *line)
{
    int count = 0;
    for (; *line && *line != '\n'; line++) count += (*line & 0xc0) != 0x80;
    return count;
}

static const char *const widths_of[] = {"lenet", "googlenet", "resnet", "densenet", "unet", "mlp", "inception_v3"};

START_TEST(text_fits_its_width)
{
    Compilation *c = compilation_new();
    const Analysis *a = example(c, widths_of[_i], NULL, NULL);
    static const int depths[] = {1, 2, DEPTH_ALL};
    for (int d = 0; d < 3; d++) {
        char *text = print_one(&report_text, a, depths[d], 80);
        for (const char *line = text; line; line = strchr(line, '\n')) {
            line += *line == '\n';
            ck_assert_msg(columns(line) <= 80, "%d columns: %.90s", columns(line), line);
            if (!*line) break;
        }
        free(text);
    }
    compilation_free(c);
}
END_TEST

START_TEST(text_of_googlenet)
{
    Compilation *c = compilation_new();
    const Analysis *a = example(c, "googlenet", NULL, NULL);
    char *narrow = print_one(&report_text, a, DEPTH_ALL, 80), *wide = print_one(&report_text, a, DEPTH_ALL, 250);
    assert_has(narrow, "6,624,904");
    assert_has(narrow, "13,004,888");
    assert_has(narrow, "head aux1, for training only");
    assert_has(wide, "conv(64, 7, stride=2, pad=3, bias=no)");
    assert_has(wide, "1,498,376,192");
    assert_has(wide, "FLOP/B");
    assert_has(wide, "n/a  grad: it leads only to a training head");
    free(narrow);
    free(wide);
    compilation_free(c);
}
END_TEST

START_TEST(what_is_not_there_is_named)
{
    Compilation *c = compilation_new();
    const Analysis *a = analyse_batch(c, "net n { input(4) dense(3) }", 1);
    char *text = print_one(&report_text, a, DEPTH_ALL, 80), *csv = print_one(&report_csv, a, DEPTH_ALL, 80);
    assert_has(text, "n/a  field: an input is a vector");
    assert_has(text, "there is no train section");
    assert_has(csv, "n/a,n/a,n/a,n/a,n/a,n/a,n/a,n/a,n/a,no");
    assert_has(csv, "an input is a vector");
    free(text);
    free(csv);
    compilation_free(c);
}
END_TEST

/* ---- blocks ------------------------------------------------------------------------------- */

START_TEST(blocks_add_up)
{
    Compilation *c = compilation_new();
    const Analysis *a = example(c, "resnet", NULL, NULL);
    const Block *tree = block_tree(a, c->arena, LAYER_MAIN, NULL);
    static const int expected[] = {11, 19, 69};
    for (int depth = 1; depth <= 3; depth++) {
        List rows = {0};
        int64_t params = 0, macs = 0, layers = 0;
        block_rows(c->arena, tree, depth < 3 ? depth : DEPTH_ALL, &rows);
        for (int i = 0; i < rows.count; i++) {
            const Block *b = rows.at[i];
            params += b->total.trained;
            macs += b->total.macs;
            layers += b->total.layers;
        }
        ck_assert_int_eq(params, a->total.trained);
        ck_assert_int_eq(macs, a->total.macs);
        ck_assert_int_eq(layers, a->total.layers);
        if (depth != 2) ck_assert_int_eq(rows.count, expected[depth - 1]);
    }
    compilation_free(c);
}
END_TEST

/* ---- CSV, Markdown, DOT, JSON, HTML ---------------------------------------------------------- */

/* Fields of a line of CSV; commas in quotes do not count. */
static int csv_fields(const char **line)
{
    int fields = 1;
    bool quoted = false;
    for (; **line && **line != '\n'; (*line)++) {
        if (**line == '"') quoted = !quoted;
        fields += **line == ',' && !quoted;
    }
    if (**line) (*line)++;
    return fields;
}

START_TEST(csv_is_even)
{
    Compilation *c = compilation_new();
    const Analysis *a = example(c, "googlenet", NULL, NULL);
    char *text = print_one(&report_csv, a, DEPTH_ALL, 80);
    const char *p = text;
    int fields = csv_fields(&p), lines = 0;
    for (; *p; lines++) ck_assert_int_eq(csv_fields(&p), fields);
    ck_assert_int_eq(lines, a->layer_count);
    assert_has(text, "conv1.conv,conv,\"64, 7, stride=2, pad=3, bias=no\"");
    free(text);
    compilation_free(c);
}
END_TEST

START_TEST(markdown_is_even)
{
    Compilation *c = compilation_new();
    char *text = print_one(&report_markdown, example(c, "lenet", NULL, NULL), DEPTH_ALL, 80);
    assert_has(text, "# lenet\n");
    assert_has(text, "| name | layer | output | params | MACs | field | stride | pad | bytes |\n|---|---|---:|");
    assert_has(text, "| c1 | conv(6, 5) | 6x28x28 | 156 | 117,600 | 5 | 1 | 0 |");
    int bars = 0;
    for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        const char *end = strchr(line, '\n');
        char *copy = strndup(line, end ? (size_t)(end - line) : strlen(line));
        int here = count_of(copy, '|');
        if (*copy == '|' && bars) ck_assert_msg(here == bars, "%s", copy);
        bars = *copy == '|' ? here : 0;
        free(copy);
    }
    free(text);
    compilation_free(c);
}
END_TEST

START_TEST(dot_has_every_layer)
{
    Compilation *c = compilation_new();
    const Analysis *a = example(c, "googlenet", NULL, NULL);
    char *all = print_one(&report_dot, a, DEPTH_ALL, 80), *folded = print_one(&report_dot, a, 1, 80);
    for (int i = 0; i < a->layer_count; i++) assert_has(all, a->layers[i].name);
    ck_assert_int_eq(count_of(all, '{'), count_of(all, '}'));
    assert_has(all, "subgraph cluster0 {");
    assert_has(all, "-> n");
    ck_assert_ptr_null(strstr(folded, "subgraph"));
    ck_assert_int_lt(strlen(folded), strlen(all) / 4);
    free(all);
    free(folded);
    compilation_free(c);
}
END_TEST

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(value != NULL, "line %d: %s", error.line, error.text);
    return value;
}

static json_t *at(json_t *value, const char *key)
{
    json_t *found = json_object_get(value, key);
    ck_assert_msg(found != NULL, "no %s", key);
    return found;
}

static json_t *figure(json_t *net, const char *key)
{
    json_t *found = NULL, *f;
    size_t i;
    json_array_foreach(at(net, "figures"), i, f) if (strcmp(json_string_value(at(f, "key")), key) == 0) found = f;
    ck_assert_msg(found != NULL, "no figure %s", key);
    return at(found, "value");
}

START_TEST(json_says_what_the_analysis_says)
{
    Compilation *c = compilation_new();
    const Analysis *a = example(c, "googlenet", NULL, NULL);
    char *text = print_one(&report_json, a, DEPTH_ALL, 80);
    json_t *value = parse(text), *net = json_array_get(at(value, "nets"), 0), *layers = at(net, "layers");
    ck_assert_str_eq(json_string_value(at(value, "format")), "nnc-report");
    ck_assert_int_eq(json_integer_value(at(value, "version")), 1);
    ck_assert_int_eq((int)json_array_size(layers), a->layer_count);
    ck_assert_int_eq((int64_t)json_number_value(figure(net, "params")), a->total.trained);
    ck_assert_int_eq((int64_t)json_number_value(figure(net, "macs")), a->total.macs);
    for (int i = 0; i < a->layer_count; i++) {
        json_t *l = json_array_get(layers, (size_t)i);
        ck_assert_str_eq(json_string_value(at(l, "name")), a->layers[i].name);
        ck_assert_int_eq(json_integer_value(at(at(l, "cost"), "macs")), a->layers[i].macs);
        json_t *bound = at(at(l, "gradient"), "bound");
        if (a->layers[i].bound.why) ck_assert_str_eq(json_string_value(at(bound, "n/a")), a->layers[i].bound.why);
    }
    json_t *memory = at(net, "memory");
    ck_assert_int_eq(json_integer_value(at(at(memory, "inference"), "scratch")), a->infer.arena);
    ck_assert_int_eq(json_integer_value(at(at(memory, "step"), "scratch")), a->step.arena);
    json_decref(value);
    free(text);
    compilation_free(c);
}
END_TEST

/* No address but the name of SVG's elements, nothing that a browser would fetch. */
START_TEST(html_needs_no_network)
{
    Compilation *c = compilation_new();
    char *text =
        print_one(&report_html, analyse_batch(c, "net n { input(1x8x8) group g { conv(2, 3) } }", 1), DEPTH_ALL, 80);
    int addresses = 0;
    for (const char *p = text; (p = strstr(p, "://")); p++) addresses++;
    ck_assert_int_eq(addresses, 1);
    assert_has(text, "www.w3.org/2000/svg");
    ck_assert_ptr_null(strstr(text, "src="));
    ck_assert_ptr_null(strstr(text, "@import"));
    int scripts = 0;
    for (const char *p = text; (p = strstr(p, "</script>")); p++) scripts++;
    ck_assert_int_eq(scripts, 2);
    free(text);
    compilation_free(c);
}
END_TEST

/* ---- several nets ----------------------------------------------------------------------------- */

START_TEST(bottleneck_in_one_table)
{
    Compilation *c = compilation_new();
    const Analysis *nets[] = {
        analyse_batch(
            c, "net thin { input(16x8x8) conv(8, 1, bias=no) conv(8, 3, pad=1, bias=no) conv(16, 1, bias=no) }", 1),
        analyse_batch(c, "net plain { input(16x8x8) conv(16, 3, pad=1, bias=no) }", 1),
    };
    char *text = print_all(&report_text, nets, 2, DEPTH_ALL, 80, false);
    assert_has(text, "parameters             832    2,304  ×2.769");
    assert_has(text, "MACs                53,248  147,456  ×2.769");
    free(text);
    const Analysis *turned[] = {nets[1], nets[0]};
    text = print_all(&report_text, turned, 2, DEPTH_ALL, 80, false);
    assert_has(text, "÷2.769");
    free(text);
    text = print_all(&report_csv, nets, 2, DEPTH_ALL, 80, false);
    assert_has(text, "params,832,2304,2.76923");
    free(text);
    compilation_free(c);
}
END_TEST

START_TEST(three_nets_in_one_table)
{
    Compilation *c = compilation_new();
    const Analysis *nets[] = {example(c, "alexnet", NULL, NULL), example(c, "vgg", "depth", "16"),
                              example(c, "resnet", "depth", "50")};
    char *text = print_all(&report_text, nets, 3, DEPTH_ALL, 70, false);
    assert_has(text, "61.1M       138M  ×2.264");
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) ck_assert_int_le(columns(line), 70);
    free(text);
    text = print_all(&report_text, nets, 3, DEPTH_ALL, 200, false);
    assert_has(text, "61,100,840     138,357,544  ×2.264");
    free(text);
    text = print_all(&report_json, nets, 3, DEPTH_ALL, 80, false);
    json_t *value = parse(text), *row = json_array_get(at(value, "comparison"), 1);
    ck_assert_str_eq(json_string_value(at(row, "key")), "params");
    ck_assert_double_eq_tol(json_number_value(json_array_get(at(row, "ratios"), 2)), 25557032.0 / 61100840, 1e-6);
    json_decref(value);
    free(text);
    compilation_free(c);
}
END_TEST

START_TEST(difference_of_two)
{
    Compilation *c = compilation_new();
    const Analysis *nets[] = {example(c, "vgg", "depth", "11"), example(c, "vgg", "depth", "13")};
    char *text = print_all(&report_text, nets, 2, DEPTH_ALL, 80, true);
    assert_has(text, "+  features.2  conv(64, 3, pad=1)    64x224x224   36,928");
    assert_has(text, "(25 alike)");
    ck_assert_ptr_null(strstr(text, "\n-  "));
    free(text);
    const Analysis *same[] = {nets[0], nets[0]};
    text = print_all(&report_text, same, 2, DEPTH_ALL, 80, true);
    assert_has(text, "(30 alike)");
    ck_assert_ptr_null(strchr(text, '+'));
    free(text);
    const Analysis *changed[] = {
        analyse_batch(c, "net a { input(1x9x9) conv(2, 3) as c relu as r }", 1),
        analyse_batch(c, "net b { input(1x9x9) conv(2, 5) as c relu as r dropout }", 1),
    };
    text = print_all(&report_csv, changed, 2, DEPTH_ALL, 80, true);
    assert_has(
        text,
        "change,name,layer,output,params,MACs\n-,c,\"conv(2, 3)\",2x7x7,20,882\n+,c,\"conv(2, 5)\",2x5x5,52,1250\n");
    assert_has(text, "+,dropout1,dropout,2x5x5,0,0\n");
    free(text);
    compilation_free(c);
}
END_TEST

/* ---- what if --------------------------------------------------------------------------------- */

static Graph *with_input(Compilation *c, const char *path, const char *size)
{
    InputSize input;
    List sizes = {0}, none = {0};
    File *file = front_parse_file(c, path);
    ck_assert(file && input_size_parse(c->arena, size, &input));
    list_push(c->arena, &sizes, &input);
    ck_assert(input_sizes_apply(c, file, NULL, &sizes));
    return elaborate(c, file, NULL, &none);
}

START_TEST(another_input)
{
    Compilation *c = compilation_new();
    const ReportOptions options = report_options();
    Graph *net = with_input(c, "dsl_examples/resnet.nn", "3x448x320");
    ck_assert_ptr_nonnull(net);
    const Analysis *a = analysis_build(net, NULL, &options);
    ck_assert_int_eq(a->total.trained, 11689512);
    ck_assert_str_eq(shape_text(c->arena, a->last_map->shape), "512x14x10");
    ck_assert_double_eq(field_size(a->last_map->field[0]), 435);
    ck_assert_ptr_null(with_input(c, "dsl_examples/lenet.nn", "1x8x8")); /* too small for its pools */
    ck_assert_int_gt(c->errors, 0);
    compilation_free(c);
}
END_TEST

START_TEST(sizes_of_inputs)
{
    static const char *const bad[] = {"",      "x",      "3x",     "3xx4",  "3x4x5x6x7",
                                      "0x4x4", "-3x4x4", "3 x4x4", "left=", "3x4x99999999999"};
    Arena *arena = arena_new();
    InputSize size;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!input_size_parse(arena, bad[i], &size), "%s", bad[i]);
    ck_assert(input_size_parse(arena, "3x4", &size));
    ck_assert_int_eq(size.shape.rank, 2);
    ck_assert(input_size_parse(arena, "3x4x5x6", &size));
    ck_assert_int_eq(size.shape.rank, 4);
    ck_assert(input_size_parse(arena, "left=3x4x5", &size));
    ck_assert_str_eq(size.label, "left");
    ck_assert(shape_equal(size.shape, shape_image(3, 4, 5)));
    ck_assert(input_size_parse(arena, "7", &size) && !size.label && shape_equal(size.shape, shape_vector(7)));
    arena_free(arena);
}
END_TEST

Suite *report_formats_suite(void)
{
    Suite *suite = suite_create("report_formats");
    TCase *tests = tcase_create("report_formats");
    tcase_add_loop_test(tests, text_fits_its_width, 0, sizeof widths_of / sizeof *widths_of);
    tcase_add_test(tests, text_of_googlenet);
    tcase_add_test(tests, what_is_not_there_is_named);
    tcase_add_test(tests, blocks_add_up);
    tcase_add_test(tests, csv_is_even);
    tcase_add_test(tests, markdown_is_even);
    tcase_add_test(tests, dot_has_every_layer);
    tcase_add_test(tests, json_says_what_the_analysis_says);
    tcase_add_test(tests, html_needs_no_network);
    tcase_add_test(tests, bottleneck_in_one_table);
    tcase_add_test(tests, three_nets_in_one_table);
    tcase_add_test(tests, difference_of_two);
    tcase_add_test(tests, another_input);
    tcase_add_test(tests, sizes_of_inputs);
    suite_add_tcase(suite, tests);
    return suite;
}
