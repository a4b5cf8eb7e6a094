/*
 * The table of one instruction set; see library.h.  NN_LIBRARY is its name.  Where NN_BASE is the name of
 * another, which it falls through to, NN_OWN lists the kernels that are not the other's.
 */
#include "runtime/kernels/activation/activation.h"
#include "runtime/kernels/activation/dropout.h"
#include "runtime/kernels/activation/piecewise.h"
#include "runtime/kernels/activation/prelu.h"
#include "runtime/kernels/activation/softmax.h"
#include "runtime/kernels/conv/batch_blocked.h"
#include "runtime/kernels/conv/conv.h"
#include "runtime/kernels/dense/dense.h"
#include "runtime/kernels/dense/dense_bf16.h"
#include "runtime/kernels/dense/dense_pairs.h"
#include "runtime/kernels/elementwise/combine.h"
#include "runtime/kernels/elementwise/convert.h"
#include "runtime/kernels/library.h"
#include "runtime/kernels/movement/channel_shuffle.h"
#include "runtime/kernels/movement/crop.h"
#include "runtime/kernels/movement/reorder.h"
#include "runtime/kernels/movement/taps.h"
#include "runtime/kernels/movement/upsample.h"
#include "runtime/kernels/norm/batchnorm.h"
#include "runtime/kernels/norm/lrn.h"
#include "runtime/kernels/norm/norm.h"
#include "runtime/kernels/optimizer/gradients.h"
#include "runtime/kernels/optimizer/optimizer.h"
#include "runtime/kernels/pool/pool.h"
#include "runtime/kernels/quantized/quantized_average.h"
#include "runtime/kernels/quantized/quantized_conv.h"
#include "runtime/kernels/quantized/quantized_depthwise.h"
#include "runtime/kernels/quantized/quantized_grouped.h"
#include "runtime/kernels/quantized/quantized_map.h"
#include "runtime/kernels/quantized/quantized_pool.h"
#include "runtime/kernels/quantized/simulated_values.h"
#include "runtime/kernels/quantized/simulated_weights.h"
#include "runtime/kernels/reduction/channels.h"
#include "runtime/kernels/reduction/reduce.h"
#include "runtime/kernels/system/bf16.h"
#include "runtime/kernels/system/clock.h"
#include "runtime/kernels/system/fixed_point.h"
#include "runtime/kernels/system/peak.h"
#include "runtime/kernels/system/random.h"
#define NN_TEAM_HEAP 1 /* nnc allocates memory anyway */
#include "runtime/kernels/system/team.h"

/* ---- what the target has to keep to -------------------------------------------------- */

_Static_assert(NN_W <= NN_MAX_WIDTH && NN_LINE % NN_W == 0 && NN_PANEL % NN_W == 0 && NN_BATCH_BLOCK == NN_LINE,
               "a cache line, a panel and a block of samples are whole vectors");
_Static_assert(NN_TILE_ROWS <= NN_MAX_TILE_ROWS, "the compiler serves kernels for the largest tile");
_Static_assert(NN_TILE_VECTORS *NN_W == NN_TILE_PANELS * NN_PANEL, "a tile is whole panels wide");
_Static_assert(NN_CONV_PIXELS % NN_TILE_ROWS == 0 && NN_CONV_PIXELS % NN_PAIR_ROWS == 0, "a block is whole tiles");
_Static_assert(NN_PAIR_ROWS % 2 == 0 && NN_PAIR_ROWS <= 12 && NN_TILE_VECTORS % 2 == 0,
               "there is an instance of the kernel for each size");
_Static_assert((int)NN_WINOGRAD_TILES <= (int)NN_CONV_PIXELS && (int)NN_WINOGRAD_TILES_4 <= (int)NN_CONV_PIXELS,
               "a block of Winograd's tiles is multiplied as one block of pixels");
_Static_assert(NN_CONV_DEPTH <= NN_ZEROS && NN_WGRAD_CHANNELS + NN_W <= NN_ZEROS, "padding is read from the zeros");
_Static_assert(NN_MAX_TAPS *NN_TILE_PANELS *NN_PANEL <= NN_WGRAD_SUMS, "a unit has a channel at least");
_Static_assert(NN_MAX_TILE_ROWS *NN_WGRAD_TILED_PIXELS <= NN_WGRAD_COPY, "a block has a tile of channels at least");
_Static_assert(NN_TILE_ROWS <= 10 && NN_GEMM_ROWS <= 14 && NN_BLOCKED_OUTPUTS <= 10 && NN_BLOCKED_WGRAD_OUTPUTS <= 4 &&
                   NN_BLOCKED_WGRAD_TAPS <= 6,
               "there is an instance of the kernel for each size of a tile");

_Static_assert(NN_QUANT_TILE % NN_PANEL == 0 || NN_PANEL % NN_QUANT_TILE == 0, "a tile begins where a panel may");
_Static_assert(NN_QUANT_ROWS % 2 == 0 && NN_QUANT_ROWS <= 14, "there is an instance of the kernel for each size");

static const nn_sizes nn_target_sizes = {
    .width = NN_W,
    .tile_rows = NN_TILE_ROWS,
    .tile_panels = NN_TILE_PANELS,
    .pair_rows = NN_PAIR_ROWS,
    .bf16_products = NN_BF16_PRODUCTS,
    .conv_depth = NN_CONV_DEPTH,
    .conv_pixels = NN_CONV_PIXELS,
    .conv_near = NN_CONV_NEAR,
    .conv_padded = NN_CONV_PADDED,
    .wgrad_sums = NN_WGRAD_SUMS,
    .wgrad_channels = NN_WGRAD_CHANNELS,
    .wgrad_panels = NN_WGRAD_PANELS,
    .wgrad_pixels = NN_WGRAD_PIXELS,
    .wgrad_tiled_pixels = NN_WGRAD_TILED_PIXELS,
    .gemm_rows = NN_GEMM_ROWS,
    .gemm_columns = NN_GEMM_COLUMNS,
    .gemm_depth = NN_GEMM_DEPTH,
    .gemm_block = NN_GEMM_BLOCK,
    .gemm_near = NN_GEMM_NEAR,
    .dot_samples = NN_DOT_SAMPLES,
    .dot_outputs = NN_DOT_OUTPUTS,
    .dot_few = NN_DOT_FEW,
    .grouped_channels = NN_GROUPED_CHANNELS,
    .grouped_pixels = NN_GROUPED_PIXELS,
    .blocked_outputs = NN_BLOCKED_OUTPUTS,
    .blocked_pixels = NN_BLOCKED_PIXELS,
    .blocked_wgrad_outputs = NN_BLOCKED_WGRAD_OUTPUTS,
    .blocked_wgrad_taps = NN_BLOCKED_WGRAD_TAPS,
};

/* ---- the table ------------------------------------------------------------------------- */

/* clang-format off */
#define NN_SYMBOL(function) {#function, (void *)function}
/* clang-format on */

#ifdef NN_BASE
extern const nn_symbol NN_BASE[];
#endif

const nn_symbol NN_LIBRARY[] = {
#ifdef NN_BASE
    NN_OWN
#else
    NN_SYMBOL(nn_barrier),
    NN_SYMBOL(nn_team_run),
    NN_SYMBOL(nn_now),
    NN_SYMBOL(nn_lap),
    NN_SYMBOL(nn_mix),
    NN_SYMBOL(nn_mix_at),
    NN_SYMBOL(nn_skip),
    NN_SYMBOL(nn_uniform),
    NN_SYMBOL(nn_fill_normal),
    NN_SYMBOL(nn_fill_uniform),
    NN_SYMBOL(nn_rescale),
    NN_SYMBOL(nn_clamp_int8),
    NN_SYMBOL(nn_simulate),
    NN_SYMBOL(nn_simulate_dx),
    NN_SYMBOL(nn_simulate_errors),
    NN_SYMBOL(nn_simulate_weight),
    NN_SYMBOL(nn_simulate_weight_dweight),
    NN_SYMBOL(nn_simulate_weight_dscale),
    NN_SYMBOL(nn_scale_rows),
    NN_SYMBOL(nn_rows_dscale),
    NN_SYMBOL(nn_quantize),
    NN_SYMBOL(nn_int8_avgpool),
    NN_SYMBOL(nn_int8_panels),
    NN_SYMBOL(nn_int8_forward),
    NN_SYMBOL(nn_int8_depthwise_panels),
    NN_SYMBOL(nn_int8_depthwise),
    NN_SYMBOL(nn_int8_grouped_panels),
    NN_SYMBOL(nn_int8_grouped),
    NN_SYMBOL(nn_int8_sum),
    NN_SYMBOL(nn_int8_join),
    NN_SYMBOL(nn_int8_lookup),
    NN_SYMBOL(nn_int8_from_floats),
    NN_SYMBOL(nn_int8_maxpool),
    NN_SYMBOL(nn_to_bf16),
    NN_SYMBOL(nn_from_bf16),
    NN_SYMBOL(nn_bf16_round),
    NN_SYMBOL(nn_bf16_widen),
    NN_SYMBOL(nn_fill_bf16),
    NN_SYMBOL(nn_fill_uniform_bf16),
    NN_SYMBOL(nn_fill_normal_bf16),
    NN_SYMBOL(nn_peak_fma),
    NN_SYMBOL(nn_peak_bf16),
    NN_SYMBOL(nn_peak_int8),
    NN_SYMBOL(nn_peak_stream),
    NN_SYMBOL(nn_conv_panels),
    NN_SYMBOL(nn_conv_panels_backward),
    NN_SYMBOL(nn_conv_forward),
    NN_SYMBOL(nn_conv_backward_data),
    NN_SYMBOL(nn_conv_panels_widened),
    NN_SYMBOL(nn_conv_panels_backward_widened),
    NN_SYMBOL(nn_conv_panels_w16),
    NN_SYMBOL(nn_conv_forward_w16),
    NN_SYMBOL(nn_conv_wgrad),
    NN_SYMBOL(nn_conv_wgrad_bf16),
    NN_SYMBOL(nn_conv_wgrad_pairs),
    NN_SYMBOL(nn_conv_panels_bf16),
    NN_SYMBOL(nn_conv_panels_backward_bf16),
    NN_SYMBOL(nn_conv_panels_rounded),
    NN_SYMBOL(nn_conv_panels_backward_rounded),
    NN_SYMBOL(nn_conv_forward_bf16),
    NN_SYMBOL(nn_conv_backward_data_bf16),
    NN_SYMBOL(nn_grouped_panels),
    NN_SYMBOL(nn_grouped_panels_backward),
    NN_SYMBOL(nn_grouped_panels_widened),
    NN_SYMBOL(nn_conv_forward_frames),
    NN_SYMBOL(nn_conv_backward_data_frames),
    NN_SYMBOL(nn_grouped_panels_backward_widened),
    NN_SYMBOL(nn_grouped_forward),
    NN_SYMBOL(nn_grouped_backward_data),
    NN_SYMBOL(nn_grouped_panels_bf16),
    NN_SYMBOL(nn_grouped_panels_backward_bf16),
    NN_SYMBOL(nn_grouped_forward_bf16),
    NN_SYMBOL(nn_grouped_backward_data_bf16),
    NN_SYMBOL(nn_depthwise_panels),
    NN_SYMBOL(nn_depthwise_panels_widened),
    NN_SYMBOL(nn_depthwise_forward),
    NN_SYMBOL(nn_depthwise_backward_data),
    NN_SYMBOL(nn_depthwise_wgrad),
    NN_SYMBOL(nn_depthwise_forward_bf16),
    NN_SYMBOL(nn_depthwise_backward_data_bf16),
    NN_SYMBOL(nn_depthwise_wgrad_bf16),
    NN_SYMBOL(nn_conv_planar),
    NN_SYMBOL(nn_blocked_conv),
    NN_SYMBOL(nn_blocked_conv_dx),
    NN_SYMBOL(nn_blocked_conv_dweight),
    NN_SYMBOL(nn_blocked_dense),
    NN_SYMBOL(nn_blocked_dense_dx),
    NN_SYMBOL(nn_reorder),
    NN_SYMBOL(nn_widen),
    NN_SYMBOL(nn_narrow),
    NN_SYMBOL(nn_round_bf16),
    NN_SYMBOL(nn_reorder_int8),
    NN_SYMBOL(nn_reorder_three),
    NN_SYMBOL(nn_reorder_three_int8),
    NN_SYMBOL(nn_reorder_bf16),
    NN_SYMBOL(nn_winograd),
    NN_SYMBOL(nn_winograd_bf16),
    NN_SYMBOL(nn_winograd_panels),
    NN_SYMBOL(nn_winograd_panels_widened),
    NN_SYMBOL(nn_winograd_panels_w16),
    NN_SYMBOL(nn_winograd_w16),
    NN_SYMBOL(nn_winograd_panels_bf16),
    NN_SYMBOL(nn_winograd_panels_rounded),
    NN_SYMBOL(nn_winograd_pairs),
    NN_SYMBOL(nn_winograd_wgrad),
    NN_SYMBOL(nn_winograd_wgrad_pairs),
    NN_SYMBOL(nn_winograd_wgrad_bf16),
    NN_SYMBOL(nn_dense_forward),
    NN_SYMBOL(nn_dense_forward_bf16),
    NN_SYMBOL(nn_dense_dx_bf16),
    NN_SYMBOL(nn_dense_forward_rounded),
    NN_SYMBOL(nn_dense_dx_rounded),
    NN_SYMBOL(nn_dense_dweight_pairs),
    NN_SYMBOL(nn_dense_forward_pairs),
    NN_SYMBOL(nn_dense_dx_pairs),
    NN_SYMBOL(nn_dense_dx),
    NN_SYMBOL(nn_dense_dweight),
    NN_SYMBOL(nn_dense_dweight_rows),
    NN_SYMBOL(nn_dense_dbias),
    NN_SYMBOL(nn_tanh),
    NN_SYMBOL(nn_tanh_bf16),
    NN_SYMBOL(nn_tanh_grad),
    NN_SYMBOL(nn_tanh_grad_bf16),
    NN_SYMBOL(nn_sigmoid),
    NN_SYMBOL(nn_sigmoid_bf16),
    NN_SYMBOL(nn_sigmoid_grad),
    NN_SYMBOL(nn_sigmoid_grad_bf16),
    NN_SYMBOL(nn_silu),
    NN_SYMBOL(nn_silu_bf16),
    NN_SYMBOL(nn_silu_grad),
    NN_SYMBOL(nn_silu_grad_bf16),
    NN_SYMBOL(nn_softplus),
    NN_SYMBOL(nn_softplus_grad),
    NN_SYMBOL(nn_elu),
    NN_SYMBOL(nn_elu_grad),
    NN_SYMBOL(nn_elu_grad_x),
    NN_SYMBOL(nn_gelu),
    NN_SYMBOL(nn_gelu_bf16),
    NN_SYMBOL(nn_gelu_grad),
    NN_SYMBOL(nn_gelu_grad_bf16),
    NN_SYMBOL(nn_gelu_tanh),
    NN_SYMBOL(nn_gelu_tanh_bf16),
    NN_SYMBOL(nn_gelu_tanh_grad),
    NN_SYMBOL(nn_gelu_tanh_grad_bf16),
    NN_SYMBOL(nn_relu),
    NN_SYMBOL(nn_relu_bf16),
    NN_SYMBOL(nn_relu_grad),
    NN_SYMBOL(nn_relu_grad_bf16),
    NN_SYMBOL(nn_leaky_relu),
    NN_SYMBOL(nn_leaky_relu_bf16),
    NN_SYMBOL(nn_leaky_relu_grad),
    NN_SYMBOL(nn_leaky_relu_grad_bf16),
    NN_SYMBOL(nn_relu6),
    NN_SYMBOL(nn_relu6_bf16),
    NN_SYMBOL(nn_relu6_grad),
    NN_SYMBOL(nn_relu6_grad_bf16),
    NN_SYMBOL(nn_hardsigmoid),
    NN_SYMBOL(nn_hardsigmoid_bf16),
    NN_SYMBOL(nn_hardsigmoid_grad),
    NN_SYMBOL(nn_hardsigmoid_grad_bf16),
    NN_SYMBOL(nn_hardswish),
    NN_SYMBOL(nn_hardswish_bf16),
    NN_SYMBOL(nn_hardswish_grad),
    NN_SYMBOL(nn_hardswish_grad_bf16),
    NN_SYMBOL(nn_threshold),
    NN_SYMBOL(nn_threshold_grad),
    NN_SYMBOL(nn_step),
    NN_SYMBOL(nn_sgd_step),
    NN_SYMBOL(nn_adam_step),
    NN_SYMBOL(nn_adagrad_step),
    NN_SYMBOL(nn_rmsprop_step),
    NN_SYMBOL(nn_lion_step),
    NN_SYMBOL(nn_regularize),
    NN_SYMBOL(nn_square_norm),
    NN_SYMBOL(nn_clip_norm),
    NN_SYMBOL(nn_clip_value),
    NN_SYMBOL(nn_clear),
    NN_SYMBOL(nn_accumulate),
    NN_SYMBOL(nn_assign),
    NN_SYMBOL(nn_average),
    NN_SYMBOL(nn_minmax_pool),
    NN_SYMBOL(nn_minmax_pool_dx),
    NN_SYMBOL(nn_region_avgpool),
    NN_SYMBOL(nn_region_avgpool_dx),
    NN_SYMBOL(nn_region_maxpool),
    NN_SYMBOL(nn_region_maxpool_dx),
    NN_SYMBOL(nn_minmax_pool_nhwc),
    NN_SYMBOL(nn_minmax_pool_nhwc_bf16),
    NN_SYMBOL(nn_minmax_pool_nhwc_dx),
    NN_SYMBOL(nn_minmax_pool_nhwc_dx_bf16),
    NN_SYMBOL(nn_region_avgpool_nhwc),
    NN_SYMBOL(nn_region_avgpool_nhwc_bf16),
    NN_SYMBOL(nn_region_avgpool_nhwc_dx),
    NN_SYMBOL(nn_region_avgpool_nhwc_dx_bf16),
    NN_SYMBOL(nn_region_maxpool_nhwc),
    NN_SYMBOL(nn_region_maxpool_nhwc_dx),
    NN_SYMBOL(nn_channel_scaled),
    NN_SYMBOL(nn_channel_products),
    NN_SYMBOL(nn_channel_sums),
    NN_SYMBOL(nn_channel_sums_bf16),
    NN_SYMBOL(nn_gate),
    NN_SYMBOL(nn_gate_sums),
    NN_SYMBOL(nn_gate_nhwc),
    NN_SYMBOL(nn_gate_sums_nhwc),
    NN_SYMBOL(nn_gate_nhwc_bf16),
    NN_SYMBOL(nn_gate_sums_nhwc_bf16),
    NN_SYMBOL(nn_batchnorm_infer),
    NN_SYMBOL(nn_batchnorm_infer_bf16),
    NN_SYMBOL(nn_batchnorm_train),
    NN_SYMBOL(nn_batchnorm_train_bf16),
    NN_SYMBOL(nn_batchnorm_moments),
    NN_SYMBOL(nn_batchnorm_moments_bf16),
    NN_SYMBOL(nn_batchnorm_recompute),
    NN_SYMBOL(nn_batchnorm_recompute_bf16),
    NN_SYMBOL(nn_batchnorm_sums),
    NN_SYMBOL(nn_batchnorm_sums_bf16),
    NN_SYMBOL(nn_batchnorm_dx),
    NN_SYMBOL(nn_batchnorm_dx_bf16),
    NN_SYMBOL(nn_add),
    NN_SYMBOL(nn_add_bf16),
    NN_SYMBOL(nn_mul),
    NN_SYMBOL(nn_mul_bf16),
    NN_SYMBOL(nn_maximum),
    NN_SYMBOL(nn_maximum_dx),
    NN_SYMBOL(nn_copy_rows),
    NN_SYMBOL(nn_copy_rows_bf16),
    NN_SYMBOL(nn_softmax),
    NN_SYMBOL(nn_softmax_grad),
    NN_SYMBOL(nn_log_softmax),
    NN_SYMBOL(nn_log_softmax_grad),
    NN_SYMBOL(nn_lrn_forward),
    NN_SYMBOL(nn_lrn_dx),
    NN_SYMBOL(nn_lrn_nhwc),
    NN_SYMBOL(nn_lrn_nhwc_dx),
    NN_SYMBOL(nn_dropout),
    NN_SYMBOL(nn_dropout_grad),
    NN_SYMBOL(nn_dropout_bf16),
    NN_SYMBOL(nn_dropout_grad_bf16),
    NN_SYMBOL(nn_rrelu),
    NN_SYMBOL(nn_rrelu_grad),
    NN_SYMBOL(nn_prelu),
    NN_SYMBOL(nn_prelu_dx),
    NN_SYMBOL(nn_prelu_dweight),
    NN_SYMBOL(nn_prelu_nhwc),
    NN_SYMBOL(nn_prelu_nhwc_dx),
    NN_SYMBOL(nn_norm_forward),
    NN_SYMBOL(nn_norm_dx),
    NN_SYMBOL(nn_norm_dweight),
    NN_SYMBOL(nn_norm_dbias),
    NN_SYMBOL(nn_crop),
    NN_SYMBOL(nn_pad),
    NN_SYMBOL(nn_taps_forward),
    NN_SYMBOL(nn_taps_dx),
    NN_SYMBOL(nn_reduce_sum),
    NN_SYMBOL(nn_reduce_sum_dx),
    NN_SYMBOL(nn_reduce_max),
    NN_SYMBOL(nn_reduce_min),
    NN_SYMBOL(nn_channel_shuffle),
    NN_SYMBOL(nn_upsample_nearest),
    NN_SYMBOL(nn_upsample_nearest_dx),
    NN_SYMBOL(nn_channel_shuffle_nhwc),
    NN_SYMBOL(nn_upsample_nearest_nhwc),
    NN_SYMBOL(nn_upsample_nearest_nhwc_dx),
    NN_SYMBOL(nn_upsample_bilinear),
    NN_SYMBOL(nn_upsample_bilinear_dx),
    NN_SYMBOL(nn_normalize),
#endif
    {"nn_target_sizes", (void *)&nn_target_sizes},
#ifdef NN_BASE
    {0, (void *)NN_BASE},
#else
    {0},
#endif
};
