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

#endif
