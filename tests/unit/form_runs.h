/*
 * What a net computes in one of its forms (plain or fast, with passes left out, with so many
 * threads): run in this process, and compared piece by piece.
 */
#ifndef NNC_TESTS_FORM_RUNS_H
#define NNC_TESTS_FORM_RUNS_H

#include "backend/backend.h"
#include "elab/elaborate.h"
#include "emit/emit.h"

/* The nets of a file, which are known before a test runs: an error ends the program. */
typedef struct Nets {
    Compilation *c; /* owns the names */
    const File *file;
} Nets;

Nets nets_open(const char *path);
const char *net_name(const Nets *, int index);

/* How a net is built and what it runs: training steps where `starts` or `set` asks for them, else
 * inference, the forward pass of training and all gradients. */
typedef struct Build {
    const char *path, *net; /* net: NULL for the only one of the file */
    const char *set;        /* "optimizer=…" or NULL */
    int64_t batch;          /* 0: the train section's */
    int64_t threads;
    int64_t memory_limit; /* bytes; 0: none */
    bool plain;
    bool coarse;      /* inputs are halves, and a few are NaN */
    int starts;       /* > 0: training with the train section as it is, so often, each time with
                       * weights and images of its own */
    unsigned without; /* PASS_BIT(…) */
    JitKind jit;
} Build;

/* What a run computed, piece by piece: losses, outputs, gradients, tensors of the model. */
typedef struct Piece {
    char name[64];
    size_t count;
    float *values;
} Piece;

typedef struct Run {
    Piece *piece;
    int pieces;
} Run;

void form_run(Run *, const Build *);
void run_free(Run *);

/* Largest difference relative to the largest value; NaN must be at the same places. */
double piece_difference(const Piece *, const Piece *);
bool piece_is_close(const Piece *, const Piece *); /* to 1e-4 of the largest value, or 1e-6 */

/* Fail the test with the name of the piece that differs. */
void assert_close(const Run *, const Run *, double tolerance, const Build *);
void assert_same_bits(const Run *, const Run *, const Build *);

#endif
