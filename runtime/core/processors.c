/* The processors of this process. */
#define _GNU_SOURCE /* sched_getaffinity, CPU_COUNT_S */

#include <sched.h>
#include <unistd.h>

#include "runtime/core/core.h"

/* The system's mask may be longer than a cpu_set_t; it is refused where it does not fit. */
int nn_processors(void)
{
    enum { SHORTEST = 1024, LONGEST = 1 << 20 };
    for (int most = SHORTEST; most <= LONGEST; most *= 2) {
        cpu_set_t *set = CPU_ALLOC((size_t)most);
        const size_t bytes = CPU_ALLOC_SIZE((size_t)most);
        if (!set) break;
        const int count = sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
        CPU_FREE(set);
        if (count > 0) return count;
    }
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 1 ? (int)online : 1;
}
