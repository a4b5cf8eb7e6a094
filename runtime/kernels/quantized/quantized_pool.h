/* quantized_pool.h: the largest number of each window of an int8 image, NHWC; padding never wins. */
#ifndef NN_QUANTIZED_POOL_H
#define NN_QUANTIZED_POOL_H

#include "runtime/kernels/pool/pool_types.h"

#ifdef NN_LINKED

void nn_int8_maxpool(const nn_pool_window *, long n, const int8_t *x, int8_t *y, int t, int T);

#else

#include "runtime/kernels/quantized/int8_vector.h"

enum { NN_QUANT_BYTE_LANES = 4 * NN_QUANT_LANES };

typedef signed char nn_quant_chars __attribute__((vector_size(NN_QUANT_BYTE_LANES), aligned(1), may_alias));

/* y = max(y, x), or with `first` y = x. */
NN_INLINE void nn_quant_most(int first, const int8_t *x, int8_t *y, long count)
{
    if (first) {
        __builtin_memcpy(y, x, (unsigned long)count);
        return;
    }
    long i = 0;
    for (; i + NN_QUANT_BYTE_LANES <= count; i += NN_QUANT_BYTE_LANES) {
        const nn_quant_chars a = *(const nn_quant_chars *)(x + i), b = *(const nn_quant_chars *)(y + i);
        *(nn_quant_chars *)(y + i) = ((a > b) & a) | (~(a > b) & b);
    }
    for (; i < count; i++) y[i] = x[i] > y[i] ? x[i] : y[i];
}

NN_KERNEL void nn_int8_maxpool(const nn_pool_window *d, long n, const int8_t *x, int8_t *y, int t, int T)
{
    const long rows = n * d->oh;
    for (long r = rows * t / T; r < rows * (t + 1) / T; r++) {
        const int8_t *image = x + r / d->oh * d->h * d->w * d->c;
        const int top = (int)(r % d->oh) * d->sh - d->top;
        for (int j = 0; j < d->ow; j++) {
            int first = 1;
            for (int u = 0; u < d->kh; u++)
                for (int v = 0; v < d->kw; v++) {
                    const int row = top + u * d->dh, column = j * d->sw - d->left + v * d->dw;
                    if (row < 0 || row >= d->h || column < 0 || column >= d->w) continue;
                    nn_quant_most(first, image + ((long)row * d->w + column) * d->c, y + (r * d->ow + j) * d->c, d->c);
                    first = 0;
                }
        }
    }
}

#endif /* NN_LINKED */

#endif
