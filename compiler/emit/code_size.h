/* code_size: what the text of functions consists of, from which the size of their code is estimated. */
#ifndef NNC_EMIT_CODE_SIZE_H
#define NNC_EMIT_CODE_SIZE_H

#include "base/base.h"

typedef struct CodeParts {
    int64_t functions, loops, branches, indices, operations;
    int64_t calls;                                 /* that the entry point makes */
    int64_t tables;                                /* bytes */
    int64_t column;                                /* bytes of the largest array on the stack */
    int64_t dual_macs;                             /* multiply-adds that are computed two at a time */
    int64_t factors_of_tables, factors, roundings; /* calls of nn_rescale, of another kind, and of nn_quantize */
} CodeParts;

/* Adds the parts of some functions, in the layout that this compiler writes. */
void code_count(CodeParts *, const char *text);

#endif
