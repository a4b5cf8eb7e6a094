/*
 * bench: what the files of `nnc bench` share: the machine, the times, the table.
 */
#ifndef NNC_BENCH_H
#define NNC_BENCH_H

#include "commands/support/load.h"

/* What the machine can do at most, in as many threads as a pass has. */
typedef struct Machine {
    const char *kernels; /* "avx512" */
    int threads;
    double flops, bytes; /* a second; bytes 0: not measured */
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
void machine_peak(Machine *, int64_t threads); /* 0: one for each processor */
void machine_bandwidth(Machine *);             /* after machine_peak; takes memory of its own */

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
void bench_print(const BenchResult *, BenchFormat, FILE *);

#endif
