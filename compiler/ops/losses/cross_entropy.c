/*
 * cross_entropy: −log of the probability that softmax of the scores gives to the
 * class, taken from the scores: with l[c] = log Σ_k exp(s[k]) − s[c],
 *
 *   L = Σ_n ((1 − e) · w[t] · l[t] + e/C · Σ_c w[c] · l[c]) / Σ_n w[t]
 *
 * where t is the class of sample n, w the weights of the classes (all 1 where
 * none are given) and e the smoothing (Szegedy et al. 2016), as in PyTorch.  A
 * sample whose class is not 0 … C − 1 is left out; when all are, L = 0.
 *
 *   with p = softmax(s):
 *   ds[c] = ((1 − e) · w[t] · (p[c] − [c = t]) + e/C · (p[c] · Σ_k w[k] − w[c])) / Σ_n w[t]
 *
 * A net that ends in softmax or log_softmax is trained on the scores before it:
 * log(softmax(s)) loses what exp rounds to 0.
 */
#include "ops/shared/channels.h"
#include "ops/shared/constants.h"
#include "ops/shared/losses.h"

typedef struct CrossEntropyAttrs {
    Reals weights;
    double smoothing;
} CrossEntropyAttrs;

static const Attr cross_entropy_attrs[] = {
    {"weights", ATTR_REALS, offsetof(CrossEntropyAttrs, weights), "[]", 0, 0, NULL},
    {"smoothing", ATTR_REAL, offsetof(CrossEntropyAttrs, smoothing), "0", 0, 1, NULL},
    {0},
};

static const char *const cross_entropy_absorbs[] = {"softmax", "log_softmax", NULL};

static bool weights_fit(Graph *g, const Node *n)
{
    const CrossEntropyAttrs *a = n->attrs;
    int64_t classes = node_shape_in(n).dim[0];
    if (a->weights.count != 0 && a->weights.count != classes) {
        diag_error(g->compilation, n->span, "cross_entropy: there are %lld classes, but %d in `weights`",
                   (long long)classes, a->weights.count);
        return false;
    }
    for (int i = 0; i < a->weights.count; i++) {
        if (a->weights.at[i] >= 0) continue;
        diag_error(g->compilation, n->span, "cross_entropy: the weight of class %d is %g; it must be 0 or more", i,
                   a->weights.at[i]);
        return false;
    }
    return true;
}

static bool cross_entropy_shape(Graph *g, Node *n) { return loss_classes_shape(g, n) && weights_fit(g, n); }

static int64_t cross_entropy_flops(const Node *n)
{
    const CrossEntropyAttrs *a = n->attrs;
    return loss_cost(n, a->smoothing > 0 ? 7 : 4);
}

/* Of class t. */
static const char *weight_text(const Node *n)
{
    const CrossEntropyAttrs *a = n->attrs;
    return a->weights.count ? "class_weight[t]" : "1";
}

/* Binds the factors $own of class t and $each
 * of class c, which are not written where there are no weights. */
static void put_weights(Writer *w, const Node *n)
{
    const CrossEntropyAttrs *a = n->attrs;
    bool weighted = a->weights.count > 0;
    writer_bind(w, "own", "%s", weighted ? "class_weight[t] * " : "");
    writer_bind(w, "each", "%s", weighted ? "class_weight[c] * " : "");
    if (weighted) constants_put(w, "class_weight", &a->weights);
}

/* ---- the loss ---------------------------------------------------------- */

static void put_smooth_term(Writer *w, const CrossEntropyAttrs *a, int64_t classes)
{
    writer_bind_real(w, "keep", 1 - a->smoothing);
    writer_bind_real(w, "share", a->smoothing / (double)classes);
    writer_put(w, "$real all = 0;\n"
                  "for ($int c = 0; c < $C; c++) {\n"
                  "    all -= $each(@scores(n, c) - top - log_sum);\n"
                  "}\n"
                  "total += $share * all - $keep * $own(@scores(n, t) - top - log_sum);\n");
}

static void cross_entropy_plain(Writer *w, const Node *n)
{
    const CrossEntropyAttrs *a = n->attrs;
    Shape s = node_shape_in(n);
    put_weights(w, n);
    loss_classes_open(w, n, weight_text(n));
    channels_top(w, "scores", s);
    channels_log_sum(w, "scores", s);
    if (a->smoothing > 0) {
        put_smooth_term(w, a, s.dim[0]);
    } else {
        writer_put(w, "total -= $own(@scores(n, t) - top - log_sum);");
    }
    loss_classes_close(w, n);
}

/* ---- its gradient ------------------------------------------------------ */

static double sum_of_weights(const Node *n)
{
    const CrossEntropyAttrs *a = n->attrs;
    if (a->weights.count == 0) return (double)shape_count(node_shape_in(n));
    double sum = 0;
    for (int i = 0; i < a->weights.count; i++) sum += a->weights.at[i];
    return sum;
}

static void put_derivatives(Writer *w, const Node *n)
{
    const CrossEntropyAttrs *a = n->attrs;
    bool weighted = a->weights.count > 0;
    writer_bind_real(w, "keep", 1 - a->smoothing);
    writer_bind_real(w, "share", a->smoothing / (double)shape_count(node_shape_in(n)));
    writer_bind_real(w, "weights", sum_of_weights(n));
    writer_bind(w, "one", weighted ? "class_weight[c]" : "1");
    writer_bind(w, "times", "%s", weighted ? " * class_weight[t]" : "");
    bool smooth = a->smoothing > 0;
    writer_put(w, smooth ? "const $real hit = part * $keep$times;" : "const $real hit = part$times;");
    writer_put(w, "for ($int c = 0; c < $C; c++) {\n"
                  "    const $real p = @dscores(n, c) / sum;\n");
    writer_put(w, smooth ? "@dscores(n, c) = hit * p + $share * part * (p * $weights - $one);"
                         : "@dscores(n, c) = hit * p;");
    writer_put(w, "}\n"
                  "@dscores(n, t) -= hit;\n");
}

/* Row by row, scores are read before dscores are written: they may be one. */
static void cross_entropy_grad_plain(Writer *w, const Node *n)
{
    put_weights(w, n);
    loss_classes_open_gradient(w, n, weight_text(n));
    channels_top(w, "scores", node_shape_in(n));
    writer_put(w, "$real sum = 0;\n"
                  "for ($int c = 0; c < $C; c++) {\n"
                  "    @dscores(n, c) = $exp(@scores(n, c) - top);\n"
                  "    sum += @dscores(n, c);\n"
                  "}\n");
    put_derivatives(w, n);
    loss_classes_close_gradient(w);
}

static const Op cross_entropy_gradient = {
    .name = "cross_entropy.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = loss_in,
    .out = loss_gradient_out,
    .plain = cross_entropy_grad_plain,
};

static void cross_entropy_grad(Backward *b, const Node *n) { loss_grad(b, n, &cross_entropy_gradient); }

const Op op_cross_entropy = {
    .name = "cross_entropy",
    .summary = "cross entropy of scores against classes",
    .formula = "L = mean(log(sum_k exp(s[k])) - s[t])",
    .class = OP_LOSS,
    .traits = OP_CLASSES,
    .uses = USES_COUNT,
    .attrs = cross_entropy_attrs,
    .attrs_size = sizeof(CrossEntropyAttrs),
    .in = loss_in,
    .out = loss_out,
    .shape = cross_entropy_shape,
    .flops = cross_entropy_flops,
    .absorbs = cross_entropy_absorbs,
    .grad = cross_entropy_grad,
    .plain = cross_entropy_plain,
};
