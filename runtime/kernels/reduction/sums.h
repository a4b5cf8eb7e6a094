/*
 * sums.h: sums over contiguous elements.
 *
 * A sum is a vector of partial sums on two levels: four accumulators over a block, and the sums of
 * the blocks.  Callers add several runs in the same way, and the lanes at the very end.  The order
 * depends only on the length of the run.
 */
#ifndef NN_SUMS_H
#define NN_SUMS_H

#include "runtime/kernels/simd/lanes.h"

enum { NN_BLOCK = 256 * NN_W }; /* elements of a block */

/* A term of a sum, from the elements of two runs and a constant. */
typedef nn_vec nn_term(nn_vec a, nn_vec b, nn_vec p);

NN_INLINE nn_vec nn_term_a(nn_vec a, nn_vec b, nn_vec p)
{
    (void)b, (void)p;
    return a;
}

NN_INLINE nn_vec nn_term_product(nn_vec a, nn_vec b, nn_vec p)
{
    (void)p;
    return a * b;
}

/* (a − p)² */
NN_INLINE nn_vec nn_term_variance(nn_vec a, nn_vec b, nn_vec p)
{
    (void)b;
    return (a - p) * (a - p);
}

/* a · (b − p) */
NN_INLINE nn_vec nn_term_covariance(nn_vec a, nn_vec b, nn_vec p) { return a * (b - p); }

/* The terms of the last count % NN_W elements; the other lanes are 0. */
NN_INLINE nn_vec nn_sums_rest(nn_term *f, nn_vec p, const float *a, const float *b, long count)
{
    int rest = (int)(count % NN_W);
    if (count >= NN_W) {
        nn_vec v = f(nn_load(a + count - NN_W), nn_load(b + count - NN_W), p);
        return nn_select(nn_lane() >= NN_W - rest, v, nn_zero());
    }
    nn_vec v = f(nn_load_part(a, rest), nn_load_part(b, rest), p);
    return nn_select(nn_lane() < rest, v, nn_zero());
}

/* Σ f(a[i], b[i], p) in partial sums, 0 ≤ i < count */
NN_INLINE nn_vec nn_sums(nn_term *f, nn_vec p, const float *a, const float *b, long count)
{
    nn_vec total = nn_zero();
    long i = 0;
    while (count - i >= 4 * NN_W) {
        nn_vec s0 = nn_zero(), s1 = s0, s2 = s0, s3 = s0;
        long stop = count - i < NN_BLOCK ? count : i + NN_BLOCK;
        for (; stop - i >= 4 * NN_W; i += 4 * NN_W) {
            s0 += f(nn_load(a + i), nn_load(b + i), p);
            s1 += f(nn_load(a + i + NN_W), nn_load(b + i + NN_W), p);
            s2 += f(nn_load(a + i + 2 * NN_W), nn_load(b + i + 2 * NN_W), p);
            s3 += f(nn_load(a + i + 3 * NN_W), nn_load(b + i + 3 * NN_W), p);
        }
        total += (s0 + s1) + (s2 + s3);
    }
    for (; count - i >= NN_W; i += NN_W) total += f(nn_load(a + i), nn_load(b + i), p);
    if (i < count) total += nn_sums_rest(f, p, a, b, count);
    return total;
}

#endif
