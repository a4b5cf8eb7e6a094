/*
 * clock.h: the time, for programs that report how long each of their calls takes.
 */
#ifndef NN_CLOCK_H
#define NN_CLOCK_H

#ifdef NN_LINKED

int64_t nn_now(void);
int64_t nn_lap(int64_t *since);

#else

#include <stdint.h>
#include <time.h>

/* Nanoseconds since some moment in the past; never goes back. */
static __attribute__((unused)) int64_t nn_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Nanoseconds since then, and from now on. */
static __attribute__((unused)) int64_t nn_lap(int64_t *since)
{
    int64_t before = *since;
    *since = nn_now();
    return *since - before;
}

#endif

#endif
