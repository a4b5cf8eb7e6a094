/*
 * int8_results.h: sums of vectors on their way back to int8.
 *
 *   y = clamp(nn_rescale(x, m, −e) + zero, low, high)
 *
 * For e >= 1, 0 <= m < 2^31 and any x this is, bit for bit,
 *
 *   h = floor((x · 2m + 2^31) / 2^32)        nn_high_product
 *   v = (h − [x < 0]) >> (e − 1)             nn_divide_power takes 1 off what is below 0: ties away
 *   y = clamp(((v + 1) >> 1) + zero, …)      from zero.  Where x < 0 and h = 0, v + 1 is 0 or 1: y = 0
 *
 * Where no result is below the zero (relu), [x < 0] is left out: of x < 0 it makes y = low in any case.
 *
 * A sum is kept as x + 2^31, so that it is never below 0 and its product one of unsigned numbers; what
 * that adds, 2^31 · 2m, is in the constants.  v may be cut off to 16 bits, as y will be to 8.
 */
#ifndef NN_INT8_RESULTS_H
#define NN_INT8_RESULTS_H

#include "runtime/kernels/quantized/int8_vector.h"
#include "runtime/kernels/quantized/quantized_types.h"

typedef float nn_quant_reals __attribute__((vector_size(NN_QUANT_LANES * 4)));

/* Of a vector of outputs. */
typedef struct nn_quant_scale {
    nn_quant_sums start;            /* what a sum begins with, and 2^31 */
    nn_quant_sums factor, shift;    /* m, −e */
    nn_quant_sums multiplier, more; /* 2m, e − 1 */
    nn_quant_sums odd_multiplier;   /* that of the odd lanes, in the even ones */
    nn_quant_wide even, odd; /* 2^31 − 2^31 · 2m, of the even lanes and the odd ones; not rectified, − 2^32 */
    nn_quant_reals large, small, rest, more_above; /* of int8_floats.h */
    nn_quant_sums below;
} nn_quant_scale;

typedef struct nn_quant_bounds {
    int any_factor, zero, low, high;
    int rectified; /* low >= zero */
    int by_floats;
} nn_quant_bounds;

enum { NN_QUANT_CHUNK = 4 /* lanes of 128 bits */ };

NN_INLINE nn_quant_bounds nn_quant_bounds_of(const nn_int8_conv *d)
{
    return (nn_quant_bounds){d->any_factor, d->out_zero, d->low, d->high, d->low >= d->out_zero, d->by_floats};
}

NN_INLINE long nn_quant_channels_of(const nn_int8_conv *d) { return (long)d->groups * d->c; }

/* Numbers from pixel to pixel of the images. */
NN_INLINE long nn_quant_pitch_of(const nn_int8_conv *d) { return d->c_step ? d->c_step : nn_quant_channels_of(d); }
NN_INLINE long nn_quant_y_pitch_of(const nn_int8_conv *d) { return d->o_step ? d->o_step : (long)d->groups * d->o; }

NN_INLINE nn_quant_sums nn_quant_ints_or_zeros(const int *p, long count)
{
    int lane[NN_QUANT_LANES];
    if (count >= NN_QUANT_LANES) return nn_quant_load(p);
    for (int i = 0; i < NN_QUANT_LANES; i++) lane[i] = i < count ? p[i] : 0;
    return nn_quant_load(lane);
}

NN_INLINE nn_quant_scale nn_quant_scale_of(int rectified, nn_quant_sums start, nn_quant_sums factor,
                                           nn_quant_sums shift)
{
    const unsigned long long rounding = (1ull << 31) - (rectified ? 0 : 1ull << 32);
    const nn_quant_sums multiplier = (nn_quant_sums)((nn_quant_bits)factor << 1);
    nn_quant_scale s = {start, factor, shift, multiplier, .more = (-1 - shift) & 31};
    const nn_quant_wide low = (nn_quant_wide)multiplier & 0xffffffffull, high = (nn_quant_wide)multiplier >> 32;
    s.even = rounding - (low << 31);
    s.odd = rounding - (high << 31);
    s.odd_multiplier = (nn_quant_sums)high;
    return s;
}

/* Outputs o … of a layer, `count` of which exist; less is what its sums have too much. */
NN_INLINE nn_quant_scale nn_quant_scale_at(const int rectified, const nn_int8_conv_args *a, long o, long count,
                                           nn_quant_sums less)
{
    const nn_quant_sums none = {0};
    if (count <= 0) return nn_quant_scale_of(rectified, none, none, none - 1);
    const nn_quant_bits bias = (nn_quant_bits)nn_quant_ints_or_zeros(a->bias + o, count);
    return nn_quant_scale_of(rectified, (nn_quant_sums)(bias - (nn_quant_bits)less + 0x80000000u),
                             nn_quant_ints_or_zeros(a->multiplier + o, count), nn_quant_numbers(a->shift + o, count));
}

/* The upper halves of 64 bits, of the even lanes and of the odd ones. */
NN_INLINE nn_quant_sums nn_quant_uppers(nn_quant_wide even, nn_quant_wide odd)
{
#if !defined(NN_EMULATED) && defined(NN_AVX512) && NN_QUANT_LANES == 16
    const unsigned short lanes = 0x5555;
    __asm__("vmovshdup {%1, %0%{%2%}|%0%{%2%}, %1}" : "+v"(odd) : "v"(even), "Yk"(lanes));
    return (nn_quant_sums)odd;
#else
    return (nn_quant_sums)((even >> 32) | (odd & ~0xffffffffull));
#endif
}

/* Odd lanes where even ones are; what is there then is of no account. */
NN_INLINE nn_quant_sums nn_quant_odd(nn_quant_sums x)
{
#if !defined(NN_EMULATED) && defined(NN_AVX512) && NN_QUANT_LANES == 16
    nn_quant_sums odd;
    __asm__("vmovshdup {%1, %0|%0, %1}" : "=v"(odd) : "v"(x));
    return odd;
#else
    return (nn_quant_sums)((nn_quant_wide)x >> 32);
#endif
}

/* v of the formula. */
NN_INLINE nn_quant_sums nn_quant_doubled(const int rectified, nn_quant_sums x, const nn_quant_scale *s)
{
#if !defined(NN_EMULATED) && defined(NN_NEON)
    const nn_quant_sums plain = (nn_quant_sums)((nn_quant_bits)x ^ 0x80000000u), high = nn_quant_high(plain, s->factor);
    return (rectified ? high : high + (plain >> 31)) >> s->more;
#else
    const nn_quant_sums odd_x = nn_quant_odd(x);
    const nn_quant_wide even = nn_quant_products(x, s->multiplier) + s->even,
                        odd = nn_quant_products(odd_x, s->odd_multiplier) + s->odd;
    if (rectified) return nn_quant_uppers(even, odd) >> s->more;
    return (nn_quant_uppers(even, odd) + (nn_quant_sums)((nn_quant_bits)x >> 31)) >> s->more;
#endif
}

/* By nn_rescale itself, for any factor: y without its zero. */
NN_INLINE nn_quant_sums nn_quant_rescaled_lanes(nn_quant_sums x, const nn_quant_scale *s)
{
    unsigned lane[NN_QUANT_LANES];
    int m[NN_QUANT_LANES], shift[NN_QUANT_LANES];
    __builtin_memcpy(lane, &x, sizeof lane), __builtin_memcpy(m, &s->factor, sizeof m);
    __builtin_memcpy(shift, &s->shift, sizeof shift);
    for (int i = 0; i < NN_QUANT_LANES; i++)
        lane[i] = (unsigned)nn_rescale((int)(lane[i] ^ 0x80000000u), m[i], shift[i]);
    return nn_quant_load((const int *)lane);
}

/* y of a vector. */
NN_INLINE nn_quant_sums nn_quant_result(const int rectified, nn_quant_sums x, const nn_quant_scale *s,
                                        const nn_quant_bounds *b)
{
    const nn_quant_sums y =
        b->any_factor ? nn_quant_rescaled_lanes(x, s) : (nn_quant_doubled(rectified, x, s) + 1) >> 1;
    return nn_quant_clamp(y + b->zero, b->low, b->high);
}

/* ---- vectors of bytes ----------------------------------------------------------------------------- */

/* A block of channels is what a vector of bytes or, where products are of 16 bits, of words has.  Where
 * neighbours are interleaved within 128 bits, its sums are NN_QUANT_GROUPS vectors, of which lane i of
 * vector g is of channel nn_quant_channel(g, i); packing them in the same way restores the order. */
enum { NN_QUANT_GROUPS = sizeof(int) / sizeof(nn_quant_x), NN_QUANT_BLOCK = NN_QUANT_GROUPS * NN_QUANT_LANES };

NN_INLINE int nn_quant_channel(int g, int i)
{
    return i / NN_QUANT_CHUNK * NN_QUANT_CHUNK * NN_QUANT_GROUPS + g * NN_QUANT_CHUNK + i % NN_QUANT_CHUNK;
}

/* Vector g in the order of nn_quant_channel, of NN_QUANT_GROUPS vectors in order. */
NN_INLINE nn_quant_sums nn_quant_in_order(const nn_quant_sums *v, int g)
{
    int from[NN_QUANT_BLOCK], lane[NN_QUANT_LANES];
    __builtin_memcpy(from, v, sizeof from);
    for (int i = 0; i < NN_QUANT_LANES; i += NN_QUANT_CHUNK)
        __builtin_memcpy(lane + i, from + nn_quant_channel(g, i), NN_QUANT_CHUNK * sizeof *lane);
    return nn_quant_load(lane);
}

NN_INLINE nn_quant_scale nn_quant_scale_in_order(int rectified, const nn_quant_scale *s, int g)
{
    nn_quant_sums start[NN_QUANT_GROUPS], factor[NN_QUANT_GROUPS], shift[NN_QUANT_GROUPS];
    for (int i = 0; i < NN_QUANT_GROUPS; i++) start[i] = s[i].start, factor[i] = s[i].factor, shift[i] = s[i].shift;
    return nn_quant_scale_of(rectified, nn_quant_in_order(start, g), nn_quant_in_order(factor, g),
                             nn_quant_in_order(shift, g));
}

#if !defined(NN_EMULATED) && (defined(NN_AVX512VNNI) || defined(NN_AVXVNNI))

/* v of two vectors as words: y before it is cut off to 8 bits. */
NN_INLINE nn_quant_sums nn_quant_words_of(nn_quant_sums a, nn_quant_sums b, const nn_quant_bounds *bounds)
{
    typedef short words __attribute__((vector_size(NN_QUANT_LANES * 4)));
    const words add = (short)(1 + 2 * bounds->zero) - (words){0};
    words y = (words)nn_quant_pack_words(a, b);
    __asm__("vpaddsw {%1, %0, %0|%0, %0, %1}" : "+v"(y) : "v"(add));
    return (nn_quant_sums)(y >> 1);
}

/* Four vectors as bytes, between the bounds; their order is that of nn_quant_channel. */
NN_INLINE nn_quant_sums nn_quant_packed(const int rectified, const nn_quant_sums *sum, const nn_quant_scale *const *s,
                                        const nn_quant_bounds *b)
{
    typedef signed char chars __attribute__((vector_size(NN_QUANT_LANES * 4)));
    const chars low = (signed char)b->low - (chars){0}, high = (signed char)b->high - (chars){0};
    const nn_quant_sums last =
        nn_quant_words_of(nn_quant_doubled(rectified, sum[2], s[2]), nn_quant_doubled(rectified, sum[3], s[3]), b);
    nn_quant_sums y =
        nn_quant_words_of(nn_quant_doubled(rectified, sum[0], s[0]), nn_quant_doubled(rectified, sum[1], s[1]), b);
    __asm__("vpacksswb {%1, %0, %0|%0, %0, %1}" : "+v"(y) : "v"(last));
    __asm__("vpmaxsb {%1, %0, %0|%0, %0, %1}" : "+v"(y) : "v"(low));
    __asm__("vpminsb {%1, %0, %0|%0, %0, %1}" : "+v"(y) : "v"(high));
    return y;
}

NN_INLINE nn_quant_sums nn_quant_bytes_of(nn_quant_sums a, nn_quant_sums b)
{
    __asm__("vpacksswb {%1, %0, %0|%0, %0, %1}" : "+v"(a) : "v"(b));
    return a;
}

/* The order of 32 bits that packing numbers of 32 bits to bytes within 128 bits leaves. */
NN_INLINE nn_quant_sums nn_quant_unpermuted(nn_quant_sums bytes)
{
#if NN_QUANT_LANES == 16
    static const int order[] = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
#else
    static const int order[] = {0, 4, 1, 5, 2, 6, 3, 7};
#endif
    __asm__("vpermd {%0, %1, %0|%0, %1, %0}" : "+v"(bytes) : "v"(nn_quant_load(order)));
    return bytes;
}

/* Four vectors as bytes, between the bounds; their order is that of nn_quant_channel. */
NN_INLINE nn_quant_sums nn_quant_packed_four(const nn_quant_sums *v, int low, int high)
{
    typedef signed char chars __attribute__((vector_size(NN_QUANT_LANES * 4)));
    const chars least = (signed char)low - (chars){0}, most = (signed char)high - (chars){0};
    nn_quant_sums bytes = nn_quant_bytes_of(nn_quant_pack_words(v[0], v[1]), nn_quant_pack_words(v[2], v[3]));
    if (low > -128) __asm__("vpmaxsb {%1, %0, %0|%0, %0, %1}" : "+v"(bytes) : "v"(least));
    if (high < 127) __asm__("vpminsb {%1, %0, %0|%0, %0, %1}" : "+v"(bytes) : "v"(most));
    return bytes;
}

#endif

/* The results of NN_QUANT_GROUPS vectors, in the order of nn_quant_channel; one lane after the other. */
NN_INLINE void nn_quant_store_lanes(const int rectified, int8_t *to, const nn_quant_sums *sum, const nn_quant_scale *s,
                                    const nn_quant_bounds *b, long count)
{
    for (int g = 0; g < NN_QUANT_GROUPS; g++) {
        const nn_quant_sums y = nn_quant_result(rectified, sum[g], &s[g], b);
        int lane[NN_QUANT_LANES];
        __builtin_memcpy(lane, &y, sizeof lane);
        for (int i = 0; i < NN_QUANT_LANES; i++)
            if (nn_quant_channel(g, i) < count) to[nn_quant_channel(g, i)] = (int8_t)lane[i];
    }
}

/* Whether the halves of a block may be rows of their own. */
#if defined(NN_QUANT_BYTES) && !defined(NN_QUANT_SIGNED)
enum { NN_QUANT_ROWS_OF_BLOCK = 2 };
#else
enum { NN_QUANT_ROWS_OF_BLOCK = 1 };
#endif

NN_INLINE void nn_quant_store_block(const int rectified, int8_t *to, const nn_quant_sums *sum, const nn_quant_scale *s,
                                    const nn_quant_bounds *b, long count)
{
    if (b->any_factor) {
        nn_quant_sums copy[NN_QUANT_GROUPS]; /* else the sums were in memory for this loop's sake */
        NN_UNROLL
        for (int g = 0; g < NN_QUANT_GROUPS; g++) copy[g] = sum[g];
        nn_quant_store_lanes(rectified, to, copy, s, b, count);
        return;
    }
#if !defined(NN_EMULATED) && (defined(NN_AVX512VNNI) || defined(NN_AVXVNNI))
    const nn_quant_scale *const each[] = {s, s + 1, s + 2, s + 3};
    nn_quant_store_bytes(to, nn_quant_packed(rectified, sum, each, b), count);
#elif NN_QUANT_LANES == NN_QUANT_CHUNK
    for (int g = 0; g < NN_QUANT_GROUPS; g++)
        if (count > g * NN_QUANT_LANES)
            nn_quant_store(to + g * NN_QUANT_LANES, nn_quant_result(rectified, sum[g], &s[g], b),
                           count - g * NN_QUANT_LANES);
#elif !defined(NN_EMULATED) && (defined(NN_AVX512) || defined(NN_AVX2))
    const nn_quant_sums words =
        nn_quant_pack_words(nn_quant_result(rectified, sum[0], &s[0], b), nn_quant_result(rectified, sum[1], &s[1], b));
    typedef short halves __attribute__((vector_size(32)));
    typedef signed char bytes __attribute__((vector_size(16), aligned(1), may_alias));
    const bytes y = __builtin_convertvector((halves)words, bytes);
    if (count >= NN_QUANT_BLOCK)
        *(bytes *)to = y;
    else
        for (long i = 0; i < count; i++) to[i] = y[i];
#else
    nn_quant_store_lanes(rectified, to, sum, s, b, count);
#endif
}

/* `count` of the results of each half of a block, which are `apart` from one another. */
NN_INLINE void nn_quant_store_halves(const int rectified, int8_t *to, long apart, const nn_quant_sums *sum,
                                     const nn_quant_scale *s, const nn_quant_bounds *b, long count)
{
    int8_t both[NN_QUANT_BLOCK];
#if !defined(NN_EMULATED) && (defined(NN_AVX512VNNI) || defined(NN_AVXVNNI))
    if (!b->any_factor) {
        const nn_quant_scale *const each[] = {s, s + 1, s + 2, s + 3};
        nn_quant_store_pair(to, apart, nn_quant_packed(rectified, sum, each, b), count);
        return;
    }
#endif
    nn_quant_store_block(rectified, both, sum, s, b, NN_QUANT_BLOCK);
    for (long i = 0; i < count; i++) to[i] = both[i], to[apart + i] = both[NN_QUANT_BLOCK / 2 + i];
}

#endif
