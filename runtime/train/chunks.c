/*
 * The step in chunks.
 *
 * What is added up is a vector of floats: the block of gradients as the generated code has it, with
 * the number of chunks as its first element; then the loss and, where there are several, each of
 * them, as sums over chunks as well; then the votes.
 */
#include "runtime/train/chunks.h"

#include <stdlib.h>
#include <string.h>

struct Chunks {
    const nn_model_info *info, *last;
    const NnRanks *ranks;
    int rank, size; /* 0 of 1 without ranks */
    int chunks;     /* of a whole batch */
    double limit;
    size_t gradients, count; /* floats: of the block; of the vector */
    float losses[NN_LOSSES_SHOWN];

    /* memory: this rank's nodes, a vector each; for sums below them, a vector per level; for this rank's
     * slice, the nodes of all other ranks, and two partial sums per level */
    float *own[CHUNK_NODES], *below[CHUNK_LEVELS], *received, *partial[CHUNK_LEVELS][2];

    /* of the step */
    void *model, *scratch;
    const Batch *batch;
    int leaves;
    ChunkNode *node; /* of all ranks, from left to right, */
    int *nodes;      /* [size]: how many are each rank's, */
    float **slice;   /* and the slice of each that is here */
    NnMessage *messages;
};

/* ---- the tree -------------------------------------------------------------------------- */

static int node_end(ChunkNode n, int leaves)
{
    const int end = (n.index + 1) << n.level;
    return end < leaves ? end : leaves;
}

int chunk_nodes(int leaves, int begin, int end, ChunkNode node[CHUNK_NODES])
{
    int count = 0;
    if (end > leaves) end = leaves;
    while (begin < end) {
        ChunkNode n = {0, begin};
        while (n.index % 2 == 0 && 1 << n.level < leaves) {
            const ChunkNode parent = {n.level + 1, n.index / 2};
            if (node_end(parent, leaves) > end) break;
            n = parent;
        }
        node[count++] = n;
        begin = node_end(n, leaves);
    }
    return count;
}

static ChunkNode root_of(int leaves)
{
    ChunkNode root = {0, 0};
    while (1 << root.level < leaves) root.level++;
    return root;
}

static ChunkNode left_of(ChunkNode n) { return (ChunkNode){n.level - 1, 2 * n.index}; }
static ChunkNode right_of(ChunkNode n) { return (ChunkNode){n.level - 1, 2 * n.index + 1}; }
static bool has_leaves(ChunkNode n, int leaves) { return n.index << n.level < leaves; }

/* ---- the nodes of this rank --------------------------------------------------------------- */

static void add_chunk_sums(float *restrict to, const float *restrict from, size_t count)
{
    for (size_t i = 0; i < count; i++) to[i] += from[i];
}

static int chunk_samples(const Chunks *c, int leaf)
{
    const int left = c->batch->count - leaf * c->info->batch;
    return left < c->info->batch ? left : c->info->batch;
}

/* The number of the "batch" that random layers go on from: that of the chunk, in units of the code's batch. */
static float stream_position(const Chunks *c, int leaf, const nn_model_info *code)
{
    return (float)(((int64_t)leaf * c->info->batch + code->batch - 1) / code->batch);
}

static void add_chunk_losses(const Chunks *c, const nn_model_info *code, float *to, float loss)
{
    float *at = to + c->gradients;
    const float *each = code->losses ? code->losses(c->scratch) : NULL;
    *at++ += loss;
    for (int i = 0; each && i < code->loss_count; i++) *at++ += each[i];
}

/* to: zeros. */
static void compute_leaf(const Chunks *c, int leaf, float *to)
{
    const int samples = chunk_samples(c, leaf);
    const nn_model_info *info = c->info, *code = samples < info->batch ? c->last : info;
    const size_t first = (size_t)leaf * (size_t)info->batch;
    const float *x = c->batch->x + first * info->inputs;
    const char *target = (const char *)c->batch->target + first * info->target_count * sizeof(float);
    to[0] = stream_position(c, leaf, code);
    const float loss = code->grad_add(c->model, x, target, to, c->scratch);
    to[0] = 1;
    add_chunk_losses(c, code, to, loss);
    const float weight = (float)samples / (float)info->batch;
    for (size_t i = 0; samples < info->batch && i < c->count; i++) to[i] *= weight;
}

/* to: zeros. */
static void compute_node(const Chunks *c, ChunkNode n, float *to)
{
    if (n.level == 0) {
        compute_leaf(c, n.index, to);
        return;
    }
    compute_node(c, left_of(n), to);
    if (!has_leaves(right_of(n), c->leaves)) return;
    float *right = memset(c->below[n.level], 0, c->count * sizeof *right);
    compute_node(c, right_of(n), right);
    add_chunk_sums(to, right, c->count);
}

/* ---- the nodes of all ranks ------------------------------------------------------------------ */

/* Vectors are cut at whole cache lines. */
static size_t rank_slice_begin(const Chunks *c, int rank)
{
    enum { LINE = 16 };
    const size_t lines = (c->count + LINE - 1) / LINE, at = lines * (size_t)rank / (size_t)c->size * LINE;
    return at < c->count ? at : c->count;
}

static size_t rank_slice_count(const Chunks *c, int rank)
{
    return rank_slice_begin(c, rank + 1) - rank_slice_begin(c, rank);
}

static void list_chunk_nodes(Chunks *c)
{
    ChunkNode *at = c->node;
    for (int r = 0; r < c->size; r++) {
        const int begin = chunk_begin(c->chunks, r, c->size), end = chunk_begin(c->chunks, r + 1, c->size);
        c->nodes[r] = chunk_nodes(c->leaves, begin, end, at);
        at += c->nodes[r];
    }
}

static void send_all(const Chunks *c, NnMessage *list, int count)
{
    if (count) c->ranks->exchange(c->ranks, list, count, c->limit);
}

/* Afterwards c->slice has the slices of all nodes, in their order. */
static void scatter_nodes(Chunks *c)
{
    const size_t begin = rank_slice_begin(c, c->rank), mine = rank_slice_count(c, c->rank);
    NnMessage *messages = c->messages;
    float *to = c->received;
    int count = 0, at = 0;
    for (int r = 0; r < c->size; r++) {
        for (int k = 0; k < c->nodes[r]; k++, at++) {
            c->slice[at] = r == c->rank ? c->own[k] + begin : to;
            if (r == c->rank) continue;
            messages[count++] = (NnMessage){r, false, to, mine * sizeof *to};
            to += mine;
        }
        for (int k = 0; r != c->rank && k < c->nodes[c->rank]; k++)
            messages[count++] =
                (NnMessage){r, true, c->own[k] + rank_slice_begin(c, r), rank_slice_count(c, r) * sizeof(float)};
    }
    send_all(c, messages, count);
}

static const float *find_node(const Chunks *c, ChunkNode n)
{
    int all = 0;
    for (int r = 0; r < c->size; r++) all += c->nodes[r];
    for (int i = 0; i < all; i++)
        if (c->node[i].level == n.level && c->node[i].index == n.index) return c->slice[i];
    return NULL;
}

/* The slice of a node's sum, in memory of its own or where it was computed. */
static const float *combine_slices(const Chunks *c, ChunkNode n)
{
    const float *known = find_node(c, n);
    if (known) return known;
    const float *left = combine_slices(c, left_of(n));
    if (!has_leaves(right_of(n), c->leaves)) return left;
    const float *right = combine_slices(c, right_of(n));
    float *sum = c->partial[n.level][n.index % 2];
    const size_t count = rank_slice_count(c, c->rank);
    for (size_t i = 0; i < count; i++) sum[i] = left[i] + right[i];
    return sum;
}

static void gather_root(const Chunks *c, float *root)
{
    NnMessage *list = c->messages;
    int count = 0;
    for (int r = 0; r < c->size; r++) {
        if (r == c->rank) continue;
        float *mine = root + rank_slice_begin(c, c->rank), *others = root + rank_slice_begin(c, r);
        list[count++] = (NnMessage){r, true, mine, rank_slice_count(c, c->rank) * sizeof *root};
        list[count++] = (NnMessage){r, false, others, rank_slice_count(c, r) * sizeof *root};
    }
    send_all(c, list, count);
}

/* The root of the tree, in c->own[0]. */
static void combine_nodes(Chunks *c)
{
    if (c->size == 1) return; /* the only node is the root */
    scatter_nodes(c);
    memmove(c->own[0] + rank_slice_begin(c, c->rank), combine_slices(c, root_of(c->leaves)),
            rank_slice_count(c, c->rank) * sizeof(float));
    gather_root(c, c->own[0]);
}

/* ---- the step -------------------------------------------------------------------------------- */

static void compute_own(Chunks *c, const ChunkVotes *votes)
{
    const ChunkNode *node = c->node;
    for (int r = 0; r < c->rank; r++) node += c->nodes[r];
    for (int k = 0; k < c->nodes[c->rank]; k++) {
        memset(c->own[k], 0, c->count * sizeof(float));
        compute_node(c, node[k], c->own[k]);
    }
    float *vote = c->own[0] + c->count - 2;
    vote[0] = votes->stop;
    vote[1] = votes->out_of_time;
}

static double take_losses(Chunks *c, const float *root, float chunks)
{
    const float *loss = root + c->gradients;
    for (int i = 0; i < c->info->loss_count; i++) c->losses[i] = loss[1 + i] / chunks;
    return (double)(loss[0] / chunks);
}

double chunks_step(Chunks *c, void *model, const Batch *batch, float lr, void *scratch, ChunkVotes *votes)
{
    float *root = c->own[0];
    c->model = model;
    c->batch = batch;
    c->scratch = scratch;
    c->leaves = (batch->count + c->info->batch - 1) / c->info->batch;
    list_chunk_nodes(c);
    compute_own(c, votes);
    combine_nodes(c);
    const double loss = take_losses(c, root, root[0]);
    *votes = (ChunkVotes){root[c->count - 2] > 0, root[c->count - 1] > 0};
    c->info->update(model, root, lr, scratch);
    return loss;
}

const float *chunks_losses(const Chunks *c) { return c->info->losses ? c->losses : NULL; }

/* ---- memory ------------------------------------------------------------------------------------ */

static int take_vectors(Chunks *c, NnError *error)
{
    const size_t bytes = c->count * sizeof(float);
    ChunkNode node[CHUNK_NODES];
    const int begin = chunk_begin(c->chunks, c->rank, c->size), end = chunk_begin(c->chunks, c->rank + 1, c->size);
    int most = 0, deepest = 0;
    for (int leaves = 1; leaves <= c->chunks; leaves++) { /* of all batches, shorter ones too */
        const int count = chunk_nodes(leaves, begin, end, node);
        if (count > most) most = count;
        for (int k = 0; k < count; k++)
            if (node[k].level > deepest) deepest = node[k].level;
    }
    for (int k = 0; k < (most ? most : 1); k++)
        if (!(c->own[k] = nn_memory(bytes, error))) return -1;
    for (int l = 1; l <= deepest; l++)
        if (!(c->below[l] = nn_memory(bytes, error))) return -1;
    return 0;
}

static int take_slices(Chunks *c, NnError *error)
{
    const size_t bytes = rank_slice_count(c, c->rank) * sizeof(float), nodes = (size_t)c->size * CHUNK_NODES;
    c->node = nn_alloc(nodes * sizeof *c->node, error);
    c->nodes = nn_alloc((size_t)c->size * sizeof *c->nodes, error);
    c->slice = nn_alloc(nodes * sizeof *c->slice, error);
    c->messages = nn_alloc(2 * nodes * sizeof *c->messages, error); /* each node is sent to all others, and got */
    if (!c->node || !c->nodes || !c->slice || !c->messages) return -1;
    if (c->size == 1) return 0;
    int most = 0;
    for (c->leaves = 1; c->leaves <= c->chunks; c->leaves++) {
        int count = 0;
        list_chunk_nodes(c);
        for (int r = 0; r < c->size; r++) count += c->nodes[r];
        if (count > most) most = count;
    }
    c->received = nn_memory((size_t)most * bytes, error);
    for (int l = 1; l <= root_of(c->chunks).level; l++)
        for (int side = 0; side < 2; side++)
            if (!(c->partial[l][side] = nn_memory(bytes, error))) return -1;
    return c->received ? 0 : -1;
}

Chunks *chunks_new(const nn_model_info *info, const nn_model_info *last, const NnChunking *chunking, NnError *error)
{
    Chunks *c = nn_alloc(sizeof *c, error);
    if (!c) return NULL;
    *c = (Chunks){.info = info, .last = last, .ranks = chunking->ranks, .size = 1, .limit = chunking->limit};
    if (c->ranks) c->rank = c->ranks->rank;
    if (c->ranks) c->size = c->ranks->size;
    c->chunks = chunking->batch / info->batch;
    c->gradients = info->gradients_bytes / sizeof(float);
    c->count = c->gradients + 1 + (size_t)info->loss_count + 2;
    if (!take_vectors(c, error) && !take_slices(c, error)) return c;
    chunks_free(c);
    return NULL;
}

void chunks_free(Chunks *c)
{
    if (!c) return;
    for (int k = 0; k < CHUNK_NODES; k++) free(c->own[k]);
    for (int l = 0; l < CHUNK_LEVELS; l++) {
        free(c->below[l]);
        free(c->partial[l][0]);
        free(c->partial[l][1]);
    }
    free(c->received);
    free(c->node);
    free(c->nodes);
    free(c->slice);
    free(c->messages);
    free(c);
}
