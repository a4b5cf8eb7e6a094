/*
 * trained: --weights of the C that is written: a weights file → what emit builds in.
 */
#ifndef NNC_COMMANDS_TRAINED_H
#define NNC_COMMANDS_TRAINED_H

#include "commands/support/load.h"
#include "emit/trained.h"
#include "runtime/core/core.h"

/* What is asked for; weights of NULL: nothing. */
typedef struct TrainedRequest {
    const char *weights, *weights_out;
    bool input_bytes; /* --input-type u8 */
    bool self_test;   /* with what NET_self_test compares with */
    bool train;       /* the C trains on from them */
} TrainedRequest;

/* The weights as C with these options expects them.  Messages are printed.  Returns a Status. */
int trained_read(const TrainedRequest *, const Model *, const EmitOptions *, TrainedModel *);

#endif
