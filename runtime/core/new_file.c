/*
 * Writing files whole or not at all.
 *
 * The order is what makes it safe: everything that can fail for want of space,
 * permission or a folder is done without a name, so that nothing is left of a process that is
 * killed, or under temporary names where the file system cannot do that; then the files are
 * renamed one after the other, each old one being kept under another name until
 * the last rename has succeeded; then the folders are synced.  Signals that end
 * the process wait until no temporary file is left.
 */
#define _GNU_SOURCE /* asprintf, fallocate */

#include "runtime/core/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINKS = 40, ATTEMPTS = 1000 };

/* A file on its way. */
typedef struct Slot {
    const NnNewFile *file;
    char *target;    /* the path behind symbolic links */
    bool regular;    /* else it is written through */
    char *temporary; /* its name until then; NULL: none yet */
    char *backup;    /* the old file, while the new one has its name; NULL: there was none */
    int fd;
    bool renamed;
} Slot;

int nn_write_all(int fd, const void *bytes, size_t count)
{
    const char *p = bytes;
    while (count) {
        ssize_t done = write(fd, p, count);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return -1;
        p += done;
        count -= (size_t)done;
    }
    return 0;
}

/* ---- paths ------------------------------------------------------------------------ */

/* The length of "FOLDER/" in a path; 0: the current folder. */
static int folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (int)(slash + 1 - path) : 0;
}

/* The number of a descriptor of this process that the path names, or −1. */
static int descriptor_of(const char *path)
{
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        size_t length = strlen(folders[i]);
        const char *digits = path + length;
        if (strncmp(path, folders[i], length) == 0 && *digits && strlen(digits) < 9 &&
            digits[strspn(digits, "0123456789")] == 0)
            return atoi(digits);
    }
    return -1;
}

/* The path that a symbolic link gives, or NULL and errno: EINVAL where it is none. */
static char *read_link(const char *path)
{
    char text[PATH_MAX], *next = NULL;
    ssize_t length = readlink(path, text, sizeof text - 1);
    if (length < 0) return NULL;
    text[length] = 0;
    if (asprintf(&next, "%.*s%s", text[0] == '/' ? 0 : folder_length(path), path, text) < 0) next = NULL;
    return next;
}

/* What a path names once links are followed, whether it is there or not; NULL and errno. */
static char *follow_links(const char *path)
{
    char *at = strdup(path);
    for (int links = 0; at && descriptor_of(at) < 0; links++) {
        char *next = links < LINKS ? read_link(at) : NULL;
        if (!next && links < LINKS && (errno == EINVAL || errno == ENOENT)) break;
        if (!next && links == LINKS) errno = ELOOP;
        int code = errno;
        free(at);
        errno = code;
        at = next;
    }
    return at;
}

typedef enum Kind { KIND_ERROR, KIND_REGULAR, KIND_STREAM } Kind;

/* KIND_REGULAR: a file that is there and may be written, or none yet. */
static Kind file_kind(const char *target)
{
    struct stat s;
    if (descriptor_of(target) >= 0) return KIND_STREAM;
    if (lstat(target, &s) != 0) return errno == ENOENT && *target ? KIND_REGULAR : KIND_ERROR;
    if (S_ISDIR(s.st_mode)) {
        errno = EISDIR;
        return KIND_ERROR;
    }
    if (access(target, W_OK) != 0) return KIND_ERROR;
    return S_ISREG(s.st_mode) ? KIND_REGULAR : KIND_STREAM;
}

/* ---- opening ----------------------------------------------------------------------- */

static int connect_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
    int code = errno;
    close(fd);
    errno = code;
    return -1;
}

static int open_stream(const char *target)
{
    struct stat s;
    int number = descriptor_of(target);
    if (number >= 0) return fcntl(number, F_DUPFD_CLOEXEC, 0);
    if (stat(target, &s) == 0 && S_ISSOCK(s.st_mode)) return connect_socket(target);
    return open(target, O_WRONLY | O_CLOEXEC | O_NOCTTY);
}

/* Makes a file of that name, which nothing has yet; a descriptor, or −1 and errno. */
static int create_named(const char *name, int unused)
{
    (void)unused;
    return open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

/* Gives the name to a file that has none. */
static int link_named(const char *name, int fd)
{
    char self[32];
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0 ? fd : -1;
}

/* A new name beside the target: FOLDER/.nnc-PID-N.tmp, short where the target's name is long. */
static int name_beside(const char *target, const char *ending, int (*make)(const char *, int), int of, char **name)
{
    for (int i = 0; i < ATTEMPTS; i++) {
        if (asprintf(name, "%.*s.nnc-%ld-%d.%s", folder_length(target), target, (long)getpid(), i, ending) < 0) {
            *name = NULL;
            break;
        }
        int fd = make(*name, of);
        if (fd >= 0) return fd;
        int code = errno;
        free(*name);
        *name = NULL;
        errno = code;
        if (code != EEXIST) break;
    }
    return -1;
}

static int open_beside(const char *target, const char *ending, char **name)
{
    return name_beside(target, ending, create_named, -1, name);
}

/* A file in the target's folder that has no name until link_named; −1 where that cannot be had. */
static int open_unnamed(const char *target)
{
    char *folder = NULL;
    if (access("/proc/self/fd", X_OK) != 0 || asprintf(&folder, "%.*s.", folder_length(target), target) < 0) return -1;
    int fd = open(folder, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
    free(folder);
    return fd;
}

static int slot_open(Slot *s, NnError *error)
{
    const char *path = s->file->path;
    s->target = follow_links(path);
    Kind kind = s->target ? file_kind(s->target) : KIND_ERROR;
    if (kind == KIND_STREAM) s->fd = open_stream(s->target);
    s->regular = kind == KIND_REGULAR;
    if (s->regular) s->fd = open_unnamed(s->target);
    if (s->regular && s->fd < 0) s->fd = open_beside(s->target, "tmp", &s->temporary);
    return s->fd < 0 ? nn_fail_path(error, "write", path) : 0;
}

/* ---- contents ----------------------------------------------------------------------- */

/* Who owns the old file may not be ours to say; its permissions are. */
static int take_permissions(const Slot *s)
{
    struct stat old;
    if (stat(s->target, &old) != 0) return 0;
    if (fchown(s->fd, old.st_uid, old.st_gid) != 0 && fchown(s->fd, (uid_t)-1, old.st_gid) != 0) errno = 0;
    return fchmod(s->fd, old.st_mode & 07777);
}

static bool make_durable(Slot *s)
{
    if (!s->regular) return true;
    if (take_permissions(s) != 0 || (fsync(s->fd) != 0 && errno != EINVAL)) return false;
    return s->temporary || name_beside(s->target, "tmp", link_named, s->fd, &s->temporary) >= 0;
}

static int slot_write(Slot *s, NnError *error)
{
    if (s->file->write(s->file->user, s->fd, s->file->path, error)) return -1;
    bool failed = !make_durable(s);
    int fd = s->fd;
    s->fd = -1;
    if (!failed && close(fd) == 0) return 0;
    nn_fail_path(error, "write", s->file->path);
    if (failed) close(fd);
    return -1;
}

/* ---- names -------------------------------------------------------------------------- */

/* A second name for the old file.  Where a file can have only one, it loses its own for a moment. */
static int keep_old(Slot *s)
{
    int fd = open_beside(s->target, "old", &s->backup);
    if (fd < 0) return -1;
    close(fd);
    unlink(s->backup);
    if (link(s->target, s->backup) == 0) return 0;
    if (errno != ENOENT && rename(s->target, s->backup) == 0) return 0;
    int code = errno;
    free(s->backup);
    s->backup = NULL;
    errno = code;
    return code == ENOENT ? 0 : -1;
}

static int slot_rename(Slot *s, bool keep, NnError *error)
{
    if (!s->temporary) return 0;
    if ((keep && keep_old(s) != 0) || rename(s->temporary, s->target) != 0)
        return nn_fail_path(error, "write", s->file->path);
    s->renamed = true;
    return 0;
}

/* (A rename between two names of one file does nothing.) */
static void slot_undo(Slot *s)
{
    if (s->backup && rename(s->backup, s->target) == 0)
        unlink(s->backup);
    else if (s->renamed)
        unlink(s->target);
    if (s->temporary && !s->renamed) unlink(s->temporary);
}

/* The new name is on the disk, too.  Some file systems cannot promise that: then nothing can be done. */
static void sync_folder(const char *target)
{
    char *folder = NULL;
    if (asprintf(&folder, "%.*s.", folder_length(target), target) < 0) return;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(folder);
}

static void slot_settle(Slot *s)
{
    if (s->backup) unlink(s->backup);
    if (s->renamed) sync_folder(s->target);
}

/* ---- all of them -------------------------------------------------------------------- */

static void hold_signals(sigset_t *before)
{
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &held, before);
}

static void release_signals(const sigset_t *before) { pthread_sigmask(SIG_SETMASK, before, NULL); }

static int write_slots(Slot *slots, int count, NnError *error)
{
    int failed = 0;
    for (int i = 0; !failed && i < count; i++) failed = slot_open(&slots[i], error);
    for (int i = 0; !failed && i < count; i++) failed = slot_write(&slots[i], error);
    for (int i = 0; !failed && i < count; i++) failed = slot_rename(&slots[i], i + 1 < count, error);
    for (int i = count; failed && i-- > 0;) slot_undo(&slots[i]);
    for (int i = 0; !failed && i < count; i++) slot_settle(&slots[i]);
    return failed;
}

/* A pipe may block for as long as its reader likes; then signals must not wait. */
static bool any_regular(const NnNewFile *files, int count)
{
    bool any = false;
    for (int i = 0; i < count; i++) {
        char *target = follow_links(files[i].path);
        any |= target && file_kind(target) == KIND_REGULAR;
        free(target);
    }
    return any;
}

int nn_files_write(const NnNewFile *files, int count, NnError *error)
{
    sigset_t before;
    bool held = any_regular(files, count);
    Slot *slots = nn_alloc((size_t)count * sizeof *slots, error);
    if (!slots) return -1;
    for (int i = 0; i < count; i++) slots[i] = (Slot){.file = &files[i], .fd = -1};
    if (held) hold_signals(&before);
    int failed = write_slots(slots, count, error);
    if (held) release_signals(&before);
    for (int i = 0; i < count; i++) {
        if (slots[i].fd >= 0) close(slots[i].fd);
        free(slots[i].target);
        free(slots[i].temporary);
        free(slots[i].backup);
    }
    free(slots);
    return failed;
}

/* ---- before ------------------------------------------------------------------------- */

/* Room for the bytes, where the file system can tell; else the time of writing will. */
static int check_space(const char *target, size_t bytes)
{
    char *name = NULL;
    int fd = open_unnamed(target), code = 0;
    if (fd < 0) fd = open_beside(target, "tmp", &name);
    if (fd < 0) return -1;
    if (bytes && fallocate(fd, 0, 0, (off_t)bytes) != 0 && errno != EOPNOTSUPP && errno != ENOSYS) code = errno;
    close(fd);
    if (name) unlink(name);
    free(name);
    errno = code;
    return code ? -1 : 0;
}

int nn_file_check(const char *path, size_t bytes, NnError *error)
{
    sigset_t before;
    char *target = follow_links(path);
    Kind kind = target ? file_kind(target) : KIND_ERROR;
    hold_signals(&before);
    bool failed = kind == KIND_ERROR || (kind == KIND_REGULAR && check_space(target, bytes) != 0);
    int code = errno;
    release_signals(&before);
    free(target);
    errno = code;
    return failed ? nn_fail_path(error, "write", path) : 0;
}
