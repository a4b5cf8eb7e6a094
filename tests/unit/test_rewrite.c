/*
 * GraphRewriter on the inference program of a small net, and the pass that splits gradients
 * by it: an update that is not element-wise must stay whole.
 */
#include <check.h>
#include <string.h>

#include "autodiff/program.h"
#include "graph/rewrite.h"
#include "nets.h"
#include "passes/passes.h"

static const char net_text[] =
    "net t { input(2x4x4) conv(3, 3, pad=1) relu tanh add { } { sigmoid } global_avgpool flatten dense(2) }\n";

typedef struct Sample {
    Compilation *c;
    Graph *g;
    GraphRewriter *r;
} Sample;

static Sample sample_open(void)
{
    Sample s = {.c = compilation_new()};
    s.g = program_build(net_of_text(s.c, net_text, NULL), PROGRAM_INFER, NULL, 2, 1);
    s.r = rewriter_begin(s.g);
    return s;
}

static Node *node_of(const Graph *g, const char *op)
{
    for (int i = 0; i < g->nodes.count; i++) {
        Node *n = g->nodes.at[i];
        if (strcmp(n->op->name, op) == 0) return n;
    }
    ck_abort_msg("there is no %s", op);
}

/* The names of the operators in order, with a space after each. */
static const char *order_of(const Graph *g)
{
    const char *text = "";
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *n = g->nodes.at[i];
        ck_assert_int_eq(n->id, i);
        text = arena_printf(g->compilation->arena, "%s%s ", text, n->op->name);
    }
    return text;
}

static void sample_close(Sample *s, const char *order)
{
    rewriter_end(s->r);
    ck_assert_str_eq(order_of(s->g), order);
    for (int i = 0; i < s->g->tensors.count; i++) ck_assert_int_eq(((const Tensor *)s->g->tensors.at[i])->id, i);
    compilation_free(s->c);
}

#define UNCHANGED "conv relu tanh sigmoid add global_avgpool flatten dense "

START_TEST(changes_nothing_unasked)
{
    Sample s = sample_open();
    int tensors = s.g->tensors.count;
    rewriter_end(s.r);
    ck_assert_int_eq(s.g->tensors.count, tensors);
    s.r = rewriter_begin(s.g);
    sample_close(&s, UNCHANGED);
}
END_TEST

START_TEST(knows_users)
{
    Sample s = sample_open();
    Node *tanh = node_of(s.g, "tanh"), *sigmoid = node_of(s.g, "sigmoid"), *add = node_of(s.g, "add");
    const List *users = rewriter_users(s.r, tanh->out[0]);
    ck_assert_int_eq(users->count, 2);
    ck_assert_ptr_eq(users->at[0], sigmoid);
    ck_assert_ptr_eq(users->at[1], add);
    ck_assert_ptr_null(rewriter_only_user(s.r, tanh->out[0]));
    ck_assert_ptr_eq(rewriter_only_user(s.r, sigmoid->out[0]), add);
    ck_assert_ptr_null(rewriter_only_user(s.r, s.g->output));
    rewriter_set_input(s.r, add, 1, tanh->out[0]); /* twice the same */
    ck_assert_int_eq(rewriter_users(s.r, tanh->out[0])->count, 3);
    rewriter_erase(s.r, sigmoid);
    ck_assert(rewriter_is_erased(s.r, sigmoid));
    ck_assert_int_eq(rewriter_users(s.r, tanh->out[0])->count, 2);
    int tensors = s.g->tensors.count;
    rewriter_end(s.r);
    ck_assert_int_eq(s.g->tensors.count, tensors - 1); /* sigmoid's output */
    s.r = rewriter_begin(s.g);
    sample_close(&s, "conv relu tanh add global_avgpool flatten dense ");
}
END_TEST

START_TEST(inserts_and_moves)
{
    Sample s = sample_open();
    Node *tanh = node_of(s.g, "tanh"), *add = node_of(s.g, "add"), *dense = node_of(s.g, "dense");
    Node *copy = rewriter_node(s.r, add, op_find("copy", OP_INTERNAL), NULL, "copy", add->span);
    rewriter_add_input(s.r, copy, tanh->out[0]);
    rewriter_set_input(s.r, add, 0, node_out(s.g, copy, tanh->out[0]->shape));
    ck_assert_ptr_eq(rewriter_only_user(s.r, copy->out[0]), add);
    ck_assert(rewriter_is_before(s.r, tanh, copy));
    ck_assert(!rewriter_is_before(s.r, add, copy));
    /* as an operator's function does: at the end, with node_in */
    Node *late = graph_node(s.g, op_find("copy", OP_INTERNAL), NULL, "late", add->span);
    node_in(s.g, late, tanh->out[0]);
    node_out(s.g, late, tanh->out[0]->shape);
    int users = rewriter_users(s.r, tanh->out[0])->count;
    rewriter_move_after(s.r, late, tanh);
    ck_assert_int_eq(rewriter_users(s.r, tanh->out[0])->count, users + 1);
    Node *front = graph_node(s.g, op_find("copy", OP_INTERNAL), NULL, "front", add->span);
    node_in(s.g, front, s.g->inputs.at[0]);
    node_out(s.g, front, tanh->out[0]->shape);
    rewriter_move_to_front(s.r, front);
    rewriter_move_before(s.r, dense, dense);
    sample_close(&s, "copy conv relu tanh copy sigmoid copy add global_avgpool flatten dense ");
}
END_TEST

START_TEST(clones)
{
    Sample s = sample_open();
    Node *conv = node_of(s.g, "conv");
    conv->layout = LAYOUT_NHWC;
    conv->out[0]->layout = LAYOUT_NHWC;
    conv->scale = 3;
    Node *copy = rewriter_clone(s.r, conv, NULL);
    ck_assert_ptr_eq(copy->op, conv->op);
    ck_assert_ptr_eq(copy->attrs, conv->attrs);
    ck_assert_ptr_eq(copy->origin, copy);
    ck_assert_int_eq(copy->stream, conv->stream);
    ck_assert_int_eq(copy->layout, LAYOUT_NHWC);
    ck_assert_int_eq(copy->data_count, conv->data_count);
    ck_assert_double_eq(copy->scale, 3);
    ck_assert_int_eq(copy->in_count + copy->out_count, 0);
    ck_assert_int_ne(copy->id, conv->id);
    for (int i = 0; i < conv->in_count; i++) rewriter_add_input(s.r, copy, conv->in[i]);
    const Tensor *t = rewriter_clone_output(s.r, copy, conv->out[0]);
    ck_assert(shape_equal(t->shape, conv->out[0]->shape));
    ck_assert_int_eq(t->layout, LAYOUT_NHWC);
    ck_assert_ptr_eq(t->producer, copy);
    sample_close(&s, UNCHANGED "conv ");
}
END_TEST

START_TEST(replaces)
{
    Sample s = sample_open();
    Node *sigmoid = node_of(s.g, "sigmoid"), *add = node_of(s.g, "add");
    Tensor *sum = add->out[0];
    rewriter_replace(s.r, add, sigmoid);
    ck_assert_ptr_eq(sigmoid->out[0], sum);
    ck_assert_ptr_eq(sum->producer, sigmoid);
    sample_close(&s, "conv relu tanh sigmoid global_avgpool flatten dense ");
}
END_TEST

/* ---- which gradients are split ------------------------------------------------------------ */

/* Updates of the dense layer's weight, 4,800,000 elements. */
static int count_updates(const Op *optimizer)
{
    Compilation *c = compilation_new();
    TrainSpec *spec = NULL;
    Graph *net = net_of_text(c,
                             "net t { input(2400) dense(2000, bias=no) }\n"
                             "train t { optimizer adam(1e-3) batch 2 }\n",
                             &spec);
    if (optimizer) spec->optimizer.op = optimizer;
    Graph *g = program_build(net, PROGRAM_STEP, spec, 2, 1);
    pass_gradient_splitting(g);
    int count = 0;
    for (int i = 0; i < g->nodes.count; i++) count += ((const Node *)g->nodes.at[i])->op->class == OP_OPTIMIZER;
    compilation_free(c);
    return count;
}

START_TEST(splits_elementwise_updates_alone)
{
    ck_assert_int_gt(count_updates(NULL), 1);
    Op layerwise = *op_find("adam", OP_OPTIMIZER); /* like LARS, whose step needs the norm of all of it */
    layerwise.traits &= ~(unsigned)OP_SPLITTABLE;
    ck_assert_int_eq(count_updates(&layerwise), 1);
}
END_TEST

/* nadam keeps one number for a parameter, lamb and muon need norms of all of it. */
static bool needs_whole(const Op *op)
{
    static const char *const whole[] = {"nadam", "lamb", "muon"};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (strcmp(op->name, whole[i]) == 0) return true;
    return false;
}

START_TEST(optimizers_say_whether_they_are_elementwise)
{
    int count = 0;
    for (int i = 0; i < op_table_count; i++) {
        const Op *op = op_table[i];
        if (op->class != OP_OPTIMIZER) continue;
        ck_assert_msg(!(op->traits & OP_SPLITTABLE) == needs_whole(op), "%s", op->name);
        count++;
    }
    ck_assert_int_gt(count, 5);
}
END_TEST

Suite *rewrite_suite(void)
{
    Suite *suite = suite_create("rewrite");
    TCase *tests = tcase_create("rewrite");
    tcase_add_test(tests, changes_nothing_unasked);
    tcase_add_test(tests, knows_users);
    tcase_add_test(tests, inserts_and_moves);
    tcase_add_test(tests, clones);
    tcase_add_test(tests, replaces);
    tcase_add_test(tests, splits_elementwise_updates_alone);
    tcase_add_test(tests, optimizers_say_whether_they_are_elementwise);
    suite_add_tcase(suite, tests);
    return suite;
}
