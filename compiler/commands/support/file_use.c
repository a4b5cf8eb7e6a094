/*
 * file_use: the files of a command line → whether they get in each other's way.
 *
 * Enters: the paths that are read and written.  Leaves: a Status.  Two paths are one file
 * where they lead to the same one, or where there is none yet, to the same name in the
 * same folder.  Devices and pipes keep nothing that could be lost.
 */
#include "commands/support/file_use.h"

#include <string.h>
#include <sys/stat.h>

#include "commands/support/command.h"

static bool is_same_inode(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool stat_folder_of(Arena *arena, const char *path, struct stat *folder)
{
    const int length = (int)(path_file_name(path) - path);
    return stat(arena_printf(arena, "%.*s.", length, path), folder) == 0;
}

static bool is_same_file(Arena *arena, const char *a, const char *b)
{
    struct stat x, y;
    const bool has_a = stat(a, &x) == 0, has_b = stat(b, &y) == 0;
    if (has_a && has_b) return S_ISREG(x.st_mode) && is_same_inode(&x, &y);
    if (has_a || has_b || strcmp(path_file_name(a), path_file_name(b)) != 0) return false;
    return stat_folder_of(arena, a, &x) && stat_folder_of(arena, b, &y) && is_same_inode(&x, &y);
}

static bool is_file(const FileUse *f) { return f->path && strcmp(f->path, "-") != 0; }

static int clash(const FileUse *a, const FileUse *b)
{
    if (a->written && b->written)
        return fail(STATUS_USAGE, "%s %s and %s %s are one file", a->as, a->path, b->as, b->path);
    const FileUse *written = a->written ? a : b, *read = a->written ? b : a;
    return fail(STATUS_USAGE, "%s %s would write over %s", written->as, written->path, read->as);
}

int files_apart(const FileUse *files, int count)
{
    Arena *arena = arena_new();
    int status = STATUS_OK;
    for (int i = 0; i < count; i++)
        for (int k = 0; !status && k < i; k++)
            if ((files[i].written || files[k].written) && is_file(&files[i]) && is_file(&files[k]) &&
                is_same_file(arena, files[i].path, files[k].path))
                status = clash(&files[k], &files[i]);
    arena_free(arena);
    return status;
}
