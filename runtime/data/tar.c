/*
 * The headers of a tar archive (POSIX.1-2001, pax; GNU tar's long names and large numbers).
 *
 * An archive is blocks of 512 bytes.  Each file is a header and its bytes, padded; the archive
 * ends with a block of zeros.  A header may be preceded by one with more about the same file: a
 * pax header ("LENGTH KEY=VALUE\n" …) or a long name.
 */
#include "runtime/data/tar.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 512, LONG_HEADER_LIMIT = 1 << 20 };

typedef struct TarHeader {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8];
    char type, link[100], magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
} TarHeader;
_Static_assert(sizeof(TarHeader) == BLOCK, "a header is one block");

/* What the headers before it say of a file. */
typedef struct TarOverride {
    char name[TAR_NAME_BYTES]; /* "": nothing */
    int64_t size;              /* −1: nothing */
} TarOverride;

static int tar_damaged(const TarReader *t, const char *why, NnError *error)
{
    return nn_fail(error, NN_BAD_INPUT, "%s is damaged: %s at byte %lld", t->path, why, (long long)t->at);
}

static int read_at(const TarReader *t, void *out, size_t count, int64_t offset, NnError *error)
{
    size_t done = 0;
    while (done < count) {
        const ssize_t got = pread(t->fd, (char *)out + done, count - done, offset + (int64_t)done);
        if (got < 0) return nn_fail_path(error, "read", t->path);
        if (got == 0)
            return nn_fail(error, NN_BAD_INPUT, "%s is truncated: it ends at byte %lld, before the mark of its end",
                           t->path, (long long)t->length);
        done += (size_t)got;
    }
    return 0;
}

/* ---- numbers and texts ------------------------------------------------------------------ */

/* Octal digits; or, where the first bit is set, the rest is the number, big-endian.  −1: neither. */
static int64_t header_number(const char *field, size_t length)
{
    const unsigned char *at = (const unsigned char *)field;
    uint64_t value = *at & 0x80 ? *at & 0x7f : 0;
    size_t i = 1;
    if (*at & 0x80) {
        for (; i < length && value <= INT64_MAX >> 8; i++) value = value << 8 | at[i];
        return i < length ? -1 : (int64_t)value;
    }
    for (i = 0; i < length && field[i] == ' '; i++) continue;
    for (; i < length && field[i] >= '0' && field[i] <= '7'; i++) value = value << 3 | (uint64_t)(field[i] - '0');
    return i < length && field[i] && field[i] != ' ' ? -1 : (int64_t)value;
}

static bool checksum_fits(const TarHeader *h)
{
    const unsigned char *bytes = (const unsigned char *)h;
    const size_t from = offsetof(TarHeader, checksum);
    int64_t sum = 0;
    for (size_t i = 0; i < BLOCK; i++) sum += i >= from && i < from + sizeof h->checksum ? ' ' : bytes[i];
    return header_number(h->checksum, sizeof h->checksum) == sum;
}

static bool is_zero(const TarHeader *h)
{
    static const TarHeader zero;
    return !memcmp(h, &zero, sizeof zero);
}

static void header_name(const TarHeader *h, char out[TAR_NAME_BYTES])
{
    size_t length = 0;
    if (!memcmp(h->magic, "ustar\0", 6) && h->prefix[0]) {
        length = strnlen(h->prefix, sizeof h->prefix);
        memcpy(out, h->prefix, length);
        out[length++] = '/';
    }
    const size_t rest = strnlen(h->name, sizeof h->name);
    memcpy(out + length, h->name, rest);
    out[length + rest] = 0;
}

static void tar_take_name(char out[TAR_NAME_BYTES], const char *name, size_t length)
{
    if (length >= TAR_NAME_BYTES) length = TAR_NAME_BYTES - 1;
    memcpy(out, name, length);
    out[length] = 0;
}

/* One record of a pax header; −1: it is none. */
static int take_record(TarOverride *o, const char *record, size_t length)
{
    const char *key = memchr(record, ' ', length),
               *value = key ? memchr(key, '=', length - (size_t)(key - record)) : NULL;
    if (!value || record[length - 1] != '\n') return -1;
    key++;
    value++;
    const size_t rest = length - (size_t)(value - record) - 1;
    if (!strncmp(key, "path=", 5)) tar_take_name(o->name, value, rest);
    if (!strncmp(key, "size=", 5)) o->size = strtoll(value, NULL, 10);
    return 0;
}

static int take_pax(TarOverride *o, const char *text, size_t size)
{
    while (size > 0 && *text) {
        char *end;
        const unsigned long length = strtoul(text, &end, 10);
        if (end == text || *end != ' ' || length < 5 || length > size || take_record(o, text, length)) return -1;
        text += length;
        size -= length;
    }
    return 0;
}

/* A header that says more about the next file. */
static int read_override(const TarReader *t, const TarEntry *entry, char type, TarOverride *o, NnError *error)
{
    if (entry->size > LONG_HEADER_LIMIT) return tar_damaged(t, "a header of more than 1 MB", error);
    char *text = nn_alloc((size_t)entry->size + 1, error);
    int failed = text ? read_at(t, text, (size_t)entry->size, entry->offset, error) : -1;
    if (!failed && type == 'L') tar_take_name(o->name, text, strlen(text));
    if (!failed && type == 'x' && take_pax(o, text, (size_t)entry->size))
        failed = tar_damaged(t, "a pax header that cannot be read", error);
    free(text);
    return failed;
}

/* ---- files -------------------------------------------------------------------------------- */

int tar_open(TarReader *t, const char *path, NnError *error)
{
    struct stat status;
    *t = (TarReader){.path = path, .fd = nn_open_regular(path, error)};
    if (t->fd < 0) return -1;
    if (fstat(t->fd, &status)) return nn_fail_path(error, "read", path);
    t->length = status.st_size;
    return 0;
}

void tar_close(TarReader *t)
{
    if (t->fd >= 0) close(t->fd);
    t->fd = -1;
}

/* 1: a header; 0: the end. */
static int read_header(TarReader *t, TarHeader *h, TarEntry *entry, NnError *error)
{
    if (read_at(t, h, sizeof *h, t->at, error)) return -1;
    if (is_zero(h)) return 0;
    if (!checksum_fits(h))
        return t->at ? tar_damaged(t, "no header with the right checksum", error)
                     : nn_fail(error, NN_BAD_INPUT,
                               "%s is no tar archive, or a compressed one: its first header has a "
                               "wrong checksum",
                               t->path);
    entry->offset = t->at + BLOCK;
    entry->size = header_number(h->size, sizeof h->size);
    if (entry->size < 0) return tar_damaged(t, "a header without a size", error);
    return 1;
}

/* The entry's bytes must be there; the next header is behind them. */
static int pass_entry(TarReader *t, const TarEntry *entry, NnError *error)
{
    if (entry->size > t->length - entry->offset)
        return nn_fail(error, NN_BAD_INPUT, "%s is truncated: %.200s ends at byte %lld, the file at byte %lld", t->path,
                       entry->name, (long long)(entry->offset + entry->size), (long long)t->length);
    t->at = entry->offset + (entry->size + BLOCK - 1) / BLOCK * BLOCK;
    return 0;
}

int tar_next(TarReader *t, TarEntry *entry, NnError *error)
{
    TarHeader h;
    TarOverride o = {.size = -1};
    for (int got; (got = read_header(t, &h, entry, error)) != 0;) {
        const bool more = got > 0 && (h.type == 'L' || h.type == 'x');
        if (got < 0) return -1;
        header_name(&h, entry->name);
        if (!more && *o.name) strcpy(entry->name, o.name);
        if (!more && o.size >= 0) entry->size = o.size;
        if (more && read_override(t, entry, h.type, &o, error)) return -1;
        if (pass_entry(t, entry, error)) return -1;
        if (h.type == '0' || h.type == 0 || h.type == '7') return 1;
        if (!more) o = (TarOverride){.size = -1};
    }
    return 0;
}
