/*
 * save: where trained weights go.
 */
#ifndef NNC_SAVE_H
#define NNC_SAVE_H

#include "commands/support/load.h"
#include "runtime/train/train.h"

/* Before training: whether the weights can be written to the path.  A Status, the message
 * printed. */
int save_check(const char *path, const Model *);

/* The same for the page of the run. */
int save_check_page(const char *path);

/* The same for checkpoints.  Where they were not asked for (`wanted`), *path becomes NULL with
 * a note. */
int save_check_checkpoint(const char **path, const Model *, bool wanted);

/* Writes the weights to the path or, where that fails, to another folder.  `test`:
 * NULL where they were not tested.  *saved: where they are, or NULL.  Prints what went
 * wrong; STATUS_OK only if they are where they belong. */
int save_weights(const char *path, const Model *, const void *model, const Feed *, const NnScore *test,
                 const char **saved);

#endif
