/*
 * avx512bf16.h: AVX-512 with VNNI and BF16: two products of bf16 to a lane.  All sizes are those of
 * avx512vnni.h.
 *
 * order: 7
 * title: AVX-512 BF16
 * machine: x86_64
 * features: avx512f avx512dq avx512bw avx512vl avx512vnni avx512bf16 avx2 fma
 * flags: -mprefer-vector-width=512
 * allowed: defined(__AVX512F__) && defined(__AVX512VNNI__) && defined(__AVX512BF16__)
 * sizes: avx512vnni
 */
#define NN_BF16_PAIRS 1
#include "runtime/kernels/config/avx512vnni.h"
