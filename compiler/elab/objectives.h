/*
 * What a net is trained to do: the losses of its outputs and heads, and the targets of these.
 */
#ifndef NNC_ELAB_OBJECTIVES_H
#define NNC_ELAB_OBJECTIVES_H

#include "elab/train_spec.h"

/* A loss, and what it is computed from. */
typedef struct Objective {
    const char *name; /* of the head or output; NULL: the net's own */
    Tensor *output;   /* of the net */
    OpCall loss;
    double weight;
    int target;        /* index in Objectives.target */
    bool of_teacher;   /* its target is the scores of the train section's teacher */
    bool at_inference; /* of an output: part of an evaluation's loss, which heads are not */
    Span span;
} Objective;

/* What one or several losses are compared with: some elements of each sample's row of targets. */
typedef struct TargetPart {
    const char *name; /* NULL: the net's own */
    LossTarget is;
    int64_t offset, count;  /* elements of the row */
    const Objective *first; /* that takes it */
} TargetPart;

typedef struct Objectives {
    int count;
    Objective *at; /* the net's own first */
    int targets;
    TargetPart *target; /* the net's own first */
    int64_t target_count;
    bool classes; /* all targets are classes: rows of int32; else of reals, in which a class is a whole number */
} Objectives;

/* The name of that objective, and of its target: the last one. */
#define TEACHER_NAME "teacher"

/* `spec` NULL: a class of each sample. */
Objectives train_objectives(const TrainSpec *, const Graph *net);

/* How many classes, or domains, element `index` of a row of targets may be; 0: it is a value. */
int64_t target_classes_at(const Objectives *, int64_t index);

/* A further output and its place in a sample's row of outputs, which begins with the net's last
 * value; `name` is NULL for that. */
typedef struct OutputPart {
    const char *name;
    Tensor *output;
    int64_t offset, count;
} OutputPart;

int net_output_parts(const Graph *net); /* 1 or more */
OutputPart net_output_part(const Graph *net, int index);
int64_t net_output_count(const Graph *net); /* elements of the row */

#endif
