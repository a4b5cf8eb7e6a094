/*
 * run_activations: what a few layers make of a few samples, for the page of a run.
 */
#ifndef NNC_RUN_ACTIVATIONS_H
#define NNC_RUN_ACTIVATIONS_H

#include <jansson.h>

#include "commands/support/feeding.h"

typedef struct Activations Activations;

/* Samples of that part.  NULL where there is nothing to show: no such layer or sample, or a net too large for it. */
Activations *activations_new(const Model *trained, const Feeding *, DataPart);
json_t *activations_value(Activations *, const void *model /* that is trained */); /* NULL: there are none */
void activations_free(Activations *);

#endif
