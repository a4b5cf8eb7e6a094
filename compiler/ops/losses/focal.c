/*
 * focal: cross entropy that counts the less, the surer the net is of the class (Lin et al.,
 * "Focal Loss for Dense Object Detection", 2017), of scores and classes: with p the softmax
 * probability of the sample's class t and l = log p,
 *
 *   L = mean of −alpha[t] · (1 − p)^gamma · l
 *   ds[c] = −alpha[t] · ((1 − p)^gamma − gamma · (1 − p)^(gamma − 1) · p · l) · ([c = t] − softmax(s)[c])
 *
 * alpha is one number, or one for each class.  gamma = 0 is cross entropy.  1 − p is taken
 * as −expm1(l), which keeps its digits where p is near 1.
 */
#include "ops/shared/channels.h"
#include "ops/shared/constants.h"
#include "ops/shared/losses.h"

typedef struct FocalAttrs {
    double gamma;
    Reals alpha;
    int64_t ignore_index;
} FocalAttrs;

static const Attr focal_attrs[] = {
    {"gamma", ATTR_REAL, offsetof(FocalAttrs, gamma), "2", 0, 1e6, NULL},
    {"alpha", ATTR_REALS, offsetof(FocalAttrs, alpha), "1", 0, 0, NULL},
    {"ignore_index", ATTR_INT, offsetof(FocalAttrs, ignore_index), "-100", INT32_MIN, INT32_MAX, NULL},
    {0},
};

static const char *const focal_absorbs[] = {"softmax", "log_softmax", NULL};

static LossTarget focal_target(const void *attrs, Shape scores)
{
    const FocalAttrs *a = attrs;
    LossTarget target = loss_classes_target(attrs, scores);
    target.ignored = a->ignore_index;
    return target;
}

static bool focal_shape(Graph *g, Node *n)
{
    const FocalAttrs *a = n->attrs;
    if (!loss_classes_shape(g, n)) return false;
    int64_t classes = node_shape_in(n).dim[0];
    if (a->alpha.count == 1 || a->alpha.count == classes) return true;
    diag_error(g->compilation, n->span, "focal: there are %lld classes, but %d in `alpha`", (long long)classes,
               a->alpha.count);
    return false;
}

static int64_t focal_flops(const Node *n) { return loss_cost(n, 4); }

/* $alpha of the class t, and $gamma. */
static void focal_bind(Writer *w, const Node *n)
{
    const FocalAttrs *a = n->attrs;
    writer_bind_real(w, "gamma", a->gamma);
    writer_bind_real(w, "less", a->gamma - 1);
    if (a->alpha.count == 1) {
        writer_bind_real(w, "alpha", a->alpha.at[0]);
    } else {
        constants_put(w, "alpha", &a->alpha);
        writer_bind(w, "alpha", "alpha[t]");
    }
}

static void focal_plain(Writer *w, const Node *n)
{
    Shape s = node_shape_in(n);
    focal_bind(w, n);
    loss_classes_open(w, n, "1");
    channels_top(w, "scores", s);
    channels_log_sum(w, "scores", s);
    writer_put(w, "const $real l = @scores(n, t, $p) - top - log_sum;\n"
                  "total -= $alpha * $pow(-$expm1(l), $gamma) * l;\n");
    loss_classes_close(w, n);
}

/* dL/dl, without what is infinite times 0 where p is 1. */
static void put_focal_slope(Writer *w, const Node *n)
{
    const FocalAttrs *a = n->attrs;
    writer_put(w, "const $real l = @scores(n, t, $p) - top - $log(sum);\n"
                  "const $real rest = -$expm1(l);\n"
                  "$real slope = $pow(rest, $gamma);\n");
    if (a->gamma != 0) {
        writer_put(w, "if (rest > 0) {\n"
                      "    slope -= $gamma * $pow(rest, $less) * (1 - rest) * l;\n"
                      "}\n");
    }
    writer_put(w, "const $real hit = part * $alpha * slope;");
}

/* Row by row, scores are read before dscores are written: they may be one. */
static void focal_grad_plain(Writer *w, const Node *n)
{
    Shape s = node_shape_in(n);
    focal_bind(w, n);
    loss_classes_open_gradient(w, n, "1");
    channels_top(w, "scores", s);
    writer_put(w, "$real sum = 0;\n"
                  "for ($int c = 0; c < $C; c++) {\n"
                  "    sum += $exp(@scores(n, c, $p) - top);\n"
                  "}\n");
    put_focal_slope(w, n);
    writer_put(w, "for ($int c = 0; c < $C; c++) {\n"
                  "    @dscores(n, c, $p) = hit * $exp(@scores(n, c, $p) - top) / sum;\n"
                  "}\n"
                  "@dscores(n, t, $p) -= hit;\n");
    loss_classes_close_gradient(w, n);
}

static const Op focal_gradient = {
    .name = "focal.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = loss_in,
    .out = loss_gradient_out,
    .plain = focal_grad_plain,
};

static void focal_grad(Backward *b, const Node *n) { loss_grad(b, n, &focal_gradient); }

const Op op_focal = {
    .name = "focal",
    .summary = "cross entropy that counts less where the net is sure",
    .formula = "L = mean(-alpha * (1 - p)^gamma * log(p)), p = softmax(s)[t]",
    .class = OP_LOSS,
    .meaning = OUTPUT_LOGITS,
    .target = focal_target,
    .uses = USES_COUNT,
    .attrs = focal_attrs,
    .attrs_size = sizeof(FocalAttrs),
    .in = loss_in,
    .out = loss_out,
    .shape = focal_shape,
    .flops = focal_flops,
    .absorbs = focal_absorbs,
    .grad = focal_grad,
    .plain = focal_plain,
};
