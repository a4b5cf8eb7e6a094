/* Rows of two domains: who counts, and the gradient of a sum over pairs. */
#include "ops/shared/domains.h"

#include "autodiff/backward.h"
#include "ops/shared/losses.h"

const char *const domains_out[] = {"loss", "pull", "side", "centred", NULL};

LossTarget domains_target(const void *attrs, Shape scores)
{
    (void)attrs, (void)scores;
    return (LossTarget){.domains = true, .shape = shape_vector(1)};
}

void domains_shape(Graph *g, Node *n)
{
    node_out_as(g, n, g->real, false, shape_vector(1));
    node_out_as(g, n, g->real, true, shape_vector(g->batch));
    node_out_as(g, n, g->real, true, shape_vector(1));
}

/* A multiply-add for each element of the differences from the rows before it. */
int64_t domains_flops(const Node *n) { return shape_count(n->out[DOMAINS_PULL]->shape) * loss_cost(n, 1); }

static void bind_rows(Writer *w, const char *name, const Node *n, Shape row)
{
    const int64_t dim[] = {n->out[DOMAINS_PULL]->shape.dim[0], shape_count(row)};
    writer_bind_int(w, "d", shape_count(row));
    writer_bind_array(w, name, name, 2, dim);
}

void domains_open(Writer *w, const Node *n, int spared)
{
    bind_rows(w, "scores", n, node_shape_in(n));
    writer_bind_int(w, "spared", spared);
    writer_put(w, "$int zeros = 0, ones = 0;\n"
                  "for ($int n = 0; n < $count; n++) {\n"
                  "    zeros += target[n] == 0;\n"
                  "    ones += target[n] == 1;\n"
                  "}\n"
                  "for ($int n = 0; n < $N; n++) {\n"
                  "    side[n] = 0;\n"
                  "    if (n < $count && zeros > $spared && ones > $spared) {\n"
                  "        side[n] = target[n] == 0 ? ($real)1 / (zeros - $spared)\n"
                  "                  : target[n] == 1 ? ($real)-1 / (ones - $spared)\n"
                  "                                   : 0;\n"
                  "    }\n"
                  "}\n");
}

/* ---- the gradient ------------------------------------------------------ */

/* What pulls with 0 is not read: a row that is left out may be NaN. */
static void domains_grad_plain(Writer *w, const Node *n)
{
    const int64_t d = shape_count(node_shape_out(n)), rows = node_shape_in(n).dim[0];
    const int64_t dim[] = {rows, d};
    writer_bind_int(w, "d", d);
    writer_bind_array(w, "rows", "rows", 2, dim);
    writer_bind_array(w, "dscores", "dscores", 2, dim);
    writer_put(w, "for ($int i = 0; i < $N; i++) {\n"
                  "    for ($int k = 0; k < $d; k++) {\n"
                  "        @dscores(i, k) = 0;\n"
                  "    }\n"
                  "    for ($int j = 0; j < $N; j++) {\n"
                  "        const $real by = $scale * @pull(i, j);\n"
                  "        if (by == 0) {\n"
                  "            continue;\n"
                  "        }\n"
                  "        for ($int k = 0; k < $d; k++) {\n"
                  "            @dscores(i, k) += by * (@rows(j, k) - @rows(i, k));\n"
                  "        }\n"
                  "    }\n"
                  "}\n");
}

static const char *const domains_gradient_in[] = {"pull", "rows", NULL};

static const Op domains_gradient = {
    .name = "domains.grad",
    .class = OP_INTERNAL,
    .traits = OP_BATCH_COUPLED,
    .in = domains_gradient_in,
    .out = loss_gradient_out,
    .plain = domains_grad_plain,
};

void domains_grad(Backward *b, const Node *n, Tensor *v)
{
    if (!backward_wants(b, n->in[0])) return;
    Graph *g = backward_graph(b);
    Node *d = backward_node(b, &domains_gradient, n);
    node_in(g, d, n->out[DOMAINS_PULL]);
    node_in(g, d, v);
    backward_give(b, n->in[0], node_out(g, d, node_shape_in(n)));
}
