/*
 * Numbers as people read them.
 */
#ifndef NNC_REPORT_NUMBER_TEXT_H
#define NNC_REPORT_NUMBER_TEXT_H

#include "base/base.h"

const char *number_grouped(Arena *, int64_t);           /* 1814073344 → 1,814,073,344 */
const char *number_digits(Arena *, const char *digits); /* the same of a text of digits; 3.17e+29 where they are many */
const char *number_units(Arena *, int64_t);             /* 1814073344 → 1.81G */
const char *number_pair(Arena *, double h, double w);   /* 7 where both are 7, else 7x1 */
const char *number_real(Arena *, double);               /* four digits: 0.03125, 656.8, 1.234e-09 */
const char *number_percent(Arena *, double share);      /* 0.375 → 37.5% */
const char *number_seconds(Arena *, double);            /* 0.00123 → 1.23 ms */
const char *number_ratio(Arena *, double first, double other); /* ×2.769, ÷2.769, = */

int text_columns(const char *); /* on a terminal: bytes that begin a character */

#endif
