/*
 * avx512.h: the sizes of AVX-512: 32 registers of 16 floats.
 *
 * order: 5
 * title: AVX-512
 * machine: x86_64
 * features: avx512f avx512dq avx512bw avx512vl avx2 fma
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
#define NN_PAIR_ROWS    10    /* the same of pairs of bf16 (conv_bf16.h): as many pointers fit registers */
#define NN_CONV_DEPTH   320   /* channels × taps of a block: 20 KB of a panel, in L1 */
#define NN_CONV_NEAR    32768 /* floats of all panels that stay in L2 without prefetching */
#define NN_CONV_PADDED  24576 /* floats of rows that are copied with zeros around them */
#define NN_CONV_BURST   16    /* cache lines that are prefetched at once */

/* Gradients of weights: floats of a unit's sums, its channels and its panels (half as many with several
 * taps); output pixels of a block, and of one that is packed in tiles. */
#define NN_WGRAD_SUMS         67584
#define NN_WGRAD_CHANNELS     264
#define NN_WGRAD_PANELS       16
#define NN_WGRAD_PIXELS       768
#define NN_WGRAD_TILED_PIXELS 128

/* Sums of int8: 32-bit lanes of a vector; output pixels × vectors of a register tile.  Without VNNI,
 * vectors of AVX2, twice as many. */
#if defined(NN_AVX512VNNI)
#define NN_QUANT_BYTES 1
#endif
#if defined(NN_QUANT_BYTES)
#define NN_QUANT_LANES 16
#else
#define NN_QUANT_LANES 8
#endif
#define NN_QUANT_ROWS    14
#define NN_QUANT_VECTORS 2

/* Grouped convolution: output pixels taken together, a cache line of channels of each. */
#define NN_GROUPED_PIXELS 8

/* Batch-blocked convolution: outputs × pixels of a register tile; of its wgrad, outputs × taps. */
#define NN_BLOCKED_OUTPUTS       10
#define NN_BLOCKED_PIXELS        2
#define NN_BLOCKED_WGRAD_OUTPUTS 4
#define NN_BLOCKED_WGRAD_TAPS    6
#define NN_BLOCKED_NEAR          400 /* pixels that stay in L1 */

/* In multiply-adds of direct convolution, of which AVX-512 does twice as many as AVX2 in the same
 * time: whatever else a form does costs more of them.  Fitted to 105 convolutions of AlexNet,
 * VGG-16, ResNet-18, GoogLeNet and DenseNet-121 (one image) and to 147 of training steps (batch 2 to
 * 64), each computed directly and by Winograd's forms on one core.  The logarithms of their ratios
 * of time are met to 0.14 for one image (root mean square; 0.28 with the common costs), to 0.13 in
 * training (0.23), and to 0.09 for gradients of weights (0.19).  The choice of form hardly changes:
 * it takes within 0.4 % of the time of the best choice, before and after.
 *
 * blocked_product, the common one, was checked here: convolutions of 3 to 16 channels (32x32 pixels,
 * 32 samples, forward and gradients, one core) take 0.17 to 0.75 of the time that they take without
 * batch blocking and Winograd, 0.44 in the median of 20; least where a panel of 16 outputs is emptiest.
 *
 * weight_read was fitted anew on Zen 5, after both panels of a tile were prefetched, to 12 layers of ResNet-50 and
 * VGG-16 with weights in no cache, each in three forms on one core: root mean square 0.17, and 0.30 with 12, the common
 * one; the choices lose 0.01 ms of the best in sum, and lost 1.4.
 *
 * weight_widen is that of Winograd's forms with panels in 16 bits beside panels of floats: of 512 channels
 * and outputs they take 0.78 of the time at 7x7 and 0.87 at 14x14 (one block of tiles), 0.89 at 28x28
 * (two), of 128 at 28x28 the same, and of AlexNet's second layer (eight) 1.04.
 *
 * winograd_bf16, beside products of bf16, is so large that these are taken.  On two Zen 5 cores they reach 0.92 to
 * 0.97 of the peak in VGG-16's layers and ResNet-18's; Winograd's forms, of floats, take 1.0 to 1.3 of their time,
 * but for 0.85 of 128 channels at 28x28 with a batch of 8, and transformed weights are read from memory besides. */
#if defined(NN_BF16_PAIRS)
#define NN_WINOGRAD_BF16 1.6
#else
#define NN_WINOGRAD_BF16 1
#endif
#define NN_MACHINE_COSTS                                                                                         \
    .element = 35, .weight_read = 5.8, .weight_widen = 1.3, .weight_pack = 30, .tile_2_3 = 145, .tile_4_3 = 620, \
    .tile_2_5 = 800, .transform_rate = 0.82, .wgrad_product = 1.17, .wgrad_transform = 660,                      \
    .winograd_bf16 = NN_WINOGRAD_BF16

#endif
