/*
 * The step in chunks.
 *
 * What is added up is a vector of floats: the block of gradients as the generated code has it, with
 * the number of chunks as its first element; then the loss and, where there are several, each of
 * them, as sums over chunks as well; then the votes.
 *
 * What a chunk has made final (nn_chunk.ready) is added up the tree at once, as far as the chunk is the last below a
 * node, so a vector for each level of the tree is enough.  A program may be in segments, because it computes
 * something of all samples of the batch (collective.h).  Each chunk of this rank has a scratch of its own then,
 * and a segment of all of them is computed before the next.
 *
 * With ranks, the large gradients go their own way, as soon as the last chunk of this rank has made them final
 * (buckets.h), where the optimizer allows it.  The rest is exchanged after the backward pass, as one vector.
 */
#include "runtime/train/chunks.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/train/buckets.h"
#include "runtime/train/collective.h"
#include "runtime/train/sharding.h"

enum { VOTES = 3 };

/* Elements of the vector. */
typedef struct ChunkSpan {
    size_t begin, count;
} ChunkSpan;

/* A node's vector that a chunk completes, and that of the node above it, to which it is added. */
typedef struct ChunkFold {
    float *from, *to;
} ChunkFold;

struct Chunks {
    const nn_model_info *info, *last;
    const NnRanks *ranks;
    ChunkShares shares;
    double limit;
    size_t gradients, count; /* floats: of the block; of the vector */
    float losses[NN_LOSSES_SHOWN];

    /* memory: this rank's nodes, a vector each; for sums below them, a vector per level; for this rank's slice, the nodes of all other ranks, and two partial sums per level */
    float *own[CHUNK_NODES], *below[CHUNK_LEVELS], *received, *partial[CHUNK_LEVELS][2];
    const float **slice; /* of each node that is here */
    NnMessage *messages;
    Sharding *sharding;            /* NULL: it does not divide the optimizer's state by tensors */
    Buckets *buckets;              /* NULL: all gradients are in the rest */
    const unsigned char *factored; /* [tensor] 1: of buckets, which take its factors; or NULL */
    /* the rest, which is exchanged after the backward pass: with buckets, these parts of the nodes in a vector */
    ChunkSpan *rest;
    int rests;
    float *sent[CHUNK_NODES];
    size_t sent_count;
    CollectiveRun *collective; /* NULL: there is one segment */
    CollectivePart *parts;     /* with a scratch for each chunk of this rank */

    /* of the step */
    void *model, *scratch;
    const Batch *batch;
    int segment, segments;
    float *leaf, leaf_weight; /* to which a chunk is added now */
    int leaf_index;
    ChunkFold fold[CHUNK_LEVELS];
    int fold_begin, fold_end; /* of this chunk */
    bool eager, final;        /* buckets go as soon as they are final; this chunk makes them so */
};

/* ---- the nodes of this rank --------------------------------------------------------------- */

static void fold_span(const ChunkFold *f, size_t begin, size_t count)
{
    chunk_add(f->to + begin, f->to + begin, f->from + begin, count);
}

/* These elements of the leaf are final. */
static void end_span(const Chunks *c, size_t begin, size_t count)
{
    for (size_t i = begin; c->leaf_weight < 1 && i < begin + count; i++) c->leaf[i] *= c->leaf_weight;
    for (int k = c->fold_end - 1; k >= c->fold_begin; k--) fold_span(&c->fold[k], begin, count);
}

static void note_ready(void *ctx, int tensor, float *gradient, size_t count)
{
    const Chunks *c = ctx;
    const size_t begin = (size_t)(gradient - c->leaf);
    if (!c->factored || !c->factored[tensor]) end_span(c, begin, count);
    if (c->final && c->eager && buckets_tensors(c->buckets)[tensor]) buckets_ready(c->buckets, tensor, begin, count);
}

static void note_factors(void *ctx, int tensor, const float *left, const float *right)
{
    const Chunks *c = ctx;
    factors_take(buckets_factors(c->buckets), tensor, c->leaf_index, left, right);
}

static int chunk_samples(const Chunks *c, int leaf)
{
    const int left = c->batch->count - leaf * c->info->batch;
    return left < c->info->batch ? left : c->info->batch;
}

static const nn_model_info *code_of(const Chunks *c, int leaf)
{
    return chunk_samples(c, leaf) < c->info->batch ? c->last : c->info;
}

static float chunk_weight(const Chunks *c, int leaf) { return (float)chunk_samples(c, leaf) / (float)c->info->batch; }

/* Of a chunk: that of its own, or that of all of this rank. */
static void *scratch_of(const Chunks *c, int leaf)
{
    return c->collective ? c->parts[leaf - chunk_shares_begin(&c->shares)].scratch : c->scratch;
}

/* What random layers go on from: the samples before the chunk, in units of the code's batch. */
static uint64_t chunks_before(const Chunks *c, int leaf, const nn_model_info *code)
{
    return (uint64_t)(((int64_t)leaf * c->info->batch + code->batch - 1) / code->batch);
}

static void add_chunk_losses(Chunks *c, const nn_model_info *code, int leaf, float loss)
{
    float *at = c->leaf + c->gradients;
    const float *each = code->losses ? code->losses(scratch_of(c, leaf)) : NULL;
    *at++ = loss;
    for (int i = 0; each && i < code->loss_count; i++) *at++ = each[i];
    end_span(c, c->gradients, 1 + (size_t)c->info->loss_count);
}

/* The segment of a chunk, which writes to `to`. */
static void compute_leaf(Chunks *c, int leaf, float *to)
{
    const nn_model_info *code = code_of(c, leaf);
    const size_t first = (size_t)leaf * (size_t)c->info->batch;
    const float *x = c->batch->x + first * c->info->inputs;
    const char *target = (const char *)c->batch->target + first * c->info->target_count * sizeof(float);
    const nn_chunk chunk = {.segment = c->segment,
                            .first = leaf == chunk_shares_begin(&c->shares),
                            .before = chunks_before(c, leaf, code),
                            .ctx = c,
                            .ready = note_ready,
                            .factored = c->factored,
                            .factors = note_factors};
    c->leaf = to;
    c->leaf_index = leaf;
    c->leaf_weight = chunk_weight(c, leaf);
    c->final = leaf == chunk_shares_end(&c->shares) - 1;
    const float loss = code->grad_chunk(c->model, x, target, to, scratch_of(c, leaf), &chunk);
    if (c->segment == c->segments - 1) add_chunk_losses(c, code, leaf, loss);
}

/* begin … end − 1: the folds that the last leaf completes. */
static void compute_node(Chunks *c, ChunkNode n, float *to, int begin, int end)
{
    if (n.level == 0) {
        c->fold_begin = begin;
        c->fold_end = end;
        compute_leaf(c, n.index, to);
        return;
    }
    const bool both = chunk_has_leaves(chunk_right(n), c->shares.leaves);
    compute_node(c, chunk_left(n), to, both ? end : begin, end);
    if (!both) return;
    c->fold[end] = (ChunkFold){c->below[n.level], to};
    compute_node(c, chunk_right(n), c->below[n.level], begin, end + 1);
}

/* The number of chunks below it. */
static float node_weight(const Chunks *c, ChunkNode n)
{
    if (n.level == 0) return chunk_weight(c, n.index);
    const float left = node_weight(c, chunk_left(n));
    return chunk_has_leaves(chunk_right(n), c->shares.leaves) ? left + node_weight(c, chunk_right(n)) : left;
}

/* ---- the nodes of all ranks ------------------------------------------------------------------ */

static size_t rank_slice_begin(const Chunks *c, int rank)
{
    return chunk_part_begin(c->sent_count, rank, c->shares.size);
}

static size_t rank_slice_count(const Chunks *c, int rank)
{
    return rank_slice_begin(c, rank + 1) - rank_slice_begin(c, rank);
}

static void send_all(const Chunks *c, NnMessage *list, int count)
{
    if (count) c->ranks->exchange(c->ranks, list, count, c->limit);
}

/* Afterwards c->slice has the slices of all nodes, in their order. */
static void scatter_nodes(Chunks *c)
{
    const ChunkShares *s = &c->shares;
    const size_t begin = rank_slice_begin(c, s->rank), mine = rank_slice_count(c, s->rank);
    NnMessage *messages = c->messages;
    float *to = c->received;
    int count = 0, at = 0;
    for (int r = 0; r < s->size; r++) {
        for (int k = 0; k < s->nodes[r]; k++, at++) {
            c->slice[at] = r == s->rank ? c->sent[k] + begin : to;
            if (r == s->rank) continue;
            messages[count++] = (NnMessage){r, false, to, mine * sizeof *to, 0};
            to += mine;
        }
        for (int k = 0; r != s->rank && k < s->nodes[s->rank]; k++)
            messages[count++] =
                (NnMessage){r, true, c->sent[k] + rank_slice_begin(c, r), rank_slice_count(c, r) * sizeof(float), 0};
    }
    send_all(c, messages, count);
}

/* This rank's slice of the root, in memory of its own or where it was computed. */
static const float *combine_slices(const Chunks *c)
{
    const size_t count = rank_slice_count(c, c->shares.rank);
    return chunk_reduce(&(ChunkReduction){&c->shares, c->slice, c->partial, chunk_add, count}, NULL);
}

static void gather_root(const Chunks *c, float *root)
{
    const int own = c->shares.rank;
    NnMessage *list = c->messages;
    int count = 0;
    for (int r = 0; r < c->shares.size; r++) {
        if (r == own) continue;
        float *mine = root + rank_slice_begin(c, own), *others = root + rank_slice_begin(c, r);
        list[count++] = (NnMessage){r, true, mine, rank_slice_count(c, own) * sizeof *root, 0};
        list[count++] = (NnMessage){r, false, others, rank_slice_count(c, r) * sizeof *root, 0};
    }
    send_all(c, list, count);
}

/* Between a node and what of it is sent. */
static void move_rest(const Chunks *c, int node, bool out)
{
    float *at = c->sent[node];
    for (int i = 0; i < c->rests; i++) {
        float *whole = c->own[node] + c->rest[i].begin;
        const size_t count = c->rest[i].count;
        memcpy(out ? at : whole, out ? whole : at, count * sizeof *at);
        at += count;
    }
}

/* The root of the tree, in c->own[0]: of what is not in buckets. */
static void combine_nodes(Chunks *c)
{
    const int nodes = c->shares.nodes[c->shares.rank];
    if (c->shares.size == 1) return; /* the only node is the root */
    for (int k = 0; k < nodes || k == 0; k++) move_rest(c, k, true);
    scatter_nodes(c);
    memmove(c->sent[0] + rank_slice_begin(c, c->shares.rank), combine_slices(c),
            rank_slice_count(c, c->shares.rank) * sizeof(float));
    gather_root(c, c->sent[0]);
    move_rest(c, 0, false);
}

/* ---- running statistics ------------------------------------------------------------------------ */

static bool has_chunks(const Chunks *c, int rank)
{
    return chunk_begin(c->shares.chunks, rank, c->shares.size) < c->shares.leaves;
}

static void move_buffer(const Chunks *c, int tensor)
{
    const nn_tensor_info *t = &c->info->tensors[tensor];
    const NnMessage get = {0, false, c->own[0], t->count * sizeof(float), 0};
    int count = 0;
    if (!has_chunks(c, c->shares.rank)) {
        send_all(c, &(NnMessage){get.peer, get.sends, get.data, get.bytes, 0}, 1);
        c->info->set(c->model, t->name, c->own[0], t->count);
        return;
    }
    if (c->shares.rank != 0) return;
    c->info->get(c->model, t->name, c->own[0], t->count);
    for (int r = 1; r < c->shares.size; r++)
        if (!has_chunks(c, r)) c->messages[count++] = (NnMessage){r, true, c->own[0], get.bytes, 0};
    send_all(c, c->messages, count);
}

/* A rank without a chunk in a shorter batch has not moved them: they are those of rank 0. */
static void move_statistics(const Chunks *c)
{
    if (!c->collective || has_chunks(c, c->shares.size - 1)) return;
    for (int i = 0; i < c->info->tensor_count; i++)
        if (c->info->tensors[i].kind == NN_BUFFER) move_buffer(c, i);
}

/* ---- the step -------------------------------------------------------------------------------- */

static void reduce_collective(Chunks *c)
{
    const int begin = chunk_shares_begin(&c->shares), end = chunk_shares_end(&c->shares);
    for (int leaf = begin; leaf < end; leaf++) {
        c->parts[leaf - begin].at = &code_of(c, leaf)->collectives[c->segment];
        c->parts[leaf - begin].weight = chunk_weight(c, leaf);
    }
    collective_reduce(c->collective, &c->info->collectives[c->segment], c->parts,
                      (float)c->batch->count / (float)c->info->batch);
}

/* Chunks of other code may read a parameter in a segment in which this rank's last chunk has already made its
 * gradient final. */
static bool may_be_eager(const Chunks *c)
{
    const int begin = chunk_shares_begin(&c->shares), end = chunk_shares_end(&c->shares);
    return c->buckets && begin < end && (c->segments == 1 || code_of(c, begin) == code_of(c, end - 1));
}

/* The number of chunks, in the place of that of batches. */
static void count_chunks(const Chunks *c)
{
    const int first = chunk_shares_first(&c->shares), nodes = c->shares.nodes[c->shares.rank];
    for (int k = 0; k < nodes; k++) c->own[k][0] = node_weight(c, c->shares.node[first + k]);
    if (c->buckets) c->own[0][0] = node_weight(c, chunk_root(c->shares.leaves));
}

static void compute_own(Chunks *c, const ChunkVotes *votes)
{
    const int first = chunk_shares_first(&c->shares), nodes = c->shares.nodes[c->shares.rank];
    for (c->segment = 0; c->segment < c->segments; c->segment++) {
        for (int k = 0; k < nodes; k++) compute_node(c, c->shares.node[first + k], c->own[k], 0, 0);
        if (c->segment < c->segments - 1) reduce_collective(c);
    }
    float *vote = c->own[0] + c->count - VOTES;
    vote[0] = votes->stop;
    vote[1] = votes->out_of_time;
    vote[2] = votes->checkpoint;
}

static void update_model(Chunks *c, float lr)
{
    if (c->buckets)
        c->info->update_some(c->model, c->own[0], lr, c->scratch,
                             &(nn_share){buckets_tensors(c->buckets), 0, 1, 1, c->own[0]});
    else if (c->sharding)
        sharding_update(c->sharding, c->model, c->own[0], lr, c->scratch);
    else
        c->info->update(c->model, c->own[0], lr, c->scratch);
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
    const float *vote = root + c->count - VOTES;
    c->model = model;
    c->batch = batch;
    c->scratch = scratch;
    chunk_shares_list(&c->shares, (batch->count + c->info->batch - 1) / c->info->batch);
    count_chunks(c);
    c->eager = may_be_eager(c);
    if (c->buckets) buckets_begin(c->buckets, &(BucketStep){model, scratch, c->own, lr, batch->count});
    compute_own(c, votes);
    if (c->buckets) buckets_end(c->buckets);
    combine_nodes(c);
    const double loss = take_losses(c, root, root[0]);
    *votes = (ChunkVotes){vote[0] > 0, vote[1] > 0, vote[2] > 0};
    update_model(c, lr);
    move_statistics(c);
    return loss;
}

int chunks_share_weights(Chunks *c, void *model, NnError *error)
{
    return c->buckets ? buckets_share_weights(c->buckets, model, error) : 0;
}

void chunks_part_weights(Chunks *c)
{
    if (c->buckets) buckets_part_weights(c->buckets);
}

void chunks_collect_state(const Chunks *c, void *model)
{
    if (c->sharding) sharding_collect_state(c->sharding, model, c->own[0]);
    if (c->buckets) buckets_collect_state(c->buckets, model, c->own[0]);
}

void chunks_forget_state(const Chunks *c, void *model)
{
    if (c->sharding) sharding_forget_state(c->sharding, model, c->own[0]);
    if (c->buckets) buckets_forget_state(c->buckets, model, c->own[0]);
}

bool chunks_is_sharded(const Chunks *c) { return c->sharding || c->buckets; }

const float *chunks_losses(const Chunks *c) { return c->info->losses ? c->losses : NULL; }

/* ---- memory ------------------------------------------------------------------------------------ */

/* Of zeros, but for gradients of which only the factors exist: these take no memory. */
static float *new_vector(const Chunks *c, size_t bytes, NnError *error)
{
    float *v = c->factored ? nn_memory(bytes, error) : nn_alloc(bytes, error);
    if (!v || !c->factored) return v;
    v[0] = 0;
    for (int i = 0; i < c->info->tensor_count; i++) {
        size_t in_model, in_gradients;
        if (c->factored[i] || c->info->place(i, &in_model, &in_gradients)) continue;
        memset((char *)v + in_gradients, 0, c->info->tensors[i].count * sizeof *v);
    }
    memset(v + c->gradients, 0, bytes - c->gradients * sizeof *v);
    return v;
}

static int take_vectors(Chunks *c, NnError *error)
{
    const size_t bytes = c->count * sizeof(float);
    const size_t shard_bytes = c->sharding ? sharding_floats(c->info) * sizeof(float) : 0; /* own[0] is used for it */
    const ChunkShares *s = &c->shares;
    ChunkNode node[CHUNK_NODES];
    const int begin = chunk_begin(s->chunks, s->rank, s->size), end = chunk_begin(s->chunks, s->rank + 1, s->size);
    int most = 0, deepest = 0;
    for (int leaves = 1; leaves <= s->chunks; leaves++) { /* of all batches, shorter ones too */
        const int count = chunk_nodes(leaves, begin, end, node);
        if (count > most) most = count;
        for (int k = 0; k < count; k++)
            if (node[k].level > deepest) deepest = node[k].level;
    }
    for (int k = 0; k < (most ? most : 1); k++)
        if (!(c->own[k] = new_vector(c, k == 0 && bytes < shard_bytes ? shard_bytes : bytes, error))) return -1;
    for (int l = 1; l <= deepest; l++)
        if (!(c->below[l] = new_vector(c, bytes, error))) return -1;
    return 0;
}

static void add_rest(Chunks *c, size_t begin, size_t count)
{
    c->rest[c->rests++] = (ChunkSpan){begin, count};
    c->sent_count += count;
}

/* Tensors without buckets, and what follows the gradients. */
static void list_rest(Chunks *c)
{
    for (int i = 0; i < c->info->tensor_count; i++) {
        size_t in_model, in_gradients;
        if (buckets_tensors(c->buckets)[i] || c->info->place(i, &in_model, &in_gradients)) continue;
        add_rest(c, in_gradients / sizeof(float), c->info->tensors[i].count);
    }
    add_rest(c, c->gradients, c->count - c->gradients);
}

static int take_rest(Chunks *c, NnError *error)
{
    c->sent_count = c->count;
    for (int k = 0; k < CHUNK_NODES; k++) c->sent[k] = c->own[k];
    if (!c->buckets) return 0;
    c->sent_count = 0;
    if (!(c->rest = nn_alloc(((size_t)c->info->tensor_count + 1) * sizeof *c->rest, error))) return -1;
    list_rest(c);
    for (int k = 0; k < CHUNK_NODES && c->own[k]; k++)
        if (!(c->sent[k] = nn_alloc(c->sent_count * sizeof(float), error))) return -1;
    return 0;
}

static int take_slices(Chunks *c, NnError *error)
{
    ChunkShares *s = &c->shares;
    const size_t bytes = rank_slice_count(c, s->rank) * sizeof(float), nodes = (size_t)s->size * CHUNK_NODES;
    s->node = nn_alloc(nodes * sizeof *s->node, error);
    s->nodes = nn_alloc((size_t)s->size * sizeof *s->nodes, error);
    c->slice = nn_alloc(nodes * sizeof *c->slice, error);
    c->messages = nn_alloc(2 * nodes * sizeof *c->messages, error); /* each node is sent to all others, and got */
    if (!s->node || !s->nodes || !c->slice || !c->messages) return -1;
    if (s->size == 1) return 0;
    int most = 0;
    for (int leaves = 1; leaves <= s->chunks; leaves++) {
        chunk_shares_list(s, leaves);
        const int count = chunk_shares_count(s);
        if (count > most) most = count;
    }
    c->received = nn_memory((size_t)most * bytes, error);
    for (int l = 1; l <= chunk_root(s->chunks).level; l++)
        for (int side = 0; side < 2; side++)
            if (!(c->partial[l][side] = nn_memory(bytes, error))) return -1;
    return c->received ? 0 : -1;
}

/* Chunks of this rank, of a whole batch. */
static int own_chunks(const ChunkShares *s)
{
    return chunk_begin(s->chunks, s->rank + 1, s->size) - chunk_begin(s->chunks, s->rank, s->size);
}

/* A scratch for each chunk of this rank. */
static int take_scratches(Chunks *c, NnError *error)
{
    const int own = own_chunks(&c->shares);
    size_t bytes = c->info->train_scratch;
    if (!c->info->collective_count) return 0;
    if (c->last && c->last->train_scratch > bytes) bytes = c->last->train_scratch;
    c->collective = collective_new(c->info, &c->shares, c->ranks, c->limit, error);
    c->parts = nn_alloc((size_t)own * sizeof *c->parts, error);
    if (!c->collective || !c->parts) return -1;
    for (int i = 0; i < own; i++)
        if (!(c->parts[i].scratch = nn_memory(bytes, error))) return -1;
    return 0;
}

static int divide_updates(Chunks *c, const NnChunking *chunking, NnError *error)
{
    const BucketSizes sizes = {.slice = chunking->slice, .least = chunking->shard ? 1 : 0};
    const ChunkCode code = {c->info, c->last};
    if (c->shares.size == 1) return 0;
    if (c->info->update_is_local)
        c->buckets = buckets_new(&code, &c->shares, c->ranks, c->limit, sizes, error);
    else if (chunking->shard)
        c->sharding = sharding_new(c->info, c->ranks, c->limit, error);
    else
        return 0;
    if (c->buckets) c->factored = factors_tensors(buckets_factors(c->buckets));
    return c->buckets || c->sharding ? 0 : -1;
}

Chunks *chunks_new(const nn_model_info *info, const nn_model_info *last, const NnChunking *chunking, NnError *error)
{
    Chunks *c = nn_alloc(sizeof *c, error);
    if (!c) return NULL;
    *c = (Chunks){.info = info, .last = last, .ranks = chunking->ranks, .limit = chunking->limit};
    c->shares = (ChunkShares){.size = 1, .chunks = chunking->batch / info->batch};
    if (c->ranks) c->shares.rank = c->ranks->rank;
    if (c->ranks) c->shares.size = c->ranks->size;
    c->segments = info->collective_count + 1;
    c->gradients = info->gradients_bytes / sizeof(float);
    c->count = c->gradients + 1 + (size_t)info->loss_count + VOTES;
    if (!divide_updates(c, chunking, error) && !take_vectors(c, error) && !take_rest(c, error) &&
        !take_slices(c, error) && !take_scratches(c, error))
        return c;
    chunks_free(c);
    return NULL;
}

static void free_scratches(Chunks *c)
{
    for (int i = 0; c->parts && i < own_chunks(&c->shares); i++) free(c->parts[i].scratch);
    free(c->parts);
    collective_free(c->collective);
}

void chunks_free(Chunks *c)
{
    if (!c) return;
    free_scratches(c);
    sharding_free(c->sharding);
    for (int k = 0; c->buckets && k < CHUNK_NODES; k++)
        if (c->sent[k] != c->own[k]) free(c->sent[k]);
    buckets_free(c->buckets);
    for (int k = 0; k < CHUNK_NODES; k++) free(c->own[k]);
    for (int l = 0; l < CHUNK_LEVELS; l++) {
        free(c->below[l]);
        free(c->partial[l][0]);
        free(c->partial[l][1]);
    }
    free(c->rest);
    free(c->received);
    free(c->shares.node);
    free(c->shares.nodes);
    free(c->slice);
    free(c->messages);
    free(c);
}
