/*
 * gemm.h: C[m][n] (+)= Σ_k A[m][k] · B[k][n], from packed panels.
 *
 * The micro-kernel is an outer product: a tile of M rows × V vectors of sums in registers, and for
 * each k one row of B times M numbers of A:
 *
 *     sum[m][v] += a[k][m] · b[k][v]
 *
 * Around it is the blocking of Goto and van de Geijn, "Anatomy of high-performance matrix
 * multiplication", 2008: a panel of B stays in L1, a block of A in L2.  The caller supplies
 * functions that pack A and B.
 */
#ifndef NN_GEMM_H
#define NN_GEMM_H

#include "runtime/kernels/simd/vector.h"

enum { NN_GEMM_COLUMNS = NN_GEMM_VECTORS * NN_W, NN_GEMM_TILE = NN_GEMM_ROWS * NN_GEMM_COLUMNS };

/* The product of a packed block of A and of B, or what is added to C. */
typedef struct nn_gemm_tile {
    const float *a, *b; /* [depth][rows], [depth][NN_GEMM_COLUMNS] */
    int depth;
    int add; /* to what c holds */
    float *c;
    long ldc; /* from one row of c to the next */
} nn_gemm_tile;

NN_INLINE void nn_tile(const int M, const int V, const nn_gemm_tile *x)
{
    const long ldc = x->ldc;
    nn_vec sum[NN_GEMM_ROWS][NN_GEMM_VECTORS];
    NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int v = 0; v < V; v++) sum[m][v] = x->add ? nn_load(x->c + m * ldc + v * NN_W) : nn_zero();
    for (int i = 0; i < x->depth; i++) {
        nn_vec row[NN_GEMM_VECTORS];
        NN_UNROLL
        for (int v = 0; v < V; v++) row[v] = nn_load(x->b + i * NN_GEMM_COLUMNS + v * NN_W);
        NN_UNROLL
        for (int m = 0; m < M; m++) NN_UNROLL
        for (int v = 0; v < V; v++) sum[m][v] += x->a[i * M + m] * row[v];
    }
    float *c = x->c;
    NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int v = 0; v < V; v++) nn_store(c + m * ldc + v * NN_W, sum[m][v]);
}

/* One instance for each number of rows; V is full or one. */
NN_KERNEL void nn_tile_run(int rows, int vectors, const nn_gemm_tile *x)
{
#define NN_CASE(M)                          \
    case M:                                 \
        if (vectors == 1)                   \
            nn_tile(M, 1, x);               \
        else                                \
            nn_tile(M, NN_GEMM_VECTORS, x); \
        break;
    switch (rows) {
        NN_CASE(1)
        NN_CASE(2)
        NN_CASE(3)
        NN_CASE(4)
#if NN_GEMM_ROWS > 4
        NN_CASE(5)
        NN_CASE(6)
#endif
#if NN_GEMM_ROWS > 6
        NN_CASE(7)
        NN_CASE(8)
#endif
#if NN_GEMM_ROWS > 8
        NN_CASE(9) NN_CASE(10) NN_CASE(11) NN_CASE(12) NN_CASE(13) NN_CASE(14)
#endif
    }
#undef NN_CASE
}

/* The caller's matrices, and the micro-kernel; the depth is that of what is packed. */
typedef struct nn_matrices {
    const void *self;
    void (*tile)(int rows, int vectors, const nn_gemm_tile *);
    /* rows m0 … m0 + rows of A at depth k0 … k0 + depth → to[depth][rows] */
    void (*pack_a)(const void *self, int m0, int rows, int k0, int depth, float *to);
    /* columns n0 … n0 + columns of B at depth k0 … → to[depth][NN_GEMM_COLUMNS]; columns beyond are zero */
    void (*pack_b)(const void *self, long n0, int columns, int k0, int depth, float *to);
    /* the address of C[m0][n0] if `columns` of it are contiguous, with rows *ldc apart; else NULL */
    float *(*address)(const void *self, int m0, long n0, int columns, long *ldc);
    /* element by element, if there is no address */
    void (*load)(const void *self, int m0, int rows, long n0, int columns, float *tile);
    void (*store)(const void *self, int m0, int rows, long n0, int columns, const float *tile);
} nn_matrices;

/* Rows of the strips that `rows` is divided into, all equal but for one. */
NN_INLINE int nn_strip(int rows)
{
    int strips = (rows + NN_GEMM_ROWS - 1) / NN_GEMM_ROWS;
    return (rows + strips - 1) / strips;
}

/* Rows m0 … m0 + rows, columns n0 … n0 + columns of C, the place of a tile. */
typedef struct nn_gemm_strip {
    int m0, rows, columns;
    long n0;
} nn_gemm_strip;

/* `tile` has A and B. */
NN_INLINE void nn_strip_run(const nn_matrices *x, const nn_gemm_strip *s, nn_gemm_tile tile)
{
    tile.c = s->columns % NN_W == 0 ? x->address(x->self, s->m0, s->n0, s->columns, &tile.ldc) : 0;
    if (tile.c && (s->columns == NN_GEMM_COLUMNS || s->columns == NN_W)) {
        x->tile(s->rows, s->columns / NN_W, &tile);
        return;
    }
    float sums[NN_GEMM_TILE];
    tile.c = sums;
    tile.ldc = NN_GEMM_COLUMNS;
    if (tile.add) x->load(x->self, s->m0, s->rows, s->n0, s->columns, sums);
    x->tile(s->rows, s->columns <= NN_W ? 1 : NN_GEMM_VECTORS, &tile);
    x->store(x->self, s->m0, s->rows, s->n0, s->columns, sums);
}

/* Floats that stay in L2 beside what is streamed; depth of a panel of B that is read along its rows. */
enum { NN_GEMM_NEAR = 196608, NN_GEMM_SHALLOW = 16 };

/* How deep panels of B are.  A deep one is read across its rows, a cache line or two of each, which no prefetcher
 * follows.  If B is read from memory and C stays in L2, panels are shallow, and B is read along its rows. */
NN_INLINE int nn_gemm_depth(int m, long columns, int k)
{
    const int streams = (long)k * columns > NN_GEMM_NEAR && m * columns <= NN_GEMM_NEAR;
    return streams ? NN_GEMM_SHALLOW : NN_GEMM_DEPTH;
}

/* Rows of A that are taken together.  If B stays in L2 and C does not, C is written along its rows, a strip of
 * them at a time. */
NN_INLINE int nn_gemm_block(int m, long columns, int depth, int k)
{
    const int streams = (long)k * columns <= NN_GEMM_NEAR && m * columns > NN_GEMM_NEAR;
    return streams ? NN_GEMM_ROWS : NN_GEMM_BLOCK / depth / NN_GEMM_ROWS * NN_GEMM_ROWS;
}

/* Part t of T, in whole panels of columns. */
NN_INLINE void nn_gemm(const nn_matrices *x, int m, long n, int k, int t, int T)
{
    float b[NN_GEMM_DEPTH * NN_GEMM_COLUMNS] __attribute__((aligned(64)));
    float a[NN_GEMM_BLOCK] __attribute__((aligned(64)));
    long panels = (n + NN_GEMM_COLUMNS - 1) / NN_GEMM_COLUMNS, first = panels * t / T, last = panels * (t + 1) / T;
    if (first == last) return;
    const long width = (last - first) * NN_GEMM_COLUMNS;
    const int deepest = nn_gemm_depth(m, width, k);
    for (int k0 = 0; k0 < k; k0 += deepest) {
        int depth = k - k0 < deepest ? k - k0 : deepest;
        int block = nn_gemm_block(m, width, depth, k);
        for (int m0 = 0; m0 < m; m0 += block) {
            int rows = m - m0 < block ? m - m0 : block, strip = nn_strip(rows);
            for (int i = 0; i < rows; i += strip)
                x->pack_a(x->self, m0 + i, rows - i < strip ? rows - i : strip, k0, depth, a + (long)i * depth);
            for (long p = first; p < last; p++) {
                long n0 = p * NN_GEMM_COLUMNS;
                int columns = n - n0 < NN_GEMM_COLUMNS ? (int)(n - n0) : NN_GEMM_COLUMNS;
                x->pack_b(x->self, n0, columns, k0, depth, b);
                for (int i = 0; i < rows; i += strip) {
                    const nn_gemm_strip s = {m0 + i, rows - i < strip ? rows - i : strip, columns, n0};
                    nn_strip_run(x, &s,
                                 (nn_gemm_tile){.a = a + (long)i * depth, .b = b, .depth = depth, .add = k0 > 0});
                }
            }
        }
    }
}

#endif
