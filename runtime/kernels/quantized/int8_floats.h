/*
 * int8_floats.h: the results of int8_results.h by products of floats, of which AVX-512 needs half as many
 * operations.
 *
 * Where the exponent e and the zero are those of int8_results.h, s = m · 2^(−31 − e) and u = 2^(−e − 1),
 *
 *   y = floor(x · s + zero + 1/2 + u)    x >= 0: nn_high_product rounds at half of its unit, 2u
 *   y = floor(x · s + zero + 1/2 − u)    x < 0: and nn_divide_power away from zero
 *
 * (rectified, the first one serves both).  s is the sum of two floats of 24 and 7 bits.  A sum of products
 * starts with an integer z more, so that what is left of the constant is less than s, and a float has
 * it almost exactly:
 *
 *   y = floor((x + z) · large + fl((x + z) · small + rest [+ 2u])),  rest = zero + 1/2 ± u − z · s
 *
 * The outer sum and its conversion round down, so nothing but fl is rounded: by 2^−24 of s or so.  Of most
 * factors that changes no result, and which those are has been found out when compiling
 * (compiler/ops/shared/quantized_floats.c does the same in scalars): nn_int8_conv.by_floats.
 */
#ifndef NN_INT8_FLOATS_H
#define NN_INT8_FLOATS_H

#include "runtime/kernels/quantized/int8_results.h"

#if !defined(NN_EMULATED) && defined(NN_AVX512VNNI)

enum {
    NN_QUANT_FLOATS = 1,
    NN_QUANT_FLOATS_LEAST = 7 /* bits of a multiplier that `small` has */
};

NN_INLINE nn_quant_reals nn_quant_real(nn_quant_sums x)
{
    nn_quant_reals y;
    __asm__("vcvtdq2ps {%1, %0|%0, %1}" : "=v"(y) : "v"(x));
    return y;
}

/* a · b + c, rounded once. */
NN_INLINE nn_quant_reals nn_quant_fused(nn_quant_reals a, nn_quant_reals b, nn_quant_reals c)
{
    __asm__("vfmadd213ps {%2, %1, %0|%0, %1, %2}" : "+v"(a) : "v"(b), "v"(c));
    return a;
}

/* The floats of a scale whose other fields are there; what its sums begin with is no longer 2^31 more. */
NN_INLINE void nn_quant_set_floats(const nn_quant_bounds *b, nn_quant_scale *s)
{
    const nn_quant_sums exponent = (127 - 31) + s->shift, none = s->factor == 0, zero = {0};
    const nn_quant_reals unit = (nn_quant_reals)(exponent << 23);
    const nn_quant_reals half = (nn_quant_reals)((126 + s->shift) << 23); /* u */
    const nn_quant_sums last = s->factor & ((1 << NN_QUANT_FLOATS_LEAST) - 1);
    const nn_quant_reals middle = (float)b->zero + 0.5f + (nn_quant_reals){0};
    const nn_quant_reals whole = b->rectified ? middle + half : middle - half;
    s->large = nn_quant_real(s->factor - last) * unit;
    s->small = nn_quant_real(last) * unit;
    const nn_quant_reals divisor = (nn_quant_reals)((nn_quant_sums)s->large | (none & 0x3f800000));
    nn_quant_sums z;
    __asm__("vcvttps2dq {%1, %0|%0, %1}" : "=v"(z) : "v"(whole / divisor));
    z &= ~none;
    const nn_quant_reals minus = nn_quant_real(zero - z);
    s->rest = nn_quant_fused(minus, s->small, nn_quant_fused(minus, s->large, whole));
    s->more_above = half + half;
    s->below = z - 1;
    s->start = nn_quant_plus((nn_quant_sums)((nn_quant_bits)s->start ^ 0x80000000u), z);
}

/* Whether all sums of `depth` products are those of the formula: within 32 bits, and exponents that the
 * compiler has looked at. */
NN_INLINE int nn_quant_floats_serve(const nn_quant_scale *s, long depth)
{
    const nn_quant_sums start = (nn_quant_sums)((nn_quant_bits)s->start ^ 0x80000000u);
    const nn_quant_sums beyond = (start > 1 << 30) | (start < -(1 << 30)) | (s->shift < -NN_INT8_FLOATS_SHIFT);
    long long lane[NN_QUANT_LANES / 2], any = 0;
    __builtin_memcpy(lane, &beyond, sizeof lane);
    for (int i = 0; i < NN_QUANT_LANES / 2; i++) any |= lane[i];
    return !any && depth <= NN_INT8_FLOATS_DEPTH;
}

/* y of the formula, before it is cut off. */
NN_INLINE nn_quant_sums nn_quant_floor(const int rectified, nn_quant_sums x, const nn_quant_scale *s)
{
    const nn_quant_reals number = nn_quant_real(x);
    nn_quant_reals y = number, inner = nn_quant_fused(number, s->small, s->rest);
    if (!rectified) {
        unsigned short above;
        __asm__("vpcmpgtd {%2, %1, %0|%0, %1, %2}" : "=Yk"(above) : "v"(x), "v"(s->below));
        __asm__("vaddps {%1, %0, %0%{%2%}|%0%{%2%}, %0, %1}" : "+v"(inner) : "v"(s->more_above), "Yk"(above));
    }
    __asm__("vfmadd213ps {%{rd-sae%}, %2, %1, %0|%0, %1, %2, %{rd-sae%}}" : "+v"(y) : "v"(s->large), "v"(inner));
    __asm__("vcvtps2dq {%{rd-sae%}, %1, %0|%0, %1, %{rd-sae%}}" : "=v"(x) : "v"(y));
    return x;
}

/* nn_quant_packed of it. */
NN_INLINE nn_quant_sums nn_quant_packed_floors(const int rectified, const nn_quant_sums *sum,
                                               const nn_quant_scale *const *s, const nn_quant_bounds *b)
{
    nn_quant_sums y[4];
    NN_UNROLL
    for (int i = 0; i < 4; i++) y[i] = nn_quant_floor(rectified, sum[i], s[i]);
    return nn_quant_packed_four(y, b->low, b->high);
}

NN_INLINE void nn_quant_store_floors_block(const int rectified, int8_t *to, const nn_quant_sums *sum,
                                           const nn_quant_scale *s, const nn_quant_bounds *b, long count)
{
    const nn_quant_scale *const each[] = {s, s + 1, s + 2, s + 3};
    nn_quant_store_bytes(to, nn_quant_packed_floors(rectified, sum, each, b), count);
}

NN_INLINE void nn_quant_store_floors_halves(const int rectified, int8_t *to, long apart, const nn_quant_sums *sum,
                                            const nn_quant_scale *s, const nn_quant_bounds *b, long count)
{
    const nn_quant_scale *const each[] = {s, s + 1, s + 2, s + 3};
    nn_quant_store_pair(to, apart, nn_quant_packed_floors(rectified, sum, each, b), count);
}

#else

enum { NN_QUANT_FLOATS = 0 };

NN_INLINE void nn_quant_set_floats(const nn_quant_bounds *b, nn_quant_scale *s) { (void)b, (void)s; }

NN_INLINE int nn_quant_floats_serve(const nn_quant_scale *s, long depth)
{
    (void)s, (void)depth;
    return 0;
}

NN_INLINE void nn_quant_store_floors_block(const int rectified, int8_t *to, const nn_quant_sums *sum,
                                           const nn_quant_scale *s, const nn_quant_bounds *b, long count)
{
    (void)rectified, (void)to, (void)sum, (void)s, (void)b, (void)count;
}

NN_INLINE void nn_quant_store_floors_halves(const int rectified, int8_t *to, long apart, const nn_quant_sums *sum,
                                            const nn_quant_scale *s, const nn_quant_bounds *b, long count)
{
    (void)rectified, (void)to, (void)apart, (void)sum, (void)s, (void)b, (void)count;
}

#endif

/* Sets the floats of all scales, if they serve: all or none. */
NN_INLINE void nn_quant_choose_floats(nn_quant_bounds *b, nn_quant_scale *s, int count, long depth)
{
    if (!NN_QUANT_FLOATS || !b->by_floats || b->any_factor) {
        b->by_floats = 0;
        return;
    }
    for (int i = 0; i < count; i++) b->by_floats = b->by_floats && nn_quant_floats_serve(&s[i], depth);
    for (int i = 0; i < count && b->by_floats; i++) nn_quant_set_floats(b, &s[i]);
}

#endif
