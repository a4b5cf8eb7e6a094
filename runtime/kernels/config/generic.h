/*
 * generic.h: the sizes of any machine: 16 registers of 4 floats, as SSE2 has them.
 *
 * order: 0
 */
#ifndef NN_CONFIG_H
#define NN_CONFIG_H

#define NN_W 4 /* floats of a vector */

/* Matrix product (dense gradients): rows × vectors of a register tile; depth of a panel of B,
 * which stays in L1, and floats of a block of A, which stays in L2. */
#define NN_GEMM_ROWS    4
#define NN_GEMM_VECTORS 2
#define NN_GEMM_DEPTH   256
#define NN_GEMM_BLOCK   57344

/* Dot products (dense forward): samples × outputs of a register tile. */
#define NN_DOT_SAMPLES 3
#define NN_DOT_OUTPUTS 3

/* Direct convolution: output pixels × vectors of a register tile, which are those of
 * NN_TILE_PANELS panels; wgrad has channels in place of the pixels. */
#define NN_TILE_ROWS    2
#define NN_TILE_VECTORS 4
#define NN_TILE_PANELS  1
#define NN_PAIR_ROWS    2     /* the same of pairs of bf16 (conv_bf16.h) */
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

/* Sums of int8: 32-bit lanes of a vector; output pixels × vectors of a register tile. */
#define NN_QUANT_LANES   4
#define NN_QUANT_ROWS    2
#define NN_QUANT_VECTORS 4

/* Grouped convolution: output pixels taken together, a cache line of channels of each. */
#define NN_GROUPED_PIXELS 2

/* Batch-blocked convolution: outputs × pixels of a register tile; of its wgrad, outputs × taps. */
#define NN_BLOCKED_OUTPUTS       2
#define NN_BLOCKED_PIXELS        1
#define NN_BLOCKED_WGRAD_OUTPUTS 3
#define NN_BLOCKED_WGRAD_TAPS    3
#define NN_BLOCKED_NEAR          400 /* pixels that stay in L1 */

/* Without fused multiply-adds and with vectors of four, multiplications are what takes time, and
 * memory is cheap beside them: a layer of 512 channels at 7x7 takes half the time by F(4, 3), where
 * the common costs choose a direct convolution.  Fitted as those of avx512.h, to 35 convolutions of
 * ResNet-18, GoogLeNet and AlexNet (one image: 85 ms with the choices of the common costs, 70 with
 * these, the best choice 70) and to the 15 of a training step of cifar.nn.  weight_read is twice
 * the fit's 2, for a second core that reads through the same memory.  Widening packed weights takes longer
 * than reading half of their bytes saves: layers of 512 channels at 7x7 and 14x14 took 1.02 (direct) to 1.27
 * (Winograd) of the time with panels in 16 bits. */
#define NN_MACHINE_COSTS                                                                                  \
    .element = 6, .weight_read = 4, .weight_widen = 5, .weight_pack = 8, .tile_2_3 = 60, .tile_4_3 = 300, \
    .tile_2_5 = 200, .transform_rate = 0.84, .wgrad_product = 0.93, .wgrad_transform = 1100

#endif
