/* What the two files that write random nets share: generate.c the net, arguments.c the arguments of its layers. */
#ifndef NNC_FUZZ_GENERATE_H
#define NNC_FUZZ_GENERATE_H

#include "fuzz.h"

typedef struct Generator {
    Random *r;
    Arena *arena;
    Text blocks; /* definitions so far */
    int names;   /* labels and blocks so far: each has its number */
    int heads;
    Shape head; /* what heads give: the shape of the net's output */
    bool may_head;
} Generator;

const char *format(Generator *, const char *text, ...) PRINTF_LIKE(2, 3);

/* Some that fill vectors of 4, 8 and 16, and some that just do not. */
int64_t random_channels(Random *);

/* NAME or NAME(arguments), for an input of that shape: those without a default always, the others often. */
const char *call_text(Generator *, const Op *, Shape in);

#endif
