#include "runtime/train/chunk_tree.h"

#include "runtime/kernels/limits.h"

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

ChunkNode chunk_root(int leaves)
{
    ChunkNode root = {0, 0};
    while (1 << root.level < leaves) root.level++;
    return root;
}

/* The C compiler makes vectors of such a loop by itself only where it may take more code than -O2 lets it. */
typedef float FloatLine __attribute__((vector_size(NN_LINE * sizeof(float)), aligned(sizeof(float)), may_alias));

void chunk_add(float *to, const float *left, const float *right, size_t count)
{
    size_t i = 0;
    for (; i + NN_LINE <= count; i += NN_LINE)
        *(FloatLine *)(to + i) = *(const FloatLine *)(left + i) + *(const FloatLine *)(right + i);
    for (; i < count; i++) to[i] = left[i] + right[i];
}

size_t chunk_part_begin(size_t count, int part, int parts)
{
    const size_t lines = (count + NN_LINE - 1) / NN_LINE, at = lines * (size_t)part / (size_t)parts * NN_LINE;
    return at < count ? at : count;
}

void chunk_shares_list(ChunkShares *s, int leaves)
{
    ChunkNode *at = s->node;
    s->leaves = leaves;
    for (int r = 0; r < s->size; r++) {
        const int begin = chunk_begin(s->chunks, r, s->size), end = chunk_begin(s->chunks, r + 1, s->size);
        s->nodes[r] = chunk_nodes(leaves, begin, end, at);
        at += s->nodes[r];
    }
}

int chunk_shares_count(const ChunkShares *s)
{
    int all = 0;
    for (int r = 0; r < s->size; r++) all += s->nodes[r];
    return all;
}

int chunk_shares_first(const ChunkShares *s)
{
    int first = 0;
    for (int r = 0; r < s->rank; r++) first += s->nodes[r];
    return first;
}

/* The position of a node in `node`, or −1. */
static int chunk_shares_find(const ChunkShares *s, ChunkNode n)
{
    const int all = chunk_shares_count(s);
    for (int i = 0; i < all; i++)
        if (chunk_is_node(s->node[i], n)) return i;
    return -1;
}

static int within(const ChunkShares *s, int leaf) { return leaf < s->leaves ? leaf : s->leaves; }
int chunk_shares_begin(const ChunkShares *s) { return within(s, chunk_begin(s->chunks, s->rank, s->size)); }
int chunk_shares_end(const ChunkShares *s) { return within(s, chunk_begin(s->chunks, s->rank + 1, s->size)); }

static const float *reduce_node(const ChunkReduction *r, ChunkNode n, float *to)
{
    const int known = chunk_shares_find(r->shares, n);
    if (known >= 0) return r->node[known];
    const float *left = reduce_node(r, chunk_left(n), NULL);
    if (!chunk_has_leaves(chunk_right(n), r->shares->leaves)) return left;
    const float *right = reduce_node(r, chunk_right(n), NULL);
    if (!to) to = r->partial[n.level][n.index % 2];
    r->join(to, left, right, r->count);
    return to;
}

const float *chunk_reduce(const ChunkReduction *r, float *to)
{
    return reduce_node(r, chunk_root(r->shares->leaves), to);
}
