/* Losses: checks, loops and the gradient's wiring, once for all. */
#include "ops/shared/losses.h"

#include <string.h>

#include "autodiff/backward.h"
#include "ops/shared/channels.h"

const char *const loss_in[] = {"scores", "target", "targets", NULL};
const char *const loss_out[] = {"loss", NULL};
const char *const loss_gradient_out[] = {"dscores", NULL};

bool loss_values_shape(Graph *g, Node *n)
{
    node_out_as(g, n, g->real, false, shape_vector(1));
    return true;
}

bool loss_classes_shape(Graph *g, Node *n)
{
    if (node_shape_in(n).dim[0] == 1) {
        diag_warning(g->compilation, n->span,
                     "%s chooses among classes, but the net has only 1 score, so there is nothing to learn; "
                     "`bce_logits` is for one score",
                     n->op->name);
    }
    node_out_as(g, n, g->real, false, shape_vector(1));
    return true;
}

/* Scores [C] have one class, scores [C][H][W] one for each of H·W pixels. */
LossTarget loss_classes_target(const void *attrs, Shape scores)
{
    (void)attrs;
    LossTarget target = {.classes = true, .shape = shape_vector(1), .ignored = LOSS_IGNORED};
    if (scores.rank > 1) target.shape.rank = scores.rank - 1;
    for (int i = 1; i < scores.rank; i++) target.shape.dim[i - 1] = scores.dim[i];
    return target;
}

void loss_grad(Backward *b, const Node *n, const Op *gradient)
{
    if (!backward_wants(b, n->in[0])) return;
    Graph *g = backward_graph(b);
    Node *d = backward_node(b, gradient, n);
    for (int i = 0; gradient->in[i]; i++) {
        int k = 0;
        while (strcmp(gradient->in[i], loss_in[k]) != 0) k++;
        if (node_has(n, k)) node_in(g, d, n->in[k]);
    }
    backward_give(b, n->in[0], node_out(g, d, n->in[0]->shape));
}

int64_t loss_cost(const Node *n, int per_score) { return per_score * shape_count(node_shape_in(n)); }

void loss_bind_total(Writer *w, const Node *n)
{
    if (n->scale == 1) {
        writer_bind(w, "total", "total");
    } else {
        writer_bind(w, "total", "%s * total", writer_real(w, n->scale));
    }
}

/* ---- values ------------------------------------------------------------ */

static void bind_element(Writer *w, const Node *n)
{
    writer_bind_int(w, "elements", shape_count(node_shape_in(n)));
    writer_bind(w, "s", "scores[k]");
    writer_bind(w, "t", "target[k]");
    writer_bind(w, "ds", "dscores[k]");
}

void loss_values(Writer *w, const Node *n, const char *lines)
{
    bind_element(w, n);
    loss_bind_total(w, n);
    writer_put(w, "$real total = 0;\n"
                  "for ($int k = 0; k < $count * $elements; k++) {\n");
    writer_put(w, lines);
    writer_put(w, "}\n"
                  "loss[0] = $total / ($all * $elements);\n");
}

void loss_values_gradient(Writer *w, const Node *n, const char *lines)
{
    bind_element(w, n);
    writer_put(w, "const $real part = $scale / ($all * $elements);\n"
                  "for ($int k = 0; k < $N * $elements; k++) {\n");
    writer_put(w, lines);
    writer_put(w, "}");
}

/* ---- classes ----------------------------------------------------------- */

/* Binds $C, $P, $p, the arrays by place, and $out: class t is left out. */
static void bind_class_places(Writer *w, const Node *n, Shape scores)
{
    const int64_t ignored = op_loss_target(n->origin->op, n->attrs, scores).ignored;
    const int64_t places[] = {1, places_of(scores)};
    channels_bind(w, scores);
    writer_bind_array(w, "class", "target", 2, places);
    if (n->op->class == OP_LOSS || strcmp(n->op->in[0], loss_in[0]) == 0) channels_array(w, "scores", scores);
    if (n->op->class != OP_LOSS) channels_array(w, "dscores", scores);
    if (ignored >= 0 && ignored < channels_of(scores))
        writer_bind(w, "out", "t < 0 || t >= %lld || t == %lld", (long long)channels_of(scores), (long long)ignored);
    else
        writer_bind(w, "out", "t < 0 || t >= %lld", (long long)channels_of(scores));
}

static void open_places(Writer *w, Shape scores)
{
    channels_open(w, scores);
    writer_put(w, "const $int t = @class(n, $p);\n"
                  "if ($out) { /* has no class: is left out */\n");
}

static void close_places(Writer *w, Shape scores)
{
    channels_close(w, scores);
    writer_put(w, "}");
}

/* It sees a micro-batch, and the targets of all. */
static bool sees_all_targets(const Node *n)
{
    for (int i = 0; i < n->in_count; i++) {
        if (strcmp(n->op->in[i], loss_in[2]) == 0) return true;
    }
    return false;
}

/* used: the sum of the weights of all places that have a class. */
static void put_used(Writer *w, const Node *n, const char *weight, Shape scores)
{
    bool one = places_of(scores) == 1;
    writer_bind(w, "weight", "%s", weight);
    writer_bind(w, "targets", sees_all_targets(n) ? "targets" : "target");
    writer_put(w, "$real used = 0;");
    writer_put(w, one ? "for ($int n = 0; n < $all; n++) {" : "for ($int n = 0; n < $all * $P; n++) {");
    writer_put(w, "    const $int t = $targets[n];\n"
                  "    used += $out ? 0 : $weight;\n"
                  "}\n");
}

void loss_classes_open(Writer *w, const Node *n, const char *weight)
{
    Shape scores = node_shape_in(n);
    bind_class_places(w, n, scores);
    put_used(w, n, weight, scores);
    writer_put(w, "$real total = 0;");
    writer_put(w, "for ($int n = 0; n < $count; n++) {");
    open_places(w, scores);
    writer_put(w, "    continue;\n"
                  "}\n");
}

void loss_classes_close(Writer *w, const Node *n)
{
    loss_bind_total(w, n);
    close_places(w, node_shape_in(n));
    writer_put(w, "loss[0] = used > 0 ? $total / used : 0;");
}

void loss_classes_open_gradient(Writer *w, const Node *n, const char *weight)
{
    Shape scores = node_shape_out(n);
    bind_class_places(w, n, scores);
    put_used(w, n, weight, scores);
    writer_put(w, "const $real part = used > 0 ? $scale / used : 0;");
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    open_places(w, scores);
    writer_put(w, "    for ($int c = 0; c < $C; c++) {\n"
                  "        @dscores(n, c, $p) = 0;\n"
                  "    }\n"
                  "    continue;\n"
                  "}\n");
}

void loss_classes_close_gradient(Writer *w, const Node *n) { close_places(w, node_shape_out(n)); }
