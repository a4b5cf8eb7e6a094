/*
 * output: texts → files.
 *
 * Enters: paths and texts.  Leaves: all of the files, or what was there before.
 */
#include "commands/support/output.h"

#include <stdio.h>
#include <stdlib.h>

#include "commands/support/command.h"
#include "runtime/core/new_file.h"

static int write_text(const void *user, int fd, const char *path, NnError *error)
{
    const OutputFile *file = user;
    return nn_write_all(fd, file->text, file->length) ? nn_fail_path(error, "write", path) : 0;
}

int output_write(const OutputFile *files, int count)
{
    NnError error = {0};
    NnNewFile *new = calloc((size_t)count, sizeof *new);
    if (!new) return fail(STATUS_SYSTEM, "out of memory");
    for (int i = 0; i < count; i++) new[i] = (NnNewFile){files[i].path, write_text, &files[i]};
    int failed = nn_files_write(new, count, &error);
    free(new);
    return failed ? fail(STATUS_SYSTEM, "%s", error.text) : STATUS_OK;
}

int output_write_page(const char *path, const Page *page)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out) page_write(page, out);
    const bool written = out && fclose(out) == 0;
    const int status = written ? output_write(&(OutputFile){path, text, length}, 1)
                               : fail(STATUS_SYSTEM, "out of memory: the page is not written");
    free(text);
    return status;
}
