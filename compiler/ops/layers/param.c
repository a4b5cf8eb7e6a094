/*
 * param: a learned tensor as a value, PyTorch's nn.Parameter; the same for all samples.
 *
 *   y[n] = value;   dvalue = Σ_n dy[n]
 *
 * It has no input and takes the layer's name as it is: param(1x192) as cls_token is the parameter
 * cls_token.
 */
#include "autodiff/backward.h"
#include "ops/shared/elementwise.h"
#include "ops/shared/region.h"

typedef struct ParamAttrs {
    Shape shape;
    Init init;
} ParamAttrs;

static const Attr param_attrs[] = {
    {"shape", ATTR_SHAPE, offsetof(ParamAttrs, shape), NULL, 1, 1e9, NULL},
    {"init", ATTR_INIT, offsetof(ParamAttrs, init), "zeros", 0, 0, NULL},
    {0},
};

static const char *const param_in[] = {"value", NULL};
static const char *const param_dvalue_out[] = {"dvalue", NULL};

static bool param_shape(Graph *g, Node *n)
{
    node_out(g, n, ((const ParamAttrs *)n->attrs)->shape);
    return true;
}

/* Fans as PyTorch counts them of a tensor [out][in][…]. */
static void param_params(Graph *g, Node *n)
{
    const ParamAttrs *a = n->attrs;
    int64_t fan_in = shape_count(a->shape) / a->shape.dim[0];
    int64_t fan_out = a->shape.rank > 1 ? shape_count(a->shape) / a->shape.dim[1] : a->shape.dim[0];
    node_param(g, n, NULL, a->shape, init_with_fans(a->init, fan_in, fan_out));
}

static void param_plain(Writer *w, const Node *n)
{
    writer_bind_int(w, "elements", shape_count(node_shape_out(n)));
    writer_put(w, "for ($int n = 0; n < $N; n++) {\n"
                  "    for ($int k = 0; k < $elements; k++) {\n"
                  "        y[n * $elements + k] = value[k];\n"
                  "    }\n"
                  "}\n");
}

static void param_dvalue_plain(Writer *w, const Node *n)
{
    writer_bind_int(w, "elements", shape_count(node_shape_out(n)));
    writer_put(w, "for ($int k = 0; k < $elements; k++) {\n"
                  "    $real sum = 0;\n"
                  "    for ($int n = 0; n < $N; n++) {\n"
                  "        sum += dy[n * $elements + k];\n"
                  "    }\n"
                  "    dvalue[k] = sum;\n"
                  "}\n");
}

static const Op param_dvalue = {
    .name = "param.dvalue",
    .class = OP_INTERNAL,
    .in = gradient_in_dy,
    .out = param_dvalue_out,
    .plain = param_dvalue_plain,
};

static void param_grad(Backward *b, const Node *n)
{
    Graph *g = backward_graph(b);
    Tensor *value = n->in[0];
    if (!backward_wants(b, value)) return;
    Node *d = backward_node(b, &param_dvalue, n);
    node_in(g, d, backward_of(b, n->out[0]));
    backward_give(b, value, node_out_as(g, d, g->real, false, value->shape));
}

const Op op_param = {
    .name = "param",
    .summary = "a learned tensor, the same for all samples",
    .formula = "y = value",
    .class = OP_LAYER,
    .traits = OP_SOURCE,
    .attrs = param_attrs,
    .attrs_size = sizeof(ParamAttrs),
    .in = param_in,
    .out = elementwise_out,
    .shape = param_shape,
    .params = param_params,
    .flops = region_no_flops,
    .grad = param_grad,
    .plain = param_plain,
};
