/*
 * resume: whether a run can go on from a checkpoint.
 *
 * A checkpoint's metadata has all that decides on the numbers of a run: the layers
 * (net.hash), the data (data.hash), and under run.* the batch, the loss, the optimizer and the
 * other entries of the train section, the overrides of the command line included.  How long a run goes on, how it
 * is compiled and what it prints is not among it.
 */
#ifndef NNC_RESUME_H
#define NNC_RESUME_H

#include "commands/support/feeding.h"
#include "commands/support/origin.h"

enum { RESUME_NOTES = ORIGIN_NOTES + 23 };

/* What the command line can say instead of the train section, and what that only names. */
typedef struct RunOverrides {
    double lr; /* 0: it does not */
    uint64_t seed;
    uint64_t teacher_hash; /* of its weights */
    int64_t chunked;       /* the batch, where the code's is a chunk of it; else 0 */
    bool bf16;             /* --compute bf16 */
} RunOverrides;

/* The metadata of a checkpoint of this run, up to a key of NULL. */
void resume_notes(const Model *, const Feeding *, RunOverrides, NnWeightsNote notes[RESUME_NOTES]);

/* What a key of these is of: "the learning rate"; the key itself where there are no words for it. */
const char *resume_key_text(const char *key);

/* The checkpoint at the path, or NULL and *status: there is none, or it is of a run that is not like
 * the one of the notes; the message is printed. */
NnTensors *resume_open(const char *path, const NnWeightsNote *notes, const Dataset *, int *status);

/* Says on standard error what run will be lost when the checkpoint at the path is replaced. */
void resume_of_replaced(const char *path);

#endif
