/*
 * avx2.h: the sizes of AVX2 with FMA: 16 registers of 8 floats.
 *
 * order: 3
 * title: AVX2
 * machine: x86_64
 * features: avx2 fma
 * allowed: defined(__AVX2__) && defined(__FMA__)
 */
#ifndef NN_CONFIG_H
#define NN_CONFIG_H

#define NN_W 8 /* floats of a vector */

/* Matrix product (dense gradients): rows × vectors of a register tile; depth of a panel of B,
 * which stays in L1, and floats of a block of A, which stays in L2. */
#define NN_GEMM_ROWS    6
#define NN_GEMM_VECTORS 2
#define NN_GEMM_DEPTH   256
#define NN_GEMM_BLOCK   57344

/* Dot products (dense forward): samples × outputs of a register tile. */
#define NN_DOT_SAMPLES 3
#define NN_DOT_OUTPUTS 3

/* Direct convolution: output pixels × vectors of a register tile, which are those of
 * NN_TILE_PANELS panels; wgrad has channels in place of the pixels. */
#define NN_TILE_ROWS    6
#define NN_TILE_VECTORS 2
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

/* Sums of int8: 32-bit lanes of a vector; output pixels × vectors of a register tile.  With AVX-VNNI, in
 * the encoding without AVX-512, unless a test says otherwise. */
#if defined(NN_AVXVNNI)
#define NN_QUANT_BYTES 1
#endif
#if !defined(NN_VNNI_PREFIX)
#define NN_VNNI_PREFIX "%{vex%} "
#endif
#define NN_QUANT_LANES   8
#define NN_QUANT_ROWS    6
#define NN_QUANT_VECTORS 2

/* Grouped convolution: output pixels taken together, a cache line of channels of each. */
#define NN_GROUPED_PIXELS 4

/* Batch-blocked convolution: outputs × pixels of a register tile; of its wgrad, outputs × taps. */
#define NN_BLOCKED_OUTPUTS       6
#define NN_BLOCKED_PIXELS        1
#define NN_BLOCKED_WGRAD_OUTPUTS 4
#define NN_BLOCKED_WGRAD_TAPS    3
#define NN_BLOCKED_NEAR          400 /* pixels that stay in L1 */

#endif
