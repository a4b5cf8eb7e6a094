/*
 * parts: training, test and validation part of a data set, made of what its files have.
 *
 * All of these change a set that was read, before a Fitting is made for it.
 */
#ifndef NN_DATA_PARTS_H
#define NN_DATA_PARTS_H

#include "runtime/data/dataset.h"

/* A test part for a set that has none: rows 4, 9, 14 … of 50 or more, else the training rows
 * themselves; a note says which. */
int dataset_split(Dataset *, NnError *);

/* A validation part for a set that has none, from the training part: `amount` samples, or that
 * share of all where it is below 1.  The classes have their shares, by largest remainders; the
 * rest is by the seed. */
int dataset_cut_valid(Dataset *, double amount, uint64_t seed, NnError *);

/* At most `most` samples of each part, drawn likewise. */
int dataset_limit(Dataset *, int most, uint64_t seed, NnError *);

/* Only the classes of the list, "2,0,7" or by their names, which become 0, 1, 2 in its order
 * and keep their names; numbers become names. */
int dataset_choose(Dataset *, const char *list, NnError *);

#endif
