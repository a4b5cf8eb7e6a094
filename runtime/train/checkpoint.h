/*
 * checkpoint: what a run needs to go on, in a file.
 *
 * A checkpoint is a copy of the model's block and of the averages, which takes the time of a
 * memcpy, and a thread that writes the copy while the run goes on.  The memory of the copy is made
 * by a thread as well, ahead of the first one: its pages cost more than the copy.  The file is written as
 * runtime/core/new_file.h describes: the one before is there until the new one is durable.
 */
#ifndef NN_CHECKPOINT_H
#define NN_CHECKPOINT_H

#include "runtime/train/state.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct Checkpoint {
    const NnCheckpointConfig *config;
    const Feed *feed;
    nn_model_info info; /* by value: its functions may change while the thread runs */
    void *model;        /* the copy; NULL: not yet */
    TrainState state;   /* its averages are copies, too */
    int log;            /* a descriptor that is made durable before; −1: none */
    char data_hash[20];
    pthread_t thread, maker;
    bool running; /* the thread that writes is to be joined */
    bool making;  /* the one that makes the memory of the copies is */
    atomic_bool done;
    bool diverged; /* there was a number that is not finite: it was not written */
    NnError error; /* of the newest attempt */
    int64_t step;  /* of the newest that is durable; −1: none */
    double taken;  /* when the newest copy was made: seconds, by show_clock */
} Checkpoint;

void checkpoint_init(Checkpoint *, const NnCheckpointConfig *, const Feed *);
void checkpoint_free(Checkpoint *);

/* Half-way to the first one: its memory is made in a thread.  After each step. */
void checkpoint_prepare(Checkpoint *, const nn_model_info *, const TrainState *);
/* Whether there should be one after `step` steps, and none is being written. */
bool checkpoint_is_due(const Checkpoint *, int64_t step);
/* Copies; the thread does the rest.  −1: there was no memory for it (error). */
int checkpoint_take(Checkpoint *, const nn_model_info *, const void *model, const TrainState *, int log);
/* True once after each attempt, when it has ended: checkpoint->error says how.  Does not wait. */
bool checkpoint_poll(Checkpoint *);
/* The same, but waits for it; false where nothing was being written. */
bool checkpoint_wait(Checkpoint *);

/* Model and state become those of the file, or stay as they are; the averages of `state`
 * have been initialised. */
int checkpoint_load(const NnTensors *, const char *path, const nn_model_info *, void *model, TrainState *, NnError *);

#endif
