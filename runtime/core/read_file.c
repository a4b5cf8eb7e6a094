/*
 * Files read whole, and what they look like.
 *
 * Enters: a path.  Leaves: bytes.  What could keep the reader for ever, a pipe
 * that nobody writes to or a device without an end, is refused or bounded.
 */
#include "runtime/core/core.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const size_t PIPE_LIMIT = (size_t)2 << 30;

static const char *kind_name(mode_t mode)
{
    return S_ISFIFO(mode)   ? "a pipe"
           : S_ISSOCK(mode) ? "a socket"
           : S_ISDIR(mode)  ? "a directory"
           : S_ISREG(mode)  ? "a file"
                            : "a device";
}

/* ---- opening --------------------------------------------------------------------- */

static int open_checked(const char *path, int flags, struct stat *status, NnError *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | flags);
    if (fd >= 0 && fstat(fd, status) == 0) return fd;
    nn_fail_path(error, "open", path);
    if (fd >= 0) close(fd);
    return -1;
}

int nn_open_regular(const char *path, NnError *error)
{
    struct stat status;
    int fd = open_checked(path, O_NONBLOCK, &status, error);
    if (fd < 0 || S_ISREG(status.st_mode)) return fd;
    close(fd);
    nn_fail(error, NN_BAD_INPUT, "cannot read %s: it is %s, not a file", path, kind_name(status.st_mode));
    return -1;
}

/* ---- reading --------------------------------------------------------------------- */

typedef struct Bytes {
    char *at; /* one more than the capacity; NULL: no memory */
    size_t count, capacity;
} Bytes;

static void make_larger(Bytes *b)
{
    char *larger = realloc(b->at, b->capacity * 2 + 4096 + 1);
    b->capacity = b->capacity * 2 + 4096;
    if (!larger) free(b->at);
    b->at = larger;
}

/* To the end of a descriptor, `limit` bytes at most. */
static int read_to_end(int fd, Bytes *b, size_t limit, const char *path, NnError *error)
{
    for (ssize_t got = 1; b->at && got && b->count <= limit;) {
        got = read(fd, b->at + b->count, b->capacity - b->count);
        if (got < 0 && errno != EINTR) return nn_fail_path(error, "read", path);
        if (got > 0) b->count += (size_t)got;
        if (b->count == b->capacity) make_larger(b);
    }
    if (!b->at) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to read %s", path);
    if (b->count > limit)
        return nn_fail(error, NN_BAD_INPUT, "%s gives more than %zu bytes, the most that is read of a pipe", path,
                       limit);
    return 0;
}

char *nn_read_file(const char *path, size_t *size, NnError *error)
{
    struct stat status;
    int fd = open_checked(path, 0, &status, error);
    if (fd < 0) return NULL;
    bool regular = S_ISREG(status.st_mode), pipe = S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode);
    int failed;
    Bytes b = {.capacity = regular ? (size_t)status.st_size + 1 : 4096};
    if (!regular && !pipe) {
        failed = nn_fail(error, NN_BAD_INPUT, "cannot read %s: it is %s, not a file", path, kind_name(status.st_mode));
    } else {
        b.at = malloc(b.capacity + 1);
        failed = read_to_end(fd, &b, regular ? SIZE_MAX : PIPE_LIMIT, path, error);
    }
    close(fd);
    if (failed) {
        free(b.at);
        return NULL;
    }
    b.at[b.count] = 0;
    *size = b.count;
    return b.at;
}

/* ---- recognising ------------------------------------------------------------------ */

/* Neither control characters nor what UTF-8 has not. */
static bool is_text(const char *bytes, size_t size)
{
    size_t looked = size < 512 ? size : 512;
    for (size_t i = 0; i < looked; i++)
        if (((unsigned char)bytes[i] < 32 && !(bytes[i] && strchr("\t\n\r\f", bytes[i]))) ||
            (unsigned char)bytes[i] >= 0xF5)
            return false;
    return looked > 0;
}

const char *nn_looks_like(const char *bytes, size_t size)
{
    static const struct {
        const char *magic;
        size_t length;
        const char *name;
    } known[] = {
        {"\x1f\x8b", 2, "a gzip file"},
        {"PK\3\4", 4, "a zip archive"},
        {"\x80\2", 2, "a Python pickle, such as old PyTorch checkpoints are"},
        {"\x80\3", 2, "a Python pickle"},
        {"\x80\4", 2, "a Python pickle"},
        {"\x80\5", 2, "a Python pickle"},
        {"\x89HDF\r\n", 6, "an HDF5 file, such as Keras writes"},
        {"\x89PNG", 4, "a PNG image"},
        {"\xff\xd8\xff", 3, "a JPEG image"},
        {"\x7f"
         "ELF",
         4, "a program or library"},
        {"BZh", 3, "a bzip2 file"},
        {"\xfd"
         "7zXZ",
         5, "an xz file"},
        {"\x28\xb5\x2f\xfd", 4, "a zstd file"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (size >= known[i].length && !memcmp(bytes, known[i].magic, known[i].length)) return known[i].name;
    return is_text(bytes, size) ? "text" : NULL;
}
