/*
 * Arrays that grow by half: what is left free of a large one is less than with a factor of 2.
 */
#include "runtime/core/array.h"

#include <stdlib.h>
#include <string.h>

int nn_array_reserve(void *array, size_t *capacity, size_t wanted, size_t size)
{
    void *memory, *larger;
    if (wanted <= *capacity) return 0;
    memcpy(&memory, array, sizeof memory);
    const size_t room = wanted + wanted / 2 + 64;
    larger = realloc(memory, room * size);
    if (!larger) return -1;
    memcpy(array, &larger, sizeof larger);
    *capacity = room;
    return 0;
}
