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

#endif
