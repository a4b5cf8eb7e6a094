/*
 * known_sets: data sets that have a name, and the folders where names are looked for.
 */
#ifndef NN_KNOWN_SETS_H
#define NN_KNOWN_SETS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct KnownSet {
    const char *name;   /* what --data takes */
    const char *folder; /* another name: the folder in the set's own archive; or NULL */
    const char *what;   /* "60,000 + 10,000 grey images of 28x28, …" */
    const char *how;    /* how to get it: a sentence or two, wrapped by hand, lines end in \n */
} KnownSet;

extern const KnownSet known_sets[]; /* ends with a name of NULL */
const KnownSet *known_set(const char *name);

/* The folders, in the order in which they are searched: as it is written in messages, and as
 * a path, "" where the environment does not say it. */
enum { DATA_PLACES = 4, DATA_PATH_BYTES = 4096, DATA_PLACES_BYTES = 128 };
const char *data_place_text(int place);
const char *data_places_text(const char *conjunction, char out[DATA_PLACES_BYTES]); /* "A, B, C or D" */
void data_place_path(int place, char out[DATA_PATH_BYTES]);

/* PLACE/name for the first place that has it, or PLACE/folder of the known set of that name. */
bool data_find_named(const char *name, char out[DATA_PATH_BYTES]);

#endif
