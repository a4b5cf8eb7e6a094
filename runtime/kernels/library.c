/* Which of the kernel libraries this machine can run. */
#include "runtime/kernels/library.h"

const nn_symbol *nn_kernel_library(const char **name)
{
    const nn_library *library = nn_libraries;
    while (!library->runs()) library++;
    if (name) *name = library->name;
    return library->symbols;
}
