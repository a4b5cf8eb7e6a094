/*
 * neon.h: the sizes of NEON on 64-bit ARM: 32 registers of 4 floats.
 *
 * order: 1
 * title: NEON
 * machine: aarch64
 * allowed: defined(__ARM_NEON)
 */
#ifndef NN_CONFIG_H
#define NN_CONFIG_H

#define NN_W 4 /* floats of a vector */

/* Matrix product (dense gradients): rows × vectors of a register tile; depth of a panel of B,
 * which stays in L1, and floats of a block of A, which stays in L2. */
#define NN_GEMM_ROWS    8
#define NN_GEMM_VECTORS 3
#define NN_GEMM_DEPTH   256
#define NN_GEMM_BLOCK   57344

/* Dot products (dense forward): samples × outputs of a register tile. */
#define NN_DOT_SAMPLES 4
#define NN_DOT_OUTPUTS 4

/* Direct convolution: output pixels × vectors of a register tile, which are those of
 * NN_TILE_PANELS panels; wgrad has channels in place of the pixels. */
#define NN_TILE_ROWS    6
#define NN_TILE_VECTORS 4
#define NN_TILE_PANELS  1
#define NN_PAIR_ROWS    6     /* the same of pairs of bf16 (conv_bf16.h) */
#define NN_CONV_DEPTH   320   /* channels × taps of a block: 20 KB of a panel, in L1 */
#define NN_CONV_NEAR    32768 /* floats of all panels that stay in L2 without prefetching */
#define NN_CONV_PADDED  24576 /* floats of rows that are copied with zeros around them */
#define NN_CONV_BURST   16    /* cache lines that are prefetched at once */

/* Gradients of weights: floats of a unit's sums, its channels and its panels (half as many with several
 * taps); output pixels of a block, and of one that is packed in tiles. */
#define NN_WGRAD_SUMS         49152
#define NN_WGRAD_CHANNELS     264
#define NN_WGRAD_PANELS       8
#define NN_WGRAD_PIXELS       768
#define NN_WGRAD_TILED_PIXELS 128

/* Sums of int8: products of signed bytes; 32-bit lanes of a vector; output pixels × vectors of a register tile.
 * Without sdot, products need registers of their own. */
#define NN_QUANT_BYTES  1
#define NN_QUANT_SIGNED 1
#define NN_QUANT_LANES  4
#if defined(NN_NEONDOTPROD) && !defined(NN_QUANT_ROWS)
#define NN_QUANT_ROWS 6
#elif !defined(NN_QUANT_ROWS)
#define NN_QUANT_ROWS 4
#endif
#define NN_QUANT_VECTORS 4

/* Grouped convolution: output pixels taken together, a cache line of channels of each. */
#define NN_GROUPED_PIXELS 4

/* Batch-blocked convolution: outputs × pixels of a register tile; of its wgrad, outputs × taps. */
#define NN_BLOCKED_OUTPUTS       6
#define NN_BLOCKED_PIXELS        1
#define NN_BLOCKED_WGRAD_OUTPUTS 4
#define NN_BLOCKED_WGRAD_TAPS    6
#define NN_BLOCKED_NEAR          400 /* pixels that stay in L1 */

/* The costs are the common ones, AVX2's: they were not measured on this target. */

#endif
