/*
 * lrn: local response normalisation across channels, PyTorch's LocalResponseNorm
 * (Krizhevsky, Sutskever and Hinton 2012).
 *
 *   d[c] = k + alpha / size · Σ x[j]²,  j from c − size/2 to c + (size − 1)/2, inside the image
 *   y[c] = x[c] · d[c]^(−beta)
 *   dx[j] = dy[j] · d[j]^(−beta) − 2·alpha·beta/size · x[j] · Σ_c dy[c] · y[c] / d[c],
 *           c from j − (size − 1)/2 to j + size/2
 *
 * The sum is divided by `size` even at the first and last channels.  alpha and k
 * are not negative, so that d has a power.  Backward needs x alone: it computes d
 * again, pixel by pixel.
 */
#include "autodiff/backward.h"
#include "ops/shared/window.h"

typedef struct LrnAttrs {
    int64_t size;
    double alpha, beta, k;
} LrnAttrs;

static const Attr lrn_attrs[] = {
    {"size", ATTR_INT, offsetof(LrnAttrs, size), "5", 1, 1e9, NULL},
    {"alpha", ATTR_REAL, offsetof(LrnAttrs, alpha), "1e-4", 0, 1e30, NULL},
    {"beta", ATTR_REAL, offsetof(LrnAttrs, beta), "0.75", 0, 0, NULL},
    {"k", ATTR_REAL, offsetof(LrnAttrs, k), "1", 0, 1e30, NULL},
    {0},
};

static const char *const lrn_in[] = {"x", NULL};
static const char *const lrn_out[] = {"y", NULL};
static const char *const lrn_dx_in[] = {"dy", "x", NULL};
static const char *const lrn_dx_out[] = {"dx", NULL};

static bool lrn_shape(Graph *g, Node *n)
{
    if (!window_takes_image(g, n)) return false;
    node_out(g, n, node_shape_in(n));
    return true;
}

/* Squares and their sum, one multiplication and addition, one power and a product. */
static int64_t lrn_flops(const Node *n)
{
    const LrnAttrs *a = n->attrs;
    int64_t size = a->size < node_shape_in(n).dim[0] ? a->size : node_shape_in(n).dim[0];
    return shape_count(node_shape_in(n)) * (2 * size + 4);
}

static void bind_lrn_sizes(Writer *w, const Node *n)
{
    const LrnAttrs *a = n->attrs;
    Shape s = node_shape_in(n);
    writer_bind_int(w, "C", s.dim[0]);
    writer_bind_int(w, "P", s.dim[1] * s.dim[2]);
    writer_bind_real(w, "share", a->alpha / (double)a->size);
    writer_bind_real(w, "twice", 2 * a->alpha * a->beta / (double)a->size);
    writer_bind_real(w, "exponent", -a->beta);
    writer_bind_real(w, "k", a->k);
}

/* Declares first and last: the channels from c − before up to c + after that exist. */
static void put_neighbours(Writer *w, int64_t before, int64_t after, int64_t channels)
{
    int64_t most = channels - 1;
    writer_bind_int(w, "before", before < most ? before : most);
    writer_bind_int(w, "after", after < most ? after : most);
    writer_put(w, "const $int first = c < $before ? 0 : c - $before;\n"
                  "const $int last = c + $after < $C ? c + $after : $C - 1;\n");
}

/* Declares d of channel c at pixel p. */
static void put_divisor(Writer *w, const Node *n)
{
    const LrnAttrs *a = n->attrs;
    put_neighbours(w, a->size / 2, (a->size - 1) / 2, node_shape_in(n).dim[0]);
    writer_put(w, "$real sum = 0;\n"
                  "for ($int j = first; j <= last; j++) {\n"
                  "    sum += x[(n * $C + j) * $P + p] * x[(n * $C + j) * $P + p];\n"
                  "}\n"
                  "const $real d = $k + $share * sum;\n");
}

static void lrn_plain(Writer *w, const Node *n)
{
    bind_lrn_sizes(w, n);
    writer_put(w, "for ($int n = 0; n < $N; n++) {\n"
                  "for ($int c = 0; c < $C; c++) {\n"
                  "for ($int p = 0; p < $P; p++) {\n");
    put_divisor(w, n);
    writer_put(w, "y[(n * $C + c) * $P + p] = x[(n * $C + c) * $P + p] * $pow(d, $exponent);\n"
                  "}\n}\n}\n");
}

static void lrn_dx_plain(Writer *w, const Node *n)
{
    const LrnAttrs *a = n->attrs;
    bind_lrn_sizes(w, n);
    writer_put(w, "$real power[$C]; /* d^(-beta) of each channel at one pixel */\n"
                  "$real ratio[$C]; /* dy * y / d */\n"
                  "for ($int n = 0; n < $N; n++) {\n"
                  "for ($int p = 0; p < $P; p++) {\n"
                  "for ($int c = 0; c < $C; c++) {\n");
    put_divisor(w, n);
    writer_put(w, "const $int at = (n * $C + c) * $P + p;\n"
                  "power[c] = $pow(d, $exponent);\n"
                  "ratio[c] = dy[at] * x[at] * power[c] / d;\n"
                  "}\n"
                  "for ($int c = 0; c < $C; c++) {\n");
    put_neighbours(w, (a->size - 1) / 2, a->size / 2, node_shape_in(n).dim[0]);
    writer_put(w, "$real sum = 0;\n"
                  "for ($int j = first; j <= last; j++) {\n"
                  "    sum += ratio[j];\n"
                  "}\n"
                  "const $int at = (n * $C + c) * $P + p;\n"
                  "dx[at] = dy[at] * power[c] - $twice * x[at] * sum;\n"
                  "}\n}\n}\n");
}

/* ---- fast form: runtime/kernels/norm/lrn.h ---------------------------------- */

enum { LRN_WINDOW_MAX = 1 << 20 }; /* of planar images: an int */

static const char *lrn_refusal(const Node *n, int64_t size)
{
    const LrnAttrs *a = n->attrs;
    if (a->beta == 0) return "beta is 0";
    if (a->size > size) return "the window is too large";
    return node_shape_in(n).dim[0] > NN_LRN_CHANNELS ? "too many channels" : NULL;
}

static const char *lrn_refusal_nhwc(const Node *n) { return lrn_refusal(n, NN_LRN_WINDOW); }
static const char *lrn_refusal_nchw(const Node *n) { return lrn_refusal(n, LRN_WINDOW_MAX); }

static void call_lrn(Writer *w, const Node *n, const char *call)
{
    const LrnAttrs *a = n->attrs;
    bind_lrn_sizes(w, n);
    writer_bind_int(w, "size", a->size);
    writer_bind_real(w, "beta", a->beta);
    writer_put(w, "static const nn_lrn size = {.c = $C, .p = $P, .size = $size, .share = $share, "
                  ".twice = $twice, .beta = $beta, .k = $k};");
    writer_put(w, call);
}

static void lrn_emit(Writer *w, const Node *n)
{
    call_lrn(w, n,
             n->layout == LAYOUT_NHWC ? "nn_lrn_nhwc(&size, $N, x, y, $t, $T);"
                                      : "nn_lrn_forward(&size, $N, x, y, $t, $T);");
}

static void lrn_dx_emit(Writer *w, const Node *n)
{
    call_lrn(w, n,
             n->layout == LAYOUT_NHWC ? "nn_lrn_nhwc_dx(&size, $N, dy, x, dx, $t, $T);"
                                      : "nn_lrn_dx(&size, $N, dy, x, dx, $t, $T);");
}

static const Variant lrn_dx_variants[] = {
    {.name = "nchw",
     .layouts = IN_NCHW,
     .traits = VARIANT_ANY_BATCH,
     .refuses = lrn_refusal_nchw,
     .emit = lrn_dx_emit,
     .kernel = "lrn"},
    {.name = "nhwc",
     .layouts = IN_NHWC,
     .traits = VARIANT_ANY_BATCH,
     .refuses = lrn_refusal_nhwc,
     .emit = lrn_dx_emit,
     .kernel = "lrn"},
    {0},
};

static const Op lrn_dx = {
    .name = "lrn.dx",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = lrn_dx_in,
    .out = lrn_dx_out,
    .plain = lrn_dx_plain,
    .variants = lrn_dx_variants,
};

static void lrn_grad(Backward *b, const Node *n)
{
    if (!backward_wants(b, n->in[0])) return;
    Graph *g = backward_graph(b);
    Node *d = backward_node(b, &lrn_dx, n);
    node_in(g, d, backward_of(b, n->out[0]));
    node_in(g, d, n->in[0]);
    backward_give(b, n->in[0], node_out(g, d, node_shape_in(n)));
}

static const Variant lrn_variants[] = {
    {.name = "nchw",
     .layouts = IN_NCHW,
     .traits = VARIANT_ANY_BATCH,
     .refuses = lrn_refusal_nchw,
     .emit = lrn_emit,
     .kernel = "lrn"},
    {.name = "nhwc",
     .layouts = IN_NHWC,
     .traits = VARIANT_ANY_BATCH,
     .refuses = lrn_refusal_nhwc,
     .emit = lrn_emit,
     .kernel = "lrn"},
    {0},
};

const Op op_lrn = {
    .name = "lrn",
    .summary = "local response normalisation across channels",
    .formula = "y[c] = x[c] / (k + alpha / size * sum_j x[j]^2)^beta",
    .class = OP_LAYER,
    .attrs = lrn_attrs,
    .attrs_size = sizeof(LrnAttrs),
    .in = lrn_in,
    .out = lrn_out,
    .shape = lrn_shape,
    .flops = lrn_flops,
    .grad = lrn_grad,
    .plain = lrn_plain,
    .variants = lrn_variants,
};
