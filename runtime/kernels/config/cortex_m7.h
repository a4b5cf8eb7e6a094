/*
 * cortex_m7.h: ARM Cortex-M7 with the floating point unit of single precision.
 *
 * order: 12
 * title: Cortex-M7
 * form: plain
 * compiler: arm-none-eabi-gcc
 * options: -mcpu=cortex-m7 -mthumb -mfpu=fpv5-sp-d16 -mfloat-abi=hard -O2 -ffp-contract=off -fno-math-errno -fno-inline-functions -fno-inline-functions-called-once -fno-inline-small-functions -ffunction-sections -fdata-sections
 */
#ifndef NN_CONFIG_H
#define NN_CONFIG_H

/* Code: fitted to the functions of LeNet, ResNet8, DS-CNN and a net of other layers as gcc 12 compiles
 * them with the options above.  Stack: the most that these nets took.  Cycles: an estimate,
 * two loads, a product, a sum that waits for it, and the loop; of four int8 products together, three
 * loads, two of sxtb16, two of smlad and the loop.  They were not measured. */
#define NN_DEVICE_MODEL                                                                                               \
    .code_function = 4.4, .code_loop = 14, .code_branch = 26.2, .code_index = 0.5, .code_operation = 4.3,             \
    .code_entry = 30, .code_call = 19, .code_float = 0, .code_factors = 306, .code_factor = 39, .code_rounding = 150, \
    .stack = 184, .dual_products = 1, .cycles_dual = 2.5, .cycles_mac = 9, .cycles_flop = 4

#endif
