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

#endif
