/*
 * array: arrays that grow.
 */
#ifndef NN_ARRAY_H
#define NN_ARRAY_H

#include <stddef.h>

/* Room for `wanted` elements of `size` bytes in an array, which is reallocated: *array is a
 * pointer to any type, and *capacity how many there is room for.  −1: there is no memory, and
 * the array is as it was. */
int nn_array_reserve(void *array, size_t *capacity, size_t wanted, size_t size);

#endif
