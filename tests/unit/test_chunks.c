/*
 * The tree of a batch's chunks: what each rank computes of it; and steps in chunks, with threads as ranks.
 */
#include "commands/train/chunking.h"
#include "runtime/train/chunks.h"

#include <check.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static int end_of(ChunkNode n, int leaves)
{
    const int end = (n.index + 1) << n.level;
    return end < leaves ? end : leaves;
}

static bool is_within(ChunkNode n, int leaves, int begin, int end)
{
    return n.index << n.level >= begin && end_of(n, leaves) <= end;
}

/* The nodes of a rank are its leaves, in order, and none of them is a part of a larger one of the same
 * rank. */
static void check_nodes(int leaves, int begin, int end)
{
    ChunkNode node[CHUNK_NODES];
    const int count = chunk_nodes(leaves, begin, end, node);
    int at = begin;
    for (int i = 0; i < count; i++) {
        const ChunkNode n = node[i], parent = {n.level + 1, n.index / 2};
        ck_assert_int_eq(n.index << n.level, at);
        at = end_of(n, leaves);
        ck_assert(1 << n.level >= leaves || !is_within(parent, leaves, begin, end));
    }
    ck_assert_int_eq(at, end);
}

START_TEST(ranks_have_whole_nodes)
{
    for (int leaves = 1; leaves <= 40; leaves++)
        for (int size = 1; size <= leaves; size++)
            for (int rank = 0; rank < size; rank++)
                check_nodes(leaves, chunk_begin(leaves, rank, size), chunk_begin(leaves, rank + 1, size));
}
END_TEST

START_TEST(a_shorter_batch_has_no_other_leaves)
{
    ChunkNode node[CHUNK_NODES];
    ck_assert_int_eq(chunk_nodes(3, 4, 8, node), 0);
    ck_assert_int_eq(chunk_nodes(3, 2, 4, node), 1);
    ck_assert_int_eq(node[0].level, 1); /* 2 and 3, of which 3 is not there */
    ck_assert_int_eq(node[0].index, 1);
}
END_TEST

START_TEST(chunks_divide_the_batch)
{
    for (int64_t batch = 1; batch <= 600; batch++) {
        const int64_t chunk = chunking_default(batch);
        ck_assert_int_eq(batch % chunk, 0);
        ck_assert_int_le(batch / chunk, 8);
        ck_assert(batch % 16 != 0 || chunk % 16 == 0);
    }
    ck_assert_int_eq(chunking_default(64), 16);
    ck_assert_int_eq(chunking_default(256), 32);
    ck_assert_int_eq(chunking_default(50), 25);
    ck_assert_int_eq(chunking_default(8), 2);
}
END_TEST

/* ---- steps ---------------------------------------------------------------- */

enum {
    RANKS = 4,
    CHUNK = 4,
    WHOLE = 16,
    SHORTER = 6,
    STEPS = 3,
    INPUTS = 2 * 5 * 5,
    WIDE = 200,
    MOST_VALUES = INPUTS * WIDE
};

/* Messages on their way. */
typedef struct Letter {
    struct Letter *next;
    int tag;
    size_t bytes;
    char data[];
} Letter;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    Letter *first[RANKS][RANKS]; /* from, to */
    size_t factors, values;      /* bytes of them that were sent */
} post = {.lock = PTHREAD_MUTEX_INITIALIZER, .arrived = PTHREAD_COND_INITIALIZER};

static void send_letter(int from, const NnMessage *m)
{
    Letter *letter = malloc(sizeof *letter + m->bytes), **end = &post.first[from][m->peer];
    letter->next = NULL;
    letter->tag = m->tag;
    letter->bytes = m->bytes;
    memcpy(letter->data, m->data, m->bytes);
    if (m->tag > NN_TAGS / 2) post.factors += m->bytes;
    if (m->tag > 0 && m->tag <= NN_TAGS / 2 && m->tag % 2 == 0) post.values += m->bytes;
    while (*end) end = &(*end)->next;
    *end = letter;
}

/* The first with the tag; where it is linked. */
static Letter **find_letter(int to, const NnMessage *m)
{
    Letter **at = &post.first[m->peer][to];
    while (*at && (*at)->tag != m->tag) at = &(*at)->next;
    return at;
}

static void await_letter(int to, const NnMessage *m)
{
    while (!*find_letter(to, m)) pthread_cond_wait(&post.arrived, &post.lock);
    Letter **at = find_letter(to, m), *letter = *at;
    *at = letter->next;
    ck_assert_int_ge(m->tag, 0);
    ck_assert_int_lt(m->tag, NN_TAGS);
    ck_assert_uint_eq(letter->bytes, m->bytes);
    memcpy(m->data, letter->data, m->bytes);
    free(letter);
}

static void exchange_letters(const NnRanks *r, const NnMessage *list, int count, double limit)
{
    (void)limit;
    pthread_mutex_lock(&post.lock);
    for (int i = 0; i < count; i++)
        if (list[i].sends) send_letter(r->rank, &list[i]);
    pthread_cond_broadcast(&post.arrived);
    for (int i = 0; i < count; i++)
        if (!list[i].sends) await_letter(r->rank, &list[i]);
    pthread_mutex_unlock(&post.lock);
}

/* Letters are sent at once; those that are awaited are looked for from time to time. */
struct NnTransfer {
    int count;
    unsigned tests;
    NnMessage list[];
};

static NnTransfer *start_letters(const NnRanks *r, const NnMessage *list, int count)
{
    NnTransfer *t = malloc(sizeof *t + (size_t)count * sizeof *list);
    t->count = t->tests = 0;
    pthread_mutex_lock(&post.lock);
    for (int i = 0; i < count; i++)
        if (list[i].sends)
            send_letter(r->rank, &list[i]);
        else
            t->list[t->count++] = list[i];
    pthread_cond_broadcast(&post.arrived);
    pthread_mutex_unlock(&post.lock);
    return t;
}

static void wait_letters(const NnRanks *r, NnTransfer *t, double limit)
{
    exchange_letters(r, t->list, t->count, limit);
    free(t);
}

/* Every other time nothing has come, so that some come during the backward pass, and others do not. */
static bool test_letters(const NnRanks *r, NnTransfer *t)
{
    if (++t->tests % 2) return false;
    pthread_mutex_lock(&post.lock);
    int left = 0;
    for (int i = 0; i < t->count; i++)
        if (*find_letter(r->rank, &t->list[i]))
            await_letter(r->rank, &t->list[i]);
        else
            t->list[left++] = t->list[i];
    t->count = left;
    pthread_mutex_unlock(&post.lock);
    if (!left) free(t);
    return !left;
}

static const char norm_net[] = "net n {\n"
                               "    input(2x5x5)\n"
                               "    conv(3, 3, bias=no) as c1  batchnorm as b1  relu\n"
                               "    add { } { conv(3, 3, pad=1, bias=no) as c2  batchnorm(momentum=none) as b2 }\n"
                               "    relu\n"
                               "    flatten\n"
                               "    dense(5, bias=no) as d1  batchnorm(affine=no) as b3  tanh\n"
                               "    dense(3) as d2\n"
                               "}\n"
                               "train n { loss cross_entropy  optimizer sgd(lr=0.1, momentum=0.9) }\n";

/* The first layer's gradient is larger than the vectors of a batch that it is made of; its rows are no whole lines. */
static const char wide_net[] = "net n {\n"
                               "    input(2x5x5)\n"
                               "    flatten\n"
                               "    dense(200) as d1  tanh\n"
                               "    dense(3) as d2\n"
                               "}\n"
                               "train n { loss cross_entropy  optimizer sgd(lr=0.1, momentum=0.9) }\n";

/* The code for chunks of a size, or for a whole batch. */
static Model load_case(LoadOptions *o, const char *net, int64_t batch, bool plain, bool chunks)
{
    Model m;
    load_options_init(o);
    o->path = "norm.nn";
    o->text = net;
    o->train = true;
    o->chunks = chunks;
    o->plain = plain;
    o->jit = JIT_TCC;
    o->threads = 2;
    o->batch = batch;
    ck_assert_int_eq(load_model(o, &m), 0);
    return m;
}

typedef struct NormCase {
    LoadOptions options[4];
    Model chunk, rest, whole, shorter;
    float x[WHOLE * INPUTS];
    int32_t target[WHOLE], row[WHOLE];
} NormCase;

static void set_up_case(NormCase *k, const char *net, bool plain)
{
    k->chunk = load_case(&k->options[0], net, CHUNK, plain, true);
    k->rest = load_case(&k->options[1], net, SHORTER % CHUNK, plain, true);
    k->whole = load_case(&k->options[2], net, WHOLE, plain, false);
    k->shorter = load_case(&k->options[3], net, SHORTER, plain, false);
    for (int i = 0; i < WHOLE * INPUTS; i++) k->x[i] = (float)sin(i * 0.7) * 2 + 5;
    for (int i = 0; i < WHOLE; i++) k->target[i] = i * 7 % 3;
}

static void tear_down_norm(NormCase *k)
{
    Model *const models[] = {&k->chunk, &k->rest, &k->whole, &k->shorter};
    for (int i = 0; i < 4; i++) model_free(models[i]);
    for (int i = 0; i < 4; i++) load_options_free(&k->options[i]);
}

static int batch_count(int step) { return step == 1 ? SHORTER : WHOLE; }

typedef struct NormRank {
    NormCase *norm;
    NnRanks ranks;
    void *model;
    double loss[STEPS];
    bool shard, share;
    size_t slice;
    size_t states; /* floats of the optimizer's state that are not zero, before rank 0 has all of them */
} NormRank;

static size_t count_states(const nn_model_info *info, const void *model)
{
    size_t count = 0;
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *t = &info->tensors[i];
        float values[MOST_VALUES];
        if (t->kind != NN_STATE) continue;
        ck_assert_int_eq(info->get(model, t->name, values, t->count), 0);
        for (size_t e = 0; e < t->count; e++) count += values[e] != 0;
    }
    return count;
}

static void *run_rank(void *arg)
{
    NormRank *r = arg;
    NormCase *k = r->norm;
    const nn_model_info *info = k->chunk.info;
    const NnChunking chunking = {
        .batch = WHOLE, .ranks = r->ranks.size > 1 ? &r->ranks : NULL, .shard = r->shard, .slice = r->slice};
    ChunkVotes votes = {0};
    NnError error = {0};
    Chunks *c = chunks_new(info, k->rest.info, &chunking, &error);
    void *scratch = nn_alloc(info->train_scratch, &error);
    if (r->share) ck_assert_int_eq(chunks_share_weights(c, r->model, &error), 0);
    for (int i = 0; i < STEPS; i++) {
        const Batch batch = {k->x, k->target, k->row, batch_count(i)};
        r->loss[i] = chunks_step(c, r->model, &batch, 0.1f, scratch, &votes);
    }
    ck_assert(chunks_is_sharded(c) || !r->shard);
    r->states = count_states(info, r->model);
    chunks_collect_state(c, r->model);
    if (r->ranks.rank != 0) chunks_forget_state(c, r->model);
    free(scratch);
    chunks_free(c);
    return NULL;
}

/* The kinds of ranks: state divided by elements, and parameters in the same memory. */
enum { WHOLE_STATE, SHARDED, SHARED_WEIGHTS };

static void *new_model(const nn_model_info *info)
{
    void *block = NULL;
    ck_assert_int_eq(posix_memalign(&block, 4096, info->train_bytes), 0);
    return info->init(memset(block, 0, info->train_bytes), 1, 5);
}

static void run_ranks(NormCase *k, NormRank *rank, int size, int kind, size_t slice)
{
    const NnRanks engine = {
        .size = size, .exchange = exchange_letters, .start = start_letters, .test = test_letters, .wait = wait_letters};
    const nn_model_info *info = k->chunk.info;
    pthread_t thread[RANKS];
    for (int r = 0; r < size; r++) {
        rank[r] = (NormRank){.norm = k, .ranks = engine, .shard = kind != WHOLE_STATE, .slice = slice};
        rank[r].share = kind == SHARED_WEIGHTS;
        rank[r].ranks.rank = r;
        rank[r].model = new_model(info);
    }
    for (int r = 0; r < size; r++) ck_assert_int_eq(pthread_create(&thread[r], NULL, run_rank, &rank[r]), 0);
    for (int r = 0; r < size; r++) pthread_join(thread[r], NULL);
}

/* Of all tensors, the optimizer's too; limit 0: to the bit. */
static void compare_models(const nn_model_info *info, const void *a, const void *b, float limit)
{
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *t = &info->tensors[i];
        float u[MOST_VALUES], v[MOST_VALUES];
        ck_assert_uint_le(t->count, MOST_VALUES);
        ck_assert_int_eq(info->get(a, t->name, u, t->count), 0);
        ck_assert_int_eq(info->get(b, t->name, v, t->count), 0);
        for (size_t e = 0; e < t->count; e++)
            ck_assert_msg(fabsf(u[e] - v[e]) <= limit * fmaxf(1, fabsf(u[e])), "%s[%zu]: %g, %g", t->name, e,
                          (double)u[e], (double)v[e]);
    }
}

static void check_norm(bool plain)
{
    NormCase k = {0};
    NormRank alone, rank[RANKS];
    set_up_case(&k, norm_net, plain);
    const nn_model_info *info = k.chunk.info;
    ck_assert_ptr_null(info->step);              /* it is not compiled */
    ck_assert_int_eq(info->collective_count, 6); /* the last batchnorm of the three has a gradient to give, too */
    run_ranks(&k, &alone, 1, WHOLE_STATE, 0);
    void *whole = info->init(nn_alloc(info->train_bytes, NULL), 1, 5);
    for (int i = 0; i < STEPS; i++) {
        const nn_model_info *code = batch_count(i) == WHOLE ? k.whole.info : k.shorter.info;
        void *scratch = nn_alloc(code->train_scratch, NULL);
        const float loss = code->step(whole, k.x, k.target, 0.1f, scratch);
        ck_assert_double_eq_tol((double)loss, alone.loss[i], 1e-5);
        free(scratch);
    }
    compare_models(info, whole, alone.model, 1e-5f);
    for (int size = 2; size <= RANKS; size++) {
        run_ranks(&k, rank, size, WHOLE_STATE, 0);
        for (int r = 0; r < size; r++) {
            ck_assert_mem_eq(rank[r].loss, alone.loss, sizeof alone.loss);
            compare_models(info, alone.model, rank[r].model, 0);
            free(rank[r].model);
        }
    }
    free(whole);
    free(alone.model);
    tear_down_norm(&k);
}

static void compare_trained(const nn_model_info *info, const void *a, const void *b)
{
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *t = &info->tensors[i];
        float u[MOST_VALUES], v[MOST_VALUES];
        if (t->kind == NN_STATE) continue;
        info->get(a, t->name, u, t->count);
        info->get(b, t->name, v, t->count);
        ck_assert_mem_eq(u, v, t->count * sizeof *u);
    }
}

/* Each rank has a state for a part of the tensors only, and rank 0 at the end that of all. */
START_TEST(the_optimizer_is_sharded)
{
    NormCase k = {0};
    NormRank alone, rank[RANKS];
    set_up_case(&k, norm_net, false);
    const nn_model_info *info = k.chunk.info;
    run_ranks(&k, &alone, 1, WHOLE_STATE, 0);
    for (int size = 2; size <= RANKS; size++) {
        size_t states = 0;
        run_ranks(&k, rank, size, SHARDED, size % 2 ? 0 : 16); /* one bucket for a tensor, or several */
        for (int r = 0; r < size; r++) {
            ck_assert_mem_eq(rank[r].loss, alone.loss, sizeof alone.loss);
            compare_trained(info, alone.model, rank[r].model);
            ck_assert_uint_gt(rank[r].states, 0);
            ck_assert_uint_lt(rank[r].states, alone.states);
            states += rank[r].states;
            if (r > 0) ck_assert_uint_eq(count_states(info, rank[r].model), rank[r].states);
        }
        ck_assert_uint_eq(states, alone.states);
        compare_models(info, alone.model, rank[0].model, 0);
        for (int r = 0; r < size; r++) free(rank[r].model);
    }
    free(alone.model);
    tear_down_norm(&k);
}
END_TEST

/* A gradient that travels as its factors, and is put together slice by slice: the same bits, the shorter batch too. */
START_TEST(factors_make_the_same_gradient)
{
    NormCase k = {0};
    NormRank alone, rank[RANKS];
    set_up_case(&k, wide_net, false);
    const nn_model_info *info = k.chunk.info;
    ck_assert_int_eq(info->factored_count, 2);
    run_ranks(&k, &alone, 1, WHOLE_STATE, 0);
    for (int size = 2; size <= RANKS; size++)
        for (size_t slice = 0; slice <= 1000; slice += 500) { /* of one bucket; of several, not of whole rows */
            const size_t vectors = STEPS * WHOLE - (WHOLE - 2 * CHUNK); /* of the shorter batch, two chunks */
            post.factors = 0;
            run_ranks(&k, rank, size, SHARDED, slice);
            ck_assert_uint_eq(post.factors, vectors * (INPUTS + WIDE) * sizeof(float) * (size_t)(size - 1));
            for (int r = 0; r < size; r++) {
                ck_assert_mem_eq(rank[r].loss, alone.loss, sizeof alone.loss);
                compare_trained(info, alone.model, rank[r].model);
            }
            compare_models(info, alone.model, rank[0].model, 0);
            for (int r = 0; r < size; r++) free(rank[r].model);
        }
    free(alone.model);
    tear_down_norm(&k);
}
END_TEST

/* What is in the same memory is not sent, and each rank has all of it: during the run, and for itself after it.
 * The second batch has no chunk for some ranks. */
START_TEST(weights_are_shared)
{
    NormCase k = {0};
    NormRank alone, rank[RANKS];
    set_up_case(&k, wide_net, false);
    const nn_model_info *info = k.chunk.info;
    run_ranks(&k, &alone, 1, WHOLE_STATE, 0);
    for (int size = 2; size <= RANKS; size++)
        for (size_t slice = 0; slice <= 1000; slice += 500) {
            size_t sent[2];
            for (int share = 0; share < 2; share++) {
                post.values = 0;
                run_ranks(&k, rank, size, share ? SHARED_WEIGHTS : SHARDED, slice);
                sent[share] = post.values;
                for (int r = 0; r < size; r++) {
                    ck_assert_mem_eq(rank[r].loss, alone.loss, sizeof alone.loss);
                    compare_trained(info, alone.model, rank[r].model);
                }
                compare_models(info, alone.model, rank[0].model, 0);
                for (int r = 0; r < size; r++) free(rank[r].model);
            }
            ck_assert_uint_eq(sent[0], (size_t)(size - 1) * STEPS * info->params * sizeof(float));
            ck_assert_uint_ge(sent[0] - sent[1],
                              (size_t)(size - 1) * STEPS * (INPUTS * WIDE * sizeof(float) - 2 * 4096));
        }
    free(alone.model);
    tear_down_norm(&k);
}
END_TEST

/* Also where the second batch has no chunk for some ranks. */
START_TEST(statistics_are_those_of_the_batch) { check_norm(false); }
END_TEST

START_TEST(statistics_are_those_of_the_batch_in_the_plain_form) { check_norm(true); }
END_TEST

Suite *chunks_suite(void)
{
    Suite *s = suite_create("chunks");
    TCase *c = tcase_create("chunks");
    tcase_add_test(c, ranks_have_whole_nodes);
    tcase_add_test(c, a_shorter_batch_has_no_other_leaves);
    tcase_add_test(c, chunks_divide_the_batch);
    tcase_add_test(c, the_optimizer_is_sharded);
    tcase_add_test(c, factors_make_the_same_gradient);
    tcase_add_test(c, weights_are_shared);
    tcase_add_test(c, statistics_are_those_of_the_batch);
    tcase_add_test(c, statistics_are_those_of_the_batch_in_the_plain_form);
    suite_add_tcase(s, c);
    return s;
}
