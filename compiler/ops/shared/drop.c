/* Dropping whole channels or samples while training. */
#include "ops/shared/drop.h"

#include "ops/shared/elementwise.h"

const Attr drop_attrs[] = {
    {"p", ATTR_REAL, offsetof(DropAttrs, p), NULL, 0, 1, NULL},
    {0},
};

const char *const drop_training_out[] = {"y", "mask", NULL};
static const char *const drop_gradient_in[] = {"dy", "mask", NULL};

static bool drop_shape(Graph *g, Node *n, int64_t parts)
{
    node_out(g, n, node_shape_in(n));
    node_out_as(g, n, DTYPE_U8, true, shape_vector(parts));
    return true;
}

bool drop_channels_shape(Graph *g, Node *n) { return drop_shape(g, n, node_shape_in(n).dim[0]); }

bool drop_samples_shape(Graph *g, Node *n) { return drop_shape(g, n, 1); }

/* Binds the sizes of x and of the mask, and $factor, "1.25f * " of a survivor. */
static void drop_bind(Writer *w, const Node *n, const Tensor *mask)
{
    const DropAttrs *a = n->attrs;
    bool scaled = a->p > 0 && a->p < 1;
    int64_t parts = shape_count(mask->shape);
    writer_bind(w, "factor", "%s%s", scaled ? writer_real(w, 1 / (1 - a->p)) : "", scaled ? " * " : "");
    writer_bind_real(w, "p", a->p);
    writer_bind_int(w, "parts", parts);
    writer_bind_int(w, "each", shape_count(node_shape_out(n)) / parts);
}

/* A part draws the number of its first element: micro-batches go on by elements of y. */
void drop_training_plain(Writer *w, const Node *n)
{
    drop_bind(w, n, n->out[1]);
    writer_bind(w, "value", "x[k]");
    writer_put(w, "for ($int m = 0; m < $N * $parts; m++) {\n"
                  "    mask[m] = $uniform($seed, m * $each) >= $p;\n"
                  "    for ($int k = m * $each; k < (m + 1) * $each; k++) {\n"
                  "        y[k] = mask[m] ? $factor$value : 0;\n"
                  "    }\n"
                  "}\n");
}

static void drop_grad_plain(Writer *w, const Node *n)
{
    drop_bind(w, n, n->in[1]);
    writer_bind(w, "value", "dy[k]");
    writer_put(w, "for ($int m = 0; m < $N * $parts; m++) {\n"
                  "    for ($int k = m * $each; k < (m + 1) * $each; k++) {\n"
                  "        dx[k] = mask[m] ? $factor$value : 0;\n"
                  "    }\n"
                  "}\n");
}

static const Op drop_gradient = {
    .name = "drop.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = drop_gradient_in,
    .out = gradient_out,
    .plain = drop_grad_plain,
};

void drop_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &drop_gradient); }
