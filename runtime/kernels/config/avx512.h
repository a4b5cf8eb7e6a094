/*
 * avx512.h: the sizes of AVX-512: 32 registers of 16 floats.
 *
 * order: 3
 * title: AVX-512
 * machine: x86_64
 * features: avx512f avx512dq avx512vl avx2 fma
 * flags: -mprefer-vector-width=512
 * allowed: defined(__AVX512F__)
 */
#ifndef NN_CONFIG_H
#define NN_CONFIG_H

#define NN_W 16 /* floats of a vector */

/* Matrix product (dense gradients): rows × vectors of a register tile; depth of a panel of B,
 * which stays in L1, and floats of a block of A, which stays in L2. */
#define NN_GEMM_ROWS    14
#define NN_GEMM_VECTORS 2
#define NN_GEMM_DEPTH   256
#define NN_GEMM_BLOCK   57344

/* Dot products (dense forward): samples × outputs of a register tile. */
#define NN_DOT_SAMPLES 4
#define NN_DOT_OUTPUTS 4

/* Direct convolution: output pixels × vectors of a register tile, which are those of
 * NN_TILE_PANELS panels; wgrad has channels in place of the pixels. */
#define NN_TILE_ROWS    10
#define NN_TILE_VECTORS 2
#define NN_TILE_PANELS  2
#define NN_CONV_DEPTH   320   /* channels × taps of a block: 20 KB of a panel, in L1 */
#define NN_CONV_PIXELS  240   /* of a block: a multiple of every NN_TILE_ROWS */
#define NN_CONV_NEAR    32768 /* floats of all panels that stay in L2 without prefetching */
#define NN_CONV_PADDED  24576 /* floats of rows that are copied with zeros around them */
#define NN_CONV_BURST   16    /* cache lines that are prefetched at once */

/* Gradients of weights: floats of a unit's sums and its channels; output pixels of a block, and
 * of one that is packed in tiles. */
#define NN_WGRAD_SUMS         49152
#define NN_WGRAD_CHANNELS     264
#define NN_WGRAD_PIXELS       768
#define NN_WGRAD_TILED_PIXELS 128

/* Grouped convolution: output pixels taken together, a cache line of channels of each. */
#define NN_GROUPED_PIXELS 8

/* Batch-blocked convolution: outputs × pixels of a register tile; of its wgrad, outputs × taps. */
#define NN_BLOCKED_OUTPUTS       10
#define NN_BLOCKED_PIXELS        2
#define NN_BLOCKED_WGRAD_OUTPUTS 4
#define NN_BLOCKED_WGRAD_TAPS    6
#define NN_BLOCKED_NEAR          400 /* pixels that stay in L1 */

/* blocked_product was checked here: convolutions of 3 to 16 channels (32x32 pixels, 32 samples,
 * forward and gradients, one core) take 0.17 to 0.75 of the time that they take without batch
 * blocking and Winograd, 0.44 in the median of 20; least where a panel of 16 outputs is emptiest.
 * The other costs choose the faster variants here as well, but were not fitted to this target. */

#endif
