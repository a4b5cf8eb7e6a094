/*
 * Imported graphs, as the converters make them, as text, and the names that their parameters have.
 */
#include <check.h>
#include <string.h>

#include "interop/write_source.h"

static ImportValue *int_value(Arena *arena, int64_t integer)
{
    ImportValue *value = arena_alloc(arena, sizeof *value);
    *value = (ImportValue){.kind = IMPORT_INT, .integer = integer};
    return value;
}

static ImportValue *list_value(Arena *arena, ImportValueKind kind, int count, const int64_t *items)
{
    ImportValue *value = arena_alloc(arena, sizeof *value);
    value->kind = kind;
    for (int i = 0; i < count; i++) list_push(arena, &value->items, int_value(arena, items[i]));
    return value;
}

static ImportValue *other_value(Arena *arena, ImportValue value)
{
    ImportValue *copy = arena_alloc(arena, sizeof *copy);
    *copy = value;
    return copy;
}

static ImportNode *add_node(ImportGraph *g, const char *op, ImportNode *in, Shape shape, const char *label)
{
    ImportNode *node = arena_alloc(g->arena, sizeof *node);
    *node = (ImportNode){.index = g->nodes.count, .op = op, .shape = shape, .label = label};
    if (in) list_push(g->arena, &node->inputs, in);
    list_push(g->arena, &g->nodes, node);
    return node;
}

static void add_arg(ImportGraph *g, ImportNode *node, const char *name, ImportValue *value)
{
    ImportArg *arg = arena_alloc(g->arena, sizeof *arg);
    *arg = (ImportArg){.name = name, .value = value};
    list_push(g->arena, &node->args, arg);
}

static ImportNode *add_conv(ImportGraph *g, ImportNode *in, int64_t out, int64_t k, const char *label)
{
    static ImportParam weight = {.name = "weight"}, bias = {.name = "bias"};
    ImportNode *conv = add_node(g, "conv", in, shape_image(out, 8, 8), label);
    add_arg(g, conv, "out", int_value(g->arena, out));
    add_arg(g, conv, "k", list_value(g->arena, IMPORT_DIMS, 2, (int64_t[]){k, k}));
    add_arg(g, conv, "stride", list_value(g->arena, IMPORT_DIMS, 2, (int64_t[]){1, 1}));
    add_arg(g, conv, "pad", list_value(g->arena, IMPORT_LIST, 4, (int64_t[]){k / 2, k / 2, k / 2, k / 2}));
    add_arg(g, conv, "bias", other_value(g->arena, (ImportValue){.kind = IMPORT_BOOL, .integer = 1}));
    list_push(g->arena, &conv->params, &weight);
    list_push(g->arena, &conv->params, &bias);
    return conv;
}

static void set_output(ImportGraph *g, const char *name, ImportNode *node)
{
    ImportOutput *output = arena_alloc(g->arena, sizeof *output);
    *output = (ImportOutput){name, node};
    list_push(g->arena, &g->outputs, output);
}

static ImportGraph new_graph(void)
{
    return (ImportGraph){.arena = arena_new(), .name = "net1", .source = "m.onnx (made by hand)", .param_count = -1};
}

static void write_graph(ImportGraph *g, Text *text)
{
    NnError error = {0};
    ck_assert_msg(write_source(g, text, &error) == 0, "%s", error.text);
}

START_TEST(test_writes_layers_and_names)
{
    ImportGraph g = new_graph();
    ImportNode *input = add_node(&g, "input", NULL, shape_image(3, 8, 8), "image");
    ImportNode *a = add_conv(&g, input, 4, 3, "stem.conv"), *b = add_conv(&g, a, 4, 1, NULL);
    a->origin = "Conv '/stem/conv/Conv'";
    b->origin = "Conv 'Conv_2'";
    ImportNode *norm = add_node(&g, "batchnorm", b, b->shape, "stem.bn");
    add_arg(&g, norm, "eps", other_value(g.arena, (ImportValue){.kind = IMPORT_REAL, .real = (double)1e-3f}));
    ImportNode *leaky = add_node(&g, "leaky_relu", norm, b->shape, NULL);
    add_arg(&g, leaky, "slope", other_value(g.arena, (ImportValue){.kind = IMPORT_REAL, .real = (double)0.1f}));
    ImportNode *sum = add_node(&g, "add", a, b->shape, NULL);
    list_push(g.arena, &sum->inputs, leaky);
    set_output(&g, "y", sum);
    g.param_count = 4 * 27 + 4 + 16 + 4 + 8;
    Text text;
    text_init(&text, g.arena);
    write_graph(&g, &text);
    ck_assert_str_eq(text.data, "# Imported from m.onnx (made by hand).\n"
                                "net net1 {\n"
                                "    input(3x8x8)\n"
                                "    conv(4, 3, pad=1) as \"stem.conv\"\n"
                                "    add { conv(4, 1)  batchnorm(eps=0.001) as \"stem.bn\"  leaky_relu(0.1) } { }\n"
                                "\n"
                                "    expect params == 140\n"
                                "}\n");
    ck_assert_str_eq(a->path, "stem.conv");
    ck_assert_str_eq(b->path, "conv1");
    ck_assert_str_eq(import_param_name(&g, b, b->params.at[1]), "conv1.bias");
    arena_free(g.arena);
}
END_TEST

/* An output that is an input, one value under two names, and one that others are made of. */
START_TEST(test_outputs)
{
    ImportGraph g = new_graph();
    ImportNode *input = add_node(&g, "input", NULL, shape_image(3, 8, 8), "image");
    ImportNode *a = add_conv(&g, input, 4, 3, "a"), *b = add_conv(&g, a, 4, 1, "b");
    set_output(&g, "first", a);
    set_output(&g, "second", b);
    set_output(&g, "third", b);
    set_output(&g, "image_again", input);
    Text text;
    text_init(&text, g.arena);
    write_graph(&g, &text);
    ck_assert_str_eq(text.data, "# Imported from m.onnx (made by hand).\n"
                                "net net1 {\n"
                                "    input(3x8x8) as image\n"
                                "    identity  output image_again\n"
                                "    conv(4, 3, pad=1) as a\n"
                                "    conv(4, 1) as b  output second  output third\n"
                                "    from a\n"
                                "}\n");
    arena_free(g.arena);
}
END_TEST

/* ---- layers that an exporter took apart ---------------------------------------------- */

static ImportNode *add_join(ImportGraph *g, const char *op, ImportNode *a, ImportNode *b)
{
    ImportNode *node = add_node(g, op, a, a->shape, NULL);
    list_push(g->arena, &node->inputs, b);
    return node;
}

static ImportNode *add_same(ImportGraph *g, const char *op, ImportNode *in)
{
    return add_node(g, op, in, in->shape, NULL);
}

static ImportNode *add_number(ImportGraph *g, const char *op, ImportNode *in, double by)
{
    ImportNode *node = add_same(g, op, in);
    add_arg(g, node, "by", other_value(g->arena, (ImportValue){.kind = IMPORT_REAL, .real = by}));
    return node;
}

static ImportNode *add_param(ImportGraph *g, Shape shape, const char *label, const float *data)
{
    ImportNode *node = add_node(g, "param", NULL, shape, label);
    ImportParam *param = arena_alloc(g->arena, sizeof *param);
    *param = (ImportParam){.name = "", .rank = shape.rank, .count = (size_t)shape_count(shape), .data = data};
    for (int i = 0; i < shape.rank; i++) param->dims[i] = shape.dim[i];
    add_arg(g, node, "shape", list_value(g->arena, IMPORT_DIMS, shape.rank, shape.dim));
    list_push(g->arena, &node->params, param);
    return node;
}

static ImportNode *add_reshape(ImportGraph *g, ImportNode *in, Shape shape)
{
    ImportNode *node = add_node(g, "reshape", in, shape, NULL);
    add_arg(g, node, "shape", list_value(g->arena, IMPORT_DIMS, shape.rank, shape.dim));
    return node;
}

static ImportNode *add_mean(ImportGraph *g, ImportNode *in, int axis)
{
    Shape shape = in->shape;
    shape.dim[axis] = 1;
    ImportNode *node = add_node(g, "reduce_mean", in, shape, NULL);
    add_arg(g, node, "axes", list_value(g->arena, IMPORT_LIST, 1, (int64_t[]){axis}));
    return node;
}

static ImportNode *apart_silu(ImportGraph *g, ImportNode *x)
{
    return add_join(g, "mul", x, add_same(g, "sigmoid", x));
}

static ImportNode *apart_hardswish(ImportGraph *g, ImportNode *x)
{
    return add_join(g, "mul", add_same(g, "hardsigmoid", x), x);
}

static ImportNode *apart_gelu(ImportGraph *g, ImportNode *x)
{
    ImportNode *erf = add_same(g, "erf", add_number(g, "scale", x, (double)0.70710677f));
    return add_number(g, "scale", add_join(g, "mul", x, add_number(g, "shift", erf, 1)), 0.5);
}

static ImportNode *apart_shuffle(ImportGraph *g, ImportNode *x)
{
    ImportNode *split = add_reshape(g, x, (Shape){4, {2, 3, 8, 8}});
    ImportNode *turn = add_node(g, "permute", split, (Shape){4, {3, 2, 8, 8}}, NULL);
    add_arg(g, turn, "axes", list_value(g->arena, IMPORT_LIST, 4, (int64_t[]){1, 0, 2, 3}));
    return add_reshape(g, turn, x->shape);
}

static ImportNode *apart_pool(ImportGraph *g, ImportNode *x)
{
    ImportNode *pad = add_node(g, "pad", x, shape_image(6, 10, 10), NULL);
    add_arg(g, pad, "sides", list_value(g->arena, IMPORT_LIST, 4, (int64_t[]){1, 1, 1, 1}));
    ImportNode *pool = add_node(g, "avgpool", pad, x->shape, NULL);
    add_arg(g, pool, "k", int_value(g->arena, 3));
    add_arg(g, pool, "stride", int_value(g->arena, 1));
    return pool;
}

static ImportNode *apart_nothing(ImportGraph *g, ImportNode *x)
{
    ImportNode *pad = add_same(g, "pad", x), *pool = add_same(g, "avgpool", pad);
    add_arg(g, pad, "sides", list_value(g->arena, IMPORT_LIST, 4, (int64_t[]){0, 0, 0, 0}));
    add_arg(g, pool, "k", int_value(g->arena, 1));
    return add_same(g, "relu", pool);
}

static ImportNode *apart_layernorm(ImportGraph *g, ImportNode *x)
{
    static const float numbers[8];
    Shape vector = {3, {1, 1, 8}};
    ImportNode *d = add_join(g, "sub", x, add_mean(g, x, 2));
    ImportNode *variance = add_mean(g, add_same(g, "square", d), 2);
    ImportNode *root = add_same(g, "sqrt", add_number(g, "shift", variance, 1e-6));
    ImportNode *weight = add_reshape(g, add_param(g, shape_vector(8), "norm.weight", numbers), vector);
    ImportNode *product = add_join(g, "mul", add_join(g, "div", d, root), weight);
    return add_join(g, "add", product, add_reshape(g, add_param(g, shape_vector(8), "norm.bias", numbers), vector));
}

static ImportNode *add_permute(ImportGraph *g, ImportNode *in, Shape shape, const int64_t axes[3])
{
    ImportNode *turn = add_node(g, "permute", in, shape, NULL);
    add_arg(g, turn, "axes", list_value(g->arena, IMPORT_LIST, 3, axes));
    return turn;
}

/* Channels last, a product of each pixel and its bias, channels first. */
static ImportNode *apart_pixels(ImportGraph *g, ImportNode *x)
{
    static const float numbers[36];
    const Shape image = {3, {8, 8, 6}};
    ImportNode *rows = add_reshape(g, add_permute(g, x, image, (int64_t[]){1, 2, 0}), (Shape){2, {64, 6}});
    ImportNode *dense = add_node(g, "dense", rows, rows->shape, NULL);
    ImportParam *weight = arena_alloc(g->arena, sizeof *weight);
    *weight = (ImportParam){.name = "weight", .rank = 2, .dims = {6, 6}, .count = 36, .data = numbers};
    list_push(g->arena, &dense->params, weight);
    add_arg(g, dense, "out", int_value(g->arena, 6));
    add_arg(g, dense, "bias", other_value(g->arena, (ImportValue){.kind = IMPORT_BOOL}));
    ImportNode *bias = add_param(g, (Shape){3, {1, 1, 6}}, "p.bias", numbers);
    ImportNode *sum = add_join(g, "add", add_reshape(g, dense, image), bias);
    return add_permute(g, sum, x->shape, (int64_t[]){2, 0, 1});
}

static ImportNode *apart_bias(ImportGraph *g, ImportNode *x)
{
    static const float numbers[6];
    ImportNode *conv = add_node(g, "conv", x, x->shape, NULL);
    add_arg(g, conv, "out", int_value(g->arena, 6));
    add_arg(g, conv, "k", int_value(g->arena, 1));
    add_arg(g, conv, "bias", other_value(g->arena, (ImportValue){.kind = IMPORT_BOOL}));
    return add_join(g, "add", conv, add_param(g, (Shape){3, {6, 1, 1}}, "c.bias", numbers));
}

static const struct {
    ImportNode *(*apart)(ImportGraph *, ImportNode *);
    const char *line;
} taken_apart[] = {
    {apart_silu, "silu"},
    {apart_hardswish, "hardswish"},
    {apart_gelu, "gelu"},
    {apart_shuffle, "channel_shuffle(2)"},
    {apart_pool, "avgpool(3, stride=1, pad=1)"},
    {apart_nothing, "relu"},
    {apart_layernorm, "layernorm(eps=1e-06, axis=2) as norm"},
    {apart_bias, "conv(6, 1) as c"},
    {apart_pixels, "conv(6, 1) as p"},
};

/* One layer comes out. */
START_TEST(test_layers_taken_apart)
{
    ImportGraph g = new_graph();
    ImportNode *input = add_node(&g, "input", NULL, shape_image(6, 8, 8), NULL);
    set_output(&g, "y", taken_apart[_i].apart(&g, input));
    Text text;
    text_init(&text, g.arena);
    write_graph(&g, &text);
    const char *wanted = arena_printf(g.arena,
                                      "# Imported from m.onnx (made by hand).\n"
                                      "net net1 {\n"
                                      "    input(6x8x8)\n"
                                      "    %s\n"
                                      "}\n",
                                      taken_apart[_i].line);
    ck_assert_str_eq(text.data, wanted);
    arena_free(g.arena);
}
END_TEST

/* What else uses a part keeps it. */
START_TEST(test_parts_with_other_uses)
{
    ImportGraph g = new_graph();
    ImportNode *input = add_node(&g, "input", NULL, shape_image(6, 8, 8), NULL);
    ImportNode *product = apart_silu(&g, input);
    set_output(&g, "y", product);
    set_output(&g, "gate", product->inputs.at[1]);
    Text text;
    text_init(&text, g.arena);
    write_graph(&g, &text);
    ck_assert_ptr_nonnull(strstr(text.data, "sigmoid"));
    ck_assert_ptr_null(strstr(text.data, "silu"));
    arena_free(g.arena);
}
END_TEST

/* batchnorm, and then a scale and a shift per channel: w·s, b·s + t. */
START_TEST(test_norm_with_scale_and_shift_behind)
{
    static const float w[2] = {2, 3}, b[2] = {5, 7}, s[2] = {11, 13}, t[2] = {17, 19};
    Shape vector = {3, {2, 1, 1}};
    ImportGraph g = new_graph();
    ImportNode *input = add_node(&g, "input", NULL, shape_image(2, 8, 8), NULL);
    ImportNode *norm = add_node(&g, "batchnorm", input, input->shape, "bn");
    ImportParam weight = {.name = "weight", .rank = 1, .dims = {2}, .count = 2, .data = w};
    ImportParam bias = {.name = "bias", .rank = 1, .dims = {2}, .count = 2, .data = b};
    list_push(g.arena, &norm->params, &weight);
    list_push(g.arena, &norm->params, &bias);
    ImportNode *product = add_join(&g, "mul", norm, add_param(&g, vector, "s", s));
    ImportNode *sum = add_join(&g, "add", product, add_param(&g, vector, "t", t));
    g.param_count = 8;
    set_output(&g, "y", sum);
    Text text;
    text_init(&text, g.arena);
    write_graph(&g, &text);
    ck_assert_ptr_nonnull(strstr(text.data, "    batchnorm as bn\n\n    expect params == 4\n"));
    for (int c = 0; c < 2; c++) {
        ck_assert(((ImportParam *)sum->params.at[0])->data[c] == w[c] * s[c]);
        ck_assert(((ImportParam *)sum->params.at[1])->data[c] == b[c] * s[c] + t[c]);
    }
    arena_free(g.arena);
}
END_TEST

static int deepest_braces(const char *text)
{
    int depth = 0, deepest = 0;
    for (; *text; text++) {
        depth += (*text == '{') - (*text == '}');
        if (depth > deepest) deepest = depth;
    }
    return deepest;
}

/* y = relu(y) + x, again and again: branches in branches, which no round of the recogniser ends.
 * The longer one takes more work than is allowed, and becomes plain statements. */
START_TEST(test_deep_nesting)
{
    static const int steps[] = {40, 2000};
    enum { DEEPEST = 18 };
    ImportGraph g = new_graph();
    ImportNode *input = add_node(&g, "input", NULL, shape_vector(4), NULL), *y = input;
    for (int i = 0; i < steps[_i]; i++) y = add_join(&g, "add", add_node(&g, "relu", y, input->shape, NULL), input);
    set_output(&g, "y", y);
    Text text;
    text_init(&text, g.arena);
    write_graph(&g, &text); /* which elaborates it, and compares */
    ck_assert_int_le(deepest_braces(text.data), DEEPEST);
    arena_free(g.arena);
}
END_TEST

/* Each value is a sum of all before it. */
START_TEST(test_sums_of_all)
{
    enum { VALUES = 60 };
    ImportGraph g = new_graph();
    ImportNode *input = add_node(&g, "input", NULL, shape_vector(4), NULL), *value[VALUES] = {input};
    for (int i = 1; i < VALUES; i++) {
        value[i] = add_node(&g, "relu", value[i - 1], input->shape, NULL);
        for (int k = 0; k < i; k++) value[i] = add_join(&g, "add", value[i], value[k]);
    }
    set_output(&g, "y", value[VALUES - 1]);
    Text text;
    text_init(&text, g.arena);
    write_graph(&g, &text);
    ck_assert_ptr_nonnull(strstr(text.data, "from "));
    arena_free(g.arena);
}
END_TEST

Suite *import_writer_suite(void)
{
    Suite *s = suite_create("import_writer");
    TCase *tc = tcase_create("import_writer");
    tcase_add_test(tc, test_writes_layers_and_names);
    tcase_add_test(tc, test_outputs);
    tcase_add_loop_test(tc, test_layers_taken_apart, 0, sizeof taken_apart / sizeof *taken_apart);
    tcase_add_test(tc, test_parts_with_other_uses);
    tcase_add_test(tc, test_norm_with_scale_and_shift_behind);
    tcase_add_loop_test(tc, test_deep_nesting, 0, 2);
    tcase_add_test(tc, test_sums_of_all);
    suite_add_tcase(s, tc);
    return s;
}
