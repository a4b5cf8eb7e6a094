/*
 * Names of files.
 */
#include "base/base.h"

#include <string.h>

const char *path_file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), part = strlen(end);
    return length >= part && strcmp(text + length - part, end) == 0;
}

bool path_has_ending(const char *path, const char *ending)
{
    const char *name = path_file_name(path);
    return strlen(name) > strlen(ending) && ends_with(name, ending);
}
