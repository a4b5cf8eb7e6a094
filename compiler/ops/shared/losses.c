/* Losses: checks, loops and the gradient's wiring, once for all. */ #include "ops/shared/losses.h"

#include <string.h>

#include "autodiff/backward.h"

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
    Compilation *c = g->compilation;
    Shape s = node_shape_in(n);
    if (s.rank != 1) {
        diag_error(c, n->span,
                   "%s takes a vector with one score per class, but the scores are an image of %s; end the net with "
                   "`flatten` or `global_avgpool flatten`",
                   n->op->name, shape_text(c->arena, s));
        return false;
    }
    if (s.dim[0] == 1) {
        diag_warning(c, n->span,
                     "%s chooses among classes, but the net has only 1 score, so there is nothing to learn; "
                     "`bce_logits` is for one score",
                     n->op->name);
    }
    node_out_as(g, n, g->real, false, shape_vector(1));
    return true;
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

/* $total: total times the scale; a scale of 1 is not written. */
static void bind_total(Writer *w, const Node *n)
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
    bind_total(w, n);
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

static const char no_class[] = "const $int t = @target(n);\n"
                               "if (t < 0 || t >= $C) { /* has no class: is left out */\n";

/* It sees a micro-batch, and the targets of all. */
static bool sees_all_targets(const Node *n)
{
    for (int i = 0; i < n->in_count; i++) {
        if (strcmp(n->op->in[i], loss_in[2]) == 0) return true;
    }
    return false;
}

/* used: the sum of the weights of all samples that have a class. */
static void put_used(Writer *w, const Node *n, const char *weight)
{
    writer_bind(w, "weight", "%s", weight);
    writer_bind(w, "class", sees_all_targets(n) ? "targets[n]" : "target[n]");
    writer_put(w, "$real used = 0;\n"
                  "for ($int n = 0; n < $all; n++) {\n"
                  "    const $int t = $class;\n"
                  "    used += t < 0 || t >= $C ? 0 : $weight;\n"
                  "}\n");
}

void loss_classes_open(Writer *w, const Node *n, const char *weight)
{
    writer_bind_int(w, "C", node_shape_in(n).dim[0]);
    put_used(w, n, weight);
    writer_put(w, "$real total = 0;\n"
                  "for ($int n = 0; n < $count; n++) {\n");
    writer_put(w, no_class);
    writer_put(w, "    continue;\n"
                  "}\n");
}

void loss_classes_close(Writer *w, const Node *n)
{
    bind_total(w, n);
    writer_put(w, "}\n"
                  "loss[0] = used > 0 ? $total / used : 0;\n");
}

void loss_classes_open_gradient(Writer *w, const Node *n, const char *weight)
{
    writer_bind_int(w, "C", node_shape_out(n).dim[0]);
    put_used(w, n, weight);
    writer_put(w, "const $real part = used > 0 ? $scale / used : 0;\n"
                  "for ($int n = 0; n < $N; n++) {\n");
    writer_put(w, no_class);
    writer_put(w, "    for ($int c = 0; c < $C; c++) {\n"
                  "        @dscores(n, c) = 0;\n"
                  "    }\n"
                  "    continue;\n"
                  "}\n");
}

void loss_classes_close_gradient(Writer *w) { writer_put(w, "}"); }
