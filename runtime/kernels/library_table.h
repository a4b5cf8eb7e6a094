/* The table of one instruction set; see library.h.  NN_LIBRARY is its name. */
#include "conv.h"
#include "dense.h"
#include "library.h"
#include "team.h"

#define NN_SYMBOL(function) {#function, (void *)function}

const nn_symbol NN_LIBRARY[] = {
    NN_SYMBOL(nn_barrier),
    NN_SYMBOL(nn_team_run),
    NN_SYMBOL(nn_conv_forward),
    NN_SYMBOL(nn_conv_dx),
    NN_SYMBOL(nn_conv_dweight),
    NN_SYMBOL(nn_conv_dbias),
    NN_SYMBOL(nn_dense_forward),
    NN_SYMBOL(nn_dense_dx),
    NN_SYMBOL(nn_dense_dweight),
    NN_SYMBOL(nn_dense_dbias),
    {0},
};
