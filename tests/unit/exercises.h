/*
 * The lines `#: NAME = NUMBERS` of the files in dsl_examples/exercises; 3*1 is 1 1 1, and
 * 2*(1 2) is 1 2 1 2.
 */
#ifndef TEST_EXERCISES_H
#define TEST_EXERCISES_H

#include "base/base.h"

#define EXERCISES "dsl_examples/exercises"

enum { EXERCISE_MOST = 64, EXERCISE_NUMBERS = 1 << 16 };

typedef struct Numbers {
    int count, rows;        /* samples stand between semicolons */
    double *at, *tolerance; /* [count] */
    float *values;          /* [count] */
    const char *text;       /* as the file has them */
} Numbers;

/* The next line from here on, and where it ends; NULL: there is none. */
const char *exercise_line(Arena *, const char *text, char name[EXERCISE_MOST], Numbers *);

/* Calls `check` with the name and the text of every exercise; returns how many there are. */
int exercises_visit(void (*check)(const char *name, const char *text, Compilation *));

#endif
