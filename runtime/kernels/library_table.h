/* The table of one instruction set; see library.h.  NN_LIBRARY is its name. */
#include "activation.h"
#include "batchnorm.h"
#include "channels.h"
#include "clock.h"
#include "combine.h"
#include "conv.h"
#include "dense.h"
#include "dropout.h"
#include "gradients.h"
#include "library.h"
#include "lrn.h"
#include "norm.h"
#include "optimizer.h"
#include "peak.h"
#include "piecewise.h"
#include "pool.h"
#include "prelu.h"
#include "random.h"
#include "region.h"
#include "samples.h"
#include "softmax.h"
#include "team.h"
#include "turn.h"

/* clang-format off */
#define NN_SYMBOL(function) {#function, (void *)function}
/* clang-format on */

const nn_symbol NN_LIBRARY[] = {
    NN_SYMBOL(nn_barrier),
    NN_SYMBOL(nn_team_run),
    NN_SYMBOL(nn_now),
    NN_SYMBOL(nn_lap),
    NN_SYMBOL(nn_fill_normal),
    NN_SYMBOL(nn_peak_fma),
    NN_SYMBOL(nn_peak_stream),
    NN_SYMBOL(nn_conv_panels),
    NN_SYMBOL(nn_conv_panels_back),
    NN_SYMBOL(nn_conv_gather),
    NN_SYMBOL(nn_conv_scatter),
    NN_SYMBOL(nn_conv_weights),
    NN_SYMBOL(nn_plane_conv),
    NN_SYMBOL(nn_samples_conv),
    NN_SYMBOL(nn_samples_conv_dx),
    NN_SYMBOL(nn_samples_conv_dweight),
    NN_SYMBOL(nn_samples_dense),
    NN_SYMBOL(nn_samples_dense_dx),
    NN_SYMBOL(nn_turn),
    NN_SYMBOL(nn_winograd),
    NN_SYMBOL(nn_winograd_panels),
    NN_SYMBOL(nn_winograd_weights),
    NN_SYMBOL(nn_dense_forward),
    NN_SYMBOL(nn_dense_dx),
    NN_SYMBOL(nn_dense_dweight),
    NN_SYMBOL(nn_dense_dweight_rows),
    NN_SYMBOL(nn_dense_dbias),
    NN_SYMBOL(nn_tanh),
    NN_SYMBOL(nn_tanh_grad),
    NN_SYMBOL(nn_sigmoid),
    NN_SYMBOL(nn_sigmoid_grad),
    NN_SYMBOL(nn_silu),
    NN_SYMBOL(nn_silu_grad),
    NN_SYMBOL(nn_softplus),
    NN_SYMBOL(nn_softplus_grad),
    NN_SYMBOL(nn_elu),
    NN_SYMBOL(nn_elu_grad),
    NN_SYMBOL(nn_elu_grad_x),
    NN_SYMBOL(nn_gelu),
    NN_SYMBOL(nn_gelu_grad),
    NN_SYMBOL(nn_gelu_tanh),
    NN_SYMBOL(nn_gelu_tanh_grad),
    NN_SYMBOL(nn_relu),
    NN_SYMBOL(nn_relu_grad),
    NN_SYMBOL(nn_leaky_relu),
    NN_SYMBOL(nn_leaky_relu_grad),
    NN_SYMBOL(nn_relu6),
    NN_SYMBOL(nn_relu6_grad),
    NN_SYMBOL(nn_hardsigmoid),
    NN_SYMBOL(nn_hardsigmoid_grad),
    NN_SYMBOL(nn_hardswish),
    NN_SYMBOL(nn_hardswish_grad),
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
    NN_SYMBOL(nn_extremum),
    NN_SYMBOL(nn_extremum_dx),
    NN_SYMBOL(nn_cells_average),
    NN_SYMBOL(nn_cells_average_dx),
    NN_SYMBOL(nn_cells_maximum),
    NN_SYMBOL(nn_cells_maximum_dx),
    NN_SYMBOL(nn_extremum_last),
    NN_SYMBOL(nn_extremum_last_dx),
    NN_SYMBOL(nn_cells_average_last),
    NN_SYMBOL(nn_cells_average_last_dx),
    NN_SYMBOL(nn_cells_maximum_last),
    NN_SYMBOL(nn_cells_maximum_last_dx),
    NN_SYMBOL(nn_channel_sums),
    NN_SYMBOL(nn_gate),
    NN_SYMBOL(nn_gate_sums),
    NN_SYMBOL(nn_gate_last),
    NN_SYMBOL(nn_gate_sums_last),
    NN_SYMBOL(nn_batchnorm_infer),
    NN_SYMBOL(nn_batchnorm_train),
    NN_SYMBOL(nn_batchnorm_again),
    NN_SYMBOL(nn_batchnorm_sums),
    NN_SYMBOL(nn_batchnorm_dx),
    NN_SYMBOL(nn_add),
    NN_SYMBOL(nn_mul),
    NN_SYMBOL(nn_maximum),
    NN_SYMBOL(nn_maximum_dx),
    NN_SYMBOL(nn_copy_rows),
    NN_SYMBOL(nn_softmax),
    NN_SYMBOL(nn_softmax_grad),
    NN_SYMBOL(nn_log_softmax),
    NN_SYMBOL(nn_log_softmax_grad),
    NN_SYMBOL(nn_lrn_forward),
    NN_SYMBOL(nn_lrn_dx),
    NN_SYMBOL(nn_lrn_last),
    NN_SYMBOL(nn_lrn_last_dx),
    NN_SYMBOL(nn_dropout),
    NN_SYMBOL(nn_dropout_grad),
    NN_SYMBOL(nn_rrelu),
    NN_SYMBOL(nn_rrelu_grad),
    NN_SYMBOL(nn_prelu),
    NN_SYMBOL(nn_prelu_dx),
    NN_SYMBOL(nn_prelu_dweight),
    NN_SYMBOL(nn_prelu_last),
    NN_SYMBOL(nn_prelu_last_dx),
    NN_SYMBOL(nn_norm_forward),
    NN_SYMBOL(nn_norm_dx),
    NN_SYMBOL(nn_norm_dweight),
    NN_SYMBOL(nn_norm_dbias),
    NN_SYMBOL(nn_take),
    NN_SYMBOL(nn_place),
    NN_SYMBOL(nn_shuffle),
    NN_SYMBOL(nn_nearest),
    NN_SYMBOL(nn_nearest_dx),
    NN_SYMBOL(nn_shuffle_last),
    NN_SYMBOL(nn_nearest_last),
    NN_SYMBOL(nn_nearest_last_dx),
    NN_SYMBOL(nn_bilinear),
    NN_SYMBOL(nn_bilinear_dx),
    NN_SYMBOL(nn_normalize),
    {0},
};
