/*
 * library.h: the kernels under their names, for code that is compiled in the
 * process and links to them instead of containing them.
 *
 * The same text is compiled once for each instruction set (library_avx512.c and
 * so on), and nn_kernel_library picks the table that the running machine can use.
 */
#ifndef NN_LIBRARY_H
#define NN_LIBRARY_H

typedef struct nn_symbol {
    const char *name; /* NULL at the end of a table */
    void *address;
} nn_symbol;

extern const nn_symbol nn_library_generic[];
#if defined(__x86_64__)
extern const nn_symbol nn_library_avx2[];
extern const nn_symbol nn_library_avx512[];
#endif

/* The widest table for this processor; its name, if asked for ("avx512"). */
const nn_symbol *nn_kernel_library(const char **name);

#endif
