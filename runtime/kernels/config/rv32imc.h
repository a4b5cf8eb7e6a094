/*
 * rv32imc.h: 32-bit RISC-V without a floating point unit.
 *
 * order: 13
 * title: RV32IMC
 * form: plain
 * compiler: riscv64-unknown-elf-gcc
 * options: -march=rv32imc -mabi=ilp32 --specs=picolibc.specs -O2 -ffp-contract=off -fno-math-errno -fno-inline-functions -fno-inline-functions-called-once -fno-inline-small-functions -ffunction-sections -fdata-sections
 */
#ifndef NN_CONFIG_H
#define NN_CONFIG_H

/* Code: fitted to the functions of LeNet, ResNet8, DS-CNN and a net of other layers as gcc 12 compiles
 * them with the options above.  Stack: the most that these nets took on a Cortex-M0.  Cycles: an estimate,
 * a multiply-add is a call of two routines for floats; they were not measured. */
#define NN_DEVICE_MODEL                                                                                     \
    .code_function = 21.1, .code_loop = 3.8, .code_branch = 11.8, .code_index = 8.9, .code_operation = 7.3, \
    .code_entry = 50, .code_call = 25, .code_float = 4900, .code_factors = 402, .code_factor = 37,          \
    .code_rounding = 262, .stack = 276, .cycles_mac = 150, .cycles_flop = 100

#endif
