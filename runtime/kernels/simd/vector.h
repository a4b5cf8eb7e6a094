/*
 * vector.h: vectors of the instruction set that the kernels are compiled for, and the target's
 * sizes, from its page in config/.
 *
 * nn_vec is a GNU vector of NN_W floats at any float's address, aligned or not.
 *
 * NN_AVX512, NN_AVX2 and NN_NEON say which instructions there are (none of them: any machine); the
 * sizes depend only on the page.  With NN_EMULATED the includer has chosen a page, and the C compiler implements its
 * vectors with the instructions that it has: the tests run every target's tiles on every machine.
 */
#ifndef NN_VECTOR_H
#define NN_VECTOR_H

#include "runtime/kernels/simd/instruction_set.h" /* made from the pages */
#include "runtime/kernels/limits.h"

typedef float nn_vec __attribute__((vector_size(NN_W * sizeof(float)), aligned(4), may_alias));
#if defined(__OPTIMIZE__)
#define NN_INLINE static inline __attribute__((always_inline, unused))
#else /* a build for debugging takes two thirds of the time without copies */
#define NN_INLINE static inline __attribute__((unused))
#endif
#if defined(__clang__)
#define NN_KERNEL static __attribute__((unused))
#else /* aligned loops: a loop that starts a cache line is decoded from fewer lines, 5 % of a convolution */
#define NN_KERNEL static __attribute__((unused, optimize("align-loops=64")))
#endif
NN_INLINE nn_vec nn_load(const float *p) { return *(const nn_vec *)p; }
NN_INLINE void nn_store(float *p, nn_vec v) { *(nn_vec *)p = v; }
NN_INLINE nn_vec nn_zero(void) { return (nn_vec){0}; }
NN_INLINE nn_vec nn_broadcast(float value) { return value - (nn_vec){0}; }

/* Fully unrolls the following loop; its bounds are constants. */
#if defined(__clang__)
#define NN_UNROLL _Pragma("clang loop unroll(full)")
#else
#define NN_UNROLL _Pragma("GCC unroll 16")
#endif

/* The sum of the lanes: each of the first half and its partner of the second, and so on. */
NN_INLINE float nn_lanes_sum(nn_vec v)
{
#if (defined(__clang__) || __GNUC__ >= 12) && NN_W == 8
    v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3);
    v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5);
    v += __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6);
    return v[0];
#elif (defined(__clang__) || __GNUC__ >= 12) && NN_W == 16
    v += __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
    v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
    v += __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
    return v[0];
#else
    float lane[NN_W];
    __builtin_memcpy(lane, &v, sizeof lane);
    for (int half = NN_W / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) lane[i] += lane[i + half];
    return lane[0];
#endif
}

/* NN_UNROLL where the bounds are constants, which clang sees by itself: of other loops it would warn. */
#if defined(__clang__)
#define NN_UNROLL_KNOWN
#else
#define NN_UNROLL_KNOWN NN_UNROLL
#endif

#endif
