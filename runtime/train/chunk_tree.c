#include "runtime/train/chunk_tree.h"

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
enum { LINE_FLOATS = 16 };
typedef float FloatLine __attribute__((vector_size(LINE_FLOATS * sizeof(float)), aligned(sizeof(float)), may_alias));

void chunk_add(float *to, const float *left, const float *right, size_t count)
{
    size_t i = 0;
    for (; i + LINE_FLOATS <= count; i += LINE_FLOATS)
        *(FloatLine *)(to + i) = *(const FloatLine *)(left + i) + *(const FloatLine *)(right + i);
    for (; i < count; i++) to[i] = left[i] + right[i];
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

int chunk_shares_find(const ChunkShares *s, ChunkNode n)
{
    const int all = chunk_shares_count(s);
    for (int i = 0; i < all; i++)
        if (chunk_is_node(s->node[i], n)) return i;
    return -1;
}

static int within(const ChunkShares *s, int leaf) { return leaf < s->leaves ? leaf : s->leaves; }
int chunk_shares_begin(const ChunkShares *s) { return within(s, chunk_begin(s->chunks, s->rank, s->size)); }
int chunk_shares_end(const ChunkShares *s) { return within(s, chunk_begin(s->chunks, s->rank + 1, s->size)); }
