/*
 * name_pool: many names in one piece of memory.
 */
#ifndef NN_NAME_POOL_H
#define NN_NAME_POOL_H

#include "runtime/core/core.h"

typedef struct NamePool {
    char *bytes; /* names, each with its zero */
    size_t used, capacity;
} NamePool;

/* Leaves where the name begins in `bytes`. */
int name_pool_add(NamePool *, const char *name, uint32_t *at, NnError *);
void name_pool_free(NamePool *);

int no_memory_for_images(NnError *); /* −1 and the error */

/* Room for one more element behind the first `count` of a list of images, as nn_array_reserve makes it. */
int image_list_reserve(void *array, size_t *capacity, size_t count, size_t size, NnError *);

#endif
