/*
 * origin: what a weights file tells of how it was made.
 *
 * Its metadata: `net`, the net's name; `net.hash`, of its layers, their arguments
 * and shapes; `data`, the name of the data set; `accuracy` or `loss` on the test
 * part; where the training part was divided, `data.valid` and `data.limit` say how, and
 * `data.seed` by which seed; `data.classes` is the list of the classes that were chosen;
 * `quantization.simulated` where int8 was simulated (simulated.h).  Files from elsewhere have none of these, and nothing is said of them.
 */
#ifndef NNC_ORIGIN_H
#define NNC_ORIGIN_H

#include "commands/support/load.h"
#include "runtime/train/train.h"

enum { ORIGIN_NOTES = 10 };

/* The metadata to save, up to a key of NULL.  `score`: NULL where the weights were not tested. */
void origin_notes(const Model *, const Dataset *, const NnScore *score, NnWeightsNote notes[ORIGIN_NOTES]);

/* Says on standard error where the file was made by another net or with other data. */
void origin_compare(const NnTensors *, const char *path, const Model *, const Dataset *);

/* Says on standard error what will be lost when the file at the path is replaced. */
void origin_of_replaced(Arena *, const char *path);

#endif
