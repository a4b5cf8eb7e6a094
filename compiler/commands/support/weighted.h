/*
 * weighted: a net's model with the weights of a file in it.
 */
#ifndef NNC_WEIGHTED_H
#define NNC_WEIGHTED_H

#include "commands/support/load.h"
#include "runtime/core/core.h"

typedef struct WeightedModel {
    const char *path;
    NnTensors *file;
    void *block; /* the caller's memory of the model */
    void *model;
} WeightedModel;

/* The weights that a command loads once o->path is read: `given`, or those inside MODEL.onnx, by its name;
 * NULL: none. */
const char *weighted_path(LoadOptions *o, const char *given);

/* Renames the tensors of an open file by the rules of --map, in their order. */
int weighted_rename(NnTensors *, const List *maps);

/* Opens the file of weighted_path, then fills a model for inference from it.  Both print why they fail, and return
 * a Status. */
int weighted_open(WeightedModel *, const char *path, const Model *);
int weighted_load(WeightedModel *, const nn_model_info *);
/* Fills a model that is there from the file. */
int weighted_fill(const Model *, void *model, const char *path);
void weighted_close(WeightedModel *);

#endif
