/*
 * The writer of imported sources: graphs of layers against the text that a person would write,
 * and every example of dsl_examples taken apart and written again.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "elab/elaborate.h"
#include "interop/labels.h"
#include "nets.h"
#include "source_graphs.h"

/* ---- what comes out ---------------------------------------------------------- */

/* Nets written flat, and their sources. */
static const struct {
    const char *what, *flat, *text;
} nets[] = {
    {"a chain; defaults left out, norms and activations behind their layer",
     "net a { input(3x8x8) conv(4, [3, 3], stride=1, pad=[1, 1, 1, 1], bias=no) as conv1 batchnorm(eps=1e-5) as bn1 "
     "relu "
     "maxpool([2, 2], stride=[2, 2]) leaky_relu(slope=0.1) flatten dense(5, bias=yes) as fc softmax }",
     "net a {\n"
     "    input(3x8x8)\n"
     "    conv(4, 3, pad=1, bias=no) as conv1  batchnorm as bn1  relu\n"
     "    maxpool(2)  leaky_relu(0.1) -> 4x4x4\n"
     "    flatten -> 64\n"
     "    dense(5) as fc  softmax\n"
     "}\n"},
    {"a diamond, the longer branch first, an empty one for the value itself",
     "net a { input(4x8x8) relu as x  conv(4, 3, pad=1) as c  add { from x } { from c } tanh }",
     "net a {\n"
     "    input(4x8x8)\n"
     "    relu\n"
     "    add { conv(4, 3, pad=1) as c } { }  tanh\n"
     "}\n"},
    {"attention beside its image: flat and wide shapes are no lower resolution",
     "net a { input(8x8x4) relu as x  reshape(64x4) dense(12) as qkv reshape(1x3x256) slice(1, 0, end=1) as q "
     "reshape(64x4) softmax dense(4) as proj reshape(8x8x4) as y  add { from y } { from x } tanh }",
     "net a {\n"
     "    input(8x8x4)\n"
     "    relu\n"
     "    add {\n"
     "        reshape(64x4)\n"
     "        dense(12) as qkv\n"
     "        reshape(1x3x256)\n"
     "        slice(1, 0, end=1)\n"
     "        reshape(64x4)  softmax\n"
     "        dense(4) as proj\n"
     "        reshape(8x8x4)\n"
     "    } { }\n"
     "    tanh\n"
     "}\n"},
    {"nested diamonds",
     "net a { input(4x8x8) conv(4, 1) as a  conv(4, 3, pad=1) as b  sigmoid as s  mul { from b } { from s } as m  add "
     "{ "
     "from a } { from m } }",
     "net a {\n"
     "    input(4x8x8)\n"
     "    conv(4, 1) as a\n"
     "    add {\n"
     "        conv(4, 3, pad=1) as b\n"
     "        mul { } { sigmoid }\n"
     "    } { }\n"
     "}\n"},
    {"a value used across branches has a label",
     "net a { input(4x8x8) conv(4, 1) as a  conv(4, 1) as b  conv(4, 1) as c  concat { from a } { from b } as j  "
     "concat { "
     "from b } { from c } as k concat { from j } { from k } }",
     "net a {\n"
     "    input(4x8x8)\n"
     "    conv(4, 1) as a\n"
     "    conv(4, 1) as b\n"
     "    concat { } { conv(4, 1) as c }\n"
     "    concat { from b  concat { from a } { } } { }\n"
     "}\n"},
    {"lists of all values before: a densely connected block",
     "net a { input(4x8x8) conv(4, 1) as a  conv(4, 3, pad=1) as b  concat { from a } { from b } conv(4, 3, pad=1) as "
     "c "
     "concat { from a } { from b } { from c } conv(4, 3, pad=1) as d  concat { from a } { from b } { from c } { from d "
     "} }",
     "net a {\n"
     "    input(4x8x8)\n"
     "    conv(4, 1) as a\n"
     "    concat { } { conv(4, 3, pad=1) as b }\n"
     "    concat { } { conv(4, 3, pad=1) as c }\n"
     "    concat { } { conv(4, 3, pad=1) as d }\n"
     "}\n"},
    {"units that differ in numbers are a block; a shortcut where the shape changes",
     "net a { input(3x16x16) conv(8, 3, pad=1) as stem\n"
     "add { conv(8, 3, pad=1) as \"layer1.0.conv1\" relu conv(8, 3, pad=1) as \"layer1.0.conv2\" } { } relu\n"
     "add { conv(16, 3, pad=1, stride=2) as \"layer2.0.conv1\" relu conv(16, 3, pad=1) as \"layer2.0.conv2\" } { "
     "conv(16, 1, "
     "stride=2) as \"layer2.0.down\" } relu\n"
     "for i in 1..4 { add { conv(16, 3, pad=1) as \"layer2.{i}.conv1\" relu conv(16, 3, pad=1) as \"layer2.{i}.conv2\" "
     "} { } "
     "relu } }",
     "block basic(out, stride=1) {\n"
     "    add {\n"
     "        conv(out, 3, stride=stride, pad=1) as conv1  relu\n"
     "        conv(out, 3, pad=1) as conv2\n"
     "    } {\n"
     "        if stride != 1 or in.channels != out { conv(out, 1, stride=stride) as down }\n"
     "    }\n"
     "    relu\n"
     "}\n"
     "\n"
     "net a {\n"
     "    input(3x16x16)\n"
     "    conv(8, 3, pad=1) as stem\n"
     "    basic(8) as \"layer1.0\"\n"
     "    basic(16, stride=2) as \"layer2.0\" -> 16x8x8\n"
     "    for i in 1..4 { basic(16) as \"layer2.{i}\" }\n"
     "}\n"},
    {"what follows from another number is no parameter",
     "net a { input(8x8x8)\n"
     "for i in 0..4 { conv(4 * 2**i, 1) as \"u{i}.a\" relu conv(4 * 2**i, 3, pad=1, groups=4 * 2**i) as \"u{i}.b\" "
     "relu "
     "conv(16 * 2**i, 1) as \"u{i}.c\" relu } }",
     "block inverted(out) {\n"
     "    conv(out / 4, 1) as a  relu\n"
     "    conv(out / 4, 3, pad=1, groups=out / 4) as b  relu\n"
     "    conv(out, 1) as c  relu\n"
     "}\n"
     "\n"
     "net a {\n"
     "    input(8x8x8)\n"
     "    inverted(16) as u0\n"
     "    inverted(32) as u1\n"
     "    inverted(64) as u2\n"
     "    inverted(128) as u3\n"
     "}\n"},
    {"layers numbered by position are a sequential scope, and loops in it need no labels",
     "net a { input(3x16x16) sequential features { conv(8, 3, pad=1) relu conv(8, 3, pad=1) relu maxpool(2) conv(8, 3) "
     "relu maxpool(2) } }",
     "net a {\n"
     "    input(3x16x16)\n"
     "    sequential features {\n"
     "        repeat 2 { conv(8, 3, pad=1)  relu }\n"
     "        maxpool(2)\n"
     "        conv(8, 3)  relu\n"
     "        maxpool(2)\n"
     "    }\n"
     "}\n"},
    {"several inputs and outputs",
     "net a { input(3x8x8) as left  input(3x8x8) as right  from left conv(4, 1) as c  from right conv(4, 1) as d  "
     "output "
     "second  add { from c } { from d } }",
     "net a {\n"
     "    input(3x8x8) as left\n"
     "    input(3x8x8) as right\n"
     "    conv(4, 1) as d  output second\n"
     "    from left  conv(4, 1) as c\n"
     "    add { } { from d }\n"
     "}\n"},
    {"a concat in a branch, merged with the outer one",
     "net a { input(4x8x8) conv(4, 1) as a conv(4, 1) as b  conv(4, 1x3, pad=[0, 1]) as c  from b conv(4, 3x1, pad=[1, "
     "0]) "
     "as d  from a conv(4, 1) as e  concat { from e } { from c } { from d } }",
     "net a {\n"
     "    input(4x8x8)\n"
     "    conv(4, 1) as a\n"
     "    concat {\n"
     "        conv(4, 1) as e\n"
     "    } {\n"
     "        conv(4, 1) as b\n"
     "        concat { conv(4, 1x3, pad=[0, 1]) as c } { conv(4, 3x1, pad=[1, 0]) as d }\n"
     "    }\n"
     "}\n"},
    {"a row of sequential units is one of blocks",
     "net a { input(8x8x8) for i in 0..3 { sequential \"m.{i}\" { conv(8, 3, pad=1, groups=8) batchnorm relu conv(8 * "
     "2**i, "
     "1) batchnorm relu } if i < 2 { conv(8, 1) as \"p{i}\" } } }",
     "block separable(out) {\n"
     "    conv(8, 3, pad=1, groups=8) as \"0\"  batchnorm as \"1\"  relu\n"
     "    conv(out, 1) as \"3\"  batchnorm as \"4\"  relu\n"
     "}\n"
     "\n"
     "net a {\n"
     "    input(8x8x8)\n"
     "    separable(8) as \"m.0\"\n"
     "    conv(8, 1) as p0\n"
     "    separable(16) as \"m.1\"\n"
     "    conv(8, 1) as p1\n"
     "    separable(32) as \"m.2\"\n"
     "}\n"},
    {"a way down and up is joined by label",
     "net a { input(4x16x16) conv(4, 1) as a  maxpool(2) conv(4, 1) as b relu conv(4, 1) as c relu conv(4, 1) as d "
     "upsample(2) as u  concat { from a } { from u } }",
     "net a {\n"
     "    input(4x16x16)\n"
     "    conv(4, 1) as a\n"
     "    maxpool(2) -> 4x8x8\n"
     "    conv(4, 1) as b  relu\n"
     "    conv(4, 1) as c  relu\n"
     "    conv(4, 1) as d\n"
     "    upsample(2) -> 4x16x16\n"
     "    concat { from a } { }\n"
     "}\n"},
};

START_TEST(test_sources_are_what_a_person_writes)
{
    Compilation *c = compilation_new();
    const char *text = check_written(c, source_of_net(net_of_text(c, nets[_i].flat, NULL), true));
    ck_assert_msg(strcmp(text, nets[_i].text) == 0, "%s:\n%s", nets[_i].what, text);
    compilation_free(c);
}
END_TEST

/* ---- names ---------------------------------------------------------------------- */

static const struct {
    const char *param, *node, *label;
} labels[] = {
    {"layer1.0.conv1.weight", "Conv_3", "layer1.0.conv1"},
    {"onnx::Conv_497", "/layer1/layer1.0/conv1/Conv", "layer1.0.conv1"},
    {"onnx::Conv_497", "/features/features.0/features.0.0/Conv", "features.0.0"},
    {"block1.norm.weight", "/block2/norm/BatchNormalization", "block2.norm"},
    {"encoder.proj", "/encoder/layers.0/MatMul", "encoder.proj"},
    {"block1.norm_2", "/block2/norm/BatchNormalization", "block2.norm"},
    {"onnx.Conv_497", "/conv1/Conv", "conv1"},
    {"n497", "Conv_12", NULL},
    {"123", "Conv_12", NULL},
    {"123", "17", NULL},
    {NULL, NULL, NULL},
    {"gpu_0/res2_0_branch2a_w_0", NULL, "res2_0_branch2a"},
    {"model/conv1/Conv2D/ReadVariableOp:0", NULL, "model.conv1"},
    {"a b/c\"d{x}.weight", NULL, "a_b.c_d_x_"},
    {"", "", NULL},
};

START_TEST(test_labels_of_other_tools)
{
    Compilation *c = compilation_new();
    const char *label = label_of_layer(c->arena, labels[_i].param, labels[_i].node);
    if (labels[_i].label)
        ck_assert_str_eq(label, labels[_i].label);
    else
        ck_assert_ptr_null(label);
    compilation_free(c);
}
END_TEST

/* Names that are the same, reserved, or those that the language gives. */
START_TEST(test_hostile_names)
{
    static const char *const names[] = {"in", "in", "conv2", NULL, "for", "0"};
    Compilation *c = compilation_new();
    Graph *net = net_of_text(
        c, "net a { input(2x4x4) conv(2, 1) conv(2, 1) conv(3, 1) conv(2, 1) conv(2, 1) conv(2, 1) }", NULL);
    SourceGraph *g = source_of_net(net, false);
    for (int i = 0; i < 6; i++) g->layers[i + 1].name = names[i];
    const char *text = check_written(c, g);
    ck_assert_str_eq(text, "net a {\n"
                           "    input(2x4x4)\n"
                           "    conv(2, 1) as \"in\"\n"
                           "    conv(2, 1) as in_2\n"
                           "    conv(3, 1)\n"
                           "    conv(2, 1)\n"
                           "    conv(2, 1) as \"for\"\n"
                           "    conv(2, 1) as \"0\"\n"
                           "}\n");
    compilation_free(c);
}
END_TEST

/* ---- the examples ---------------------------------------------------------------- */

/* Each with the most lines that its source may have. */
static const struct {
    const char *file, *define;
    int value, most;
} examples[] = {
    {"alexnet", NULL, 0, 21},
    {"convnext", NULL, 0, 60},
    {"densenet", "depth", 121, 35},
    {"densenet", "depth", 201, 35},
    {"efficientnet", NULL, 0, 50},
    {"fcn", NULL, 0, 24},
    {"mobilenet_v1", NULL, 0, 26},
    {"mobilenet_v2", NULL, 0, 40},
    {"mobilenet_v3", NULL, 0, 85},
    {"preact_resnet", NULL, 0, 60},
    {"googlenet", "heads", 0, 60},
    {"pyramidnet", NULL, 0, 90},
    {"regnet", NULL, 0, 36},
    {"residual_orders", NULL, 0, 70},
    {"resnet", "depth", 18, 31},
    {"resnet", "depth", 50, 40},
    {"resnet", "depth", 152, 40},
    {"resnext", NULL, 0, 40},
    {"se_resnet", NULL, 0, 50},
    {"shufflenet", NULL, 0, 60},
    {"shufflenet_v2", NULL, 0, 55},
    {"squeezenet", NULL, 0, 26},
    {"unet", NULL, 0, 34},
    {"vgg", NULL, 0, 26},
    {"vit", NULL, 0, 46},
    {"wide_resnet", NULL, 0, 40},
    {"random_wiring", NULL, 0, 1000},
};

static int count_lines(const char *text)
{
    int lines = 0;
    for (; *text; text++) lines += *text == '\n';
    return lines;
}

static Graph *example_net(Compilation *c, int index)
{
    List defines = {0};
    Define define = {examples[index].define, NULL};
    const char *path = arena_printf(c->arena, "dsl_examples/%s.nn", examples[index].file);
    if (define.name) {
        bool flag = strcmp(define.name, "heads") == 0;
        define.value = front_parse_expr(c, "-D", flag ? "no" : arena_printf(c->arena, "%d", examples[index].value));
        list_push(c->arena, &defines, &define);
    }
    return net_of_file(c, front_parse_file(c, path), &defines, NULL);
}

START_TEST(test_examples_written_again)
{
    Compilation *c = compilation_new();
    Graph *net = example_net(c, _i);
    const char *text = check_written(c, source_of_net(net, true));
    int lines = count_lines(text);
    ck_assert_msg(lines <= examples[_i].most, "%s has %d lines:\n%s", examples[_i].file, lines, text);
    check_written(c, source_of_net(net, false));
    compilation_free(c);
}
END_TEST

/* Layers of the written source have the names of the net, so that its weights files fit. */
START_TEST(test_names_are_kept)
{
    Compilation *c = compilation_new();
    Graph *net = example_net(c, _i);
    SourceGraph *g = source_of_net(net, true);
    WrittenSource written = source_of_graph(c, g);
    Graph *again = net_of_text(c, written.text, NULL);
    for (int i = 0; i < written.count; i++) {
        const Node *n = again->nodes.at[i];
        if (written.order[i] >= 0 && n->op->params) ck_assert_str_eq(n->name, g->layers[written.order[i]].name);
    }
    compilation_free(c);
}
END_TEST

/* ---- random graphs ---------------------------------------------------------------- */

typedef struct RandomGraph {
    Compilation *c;
    uint64_t state;
    SourceGraph g;
    bool *used;
} RandomGraph;

/* 0 … below − 1 (xorshift) */
static int random_below(RandomGraph *r, int below)
{
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return (int)(r->state % (uint64_t)below);
}

static const char *random_name(RandomGraph *r)
{
    static const char *const names[] = {"conv1",
                                        "conv2",
                                        "layer1.0.conv1",
                                        "layer1.0.conv2",
                                        "layer1.1.conv1",
                                        "layer2.0.conv1",
                                        "x1",
                                        "x2",
                                        "in",
                                        "features.0",
                                        "features.1",
                                        "features.2",
                                        "a",
                                        "a.b",
                                        "unit1",
                                        "basic1",
                                        "0",
                                        "layer1",
                                        "layer1.0",
                                        "batchnorm1"};
    if (random_below(r, 3) == 0) return NULL;
    if (random_below(r, 3) > 0)
        return arena_printf(r->c->arena, "layer%d.%d.conv%d", random_below(r, 3), random_below(r, 4),
                            random_below(r, 3));
    return names[random_below(r, sizeof names / sizeof *names)];
}

static int random_layer(RandomGraph *r)
{
    int at = r->g.count - 1 - random_below(r, r->g.count < 6 ? r->g.count : 6);
    if (random_below(r, 2)) at = r->g.count - 1;
    if (r->g.layers[at].shape.dim[0] != 4) at++; /* the convolution after a concat */
    r->used[at] = true;
    return at;
}

static void put_layer(RandomGraph *r, const char *op, int count, const int *in, const char *const *args)
{
    OpClass class = op_find(op, OP_LAYER) ? OP_LAYER : OP_COMBINE;
    int *copy = arena_alloc(r->c->arena, (size_t)count * sizeof *copy);
    memcpy(copy, in, (size_t)count * sizeof *copy);
    int64_t channels = strcmp(op, "concat") == 0 ? 4 * count : 4;
    r->g.layers[r->g.count++] = (SourceLayer){.op = op_find(op, class),
                                              .args = args,
                                              .in = copy,
                                              .in_count = count,
                                              .shape = shape_image(channels, 6, 6),
                                              .name = random_name(r)};
}

static void put_conv(RandomGraph *r, int in)
{
    static const char *const ones[12] = {"4", "1"}, *const threes[12] = {"4", "3", "1", "1"};
    put_layer(r, "conv", 1, &in, random_below(r, 2) ? ones : threes);
}

static void put_random(RandomGraph *r)
{
    static const char *const units[] = {"relu", "batchnorm", "sigmoid"}, *const joins[] = {"add", "mul", "sub",
                                                                                           "concat"};
    int in[3] = {random_layer(r), random_layer(r), random_layer(r)}, kind = random_below(r, 8);
    if (kind < 3)
        put_conv(r, in[0]);
    else if (kind < 5)
        put_layer(r, units[random_below(r, 3)], 1, in, NULL);
    else {
        const char *join = joins[random_below(r, 4)];
        put_layer(r, join, strcmp(join, "sub") == 0 ? 2 : 2 + random_below(r, 2), in, NULL);
        if (strcmp(join, "concat") == 0) {
            r->used[r->g.count - 1] = true;
            put_conv(r, r->g.count - 1);
        }
    }
}

/* What nothing takes is an output. */
static void set_random_outputs(RandomGraph *r)
{
    int *outputs = arena_alloc(r->c->arena, (size_t)r->g.count * sizeof *outputs);
    const char **names = arena_alloc(r->c->arena, (size_t)r->g.count * sizeof *names);
    for (int i = r->g.count - 1; i >= 0; i--) {
        if (r->used[i] || !r->g.layers[i].op) continue;
        names[r->g.output_count] = arena_printf(r->c->arena, "out%d", i);
        outputs[r->g.output_count++] = i;
    }
    r->g.outputs = outputs;
    r->g.output_names = names;
}

/* Any graph, with any names, is written and read back as it is. */
START_TEST(test_random_graphs)
{
    enum { MOST = 200 };
    RandomGraph r = {.c = compilation_new(), .state = (uint64_t)_i * 0x9e3779b97f4a7c15 + 1};
    r.g = (SourceGraph){.name = "n", .params = -1, .layers = arena_alloc(r.c->arena, MOST * sizeof *r.g.layers)};
    r.used = arena_alloc(r.c->arena, MOST * sizeof *r.used);
    int inputs = 1 + (random_below(&r, 4) == 0), steps = 1 + random_below(&r, 40);
    for (int i = 0; i < inputs; i++)
        r.g.layers[r.g.count++] = (SourceLayer){.shape = shape_image(4, 6, 6), .name = i ? "right" : "left"};
    for (int i = 0; i < steps; i++) put_random(&r);
    set_random_outputs(&r);
    check_written(r.c, &r.g);
    compilation_free(r.c);
}
END_TEST

Suite *import_source_suite(void)
{
    Suite *s = suite_create("import_source");
    TCase *sources = tcase_create("import_sources"), *again = tcase_create("import_examples");
    TCase *random = tcase_create("import_random");
    int count = sizeof examples / sizeof *examples;
    tcase_set_timeout(again, 60);
    tcase_add_loop_test(sources, test_sources_are_what_a_person_writes, 0, sizeof nets / sizeof *nets);
    tcase_add_loop_test(sources, test_labels_of_other_tools, 0, sizeof labels / sizeof *labels);
    tcase_add_test(sources, test_hostile_names);
    tcase_add_loop_test(again, test_examples_written_again, 0, count);
    tcase_add_loop_test(again, test_names_are_kept, 0, count);
    tcase_add_loop_test(random, test_random_graphs, 0, 300);
    suite_add_tcase(s, random);
    suite_add_tcase(s, sources);
    suite_add_tcase(s, again);
    return s;
}
