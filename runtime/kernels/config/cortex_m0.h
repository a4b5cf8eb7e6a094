/*
 * cortex_m0.h: ARM Cortex-M0 and M0+: no floating point unit, no division.
 *
 * order: 10
 * title: Cortex-M0
 * form: plain
 * compiler: arm-none-eabi-gcc
 * options: -mcpu=cortex-m0 -mthumb -O2 -ffp-contract=off -fno-math-errno -fno-inline-functions -fno-inline-functions-called-once -fno-inline-small-functions -ffunction-sections -fdata-sections
 */
#ifndef NN_CONFIG_H
#define NN_CONFIG_H

/* Code: fitted to the functions of LeNet, ResNet8, DS-CNN and a net of other layers as gcc 12 compiles
 * them with the options above.  Stack: the most that these nets took.  Cycles: an estimate,
 * a multiply-add is a call of two routines for floats; they were not measured. */
#define NN_DEVICE_MODEL                                                                                  \
    .code_function = 4.5, .code_loop = 6, .code_branch = 17.7, .code_index = 2.9, .code_operation = 5.9, \
    .code_entry = 40, .code_call = 23, .code_float = 4500, .code_factors = 453, .code_factor = 50,       \
    .code_rounding = 164, .stack = 276, .cycles_mac = 170, .cycles_flop = 110

#endif
