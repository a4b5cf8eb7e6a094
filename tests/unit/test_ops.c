/*
 * Tests of the operators' records: that every one is complete, and that what the
 * operators say and compute is what is known in closed form.  Whole layers are
 * tested by the reference files and by finite differences (tests/gradients).
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "elab/attributes.h"
#include "elab/elaborate.h"
#include "elab/train_spec.h"
#include "front/front.h"
#include "graph/graph.h"
#include "autodiff/training.h"

/* ---- the table ---------------------------------------------------------------- */

static size_t size_of(AttrType type)
{
    static const size_t sizes[] = {
        [ATTR_INT] = sizeof(int64_t), [ATTR_REAL] = sizeof(double), [ATTR_BOOL] = sizeof(bool),
        [ATTR_PAIR] = sizeof(Pair),   [ATTR_PAD] = sizeof(Pad),     [ATTR_SYMBOL] = sizeof(int),
        [ATTR_SHAPE] = sizeof(Shape), [ATTR_BOX] = sizeof(Pad),     [ATTR_REALS] = sizeof(Reals),
        [ATTR_INIT] = sizeof(Init),   [ATTR_TEXT] = sizeof(char *),
    };
    return sizes[type];
}

static bool is_word(const char *name)
{
    return *name && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

START_TEST(test_records_complete)
{
    const Op *op = op_table[_i];
    ck_assert_msg(is_word(op->name), "name '%s'", op->name);
    ck_assert_msg(op->summary && *op->summary, "%s has no summary", op->name);
    ck_assert_msg(op->formula && *op->formula, "%s has no formula", op->name);
    bool view = op->traits & OP_VIEW;
    bool by_pass = op->class == OP_INTERNAL && op->variants; /* what a pass of the fast form makes */
    ck_assert_msg(!view || !op->plain, "%s: a view has no code", op->name);
    ck_assert_msg(view || op->plain || by_pass || op->collective, "%s has no code", op->name);
    /* Outputs of a collective are like its inputs, those of integer operators have scales: whoever makes
     * such a node makes them. */
    bool by_maker = op->class == OP_INTERNAL && !op->grad && (op->collective || !op->attrs);
    ck_assert_msg(op->shape || op->class == OP_OPTIMIZER || by_maker, "%s has no shape rule", op->name);
    ck_assert_msg((op->attrs == NULL) || op->attrs_size > 0, "%s: attributes without a size", op->name);
    bool numbered = op->traits & OP_VARIADIC;
    ck_assert_msg(numbered || (op->in && op->in[0]) || (op->out && op->out[0]), "%s: arrays have no names", op->name);
    ck_assert_msg(op->mutates || numbered || (op->out && op->out[0]), "%s: nothing that it writes has a name",
                  op->name);
    if (op->training) {
        ck_assert_int_eq(op->training->class, OP_INTERNAL);
        ck_assert_uint_eq(op->training->attrs_size, op->attrs_size);
        ck_assert_msg(op->training->plain && op->training->shape, "%s: its training form is not complete", op->name);
    }
}
END_TEST

START_TEST(test_names_unique)
{
    for (int i = 0; i < op_table_count; i++) {
        for (int k = 0; k < i; k++) {
            bool same = op_table[i]->class == op_table[k]->class && strcmp(op_table[i]->name, op_table[k]->name) == 0;
            ck_assert_msg(!same, "%s stands twice", op_table[i]->name);
        }
        ck_assert_ptr_eq(op_find(op_table[i]->name, op_table[i]->class), op_table[i]);
    }
    ck_assert_ptr_null(op_table[op_table_count]);
    ck_assert_ptr_null(op_find("conv", OP_LOSS));
}
END_TEST

static void check_attr(const Op *op, const Attr *a)
{
    ck_assert_msg(is_word(a->name), "%s: attribute '%s'", op->name, a->name);
    ck_assert_msg(a->offset + size_of(a->type) <= op->attrs_size, "%s: %s lies outside", op->name, a->name);
    ck_assert_msg(a->min <= a->max, "%s: the range of %s is empty", op->name, a->name);
    ck_assert_msg((a->type == ATTR_SYMBOL) == (a->symbols && !attr_may_be_none(a)), "%s: symbols of %s", op->name,
                  a->name);
    for (const Attr *b = op->attrs; b < a; b++) {
        ck_assert_str_ne(a->name, b->name);
        bool apart = a->offset + size_of(a->type) <= b->offset || b->offset + size_of(b->type) <= a->offset;
        ck_assert_msg(apart, "%s: %s and %s overlap", op->name, a->name, b->name);
    }
}

START_TEST(test_attributes)
{
    const Op *op = op_table[_i];
    bool optional_seen = false, all_optional = true;
    for (const Attr *a = op->attrs; a && a->name; a++) {
        check_attr(op, a);
        ck_assert_msg(a->initial || !optional_seen, "%s: %s is required after an optional one", op->name, a->name);
        optional_seen |= a->initial != NULL;
        all_optional &= a->initial != NULL;
    }
    if (!op->attrs || !all_optional) return;
    Compilation *c = compilation_new();
    List none = {0};
    void *attrs = arena_alloc(c->arena, op->attrs_size);
    ck_assert_msg(attrs_bind(c, op->name, op->attrs, attrs, &none, span_nowhere()), "%s: defaults", op->name);
    ck_assert_str_eq(attrs_text(c->arena, op->attrs, attrs), "");
    compilation_free(c);
}
END_TEST

/* The parser knows combinators by name, because of the loop that may follow. */
START_TEST(test_combinators_are_known_to_the_parser)
{
    const Op *op = op_table[_i];
    ck_assert_msg(front_is_combinator(op->name) == (op->class == OP_COMBINE), "%s", op->name);
}
END_TEST

START_TEST(test_losses_and_optimizers)
{
    const Op *op = op_table[_i];
    if (op->class == OP_LOSS) {
        ck_assert_str_eq(op->in[0], "scores");
        ck_assert_str_eq(op->in[1], "target");
        ck_assert_str_eq(op->out[0], "loss");
        ck_assert_ptr_nonnull(op->grad);
    }
    if (op->class == OP_OPTIMIZER) {
        ck_assert_str_eq(op->in[0], "gradient");
        ck_assert_str_eq(op->in[1], "param");
        ck_assert_uint_eq(op->mutates & 3, 2);
        ck_assert_str_eq(op->attrs[0].name, "lr");
        ck_assert_uint_eq(op->attrs[0].offset, 0);
        ck_assert(op->uses & USES_LR);
    }
}
END_TEST

/* ---- shapes and errors ---------------------------------------------------------- */

static Graph *elaborate_text(Compilation *c, const char *body)
{
    char text[512];
    snprintf(text, sizeof text, "net t { %s }", body);
    List none = {0};
    const File *file = front_parse_text(c, "test.nn", text, strlen(text));
    return file ? elaborate(c, file, NULL, &none) : NULL;
}

static const struct {
    const char *body, *shape;
} shapes[] = {
    {"input(3x4x5) add { } { tanh }", "3x4x5"},
    {"input(3x4x5) mul { } { crop([0, 0, 3, 4]) }", "3x4x5"},
    {"input(3x4x5) mul { crop([0, 0, 3, 0]) } { crop([0, 0, 0, 4]) }", "3x4x5"},
    {"input(7) maximum { } { tanh }", "7"},
    {"input(3x4x5) add { crop([0, 0, 3, 0]) } { crop([0, 0, 0, 4]) }", "3x4x5"},
    {"input(3x4x5) minimum { global_avgpool } { } { crop([3, 4, 0, 0]) }", "3x4x5"},
    {"input(7) sub { } { dense(1) }", "7"},
    {"input(3x4x5) concat { } { } { conv(2, 1) }", "8x4x5"},
    {"input(7) concat { } { dense(2) }", "9"},
    {"input(3x4x5) slice(1, 1, -1)", "3x2x5"},
    {"input(3x4x5) slice(2, -100, 100, 2)", "3x4x3"},
    {"input(3x4x5) permute([2, 0, 1])", "5x3x4"},
    {"input(3x4x5) reduce_mean([1, 2])", "3x1x1"},
    {"input(3x4x5) reduce_max([1, 2], keep=no)", "3"},
    {"input(3x4x5) reduce_sum([0, 1, 2], keep=no)", "1"},
    {"input(8x4x5) depth_to_space(2)", "2x8x10"},
    {"input(2x4x6) space_to_depth(2)", "8x2x3"},
    {"input(3x4x5) flatten", "60"},
    {"input(60) reshape(3x4x5)", "3x4x5"},
    {"input(3x4x5) reshape(60)", "60"},
    {"input(3x4x5) upsample(2)", "3x8x10"},
    {"input(3x4x5) upsample([1, 3], mode=bilinear)", "3x4x15"},
    {"input(3x4x5) pad([1, 2, 3, 4])", "3x8x11"},
    {"input(3x4x5) pad([3, 4, 3, 4], mode=reflect)", "3x10x13"},
    {"input(3x4x5) pad([4, 5, 4, 5], mode=circular)", "3x12x15"},
    {"input(3x4x5) crop([1, 2, 2, 0])", "3x1x3"},
    {"input(6x4x5) channel_shuffle(3)", "6x4x5"},
    {"input(3x4x5) normalize([1, 2, 3], 0.5)", "3x4x5"},
    {"input(3x4x5) dropout2d(0.5) drop_path(0.5) instancenorm scale([1, 2, 3]) shift(1)", "3x4x5"},
};

START_TEST(test_shapes)
{
    Compilation *c = compilation_new();
    Graph *g = elaborate_text(c, shapes[_i].body);
    if (!g) diag_print(c, stderr, false);
    ck_assert_ptr_nonnull(g);
    ck_assert_str_eq(shape_text(c->arena, g->output->shape), shapes[_i].shape);
    compilation_free(c);
}
END_TEST

static const struct {
    const char *body, *message;
} errors[] = {
    {"input(16x8x8) add { } { maxpool(2) }", "add: branch 1 gives 16x8x8, branch 2 gives 16x4x4"},
    {"input(4x8x8) mul { } { } { conv(3, 1) }", "mul: branch 1 gives 4x8x8, branch 3 gives 3x8x8"},
    {"input(4) sub { } { } { }", "sub takes two branches, not 3"},
    {"input(4) div { } { } { }", "div takes two branches, not 3"},
    {"input(4x8x8) mean { } { flatten }", "mean: branch 1 gives 4x8x8, branch 2 gives 256; each dimension must be"},
    {"input(4x8x8) concat { } { maxpool(2) }", "concat: branch 1 gives 4x8x8, branch 2 gives 4x4x4"},
    {"input(4x8x8) concat { } { flatten }", "branch 2 gives 256"},
    {"input(3x4x5) reshape(7x8)", "3x4x5 has 60 elements, but 7x8 has 56"},
    {"input(3x4x5) reshape(59)", "3x4x5 has 60 elements, but 59 has 59"},
    {"input(3x4x5) reshape(1000000x1000000x1000000)", "60 elements"},
    {"input(5) upsample(2)", "upsample takes an image"},
    {"input(5) pad([1, 1, 1, 1])", "pad takes an image"},
    {"input(3x4x5) pad([4, 0, 0, 0], mode=reflect)", "an input height of 4 allows at most 3"},
    {"input(3x4x5) pad([0, 6, 0, 0], mode=circular)", "an input width of 5 allows at most 5"},
    {"input(3x4x5) pad([1, 1, 1, 1], mode=reflect, value=2)", "value=2 has no meaning with mode=reflect"},
    {"input(3x4x5) pad([0, 0, 0, 0], mode=symmetric, channels=[4, 0])", "number of channels of 3 allows at most 3"},
    {"input(3x4x5) resize", "resize takes size=[h, w] or scale=NUMBER"},
    {"input(3x4x5) resize(2, scale=2)", "or scale=NUMBER, not both"},
    {"input(3x4x5) resize(scale=[1, 2, 3])", "scale has 3 numbers"},
    {"input(3x4x5) resize(scale=0.2)", "resize: an input height of 4 times 0.2 is 0"},
    {"input(3x4x5) resize(2, align_corners=yes)", "align_corners has no meaning with mode=nearest"},
    {"input(3x4x5) conv1d(2, 3)", "conv1d takes a sequence CxL, but its input is an image 3x4x5"},
    {"input(3x5) conv1d(2, 3, pad=[1, 2])", "conv1d: pad is one number, same, valid or full"},
    {"input(3x4x5) maxpool1d(2)", "maxpool1d takes a sequence CxL, but its input is an image 3x4x5"},
    {"input(3x4x5) avgpool1d(2)", "avgpool1d takes a sequence CxL, but its input is an image 3x4x5"},
    {"input(3x5) maxpool1d(2, pad=[0, 1])", "maxpool1d: pad is one number, same, valid or full"},
    {"input(3x5) maxpool1d(2, pad=3)", "the window of output element 0 lies in the padding alone"},
    {"input(12) deconv1d(2, 3)", "deconv1d takes a sequence CxL, but its input is a vector of 12"},
    {"input(3x5) deconv1d(2, 3, output_pad=1)", "deconv1d: output_pad is 1 along the length"},
    {"input(3x5) deconv1d(2, 3, pad=4)", "deconv1d: the output length would be"},
    {"input(3x5) conv1d(2, 7)", "the output length would be floor((5 + 0 + 0 - 1*(7-1) - 1)/1) + 1 = -1"},
    {"input(3) resize(2)", "resize takes an image"},
    {"input(3x4x5) crop([2, 0, 2, 0])", "the output height would be 4 - 2 - 2 = 0"},
    {"input(3x4x5) channel_shuffle(2)", "3 channels cannot be divided into 2 equal groups"},
    {"input(3x4x5) normalize([1, 2], 1)", "mean has 2 numbers, but the input has 3 channels"},
    {"input(3x4x5) normalize(0, [1, 0, 1])", "std[1] is 0; it must be above 0"},
    {"input(3x4x5) scale([1, 2])", "scale: by has 2 numbers, but the input has 3 channels"},
    {"input(3) shift([1, 2])", "shift: by has 2 numbers, but the input has 3 features"},
    {"input(3) slice(1, 0)", "slice: the input 3 has no axis 1"},
    {"input(3x4x5) slice(1, 3, 2)", "slice: nothing is left of axis 1 of 3x4x5 from 3 to 2"},
    {"input(3x4x5) permute([0, 1])", "permute: the input 3x4x5 has axes 0 to 2; each of them must be named once"},
    {"input(3x4x5) permute([0, 1, 1])", "each of them must be named once"},
    {"input(3x4x5) reduce_min([3])", "reduce_min: the input 3x4x5 has no axis 3"},
    {"input(6x4x5) depth_to_space(2)", "depth_to_space: 6 channels cannot be divided by 2 x 2"},
    {"input(6x4x5) space_to_depth(2)", "space_to_depth: 4 x 5 pixels cannot be divided into blocks of 2 x 2"},
    {"input(3) clamp(1, 0.5)", "clamp: min=1 is above max=0.5"},
    {"input(3) celu(0)", "celu: alpha is 0"},
    {"input(3) instancenorm", "but its input is a vector of 3"},
    {"input(3x1x1) instancenorm", "two or more elements per channel, but its input is an image 3x1x1"},
    {"input(3x4x5) dropout2d(2)", "dropout2d: p is 2; it must be from 0 to 1"},
};

START_TEST(test_errors)
{
    Compilation *c = compilation_new();
    elaborate_text(c, errors[_i].body);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    diag_print(c, out, false);
    fclose(out);
    ck_assert_int_ge(c->errors, 1);
    ck_assert_msg(strstr(text, errors[_i].message), "'%s' is not in\n%s", errors[_i].message, text);
    free(text);
    compilation_free(c);
}
END_TEST

/* ---- values --------------------------------------------------------------------- */

/* One operator alone: its plain form, compiled here and now. */
typedef struct Bench {
    Compilation *c;
    Graph *g;
    Node *node;
    Jit *jit;
} Bench;

static const char *array_name(const Bench *b, int i)
{
    const Node *n = b->node;
    const char *dot = strrchr(n->in[i]->name, '.');
    if (n->in[i]->kind == TENSOR_STATE) return dot + 1;
    int named = 0;
    while (n->op->in && n->op->in[named]) named++;
    return i < named ? n->op->in[i] : arena_printf(b->c->arena, "x%d", i - named);
}

static void bind(const Bench *b, Writer *w, const char *name, const Tensor *t, int slot)
{
    int64_t dim[MAX_RANK + 1] = {1};
    for (int i = 0; i < t->shape.rank; i++) dim[t->batched + i] = t->shape.dim[i];
    writer_bind_array(w, name, name, t->shape.rank + t->batched, dim);
    writer_put(w, arena_printf(b->c->arena, "float *%s = tensors[%d];", name, slot));
}

/* void f(float **tensors, float lr, int step): inputs first, then outputs. */
static const char *source_of(const Bench *b)
{
    const Node *n = b->node;
    Writer *w = writer_new(b->c->arena, false);
    writer_put(w, "float sqrtf(float); float expm1f(float); float fabsf(float); float expf(float);\n"
                  "void f(float **tensors, float lr, int step)\n{\n");
    writer_bind_int(w, "N", 1);
    writer_bind(w, "int", "int");
    writer_bind(w, "lr", "lr");
    writer_bind(w, "step", "step");
    for (int i = 0; i < n->in_count; i++) bind(b, w, array_name(b, i), n->in[i], i);
    for (int i = 0; i < n->out_count; i++) bind(b, w, n->op->out[i], n->out[i], n->in_count + i);
    n->op->plain(w, n);
    writer_put(w, "}");
    return writer_text(w);
}

static void bench_open(Bench *b, const char *op, OpClass class, void *attrs)
{
    b->c = compilation_new();
    b->g = graph_new(b->c, "bench", PROGRAM_NET);
    ck_assert_ptr_nonnull(op_find(op, class));
    b->node = graph_node(b->g, op_find(op, class), attrs, "layer", span_nowhere());
    b->jit = NULL;
}

static void bench_input(Bench *b, TensorKind kind, Shape shape)
{
    node_in(b->g, b->node, graph_tensor(b->g, kind, DTYPE_F32, kind == TENSOR_INPUT, shape, "x", span_nowhere()));
    b->node->data_count = b->node->in_count;
}

/* tensors: those of the inputs, then of the outputs */
static void bench_run(Bench *b, float **tensors, float lr, int step)
{
    if (!b->jit) {
        if (b->node->op->shape) ck_assert(b->node->op->shape(b->g, b->node));
        if (b->node->op->states) b->node->op->states(b->g, b->node);
        const char *error = NULL, *source = source_of(b);
        b->jit = jit_compile(JIT_TCC, source, b->c->arena, &error);
        ck_assert_msg(b->jit != NULL, "%s\n%s", error, source);
    }
    void (*f)(float **, float, int);
    *(void **)&f = jit_symbol(b->jit, "f");
    f(tensors, lr, step);
}

static void bench_close(Bench *b)
{
    jit_free(b->jit);
    compilation_free(b->c);
}

/* Single precision: a few roundings of numbers near 1. */
static void assert_values(const float *found, const double *expected, int count)
{
    for (int i = 0; i < count; i++) ck_assert_double_eq_tol(found[i], expected[i], 2e-6);
}

/* The attributes of an optimizer as a source would give them. */
static void *optimizer_attrs(Compilation *c, const char *op, const char *text)
{
    char source[256];
    snprintf(source, sizeof source, "net t { input(1) tanh } train t { optimizer %s(lr=0.1%s%s) }", op,
             *text ? ", " : "", text);
    List none = {0};
    const File *file = front_parse_text(c, "test.nn", source, strlen(source));
    Graph *net = file ? elaborate(c, file, NULL, &none) : NULL;
    TrainSpec *spec = net ? train_spec(c, file, net, &none) : NULL;
    if (!spec) diag_print(c, stderr, false);
    ck_assert_ptr_nonnull(spec);
    return spec->optimizer.attrs;
}

/* Two steps with lr = 0.1 from w = 1, with gradients 0.5 and −0.25. */
static const struct {
    const char *op, *attrs;
    int states;
    double after[2];
} updates[] = {
    {"sgd", "", 0, {0.95, 0.975}},
    {"sgd", "weight_decay=0.1", 0, {0.94, 0.9556}},
    {"sgd", "momentum=0.9", 1, {0.95, 0.93}},
    {"sgd", "momentum=0.9, nesterov=yes", 1, {0.905, 0.912}},
    {"sgd", "momentum=0.9, dampening=0.5", 1, {0.95, 0.9175}},
    {"adam", "", 2, {0.9, 0.87336629}},
    {"adamw", "weight_decay=0.1", 2, {0.89, 0.85446629}},
    {"rmsprop", "alpha=0.5", 1, {0.8585786478, 0.9402283032}},
    {"rmsprop", "alpha=0.5, centered=yes", 2, {0.8, 0.8816496634}},
    {"rmsprop", "alpha=0.5, momentum=0.5", 2, {0.8585786478, 0.8695176270}},
    {"adagrad", "", 1, {0.9, 0.9447213595}},
    {"lion", "weight_decay=0.1", 1, {0.89, 0.9811}},
    {"sgd", "momentum=0.9, form=ema", 1, {0.995, 0.993}},
    {"sgd", "momentum=0.9, nesterov=yes, form=ema", 1, {0.9905, 0.9912}},
    {"adam", "beta2=0.5, amsgrad=yes", 3, {0.900000002, 0.8742159001}},
    {"nadam", "", 3, {0.8943548243, 0.9354657962}},
    {"nadam", "momentum_decay=1", 3, {0.8937212218, 0.9329807468}},
    {"lamb", "weight_decay=0", 2, {0.9, 0.81}},
    {"lamb", "weight_decay=0.1", 2, {0.9, 0.81}},
    {"muon", "weight_decay=0.1", 2, {0.89, 0.8542630552}},
};

START_TEST(test_updates)
{
    Bench b;
    bench_open(&b, updates[_i].op, OP_OPTIMIZER, NULL);
    b.node->attrs = optimizer_attrs(b.c, updates[_i].op, updates[_i].attrs);
    bench_input(&b, TENSOR_LOCAL, shape_vector(1));
    bench_input(&b, TENSOR_PARAM, shape_vector(1));
    float gradient = 0.5f, w = 1, state[3] = {0, 0, strcmp(updates[_i].op, "nadam") == 0 ? 1 : 0}; /* mu_product */
    float *tensors[] = {&gradient, &w, &state[0], &state[1], &state[2]};
    for (int step = 0; step < 2; step++) {
        bench_run(&b, tensors, 0.1f, step);
        ck_assert_double_eq_tol(w, updates[_i].after[step], 2e-6);
        gradient = -0.25f;
    }
    ck_assert_int_eq(b.node->in_count, 2 + updates[_i].states);
    bench_close(&b);
}
END_TEST

/* One step with lr = 0.1.  lamb: r = sign(g) + w / 10 = (1.1, -0.8), w - 0.1 |w| / |r| r with
 * |w| = sqrt(5), |r| = sqrt(1.85).  muon: w = 1 everywhere; five iterations of the formula at
 * the head of muon.c, for a wide matrix and for its transpose, of which the latter is moved
 * sqrt(3/2) times as far. */
static const struct {
    const char *op, *attrs;
    Shape shape;
    float w[6], gradient[6];
    double after[6];
} matrices[] = {
    {"lamb", "weight_decay=0.1, eps=0", {1, {2}}, {1, 2}, {0.5f, -0.25f}, {0.819161114, 2.13151919}},
    {"muon",
     "",
     {2, {2, 3}},
     {1, 1, 1, 1, 1, 1},
     {1, 2, 0, 0, -1, 3},
     {0.957040122, 0.924209622, 0.989611866, 0.989870622, 1.02237768, 0.892090702}},
    {"muon",
     "",
     {4, {3, 1, 2, 1}},
     {1, 1, 1, 1, 1, 1},
     {1, 0, 2, -1, 0, 3},
     {0.949632558, 0.989841545, 0.909423572, 1.02965439, 0.989524634, 0.870086089}},
};

START_TEST(test_matrix_updates)
{
    Bench b;
    bench_open(&b, matrices[_i].op, OP_OPTIMIZER, NULL);
    b.node->attrs = optimizer_attrs(b.c, matrices[_i].op, matrices[_i].attrs);
    bench_input(&b, TENSOR_LOCAL, matrices[_i].shape);
    bench_input(&b, TENSOR_PARAM, matrices[_i].shape);
    float gradient[6], w[6], first[6] = {0}, second[32] = {0};
    memcpy(gradient, matrices[_i].gradient, sizeof gradient);
    memcpy(w, matrices[_i].w, sizeof w);
    bench_run(&b, (float *[]){gradient, w, first, second}, 0.1f, 0);
    assert_values(w, matrices[_i].after, (int)shape_count(matrices[_i].shape));
    bench_close(&b);
}
END_TEST

START_TEST(test_regularize)
{
    Bench b;
    RegularizeAttrs attrs = {.l1 = 0.5, .l2 = 0.25};
    bench_open(&b, "regularize", OP_INTERNAL, &attrs);
    bench_input(&b, TENSOR_LOCAL, shape_vector(3));
    bench_input(&b, TENSOR_PARAM, shape_vector(3));
    float gradient[] = {1, 1, 1}, w[] = {2, 0, -3}, penalty;
    bench_run(&b, (float *[]){gradient, w, gradient, &penalty}, 0, 0);
    assert_values(gradient, (double[]){2.5, 1, -1}, 3);
    ck_assert_double_eq_tol(penalty, 0.5 * 5 + 0.25 * 13, 1e-6);
    bench_close(&b);
}
END_TEST

START_TEST(test_clip_value)
{
    Bench b;
    ClipAttrs attrs = {.limit = 0.5};
    bench_open(&b, "clip_value", OP_INTERNAL, &attrs);
    bench_input(&b, TENSOR_LOCAL, shape_vector(4));
    float gradient[] = {1, -0.25f, -2, NAN};
    bench_run(&b, (float *[]){gradient, gradient}, 0, 0);
    assert_values(gradient, (double[]){0.5, -0.25, -0.5}, 3);
    ck_assert(isnan(gradient[3]));
    bench_close(&b);
}
END_TEST

/* Of gradients (4, 0) and (3) the norm is 5: limit 1 divides them by five, limit 10
 * leaves them. */
static void check_clip_norm(double limit, double factor)
{
    Bench b;
    ClipAttrs attrs = {.limit = limit};
    bench_open(&b, "clip_norm", OP_INTERNAL, &attrs);
    bench_input(&b, TENSOR_LOCAL, shape_vector(2));
    bench_input(&b, TENSOR_LOCAL, shape_vector(1));
    float gradient[] = {4, 0}, squares = 25;
    bench_run(&b, (float *[]){gradient, &squares, gradient}, 0, 0);
    assert_values(gradient, (double[]){4 * factor, 0}, 2);
    bench_close(&b);
}

START_TEST(test_clip_norm)
{
    check_clip_norm(1, 0.2);
    check_clip_norm(10, 1);
}
END_TEST

START_TEST(test_square_norm)
{
    Bench b;
    bench_open(&b, "square_norm", OP_INTERNAL, NULL);
    bench_input(&b, TENSOR_LOCAL, shape_vector(3));
    float gradient[] = {1, -2, 3}, squares;
    bench_run(&b, (float *[]){gradient, &squares}, 0, 0);
    ck_assert_double_eq(squares, 14);
    bench_close(&b);
}
END_TEST

START_TEST(test_maximum_keeps_nan)
{
    Bench b;
    bench_open(&b, "maximum", OP_COMBINE, NULL);
    for (int i = 0; i < 3; i++) bench_input(&b, TENSOR_INPUT, shape_vector(4));
    float x0[] = {1, 5, NAN, 0}, x1[] = {2, 4, 9, NAN}, x2[] = {3, -1, 9, 9}, y[4];
    bench_run(&b, (float *[]){x0, x1, x2, y}, 0, 0);
    assert_values(y, (double[]){3, 5}, 2);
    ck_assert(isnan(y[2]) && isnan(y[3]));
    bench_close(&b);
}
END_TEST

Suite *ops_suite(void)
{
    Suite *suite = suite_create("ops");
    TCase *records = tcase_create("records");
    tcase_add_loop_test(records, test_records_complete, 0, op_table_count);
    tcase_add_loop_test(records, test_combinators_are_known_to_the_parser, 0, op_table_count);
    tcase_add_loop_test(records, test_attributes, 0, op_table_count);
    tcase_add_loop_test(records, test_losses_and_optimizers, 0, op_table_count);
    tcase_add_test(records, test_names_unique);
    suite_add_tcase(suite, records);
    TCase *rules = tcase_create("rules");
    tcase_add_loop_test(rules, test_shapes, 0, sizeof shapes / sizeof *shapes);
    tcase_add_loop_test(rules, test_errors, 0, sizeof errors / sizeof *errors);
    suite_add_tcase(suite, rules);
    TCase *values = tcase_create("values");
    tcase_add_loop_test(values, test_updates, 0, sizeof updates / sizeof *updates);
    tcase_add_loop_test(values, test_matrix_updates, 0, sizeof matrices / sizeof *matrices);
    tcase_add_test(values, test_regularize);
    tcase_add_test(values, test_clip_value);
    tcase_add_test(values, test_clip_norm);
    tcase_add_test(values, test_square_norm);
    tcase_add_test(values, test_maximum_keeps_nan);
    suite_add_tcase(suite, values);
    return suite;
}
