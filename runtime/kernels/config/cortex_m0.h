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

#endif
