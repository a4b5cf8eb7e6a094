/* The table of one instruction set; see library.h.  NN_LIBRARY is its name. */
#include "activation.h"
#include "conv.h"
#include "dense.h"
#include "gradients.h"
#include "library.h"
#include "optimizer.h"
#include "piecewise.h"
#include "pool.h"
#include "team.h"

#define NN_SYMBOL(function) {#function, (void *)function}

const nn_symbol NN_LIBRARY[] = {
    NN_SYMBOL(nn_barrier),
    NN_SYMBOL(nn_team_run),
    NN_SYMBOL(nn_conv_forward),
    NN_SYMBOL(nn_conv_fused),
    NN_SYMBOL(nn_conv_dx),
    NN_SYMBOL(nn_conv_dweight),
    NN_SYMBOL(nn_conv_dbias),
    NN_SYMBOL(nn_dense_forward),
    NN_SYMBOL(nn_dense_dx),
    NN_SYMBOL(nn_dense_dweight),
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
    NN_SYMBOL(nn_extremum),
    NN_SYMBOL(nn_extremum_dx),
    NN_SYMBOL(nn_cells_average),
    NN_SYMBOL(nn_cells_average_dx),
    NN_SYMBOL(nn_cells_maximum),
    NN_SYMBOL(nn_cells_maximum_dx),
    {0},
};
