/*
 * save: where trained weights go.
 */
#ifndef NNC_SAVE_H
#define NNC_SAVE_H

#include "commands/commands.h"
#include "runtime/train/train.h"

/* Before training: whether the weights can be written to the path.  Says what file they
 * will replace, if any.  A Status, the message printed. */
int save_check(const char *path, const nn_model_info *);

/* Writes the weights to the path or, where that fails, to another folder.  *saved: where
 * they are, or NULL.  Prints what went wrong; STATUS_OK only if they are where they belong. */
int save_weights(const char *path, const nn_model_info *, const void *model, const Feed *, Arena *, const char **saved);

#endif
