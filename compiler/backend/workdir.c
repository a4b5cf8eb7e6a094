/*
 * Private directories, and those that others have left.
 *
 * The lock is flock(2) on the directory itself: the kernel releases it when its
 * process ends, however it ends, and it holds across containers that share a
 * /tmp, where numbers of processes say nothing.  A directory is locked under a
 * first name (nnc-new-XXXXXX) and gets its final one (nnc-jit-XXXXXX) after
 * that, so what has the final name and no lock has no owner.
 */
#include "backend/workdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { UNLOCKED_SECONDS = 3600 }; /* a first name is stale after that: it is meant for microseconds */

static const char first_name[] = "nnc-new-", final_name[] = "nnc-jit-";

/* The files in it, what a compiler leaves that was killed included; then itself. */
static void remove_directory(const char *path, int fd)
{
    int copy = dup(fd);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    for (struct dirent *d; dir && (d = readdir(dir));) unlinkat(fd, d->d_name, 0);
    if (dir)
        closedir(dir);
    else if (copy >= 0)
        close(copy);
    rmdir(path);
}

/* ---- what others have left ----------------------------------------------------- */

static bool starts_with(const char *text, const char *start) { return strncmp(text, start, strlen(start)) == 0; }

static bool is_stale(const char *name, int fd)
{
    struct stat s;
    if (fstat(fd, &s) != 0 || s.st_uid != geteuid() || flock(fd, LOCK_EX | LOCK_NB) != 0) return false;
    return starts_with(name, final_name) || s.st_mtime + UNLOCKED_SECONDS < time(NULL);
}

static void sweep(Arena *arena, const char *parent)
{
    DIR *dir = opendir(parent);
    for (struct dirent *d; dir && (d = readdir(dir));) {
        if (!starts_with(d->d_name, first_name) && !starts_with(d->d_name, final_name)) continue;
        int fd = openat(dirfd(dir), d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) continue;
        if (is_stale(d->d_name, fd)) remove_directory(arena_printf(arena, "%s/%s", parent, d->d_name), fd);
        close(fd);
    }
    if (dir) closedir(dir);
}

/* ---- one's own -------------------------------------------------------------------- */

static bool make_locked(Workdir *w, Arena *arena, const char *parent)
{
    char *first = arena_printf(arena, "%s/%sXXXXXX", parent, first_name);
    if (!mkdtemp(first)) return false;
    const char *final = arena_printf(arena, "%s/%s%s", parent, final_name, first + strlen(first) - 6);
    w->lock = open(first, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w->lock >= 0 && flock(w->lock, LOCK_EX | LOCK_NB) == 0 && rename(first, final) == 0) {
        w->path = final;
        return true;
    }
    int code = errno;
    if (w->lock >= 0) close(w->lock);
    rmdir(first);
    errno = code;
    return false;
}

const char *workdir_open(Workdir *w, Arena *arena)
{
    const char *tmp = getenv("TMPDIR"), *parent = tmp && *tmp ? tmp : "/tmp";
    *w = (Workdir){.lock = -1};
    sweep(arena, parent);
    if (make_locked(w, arena, parent)) return NULL;
    return arena_printf(arena, "no directory can be made in %s: %s", parent, strerror(errno));
}

void workdir_close(Workdir *w)
{
    if (!w->path) return;
    remove_directory(w->path, w->lock);
    close(w->lock);
    w->path = NULL;
}
