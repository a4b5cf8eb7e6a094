#include "runtime/train/factors.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    SMALLER = 2, /* times, at least, that all factors of a batch must be smaller than the gradient */
    FIRST_TAG = NN_TAGS / 2 + 1
};

typedef struct FactoredTensor {
    nn_factored of;      /* in the code of a whole chunk */
    size_t left, floats; /* of a chunk: of the left factor; of both */
    float *values;       /* [chunk][floats] */
    NnTransfer *out, *in;
    bool exchanged, arrived;
} FactoredTensor;

struct RankFactors {
    ChunkCode code;
    const ChunkShares *shares;
    const NnRanks *ranks;
    double limit;
    unsigned char *tensors; /* [tensor] */
    FactoredTensor *list;
    int count, samples;
    /* the rows that the elements at hand are in: of a node of each level below the root; and of the root, behind
     * addresses without memory */
    float *sum[CHUNK_LEVELS], *root;
    char *region;
    size_t region_bytes;
    NnMessage *messages;
};

const unsigned char *factors_tensors(const RankFactors *f) { return f->tensors; }

static FactoredTensor *find_factored(const RankFactors *f, int tensor)
{
    int i = 0;
    while (f->list[i].of.tensor != tensor) i++;
    return &f->list[i];
}

int factors_columns(const RankFactors *f, int tensor) { return find_factored(f, tensor)->of.columns; }

/* ---- the factors of all chunks ---------------------------------------------------------------- */

void factors_begin(RankFactors *f, int samples)
{
    f->samples = samples;
    for (int i = 0; i < f->count; i++) f->list[i].exchanged = f->list[i].arrived = false;
}

static int leaf_samples(const RankFactors *f, int leaf)
{
    const int batch = f->code.info->batch, left = f->samples - leaf * batch;
    return left < batch ? left : batch;
}

static const nn_model_info *code_of_leaf(const RankFactors *f, int leaf)
{
    return leaf_samples(f, leaf) < f->code.info->batch ? f->code.last : f->code.info;
}

void factors_take(RankFactors *f, int tensor, int leaf, const float *left, const float *right)
{
    const FactoredTensor *t = find_factored(f, tensor);
    const size_t vectors = (size_t)t->of.vectors / (size_t)f->code.info->batch * (size_t)leaf_samples(f, leaf);
    float *to = t->values + (size_t)leaf * t->floats;
    memcpy(to, left, vectors * (size_t)t->of.columns * sizeof *to);
    memcpy(to + t->left, right, vectors * (size_t)t->of.rows * sizeof *to);
}

static int leaves_begin(const ChunkShares *s, int rank)
{
    const int begin = chunk_begin(s->chunks, rank, s->size);
    return begin < s->leaves ? begin : s->leaves;
}

static NnMessage factors_message(const RankFactors *f, const FactoredTensor *t, int of, int peer, bool sends)
{
    const int begin = leaves_begin(f->shares, of), end = leaves_begin(f->shares, of + 1);
    float *values = t->values + (size_t)begin * t->floats;
    return (NnMessage){peer, sends, values, (size_t)(end - begin) * t->floats * sizeof *values,
                       FIRST_TAG + (int)(t - f->list)};
}

/* A rank's factors are one message to each other rank. */
void factors_exchange(RankFactors *f, int tensor)
{
    FactoredTensor *t = find_factored(f, tensor);
    const int own = f->shares->rank;
    int count = 0;
    if (t->exchanged) return;
    t->exchanged = true;
    for (int r = 0; r < f->shares->size; r++)
        if (r != own) f->messages[count++] = factors_message(f, t, own, r, true);
    t->out = f->ranks->start(f->ranks, f->messages, count);
    count = 0;
    for (int r = 0; r < f->shares->size; r++)
        if (r != own) f->messages[count++] = factors_message(f, t, r, r, false);
    t->in = f->ranks->start(f->ranks, f->messages, count);
}

bool factors_test(RankFactors *f, int tensor)
{
    FactoredTensor *t = find_factored(f, tensor);
    if (!t->arrived) t->arrived = f->ranks->test(f->ranks, t->in);
    return t->arrived;
}

void factors_wait(RankFactors *f, int tensor)
{
    FactoredTensor *t = find_factored(f, tensor);
    if (!t->arrived) f->ranks->wait(f->ranks, t->in, f->limit);
    t->arrived = true;
}

void factors_end(RankFactors *f)
{
    for (int i = 0; i < f->count; i++) f->ranks->wait(f->ranks, f->list[i].out, f->limit);
}

/* ---- rows of the sum ---------------------------------------------------------------------------- */

/* The elements at hand, and the rows that they are in. */
typedef struct RowsAtHand {
    const FactoredTensor *tensor;
    size_t skip, count; /* elements of the rows before them; of them */
    int first, rows;
} RowsAtHand;

static void sum_leaf(const RankFactors *f, const RowsAtHand *at, int leaf, float *to)
{
    const FactoredTensor *t = at->tensor;
    const nn_model_info *code = code_of_leaf(f, leaf);
    const float *values = t->values + (size_t)leaf * t->floats;
    const float weight = (float)leaf_samples(f, leaf) / (float)f->code.info->batch;
    code->gradient_rows(t->of.tensor, values, values + t->left, at->first, at->rows, to);
    for (size_t i = at->skip; weight < 1 && i < at->skip + at->count; i++) to[i] *= weight;
}

static void sum_node(const RankFactors *f, const RowsAtHand *at, ChunkNode n, float *to)
{
    if (n.level == 0) {
        sum_leaf(f, at, n.index, to);
        return;
    }
    sum_node(f, at, chunk_left(n), to);
    if (!chunk_has_leaves(chunk_right(n), f->shares->leaves)) return;
    float *right = f->sum[n.level - 1];
    sum_node(f, at, chunk_right(n), right);
    chunk_add(to + at->skip, to + at->skip, right + at->skip, at->count);
}

float *factors_sum(RankFactors *f, int tensor, size_t begin, size_t count)
{
    const FactoredTensor *t = find_factored(f, tensor);
    const size_t columns = (size_t)t->of.columns, first = begin / columns,
                 end = (begin + count + columns - 1) / columns;
    const RowsAtHand at = {t, begin - first * columns, count, (int)first, (int)(end - first)};
    sum_node(f, &at, chunk_root(f->shares->leaves), f->root);
    return f->root + at.skip;
}

/* ---- memory --------------------------------------------------------------------------------------- */

static const nn_factored *factored_of(const nn_model_info *info, int tensor)
{
    for (int i = 0; i < info->factored_count; i++)
        if (info->factored[i].tensor == tensor) return &info->factored[i];
    return NULL;
}

/* The same on every rank. */
static bool is_worth_it(const RankFactors *f, const nn_factored *t, size_t least)
{
    const size_t vectors = (size_t)t->vectors * (size_t)f->shares->chunks;
    const size_t rows = (size_t)t->rows, columns = (size_t)t->columns;
    return rows * columns >= least && SMALLER * vectors * (rows + columns) <= rows * columns;
}

static int take_tensors(RankFactors *f, size_t least, NnError *error)
{
    const nn_model_info *info = f->code.info;
    for (int i = 0; i < info->factored_count; i++) {
        const nn_factored *t = &info->factored[i];
        if (!is_worth_it(f, t, least) || (f->code.last && !factored_of(f->code.last, t->tensor))) continue;
        const size_t vectors = (size_t)t->vectors, left = vectors * (size_t)t->columns;
        FactoredTensor *to = &f->list[f->count++];
        *to = (FactoredTensor){.of = *t, .left = left, .floats = left + vectors * (size_t)t->rows};
        if (!(to->values = nn_alloc((size_t)f->shares->chunks * to->floats * sizeof *to->values, error))) return -1;
        f->tensors[t->tensor] = 1;
    }
    return 0;
}

static int most_columns(const RankFactors *f)
{
    int most = 0;
    for (int i = 0; i < f->count; i++)
        if (f->list[i].of.columns > most) most = f->list[i].of.columns;
    return most;
}

static size_t whole_pages(size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1) / page * page;
}

static int reserve_root(RankFactors *f, size_t bytes, size_t before, NnError *error)
{
    const size_t begin = whole_pages(before), all = begin + whole_pages(bytes);
    char *region = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (region == MAP_FAILED) return nn_fail_errno(error, "no addresses for the sums of factors");
    f->region = region;
    f->region_bytes = all;
    if (mprotect(region + begin, all - begin, PROT_READ | PROT_WRITE))
        return nn_fail_errno(error, "no memory for the sums of factors");
    f->root = (float *)(void *)(region + begin);
    return 0;
}

int factors_reserve(RankFactors *f, size_t count, size_t before, NnError *error)
{
    const size_t bytes = (count + 2 * (size_t)most_columns(f)) * sizeof(float);
    if (!f->count) return 0;
    for (int l = 0; l < chunk_root(f->shares->chunks).level; l++)
        if (!(f->sum[l] = nn_memory(bytes, error))) return -1;
    return reserve_root(f, bytes, before, error);
}

RankFactors *factors_new(const ChunkCode *code, const ChunkShares *shares, const NnRanks *ranks, double limit,
                         size_t least, NnError *error)
{
    const nn_model_info *info = code->info;
    RankFactors *f = nn_alloc(sizeof *f, error);
    if (!f) return NULL;
    *f = (RankFactors){.code = *code, .shares = shares, .ranks = ranks, .limit = limit};
    f->tensors = nn_alloc((size_t)info->tensor_count + 1, error);
    f->list = nn_alloc(((size_t)info->factored_count + 1) * sizeof *f->list, error);
    f->messages = nn_alloc((size_t)shares->size * sizeof *f->messages, error);
    if (f->tensors && f->list && f->messages && take_tensors(f, least, error) == 0) return f;
    factors_free(f);
    return NULL;
}

void factors_free(RankFactors *f)
{
    if (!f) return;
    for (int i = 0; f->list && i < f->count; i++) free(f->list[i].values);
    for (int l = 0; l < CHUNK_LEVELS; l++) free(f->sum[l]);
    if (f->region) munmap(f->region, f->region_bytes);
    free(f->tensors);
    free(f->list);
    free(f->messages);
    free(f);
}
