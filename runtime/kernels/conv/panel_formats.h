/*
 * panel_formats.h: the formats of packed weights, and their way to floats.
 *
 *   NN_PANELS_F32    floats
 *   NN_PANELS_BF16   bf16, the weights as they are: [rows][16]
 *   NN_PANELS_FIXED  fixed point in 16 bits, value = step[lane] · number, |number| ≤ 32767: 16 steps in
 *                    floats, then [rows][16].  A step is a power of two, so the product is exact: the
 *                    least with 32767 · step ≥ all values of the lane, but at least 2⁻¹⁰⁰.  A value is
 *                    off by at most half a step.
 *
 * `format` is a constant of the caller, as `half` of elements.h.  A step of NaN stands for a lane with an
 * infinity or a NaN: all of its values are NaN.
 */
#ifndef NN_PANEL_FORMATS_H
#define NN_PANEL_FORMATS_H

#include "runtime/kernels/limits.h"
#include "runtime/kernels/simd/elements.h"

enum { NN_PANELS_F32, NN_PANELS_BF16, NN_PANELS_FIXED };

typedef int16_t nn_shorts __attribute__((vector_size(NN_W * sizeof(int16_t)), aligned(2), may_alias));
typedef int32_t nn_longs __attribute__((vector_size(NN_W * sizeof(int32_t))));

/* ---- reading -------------------------------------------------------------------------- */

/* The address of a row. */
NN_INLINE const void *nn_panel_row_at(const int format, const void *panel, long row)
{
    return nn_at(format != NN_PANELS_F32, panel, (format == NN_PANELS_FIXED ? NN_FIXED_STEPS : 0) + row * NN_PANEL);
}

/* Rows of a panel in 16 bits. */
typedef struct nn_panel_rows {
    const void *panel;
    int first, count;
} nn_panel_rows;

/* to: [count][16] */
NN_INLINE void nn_panel_widen(const int format, const nn_panel_rows *r, float *to)
{
    enum { VECTORS = NN_PANEL / NN_W };
    const uint16_t *from = (const uint16_t *)nn_panel_row_at(format, r->panel, r->first);
    nn_vec step[VECTORS];
    NN_UNROLL
    for (int v = 0; v < VECTORS; v++)
        step[v] = format == NN_PANELS_FIXED ? nn_load((const float *)r->panel + v * NN_W) : nn_zero();
    for (long k = 0; k < r->count; k++, from += NN_PANEL, to += NN_PANEL) {
        NN_UNROLL
        for (int v = 0; v < VECTORS; v++) {
            const uint16_t *at = from + v * NN_W;
            if (format == NN_PANELS_FIXED) {
                const nn_longs number = __builtin_convertvector(*(const nn_shorts *)at, nn_longs);
                nn_store(to + v * NN_W, __builtin_convertvector(number, nn_vec) * step[v]);
            } else
                nn_store(to + v * NN_W, nn_load_bf16(at));
        }
    }
}

/* ---- fixed point ------------------------------------------------------------------------ */

/* The bits of the largest absolute values of lanes: infinities and NaN are above all numbers. */
NN_INLINE nn_words nn_larger_bits(nn_words most, nn_vec value)
{
    const nn_words bits = (nn_words)value & 0x7fffffff, above = (nn_words)(bits > most);
    return (above & bits) | (~above & most);
}

/* The step of a lane whose largest absolute value has these bits, and its inverse, which is 0 where the
 * step is NaN. */
NN_INLINE void nn_fixed_step(uint32_t most, float *step, float *inverse)
{
    enum { LEAST = 127 - 100, ALL_BELOW = 0x7fff00 };
    uint32_t exponent = most >> 23, down = 0x7fc00000, up = 0;
    if (exponent < 255) {
        exponent += (most & 0x7fffff) >= ALL_BELOW; /* 32767.5 of the smaller steps, or more */
        exponent = exponent < LEAST + 14 ? LEAST : exponent - 14;
        down = exponent << 23;
        up = (254 - exponent) << 23;
    }
    __builtin_memcpy(step, &down, sizeof down);
    __builtin_memcpy(inverse, &up, sizeof up);
}

/* Rounded to the nearest number, of two equally near ones to the even one: it is in the last bits of the
 * sum with 1.5 · 2²³. */
NN_INLINE void nn_store_fixed(int16_t *p, nn_vec value, nn_vec inverse)
{
    *(nn_shorts *)p = (nn_shorts) __builtin_convertvector((nn_words)(value * inverse + 12582912.0f), nn_halves);
}

#endif
