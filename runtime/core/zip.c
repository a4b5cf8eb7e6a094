/*
 * A zip archive in memory → its members.
 *
 * The directory at the archive's end says where each member is; with the 64-bit
 * records too, which NumPy and PyTorch write for large arrays.  Members are stored
 * or deflated.  Nothing is unpacked before it is asked for: what an archive
 * announces may be a thousand times its size.
 */
#include "runtime/core/zip.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    END_BYTES = 22,     /* of the record that ends the archive */
    COMMENT = 65535,    /* that may follow it */
    LOCATOR_BYTES = 20, /* of the pointer to the 64-bit one, before it */
    END64_BYTES = 56,
    ENTRY_BYTES = 46,
    LOCAL_BYTES = 30,
    DEFLATE_RATIO = 1040, /* no deflated stream grows more */
    STORED = 0,
    DEFLATED = 8
};

typedef struct Archive {
    const char *path;
    unsigned char *bytes;
    size_t size;
    uint64_t entries, directory;
} Archive;

bool zip_recognises(const char *bytes, size_t size)
{
    return size >= END_BYTES && (!memcmp(bytes, "PK\3\4", 4) || !memcmp(bytes, "PK\5\6", 4));
}

static uint64_t little_endian_number(const unsigned char *at, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static int damaged_archive(const Archive *a, const char *what, NnError *error)
{
    return nn_fail(error, NN_BAD_INPUT, "%s: %s: not an archive of NumPy or PyTorch, or truncated or corrupt", a->path,
                   what);
}

/* `count` bytes from `at` lie within the archive. */
static bool archive_has(const Archive *a, uint64_t at, uint64_t count)
{
    return at <= a->size && count <= a->size - at;
}

/* ---- the directory ----------------------------------------------------------------- */

static int find_directory(Archive *a, NnError *error)
{
    size_t at = a->size - END_BYTES, last = at > COMMENT ? at - COMMENT : 0;
    while (at > last && memcmp(a->bytes + at, "PK\5\6", 4)) at--;
    if (memcmp(a->bytes + at, "PK\5\6", 4)) return damaged_archive(a, "it has no directory", error);
    a->entries = little_endian_number(a->bytes + at + 10, 2);
    a->directory = little_endian_number(a->bytes + at + 16, 4);
    if (at < LOCATOR_BYTES || memcmp(a->bytes + at - LOCATOR_BYTES, "PK\6\7", 4)) return 0;
    uint64_t large = little_endian_number(a->bytes + at - LOCATOR_BYTES + 8, 8);
    if (!archive_has(a, large, END64_BYTES) || memcmp(a->bytes + large, "PK\6\6", 4))
        return damaged_archive(a, "its 64-bit directory is not where it should be", error);
    a->entries = little_endian_number(a->bytes + large + 32, 8);
    a->directory = little_endian_number(a->bytes + large + 48, 8);
    return 0;
}

/* What did not fit 32 bits stands in the extra field 1, in this order. */
static void read_large(const unsigned char *extra, size_t length, ZipMember *m)
{
    uint64_t *fields[] = {&m->size, &m->packed, &m->local};
    for (size_t at = 0; at + 4 <= length;) {
        size_t bytes = little_endian_number(extra + at + 2, 2), from = at + 4;
        if (bytes > length - from) return;
        if (little_endian_number(extra + at, 2) == 1)
            for (int i = 0; i < 3; i++)
                if (*fields[i] == UINT32_MAX && from + 8 <= at + 4 + bytes) {
                    *fields[i] = little_endian_number(extra + from, 8);
                    from += 8;
                }
        at += 4 + bytes;
    }
}

/* The entry at *at, which moves to the next one. */
static int read_directory_entry(const Archive *a, uint64_t *at, ZipMember *m, NnError *error)
{
    if (!archive_has(a, *at, ENTRY_BYTES) || memcmp(a->bytes + *at, "PK\1\2", 4))
        return damaged_archive(a, "an entry of its directory is not where it should be", error);
    const unsigned char *entry = a->bytes + *at;
    size_t name = little_endian_number(entry + 28, 2), extra = little_endian_number(entry + 30, 2),
           comment = little_endian_number(entry + 32, 2);
    if (!archive_has(a, *at + ENTRY_BYTES, name + extra + comment))
        return damaged_archive(a, "its directory is cut", error);
    *m = (ZipMember){.name = entry + ENTRY_BYTES,
                     .name_length = name,
                     .method = (int)little_endian_number(entry + 10, 2),
                     .crc = (uint32_t)little_endian_number(entry + 16, 4),
                     .packed = little_endian_number(entry + 20, 4),
                     .size = little_endian_number(entry + 24, 4),
                     .local = little_endian_number(entry + 42, 4)};
    read_large(entry + ENTRY_BYTES + name, extra, m);
    *at += ENTRY_BYTES + name + extra + comment;
    if (little_endian_number(entry + 8, 2) & 1)
        return nn_fail(error, NN_BAD_INPUT, "%s: %.*s is encrypted", a->path, (int)name, (const char *)m->name);
    return 0;
}

static int find_data(const Archive *a, ZipMember *m, NnError *error)
{
    if (!archive_has(a, m->local, LOCAL_BYTES) || memcmp(a->bytes + m->local, "PK\3\4", 4))
        return damaged_archive(a, "a member is not where it should be", error);
    const unsigned char *local = a->bytes + m->local;
    uint64_t start = m->local + LOCAL_BYTES + little_endian_number(local + 26, 2) + little_endian_number(local + 28, 2);
    if (!archive_has(a, start, m->packed)) return damaged_archive(a, "a member is cut", error);
    if ((m->method != STORED && m->method != DEFLATED) || (m->method == STORED && m->size != m->packed) ||
        m->size / DEFLATE_RATIO > m->packed)
        return damaged_archive(a, "a member is packed in an unknown way", error);
    m->data = a->bytes + start;
    return 0;
}

int zip_open(Zip *zip, char *bytes, size_t size, const char *path, NnError *error)
{
    Archive a = {.path = path, .bytes = (unsigned char *)bytes, .size = size};
    *zip = (Zip){0};
    if (find_directory(&a, error)) return -1;
    if (a.entries > size / ENTRY_BYTES) return damaged_archive(&a, "its directory is cut", error);
    zip->path = strdup(path);
    zip->members = calloc(a.entries + 1, sizeof *zip->members);
    if (!zip->path || !zip->members) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to read %s", path);
    for (uint64_t i = 0, at = a.directory; i < a.entries; i++, zip->count++)
        if (read_directory_entry(&a, &at, &zip->members[i], error) || find_data(&a, &zip->members[i], error)) return -1;
    return 0;
}

void zip_close(Zip *zip)
{
    for (size_t i = 0; i < zip->count; i++) free(zip->members[i].unpacked);
    free(zip->members);
    free(zip->path);
    *zip = (Zip){0};
}

bool zip_name_ends(const ZipMember *m, const char *ending)
{
    size_t length = strlen(ending);
    return m->name_length >= length && !memcmp(m->name + m->name_length - length, ending, length);
}

/* ---- unpacking ------------------------------------------------------------------------ */

/* The first `size` bytes of a member.  In pieces, as zlib counts in 32 bits. */
static bool inflate_some(const ZipMember *m, unsigned char *out, uint64_t size)
{
    z_stream stream = {0};
    uint64_t in_left = m->packed, out_left = size;
    int code = Z_OK;
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return false;
    stream.next_in = m->data;
    stream.next_out = out;
    while (code == Z_OK) {
        uInt in = in_left > INT_MAX ? INT_MAX : (uInt)in_left, room = out_left > INT_MAX ? INT_MAX : (uInt)out_left;
        stream.avail_in = in;
        stream.avail_out = room;
        code = inflate(&stream, Z_NO_FLUSH);
        in_left -= in - stream.avail_in;
        out_left -= room - stream.avail_out;
        if (in == stream.avail_in && room == stream.avail_out) break;
    }
    inflateEnd(&stream);
    return !out_left && (code == Z_STREAM_END || size < m->size);
}

static uint32_t crc_of(const unsigned char *bytes, uint64_t size)
{
    uLong crc = crc32(0, NULL, 0);
    for (uint64_t at = 0; at < size; at += INT_MAX)
        crc = crc32(crc, bytes + at, size - at > INT_MAX ? INT_MAX : (uInt)(size - at));
    return (uint32_t)crc;
}

static int damaged_member(const Zip *zip, const ZipMember *m, NnError *error)
{
    return nn_fail(error, NN_BAD_INPUT, "%s: %.*s is damaged", zip->path, (int)m->name_length, (const char *)m->name);
}

int zip_peek(const Zip *zip, const ZipMember *m, unsigned char *out, uint64_t size, NnError *error)
{
    if (m->method == STORED)
        memcpy(out, m->data, size);
    else if (!inflate_some(m, out, size))
        return damaged_member(zip, m, error);
    return size < m->size || crc_of(out, size) == m->crc ? 0 : damaged_member(zip, m, error);
}

unsigned char *zip_data(const Zip *zip, ZipMember *m, NnError *error)
{
    if (m->unpacked) return m->unpacked;
    if (m->method == STORED) {
        if (crc_of(m->data, m->size) == m->crc) return m->data;
        damaged_member(zip, m, error);
        return NULL;
    }
    unsigned char *out = malloc(m->size + 1);
    if (!out)
        nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the %llu bytes of %s: %.*s",
                (unsigned long long)m->size, zip->path, (int)m->name_length, (const char *)m->name);
    else if (!zip_peek(zip, m, out, m->size, error))
        return m->unpacked = out;
    free(out);
    return NULL;
}
