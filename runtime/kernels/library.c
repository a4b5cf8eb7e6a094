/* Which of the kernel libraries this machine can run, and what is in them. */
#include "runtime/kernels/library.h"

#include <stddef.h>
#include <string.h>

const nn_symbol *nn_kernel_library(const char **name)
{
    const nn_library *library = nn_libraries;
    while (!library->runs()) library++;
    if (name) *name = library->name;
    return library->symbols;
}

/* The end of a table. */
static const nn_symbol *library_end(const nn_symbol *table)
{
    while (table->name) table++;
    return table;
}

void *nn_kernel_named(const nn_symbol *table, const char *name)
{
    for (; table; table = table->address) {
        for (; table->name; table++)
            if (strcmp(table->name, name) == 0) return table->address;
    }
    return NULL;
}

const nn_symbol *nn_kernel_names(const nn_symbol *table)
{
    for (const nn_symbol *next = library_end(table)->address; next; next = library_end(table)->address) table = next;
    return table;
}
