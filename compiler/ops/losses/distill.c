/*
 * distill: how far the net's distribution is from a teacher's, both softened by a
 * temperature T (Hinton, Vinyals and Dean 2015).  The target is the teacher's scores.
 *
 *   p = softmax(s / T), q = softmax(t / T)
 *   L = T² · Σ_n Σ_c q[c] · (log q[c] − log p[c]) / N,   N the samples, or pixels
 *   ds[c] = T · (p[c] − q[c]) / N
 *
 * The gradient of the divergence shrinks as 1/T²; T² keeps its share beside the loss of the
 * classes whatever T is.  A q of 0 adds nothing, even where log q is −∞.
 */
#include "ops/shared/channels.h"
#include "ops/shared/losses.h"

typedef struct DistillAttrs {
    double temperature;
} DistillAttrs;

static const Attr distill_attrs[] = {
    {"temperature", ATTR_REAL, offsetof(DistillAttrs, temperature), "1", 1e-3, 1e6, NULL},
    {0},
};

static const char *const distill_absorbs[] = {"softmax", "log_softmax", NULL};

static int64_t distill_flops(const Node *n) { return loss_cost(n, 10); }

static double temperature_of(const Node *n) { return ((const DistillAttrs *)n->attrs)->temperature; }

/* $times: what multiplies by `factor`, "4 * ", or nothing. */
static void bind_multiplier(Writer *w, const char *name, double factor)
{
    writer_bind(w, name, factor == 1 ? "%s" : "%s * ", factor == 1 ? "" : writer_real(w, factor));
}

static void bind_distill(Writer *w, const Node *n, Shape scores)
{
    channels_bind(w, scores);
    channels_array(w, "scores", scores);
    channels_array(w, "target", scores);
    writer_bind_int(w, "places", places_of(scores));
    bind_multiplier(w, "cool", 1 / temperature_of(n));
}

/* top_NAME and sum_NAME = Σ exp((NAME − top) / T) of place p. */
static void put_softened_sum(Writer *w, const char *name, Shape scores)
{
    const int64_t dim[] = {1, channels_of(scores), places_of(scores)};
    writer_bind_array(w, "row", name, 3, dim);
    writer_bind(w, "name", "%s", name);
    writer_put(w, "$real top_$name = @row(n, 0, $p);\n"
                  "for ($int c = 1; c < $C; c++) {\n"
                  "    if (@row(n, c, $p) > top_$name) {\n"
                  "        top_$name = @row(n, c, $p);\n"
                  "    }\n"
                  "}\n"
                  "$real sum_$name = 0;\n"
                  "for ($int c = 0; c < $C; c++) {\n"
                  "    sum_$name += $exp($cool(@row(n, c, $p) - top_$name));\n"
                  "}\n");
}

/* In the loop over the samples; what is written after it is in that over their places, too. */
static void open_softened(Writer *w, Shape scores)
{
    channels_open(w, scores);
    put_softened_sum(w, "scores", scores);
    put_softened_sum(w, "target", scores);
}

static void close_softened(Writer *w, Shape scores)
{
    channels_close(w, scores);
    writer_put(w, "}");
}

static bool has_places(Shape scores) { return places_of(scores) > 1; }

static void distill_plain(Writer *w, const Node *n)
{
    const Shape scores = node_shape_in(n);
    const double t = temperature_of(n);
    bind_distill(w, n, scores);
    bind_multiplier(w, "square", t * t);
    loss_bind_total(w, n);
    writer_put(w, "$real total = 0;\n"
                  "for ($int n = 0; n < $count; n++) {\n");
    open_softened(w, scores);
    writer_put(w, "const $real ratio = $log(sum_scores) - $log(sum_target);\n"
                  "for ($int c = 0; c < $C; c++) {\n"
                  "    const $real hot = $cool(@target(n, c, $p) - top_target);\n"
                  "    const $real q = $exp(hot) / sum_target;\n"
                  "    total += q == 0 ? 0 : q * (hot - $cool(@scores(n, c, $p) - top_scores) + ratio);\n"
                  "}\n");
    close_softened(w, scores);
    writer_put(w,
               has_places(scores) ? "loss[0] = $square$total / ($all * $places);" : "loss[0] = $square$total / $all;");
}

/* Of a place all sums come first, so that dscores may be scores. */
static void distill_grad_plain(Writer *w, const Node *n)
{
    const Shape scores = node_shape_in(n);
    bind_distill(w, n, scores);
    channels_array(w, "dscores", scores);
    bind_multiplier(w, "warm", temperature_of(n));
    writer_put(w, has_places(scores) ? "const $real part = $warm$scale / ($all * $places);"
                                     : "const $real part = $warm$scale / $all;");
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    open_softened(w, scores);
    writer_put(w, "for ($int c = 0; c < $C; c++) {\n"
                  "    const $real share = $exp($cool(@scores(n, c, $p) - top_scores)) / sum_scores;\n"
                  "    const $real wanted = $exp($cool(@target(n, c, $p) - top_target)) / sum_target;\n"
                  "    @dscores(n, c, $p) = part * (share - wanted);\n"
                  "}\n");
    close_softened(w, scores);
}

static const char *const distill_gradient_in[] = {"scores", "target", NULL};

static const Op distill_gradient = {
    .name = "distill.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = distill_gradient_in,
    .out = loss_gradient_out,
    .plain = distill_grad_plain,
};

static void distill_grad(Backward *b, const Node *n) { loss_grad(b, n, &distill_gradient); }

const Op op_distill = {
    .name = "distill",
    .summary = "divergence from a teacher's scores, softened",
    .formula = "L = T^2 * sum(q * (log(q) - log(p)))",
    .class = OP_LOSS,
    .meaning = OUTPUT_LOGITS,
    .uses = USES_COUNT,
    .attrs = distill_attrs,
    .attrs_size = sizeof(DistillAttrs),
    .in = loss_in,
    .out = loss_out,
    .shape = loss_values_shape,
    .flops = distill_flops,
    .absorbs = distill_absorbs,
    .grad = distill_grad,
    .plain = distill_plain,
};
