/*
 * bench: what the files of `nnc bench` share: the machine, the times, the table.
 */
#ifndef NNC_BENCH_H
#define NNC_BENCH_H

#include "commands/support/load.h"

/* What a call multiplies, each at a rate of its own: the type, what it is called, and the kernel that does no more
 * than that. */
#define PRODUCTS_TABLE(X)           \
    X(F32, "f32", "nn_peak_fma")    \
    X(BF16, "bf16", "nn_peak_bf16") \
    X(INT8, "int8", "nn_peak_int8")
#define PRODUCTS_ID(ID, NAME, KERNEL) PRODUCTS_##ID,
typedef enum ProductType { PRODUCTS_TABLE(PRODUCTS_ID) PRODUCTS_KINDS } ProductType;
#undef PRODUCTS_ID
const char *products_name(ProductType);

/* What the machine can do at most, in as many threads as a pass has. */
typedef struct Machine {
    const char *kernels; /* "avx512" */
    int threads;
    double peak[PRODUCTS_KINDS]; /* operations a second, two for a product; 0: not measured */
    double bytes;                /* a second; 0: not measured */
} Machine;

/* One kind of pass, timed.  Times are in seconds. */
typedef struct Timing {
    const char *name; /* inference, training step */
    int64_t runs;
    double median, least; /* of the pass as it is generated */
    const Graph *program;
    List calls;                       /* of Node, in execution order */
    double *call_median, *call_least; /* of each call; NULL: they were not timed */
    int64_t model_bytes, scratch_bytes;
} Timing;

/* bench_machine.c */
void machine_peak(Machine *, int64_t threads, ProductType); /* 0 threads: one for each processor */
void machine_bandwidth(Machine *);                          /* after machine_peak; takes memory of its own */

/* machine_record.c: the last measurement with all processors, in the user's cache. */
void machine_record(const Machine *); /* does nothing where there is no cache */
/* False: none was made of this processor with these kernels and as many threads. */
bool machine_recorded(Machine *);

/* bench_table.c */
typedef enum BenchFormat { BENCH_TEXT, BENCH_CSV } BenchFormat;
typedef struct BenchResult {
    const Model *loaded;
    const char *jit;
    Machine machine;
    Timing timing[2];
    int timings;
} BenchResult;
ProductType call_products(const Node *); /* what it multiplies */
void bench_print(const BenchResult *, BenchFormat, FILE *);

#endif
