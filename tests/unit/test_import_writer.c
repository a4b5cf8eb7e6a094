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

START_TEST(test_writes_layers_and_names)
{
    ImportGraph g = new_graph();
    ImportNode *input = add_node(&g, "input", NULL, shape_image(3, 8, 8), "image");
    ImportNode *a = add_conv(&g, input, 4, 3, "stem.conv"), *b = add_conv(&g, a, 4, 1, NULL);
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
    write_source(&g, &text);
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
    write_source(&g, &text);
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

Suite *import_writer_suite(void)
{
    Suite *s = suite_create("import_writer");
    TCase *tc = tcase_create("import_writer");
    tcase_add_test(tc, test_writes_layers_and_names);
    tcase_add_test(tc, test_outputs);
    suite_add_tcase(s, tc);
    return s;
}
