#include "runtime/train/collective.h"

#include <stdlib.h>
#include <string.h>

struct CollectiveRun {
    const ChunkShares *shares;
    const NnRanks *ranks;
    double limit;
    float *vectors, *received; /* this rank's nodes, and those of the others */
    float *above[CHUNK_LEVELS][2];
    const float **slice; /* [all nodes]: where each is */
    NnMessage *messages;
    /* of the collective at hand */
    int kind;
    size_t count;
    const CollectivePart *part;
};

static size_t piece_values(const nn_collective *c)
{
    size_t count = 0;
    for (int i = 0; i < c->pieces; i++) count += c->piece[i].count;
    return count;
}

/* ---- two nodes become one ------------------------------------------------------------ */

/* Chan, Golub and LeVeque: means, squared differences, and the count. */
static void join_moments(float *to, const float *left, const float *right, size_t count)
{
    const size_t channels = count / 2, last = count - 1;
    const float a = left[last], b = right[last], all = a + b, part = b / all, both = a * part;
    for (size_t i = 0; i < channels; i++) {
        const float step = right[i] - left[i], mean = left[i] + step * part;
        to[channels + i] = left[channels + i] + right[channels + i] + step * step * both;
        to[i] = mean;
    }
    to[last] = all;
}

static ChunkJoin *join_of(const CollectiveRun *r) { return r->kind == NN_MEAN ? chunk_add : join_moments; }

/* ---- this rank's nodes ------------------------------------------------------------------ */

static void take_leaf(const CollectiveRun *r, int leaf, float *to)
{
    const CollectivePart *part = &r->part[leaf - chunk_shares_begin(r->shares)];
    for (int i = 0; i < part->at->pieces; i++) {
        const size_t count = part->at->piece[i].count;
        memcpy(to, part->scratch + part->at->piece[i].from, count * sizeof *to);
        if (r->kind == NN_MEAN && part->weight != 1)
            for (size_t k = 0; k < count; k++) to[k] *= part->weight;
        to += count;
    }
}

static void take_node(const CollectiveRun *r, ChunkNode n, float *to)
{
    if (n.level == 0) {
        take_leaf(r, n.index, to);
        return;
    }
    take_node(r, chunk_left(n), to);
    if (!chunk_has_leaves(chunk_right(n), r->shares->leaves)) return;
    float *right = r->above[n.level][0];
    take_node(r, chunk_right(n), right);
    join_of(r)(to, to, right, r->count);
}

/* ---- those of all ranks ------------------------------------------------------------------- */

/* A rank's nodes are one message to each other rank. */
static void share_nodes(CollectiveRun *r)
{
    const ChunkShares *s = r->shares;
    const size_t bytes = r->count * sizeof(float);
    float *to = r->received;
    int count = 0, at = 0;
    for (int k = 0; k < s->size; k++) {
        float *nodes = k == s->rank ? r->vectors : to;
        for (int i = 0; i < s->nodes[k]; i++) r->slice[at++] = nodes + (size_t)i * r->count;
        if (k == s->rank) continue;
        to += (size_t)s->nodes[k] * r->count;
        if (s->nodes[k]) r->messages[count++] = (NnMessage){k, false, nodes, (size_t)s->nodes[k] * bytes, 0};
        if (s->nodes[s->rank])
            r->messages[count++] = (NnMessage){k, true, r->vectors, (size_t)s->nodes[s->rank] * bytes, 0};
    }
    if (count) r->ranks->exchange(r->ranks, r->messages, count, r->limit);
}

static const float *join_all(const CollectiveRun *r)
{
    return chunk_reduce(&(ChunkReduction){r->shares, r->slice, r->above, join_of(r), r->count}, NULL);
}

static void give(const CollectiveRun *r, const float *root, float samples)
{
    const int parts = chunk_shares_end(r->shares) - chunk_shares_begin(r->shares);
    float *result = r->vectors;
    for (size_t i = 0; i < r->count; i++) result[i] = r->kind == NN_MEAN ? root[i] / samples : root[i];
    for (int p = 0; p < parts; p++) {
        const CollectivePart *part = &r->part[p];
        const float *from = result;
        for (int i = 0; i < part->at->pieces; i++) {
            memcpy(part->scratch + part->at->piece[i].to, from, part->at->piece[i].count * sizeof *from);
            from += part->at->piece[i].count;
        }
    }
}

void collective_reduce(CollectiveRun *r, const nn_collective *at, const CollectivePart *part, float samples)
{
    const ChunkShares *s = r->shares;
    const int first = chunk_shares_first(s);
    r->kind = at->kind;
    r->count = piece_values(at);
    r->part = part;
    for (int i = 0; i < s->nodes[s->rank]; i++) take_node(r, s->node[first + i], r->vectors + (size_t)i * r->count);
    share_nodes(r);
    give(r, join_all(r), samples);
}

/* ---- memory ----------------------------------------------------------------------------------- */

static size_t most_values(const nn_model_info *info)
{
    size_t most = 0;
    for (int i = 0; i < info->collective_count; i++) {
        const size_t count = piece_values(&info->collectives[i]);
        if (count > most) most = count;
    }
    return most;
}

CollectiveRun *collective_new(const nn_model_info *info, const ChunkShares *shares, const NnRanks *ranks, double limit,
                              NnError *error)
{
    CollectiveRun *r = nn_alloc(sizeof *r, error);
    if (!r) return NULL;
    *r = (CollectiveRun){.shares = shares, .ranks = ranks, .limit = limit};
    const size_t bytes = most_values(info) * sizeof(float), nodes = (size_t)shares->size * CHUNK_NODES;
    const size_t others = (size_t)(shares->size < shares->chunks ? shares->chunks : shares->size);
    bool failed = !(r->vectors = nn_memory(CHUNK_NODES * bytes, error));
    for (int l = 1; l <= chunk_root(shares->chunks).level; l++)
        for (int side = 0; side < 2; side++) failed = failed || !(r->above[l][side] = nn_memory(bytes, error));
    failed = failed || !(r->received = nn_memory(others * bytes, error));
    failed = failed || !(r->slice = nn_alloc(nodes * sizeof *r->slice, error));
    failed = failed || !(r->messages = nn_alloc(2 * (size_t)shares->size * sizeof *r->messages, error));
    if (!failed) return r;
    collective_free(r);
    return NULL;
}

void collective_free(CollectiveRun *r)
{
    if (!r) return;
    for (int l = 0; l < CHUNK_LEVELS; l++)
        for (int side = 0; side < 2; side++) free(r->above[l][side]);
    free(r->vectors);
    free(r->received);
    free(r->slice);
    free(r->messages);
    free(r);
}
