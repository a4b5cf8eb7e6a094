/*
 * Elaboration: what expressions are worth, what parameters are called, how
 * attributes are bound and printed, what a train section becomes.  The wrong
 * sources are in tests/errors/.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "elab/attributes.h"
#include "elab/scope.h"
#include "elab/train_spec.h"

/* ---- expressions ------------------------------------------------------ */

static bool find_nothing(void *self, const char *name, Span span, const Const **value)
{
    (void)self, (void)name, (void)span, (void)value;
    return false;
}

static const char *nearest_nothing(void *self, const char *name)
{
    (void)self, (void)name;
    return NULL;
}

static const Names no_names = {NULL, find_nothing, nearest_nothing};

/* The text of the value, or NULL after an error. */
static const char *value_of(Compilation *c, const char *source)
{
    Eval eval = {.compilation = c};
    const Expr *e = front_parse_expr(c, "<test>", source);
    const Const *value = e ? eval_expr(&eval, &no_names, e, false) : NULL;
    return value ? const_text(c->arena, value) : NULL;
}

static const struct {
    const char *source, *value;
} values[] = {
    {"1 + 2 * 3", "7"},
    {"(1 + 2) * 3", "9"},
    {"7 / 2", "3"},
    {"-7 / 2", "-4"},
    {"7 / -2", "-4"},
    {"-7 % 3", "2"},
    {"7 % -3", "-2"},
    {"-6 % 3", "0"},
    {"7 / 2.0", "3.5"},
    {"7.5 % 2", "1.5"},
    {"2 ** 10", "1024"},
    {"2 ** 62", "4611686018427387904"},
    {"(-2) ** 63", "-9223372036854775808"},
    {"-2 ** 2", "-4"},
    {"2 ** -1", "0.5"},
    {"2 ** 3 ** 2", "512"},
    {"0 ** 0", "1"},
    {"1 + 0.5", "1.5"},
    {"0.1 + 0.2", "0.30000000000000004"},
    {"3e-4", "0.0003"},
    {"1 == 1.0", "yes"},
    {"1 < 2 and 2 < 3", "yes"},
    {"no and 1 / 0 == 1", "no"},
    {"yes or 1 / 0 == 1", "yes"},
    {"not 1 > 2", "yes"},
    {"yes ? 1 : 1 / 0", "1"},
    {"no ? 1 / 0 : 2", "2"},
    {"no ? 1 : no ? 2 : 3", "3"},
    {"[1, 2] == (1..3)", "yes"},
    {"3x3 == [3, 3]", "yes"},
    {"[1, 2] == [1, 2, 3]", "no"},
    {"[[1], [2]] != [[1], [3]]", "yes"},
    {"[1, 2.5, yes, \"a\"]", "[1, 2.5, yes, \"a\"]"},
    {"[4, 5, 6][1]", "5"},
    {"(10..20)[3]", "13"},
    {"[[1, 2], [3, 4]][1][0]", "3"},
    {"len(0..7) + len([])", "7"},
    {"(5..2) == []", "yes"},
    {"min(3, 1, 2) + max([4, 9, 2])", "10"},
    {"max(1, 2.5)", "2.5"},
    {"min(0..5)", "0"},
    {"sum([1, 2, 3])", "6"},
    {"sum(0..1000)", "499500"},
    {"sum([])", "0"},
    {"sum([0.5, 1])", "1.5"},
    {"abs(-3) + abs(-0.5)", "3.5"},
    {"floor(2.7) + ceil(2.1) + round(2.5)", "8"},
    {"floor(-0.5)", "-1"},
    {"sqrt(16)", "4"},
    {"log2(1024)", "10"},
    {"round(log2(256))", "8"},
    {"\"layer{1 + 1}.{0}\"", "\"layer2.0\""},
    {"\"{{x}}\"", "\"{x}\""},
    {"\"a\" == \"a\"", "yes"},
    {"\"{yes} {0.5} {[1, 2]}\"", "\"yes 0.5 [1, 2]\""},
    /* errors */
    {"1 / 0", NULL},
    {"9223372036854775807 + 1", NULL},
    {"-9223372036854775807 - 2", NULL},
    {"2 ** 63", NULL},
    {"3 ** 1000000000000", NULL},
    {"((-2) ** 63) / -1", NULL},
    {"10.0 ** 400", NULL},
    {"[1] + 1", NULL},
    {"yes + 1", NULL},
    {"\"a\" < \"b\"", NULL},
    {"1 == yes", NULL},
    {"[1] == [yes]", NULL},
    {"not 1", NULL},
    {"1 and yes", NULL},
    {"[1, 2][2]", NULL},
    {"[1, 2][-1]", NULL},
    {"min([])", NULL},
    {"sqrt(-1)", NULL},
    {"floor(1e300)", NULL},
    {"0..1000001", NULL},
    {"nothing", NULL},
    {"nothing(1)", NULL},
};

START_TEST(evaluates)
{
    Compilation *c = compilation_new();
    const char *value = value_of(c, values[_i].source);
    if (values[_i].value) {
        ck_assert_msg(value != NULL, "%s is in error", values[_i].source);
        ck_assert_str_eq(value, values[_i].value);
        ck_assert_int_eq(c->errors, 0);
    } else {
        ck_assert_msg(value == NULL, "%s is %s", values[_i].source, value);
        ck_assert_int_eq(c->errors, 1);
    }
    compilation_free(c);
}
END_TEST

/* ---- nets ------------------------------------------------------------- */

static Graph *net_of(Compilation *c, const char *source)
{
    File *file = front_parse_text(c, "test.nn", source, strlen(source));
    Graph *g = file ? elaborate(c, file, NULL, NULL) : NULL;
    if (!g) diag_print(c, stderr, false);
    ck_assert_ptr_nonnull(g);
    return g;
}

static void check_params(Graph *g, const char *const *names)
{
    int count = 0;
    for (; names[count]; count++) {
        ck_assert_int_lt(count, g->model.count);
        ck_assert_str_eq(((Tensor *)g->model.at[count])->name, names[count]);
    }
    ck_assert_int_eq(g->model.count, count);
}

START_TEST(names_parameters)
{
    static const char source[] =
        "block unit(out) {\n"
        "    add { conv(out, 1, bias=no) as first  relu  conv(out, 1, bias=no) } { path(out) }\n"
        "}\n"
        "block path(out) { conv(out, 1, bias=no) }\n"
        "net n {\n"
        "    input(3x8x8)\n"
        "    conv(4, 1, bias=no)  relu  conv(4, 1, bias=no)\n"
        "    unit(4)  unit(4) as \"layer1.0\"\n"
        "    sequential features {\n"
        "        conv(4, 1, bias=no)  relu  unit(4)  conv(4, 1, bias=no) as last\n"
        "        add { conv(4, 1, bias=no) } { conv(4, 1, bias=no) as side }\n"
        "        let k = 1\n"
        "        if yes { conv(4, k, bias=no) }\n"
        "    }\n"
        "    group tail { conv(4, 1, bias=no)  for i in 0..2 { conv(4, 1, bias=no) as \"c{i}\" } }\n"
        "    add { conv(4, 1, bias=no) } { conv(4, 1, bias=no) } as both\n"
        "    conv(4, 1, bias=no)\n"
        "}\n";
    static const char *const names[] = {
        "conv1.weight",
        "conv2.weight",
        "unit1.first.weight",
        "unit1.conv1.weight",
        "unit1.path1.conv1.weight",
        "layer1.0.first.weight",
        "layer1.0.conv1.weight",
        "layer1.0.path1.conv1.weight",
        "features.0.weight",
        "features.2.first.weight",
        "features.2.conv1.weight",
        "features.2.path1.conv1.weight",
        "features.last.weight",
        "features.4.conv1.weight",
        "features.4.side.weight",
        "features.5.weight",
        "tail.conv1.weight",
        "tail.c0.weight",
        "tail.c1.weight",
        "both.conv1.weight",
        "both.conv2.weight",
        "conv3.weight",
        NULL,
    };
    Compilation *c = compilation_new();
    check_params(net_of(c, source), names);
    compilation_free(c);
}
END_TEST

/* Labels outlive loops and conditions, and end with blocks, groups and branches. */
START_TEST(finds_labels)
{
    static const char source[] = "block skip(from_here) { concat { } { from from_here } }\n"
                                 "net n {\n"
                                 "    input(3x8x8) as image\n"
                                 "    for i in 0..2 { conv(4 * (i + 1), 1) as \"down{i}\" }\n"
                                 "    if yes { relu as rectified }\n"
                                 "    expect rectified.channels == 8 and image.shape == [3, 8, 8]\n"
                                 "    concat { from \"down0\" } { from rectified } { from image }   -> 15x8x8\n"
                                 "    skip(image)                                                   -> 18x8x8\n"
                                 "    frozen { conv(2, 3) as c }\n"
                                 "    head aux (weight=0.25) { flatten  dense(5) as fc }\n"
                                 "    expect params == 16 + 40 + 18 * 9 * 2 + 2\n"
                                 "    expect macs == (12 + 32) * 64 + 18 * 9 * 2 * 36\n"
                                 "    expect in.rf == 3 and in.stride == 1 and in.rf_h == 3\n"
                                 "    from image  flatten  dense(10)\n"
                                 "}\n";
    Compilation *c = compilation_new();
    Graph *g = net_of(c, source);
    ck_assert_int_eq(g->heads.count, 1);
    const Head *head = g->heads.at[0];
    ck_assert_str_eq(head->name, "aux");
    ck_assert_double_eq(head->weight, 0.25);
    ck_assert_int_eq(head->output->shape.dim[0], 5);
    ck_assert_int_eq(g->output->shape.dim[0], 10);
    for (int i = 0; i < g->model.count; i++) {
        const Tensor *t = g->model.at[i];
        ck_assert_int_eq(t->trainable, strncmp(t->name, "c.", 2) != 0);
    }
    compilation_free(c);
}
END_TEST

/* A bare name may be handed to a block and compared there. */
START_TEST(passes_symbols)
{
    static const char source[] = "block unit(act=relu, edge=same) {\n"
                                 "    conv(4, 3, pad=edge)\n"
                                 "    if act == relu { relu } else if act != none { tanh }\n"
                                 "}\n"
                                 "net n {\n"
                                 "    input(3x8x8)\n"
                                 "    unit                  -> 4x8x8\n"
                                 "    unit(tanh, edge=valid) -> 4x6x6\n"
                                 "    unit(none, yes ? full : same) -> 4x8x8\n"
                                 "}\n";
    static const char *const kinds[] = {"conv", "relu", "conv", "tanh", "conv"};
    Compilation *c = compilation_new();
    Graph *g = net_of(c, source);
    ck_assert_int_eq(g->nodes.count, 5);
    for (int i = 0; i < 5; i++) ck_assert_str_eq(((Node *)g->nodes.at[i])->op->name, kinds[i]);
    compilation_free(c);
}
END_TEST

START_TEST(takes_several_inputs)
{
    static const char source[] = "net n {\n"
                                 "    input(3x8x8) as left  input(2x8x8) as right\n"
                                 "    concat { from left  relu } { }  -> 5x8x8\n"
                                 "    flatten  dense(2)\n"
                                 "}\n";
    Compilation *c = compilation_new();
    Graph *g = net_of(c, source);
    ck_assert_int_eq(g->inputs.count, 2);
    ck_assert_str_eq(((Tensor *)g->inputs.at[1])->name, "right");
    compilation_free(c);
}
END_TEST

START_TEST(takes_defines)
{
    static const char source[] = "let two = 2\n"
                                 "net n(classes=10, width=two * 4) { input(4)  dense(width)  dense(classes) }\n";
    Compilation *c = compilation_new();
    File *file = front_parse_text(c, "test.nn", source, strlen(source));
    Define classes = {"classes", front_parse_expr(c, "<command line>", "3 + two")};
    List defines = {0};
    list_push(c->arena, &defines, &classes);
    Graph *g = elaborate(c, file, "n", &defines);
    ck_assert_ptr_nonnull(g);
    ck_assert_int_eq(g->output->shape.dim[0], 5);
    ck_assert_int_eq(graph_param_count(g, true), 4 * 8 + 8 + 8 * 5 + 5);
    compilation_free(c);
}
END_TEST

/* ---- attributes ------------------------------------------------------- */

typedef struct Every {
    int64_t out;
    Pair k, stride;
    Pad pad;
    double p;
    bool bias;
    int mode;
    Shape shape;
    Pad box;
    Reals weights;
    Init init;
} Every;

static const char *const modes[] = {"zeros", "reflect", NULL};
static const Attr every[] = {
    {"out", ATTR_INT, offsetof(Every, out), NULL, 1, 1e9, NULL},
    {"k", ATTR_PAIR, offsetof(Every, k), NULL, 1, 1e9, NULL},
    {"stride", ATTR_PAIR, offsetof(Every, stride), "k", 1, 1e9, NULL},
    {"pad", ATTR_PAD, offsetof(Every, pad), "0", 0, 1e9, NULL},
    {"p", ATTR_REAL, offsetof(Every, p), "1/8", 0, 1, NULL},
    {"bias", ATTR_BOOL, offsetof(Every, bias), "yes", 0, 0, NULL},
    {"mode", ATTR_SYMBOL, offsetof(Every, mode), "zeros", 0, 0, modes},
    {"shape", ATTR_SHAPE, offsetof(Every, shape), "1x2", 1, 1e9, NULL},
    {"box", ATTR_BOX, offsetof(Every, box), "[0, 0, 0, 0]", 0, 1e9, NULL},
    {"weights", ATTR_REALS, offsetof(Every, weights), "[]", 0, 0, NULL},
    {"init", ATTR_INIT, offsetof(Every, init), "he_normal", 0, 0, NULL},
    {0},
};

/* Arguments as a call writes them: `what(ARGS)`. */
static bool bind(Compilation *c, const char *args, Every *to)
{
    Eval eval = {.compilation = c};
    const Expr *call = front_parse_expr(c, "<test>", arena_printf(c->arena, "what(%s)", args));
    ck_assert_ptr_nonnull(call);
    return attrs_bind(c, "what", every, to, eval_args(&eval, &no_names, &call->args), call->span);
}

static const struct {
    const char *args, *text;
} bindings[] = {
    {"4, 3", "4, 3"},
    {"out=4, k=3", "4, 3"},
    {"k=3x1, out=4", "4, 3x1"},
    {"4, [2, 5], stride=[2, 5]", "4, 2x5"},
    {"4, 3, 1", "4, 3, stride=1"},
    {"4, 3, stride=2x1", "4, 3, stride=2x1"},
    {"4, 3, pad=same", "4, 3, pad=same"},
    {"4, 3, pad=1", "4, 3, pad=1"},
    {"4, 3, pad=[1, 1]", "4, 3, pad=1"},
    {"4, 3, pad=[1, 2]", "4, 3, pad=[1, 2]"},
    {"4, 3, pad=[1, 2, 1, 2]", "4, 3, pad=[1, 2]"},
    {"4, 3, pad=[1, 2, 3, 4]", "4, 3, pad=[1, 2, 3, 4]"},
    {"4, 3, pad=0, p=0.125, bias=yes, mode=zeros", "4, 3"},
    {"4, 3, p=0.1, bias=no, mode=reflect", "4, 3, p=0.1, bias=no, mode=reflect"},
    {"4, 3, p=1", "4, 3, p=1"},
    {"4, 3, shape=7", "4, 3, shape=7"},
    {"4, 3, shape=6x5x5", "4, 3, shape=6x5x5"},
    {"4, 3, shape=[1, 2]", "4, 3"},
    {"4, 3, box=[1, 2, 3, 4]", "4, 3, box=[1, 2, 3, 4]"},
    {"4, 3, weights=2", "4, 3, weights=[2]"},
    {"4, 3, weights=[1, 0.5, -3]", "4, 3, weights=[1, 0.5, -3]"},
    {"4, 3, init=xavier_uniform", "4, 3, init=xavier_uniform"},
    {"4, 3, init=normal(0.01)", "4, 3, init=normal(0.01)"},
    {"4, 3, init=normal(std=0.01)", "4, 3, init=normal(0.01)"},
    {"4, 3, init=uniform(-0.1, 0.1)", "4, 3, init=uniform(-0.1, 0.1)"},
    {"4, 3, init=constant(0)", "4, 3, init=zeros"},
    {"4, 3, init=ones", "4, 3, init=ones"},
    {"4, 3, init=he_normal", "4, 3"},
    /* errors */
    {"4", NULL},
    {"", NULL},
    {"0, 3", NULL},
    {"4, 3x0", NULL},
    {"4.0, 3", NULL},
    {"4, [1, 2, 3]", NULL},
    {"4, 3, pad=[1, 2, 3]", NULL},
    {"4, 3, pad=some", NULL},
    {"4, 3, pad=-1", NULL},
    {"4, 3, p=1.5", NULL},
    {"4, 3, bias=1", NULL},
    {"4, 3, mode=mirror", NULL},
    {"4, 3, shape=[0, 1]", NULL},
    {"4, 3, box=[1, 2, 3]", NULL},
    {"4, 3, weights=[yes]", NULL},
    {"4, 3, init=normal", NULL},
    {"4, 3, init=uniform(1, 0)", NULL},
    {"4, 3, out=4", NULL},
    {"4, 3, other=4", NULL},
};

START_TEST(binds_attributes)
{
    Compilation *c = compilation_new();
    Every attrs = {0};
    bool good = bind(c, bindings[_i].args, &attrs);
    ck_assert_msg(good == (bindings[_i].text != NULL), "%s", bindings[_i].args);
    ck_assert(good == (c->errors == 0));
    if (good) {
        const char *text = attrs_text(c->arena, every, &attrs);
        ck_assert_str_eq(text, bindings[_i].text);
        Every again = {0}; /* what was printed means the same */
        ck_assert(bind(c, text, &again));
        ck_assert_str_eq(attrs_text(c->arena, every, &again), text);
    }
    compilation_free(c);
}
END_TEST

/* Every operator's table holds together: the defaults have their types. */
START_TEST(operators_have_defaults)
{
    Compilation *c = compilation_new();
    for (int i = 0; i < op_table_count; i++) {
        const Op *op = op_table[i];
        List args = {0};
        void *attrs = arena_alloc(c->arena, op->attrs_size + 1);
        bool required = false;
        for (const Attr *attr = op->attrs; attr && attr->name; attr++) {
            required |= !attr->initial;
            ck_assert_msg(attr->offset < op->attrs_size, "%s.%s", op->name, attr->name);
        }
        bool good = attrs_bind(c, op->name, op->attrs, attrs, &args, span_nowhere());
        ck_assert_msg(good == !required, "%s", op->name);
        if (good) ck_assert_str_eq(attrs_text(c->arena, op->attrs, attrs), "");
    }
    compilation_free(c);
}
END_TEST

/* ---- train sections --------------------------------------------------- */

static const char small_net[] = "net n { input(3x8x8)  flatten  dense(4) }\n";

static TrainSpec *spec_of(Compilation *c, const char *section, const char *set)
{
    const char *source = arena_printf(c->arena, "%s%s", small_net, section);
    File *file = front_parse_text(c, "test.nn", source, strlen(source));
    ck_assert_ptr_nonnull(file);
    Graph *g = elaborate(c, file, NULL, NULL);
    ck_assert_ptr_nonnull(g);
    ck_assert_int_eq(train_section_exists(file, g), *section != '\0');
    List sets = {0};
    if (set) list_push(c->arena, &sets, front_parse_train_items(c, "<command line>", set));
    TrainSpec *spec = train_spec(c, file, g, &sets);
    if (!spec) diag_print(c, stderr, false);
    ck_assert_ptr_nonnull(spec);
    return spec;
}

static const char *call_text(Compilation *c, const OpCall *call)
{
    return arena_printf(c->arena, "%s(%s)", call->op->name, attrs_text(c->arena, call->op->attrs, call->attrs));
}

START_TEST(training_has_defaults)
{
    Compilation *c = compilation_new();
    const TrainSpec *spec = spec_of(c, "", NULL);
    ck_assert_str_eq(call_text(c, &spec->loss), "cross_entropy()");
    ck_assert_str_eq(call_text(c, &spec->optimizer), "sgd(0.01, momentum=0.9)");
    ck_assert_double_eq(spec->lr, 0.01);
    ck_assert_int_eq(spec->batch, 64);
    ck_assert(!spec->batch_given);
    ck_assert_int_eq(spec->epochs, 10);
    ck_assert_int_eq(spec->seed, 1);
    ck_assert_int_eq(spec->normalize, NORMALIZE_DATASET);
    ck_assert_int_eq(spec->fit, FIT_RESIZE);
    ck_assert_int_eq(spec->schedule.kind, SCHEDULE_CONSTANT);
    compilation_free(c);
}
END_TEST

START_TEST(training_is_read)
{
    static const char section[] = "let rate = 0.5\n"
                                  "train n {\n"
                                  "    loss cross_entropy(smoothing=0.1)  optimizer sgd(rate / 5, momentum=0.8)\n"
                                  "    schedule multistep(at=[30, 60], gamma=0.1)\n"
                                  "    regularize l2(1e-4) l1(1e-5)  clip norm(5)  batch 2 * 16 epochs 3 seed 7\n"
                                  "    normalize mean=[0.5, 0.4, 0.3] std=[0.2, 0.25, 0.125]\n"
                                  "    fit pad  augment crop(8, pad=2) flip rotate(15)  stop patience(4)\n"
                                  "}\n";
    Compilation *c = compilation_new();
    const TrainSpec *spec = spec_of(c, "train n { normalize mean=0.5 std=0.25 }\n", NULL);
    ck_assert_int_eq(spec->normalize, NORMALIZE_GIVEN);
    ck_assert_int_eq(spec->std.count, 1);
    spec = spec_of(c, section, NULL);
    ck_assert_double_eq(spec->lr, 0.1);
    ck_assert_str_eq(call_text(c, &spec->loss), "cross_entropy(smoothing=0.1)");
    ck_assert_str_eq(call_text(c, &spec->optimizer), "sgd(0.1, momentum=0.8)");
    ck_assert_int_eq(spec->schedule.kind, SCHEDULE_MULTISTEP);
    ck_assert_double_eq(spec->schedule.at.at[1], 60);
    ck_assert_double_eq(spec->l2, 1e-4);
    ck_assert_double_eq(spec->l1, 1e-5);
    ck_assert_double_eq(spec->clip_norm, 5);
    ck_assert_int_eq(spec->batch, 32);
    ck_assert_int_eq(spec->epochs, 3);
    ck_assert_int_eq(spec->seed, 7);
    ck_assert_double_eq(spec->std.at[2], 0.125);
    ck_assert_int_eq(spec->fit, FIT_PAD);
    ck_assert_int_eq(spec->augment.count, 3);
    ck_assert_double_eq(((Augment *)spec->augment.at[0])->pad, 2);
    ck_assert_double_eq(((Augment *)spec->augment.at[2])->amount, 15);
    ck_assert_int_eq(spec->stop_patience, 4);
    compilation_free(c);
}
END_TEST

static const struct {
    const char *set, *loss, *optimizer;
    int batch;
} sets[] = {
    {"batch=32", "cross_entropy()", "sgd(0.1, momentum=0.8)", 32},
    {"lr=0.2", "cross_entropy()", "sgd(0.2, momentum=0.8)", 8},
    {"momentum=0", "cross_entropy()", "sgd(0.1)", 8},
    {"weight_decay=0.5", "cross_entropy()", "sgd(0.1, momentum=0.8, weight_decay=0.5)", 8},
    {"smoothing=0.1", "cross_entropy(smoothing=0.1)", "sgd(0.1, momentum=0.8)", 8},
    {"loss=mse", "mse()", "sgd(0.1, momentum=0.8)", 8},
    {"loss mse batch 4", "mse()", "sgd(0.1, momentum=0.8)", 4},
    {"optimizer sgd(0.3)", "cross_entropy()", "sgd(0.3)", 8},
    {"optimizer=sgd(0.3, momentum=0.5)", "cross_entropy()", "sgd(0.3, momentum=0.5)", 8},
};

START_TEST(training_is_set)
{
    Compilation *c = compilation_new();
    const TrainSpec *spec = spec_of(c, "train n { optimizer sgd(0.1, momentum=0.8) batch 8 }\n", sets[_i].set);
    ck_assert_str_eq(call_text(c, &spec->loss), sets[_i].loss);
    ck_assert_str_eq(call_text(c, &spec->optimizer), sets[_i].optimizer);
    ck_assert_int_eq(spec->batch, sets[_i].batch);
    compilation_free(c);
}
END_TEST

Suite *graph_suite(void)
{
    Suite *suite = suite_create("graph");
    TCase *tests = tcase_create("graph");
    tcase_add_loop_test(tests, evaluates, 0, sizeof values / sizeof *values);
    tcase_add_test(tests, names_parameters);
    tcase_add_test(tests, finds_labels);
    tcase_add_test(tests, passes_symbols);
    tcase_add_test(tests, takes_several_inputs);
    tcase_add_test(tests, takes_defines);
    tcase_add_loop_test(tests, binds_attributes, 0, sizeof bindings / sizeof *bindings);
    tcase_add_test(tests, operators_have_defaults);
    tcase_add_test(tests, training_has_defaults);
    tcase_add_test(tests, training_is_read);
    tcase_add_loop_test(tests, training_is_set, 0, sizeof sets / sizeof *sets);
    suite_add_tcase(suite, tests);
    return suite;
}
