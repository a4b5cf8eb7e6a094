/*
 * Names behind one another, and what else is listed of images.
 */
#include "runtime/data/name_pool.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/core/array.h"

int no_memory_for_images(NnError *error)
{
    return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the list of images");
}

int image_list_reserve(void *array, size_t *capacity, size_t count, size_t size, NnError *error)
{
    return nn_array_reserve(array, capacity, count + 1, size) ? no_memory_for_images(error) : 0;
}

int name_pool_add(NamePool *pool, const char *name, uint32_t *at, NnError *error)
{
    const size_t length = strlen(name) + 1;
    if (pool->used > UINT32_MAX - length)
        return nn_fail(error, NN_BAD_INPUT, "the names of the images are longer than 4 GB in all");
    if (nn_array_reserve(&pool->bytes, &pool->capacity, pool->used + length, 1)) return no_memory_for_images(error);
    memcpy(pool->bytes + pool->used, name, length);
    *at = (uint32_t)pool->used;
    pool->used += length;
    return 0;
}

void name_pool_free(NamePool *pool)
{
    free(pool->bytes);
    *pool = (NamePool){0};
}
