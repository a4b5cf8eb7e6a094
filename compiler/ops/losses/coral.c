/*
 * coral: the distance between the covariances of two domains (Sun and Saenko, Deep CORAL, 2016).
 * Of the rows x[i] of d elements, those of domain 0 have the covariance C0, those of domain 1 C1,
 * both of n − 1 degrees of freedom:
 *
 *   L = ‖C0 − C1‖²_F / (4 d²)
 *
 * With z[i] = x[i] − the mean of its domain, and side[i] = 1 / (n0 − 1) or −1 / (n1 − 1),
 *
 *   C0 − C1 = Σ_i side[i] · z[i] z[i]ᵀ
 *   L = Σ_ij side[i] · side[j] · (z[i] · z[j])² / (4 d²)
 *   dx[i] = side[i] / d² · Σ_j side[j] · (z[i] · z[j]) · z[j]
 *
 * so that no d × d matrix is needed.  (The mean's part of dx[i] is 0, since Σ z[j] over a domain
 * is.)  Sums are in double precision: of domains that agree they are small differences.
 */
#include "ops/shared/domains.h"
#include "ops/shared/losses.h"

/* A covariance has n − 1 degrees of freedom. */
enum { CORAL_SPARED = 1 };

static bool coral_shape(Graph *g, Node *n)
{
    domains_shape(g, n);
    node_out_as(g, n, g->real, true, shape_vector(shape_count(node_shape_in(n))));
    return true;
}

static void put_centred(Writer *w)
{
    writer_put(w, "for ($int k = 0; k < $d; k++) {\n"
                  "    double first = 0, second = 0;\n"
                  "    for ($int n = 0; n < $N; n++) {\n"
                  "        first += side[n] > 0 ? @scores(n, k) : 0;\n"
                  "        second += side[n] < 0 ? @scores(n, k) : 0;\n"
                  "    }\n"
                  "    for ($int n = 0; n < $N; n++) {\n"
                  "        @centred(n, k) = side[n] > 0   ? ($real)(@scores(n, k) - first / zeros)\n"
                  "                         : side[n] < 0 ? ($real)(@scores(n, k) - second / ones)\n"
                  "                                       : 0;\n"
                  "    }\n"
                  "}\n");
}

static void coral_plain(Writer *w, const Node *n)
{
    const double d = (double)shape_count(node_shape_in(n));
    domains_open(w, n, CORAL_SPARED);
    put_centred(w);
    loss_bind_total(w, n);
    writer_bind_real(w, "square", d * d);
    writer_put(w, "double total = 0;\n"
                  "for ($int i = 0; i < $N; i++) {\n"
                  "    for ($int j = 0; j <= i; j++) {\n"
                  "        double dot = 0;\n"
                  "        for ($int k = 0; k < $d; k++) {\n"
                  "            dot += (double)@centred(i, k) * @centred(j, k);\n"
                  "        }\n"
                  "        const double part = (double)side[i] * side[j] * dot;\n"
                  "        total += i == j ? part * dot : 2 * part * dot;\n"
                  "        @pull(i, j) = ($real)(part / $square);\n"
                  "        @pull(j, i) = @pull(i, j);\n"
                  "    }\n"
                  "}\n"
                  "loss[0] = ($real)($total / (4 * $square));\n");
}

static void coral_grad(Backward *b, const Node *n) { domains_grad(b, n, n->out[DOMAINS_CENTRED]); }

const Op op_coral = {
    .name = "coral",
    .summary = "distance of the covariances of two domains",
    .formula = "L = |C0 - C1|^2 / (4 * d^2)",
    .class = OP_LOSS,
    .traits = OP_BATCH_COUPLED,
    .target = domains_target,
    .uses = USES_COUNT,
    .in = loss_in,
    .out = domains_out,
    .shape = coral_shape,
    .flops = domains_flops,
    .grad = coral_grad,
    .plain = coral_plain,
};
