/*
 * maxout: y[c] = the largest of x[c · pieces] … x[c · pieces + pieces − 1]
 * (Goodfellow et al. 2013), over neighbouring channels of an image or features
 * of a vector.
 *
 * NaN wins.  The training form keeps which piece it was, a byte where that is
 * enough, and that one gets the gradient; of equal ones the first.
 */
#include "ops/shared/channels.h"
#include "ops/shared/elementwise.h"

typedef struct MaxoutAttrs {
    int64_t pieces;
} MaxoutAttrs;

static const Attr maxout_attrs[] = {
    {"pieces", ATTR_INT, offsetof(MaxoutAttrs, pieces), NULL, 1, 1e9, NULL},
    {0},
};

static const char *const maxout_training_out[] = {"y", "place", NULL};
static const char *const maxout_gradient_in[] = {"dy", "place", NULL};

static int64_t pieces_of(const Node *n)
{
    const MaxoutAttrs *a = n->attrs;
    return a->pieces;
}

static bool maxout_shape(Graph *g, Node *n)
{
    Shape s = node_shape_in(n);
    int64_t pieces = pieces_of(n);
    if (s.dim[0] % pieces != 0) {
        const char *what = s.rank == 1 ? "features" : "channels";
        diag_error(g->compilation, n->span, "maxout: %lld %s cannot be split into groups of %lld", (long long)s.dim[0],
                   what, (long long)pieces);
        return false;
    }
    s.dim[0] /= pieces;
    node_out(g, n, s);
    return true;
}

static int64_t maxout_flops(const Node *n) { return shape_count(node_shape_in(n)) - shape_count(node_shape_out(n)); }

static void put_maximum(Writer *w, const Node *n, bool keep_place)
{
    Shape out = node_shape_out(n);
    channels_array(w, "x", node_shape_in(n));
    channels_array(w, "y", out);
    channels_bind(w, out);
    writer_bind_int(w, "pieces", pieces_of(n));
    writer_put(w, "for ($int n = 0; n < $N; n++) {\n"
                  "    for ($int c = 0; c < $C; c++) {\n");
    channels_open(w, out);
    writer_put(w, "$real best = @x(n, c * $pieces, $p);");
    if (keep_place) writer_put(w, "$int best_j = 0;");
    writer_put(w, "for ($int j = 1; j < $pieces; j++) {\n"
                  "    const $real v = @x(n, c * $pieces + j, $p);\n"
                  "    if (v > best || v != v) { /* the latter: NaN */\n"
                  "        best = v;\n");
    if (keep_place) writer_put(w, "best_j = j;");
    writer_put(w, "    }\n"
                  "}\n"
                  "@y(n, c, $p) = best;\n");
    if (keep_place) {
        channels_array(w, "place", out);
        writer_bind(w, "type", "%s", dtype_c_type(n->out[1]->dtype));
        writer_put(w, "@place(n, c, $p) = ($type)best_j;");
    }
    channels_close(w, out);
    writer_put(w, "    }\n"
                  "}\n");
}

static void maxout_plain(Writer *w, const Node *n) { put_maximum(w, n, false); }

/* ---- training ---------------------------------------------------------- */

static bool maxout_training_shape(Graph *g, Node *n)
{
    if (!maxout_shape(g, n)) return false;
    node_out_as(g, n, pieces_of(n) <= 256 ? DTYPE_U8 : DTYPE_I32, true, node_shape_out(n));
    return true;
}

static void maxout_training_plain(Writer *w, const Node *n) { put_maximum(w, n, true); }

static void maxout_grad_plain(Writer *w, const Node *n)
{
    Shape s = n->in[0]->shape;
    channels_array(w, "dy", s);
    channels_array(w, "place", s);
    channels_array(w, "dx", node_shape_out(n));
    channels_bind(w, s);
    writer_bind_int(w, "pieces", pieces_of(n));
    writer_put(w, "for ($int n = 0; n < $N; n++) {\n"
                  "    for ($int c = 0; c < $C; c++) {\n"
                  "        for ($int j = 0; j < $pieces; j++) {\n");
    channels_open(w, s);
    writer_put(w, "@dx(n, c * $pieces + j, $p) = @place(n, c, $p) == j ? @dy(n, c, $p) : 0;");
    channels_close(w, s);
    writer_put(w, "        }\n"
                  "    }\n"
                  "}\n");
}

static const Op maxout_gradient = {
    .name = "maxout.grad",
    .class = OP_INTERNAL,
    .in = maxout_gradient_in,
    .out = gradient_out,
    .plain = maxout_grad_plain,
};

static void maxout_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &maxout_gradient); }

static const Op maxout_training = {
    .name = "maxout.training",
    .class = OP_INTERNAL,
    .attrs = maxout_attrs,
    .attrs_size = sizeof(MaxoutAttrs),
    .in = elementwise_in,
    .out = maxout_training_out,
    .shape = maxout_training_shape,
    .flops = maxout_flops,
    .grad = maxout_grad,
    .plain = maxout_training_plain,
};

const Op op_maxout = {
    .name = "maxout",
    .summary = "maximum over groups of neighbouring channels or features",
    .formula = "y[c] = max_j x[c * pieces + j]",
    .class = OP_LAYER,
    .attrs = maxout_attrs,
    .attrs_size = sizeof(MaxoutAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = maxout_shape,
    .flops = maxout_flops,
    .training = &maxout_training,
    .plain = maxout_plain,
};
