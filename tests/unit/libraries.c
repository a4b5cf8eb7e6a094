#include "tests/unit/libraries.h"

#include <check.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

const nn_symbol *kernels_of(int index)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (index == 1) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? nn_library_avx2 : NULL;
    if (index == 2)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") ? nn_library_avx512 : NULL;
#endif
    return index == 0 ? nn_library_generic : NULL;
}

void *kernel_named(const nn_symbol *table, const char *name)
{
    for (; table->name; table++) {
        if (strcmp(table->name, name) == 0) return table->address;
    }
    ck_abort_msg("no kernel %s", name);
    return NULL;
}

float *guarded(long count)
{
    float *x = malloc((size_t)(count + GUARD) * sizeof *x);
    ck_assert_ptr_nonnull(x);
    for (long i = 0; i < count + GUARD; i++) x[i] = GUARD_VALUE;
    return x;
}

bool guard_holds(const float *x, long count)
{
    for (long i = count; i < count + GUARD; i++)
        if (x[i] != GUARD_VALUE) return false;
    return true;
}
