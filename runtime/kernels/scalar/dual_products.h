/*
 * dual_products.h: sums of int8 products for machines that multiply two pairs of 16 bits in one instruction: smlad of
 * ARM's DSP extension (Cortex-M4 and M7).  Elsewhere the same integers by plain C; sums are modulo 2^32, in any order.
 *
 * sxtb16 makes words of bytes 0 and 2, or 1 and 3, so what bytes are multiplied with is in the order 0, 2, 1, 3.
 */
#ifndef NN_DUAL_PRODUCTS_H
#define NN_DUAL_PRODUCTS_H

#ifdef NN_LINKED

void nn_dual_order(int16_t *column, int32_t count);
int32_t nn_dual_dot(const int8_t *w, const int16_t *x, int32_t count, int32_t sum);
int32_t nn_dual_dot_bytes(const int8_t *w, const int8_t *x, int32_t count, int32_t zero, int32_t sum);

#else

#include <stdint.h>

#if defined(__ARM_FEATURE_SIMD32)

static inline int32_t nn_dual_sum(int32_t sum, uint32_t a, uint32_t b)
{
    __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
    return sum;
}

static inline uint32_t nn_dual_even(uint32_t bytes)
{
    uint32_t words;
    __asm__("sxtb16 %0, %1" : "=r"(words) : "r"(bytes));
    return words;
}

static inline uint32_t nn_dual_odd(uint32_t bytes)
{
    uint32_t words;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(words) : "r"(bytes));
    return words;
}

static inline uint32_t nn_dual_less(uint32_t words, uint32_t zeros)
{
    __asm__("ssub16 %0, %0, %1" : "+r"(words) : "r"(zeros));
    return words;
}

static inline uint32_t nn_dual_load(const void *p)
{
    uint32_t word;
    __builtin_memcpy(&word, p, sizeof word);
    return word;
}

#endif

/* Each four numbers 0, 1, 2, 3 as 0, 2, 1, 3; the last up to three stay. */
static void nn_dual_order(int16_t *column, int32_t count)
{
    for (int32_t k = 0; k + 4 <= count; k += 4) {
        const int16_t one = column[k + 1];
        column[k + 1] = column[k + 2];
        column[k + 2] = one;
    }
}

/* sum + Σ w · x, x in the order of nn_dual_order. */
static int32_t nn_dual_dot(const int8_t *w, const int16_t *x, int32_t count, int32_t sum)
{
    for (int32_t k = 0; k + 4 <= count; k += 4) {
#if defined(__ARM_FEATURE_SIMD32)
        const uint32_t four = nn_dual_load(w + k);
        sum = nn_dual_sum(sum, nn_dual_even(four), nn_dual_load(x + k));
        sum = nn_dual_sum(sum, nn_dual_odd(four), nn_dual_load(x + k + 2));
#else
        sum += w[k] * x[k] + w[k + 1] * x[k + 2] + w[k + 2] * x[k + 1] + w[k + 3] * x[k + 3];
#endif
    }
    for (int32_t rest = count & 3; rest > 0; rest--) {
        sum += w[count - rest] * x[count - rest];
    }
    return sum;
}

/* sum + Σ w · (x − zero). */
static int32_t nn_dual_dot_bytes(const int8_t *w, const int8_t *x, int32_t count, int32_t zero, int32_t sum)
{
    int32_t k = 0;
#if defined(__ARM_FEATURE_SIMD32)
    const uint32_t zeros = ((uint32_t)zero & 0xffffu) * 0x10001u;
    for (; k + 4 <= count; k += 4) {
        const uint32_t four = nn_dual_load(w + k), of_x = nn_dual_load(x + k);
        sum = nn_dual_sum(sum, nn_dual_even(four), nn_dual_less(nn_dual_even(of_x), zeros));
        sum = nn_dual_sum(sum, nn_dual_odd(four), nn_dual_less(nn_dual_odd(of_x), zeros));
    }
#endif
    for (; k < count; k++) {
        sum += w[k] * (x[k] - zero);
    }
    return sum;
}

#endif /* NN_LINKED */

#endif
