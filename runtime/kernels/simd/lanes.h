/*
 * lanes.h: what element-wise kernels need besides arithmetic: selection by lane, square roots,
 * partly filled vectors at the end of an array, and the loop over one thread's part of an array.
 *
 * All elements go through the same code, the last few in a partly filled vector, so a result
 * depends neither on an element's position nor on the number of threads.
 */
#ifndef NN_LANES_H
#define NN_LANES_H

#include "runtime/kernels/simd/vector.h"

/* Single lanes are accessed in an array: gcc (12) loses track of the alignment of a vector that is
 * indexed by a variable. */
typedef float nn_lanes[NN_W] __attribute__((aligned(64)));
typedef int nn_ints __attribute__((vector_size(NN_W * sizeof(int)), aligned(4), may_alias));

static const int nn_lane_index[16] __attribute__((unused)) = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* 0, 1, 2, … */
NN_INLINE nn_ints nn_lane(void) { return *(const nn_ints *)nn_lane_index; }

/* A comparison of two vectors is a mask: −1 where it holds, else 0. */
NN_INLINE nn_vec nn_select(nn_ints mask, nn_vec yes, nn_vec no)
{
    return (nn_vec)((mask & (nn_ints)yes) | (~mask & (nn_ints)no));
}

/* max(x, 0); NaN stays. */
NN_INLINE nn_vec nn_relu_of(nn_vec x) { return nn_select(x < 0, nn_zero(), x); }
NN_INLINE nn_vec nn_at_most_6(nn_vec x) { return nn_select(x > 6, nn_broadcast(6), x); }

NN_INLINE nn_vec nn_abs(nn_vec x) { return (nn_vec)((nn_ints)x & 0x7fffffff); }
NN_INLINE nn_vec nn_with_sign(nn_vec size, nn_vec sign)
{
    return (nn_vec)((nn_ints)size | ((nn_ints)sign & ~0x7fffffff));
}

/* Correctly rounded, as sqrtf; NaN below 0. */
NN_INLINE nn_vec nn_sqrt(nn_vec x)
{
    nn_vec y;
#if !defined(NN_EMULATED) && (defined(NN_AVX512) || defined(NN_AVX2) || defined(__AVX__))
    __asm__("vsqrtps {%1, %0|%0, %1}" : "=v"(y) : "v"(x));
#elif !defined(NN_EMULATED) && defined(__SSE__)
    __asm__("sqrtps {%1, %0|%0, %1}" : "=x"(y) : "x"(x));
#elif !defined(NN_EMULATED) && defined(__aarch64__)
    __asm__("fsqrt %0.4s, %1.4s" : "=w"(y) : "w"(x));
#else
    nn_lanes lane;
    nn_store(lane, x);
    for (int i = 0; i < NN_W; i++) lane[i] = __builtin_sqrtf(lane[i]);
    y = nn_load(lane);
#endif
    return y;
}

NN_INLINE float nn_root(float x) { return nn_sqrt(nn_broadcast(x))[0]; }

/* The first `count` lanes from p, the rest filled with the first of them. */
NN_INLINE nn_vec nn_load_part(const float *p, long count)
{
    if (count >= NN_W) return nn_load(p);
    nn_lanes lane;
    for (int i = 0; i < NN_W; i++) lane[i] = p[i < count ? i : 0];
    return nn_load(lane);
}

NN_INLINE void nn_store_part(float *p, long count, nn_vec v)
{
    if (count >= NN_W) {
        nn_store(p, v);
        return;
    }
    nn_lanes lane;
    nn_store(lane, v);
    for (int i = 0; i < count; i++) p[i] = lane[i];
}

#if defined(NN_AVX2)
typedef float nn_masked __attribute__((vector_size(NN_W * sizeof(float)))); /* as the builtins call it */
#endif

/* The first `count` lanes; the others are zero, or stay as they are in memory.  Stored
 * piece by piece: a masked store takes as long as twenty others on some machines. */
NN_INLINE nn_vec nn_load_some(const float *p, long count)
{
    if (count >= NN_W) return nn_load(p);
#if defined(NN_AVX512)
    return __builtin_ia32_loadups512_mask((const void *)p, nn_zero(),
                                          (unsigned short)((1u << (count > 0 ? count : 0)) - 1));
#elif defined(NN_AVX2)
    return __builtin_ia32_maskloadps256((const nn_masked *)(const void *)p, nn_lane() < (int)count);
#else
    nn_lanes lane;
    for (int i = 0; i < NN_W; i++) lane[i] = i < count ? p[i] : 0;
    return nn_load(lane);
#endif
}

NN_INLINE void nn_store_some(float *p, long count, nn_vec v)
{
    if (count >= NN_W) {
        nn_store(p, v);
        return;
    }
    nn_lanes lane;
    nn_store(lane, v);
    long at = 0;
    NN_UNROLL
    for (int half = NN_W / 2; half > 0; half /= 2) {
        if (!(count & half)) continue;
        __builtin_memcpy(p + at, lane + at, half * sizeof *p);
        at += half;
    }
}

/* ---- partitions --------------------------------------------------------- */

enum { NN_LINE_VECTORS = NN_LINE / NN_W };

/* The start of part t of T, in whole cache lines, so that no two threads write to the same line. */
NN_INLINE long nn_partition(long count, int t, int T)
{
    long lines = (count + NN_LINE - 1) / NN_LINE, at = lines * t / T * NN_LINE;
    return at < count ? at : count;
}

/* Part t of T: elements first … end − 1. */
typedef struct nn_range {
    long first, end;
} nn_range;

NN_INLINE nn_range nn_range_of(long count, int t, int T)
{
    return (nn_range){nn_partition(count, t, T), nn_partition(count, t + 1, T)};
}

/* ---- element-wise maps ---------------------------------------------------- */

/* p and q are constants of the function. */
typedef nn_vec nn_unary(nn_vec x, float p, float q);
typedef nn_vec nn_binary(nn_vec a, nn_vec b, float p, float q);

/* y[i] = f(x[i]) of a part; y may be x. */
NN_INLINE void nn_map(nn_unary *f, float p, float q, nn_range part, const float *x, float *y)
{
    for (long i = part.first; i < part.end; i += NN_W)
        nn_store_part(y + i, part.end - i, f(nn_load_part(x + i, part.end - i), p, q));
}

/* y[i] = f(a[i], b[i]) of a part; y may be a or b. */
NN_INLINE void nn_map2(nn_binary *f, float p, float q, nn_range part, const float *a, const float *b, float *y)
{
    for (long i = part.first; i < part.end; i += NN_W) {
        const long left = part.end - i;
        nn_store_part(y + i, left, f(nn_load_part(a + i, left), nn_load_part(b + i, left), p, q));
    }
}

#endif
