/*
 * avx512vnni.h: AVX-512 with VNNI: four products of int8 to a lane.  All sizes are those of avx512.h,
 * but for NN_QUANT_BYTES.
 *
 * order: 6
 * title: AVX-512 VNNI
 * machine: x86_64
 * features: avx512f avx512dq avx512bw avx512vl avx512vnni avx2 fma
 * flags: -mprefer-vector-width=512
 * allowed: defined(__AVX512F__) && defined(__AVX512VNNI__)
 * sizes: avx512
 */
#define NN_QUANT_BYTES 1
#include "runtime/kernels/config/avx512.h"
