/*
 * cross_entropy: −log of the probability that softmax of the scores gives to the
 * class, taken from the scores: with l[c] = log Σ_k exp(s[k]) − s[c],
 *
 *   L = Σ_n ((1 − e) · w[t] · l[t] + e/C · Σ_c w[c] · l[c]) / Σ_n w[t]
 *
 * where t is the class of sample n, or of a pixel n where the scores are images, w the
 * weights of the classes (all 1 where none are given) and e the smoothing (Szegedy et
 * al. 2016), as in PyTorch.  What has the class `ignore_index`, or one that is not
 * 0 … C − 1, is left out; when all are, L = 0.
 *
 *   with p = softmax(s):
 *   ds[c] = ((1 − e) · w[t] · (p[c] − [c = t]) + e/C · (p[c] · Σ_k w[k] − w[c])) / Σ_n w[t]
 *
 * With targets=probabilities the target has a probability q[c] of every class, and with
 * r[c] = w[c] · ((1 − e) · q[c] + e/C)
 *
 *   L = Σ_n Σ_c r[c] · l[c] / N,   N the samples, or pixels
 *   ds[c] = (p[c] · Σ_k r[k] − r[c]) / N
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
    int64_t ignore_index;
    int targets;
} CrossEntropyAttrs;

enum { TARGETS_CLASSES, TARGETS_PROBABILITIES };

static const char *const cross_entropy_targets[] = {"classes", "probabilities", NULL};

static const Attr cross_entropy_attrs[] = {
    {"weights", ATTR_REALS, offsetof(CrossEntropyAttrs, weights), "[]", 0, 0, NULL},
    {"smoothing", ATTR_REAL, offsetof(CrossEntropyAttrs, smoothing), "0", 0, 1, NULL},
    {"ignore_index", ATTR_INT, offsetof(CrossEntropyAttrs, ignore_index), "-100", INT32_MIN, INT32_MAX, NULL},
    {"targets", ATTR_SYMBOL, offsetof(CrossEntropyAttrs, targets), "classes", 0, 0, cross_entropy_targets},
    {0},
};

static const char *const cross_entropy_absorbs[] = {"softmax", "log_softmax", NULL};

static bool weights_fit(Graph *g, const Node *n)
{
    const CrossEntropyAttrs *a = n->attrs;
    int64_t classes = node_shape_in(n).dim[0];
    double sum = 0;
    if (a->weights.count != 0 && a->weights.count != classes) {
        diag_error(g->compilation, n->span, "cross_entropy: there are %lld classes, but %d in `weights`",
                   (long long)classes, a->weights.count);
        return false;
    }
    for (int i = 0; i < a->weights.count; i++) {
        sum += a->weights.at[i];
        if (a->weights.at[i] >= 0) continue;
        diag_error(g->compilation, n->span, "cross_entropy: the weight of class %d is %g; it must be 0 or more", i,
                   a->weights.at[i]);
        return false;
    }
    if (a->weights.count && sum == 0)
        diag_error(g->compilation, n->span, "cross_entropy: the weights of all classes are 0");
    return !a->weights.count || sum > 0;
}

static bool is_soft(const Node *n)
{
    const CrossEntropyAttrs *a = n->attrs;
    return a->targets == TARGETS_PROBABILITIES;
}

static bool cross_entropy_shape(Graph *g, Node *n)
{
    const CrossEntropyAttrs *a = n->attrs;
    if (is_soft(n) && a->ignore_index != LOSS_IGNORED) {
        diag_error(g->compilation, n->span,
                   "cross_entropy: ignore_index=%lld is a class, but the targets are probabilities; leave it out, or "
                   "set targets=classes",
                   (long long)a->ignore_index);
        return false;
    }
    return loss_classes_shape(g, n) && weights_fit(g, n);
}

static LossTarget cross_entropy_target(const void *attrs, Shape scores)
{
    const CrossEntropyAttrs *a = attrs;
    if (a->targets == TARGETS_PROBABILITIES) return (LossTarget){.shape = scores};
    LossTarget target = loss_classes_target(attrs, scores);
    target.ignored = a->ignore_index;
    return target;
}

static int64_t cross_entropy_flops(const Node *n)
{
    const CrossEntropyAttrs *a = n->attrs;
    return loss_cost(n, a->smoothing > 0 || is_soft(n) ? 7 : 4);
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
                  "    all -= $each(@scores(n, c, $p) - top - log_sum);\n"
                  "}\n"
                  "total += $share * all - $keep * $own(@scores(n, t, $p) - top - log_sum);\n");
}

static void put_of_classes(Writer *w, const Node *n)
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
        writer_put(w, "total -= $own(@scores(n, t, $p) - top - log_sum);");
    }
    loss_classes_close(w, n);
}

/* $r: w[c] times the probability of class c after smoothing; binds the arrays by place, too. */
static void bind_soft(Writer *w, const Node *n, Shape scores)
{
    const CrossEntropyAttrs *a = n->attrs;
    bool weighted = a->weights.count > 0;
    writer_bind_int(w, "places", places_of(scores));
    channels_bind(w, scores);
    channels_array(w, "scores", scores);
    channels_array(w, "target", scores);
    writer_bind_real(w, "keep", 1 - a->smoothing);
    writer_bind_real(w, "share", a->smoothing / (double)channels_of(scores));
    if (weighted) constants_put(w, "class_weight", &a->weights);
}

/* The line that declares r, for class c of place p. */
static void put_soft_target(Writer *w, const Node *n)
{
    const CrossEntropyAttrs *a = n->attrs;
    bool weighted = a->weights.count > 0;
    if (a->smoothing > 0)
        writer_put(w, weighted ? "const $real r = class_weight[c] * ($keep * @target(n, c, $p) + $share);"
                               : "const $real r = $keep * @target(n, c, $p) + $share;");
    else
        writer_put(w, weighted ? "const $real r = class_weight[c] * @target(n, c, $p);"
                               : "const $real r = @target(n, c, $p);");
}

static void put_of_probabilities(Writer *w, const Node *n)
{
    Shape s = node_shape_in(n);
    bind_soft(w, n, s);
    loss_bind_total(w, n);
    writer_put(w, "$real total = 0;\n"
                  "for ($int n = 0; n < $count; n++) {\n");
    channels_open(w, s);
    channels_top(w, "scores", s);
    channels_log_sum(w, "scores", s);
    writer_put(w, "for ($int c = 0; c < $C; c++) {");
    put_soft_target(w, n);
    writer_put(w, "total -= r * (@scores(n, c, $p) - top - log_sum);\n"
                  "}\n");
    channels_close(w, s);
    writer_put(w, "}");
    writer_put(w, places_of(s) == 1 ? "loss[0] = $total / $all;" : "loss[0] = $total / ($all * $places);");
}

static void cross_entropy_plain(Writer *w, const Node *n)
{
    if (is_soft(n))
        put_of_probabilities(w, n);
    else
        put_of_classes(w, n);
}

/* ---- its gradient ------------------------------------------------------ */

static double sum_of_weights(const Node *n)
{
    const CrossEntropyAttrs *a = n->attrs;
    if (a->weights.count == 0) return (double)channels_of(node_shape_in(n));
    double sum = 0;
    for (int i = 0; i < a->weights.count; i++) sum += a->weights.at[i];
    return sum;
}

static void put_derivatives(Writer *w, const Node *n)
{
    const CrossEntropyAttrs *a = n->attrs;
    bool weighted = a->weights.count > 0;
    writer_bind_real(w, "keep", 1 - a->smoothing);
    writer_bind_real(w, "share", a->smoothing / (double)channels_of(node_shape_in(n)));
    writer_bind_real(w, "weights", sum_of_weights(n));
    writer_bind(w, "one", weighted ? "class_weight[c]" : "1");
    writer_bind(w, "times", "%s", weighted ? " * class_weight[t]" : "");
    bool smooth = a->smoothing > 0;
    writer_put(w, smooth ? "const $real hit = part * $keep$times;" : "const $real hit = part$times;");
    writer_put(w, "for ($int c = 0; c < $C; c++) {\n"
                  "    const $real share = @dscores(n, c, $p) / sum;\n");
    writer_put(w, smooth ? "@dscores(n, c, $p) = hit * share + $share * part * (share * $weights - $one);"
                         : "@dscores(n, c, $p) = hit * share;");
    writer_put(w, "}\n"
                  "@dscores(n, t, $p) -= hit;\n");
}

/* sum, and @dscores[c] = exp(s[c] − top): place by place, scores are read before dscores are
 * written, so they may be one. */
static void put_exponentials(Writer *w)
{
    writer_put(w, "$real sum = 0;\n"
                  "for ($int c = 0; c < $C; c++) {\n"
                  "    @dscores(n, c, $p) = $exp(@scores(n, c, $p) - top);\n"
                  "    sum += @dscores(n, c, $p);\n"
                  "}\n");
}

static void put_gradient_of_classes(Writer *w, const Node *n)
{
    put_weights(w, n);
    loss_classes_open_gradient(w, n, weight_text(n));
    channels_top(w, "scores", node_shape_in(n));
    put_exponentials(w);
    put_derivatives(w, n);
    loss_classes_close_gradient(w, n);
}

static void put_gradient_of_probabilities(Writer *w, const Node *n)
{
    Shape s = node_shape_in(n);
    bind_soft(w, n, s);
    channels_array(w, "dscores", s);
    writer_put(w, places_of(s) == 1 ? "const $real part = $scale / $all;"
                                    : "const $real part = $scale / ($all * $places);");
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    channels_open(w, s);
    channels_top(w, "scores", s);
    writer_put(w, "$real whole = 0;\n"
                  "for ($int c = 0; c < $C; c++) {\n");
    put_soft_target(w, n);
    writer_put(w, "whole += r;\n"
                  "}\n");
    put_exponentials(w);
    writer_put(w, "for ($int c = 0; c < $C; c++) {");
    put_soft_target(w, n);
    writer_put(w, "@dscores(n, c, $p) = part * (@dscores(n, c, $p) / sum * whole - r);\n"
                  "}\n");
    channels_close(w, s);
    writer_put(w, "}");
}

static void cross_entropy_grad_plain(Writer *w, const Node *n)
{
    if (is_soft(n))
        put_gradient_of_probabilities(w, n);
    else
        put_gradient_of_classes(w, n);
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
    .summary = "cross entropy of scores against classes, or probabilities",
    .formula = "L = mean(log(sum_k exp(s[k])) - s[t])",
    .class = OP_LOSS,
    .meaning = OUTPUT_LOGITS,
    .target = cross_entropy_target,
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
