/*
 * neondotprod.h: NEON with dot products (ARMv8.2 and later): four products of int8 to a lane.  All sizes are
 * those of neon.h, but for those of int8.
 *
 * order: 2
 * title: NEON with dot products
 * machine: aarch64
 * features: dotprod
 * flags: -march=armv8.2-a+dotprod
 * allowed: defined(__ARM_NEON) && defined(__ARM_FEATURE_DOTPROD)
 * sizes: neon
 */
#define NN_QUANT_ROWS 6
#include "runtime/kernels/config/neon.h"
