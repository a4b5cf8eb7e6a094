/*
 * train_request: the command line of train.
 */
#ifndef NNC_COMMANDS_TRAIN_REQUEST_H
#define NNC_COMMANDS_TRAIN_REQUEST_H

#include "commands/support/feeding.h"

typedef struct TrainRequest {
    LoadOptions load;
    DataRequest data;
    const char *init, *output, *log, *page;
    const char *order;           /* NULL: as the train section says */
    int64_t epochs, steps, seed; /* 0, 0, −1: not given */
    KeepKind keep;               /* KEEP_DEFAULT: as the train section says */
    double lr, time_limit;       /* 0: not given */
    const char *checkpoint;      /* NULL: the default name */
    bool resumes;                /* from `resume`, or NULL: from the file of checkpoints */
    const char *resume;
    bool lr_find;
    bool quantize; /* int8 is simulated */
    bool quiet;
    bool reproducible;
    bool shard;    /* the optimizer's state over the ranks */
    int64_t chunk; /* 0: not given */
    bool stats;
    int64_t stats_every; /* 0: by time */
    int64_t every_steps; /* between checkpoints; 0: */
    double every_time;   /* seconds; 0: never; −1: not given */
} TrainRequest;

extern const Option train_options[];

/* Reads the command line: STATUS_OK, or STATUS_USAGE after a message. */
int train_request_read(TrainRequest *, int argc, char **argv);

#endif
