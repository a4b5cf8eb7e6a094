#include "runtime/train/buckets.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/train/sharding.h"
#include "runtime/train/shared_weights.h"

enum {
    SLICE = 1 << 18, /* floats: a rank's slice stays in its cache from its arrival to its update */
    ROWS = 1 << 17,  /* floats: the same of rows computed of factors: more, since each bucket reads all factors */
    LEAST = 1 << 14, /* floats: smaller tensors are not worth messages of their own */
    WINDOW = 4,      /* slices that are received at the same time */
    MOST = 1 << 13   /* buckets: each has tags of its own */
};

typedef struct Bucket {
    int tensor, part;  /* part of so many buckets of the tensor */
    size_t begin, end; /* floats of the tensor */
    size_t left;       /* of them not final yet */
    float *got;        /* what is received of its slice */
    NnTransfer *out;   /* the slices of others: gradients to them, then values from them */
    NnTransfer *in;    /* this rank's slice: gradients of others, */
    NnTransfer *back;  /* and values to them */
} Bucket;

/* A tensor of buckets. */
typedef struct CutTensor {
    size_t count, in_model, in_gradients; /* floats */
    int first, parts;                     /* its buckets */
} CutTensor;

struct Buckets {
    const nn_model_info *info;
    const ChunkShares *shares;
    const NnRanks *ranks;
    double limit;
    RankFactors *factors;
    SharedWeights *shared;      /* or NULL */
    CutTensor *cut;             /* [tensor] */
    unsigned char *in, *others; /* [tensor]: has buckets; 1 but of the tensor that is updated now */
    Bucket *bucket;
    int count;
    size_t slice;           /* floats of the largest */
    int *queue;             /* buckets that are final, in that order: */
    int ended, begun, made; /* so many are updated, received or being so, and final */
    float *window[WINDOW], *partial[CHUNK_LEVELS][2];
    const float **node; /* of the slice at hand: each node's */
    NnMessage *messages;
    BucketStep step;
};

const unsigned char *buckets_tensors(const Buckets *b) { return b->in; }

RankFactors *buckets_factors(const Buckets *b) { return b->factors; }

static bool is_factored(const Buckets *b, int tensor) { return factors_tensors(b->factors)[tensor]; }

/* ---- slices ------------------------------------------------------------------------------ */

/* Floats of the tensor. */
typedef struct RankSlice {
    size_t begin, count;
} RankSlice;

static RankSlice slice_of(const Buckets *b, const CutTensor *cut, int part, int rank)
{
    const int size = b->shares->size, at = part * size + rank, all = cut->parts * size;
    const size_t begin = chunk_part_begin(cut->count, at, all);
    return (RankSlice){begin, chunk_part_begin(cut->count, at + 1, all) - begin};
}

static float *gradients_at(const Buckets *b, const CutTensor *cut, int node, size_t at)
{
    return b->step.own[node] + cut->in_gradients + at;
}

/* ---- messages ---------------------------------------------------------------------------- */

static int gradient_tag(const Buckets *b, const Bucket *k) { return 1 + 2 * (int)(k - b->bucket); }
static int value_tag(const Buckets *b, const Bucket *k) { return 2 + 2 * (int)(k - b->bucket); }

/* The values of a slice from another rank, or to it: those that the two do not have in the same memory. */
static int add_slice_values(const Buckets *b, int count, NnMessage message, const CutTensor *cut, RankSlice slice)
{
    const size_t size = sizeof(float), begin = (cut->in_model + slice.begin) * size, end = begin + slice.count * size;
    SharedSpan same = {end, end};
    if (shared_weights_with(b->shared, message.peer)) same = shared_weights_part(b->shared, (SharedSpan){begin, end});
    const SharedSpan rest[2] = {{begin, same.begin}, {same.end, end}};
    for (int i = 0; i < 2; i++) {
        if (rest[i].begin == rest[i].end) continue;
        message.data = (char *)b->step.model + rest[i].begin;
        message.bytes = rest[i].end - rest[i].begin;
        b->messages[count++] = message;
    }
    return count;
}

static void start_out(Buckets *b, Bucket *k)
{
    const ChunkShares *s = b->shares;
    const CutTensor *cut = &b->cut[k->tensor];
    const bool factored = is_factored(b, k->tensor);
    int count = 0;
    if (factored) factors_exchange(b->factors, k->tensor);
    for (int r = 0; r < s->size; r++) {
        const RankSlice slice = slice_of(b, cut, k->part, r);
        const size_t bytes = slice.count * sizeof(float);
        if (r == s->rank || !bytes) continue;
        for (int i = 0; !factored && i < s->nodes[s->rank]; i++)
            b->messages[count++] =
                (NnMessage){r, true, gradients_at(b, cut, i, slice.begin), bytes, gradient_tag(b, k)};
        count = add_slice_values(b, count, (NnMessage){.peer = r, .tag = value_tag(b, k)}, cut, slice);
    }
    k->out = b->ranks->start(b->ranks, b->messages, count);
}

static void start_in(Buckets *b, Bucket *k, float *to)
{
    const ChunkShares *s = b->shares;
    const RankSlice slice = slice_of(b, &b->cut[k->tensor], k->part, s->rank);
    int count = 0;
    if (is_factored(b, k->tensor)) return;
    k->got = to;
    for (int r = 0; r < s->size; r++)
        for (int i = 0; slice.count && r != s->rank && i < s->nodes[r]; i++, to += slice.count)
            b->messages[count++] = (NnMessage){r, false, to, slice.count * sizeof *to, gradient_tag(b, k)};
    k->in = b->ranks->start(b->ranks, b->messages, count);
}

static void start_back(Buckets *b, Bucket *k, RankSlice slice)
{
    const NnMessage sends = {.sends = true, .tag = value_tag(b, k)};
    int count = 0;
    for (int r = 0; r < b->shares->size; r++) {
        NnMessage message = sends;
        message.peer = r;
        if (r != b->shares->rank) count = add_slice_values(b, count, message, &b->cut[k->tensor], slice);
    }
    k->back = b->ranks->start(b->ranks, b->messages, count);
}

/* ---- this rank's slice --------------------------------------------------------------------- */

/* The sum of all ranks takes the place of this rank's first node. */
static void sum_all(const Buckets *b, const Bucket *k, RankSlice slice)
{
    const ChunkShares *s = b->shares;
    const CutTensor *cut = &b->cut[k->tensor];
    const float *got = k->got;
    int at = 0;
    for (int r = 0; r < s->size; r++)
        for (int i = 0; i < s->nodes[r]; i++) {
            b->node[at++] = r == s->rank ? gradients_at(b, cut, i, slice.begin) : got;
            if (r != s->rank) got += slice.count;
        }
    float *to = gradients_at(b, cut, 0, slice.begin);
    const float *sum = chunk_reduce(&(ChunkReduction){s, b->node, b->partial, chunk_add, slice.count}, to);
    if (sum != to) memcpy(to, sum, slice.count * sizeof *to);
}

/* A block of gradients, of which only the slice of the tensor is there: its sum. */
static void *block_of_sum(const Buckets *b, const Bucket *k, RankSlice slice)
{
    if (is_factored(b, k->tensor)) {
        float *sum = factors_sum(b->factors, k->tensor, slice.begin, slice.count);
        return sum - (b->cut[k->tensor].in_gradients + slice.begin);
    }
    sum_all(b, k, slice);
    return b->step.own[0];
}

static void update_slice(Buckets *b, Bucket *k)
{
    const CutTensor *cut = &b->cut[k->tensor];
    const int size = b->shares->size, rank = b->shares->rank;
    const RankSlice slice = slice_of(b, cut, k->part, rank);
    if (!slice.count) return;
    void *gradients = block_of_sum(b, k, slice);
    b->others[k->tensor] = 0;
    const nn_share share = {b->others, k->part * size + rank, cut->parts * size, 0, b->step.own[0]};
    b->info->update_some(b->step.model, gradients, b->step.lr, b->step.scratch, &share);
    b->others[k->tensor] = 1;
    start_back(b, k, slice);
}

/* ---- the step ------------------------------------------------------------------------------- */

/* A rank without a chunk in this batch gives the others nothing to wait for, but may still read the parameters. */
static void await_idle_ranks(const Buckets *b)
{
    bool idle = false;
    for (int r = 0; r < b->shares->size; r++) idle = idle || !b->shares->nodes[r];
    if (idle) shared_weights_meet(b->shared);
}

void buckets_begin(Buckets *b, const BucketStep *step)
{
    b->step = *step;
    await_idle_ranks(b);
    factors_begin(b->factors, step->samples);
    b->ended = b->begun = b->made = 0;
    for (int i = 0; i < b->count; i++) b->bucket[i].left = b->bucket[i].end - b->bucket[i].begin;
}

static void receive_more(Buckets *b)
{
    for (; b->begun < b->made && b->begun < b->ended + WINDOW; b->begun++)
        start_in(b, &b->bucket[b->queue[b->begun]], b->window[b->begun % WINDOW]);
}

static bool has_arrived(const Buckets *b, const Bucket *k)
{
    return is_factored(b, k->tensor) ? factors_test(b->factors, k->tensor) : b->ranks->test(b->ranks, k->in);
}

static void await(const Buckets *b, const Bucket *k)
{
    if (is_factored(b, k->tensor))
        factors_wait(b->factors, k->tensor);
    else
        b->ranks->wait(b->ranks, k->in, b->limit);
}

static void end_first(Buckets *b) { update_slice(b, &b->bucket[b->queue[b->ended++]]); }

/* What has come is added and updated; nothing is waited for. */
static void make_progress(Buckets *b)
{
    for (receive_more(b); b->ended < b->begun; receive_more(b)) {
        if (!has_arrived(b, &b->bucket[b->queue[b->ended]])) return;
        end_first(b);
    }
}

static void take_ready(Buckets *b, Bucket *k)
{
    k->left = 0;
    start_out(b, k);
    b->queue[b->made++] = (int)(k - b->bucket);
}

void buckets_ready(Buckets *b, int tensor, size_t at, size_t count)
{
    const CutTensor *cut = &b->cut[tensor];
    const size_t first = at - cut->in_gradients;
    for (int i = 0; i < cut->parts; i++) {
        Bucket *k = &b->bucket[cut->first + i];
        const size_t begin = k->begin > first ? k->begin : first;
        const size_t end = k->end < first + count ? k->end : first + count;
        if (begin >= end || !k->left) continue;
        k->left -= end - begin;
        if (!k->left) take_ready(b, k);
    }
    make_progress(b);
}

void buckets_end(Buckets *b)
{
    for (int i = 0; i < b->count; i++)
        if (b->bucket[i].left) take_ready(b, &b->bucket[i]);
    for (receive_more(b); b->ended < b->begun; receive_more(b)) {
        await(b, &b->bucket[b->queue[b->ended]]);
        end_first(b);
    }
    factors_end(b->factors);
    for (int i = 0; i < b->count; i++) {
        Bucket *k = &b->bucket[b->queue[i]];
        b->ranks->wait(b->ranks, k->out, b->limit);
        if (k->back) b->ranks->wait(b->ranks, k->back, b->limit);
        k->out = k->in = k->back = NULL;
    }
    shared_weights_meet(b->shared);
}

/* ---- parameters in the same memory -------------------------------------------------------------- */

int buckets_share_weights(Buckets *b, void *model, NnError *error)
{
    SharedSpan *span = nn_alloc(((size_t)b->info->tensor_count + 1) * sizeof *span, error);
    int count = 0;
    if (!span) return -1;
    for (int i = 0; i < b->info->tensor_count; i++) {
        const size_t begin = b->cut[i].in_model * sizeof(float);
        if (b->in[i]) span[count++] = (SharedSpan){begin, begin + b->cut[i].count * sizeof(float)};
    }
    b->shared = shared_weights_new(b->ranks, b->limit, model, span, count, error);
    free(span);
    return b->shared ? 0 : -1;
}

void buckets_part_weights(Buckets *b)
{
    shared_weights_free(b->shared);
    b->shared = NULL;
}

/* ---- the state -------------------------------------------------------------------------------- */

/* The tensor of buckets whose state it is, or −1. */
static int state_of_cut(const Buckets *b, int state)
{
    const nn_tensor_info *all = b->info->tensors;
    for (int i = 0; all[state].kind == NN_STATE && i < b->info->tensor_count; i++)
        if (b->in[i] && sharding_is_state_of(&all[state], &all[i]) && all[state].count == all[i].count) return i;
    return -1;
}

static void send_state(const Buckets *b, const CutTensor *cut, float *values)
{
    NnMessage *list = b->messages;
    for (int part = 0; part < cut->parts; part++) {
        int count = 0;
        for (int r = 1; r < b->shares->size; r++) {
            const RankSlice slice = slice_of(b, cut, part, r);
            if (!slice.count || (b->shares->rank != 0 && b->shares->rank != r)) continue;
            const bool sends = b->shares->rank != 0;
            list[count++] = (NnMessage){sends ? 0 : r, sends, values + slice.begin, slice.count * sizeof *values, 0};
        }
        if (count) b->ranks->exchange(b->ranks, list, count, b->limit);
    }
}

void buckets_collect_state(const Buckets *b, void *model, float *values)
{
    for (int i = 0; i < b->info->tensor_count; i++) {
        const nn_tensor_info *t = &b->info->tensors[i];
        const int cut = state_of_cut(b, i);
        if (cut < 0) continue;
        b->info->get(model, t->name, values, t->count);
        send_state(b, &b->cut[cut], values);
        if (b->shares->rank == 0) b->info->set(model, t->name, values, t->count);
    }
}

void buckets_forget_state(const Buckets *b, void *model, float *values)
{
    for (int i = 0; i < b->info->tensor_count; i++) {
        const nn_tensor_info *t = &b->info->tensors[i];
        const int at = state_of_cut(b, i);
        if (at < 0) continue;
        const CutTensor *cut = &b->cut[at];
        b->info->get(model, t->name, values, t->count);
        for (int part = 0; part < cut->parts; part++)
            for (int r = 0; r < b->shares->size; r++) {
                const RankSlice slice = slice_of(b, cut, part, r);
                if (r != b->shares->rank) memset(values + slice.begin, 0, slice.count * sizeof *values);
            }
        b->info->set(model, t->name, values, t->count);
    }
    sharding_give_back(b->info, model);
}

/* ---- memory -------------------------------------------------------------------------------------- */

/* Slices of whole rows, if there are not many more for it. */
static int parts_of_rows(const Buckets *b, int tensor, int least)
{
    const size_t count = b->info->tensors[tensor].count, columns = (size_t)factors_columns(b->factors, tensor);
    for (int parts = least; parts <= 2 * least; parts++) {
        const size_t slices = (size_t)parts * (size_t)b->shares->size, slice = count / slices;
        if (count % slices == 0 && slice % columns == 0 && chunk_part_begin(count, 1, (int)slices) == slice)
            return parts;
    }
    return least;
}

static int parts_of(const Buckets *b, int tensor, BucketSizes sizes)
{
    const size_t slice = is_factored(b, tensor) ? sizes.rows : sizes.slice;
    const size_t across = slice * (size_t)b->shares->size, count = b->info->tensors[tensor].count;
    const int parts = (int)((count + across - 1) / across);
    return is_factored(b, tensor) ? parts_of_rows(b, tensor, parts) : parts;
}

static int count_buckets(Buckets *b, BucketSizes sizes)
{
    int count = 0;
    for (int i = 0; i < b->info->tensor_count; i++) {
        const nn_tensor_info *t = &b->info->tensors[i];
        size_t in_model, in_gradients;
        if (t->kind != NN_TRAINED || t->count < sizes.least || b->info->place(i, &in_model, &in_gradients)) continue;
        const int parts = parts_of(b, i, sizes);
        b->in[i] = 1;
        b->cut[i] = (CutTensor){t->count, in_model / sizeof(float), in_gradients / sizeof(float), count, parts};
        count += parts;
    }
    return count;
}

static void list_buckets(Buckets *b)
{
    for (int i = 0; i < b->info->tensor_count; i++)
        for (int part = 0; part < b->cut[i].parts; part++) {
            const CutTensor *cut = &b->cut[i];
            const RankSlice last = slice_of(b, cut, part, b->shares->size - 1);
            b->bucket[cut->first + part] = (Bucket){
                .tensor = i, .part = part, .begin = slice_of(b, cut, part, 0).begin, .end = last.begin + last.count};
            for (int r = 0; r < b->shares->size; r++) {
                const size_t count = slice_of(b, cut, part, r).count;
                if (count > b->slice) b->slice = count;
            }
        }
}

/* Nodes of other ranks, of any batch, at most; nodes of this rank. */
static int take_slices_memory(Buckets *b, NnError *error)
{
    const ChunkShares *s = b->shares;
    const size_t nodes = (size_t)s->size * CHUNK_NODES, bytes = b->slice * sizeof(float);
    const size_t most = (size_t)(s->size < s->chunks ? s->chunks : s->size);
    if (!(b->node = nn_alloc(nodes * sizeof *b->node, error))) return -1;
    if (!(b->messages = nn_alloc((nodes + (size_t)s->size * (CHUNK_NODES + 2)) * sizeof *b->messages, error)))
        return -1;
    for (int i = 0; i < WINDOW; i++)
        if (!(b->window[i] = nn_memory(most * bytes, error))) return -1;
    for (int l = 1; l <= chunk_root(s->chunks).level; l++)
        for (int side = 0; side < 2; side++)
            if (!(b->partial[l][side] = nn_memory(bytes, error))) return -1;
    return 0;
}

static int take_buckets(Buckets *b, BucketSizes sizes, NnError *error)
{
    const size_t tensors = (size_t)b->info->tensor_count + 1;
    b->cut = nn_alloc(tensors * sizeof *b->cut, error);
    b->in = nn_alloc(tensors, error);
    b->others = nn_alloc(tensors, error);
    if (!b->cut || !b->in || !b->others) return -1;
    memset(b->others, 1, tensors);
    while ((b->count = count_buckets(b, sizes)) > MOST) sizes.slice *= 2, sizes.rows *= 2;
    b->bucket = nn_alloc(((size_t)b->count + 1) * sizeof *b->bucket, error);
    b->queue = nn_alloc(((size_t)b->count + 1) * sizeof *b->queue, error);
    if (!b->bucket || !b->queue) return -1;
    list_buckets(b);
    if (factors_reserve(b->factors, b->slice, b->info->gradients_bytes, error)) return -1;
    return take_slices_memory(b, error);
}

Buckets *buckets_new(const ChunkCode *code, const ChunkShares *shares, const NnRanks *ranks, double limit,
                     BucketSizes sizes, NnError *error)
{
    Buckets *b = nn_alloc(sizeof *b, error);
    if (!b) return NULL;
    *b = (Buckets){.info = code->info, .shares = shares, .ranks = ranks, .limit = limit};
    if (!sizes.rows) sizes.rows = sizes.slice ? sizes.slice : ROWS;
    if (!sizes.slice) sizes.slice = SLICE;
    if (!sizes.least) sizes.least = LEAST;
    b->factors = factors_new(code, shares, ranks, limit, sizes.least, error);
    if (b->factors && take_buckets(b, sizes, error) == 0) return b;
    buckets_free(b);
    return NULL;
}

void buckets_free(Buckets *b)
{
    if (!b) return;
    for (int i = 0; i < WINDOW; i++) free(b->window[i]);
    for (int l = 0; l < CHUNK_LEVELS; l++)
        for (int side = 0; side < 2; side++) free(b->partial[l][side]);
    factors_free(b->factors);
    shared_weights_free(b->shared);
    free(b->cut);
    free(b->in);
    free(b->others);
    free(b->bucket);
    free(b->queue);
    free(b->node);
    free(b->messages);
    free(b);
}
