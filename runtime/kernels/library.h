/*
 * library.h: the kernels under their names, for code that is compiled in the
 * process and links to them instead of containing them.
 *
 * The same text is compiled for each instruction set (the Makefile's library_NAME.c), and
 * nn_kernel_library picks the table that the running machine can use.  A target that has the sizes of
 * another has a table of those kernels alone whose code differs (config/own_kernels.awk), and falls
 * through to the other's table for the rest.
 */
#ifndef NN_LIBRARY_H
#define NN_LIBRARY_H

typedef struct nn_symbol {
    const char *name; /* NULL at the end of a table */
    void *address;    /* at the end: the nn_symbol[] that the table falls through to, or NULL */
} nn_symbol;

/* The sizes of a table's target, under the name "nn_target_sizes": the tests choose shapes around them. */
typedef struct nn_sizes {
    int width;                                           /* floats of a vector */
    int tile_rows, tile_panels, pair_rows;               /* of a register tile */
    int bf16_products;                                   /* pairs of bf16 are multiplied by VDPBF16PS */
    int conv_depth, conv_pixels, conv_near, conv_padded; /* of a block */
    int wgrad_sums, wgrad_channels, wgrad_panels, wgrad_pixels, wgrad_tiled_pixels;
    int gemm_rows, gemm_columns, gemm_depth, gemm_block, gemm_near;
    int dot_samples, dot_outputs, dot_few;
    int grouped_channels, grouped_pixels;
    int blocked_outputs, blocked_pixels, blocked_wgrad_outputs, blocked_wgrad_taps;
} nn_sizes;

typedef struct nn_library {
    const char *name; /* of the target: "avx512" */
    const nn_symbol *symbols;
    int (*runs)(void); /* on this processor */
} nn_library;

/* Made from the targets' pages, the best first; the last, "generic", runs anywhere. */
extern const nn_library nn_libraries[];

/* The best table for this processor; its name, if asked for ("avx512"). */
const nn_symbol *nn_kernel_library(const char **name);

/* The address of a table's kernel, its own or one that it falls through to; NULL: there is none. */
void *nn_kernel_named(const nn_symbol *table, const char *name);

/* The table that has the names of all kernels: the last one that `table` falls through to. */
const nn_symbol *nn_kernel_names(const nn_symbol *table);

#endif
