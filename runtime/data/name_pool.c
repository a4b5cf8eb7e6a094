/*
 * Names behind one another, and arrays that grow.
 */
#include "runtime/data/name_pool.h"

#include <stdlib.h>
#include <string.h>

/* By half: what is left free of a large list is less than with a factor of 2. */
static int reserve_room(void *array, size_t *capacity, size_t wanted, size_t size, NnError *error)
{
    void *memory, *larger;
    if (wanted <= *capacity) return 0;
    memcpy(&memory, array, sizeof memory);
    const size_t room = wanted + wanted / 2 + 64;
    larger = realloc(memory, room * size);
    if (!larger) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the list of images");
    memcpy(array, &larger, sizeof larger);
    *capacity = room;
    return 0;
}

int array_reserve(void *array, size_t *capacity, size_t count, size_t size, NnError *error)
{
    return reserve_room(array, capacity, count + 1, size, error);
}

int name_pool_add(NamePool *pool, const char *name, uint32_t *at, NnError *error)
{
    const size_t length = strlen(name) + 1;
    if (pool->used > UINT32_MAX - length)
        return nn_fail(error, NN_BAD_INPUT, "the names of the images are longer than 4 GB in all");
    if (reserve_room(&pool->bytes, &pool->capacity, pool->used + length, 1, error)) return -1;
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
