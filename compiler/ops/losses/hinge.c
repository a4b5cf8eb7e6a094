/*
 * hinge: the multi-class support vector machine (Weston and Watkins 1999): the mean over
 * samples, or pixels, of
 *
 *   L = Σ_{c≠t} max(0, margin − s[t] + s[c])
 *   ds[c] = 1 for every c ≠ t whose term is above 0;  ds[t] = −(their number)
 *
 * The sum is not divided by the number of classes, as it is in PyTorch's
 * MultiMarginLoss.
 * A NaN among the scores makes the loss NaN (PyTorch: its terms count as 0).
 *
 * Of one score it is the support vector machine of two classes (Cortes and Vapnik 1995),
 * whose targets t are −1 and 1:
 *
 *   L = mean of max(0, margin − t · s)
 *   ds = −t / samples where the margin is not reached
 */
#include "ops/shared/losses.h"

typedef struct HingeAttrs {
    double margin;
} HingeAttrs;

static const Attr hinge_attrs[] = {
    {"margin", ATTR_REAL, offsetof(HingeAttrs, margin), "1", 0, 0, NULL},
    {0},
};

static void bind_margin(Writer *w, const Node *n)
{
    const HingeAttrs *a = n->attrs;
    writer_bind_real(w, "margin", a->margin);
}

/* One score is compared with a sign, not with a class. */
static bool is_binary(Shape scores) { return scores.dim[0] == 1; }

static LossTarget hinge_target(const void *attrs, Shape scores)
{
    return is_binary(scores) ? (LossTarget){.shape = scores} : loss_classes_target(attrs, scores);
}

static bool hinge_shape(Graph *g, Node *n)
{
    return is_binary(node_shape_in(n)) ? loss_values_shape(g, n) : loss_classes_shape(g, n);
}

static void put_binary(Writer *w, const Node *n)
{
    loss_values(w, n,
                "const $real gap = $margin - $t * $s;\n"
                "total += gap < 0 ? 0 : gap;\n");
}

static void hinge_plain(Writer *w, const Node *n)
{
    bind_margin(w, n);
    if (is_binary(node_shape_in(n))) {
        put_binary(w, n);
        return;
    }
    loss_classes_open(w, n, "1");
    writer_put(w, "for ($int c = 0; c < $C; c++) {\n"
                  "    const $real gap = $margin - @scores(n, t, $p) + @scores(n, c, $p);\n"
                  "    total += c == t || gap < 0 ? 0 : gap;\n"
                  "}\n");
    loss_classes_close(w, n);
}

static int64_t hinge_flops(const Node *n) { return loss_cost(n, 4); }

/* The score of the class is read before the loop: dscores may lie over scores. */
static void hinge_grad_plain(Writer *w, const Node *n)
{
    bind_margin(w, n);
    if (is_binary(node_shape_in(n))) {
        loss_values_gradient(w, n, "$ds = $margin - $t * $s > 0 ? -part * $t : 0;");
        return;
    }
    loss_classes_open_gradient(w, n, "1");
    writer_put(w, "const $real own = @scores(n, t, $p);\n"
                  "$real sum = 0;\n"
                  "for ($int c = 0; c < $C; c++) {\n"
                  "    const $real gap = $margin - own + @scores(n, c, $p);\n"
                  "    @dscores(n, c, $p) = c != t && gap > 0 ? part : 0;\n"
                  "    sum += @dscores(n, c, $p);\n"
                  "}\n"
                  "@dscores(n, t, $p) = -sum;\n");
    loss_classes_close_gradient(w, n);
}

static const Op hinge_gradient = {
    .name = "hinge.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = loss_in,
    .out = loss_gradient_out,
    .plain = hinge_grad_plain,
};

static void hinge_grad(Backward *b, const Node *n) { loss_grad(b, n, &hinge_gradient); }

const Op op_hinge = {
    .name = "hinge",
    .summary = "support vector machine, of classes or of one score",
    .formula = "L = mean(sum_{c != t} max(0, margin - s[t] + s[c]))",
    .class = OP_LOSS,
    .meaning = OUTPUT_SCORES,
    .target = hinge_target,
    .uses = USES_COUNT,
    .attrs = hinge_attrs,
    .attrs_size = sizeof(HingeAttrs),
    .in = loss_in,
    .out = loss_out,
    .shape = hinge_shape,
    .flops = hinge_flops,
    .grad = hinge_grad,
    .plain = hinge_plain,
};
