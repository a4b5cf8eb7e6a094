/*
 * replay: the last steps of a run once more, to see where it went wrong.
 *
 * Before steps 0, 1, 2, 4 … 32 and every 32nd from there on, the model's block is copied while all
 * of it is finite, together with where the run stands.  A run that diverges does the steps from the
 * newest copy again, on the same batches and with the same rates: bitwise the same steps.
 */
#ifndef NN_REPLAY_H
#define NN_REPLAY_H

#include "runtime/train/state.h"

enum { REPLAY_STEPS = 64 };

typedef struct Replay {
    const nn_model_info *info;
    void *model;       /* the copy; NULL: there is no replay */
    float *slow;       /* of lookahead, or NULL */
    size_t slow_count; /* its elements */
    bool taken;
    int epoch; /* from 1, of the step after the copy */
    int64_t step, in_epoch;
    float lr[REPLAY_STEPS]; /* of the steps done since */
    int steps;
} Replay;

int replay_init(Replay *, const nn_model_info *, const TrainState *, NnError *);
void replay_free(Replay *);

/* Before a step: the state that it begins with. */
void replay_take(Replay *, const void *model, const TrainState *);
void replay_note(Replay *, float lr); /* that step's rate */

/* What is done again. */
typedef struct ReplayRun {
    const Feed *feed;
    const NnTrainConfig *config;
    void *model, *scratch; /* are overwritten */
    Average *slow;         /* of lookahead */
} ReplayRun;

/* Until the observer's replay says that it has seen enough.  −1: no memory. */
int replay_run(const Replay *, const ReplayRun *, NnError *);

#endif
