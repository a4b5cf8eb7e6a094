/*
 * trace: one pass of a net forwards and backwards, with every value that it computes.
 *
 * The numbers are those of the generated code, in the plain form, run in this process; nothing
 * here computes a value a second time.
 */
#ifndef NNC_TRACE_H
#define NNC_TRACE_H

#include <jansson.h>

#include "commands/support/load.h"

/* Numbers of the command line: "1 0; 3 4" or "1,0;3,4", or those of a file. */
typedef struct TraceNumbers {
    float *values;
    int64_t count;
} TraceNumbers;

typedef struct TraceRequest {
    LoadOptions load;
    const char *weights, *x, *target, *dy, *output; /* NULL: not given */
    const struct TraceFormat *format;
    int64_t seed;   /* −1: the train section's, else 1 */
    int64_t digits; /* after the point, in texts */
} TraceRequest;

/* By position in the program: of tensors all elements of the batch, NULL where there are none. */
typedef struct Trace {
    Model *m;
    Arena *arena;
    const Graph *program; /* a step where there is a loss, else a vjp */
    int digits;
    double **value; /* by tensor id: what a call has made, or what came in */
    double **after; /* by tensor id: of parameters, buffers and states that are written */
    double **slope; /* by node id: dy/dx, of gradients of element-wise functions */
} Trace;

typedef enum TracePass { TRACE_FORWARD, TRACE_LOSS, TRACE_BACKWARD, TRACE_UPDATE, TRACE_PASSES } TracePass;

/* trace_input.c: both print why they fail, and return a Status. */
int trace_numbers(Arena *, const char *option, const char *text, TraceNumbers *);
int trace_inputs(const Model *, const char *text, TraceNumbers *);

/* trace_run.c: loads, compiles, runs.  Prints why it fails; returns a Status. */
int trace_run_net(const TraceRequest *, Model *, Trace *);

/* trace_parts.c: what the formats show */
const char *trace_pass_name(TracePass);
TracePass trace_pass_of(const Trace *, const Node *);
bool trace_is_step(const Trace *, const Node *);                  /* a layer or a loss */
int64_t trace_count(const Trace *, const Tensor *);               /* elements for the batch */
const double *trace_gradient(const Trace *, const Tensor *);      /* dL/dt; NULL: it was not computed */
const Tensor *trace_gradient_target(const Trace *, const Node *); /* what t the node's result is dL/dt of, or NULL */
const char *trace_value_name(const Tensor *);                     /* neuron, x, neuron.weight */
const Tensor *trace_updated(const Trace *, const Node *);         /* the parameter that a node writes, or NULL */
const char *trace_op_name(const Node *);                          /* in the language */
int trace_line(const Trace *, const Node *);                      /* of the source; 0: none */

/* trace_formula.c */
const char *trace_number(const Trace *, double);                  /* 0.73, −15, 0.0039 */
const char *trace_formula(const Trace *, const Node *);           /* of the record, typeset */
const char *trace_filled(const Trace *, const Node *, int64_t k); /* element k with its numbers; NULL: no formula */

/* trace_picture.c: arrays that are too large to be printed */
enum { TRACE_PICTURE_LINES = 10 };
const char *trace_histogram(const Trace *, const double *values, int64_t count);          /* "": all are equal */
int trace_picture(const Trace *, const Tensor *, const char *lines[TRACE_PICTURE_LINES]); /* of images; 0: it is none */

/* How a trace is printed. */
typedef struct TraceFormat {
    const char *name;
    void (*print)(const Trace *, FILE *);
} TraceFormat;

extern const TraceFormat trace_json, trace_text, trace_dot, trace_html;
json_t *trace_to_json(const Trace *);

#endif
