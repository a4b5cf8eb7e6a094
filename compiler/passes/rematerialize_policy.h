/*
 * The choice of what to rematerialize.
 */
#ifndef NNC_PASSES_REMATERIALIZE_POLICY_H
#define NNC_PASSES_REMATERIALIZE_POLICY_H

#include "passes/rematerialize_simulate.h"

/* Changes the policy until no step needs more than the schedule's target; where that is not
 * reached, to the best that was found.  Leaves its schedule. */
void remat_search(Remat *, RematSchedule *);

#endif
