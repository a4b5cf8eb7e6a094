/*
 * A model that is written by hand, and data for it: the training loop without a compiler.
 */
#ifndef NNC_TESTS_LINE_H
#define NNC_TESTS_LINE_H

#include "runtime/train/state.h"

enum { LINE_BATCH = 4 };

/* y = w x + b under half the mean squared error */
typedef struct Line {
    ModelHead head;
    float w, b;
} Line;

extern const nn_model_info line_info;

typedef struct LineSetting {
    Dataset *data;
    Fitting fitting;
    Feed feed;
    Line line;
    NnTrainConfig config;
    NnTrainResult result;
    NnError error;
    FILE *out;
} LineSetting;

/* 22 rows of y = 2x + 1, x from −1 to 1; 40 epochs.  In the folder of files.h. */
void line_set_up(LineSetting *);
int line_train(LineSetting *);
void line_tear_down(LineSetting *);

#endif
