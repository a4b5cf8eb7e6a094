/*
 * mmd: the maximum mean discrepancy of two domains, squared (Gretton et al., A Kernel Two-Sample
 * Test, 2012, equation 5), with a sum of Gaussian kernels of several bandwidths b (Long et al.,
 * Learning Transferable Features with Deep Adaptation Networks, 2015).  Of the rows x[i], n0 are
 * of domain 0 and n1 of domain 1; with side[i] = 1 / n0 or −1 / n1 and D[i][j] = |x[i] − x[j]|²,
 *
 *   L = Σ_ij side[i] · side[j] · K[i][j],  K[i][j] = Σ_b exp(−D[i][j] / (b · γ))
 *
 * which is 0 or more.  γ is the mean of D over all pairs of two rows; with relative=no it is 1,
 * and b twice the variance of a kernel.
 *
 *   s[i][j] = 4 · side[i] · side[j] · Σ_b exp(−D[i][j] / (b · γ)) / (b · γ) = −4 · ∂L/∂D[i][j]
 *   dx[i] = Σ_j pull[i][j] · (x[j] − x[i]),  pull = s − Σ s · D / (γ · n · (n − 1)), n = n0 + n1
 *
 * The second part of pull is what γ passes on.  With it, as L does not depend on the scale of x,
 * its gradient neither shrinks nor stretches x; those who take γ as a constant leave it out.
 */
#include "ops/shared/constants.h"
#include "ops/shared/domains.h"
#include "ops/shared/losses.h"

typedef struct MmdAttrs {
    Reals bandwidths;
    bool relative;
} MmdAttrs;

static const Attr mmd_attrs[] = {
    {"bandwidths", ATTR_REALS, offsetof(MmdAttrs, bandwidths), "[0.25, 0.5, 1, 2, 4]", 0, 0, NULL},
    {"relative", ATTR_BOOL, offsetof(MmdAttrs, relative), "yes", 0, 0, NULL},
    {0},
};

static bool mmd_shape(Graph *g, Node *n)
{
    const MmdAttrs *a = n->attrs;
    if (a->bandwidths.count == 0) {
        diag_error(g->compilation, n->span, "mmd: there are no `bandwidths`");
        return false;
    }
    for (int i = 0; i < a->bandwidths.count; i++) {
        if (a->bandwidths.at[i] > 0) continue;
        diag_error(g->compilation, n->span, "mmd: a bandwidth is %g; it must be above 0", a->bandwidths.at[i]);
        return false;
    }
    domains_shape(g, n);
    return true;
}

/* pull[i][j] = D[i][j], below the diagonal. */
static void put_distances(Writer *w)
{
    writer_put(w, "for ($int i = 0; i < $N; i++) {\n"
                  "    for ($int j = 0; j < i; j++) {\n"
                  "        double sum = 0;\n"
                  "        for ($int k = 0; k < $d; k++) {\n"
                  "            const double gap = (double)@scores(i, k) - @scores(j, k);\n"
                  "            sum += gap * gap;\n"
                  "        }\n"
                  "        @pull(i, j) = side[i] != 0 && side[j] != 0 ? ($real)sum : 0;\n"
                  "    }\n"
                  "}\n");
}

/* Where all rows are the same, any γ will do. */
static void put_gamma(Writer *w, bool relative)
{
    if (!relative) {
        writer_put(w, "const double gamma = 1;");
        return;
    }
    writer_put(w, "const double pairs = 0.5 * (zeros + ones) * (zeros + ones - 1);\n"
                  "double gamma = 0, turn = 0;\n"
                  "for ($int i = 0; i < $N; i++) {\n"
                  "    for ($int j = 0; j < i; j++) {\n"
                  "        gamma += @pull(i, j);\n"
                  "    }\n"
                  "}\n"
                  "gamma = gamma == 0 ? 1 : gamma / pairs;\n");
}

/* total = L, pull = s and, where γ is relative, turn = Σ s · D over the pairs. */
static void put_kernels(Writer *w, const MmdAttrs *a)
{
    writer_bind_int(w, "kernels", a->bandwidths.count);
    writer_put(w, "double total = 0;\n"
                  "for ($int i = 0; i < $N; i++) {\n"
                  "    total += $kernels * (double)side[i] * side[i];\n"
                  "    @pull(i, i) = 0;\n"
                  "    for ($int j = 0; j < i; j++) {\n"
                  "        const double both = (double)side[i] * side[j], gap = @pull(i, j);\n"
                  "        double near = 0, slope = 0;\n"
                  "        for ($int b = 0; b < $kernels; b++) {\n"
                  "            const double width = bandwidth[b] * gamma, kernel = $exp(($real)(-gap / width));\n"
                  "            near += kernel;\n"
                  "            slope += kernel / width;\n"
                  "        }\n"
                  "        total += 2 * both * near;\n");
    if (a->relative) writer_put(w, "turn += 4 * both * slope * gap;");
    writer_put(w, "        @pull(i, j) = ($real)(4 * both * slope);\n"
                  "        @pull(j, i) = @pull(i, j);\n"
                  "    }\n"
                  "}\n");
}

/* Σ over i and j is twice that over the pairs, and n · (n − 1) twice their number. */
static void put_turn(Writer *w)
{
    writer_put(w, "for ($int i = 0; i < $N; i++) {\n"
                  "    for ($int j = 0; j < $N; j++) {\n"
                  "        if (i != j && side[i] != 0 && side[j] != 0) {\n"
                  "            @pull(i, j) -= ($real)(turn / (gamma * pairs));\n"
                  "        }\n"
                  "    }\n"
                  "}\n");
}

static void mmd_plain(Writer *w, const Node *n)
{
    const MmdAttrs *a = n->attrs;
    constants_put(w, "bandwidth", &a->bandwidths);
    domains_open(w, n, 0);
    put_distances(w);
    put_gamma(w, a->relative);
    put_kernels(w, a);
    if (a->relative) put_turn(w);
    loss_bind_total(w, n);
    writer_put(w, "loss[0] = ($real)($total);");
}

static void mmd_grad(Backward *b, const Node *n) { domains_grad(b, n, n->in[0]); }

const Op op_mmd = {
    .name = "mmd",
    .summary = "maximum mean discrepancy of two domains",
    .formula = "L = mean(k(x0, x0)) + mean(k(x1, x1)) - 2 * mean(k(x0, x1))",
    .class = OP_LOSS,
    .traits = OP_BATCH_COUPLED,
    .target = domains_target,
    .uses = USES_COUNT,
    .attrs = mmd_attrs,
    .attrs_size = sizeof(MmdAttrs),
    .in = loss_in,
    .out = domains_out,
    .shape = mmd_shape,
    .flops = domains_flops,
    .grad = mmd_grad,
    .plain = mmd_plain,
};
