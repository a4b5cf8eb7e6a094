/*
 * libnnc: the compiler of convolutional networks as a library.
 *
 * An nnc is one net: it is parsed and checked, reported on, compiled to C, or loaded into this
 * process, where it computes and is trained.  What is wrong is a list of messages with their
 * places in the source; nothing is printed, and no function ends the process.  There is no
 * state but in the nnc, so several threads may have one each.
 *
 * docs/libnnc.md is the manual; link with what `pkg-config --libs nnc` says.
 */
#ifndef NNC_H
#define NNC_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "nn.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nnc nnc;

/* What functions return; the messages say more where it is not NNC_OK. */
enum nnc_status {
    NNC_OK = 0,
    NNC_BAD_INPUT = 1, /* the source, the weights or a file are wrong */
    NNC_BAD_CALL = 2,  /* an argument is wrong, or a step is missing: nnc_load before nnc_infer */
    NNC_FAILED = 3     /* the system: no memory, a disk that is full */
};

/* NULL: there is no memory. */
nnc *nnc_new(void);
void nnc_free(nnc *); /* and everything that came from it; NULL is allowed */

/* ---- messages ----------------------------------------------------------------------- */

enum nnc_severity { NNC_ERROR, NNC_WARNING, NNC_NOTE };

typedef struct nnc_message {
    int severity;
    const char *path; /* "" where there is no place */
    int line, column; /* from 1, columns in bytes; 0: no place */
    const char *text; /* one line */
} nnc_message;

/* Of all calls so far, in the order in which they were found; valid until nnc_free. */
int nnc_message_count(const nnc *);
nnc_message nnc_message_at(const nnc *, int index);

/* ---- from source to net ------------------------------------------------------------- */

typedef struct nnc_options {
    const char *net;            /* which one, where a file has several; NULL: the only one */
    const char *const *defines; /* "name=value" for parameters of the net, NULL at the end; or NULL */
    const char *const *sets;    /* entries of the train section: "lr=0.1"; NULL at the end; or NULL */
    int batch;                  /* samples per call; 0: the train section's, else 1 */
    int threads;                /* of a pass, 1024 at most; 0: one per processor */
    int plain;                  /* the plain form: C99 with ordinary loops */
    int inference;              /* no code for training, even where there is a train section */
} nnc_options;

/* Once for each nnc.  `options` may be NULL; its texts must live as long as the nnc.  `path` is
 * what messages call the text, and where its imports are looked for. */
int nnc_parse_file(nnc *, const char *path, const nnc_options *options);
int nnc_parse_text(nnc *, const char *path, const char *text, const nnc_options *options);

/* ---- from net to results ------------------------------------------------------------ */

/* The analysis in a format of `nnc report`: "text", "md", "csv", "json", "dot", "html", "svg",
 * "tikz". */
int nnc_report(nnc *, const char *format, FILE *out);

/* C and its header, which the C includes by the name `header_name`; valid until nnc_free. */
int nnc_compile(nnc *, const char *header_name, const char **source, const char **header);

/* ---- in this process ---------------------------------------------------------------- */

/* Compiles the net into memory and initialises its weights; before all functions below. */
int nnc_load(nnc *, uint64_t seed);
/* Names, shapes and sizes; NULL before nnc_load. */
const nn_model_info *nnc_info(const nnc *);
/* The optimizer's rate of the train section; 0 without one. */
float nnc_learning_rate(const nnc *);

/* x: [batch][inputs], y: [batch][outputs]. */
int nnc_infer(nnc *, const float *x, float *y);
/* One step of the train section's optimizer.  target: int32_t[batch] for classes, else
 * float[batch][target_count], as nnc_info says.  *loss, which may be NULL: the mean of the batch. */
int nnc_step(nnc *, const float *x, const void *target, float rate, float *loss);
/* The mean loss of the first `count` samples, and the outputs, which may be NULL. */
int nnc_evaluate(nnc *, const float *x, const void *target, int count, float *y, float *loss);

/* A tensor by its name, in its canonical shape: NNC_BAD_CALL where name or count are others. */
int nnc_get(nnc *, const char *name, float *values, size_t count);
int nnc_set(nnc *, const char *name, const float *values, size_t count);

/* Weights files: safetensors; .npz can be read too. */
int nnc_read_weights(nnc *, const char *path);
int nnc_write_weights(nnc *, const char *path);

#ifdef __cplusplus
}
#endif

#endif
