/*
 * dropout: while training, an element becomes 0 with probability p (Srivastava
 * et al. 2014).
 *
 *   scale=train   training: y = x / (1 − p) or 0;  inference: y = x, a view
 *   scale=test    training: y = x or 0;            inference: y = (1 − p) · x
 *
 * The training form keeps a byte per element that says which survived; a dropped
 * element is 0 whatever it was (PyTorch multiplies by 0, and keeps a NaN or an
 * infinity as NaN).  With p = 1 all are dropped.
 */
#include "ops/shared/elementwise.h"

typedef struct DropoutAttrs {
    double p;
    int scale;
} DropoutAttrs;

enum { SCALE_TRAIN, SCALE_TEST };

static const char *const dropout_scales[] = {"train", "test", NULL};

static const Attr dropout_attrs[] = {
    {"p", ATTR_REAL, offsetof(DropoutAttrs, p), "0.5", 0, 1, NULL},
    {"scale", ATTR_SYMBOL, offsetof(DropoutAttrs, scale), "train", 0, 0, dropout_scales},
    {0},
};

static const char *const dropout_training_out[] = {"y", "mask", NULL};
static const char *const dropout_gradient_in[] = {"dy", "mask", NULL};

/* ---- training ---------------------------------------------------------- */

static bool dropout_training_shape(Graph *g, Node *n)
{
    node_out(g, n, n->in[0]->shape);
    node_out_as(g, n, DTYPE_U8, true, n->in[0]->shape);
    return true;
}

/* "value" or "factor * value" of a survivor, else 0. */
static void put_survivors(Writer *w, const Node *n, const char *lines)
{
    const DropoutAttrs *a = n->attrs;
    bool scaled = a->scale == SCALE_TRAIN && a->p > 0 && a->p < 1;
    writer_bind(w, "factor", "%s%s", scaled ? writer_real(w, 1 / (1 - a->p)) : "", scaled ? " * " : "");
    writer_bind_real(w, "p", a->p);
    elementwise_lines(w, n, lines);
}

static void dropout_training_plain(Writer *w, const Node *n)
{
    put_survivors(w, n,
                  "@mask(k) = $uniform($seed, k) >= $p;\n"
                  "$y = @mask(k) ? $factor$x : 0;\n");
}

static void dropout_grad_plain(Writer *w, const Node *n) { put_survivors(w, n, "$dx = @mask(k) ? $factor$dy : 0;\n"); }

/* $factor of a survivor. */
static void bind_factor(Writer *w, const Node *n)
{
    const DropoutAttrs *a = n->attrs;
    bool scaled = a->scale == SCALE_TRAIN && a->p > 0 && a->p < 1;
    writer_bind_real(w, "factor", scaled ? 1 / (1 - a->p) : 1);
}

static void dropout_training_emit(Writer *w, const Node *n)
{
    bind_factor(w, n);
    writer_bind_real(w, "p", ((const DropoutAttrs *)n->attrs)->p);
    elementwise_emit_params(w, n, "nn_dropout",
                            "const nn_dropout_params params = {.p = $p, .factor = $factor, .seed = $seed};");
}

static void dropout_grad_emit(Writer *w, const Node *n)
{
    bind_factor(w, n);
    elementwise_emit(w, n, "nn_dropout_grad", "$factor, ");
}

static const Variant dropout_gradient_variants[] = {
    {.name = "simd",
     .layouts = IN_NCHW,
     .dtypes = OF_F32 | OF_BF16,
     .traits = VARIANT_ANY_BATCH,
     .emit = dropout_grad_emit,
     .kernel = "dropout"},
    {0},
};

static const Op dropout_gradient = {
    .name = "dropout.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = dropout_gradient_in,
    .out = gradient_out,
    .plain = dropout_grad_plain,
    .variants = dropout_gradient_variants,
};

static void dropout_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &dropout_gradient); }

static const Variant dropout_training_variants[] = {
    {.name = "simd",
     .layouts = IN_NCHW,
     .dtypes = OF_F32 | OF_BF16,
     .emit = dropout_training_emit,
     .kernel = "dropout"},
    {0},
};

static const Op dropout_training = {
    .name = "dropout.training",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .uses = USES_SEED,
    .attrs = dropout_attrs,
    .attrs_size = sizeof(DropoutAttrs),
    .in = elementwise_in,
    .out = dropout_training_out,
    .shape = dropout_training_shape,
    .grad = dropout_grad,
    .plain = dropout_training_plain,
    .variants = dropout_training_variants,
};

/* ---- inference --------------------------------------------------------- */

static const Op dropout_view = {
    .name = "dropout",
    .summary = "drops elements while training",
    .formula = "y = x",
    .class = OP_LAYER,
    .traits = OP_VIEW,
    .attrs = dropout_attrs,
    .attrs_size = sizeof(DropoutAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .training = &dropout_training,
};

/* Where inference changes nothing, the node becomes a view. */
static bool dropout_shape(Graph *g, Node *n)
{
    const DropoutAttrs *a = n->attrs;
    if (a->scale == SCALE_TRAIN || a->p == 0) n->op = &dropout_view;
    return elementwise_shape(g, n);
}

static void dropout_plain(Writer *w, const Node *n)
{
    const DropoutAttrs *a = n->attrs;
    writer_bind_real(w, "keep", 1 - a->p);
    elementwise_forward(w, n, "$keep * $x");
}

const Op op_dropout = {
    .name = "dropout",
    .summary = "drops elements while training",
    .formula = "y = x / (1 - p) with probability 1 - p, else 0; at inference y = x",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .attrs = dropout_attrs,
    .attrs_size = sizeof(DropoutAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = dropout_shape,
    .training = &dropout_training,
    .plain = dropout_plain,
};
