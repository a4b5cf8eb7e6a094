/*
 * NumPy's .npz → tensors in memory.
 *
 * An .npz is a zip archive of .npy files, stored or deflated.  The directory at
 * the archive's end says where each member is; with the 64-bit records too,
 * which NumPy writes for large arrays.  At first only the beginning of each
 * member is unpacked, for its type and shape: what is announced may be a thousand
 * times as large as the archive.  The data of an array is unpacked, and checked
 * by its CRC, when somebody wants it.
 */
#include "runtime/core/tensors.h"

#include <limits.h>
#include <stdio.h>
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
    HEAD_BYTES = 1 << 16, /* of a member, that hold the header of its array */
    DEFLATE_RATIO = 1040, /* no deflated stream grows more */
    STORED = 0,
    DEFLATED = 8
};

typedef struct Archive {
    const char *path;
    const unsigned char *bytes;
    size_t size;
    uint64_t entries, directory;
} Archive;

struct NpzMember {
    const unsigned char *name; /* without its .npy */
    size_t name_length;
    int method;
    uint32_t crc;
    uint64_t packed, size, local;
    const unsigned char *data;
    char *unpacked; /* NULL: not yet */
};

bool npz_recognises(const char *bytes, size_t size)
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
    return nn_fail(error, NN_BAD_INPUT, "%s: %s: not an .npz file, or truncated or corrupt", a->path, what);
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
static void read_large(const unsigned char *extra, size_t length, NpzMember *m)
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
static int read_npz_entry(const Archive *a, uint64_t *at, NpzMember *m, NnError *error)
{
    if (!archive_has(a, *at, ENTRY_BYTES) || memcmp(a->bytes + *at, "PK\1\2", 4))
        return damaged_archive(a, "an entry of its directory is not where it should be", error);
    const unsigned char *entry = a->bytes + *at;
    size_t name = little_endian_number(entry + 28, 2), extra = little_endian_number(entry + 30, 2),
           comment = little_endian_number(entry + 32, 2);
    if (!archive_has(a, *at + ENTRY_BYTES, name + extra + comment))
        return damaged_archive(a, "its directory is cut", error);
    *m = (NpzMember){.name = entry + ENTRY_BYTES,
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

static int find_data(const Archive *a, NpzMember *m, NnError *error)
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

/* ---- unpacking ------------------------------------------------------------------------ */

/* The first `size` bytes of a member.  In pieces, as zlib counts in 32 bits. */
static bool inflate_some(const NpzMember *m, unsigned char *out, uint64_t size)
{
    z_stream stream = {0};
    uint64_t in_left = m->packed, out_left = size;
    int code = Z_OK;
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return false;
    stream.next_in = (unsigned char *)m->data;
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

static bool unpack_some(const NpzMember *m, unsigned char *out, uint64_t size)
{
    if (m->method == DEFLATED) return inflate_some(m, out, size);
    memcpy(out, m->data, size);
    return true;
}

static uint32_t crc_of(const unsigned char *bytes, uint64_t size)
{
    uLong crc = crc32(0, NULL, 0);
    for (uint64_t at = 0; at < size; at += INT_MAX)
        crc = crc32(crc, bytes + at, size - at > INT_MAX ? INT_MAX : (uInt)(size - at));
    return (uint32_t)crc;
}

static int damaged_member(const char *path, const NpzMember *m, NnError *error)
{
    return nn_fail(error, NN_BAD_INPUT, "%s: %.*s is damaged", path, (int)m->name_length, (const char *)m->name);
}

/* Members other than NAME.npy are passed over. */
static bool is_array(const NpzMember *m)
{
    return m->name_length > 4 && !memcmp(m->name + m->name_length - 4, ".npy", 4);
}

/* The arrays' number, and the bytes that their names take. */
static int measure_entry(const Archive *a, size_t *arrays, size_t *bytes, NnError *error)
{
    uint64_t at = a->directory;
    *arrays = *bytes = 0;
    for (uint64_t i = 0; i < a->entries; i++) {
        NpzMember m;
        if (read_npz_entry(a, &at, &m, error) || find_data(a, &m, error)) return -1;
        if (!is_array(&m)) continue;
        *bytes += m.name_length;
        ++*arrays;
    }
    return *arrays ? 0 : nn_fail(error, NN_BAD_INPUT, "%s holds no arrays", a->path);
}

static int read_npz_head(const Archive *a, const NpzMember *m, NnTensor *tensor, unsigned char *head, NnError *error)
{
    char what[512];
    uint64_t have = m->size < HEAD_BYTES ? m->size : HEAD_BYTES;
    if (!unpack_some(m, head, have) || (have == m->size && crc_of(head, have) != m->crc))
        return damaged_member(a->path, m, error);
    snprintf(what, sizeof what, "%s: %s", a->path, tensor->name);
    return npy_parse_head(tensor, (const char *)head, have, m->size, what, error);
}

static int read_heads(const Archive *a, NnTensors *file, unsigned char *head, NnError *error)
{
    uint64_t at = a->directory;
    char *name = file->names;
    for (uint64_t i = 0; i < a->entries; i++) {
        NpzMember *m = &file->members[file->count], next;
        if (read_npz_entry(a, &at, &next, error) || find_data(a, &next, error)) return -1;
        if (!is_array(&next)) continue;
        *m = next;
        memcpy(name, m->name, m->name_length);
        name[m->name_length - 4] = 0;
        file->at[file->count].name = name;
        name += m->name_length;
        if (read_npz_head(a, m, &file->at[file->count++], head, error)) return -1;
    }
    return 0;
}

int npz_read(NnTensors *file, size_t size, const char *path, NnError *error)
{
    Archive a = {.path = path, .bytes = (const unsigned char *)file->bytes, .size = size};
    size_t arrays, bytes;
    if (find_directory(&a, error) || measure_entry(&a, &arrays, &bytes, error)) return -1;
    unsigned char *head = malloc(HEAD_BYTES);
    file->at = calloc(arrays, sizeof *file->at);
    file->members = calloc(arrays, sizeof *file->members);
    file->names = malloc(bytes);
    file->path = strdup(path);
    int failed = head && file->at && file->members && file->names && file->path
                     ? read_heads(&a, file, head, error)
                     : nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to read %s", path);
    free(head);
    return failed;
}

int npz_fetch(NnTensors *file, int index, NnError *error)
{
    NpzMember *m = &file->members[index];
    NnTensor *tensor = &file->at[index];
    char what[512];
    if (m->unpacked) return 0;
    m->unpacked = malloc(m->size);
    if (!m->unpacked)
        return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the %llu bytes of %s: %s",
                       (unsigned long long)m->size, file->path, tensor->name);
    if (!unpack_some(m, (unsigned char *)m->unpacked, m->size) ||
        crc_of((unsigned char *)m->unpacked, m->size) != m->crc)
        return damaged_member(file->path, m, error);
    snprintf(what, sizeof what, "%s: %s", file->path, tensor->name);
    return npy_parse(tensor, m->unpacked, m->size, what, error);
}

void npz_free(NnTensors *file)
{
    for (int i = 0; file->members && i < file->count; i++) free(file->members[i].unpacked);
    free(file->members);
    free(file->names);
    free(file->path);
}
