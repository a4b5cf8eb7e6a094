/* Which of the kernel libraries this machine can run. */
#include "library.h"

#include <stddef.h>

typedef struct Choice {
    const char *name;
    const nn_symbol *symbols;
} Choice;

static Choice choose(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return (Choice){"avx512", nn_library_avx512};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return (Choice){"avx2", nn_library_avx2};
#endif
    return (Choice){"generic", nn_library_generic};
}

const nn_symbol *nn_kernel_library(const char **name)
{
    Choice choice = choose();
    if (name) *name = choice.name;
    return choice.symbols;
}
