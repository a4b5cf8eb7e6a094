/*
 * cortex_m4.h: ARM Cortex-M4 with the floating point unit of single precision.
 *
 * order: 11
 * title: Cortex-M4
 * form: plain
 * compiler: arm-none-eabi-gcc
 * options: -mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard -O2 -ffp-contract=off -fno-math-errno -fno-inline-functions -fno-inline-functions-called-once -fno-inline-small-functions -ffunction-sections -fdata-sections
 */
#ifndef NN_CONFIG_H
#define NN_CONFIG_H

/* Code: fitted to the functions of LeNet, ResNet8, DS-CNN and a net of other layers as gcc 12 compiles
 * them with the options above.  Stack: the most that these nets took.  Cycles: an estimate,
 * two loads, a product, a sum that waits for it, and the loop; of four int8 products together, three
 * loads, two of sxtb16, two of smlad and the loop.  They were not measured. */
#define NN_DEVICE_MODEL                                                                                               \
    .code_function = 3.8, .code_loop = 14.8, .code_branch = 24.8, .code_index = 0.4, .code_operation = 4.3,           \
    .code_entry = 30, .code_call = 18, .code_float = 0, .code_factors = 319, .code_factor = 42, .code_rounding = 150, \
    .stack = 184, .dual_products = 1, .cycles_dual = 3.5, .cycles_mac = 12, .cycles_flop = 6

#endif
