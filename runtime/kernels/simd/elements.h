/*
 * elements.h: arrays of floats or of bf16 in one text.
 *
 * `half` is a constant of the caller, 1 for bf16: a function that takes it is inlined, so that the
 * code for either format has nothing of the other.  Vectors are of floats in both.
 */
#ifndef NN_ELEMENTS_H
#define NN_ELEMENTS_H

#include "runtime/kernels/simd/bf16_vector.h"
#include "runtime/kernels/simd/lanes.h"

/* The address of element i. */
NN_INLINE const void *nn_at(const int half, const void *p, long i)
{
    return half ? (const void *)((const uint16_t *)p + i) : (const void *)((const float *)p + i);
}

NN_INLINE void *nn_place(const int half, void *p, long i)
{
    return half ? (void *)((uint16_t *)p + i) : (void *)((float *)p + i);
}

/* Element i. */
NN_INLINE float nn_number_at(const int half, const void *p, long i)
{
    const uint32_t bits = half ? (uint32_t)((const uint16_t *)p)[i] << 16 : 0;
    float number;
    if (!half) return ((const float *)p)[i];
    __builtin_memcpy(&number, &bits, sizeof number);
    return number;
}

NN_INLINE nn_vec nn_load_as(const int half, const void *p)
{
    return half ? nn_load_bf16((const uint16_t *)p) : nn_load((const float *)p);
}

/* The same where a comparison with other elements may clear lanes: with AVX-512 the C compiler would load the
 * others alone, which waits until these other elements are there. */
NN_INLINE nn_vec nn_load_early_as(const int half, const void *p)
{
#if !defined(NN_EMULATED) && defined(NN_AVX512)
    nn_vec v;
    if (half) return nn_load_bf16((const uint16_t *)p);
    __asm__("vmovups {%1, %0|%0, %1}" : "=v"(v) : "m"(*(const nn_vec *)p));
    return v;
#else
    return nn_load_as(half, p);
#endif
}

/* The first `count` lanes; the others are zero, or stay as they are in memory. */
NN_INLINE nn_vec nn_load_some_as(const int half, const void *p, long count)
{
    return half ? nn_load_bf16_some((const uint16_t *)p, count) : nn_load_some((const float *)p, count);
}

NN_INLINE void nn_store_as(const int half, void *p, nn_vec v)
{
    if (half)
        nn_store_bf16((uint16_t *)p, v);
    else
        nn_store((float *)p, v);
}

NN_INLINE void nn_store_some_as(const int half, void *p, long count, nn_vec v)
{
    if (half)
        nn_store_bf16_some((uint16_t *)p, count, v);
    else
        nn_store_some((float *)p, count, v);
}

/* ---- element-wise maps: those of lanes.h ---- */

NN_INLINE nn_vec nn_load_part_as(const int half, const void *p, long count)
{
    return half ? nn_load_bf16_some((const uint16_t *)p, count) : nn_load_part((const float *)p, count);
}

NN_INLINE void nn_store_part_as(const int half, void *p, long count, nn_vec v)
{
    if (half)
        nn_store_bf16_some((uint16_t *)p, count, v);
    else
        nn_store_part((float *)p, count, v);
}

/* y[i] = f(x[i]) of a part, both in bf16; y may be x. */
NN_INLINE void nn_map_bf16(nn_unary *f, float p, float q, nn_range part, const uint16_t *x, uint16_t *y)
{
    long i = part.first;
    for (; i + NN_PAIRED <= part.end; i += NN_PAIRED) {
        const nn_words pairs = nn_load_both(x + i);
        nn_store_bf16_pairs(y + i, f(nn_even(pairs), p, q), f(nn_odd(pairs), p, q));
    }
    for (; i < part.end; i += NN_W)
        nn_store_bf16_some(y + i, part.end - i, f(nn_load_bf16_some(x + i, part.end - i), p, q));
}

/* y[i] = f(a[i], b[i]) of a part; y may be a or b. */
NN_INLINE void nn_map2_bf16(nn_binary *f, float p, float q, nn_range part, const uint16_t *a, const uint16_t *b,
                            uint16_t *y)
{
    long i = part.first;
    for (; i + NN_PAIRED <= part.end; i += NN_PAIRED) {
        const nn_words u = nn_load_both(a + i), v = nn_load_both(b + i);
        nn_store_bf16_pairs(y + i, f(nn_even(u), nn_even(v), p, q), f(nn_odd(u), nn_odd(v), p, q));
    }
    for (; i < part.end; i += NN_W) {
        const long left = part.end - i;
        nn_store_bf16_some(y + i, left, f(nn_load_bf16_some(a + i, left), nn_load_bf16_some(b + i, left), p, q));
    }
}

#endif
