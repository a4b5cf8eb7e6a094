/*
 * avxvnni.h: AVX2 with AVX-VNNI: four products of int8 to a lane of 256 bits.  All sizes are those of avx2.h,
 * but for NN_QUANT_BYTES.
 *
 * order: 4
 * title: AVX-VNNI
 * machine: x86_64
 * features: avx2 fma avxvnni
 * allowed: defined(__AVX2__) && defined(__FMA__) && defined(__AVXVNNI__)
 * refused: defined(__AVX512F__) || (defined(__clang__) ? __clang_major__ < 12 : __GNUC__ < 11)
 * sizes: avx2
 */
#define NN_QUANT_BYTES 1
#include "runtime/kernels/config/avx2.h"
