/*
 * zip_write: an archive of stored members, the date of each the first day that zip knows.
 *
 * Offsets and sizes have 32 bits: PyTorch's reader finds the 64-bit records of others, but what
 * needs them is written as safetensors.
 */
#include "runtime/core/zip_write.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "runtime/core/array.h"
#include "runtime/core/new_file.h"

enum {
    VERSION = 20,           /* that a reader needs */
    UTF8_NAMES = 1 << 11,   /* a flag */
    FIRST_DAY = 1 << 5 | 1, /* 1 January 1980 */
    PADDING_FIELD = 0x4246, /* the extra field that PyTorch pads with: FB */
    LOCAL_BYTES = 30,
    ENTRY_BYTES = 46,
    END_BYTES = 22,
    FIELD_HEAD = 4,
    MOST_ALIGNMENT = 64
};

struct ZipPlaced {
    char *name;
    uint32_t crc, size, at;
};

/* ---- fields ------------------------------------------------------------------------- */

static unsigned char *put_number(unsigned char *at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) *at++ = (unsigned char)(value >> (8 * i));
    return at;
}

static int zip_put(ZipWriter *w, const void *bytes, size_t size, NnError *error)
{
    if (nn_write_all(w->fd, bytes, size)) return nn_fail_errno(error, "cannot write %s", w->path);
    w->at += size;
    return 0;
}

/* Version, flags, method 0, date, CRC and sizes: what the member's own header and its entry share. */
static unsigned char *put_common(unsigned char *at, const ZipPlaced *m)
{
    at = put_number(at, VERSION, 2);
    at = put_number(at, UTF8_NAMES, 2);
    at = put_number(at, 0, 2);
    at = put_number(at, 0, 2);
    at = put_number(at, FIRST_DAY, 2);
    at = put_number(at, m->crc, 4);
    at = put_number(at, m->size, 4);
    at = put_number(at, m->size, 4);
    return put_number(at, strlen(m->name), 2);
}

/* ---- members ------------------------------------------------------------------------- */

void zip_write_begin(ZipWriter *w, int fd, const char *path) { *w = (ZipWriter){.fd = fd, .path = path}; }

static uint32_t crc_of_pieces(const ZipPiece *pieces, int count)
{
    uLong crc = crc32(0, NULL, 0);
    for (int i = 0; i < count; i++)
        for (size_t at = 0; at < pieces[i].size; at += INT_MAX) {
            const size_t left = pieces[i].size - at;
            crc = crc32(crc, (const unsigned char *)pieces[i].bytes + at, left > INT_MAX ? INT_MAX : (uInt)left);
        }
    return (uint32_t)crc;
}

static int too_large(const ZipWriter *w, NnError *error)
{
    return nn_fail(error, NN_BAD_INPUT, "%s would be larger than 4 GiB, which only safetensors files are written with",
                   w->path);
}

/* A place for one member more; NULL and an error. */
static ZipPlaced *new_member(ZipWriter *w, const char *name, NnError *error)
{
    const bool room = !nn_array_reserve(&w->members, &w->capacity, w->count + 1, sizeof *w->members);
    ZipPlaced *m = room ? &w->members[w->count] : NULL;
    if (m) *m = (ZipPlaced){.name = strdup(name)};
    if (!m || !m->name) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to write %s", w->path), NULL;
    w->count++;
    return m;
}

/* Header, name, and an extra field of zeros that moves the data. */
static int put_local(ZipWriter *w, const ZipPlaced *m, unsigned align, NnError *error)
{
    unsigned char head[LOCAL_BYTES], extra[FIELD_HEAD + MOST_ALIGNMENT] = {0};
    const size_t name = strlen(m->name), start = w->at + LOCAL_BYTES + name;
    size_t padding = 0;
    if (align > 1 && start % align) padding = FIELD_HEAD + (align - (start + FIELD_HEAD) % align) % align;
    memcpy(head, "PK\3\4", 4);
    put_number(put_common(head + 4, m), padding, 2);
    put_number(extra, PADDING_FIELD, 2);
    put_number(extra + 2, padding ? padding - FIELD_HEAD : 0, 2);
    return zip_put(w, head, sizeof head, error) || zip_put(w, m->name, name, error) ||
           zip_put(w, extra, padding, error);
}

int zip_write_member(ZipWriter *w, const char *name, const ZipPiece *pieces, int count, unsigned align, NnError *error)
{
    uint64_t size = 0;
    for (int i = 0; i < count; i++) size += pieces[i].size;
    if (size > UINT32_MAX || w->at > UINT32_MAX || strlen(name) > UINT16_MAX) return too_large(w, error);
    ZipPlaced *m = new_member(w, name, error);
    if (!m) return -1;
    m->crc = crc_of_pieces(pieces, count);
    m->size = (uint32_t)size;
    m->at = (uint32_t)w->at;
    if (put_local(w, m, align, error)) return -1;
    for (int i = 0; i < count; i++)
        if (zip_put(w, pieces[i].bytes, pieces[i].size, error)) return -1;
    return 0;
}

/* ---- the directory ---------------------------------------------------------------------- */

static int put_entry(ZipWriter *w, const ZipPlaced *m, NnError *error)
{
    unsigned char entry[ENTRY_BYTES] = {0}; /* no extra field, no comment, no attributes */
    memcpy(entry, "PK\1\2", 4);
    put_number(entry + 4, VERSION, 2);
    put_common(entry + 6, m);
    put_number(entry + 42, m->at, 4);
    return zip_put(w, entry, sizeof entry, error) || zip_put(w, m->name, strlen(m->name), error);
}

static int put_directory(ZipWriter *w, NnError *error)
{
    unsigned char end[END_BYTES] = {0};
    const uint64_t begin = w->at;
    for (size_t i = 0; i < w->count; i++)
        if (put_entry(w, &w->members[i], error)) return -1;
    if (w->at > UINT32_MAX || w->count > UINT16_MAX) return too_large(w, error);
    memcpy(end, "PK\5\6", 4);
    put_number(end + 8, w->count, 2);
    put_number(end + 10, w->count, 2);
    put_number(end + 12, w->at - begin, 4);
    put_number(end + 16, begin, 4);
    return zip_put(w, end, sizeof end, error);
}

int zip_write_end(ZipWriter *w, bool failed, NnError *error)
{
    if (!failed) failed = put_directory(w, error);
    for (size_t i = 0; i < w->count; i++) free(w->members[i].name);
    free(w->members);
    *w = (ZipWriter){0};
    return failed ? -1 : 0;
}
