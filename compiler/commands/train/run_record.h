/*
 * run_record: what a page shows of a run, while it is collected.
 */
#ifndef NNC_RUN_RECORD_H
#define NNC_RUN_RECORD_H

#include <jansson.h>

#include "commands/pictures/canvas.h"
#include "commands/train/run_page.h"

enum { STEPS_KEPT = 1200, MISTAKES_KEPT = 24 };

/* The losses of evenly spaced steps: where there is no room, every second one is left out. */
typedef struct StepCurve {
    double loss[STEPS_KEPT];
    int64_t step[STEPS_KEPT];
    int count;
    int64_t every; /* steps between two that are kept */
} StepCurve;

void step_curve_add(StepCurve *, int64_t step, double loss);

/* Predictions of the newest evaluation. */
typedef struct Mistake {
    int row, label, predicted;
    double margin; /* of the predicted class's score above that of the label */
} Mistake;

typedef struct Predictions {
    int classes;
    int *count; /* [classes][classes]: of samples of a class, by what was predicted */
    int samples;
    Mistake worst[MISTAKES_KEPT]; /* the largest margin first */
    int mistakes;
} Predictions;

void predictions_begin(Predictions *);
void predictions_add(Predictions *, int row, int label, int predicted, const float *y, size_t outputs);

/* run_pictures.c: the values of the page's data. */
json_t *run_filters(const Model *, const void *model);                /* NULL: there are none to show */
json_t *run_mistakes(const Predictions *, const Feeding *, DataPart); /* likewise */
json_t *run_canvas_value(Arena *, const Canvas *, int channels /* 1: the first alone; 3 */);
json_t *run_confusion(const Predictions *, const Feeding *); /* likewise */

/* run_html.c: the page of runs.  `value`: {"subtitle", "runs"}; it is released. */
int run_html_write(const char *path, const char *title, json_t *value);

#endif
