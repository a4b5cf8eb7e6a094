/*
 * output: files, whole or not at all.
 *
 * Enters: paths and texts.  Leaves: all of the files, or what was there before.
 * Everything that can fail for a reason of the file system is done under
 * temporary names first; renames within one directory come last.  Signals wait
 * until no temporary file is left.
 */
#include "commands/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands/commands.h"

static char *temporary_name(const char *path)
{
    size_t size = strlen(path) + 32;
    char *name = malloc(size);
    if (name) snprintf(name, size, "%s.%ld.tmp", path, (long)getpid());
    return name;
}

static bool write_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, text, length);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        text += n;
        length -= (size_t)n;
    }
    return fsync(fd) == 0 || errno == EINVAL;
}

/* Whether a rename onto the path can succeed: a directory cannot be replaced. */
static bool replaceable(const char *path)
{
    struct stat s;
    if (stat(path, &s) == 0 && S_ISDIR(s.st_mode)) {
        errno = EISDIR;
        return false;
    }
    return true;
}

static bool copy_permissions(const char *path, int fd)
{
    struct stat s;
    return stat(path, &s) != 0 || fchmod(fd, s.st_mode & 07777) == 0;
}

static bool write_temporary(const OutputFile *file, const char *name, bool replaces)
{
    int fd = replaceable(file->path) ? open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666) : -1;
    if (fd < 0) return false;
    bool ok = write_all(fd, file->text, file->length) && (!replaces || copy_permissions(file->path, fd));
    int error = errno;
    if (close(fd) != 0 && ok) {
        ok = false;
        error = errno;
    }
    if (!ok) unlink(name);
    errno = error;
    return ok;
}

static int report(const char *path) { return fail(STATUS_SYSTEM, "%s: %s", path, strerror(errno)); }

static int write_files(const OutputFile *files, char **names, int count, bool replaces)
{
    for (int i = 0; i < count; i++) {
        names[i] = temporary_name(files[i].path);
        if (!names[i] || !write_temporary(&files[i], names[i], replaces)) {
            int status = report(files[i].path);
            while (i-- > 0) unlink(names[i]);
            return status;
        }
    }
    for (int i = 0; i < count; i++) {
        if (rename(names[i], files[i].path) == 0) continue;
        int status = report(files[i].path);
        for (int j = 0; j < count; j++) unlink(j < i ? files[j].path : names[j]);
        return status;
    }
    return STATUS_OK;
}

static int write_held(const OutputFile *files, int count, bool replaces)
{
    sigset_t held, before;
    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGHUP);
    sigprocmask(SIG_BLOCK, &held, &before);
    char **names = calloc((size_t)count, sizeof *names);
    int status = names ? write_files(files, names, count, replaces) : fail(STATUS_SYSTEM, "no memory");
    for (int i = 0; names && i < count; i++) free(names[i]);
    free(names);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return status;
}

int output_write(const OutputFile *files, int count) { return write_held(files, count, false); }

int output_replace(const OutputFile *file) { return write_held(file, 1, true); }
