/* Which of the kernel libraries this machine can run. */
#include "runtime/kernels/library.h"

#include <stddef.h>

typedef struct KernelLibrary {
    const char *name;
    const nn_symbol *symbols;
} KernelLibrary;

static KernelLibrary choose(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return (KernelLibrary){"avx512", nn_library_avx512};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (KernelLibrary){"avx2", nn_library_avx2};
#endif
    return (KernelLibrary){"generic", nn_library_generic};
}

const nn_symbol *nn_kernel_library(const char **name)
{
    KernelLibrary choice = choose();
    if (name) *name = choice.name;
    return choice.symbols;
}
