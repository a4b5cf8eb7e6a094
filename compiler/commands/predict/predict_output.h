/*
 * What the outputs of a net mean, and predictions as text, CSV and JSON.
 */
#ifndef NNC_PREDICT_OUTPUT_H
#define NNC_PREDICT_OUTPUT_H

#include "commands/support/load.h"
#include "runtime/core/core.h"
#include "runtime/program/classes.h"

/* What the net's last layer says of its result, else what the loss of its train section says of
 * the scores it takes. */
OutputMeaning output_meaning(const Model *);
/* The same, also where there is a class of each place and not of the sample. */
OutputMeaning net_meaning(const Model *);

/* The weights file has fewer classes than the net. */
bool output_has_other_classes(const Model *, const NnTensors *weights);

/* The names of the classes that the weights file has, in the arena; NULL where it has none for
 * this many outputs.  *count: 0 where the outputs are values. */
int output_class_names(const Model *, const NnTensors *weights, const char *path, char *const **names, int *count,
                       NnError *);

typedef nn_class OutputClass;

/* The outputs of a sample as classes, the most probable first; `classes` takes outputs + 1.
 * Returns how many there are: two for a single probability. */
int output_classes(OutputMeaning, const float *y, size_t outputs, OutputClass *classes);

/* A sample with classes, or with values where `classes` is NULL. */
typedef struct Prediction {
    const char *file;
    const OutputClass *classes; /* the most probable first, as many as are shown */
    int class_count;
    bool scores;        /* they are no probabilities */
    char *const *names; /* of all classes; NULL: their numbers */
    int truth;          /* the class it is; NO_CLASS: it has none; −1: samples have none here */
    double truth_value; /* its probability or score */
    const float *y;
    size_t outputs;
    bool brief; /* as text, how many values there are and their range */
} Prediction;

typedef struct PredictionFormat {
    const char *name;
    /* `number` counts from 0. */
    void (*sample)(FILE *, int number, const Prediction *);
    void (*end)(FILE *, int count);
} PredictionFormat;

const PredictionFormat *prediction_format(const char *name); /* text, csv, json; NULL: unknown */

#endif
