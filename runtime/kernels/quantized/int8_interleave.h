/*
 * int8_interleave.h: what a depthwise convolution multiplies: NN_QUANT_TAPS numbers of a channel side by
 * side in a lane of 32 bits, of a block of channels, in the order of nn_quant_channel.
 */
#ifndef NN_INT8_INTERLEAVE_H
#define NN_INT8_INTERLEAVE_H

#include "runtime/kernels/quantized/int8_results.h"

enum { NN_QUANT_TAPS = NN_QUANT_GROUPS };

/* Of weights of four taps as bytes, those from tap `first` on. */
NN_INLINE nn_quant_sums nn_quant_taps_of(nn_quant_sums four, int first)
{
#if defined(NN_QUANT_BYTES)
    (void)first;
    return four;
#else
    four >>= 8 * first;
    return (four << 24 >> 24 & 0xffff) | (four << 16 >> 24 << 16);
#endif
}

/* Word k of 32 bits of each 128, in all their lanes. */
NN_INLINE nn_quant_sums nn_quant_dword(nn_quant_sums x, const int k)
{
#if !defined(NN_EMULATED) && (defined(NN_AVX512) || defined(NN_AVX2))
    nn_quant_sums y;
    if (k == 0)
        __asm__("vpshufd {$0, %1, %0|%0, %1, 0}" : "=v"(y) : "v"(x));
    else if (k == 1)
        __asm__("vpshufd {$85, %1, %0|%0, %1, 85}" : "=v"(y) : "v"(x));
    else if (k == 2)
        __asm__("vpshufd {$170, %1, %0|%0, %1, 170}" : "=v"(y) : "v"(x));
    else
        __asm__("vpshufd {$255, %1, %0|%0, %1, 255}" : "=v"(y) : "v"(x));
    return y;
#elif NN_QUANT_LANES == NN_QUANT_CHUNK
    return x[k] - (nn_quant_sums){0};
#else
    int lane[NN_QUANT_LANES];
    __builtin_memcpy(lane, &x, sizeof lane);
    int made[NN_QUANT_LANES];
    for (int i = 0; i < NN_QUANT_LANES; i++) made[i] = lane[i / NN_QUANT_CHUNK * NN_QUANT_CHUNK + k];
    return nn_quant_load(made);
#endif
}

/* One number after the other. */
NN_INLINE void nn_quant_interleave_lanes(nn_quant_sums *to, const int8_t *const *from, long count)
{
    nn_quant_x lane[NN_QUANT_GROUPS][NN_QUANT_LANES][NN_QUANT_TAPS] = {{{0}}};
    for (int g = 0; g < NN_QUANT_GROUPS; g++)
        for (int i = 0; i < NN_QUANT_LANES; i++)
            for (int k = 0; k < NN_QUANT_TAPS && nn_quant_channel(g, i) < count; k++)
                lane[g][i][k] = (nn_quant_x)(from[k][nn_quant_channel(g, i)] + NN_QUANT_OFFSET);
    __builtin_memcpy(to, lane, sizeof lane);
}

#if !defined(NN_EMULATED) && (defined(NN_AVX512VNNI) || defined(NN_AVXVNNI))

NN_INLINE nn_quant_sums nn_quant_low_bytes(nn_quant_sums a, nn_quant_sums b)
{
    __asm__("vpunpcklbw {%1, %0, %0|%0, %0, %1}" : "+v"(a) : "v"(b));
    return a;
}

NN_INLINE nn_quant_sums nn_quant_high_bytes(nn_quant_sums a, nn_quant_sums b)
{
    __asm__("vpunpckhbw {%1, %0, %0|%0, %0, %1}" : "+v"(a) : "v"(b));
    return a;
}

NN_INLINE void nn_quant_interleave_rows(nn_quant_sums *to, const nn_quant_sums *row)
{
    const nn_quant_sums low = nn_quant_low_bytes(row[0], row[1]), high = nn_quant_high_bytes(row[0], row[1]);
    const nn_quant_sums more_low = nn_quant_low_bytes(row[2], row[3]), more_high = nn_quant_high_bytes(row[2], row[3]);
    to[0] = nn_quant_low_words(low, more_low), to[1] = nn_quant_high_words(low, more_low);
    to[2] = nn_quant_low_words(high, more_high), to[3] = nn_quant_high_words(high, more_high);
}

NN_INLINE void nn_quant_interleave(nn_quant_sums *to, const int8_t *const *from, long count)
{
    nn_quant_sums row[NN_QUANT_TAPS];
    NN_UNROLL
    for (int k = 0; k < NN_QUANT_TAPS; k++) row[k] = nn_quant_load_bytes(from[k], count) ^ (int)0x80808080;
    nn_quant_interleave_rows(to, row);
}

/* Of half as many channels of two places. */
NN_INLINE void nn_quant_interleave_halves(nn_quant_sums *to, const int8_t *const *from, const int8_t *const *second,
                                          long count)
{
    nn_quant_sums row[NN_QUANT_TAPS];
    NN_UNROLL
    for (int k = 0; k < NN_QUANT_TAPS; k++) row[k] = nn_quant_load_halves(from[k], second[k], count) ^ (int)0x80808080;
    nn_quant_interleave_rows(to, row);
}

/* A block of channels as what is multiplied, in their order. */
NN_INLINE nn_quant_sums nn_quant_row(const int8_t *from, long count)
{
    return nn_quant_load_bytes(from, count) ^ (int)0x80808080;
}

/* Of one tap, beside zeros. */
NN_INLINE void nn_quant_spread(nn_quant_sums *to, const int8_t *from, long count)
{
    const nn_quant_sums row = nn_quant_load_bytes(from, count) ^ (int)0x80808080, zero = {0};
    const nn_quant_sums low = nn_quant_low_bytes(row, zero), high = nn_quant_high_bytes(row, zero);
    to[0] = nn_quant_low_words(low, zero), to[1] = nn_quant_high_words(low, zero);
    to[2] = nn_quant_low_words(high, zero), to[3] = nn_quant_high_words(high, zero);
}

#else

#if !defined(NN_EMULATED) && (defined(NN_AVX512) || defined(NN_AVX2))

NN_INLINE nn_quant_sums nn_quant_row_of(const int8_t *p) { return nn_quant_wide_words(p); }

NN_INLINE void nn_quant_interleave_whole(nn_quant_sums *to, const int8_t *const *from)
{
    const nn_quant_sums one = nn_quant_wide_words(from[0]), two = nn_quant_wide_words(from[1]);
    to[0] = nn_quant_low_words(one, two), to[1] = nn_quant_high_words(one, two);
}

#elif !defined(NN_EMULATED) && defined(__SSE2__) && NN_QUANT_LANES == 4

NN_INLINE nn_quant_sums nn_quant_row_of(const int8_t *p)
{
    typedef short eight __attribute__((vector_size(16)));
    typedef long long two __attribute__((vector_size(16)));
    long long bytes;
    __builtin_memcpy(&bytes, p, sizeof bytes);
    two words = {bytes, 0};
    __asm__("punpcklbw %0, %0" : "+x"(words)); /* each byte twice */
    return (nn_quant_sums)((eight)words >> 8);
}

NN_INLINE void nn_quant_interleave_whole(nn_quant_sums *to, const int8_t *const *from)
{
    const nn_quant_sums two = nn_quant_row_of(from[1]);
    to[0] = to[1] = nn_quant_row_of(from[0]);
    __asm__("punpcklwd {%1, %0|%0, %1}" : "+x"(to[0]) : "x"(two));
    __asm__("punpckhwd {%1, %0|%0, %1}" : "+x"(to[1]) : "x"(two));
}

#elif !defined(NN_EMULATED) && defined(NN_NEON)

NN_INLINE void nn_quant_zip_bytes(nn_quant_sums a, nn_quant_sums b, nn_quant_sums *to)
{
    __asm__("zip1 %0.16b, %1.16b, %2.16b" : "=w"(to[0]) : "w"(a), "w"(b));
    __asm__("zip2 %0.16b, %1.16b, %2.16b" : "=w"(to[1]) : "w"(a), "w"(b));
}

NN_INLINE void nn_quant_interleave_whole(nn_quant_sums *to, const int8_t *const *from)
{
    nn_quant_sums row[NN_QUANT_TAPS], one[2], two[2];
    for (int k = 0; k < NN_QUANT_TAPS; k++) __builtin_memcpy(&row[k], from[k], sizeof row[k]);
    nn_quant_zip_bytes(row[0], row[1], one), nn_quant_zip_bytes(row[2], row[3], two);
    for (int k = 0; k < 2; k++) {
        __asm__("zip1 %0.8h, %1.8h, %2.8h" : "=w"(to[2 * k]) : "w"(one[k]), "w"(two[k]));
        __asm__("zip2 %0.8h, %1.8h, %2.8h" : "=w"(to[2 * k + 1]) : "w"(one[k]), "w"(two[k]));
    }
}

#else

NN_INLINE void nn_quant_interleave_whole(nn_quant_sums *to, const int8_t *const *from)
{
    nn_quant_interleave_lanes(to, from, NN_QUANT_BLOCK);
}

#endif

/* Of half as many channels of two places, which then are a block. */
NN_INLINE void nn_quant_interleave_halves(nn_quant_sums *to, const int8_t *const *from, const int8_t *const *second,
                                          long count)
{
    enum { HALF = NN_QUANT_BLOCK / 2 };
    int8_t both[NN_QUANT_TAPS][NN_QUANT_BLOCK] = {{0}};
    const int8_t *rows[NN_QUANT_TAPS];
    for (int k = 0; k < NN_QUANT_TAPS; k++) {
        for (long i = 0; i < count; i++) both[k][i] = from[k][i], both[k][HALF + i] = second[k][i];
        rows[k] = both[k];
    }
    nn_quant_interleave_lanes(to, rows, NN_QUANT_BLOCK);
}

NN_INLINE void nn_quant_interleave(nn_quant_sums *to, const int8_t *const *from, long count)
{
    if (count >= NN_QUANT_BLOCK)
        nn_quant_interleave_whole(to, from);
    else
        nn_quant_interleave_lanes(to, from, count);
}

/* A block of channels as what is multiplied, in their order. */
NN_INLINE nn_quant_sums nn_quant_row(const int8_t *from, long count)
{
    nn_quant_x row[NN_QUANT_BLOCK] = {0};
    nn_quant_sums words;
#if !defined(NN_EMULATED) && !defined(NN_QUANT_BYTES) && \
    (defined(NN_AVX512) || defined(NN_AVX2) || (defined(__SSE2__) && NN_QUANT_LANES == 4))
    if (count >= NN_QUANT_BLOCK) return nn_quant_row_of(from);
#endif
    nn_quant_copy(row, from, count);
    __builtin_memcpy(&words, row, sizeof words);
    return words;
}

/* Of one tap; the others, whose weights are 0, are the same. */
NN_INLINE void nn_quant_spread(nn_quant_sums *to, const int8_t *from, long count)
{
    const int8_t *const rows[] = {from, from, from, from};
    nn_quant_interleave(to, rows, count);
}

#endif

#endif
