/* Liveness: what shares memory, and how long it is in use. */
#include <check.h>

#include "graph/liveness.h"
#include "nets.h"

/* A sum over micro-batches is read by slices alone; it is live until the last of them is read. */
START_TEST(slices_keep_their_tensor)
{
    Compilation *c = compilation_new();
    Graph *g = graph_new(c, "t", PROGRAM_INFER);
    const Op *copy = op_find("copy", OP_INTERNAL);
    Tensor *x = graph_tensor(g, TENSOR_INPUT, DTYPE_F32, false, shape_vector(8), "x", span_nowhere());
    Node *first = graph_node(g, copy, NULL, "first", span_nowhere());
    node_in(g, first, x);
    Tensor *whole = node_out_as(g, first, DTYPE_F32, false, shape_vector(8));
    Node *other = graph_node(g, copy, NULL, "other", span_nowhere());
    node_in(g, other, x);
    node_out_as(g, other, DTYPE_F32, false, shape_vector(8));
    Node *last = graph_node(g, copy, NULL, "last", span_nowhere());
    node_in(g, last, graph_slice(g, whole, 4, 4));
    node_out_as(g, last, DTYPE_F32, false, shape_vector(4));

    ExecSchedule s = exec_schedule_of(g, c->arena);
    Liveness l = liveness_new(g, c->arena);
    liveness_compute(&l, &s);
    ck_assert_int_eq(l.root[last->in[0]->id], whole->id);
    ck_assert_int_eq(l.first[whole->id], 0);
    ck_assert_int_eq(l.last[whole->id], 2);
    int64_t live[3];
    liveness_add_up(&l, &s, liveness_sizes(g, c->arena), live);
    ck_assert_int_eq(live[0], PLAN_ALIGN);
    ck_assert_int_eq(live[1], 2 * PLAN_ALIGN);
    ck_assert_int_eq(live[2], 2 * PLAN_ALIGN);
    compilation_free(c);
}
END_TEST

Suite *liveness_suite(void)
{
    Suite *suite = suite_create("liveness");
    TCase *tests = tcase_create("liveness");
    tcase_add_test(tests, slices_keep_their_tensor);
    suite_add_tcase(suite, tests);
    return suite;
}
