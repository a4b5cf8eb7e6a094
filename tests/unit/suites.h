/*
 * suites: all unit suites, one per module or part of one.  The Makefile makes the table from the
 * lines `Suite *NAME_suite(void)` of tests/unit/ (the brace on the next line).
 */
#ifndef NNC_SUITES_H
#define NNC_SUITES_H

#include <check.h>

typedef Suite *(*SuiteMaker)(void);

extern const SuiteMaker suite_makers[]; /* NULL at the end */

#endif
