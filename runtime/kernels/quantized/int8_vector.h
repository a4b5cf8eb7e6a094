/*
 * int8_vector.h: sums of products of int8 numbers, and their way back to int8, in vectors.
 *
 * A vector has NN_QUANT_LANES sums of 32 bits.  A step adds four products to each output:
 *
 *   bytes   (NN_QUANT_BYTES) four neighbours to a lane: x + 128 as an unsigned byte times w, vpdpbusd; with
 *           NN_QUANT_SIGNED x itself, sdot, or products and sums of two in 16 bits, which w >= -127 leaves room for
 *   words   x and w as 16 bits, two neighbours to a lane: pmaddwd; two lanes are an output
 *
 * Neither saturates.  The weights are bytes in memory in both, [output][4]; what is multiplied with
 * them, nn_quant_x, has been copied (nn_quant_copy).  Sums of unsigned bytes have 128 · Σ w too much.
 *
 * nn_quant_rescale is nn_rescale of fixed_point.h in every lane, bit for bit, for factors below one
 * half and not below 0.
 */
#ifndef NN_INT8_VECTOR_H
#define NN_INT8_VECTOR_H

#include "runtime/kernels/quantized/quantized_types.h"
#include "runtime/kernels/simd/vector.h"
#include "runtime/kernels/system/fixed_point.h"

typedef int nn_quant_ints __attribute__((vector_size(NN_QUANT_LANES * 4), aligned(1), may_alias));
typedef int nn_quant_sums __attribute__((vector_size(NN_QUANT_LANES * 4)));
typedef unsigned nn_quant_bits __attribute__((vector_size(NN_QUANT_LANES * 4)));
typedef long long nn_quant_longs __attribute__((vector_size(NN_QUANT_LANES * 4)));
typedef unsigned long long nn_quant_wide __attribute__((vector_size(NN_QUANT_LANES * 4)));
typedef signed char nn_quant_results __attribute__((vector_size(NN_QUANT_LANES), aligned(1), may_alias));

typedef short nn_quant_halves __attribute__((vector_size(NN_QUANT_LANES * 2)));

NN_INLINE nn_quant_sums nn_quant_load(const int *p) { return *(const nn_quant_ints *)p; }

/* Between 8 and 32 bits by 16: gcc 12 would convert lane by lane, and knows no shorter way to widen. */
NN_INLINE nn_quant_sums nn_quant_widen(const int8_t *p)
{
    const nn_quant_results *bytes = (const nn_quant_results *)p;
#if !defined(NN_EMULATED) && (defined(NN_AVX512) || defined(NN_AVX2))
    nn_quant_sums wide;
    __asm__("vpmovsxbd {%1, %0|%0, %1}" : "=v"(wide) : "m"(*bytes));
    return wide;
#else
    return __builtin_convertvector(__builtin_convertvector(*bytes, nn_quant_halves), nn_quant_sums);
#endif
}

/* The first `count` of a vector's numbers, the others 0. */
NN_INLINE nn_quant_sums nn_quant_numbers(const int8_t *p, long count)
{
    if (count >= NN_QUANT_LANES) return nn_quant_widen(p);
    int lane[NN_QUANT_LANES];
    for (int i = 0; i < NN_QUANT_LANES; i++) lane[i] = i < count ? p[i] : 0;
    return nn_quant_load(lane);
}

NN_INLINE nn_quant_results nn_quant_narrowed(nn_quant_sums x)
{
    return __builtin_convertvector(__builtin_convertvector(x, nn_quant_halves), nn_quant_results);
}

/* ---- products ------------------------------------------------------------------------------- */

/* Modulo 2^32, since sums may be kept with 2^31 more (int8_results.h). */
NN_INLINE nn_quant_sums nn_quant_plus(nn_quant_sums a, nn_quant_sums b)
{
    return (nn_quant_sums)((nn_quant_bits)a + (nn_quant_bits)b);
}

#if defined(NN_QUANT_BYTES)

#if defined(NN_QUANT_SIGNED)
typedef signed char nn_quant_x;
enum { NN_QUANT_OFFSET = 0 };
#else
typedef unsigned char nn_quant_x;
enum { NN_QUANT_OFFSET = 128 };
#endif

enum { NN_QUANT_OUTPUTS = NN_QUANT_LANES /* of a vector */ };

NN_INLINE nn_quant_sums nn_quant_weights(const int8_t *p) { return *(const nn_quant_ints *)p; }

NN_INLINE nn_quant_sums nn_quant_broadcast(const nn_quant_x *p)
{
    int four;
    __builtin_memcpy(&four, p, sizeof four);
    return four - (nn_quant_sums){0};
}

NN_INLINE nn_quant_sums nn_quant_dot(nn_quant_sums sum, nn_quant_sums x, nn_quant_sums w)
{
#if !defined(NN_EMULATED) && defined(NN_AVX512VNNI)
    __asm__("vpdpbusd {%2, %1, %0|%0, %1, %2}" : "+v"(sum) : "v"(x), "v"(w));
#elif !defined(NN_EMULATED) && defined(NN_AVXVNNI)
    __asm__(NN_VNNI_PREFIX "vpdpbusd {%2, %1, %0|%0, %1, %2}" : "+x"(sum) : "x"(x), "x"(w));
#elif !defined(NN_EMULATED) && defined(NN_NEONDOTPROD)
    __asm__("sdot %0.4s, %1.16b, %2.16b" : "+w"(sum) : "w"(x), "w"(w));
#elif !defined(NN_EMULATED) && defined(NN_NEON)
    nn_quant_sums low, high;
    __asm__("smull %0.8h, %1.8b, %2.8b" : "=w"(low) : "w"(x), "w"(w));
    __asm__("smull2 %0.8h, %1.16b, %2.16b" : "=w"(high) : "w"(x), "w"(w));
    __asm__("addp %0.8h, %0.8h, %1.8h" : "+w"(low) : "w"(high));
    __asm__("sadalp %0.4s, %1.8h" : "+w"(sum) : "w"(low));
#elif defined(NN_QUANT_SIGNED)
    for (int k = 0; k < 32; k += 8)
        sum = nn_quant_plus(sum, ((nn_quant_sums)((nn_quant_bits)x << (24 - k)) >> 24) *
                                     ((nn_quant_sums)((nn_quant_bits)w << (24 - k)) >> 24));
#else
    for (int k = 0; k < 32; k += 8)
        sum = nn_quant_plus(sum, (nn_quant_sums)((nn_quant_bits)x >> k & 255) *
                                     ((nn_quant_sums)((nn_quant_bits)w << (24 - k)) >> 24));
#endif
    return sum;
}

#else

typedef short nn_quant_x;
typedef short nn_quant_words __attribute__((vector_size(NN_QUANT_LANES * 4)));
typedef signed char nn_quant_narrow __attribute__((vector_size(NN_QUANT_LANES * 2), aligned(1), may_alias));

enum { NN_QUANT_OFFSET = 0, NN_QUANT_OUTPUTS = NN_QUANT_LANES / 2 };

NN_INLINE nn_quant_sums nn_quant_weights(const int8_t *p)
{
    return (nn_quant_sums) __builtin_convertvector(*(const nn_quant_narrow *)p, nn_quant_words);
}

NN_INLINE nn_quant_sums nn_quant_broadcast(const nn_quant_x *p)
{
    long long four;
    __builtin_memcpy(&four, p, sizeof four);
    return (nn_quant_sums)(four - (nn_quant_longs){0});
}

NN_INLINE nn_quant_sums nn_quant_dot(nn_quant_sums sum, nn_quant_sums x, nn_quant_sums w)
{
#if !defined(NN_EMULATED) && (defined(NN_AVX512) || defined(NN_AVX2))
    return nn_quant_plus(sum, (nn_quant_sums)__builtin_ia32_pmaddwd256((nn_quant_words)x, (nn_quant_words)w));
#elif !defined(NN_EMULATED) && defined(__SSE2__) && NN_QUANT_LANES == 4
    return nn_quant_plus(sum, (nn_quant_sums)__builtin_ia32_pmaddwd128((nn_quant_words)x, (nn_quant_words)w));
#else
    const nn_quant_sums low = (nn_quant_sums)((nn_quant_bits)x << 16) >> 16;
    return nn_quant_plus(sum, low * ((nn_quant_sums)((nn_quant_bits)w << 16) >> 16) + (x >> 16) * (w >> 16));
#endif
}

#endif

#if !defined(NN_EMULATED) && defined(NN_AVXVNNI)

/* The first `count` bytes, up to 32. */
NN_INLINE void nn_quant_store_bytes(int8_t *to, nn_quant_sums bytes, long count)
{
    int8_t at[32];
    if (count >= 32) {
        *(nn_quant_ints *)to = bytes;
        return;
    }
    __builtin_memcpy(at, &bytes, sizeof at);
    for (long i = 0; i < count; i++) to[i] = at[i];
}

/* The two halves of a vector, `count` bytes of each, up to 16. */
NN_INLINE void nn_quant_store_pair(int8_t *to, long apart, nn_quant_sums bytes, long count)
{
    int8_t at[32];
    __builtin_memcpy(at, &bytes, sizeof at);
    if (count >= 16) {
        __builtin_memcpy(to, at, 16), __builtin_memcpy(to + apart, at + 16, 16);
        return;
    }
    for (long i = 0; i < count; i++) to[i] = at[i], to[apart + i] = at[16 + i];
}

/* The first `count` bytes of two places, up to 16, as the halves of a vector. */
NN_INLINE nn_quant_sums nn_quant_load_halves(const int8_t *low, const int8_t *high, long count)
{
    int8_t at[32] = {0};
    const long bytes = count >= 16 ? 16 : count;
    __builtin_memcpy(at, low, (unsigned long)bytes), __builtin_memcpy(at + 16, high, (unsigned long)bytes);
    return nn_quant_load((const int *)(const void *)at);
}

NN_INLINE nn_quant_sums nn_quant_load_bytes(const int8_t *from, long count)
{
    int8_t at[32] = {0};
    if (count >= 32) return *(const nn_quant_ints *)from;
    for (long i = 0; i < count; i++) at[i] = from[i];
    return nn_quant_load((const int *)(const void *)at);
}

#elif !defined(NN_EMULATED) && defined(NN_AVX512VNNI)

typedef struct nn_quant_64 {
    int8_t at[64];
} nn_quant_64;

typedef struct nn_quant_32 {
    int8_t at[32];
} nn_quant_32;

/* The first `count` bytes, up to 64. */
NN_INLINE void nn_quant_store_bytes(int8_t *to, nn_quant_sums bytes, long count)
{
    if (__builtin_constant_p(count) && count >= 64) {
        *(nn_quant_ints *)to = bytes;
        return;
    }
    const unsigned long long mask = count >= 64 ? ~0ull : (1ull << count) - 1;
    __asm__("vmovdqu8 {%1, %0%{%2%}|%0%{%2%}, %1}" : "+m"(*(nn_quant_64 *)to) : "v"(bytes), "Yk"(mask));
}

/* The two halves of a vector, `count` bytes of each, up to 32. */
NN_INLINE void nn_quant_store_pair(int8_t *to, long apart, nn_quant_sums bytes, long count)
{
    typedef signed char half __attribute__((vector_size(32)));
    const unsigned mask = count >= 32 ? ~0u : (1u << count) - 1;
    half low, high;
    __builtin_memcpy(&low, &bytes, sizeof low);
    __asm__("vextracti64x4 {$1, %1, %0|%0, %1, 1}" : "=v"(high) : "v"(bytes));
    __asm__("vmovdqu8 {%1, %0%{%2%}|%0%{%2%}, %1}" : "+m"(*(nn_quant_32 *)to) : "v"(low), "Yk"(mask));
    __asm__("vmovdqu8 {%1, %0%{%2%}|%0%{%2%}, %1}" : "+m"(*(nn_quant_32 *)(to + apart)) : "v"(high), "Yk"(mask));
}

/* The first `count` bytes of two places, up to 32, as the halves of a vector. */
NN_INLINE nn_quant_sums nn_quant_load_halves(const int8_t *low, const int8_t *high, long count)
{
    typedef signed char half __attribute__((vector_size(32)));
    const unsigned mask = count >= 32 ? ~0u : (1u << count) - 1;
    nn_quant_sums bytes;
    half lower, upper;
    if (__builtin_constant_p(count) && count >= 32) {
        __builtin_memcpy(&lower, low, sizeof lower), __builtin_memcpy(&upper, high, sizeof upper);
    } else {
        __asm__("vmovdqu8 {%1, %0%{%2%}%{z%}|%0%{%2%}%{z%}, %1}"
                : "=v"(lower)
                : "m"(*(const nn_quant_32 *)low), "Yk"(mask));
        __asm__("vmovdqu8 {%1, %0%{%2%}%{z%}|%0%{%2%}%{z%}, %1}"
                : "=v"(upper)
                : "m"(*(const nn_quant_32 *)high), "Yk"(mask));
    }
    __asm__("vinserti64x4 {$1, %2, %g1, %0|%0, %g1, %2, 1}" : "=v"(bytes) : "v"(lower), "vm"(upper));
    return bytes;
}

NN_INLINE nn_quant_sums nn_quant_load_bytes(const int8_t *from, long count)
{
    if (__builtin_constant_p(count) && count >= 64) return *(const nn_quant_ints *)from;
    const unsigned long long mask = count >= 64 ? ~0ull : (1ull << count) - 1;
    nn_quant_sums bytes;
    __asm__("vmovdqu8 {%1, %0%{%2%}%{z%}|%0%{%2%}%{z%}, %1}"
            : "=v"(bytes)
            : "m"(*(const nn_quant_64 *)from), "Yk"(mask));
    return bytes;
}

#endif

#if !defined(NN_EMULATED) && defined(NN_AVX512VNNI)

/* to[i] = from[i], as what is multiplied. */
NN_INLINE void nn_quant_copy(nn_quant_x *to, const int8_t *from, long count)
{
    long i = 0;
    for (; i + 64 <= count; i += 64)
        nn_quant_store_bytes((int8_t *)to + i, nn_quant_load_bytes(from + i, 64) ^ (int)0x80808080, 64);
    if (i < count)
        nn_quant_store_bytes((int8_t *)to + i, nn_quant_load_bytes(from + i, count - i) ^ (int)0x80808080, count - i);
}

#else

/* to[i] = from[i], as what is multiplied. */
NN_INLINE void nn_quant_copy(nn_quant_x *to, const int8_t *from, long count)
{
    enum { STEP = NN_QUANT_LANES };
    typedef nn_quant_x copied __attribute__((vector_size(STEP * sizeof(nn_quant_x)), aligned(1), may_alias));
    long i = 0;
    for (; i + STEP <= count; i += STEP)
        *(copied *)(to + i) =
            __builtin_convertvector(*(const nn_quant_results *)(from + i), copied) + (nn_quant_x)NN_QUANT_OFFSET;
    for (; i < count; i++) to[i] = (nn_quant_x)(from[i] + NN_QUANT_OFFSET);
}

#endif

/* The outputs that two vectors have the sums of, or one. */
NN_INLINE nn_quant_sums nn_quant_outputs_of(const nn_quant_sums *v)
{
#if defined(NN_QUANT_BYTES)
    return v[0];
#elif (defined(__clang__) || __GNUC__ >= 12) && NN_QUANT_LANES == 8
    return nn_quant_plus(__builtin_shufflevector(v[0], v[1], 0, 2, 4, 6, 8, 10, 12, 14),
                         __builtin_shufflevector(v[0], v[1], 1, 3, 5, 7, 9, 11, 13, 15));
#elif (defined(__clang__) || __GNUC__ >= 12) && NN_QUANT_LANES == 4
    return nn_quant_plus(__builtin_shufflevector(v[0], v[1], 0, 2, 4, 6),
                         __builtin_shufflevector(v[0], v[1], 1, 3, 5, 7));
#else
    int lane[2 * NN_QUANT_LANES], sum[NN_QUANT_LANES];
    __builtin_memcpy(lane, v, sizeof lane);
    for (int i = 0; i < NN_QUANT_LANES; i++) sum[i] = (int)((unsigned)lane[2 * i] + (unsigned)lane[2 * i + 1]);
    return nn_quant_load(sum);
#endif
}

/* ---- words -------------------------------------------------------------------------------------- */

#if !defined(NN_EMULATED) && (defined(NN_AVX512) || defined(NN_AVX2))

/* Numbers as words. */
NN_INLINE nn_quant_sums nn_quant_wide_words(const int8_t *p)
{
    typedef struct numbers {
        int8_t at[2 * NN_QUANT_LANES];
    } numbers;
    nn_quant_sums words;
    __asm__("vpmovsxbw {%1, %0|%0, %1}" : "=v"(words) : "m"(*(const numbers *)p));
    return words;
}

/* Words of a and b side by side, of the first or the last 64 of each 128 bits. */
NN_INLINE nn_quant_sums nn_quant_low_words(nn_quant_sums a, nn_quant_sums b)
{
    __asm__("vpunpcklwd {%1, %0, %0|%0, %0, %1}" : "+v"(a) : "v"(b));
    return a;
}

NN_INLINE nn_quant_sums nn_quant_high_words(nn_quant_sums a, nn_quant_sums b)
{
    __asm__("vpunpckhwd {%1, %0, %0|%0, %0, %1}" : "+v"(a) : "v"(b));
    return a;
}

/* Sums of 32 bits as words: the order that low and high words had. */
NN_INLINE nn_quant_sums nn_quant_pack_words(nn_quant_sums low, nn_quant_sums high)
{
    __asm__("vpackssdw {%1, %0, %0|%0, %0, %1}" : "+v"(low) : "v"(high));
    return low;
}

#endif

/* ---- results ----------------------------------------------------------------------------------- */

/* The products of the even lanes, in 64 bits. */
NN_INLINE nn_quant_wide nn_quant_product(nn_quant_sums a, nn_quant_sums b)
{
#if !defined(NN_EMULATED) && (defined(NN_AVX512) || defined(NN_AVX2))
    nn_quant_wide product;
    __asm__("vpmuldq {%2, %1, %0|%0, %1, %2}" : "=v"(product) : "v"(a), "v"(b));
    return product;
#else
    int x[NN_QUANT_LANES], y[NN_QUANT_LANES];
    long long product[NN_QUANT_LANES / 2];
    __builtin_memcpy(x, &a, sizeof x), __builtin_memcpy(y, &b, sizeof y);
    for (int i = 0; i < NN_QUANT_LANES / 2; i++) {
        const int at = 2 * i; /* lanes lie in the order of memory */
        product[i] = (long long)x[at] * y[at];
    }
    nn_quant_wide made;
    __builtin_memcpy(&made, product, sizeof made);
    return made;
#endif
}

/* Of unsigned numbers. */
NN_INLINE nn_quant_wide nn_quant_products(nn_quant_sums a, nn_quant_sums b)
{
#if !defined(NN_EMULATED) && (defined(NN_AVX512) || defined(NN_AVX2))
    nn_quant_wide product;
    __asm__("vpmuludq {%2, %1, %0|%0, %1, %2}" : "=v"(product) : "v"(a), "v"(b));
    return product;
#elif !defined(NN_EMULATED) && defined(__SSE2__) && NN_QUANT_LANES == 4
    __asm__("pmuludq {%1, %0|%0, %1}" : "+x"(a) : "x"(b));
    return (nn_quant_wide)a;
#else
    return ((nn_quant_wide)a & 0xffffffffull) * ((nn_quant_wide)b & 0xffffffffull);
#endif
}

/* nn_high_product in every lane, m >= 0. */
NN_INLINE nn_quant_sums nn_quant_high(nn_quant_sums x, nn_quant_sums m)
{
#if !defined(NN_EMULATED) && defined(NN_NEON)
    nn_quant_sums high;
    __asm__("sqrdmulh %0.4s, %1.4s, %2.4s" : "=w"(high) : "w"(x), "w"(m));
    return high;
#else
    const nn_quant_sums odd_x = (nn_quant_sums)((nn_quant_wide)x >> 32),
                        odd_m = (nn_quant_sums)((nn_quant_wide)m >> 32);
    const nn_quant_wide half = (1ull << 30) - (nn_quant_wide){0}, upper = 0xffffffff00000000ull - (nn_quant_wide){0};
    const nn_quant_wide even = (nn_quant_product(x, m) + half) >> 31, odd = (nn_quant_product(odd_x, odd_m) + half)
                                                                            << 1;
    return (nn_quant_sums)((even & ~upper) | (odd & upper));
#endif
}

/* nn_rescale(x, m, −1 − more), more >= 0 and m >= 0. */
NN_INLINE nn_quant_sums nn_quant_rescale(nn_quant_sums x, nn_quant_sums m, nn_quant_sums more)
{
    const nn_quant_sums high = nn_quant_high(x, m);
    return (((high + (high >> 31)) >> more) + 1) >> 1;
}

/* The same by nn_rescale itself, for any factor. */
NN_INLINE nn_quant_sums nn_quant_rescale_lanes(nn_quant_sums x, const int *m, const int *shift)
{
    int lane[NN_QUANT_LANES];
    __builtin_memcpy(lane, &x, sizeof lane);
    for (int i = 0; i < NN_QUANT_LANES; i++) lane[i] = nn_rescale(lane[i], m[i], shift[i]);
    return nn_quant_load(lane);
}

/* nn_rescale by one factor. */
NN_INLINE nn_quant_sums nn_quant_scaled(nn_quant_sums x, const nn_int8_factor *f)
{
    const nn_quant_sums zero = {0}, m = zero + f->multiplier;
    int multipliers[NN_QUANT_LANES], shifts[NN_QUANT_LANES];
    if (f->multiplier >= 0 && f->shift < 0) return nn_quant_rescale(x, m, zero + (-1 - f->shift));
    if (f->multiplier >= 0 && f->shift == 0) return nn_quant_high(x, m);
    for (int i = 0; i < NN_QUANT_LANES; i++) multipliers[i] = f->multiplier, shifts[i] = f->shift;
    return nn_quant_rescale_lanes(x, multipliers, shifts);
}

NN_INLINE nn_quant_sums nn_quant_clamp(nn_quant_sums x, int low, int high)
{
    const nn_quant_sums least = low - (nn_quant_sums){0}, most = high - (nn_quant_sums){0};
    x = ((x < least) & least) | (~(x < least) & x);
    return ((x > most) & most) | (~(x > most) & x);
}

/* Stores the first `count` lanes, which are int8. */
NN_INLINE void nn_quant_store(int8_t *to, nn_quant_sums x, long count)
{
    const nn_quant_results narrow = nn_quant_narrowed(x);
    if (count >= NN_QUANT_LANES) {
        *(nn_quant_results *)to = narrow;
        return;
    }
    int8_t lane[NN_QUANT_LANES];
    __builtin_memcpy(lane, &narrow, sizeof lane);
    for (long i = 0; i < count; i++) to[i] = lane[i];
}

#endif
