/* bf16_vector.h: vectors of bf16 in memory, floats in registers. */
#ifndef NN_BF16_VECTOR_H
#define NN_BF16_VECTOR_H

#include <stdint.h>

#include "runtime/kernels/simd/vector.h"

typedef uint16_t nn_halves __attribute__((vector_size(NN_W * sizeof(uint16_t)), aligned(2), may_alias));
typedef uint32_t nn_words __attribute__((vector_size(NN_W * sizeof(uint32_t))));

/* NN_W numbers from p: the bits are the upper halves of the floats. */
NN_INLINE nn_vec nn_load_bf16(const uint16_t *p)
{
    return (nn_vec)(__builtin_convertvector(*(const nn_halves *)p, nn_words) << 16);
}

#endif
