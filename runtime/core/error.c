/*
 * Messages of the runtime, and memory.
 *
 * Enters: a format and its values.  Leaves: an NnError.  The status says whose
 * fault it is, so that a command can turn it into an exit status as it stands.
 */
#include "runtime/core/core.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int nn_fail(NnError *error, int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error->status = status;
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return -1;
}

int nn_fail_errno(NnError *error, const char *format, ...)
{
    int code = errno;
    va_list args;
    va_start(args, format);
    error->status = NN_SYSTEM_FAILED;
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    size_t length = strlen(error->text);
    snprintf(error->text + length, sizeof error->text - length, ": %s", strerror(code));
    return -1;
}

int nn_fail_path(NnError *error, const char *verb, const char *path)
{
    int code = errno;
    nn_fail_errno(error, "cannot %s %s", verb, path);
    if (code == ENOENT || code == ENOTDIR || code == EISDIR) error->status = NN_BAD_INPUT;
    return -1;
}

void *nn_memory(size_t bytes, NnError *error)
{
    enum { ALIGN = 64, PAGE = 2 << 20 };
    void *memory = NULL;
    if (bytes < ALIGN) bytes = ALIGN;
    if (bytes > PTRDIFF_MAX || posix_memalign(&memory, bytes < PAGE ? ALIGN : PAGE, bytes)) {
        if (error) nn_fail(error, NN_SYSTEM_FAILED, "out of memory: %zu bytes requested", bytes);
        return NULL;
    }
    if (bytes >= PAGE) madvise(memory, bytes / PAGE * PAGE, MADV_HUGEPAGE); /* a wish */
    return memory;
}

void *nn_alloc(size_t bytes, NnError *error)
{
    void *memory = nn_memory(bytes, error);
    return memory ? memset(memory, 0, bytes) : NULL;
}
