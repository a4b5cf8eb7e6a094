/*
 * Sums of gradients over several batches, which the caller keeps: gradient accumulation.
 *
 * Enters: a gradient (GRAD_ADD), or a net (UPDATE).  Leaves: a node that adds the gradient to its
 * parameter's sum; nodes that make means of the sums, in place, for the update.
 *
 *   sum[p] += dL/dp        for each batch; of a chunk of a batch: sum[p] = dL/dp
 *   gradient[p] = sum[p] / batches
 */
#include "autodiff/program_parts.h"

static Tensor *new_sum(Build *b, Shape shape, const char *name, Tensor *of)
{
    Tensor *sum = graph_tensor(b->graph, TENSOR_GRADIENT_SUM, b->graph->real, false, shape, name, b->net->span);
    sum->model = of;
    return sum;
}

void build_add_to_sum(Build *b, Tensor *param, Tensor *gradient)
{
    const char *op =
        b->graph->kind == PROGRAM_GRAD_CHUNK ? "assign" : "accumulate"; /* a chunk has a block of its own */
    Node *n = graph_node(b->graph, op_find(op, OP_INTERNAL), NULL, param->name, param->span);
    node_in(b->graph, n, gradient);
    node_in(b->graph, n, new_sum(b, param->shape, param->name, param->model));
    n->op->shape(b->graph, n);
}

/* The sum becomes the mean. */
static void divide(Build *b, Tensor *param, Tensor *sum, Tensor *batches)
{
    Node *n = graph_node(b->graph, op_find("average", OP_INTERNAL), NULL, param->name, param->span);
    node_in(b->graph, n, sum);
    node_in(b->graph, n, batches);
    n->op->shape(b->graph, n);
}

void build_mean_gradients(Build *b, const List *gradients, void (*is_final)(Build *, Tensor *param, Tensor *gradient))
{
    Tensor *batches = new_sum(b, shape_vector(1), "batches", NULL);
    for (int i = 0; i < gradients->count; i++) {
        const ParamGrad *pair = gradients->at[i];
        Tensor *param = build_copy(b, pair->param->model);
        Tensor *sum = new_sum(b, param->shape, param->name, param->model);
        divide(b, param, sum, batches);
        is_final(b, param, sum);
    }
}
