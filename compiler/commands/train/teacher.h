/*
 * teacher: the net that a train section's teacher(…) names, frozen, beside the net that is trained.
 *
 * Each batch, as it was augmented and mixed, goes through its inference before the step takes it;
 * the scores are the last target of the batch's rows.
 */
#ifndef NNC_TEACHER_H
#define NNC_TEACHER_H

#include "commands/support/feeding.h"
#include "commands/support/weighted.h"

typedef struct Teacher {
    LoadOptions load;
    Model m; /* no info: there is no teacher */
    WeightedModel weights;
    uint64_t hash; /* of the weights' bits */
    void *scratch;
    bool probabilities; /* are its results, whose logarithms are scores */
} Teacher;

/* Opens what the student's train section names, if anything, and lets the feed ask it.  Errors are
 * printed at the place in the source; returns a Status. */
int teacher_open(Teacher *, const Model *student, const LoadOptions *, Feeding *);
void teacher_close(Teacher *);

#endif
