/*
 * batchnorm in a batch that is computed in chunks: the statistics are those of the whole batch.
 *
 *   moments     mean[c], deviations[c] = Σ (x − mean[c])², count = M of a chunk
 *   allreduce   the same of all chunks together
 *   inverse     inv[c] = 1/sqrt(deviations[c] / count + eps)
 *   track       running ← (1 − momentum) · running + momentum · batch, once a batch
 *   again       y, as where a step recomputes it
 *
 * Backward, the sums of a chunk are dweight and dbias of its own loss, the mean over its samples.  The
 * loss of the batch is the mean of its chunks' losses, so with the means of these sums over the
 * chunks, dx is that of the form without chunks:
 *
 *   dx = weight · inv · (dy − mean(dbias)/M − x̂ · mean(dweight)/M)
 */
#include "ops/layers/batchnorm.h"

static const char *const moments_in[] = {"x", NULL};
static const char *const moments_out[] = {"mean", "deviations", "count", NULL};
static const char *const inverse_in[] = {"deviations", "count", NULL};
static const char *const inverse_out[] = {"inv", NULL};
static const char *const track_in[] = {"mean",        "deviations",          "count", "running_mean",
                                       "running_var", "num_batches_tracked", NULL};

static void moments_plain(Writer *w, const Node *n)
{
    batchnorm_bind_sizes(w, n);
    writer_put(w, "const $int values = $N * $P;\n"
                  "count[0] = values;\n"
                  "for ($int c = 0; c < $C; c++) {");
    norm_moments(w, batchnorm_loops(n), "values");
    writer_put(w, "mean[c] = average;\n"
                  "deviations[c] = variance * values;\n"
                  "}");
}

static void moments_emit(Writer *w, const Node *n)
{
    batchnorm_call(
        w, n, n->in[0], n->in[0], NULL,
        "const nn_batchnorm_moments_args args = {.x = x, .mean = mean, .deviations = deviations, .count = count};\n"
        "nn_batchnorm_moments$format(&size, rows, &args, $t, $T);");
}

static void inverse_plain(Writer *w, const Node *n)
{
    batchnorm_bind_sizes(w, n);
    writer_put(w, "for ($int c = 0; c < $C; c++) {\n"
                  "    inv[c] = 1 / $sqrt(deviations[c] / count[0] + $eps);\n"
                  "}");
}

static void track_plain(Writer *w, const Node *n)
{
    batchnorm_bind_sizes(w, n);
    writer_put(w, "if ($first) {");
    batchnorm_put_momentum(w, n);
    writer_put(w, "const $real others = count[0] > 1 ? count[0] - 1 : 1;\n"
                  "for ($int c = 0; c < $C; c++) {\n"
                  "    running_mean[c] = $keep * running_mean[c] + $momentum * mean[c];\n"
                  "    running_var[c] = $keep * running_var[c] + $momentum * (deviations[c] / others);\n"
                  "}\n"
                  "}");
}

static const Variant moments_variants[] = {
    BATCHNORM_ROWS(OF_F32 | OF_BF16, VARIANT_STRIDED_CHANNELS, 0, NULL, moments_emit)};

static const Op batchnorm_moments = {
    .name = "batchnorm.moments",
    .class = OP_INTERNAL,
    .traits = OP_BATCH_COUPLED,
    .in = moments_in,
    .out = moments_out,
    .plain = moments_plain,
    .variants = moments_variants,
};
static const Op batchnorm_inverse = {
    .name = "batchnorm.inverse",
    .class = OP_INTERNAL,
    .in = inverse_in,
    .out = inverse_out,
    .plain = inverse_plain,
};

/* Which inputs are buffers depends on the attributes, not on `affine`: they stand behind the statistics. */
#define BATCHNORM_TRACK(MUTATES)                                                                                 \
    {                                                                                                            \
        .name = "batchnorm.track", .class = OP_INTERNAL, .uses = USES_FIRST, .in = track_in, .mutates = MUTATES, \
        .plain = track_plain                                                                                     \
    }
static const Op batchnorm_track = BATCHNORM_TRACK(3u << 3);
static const Op batchnorm_track_cumulative = BATCHNORM_TRACK(7u << 3);

/* ---- the graph ------------------------------------------------------------ */

static Node *chunk_part(GraphRewriter *r, Node *n, const Op *op)
{
    return rewriter_node(r, n, op, n->attrs, n->name, n->span);
}

/* Before `at`: the values of all chunks, one output for each input. */
static Node *reduce_all(GraphRewriter *r, Graph *g, Node *at, const Node *from, const char *op, int count)
{
    Node *all = chunk_part(r, at, op_find(op, OP_INTERNAL));
    for (int i = 0; i < count; i++) rewriter_add_input(r, all, from->out[i]);
    for (int i = 0; i < count; i++) node_out_as(g, all, g->real, false, from->out[i]->shape);
    return all;
}

static Node *moments_of_all(GraphRewriter *r, Graph *g, Node *n)
{
    const Shape channels = n->out[1]->shape;
    Node *own = chunk_part(r, n, &batchnorm_moments);
    rewriter_add_input(r, own, n->in[0]);
    own->data_count = 1;
    node_out_as(g, own, g->real, false, channels);
    node_out_as(g, own, g->real, false, channels);
    node_out_as(g, own, g->real, false, shape_vector(1));
    return reduce_all(r, g, n, own, "allreduce_moments", 3);
}

static void track(GraphRewriter *r, Node *n, const Node *moments)
{
    const bool cumulative = batchnorm_is_cumulative(n);
    Node *made = chunk_part(r, n, cumulative ? &batchnorm_track_cumulative : &batchnorm_track);
    for (int i = 0; i < 3; i++) rewriter_add_input(r, made, moments->out[i]);
    for (int i = batchnorm_is_affine(n) ? 3 : 1; i < n->in_count; i++) rewriter_add_input(r, made, n->in[i]);
}

void batchnorm_training_in_chunks(GraphRewriter *r, Node *n)
{
    Graph *g = rewriter_graph(r);
    const Node *moments = moments_of_all(r, g, n);
    Node *inverse = chunk_part(r, n, &batchnorm_inverse);
    rewriter_add_input(r, inverse, moments->out[1]);
    rewriter_add_input(r, inverse, moments->out[2]);
    Tensor *inv = node_out_as(g, inverse, g->real, false, n->out[2]->shape);
    track(r, n, moments);
    Node *again = batchnorm_again(g, n);
    rewriter_move_before(r, again, n);
    rewriter_use_instead(r, n->out[1], moments->out[0]);
    rewriter_use_instead(r, n->out[2], inv);
    for (int i = 0; i < g->nodes.count; i++) {
        Node *gradient = g->nodes.at[i];
        if (gradient->origin == n) gradient->origin = again;
    }
    rewriter_replace(r, n, again);
}

void batchnorm_sums_in_chunks(GraphRewriter *r, Node *n)
{
    Graph *g = rewriter_graph(r);
    const List *users = rewriter_users(r, n->out[0]);
    Node *dx = NULL;
    for (int i = 0; i < users->count; i++)
        if (((Node *)users->at[i])->op == &batchnorm_dx) dx = users->at[i];
    if (!dx) return;
    const Node *means = reduce_all(r, g, dx, n, "allreduce_mean", 2);
    for (int i = 0; i < dx->in_count; i++)
        for (int k = 0; k < 2; k++)
            if (dx->in[i] == n->out[k]) rewriter_set_input(r, dx, i, means->out[k]);
}
