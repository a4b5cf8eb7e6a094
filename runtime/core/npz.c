/*
 * NumPy's .npz → tensors in memory.
 *
 * An .npz is a zip archive of .npy files, stored or deflated.  The directory at
 * the archive's end says where each member is; with the 64-bit records too,
 * which NumPy writes for large arrays.  All members are unpacked into one block,
 * their names behind them, and checked by their CRC.
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

typedef struct Member {
    const unsigned char *name; /* without its .npy */
    size_t name_length;
    int method;
    uint32_t crc;
    uint64_t packed, size, local;
    const unsigned char *data;
} Member;

bool npz_recognises(const char *bytes, size_t size)
{
    return size >= END_BYTES && (!memcmp(bytes, "PK\3\4", 4) || !memcmp(bytes, "PK\5\6", 4));
}

static uint64_t number(const unsigned char *at, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static int damaged(const Archive *a, const char *what, NnError *error)
{
    return nn_fail(error, NN_BAD_INPUT, "%s: %s: not an .npz file, damaged or cut short", a->path, what);
}

/* `count` bytes from `at` lie within the archive. */
static bool within(const Archive *a, uint64_t at, uint64_t count) { return at <= a->size && count <= a->size - at; }

/* ---- the directory ----------------------------------------------------------------- */

static int find_directory(Archive *a, NnError *error)
{
    size_t at = a->size - END_BYTES, last = at > COMMENT ? at - COMMENT : 0;
    while (at > last && memcmp(a->bytes + at, "PK\5\6", 4)) at--;
    if (memcmp(a->bytes + at, "PK\5\6", 4)) return damaged(a, "it has no directory", error);
    a->entries = number(a->bytes + at + 10, 2);
    a->directory = number(a->bytes + at + 16, 4);
    if (at < LOCATOR_BYTES || memcmp(a->bytes + at - LOCATOR_BYTES, "PK\6\7", 4)) return 0;
    uint64_t large = number(a->bytes + at - LOCATOR_BYTES + 8, 8);
    if (!within(a, large, END64_BYTES) || memcmp(a->bytes + large, "PK\6\6", 4))
        return damaged(a, "its 64-bit directory is not where it should be", error);
    a->entries = number(a->bytes + large + 32, 8);
    a->directory = number(a->bytes + large + 48, 8);
    return 0;
}

/* What did not fit 32 bits stands in the extra field 1, in this order. */
static void read_large(const unsigned char *extra, size_t length, Member *m)
{
    uint64_t *fields[] = {&m->size, &m->packed, &m->local};
    for (size_t at = 0; at + 4 <= length;) {
        size_t bytes = number(extra + at + 2, 2), from = at + 4;
        if (bytes > length - from) return;
        if (number(extra + at, 2) == 1)
            for (int i = 0; i < 3; i++)
                if (*fields[i] == UINT32_MAX && from + 8 <= at + 4 + bytes) {
                    *fields[i] = number(extra + from, 8);
                    from += 8;
                }
        at += 4 + bytes;
    }
}

/* The entry at *at, which moves to the next one. */
static int read_entry(const Archive *a, uint64_t *at, Member *m, NnError *error)
{
    if (!within(a, *at, ENTRY_BYTES) || memcmp(a->bytes + *at, "PK\1\2", 4))
        return damaged(a, "an entry of its directory is not where it should be", error);
    const unsigned char *entry = a->bytes + *at;
    size_t name = number(entry + 28, 2), extra = number(entry + 30, 2), comment = number(entry + 32, 2);
    if (!within(a, *at + ENTRY_BYTES, name + extra + comment)) return damaged(a, "its directory is cut", error);
    *m = (Member){.name = entry + ENTRY_BYTES,
                  .name_length = name,
                  .method = (int)number(entry + 10, 2),
                  .crc = (uint32_t)number(entry + 16, 4),
                  .packed = number(entry + 20, 4),
                  .size = number(entry + 24, 4),
                  .local = number(entry + 42, 4)};
    read_large(entry + ENTRY_BYTES + name, extra, m);
    *at += ENTRY_BYTES + name + extra + comment;
    if (number(entry + 8, 2) & 1)
        return nn_fail(error, NN_BAD_INPUT, "%s: %.*s is encrypted", a->path, (int)name, (const char *)m->name);
    return 0;
}

static int find_data(const Archive *a, Member *m, NnError *error)
{
    if (!within(a, m->local, LOCAL_BYTES) || memcmp(a->bytes + m->local, "PK\3\4", 4))
        return damaged(a, "a member is not where it should be", error);
    const unsigned char *local = a->bytes + m->local;
    uint64_t start = m->local + LOCAL_BYTES + number(local + 26, 2) + number(local + 28, 2);
    if (!within(a, start, m->packed)) return damaged(a, "a member is cut", error);
    if ((m->method != STORED && m->method != DEFLATED) || (m->method == STORED && m->size != m->packed) ||
        m->size / DEFLATE_RATIO > m->packed)
        return damaged(a, "a member is packed in an unknown way", error);
    m->data = a->bytes + start;
    return 0;
}

/* ---- unpacking ------------------------------------------------------------------------ */

/* Pieces, as zlib counts in 32 bits. */
static bool inflate_all(const Member *m, unsigned char *out)
{
    z_stream stream = {0};
    uint64_t in_left = m->packed, out_left = m->size;
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
    return code == Z_STREAM_END && !out_left;
}

static uint32_t crc_of(const unsigned char *bytes, uint64_t size)
{
    uLong crc = crc32(0, NULL, 0);
    for (uint64_t at = 0; at < size; at += INT_MAX)
        crc = crc32(crc, bytes + at, size - at > INT_MAX ? INT_MAX : (uInt)(size - at));
    return (uint32_t)crc;
}

static int unpack(const Archive *a, const Member *m, unsigned char *out, NnError *error)
{
    if (m->method == STORED) memcpy(out, m->data, m->size);
    if ((m->method == STORED || inflate_all(m, out)) && crc_of(out, m->size) == m->crc) return 0;
    return nn_fail(error, NN_BAD_INPUT, "%s: %.*s is damaged", a->path, (int)m->name_length, (const char *)m->name);
}

/* Members other than NAME.npy are passed over. */
static bool is_array(const Member *m) { return m->name_length > 4 && !memcmp(m->name + m->name_length - 4, ".npy", 4); }

/* The arrays' number, and the bytes that they and their names take. */
static int measure(const Archive *a, size_t *arrays, size_t *bytes, NnError *error)
{
    uint64_t at = a->directory;
    *arrays = *bytes = 0;
    for (uint64_t i = 0; i < a->entries; i++) {
        Member m;
        if (read_entry(a, &at, &m, error) || find_data(a, &m, error)) return -1;
        if (!is_array(&m)) continue;
        if (__builtin_add_overflow(*bytes, m.size + m.name_length, bytes))
            return damaged(a, "its members are larger than the memory", error);
        ++*arrays;
    }
    return *arrays ? 0 : nn_fail(error, NN_BAD_INPUT, "%s holds no arrays", a->path);
}

static int read_arrays(const Archive *a, NnTensors *file, char *block, NnError *error)
{
    uint64_t at = a->directory;
    for (uint64_t i = 0; i < a->entries; i++) {
        Member m;
        char what[512];
        if (read_entry(a, &at, &m, error) || find_data(a, &m, error)) return -1;
        if (!is_array(&m)) continue;
        if (unpack(a, &m, (unsigned char *)block, error)) return -1;
        NnTensor *tensor = &file->at[file->count++];
        char *name = block + m.size;
        memcpy(name, m.name, m.name_length);
        name[m.name_length - 4] = 0;
        tensor->name = name;
        snprintf(what, sizeof what, "%s: %s", a->path, name);
        if (npy_parse(tensor, block, m.size, what, error)) return -1;
        block = name + m.name_length;
    }
    return 0;
}

int npz_read(NnTensors *file, size_t size, const char *path, NnError *error)
{
    Archive a = {.path = path, .bytes = (const unsigned char *)file->bytes, .size = size};
    size_t arrays, bytes;
    if (find_directory(&a, error) || measure(&a, &arrays, &bytes, error)) return -1;
    char *block = malloc(bytes);
    file->at = calloc(arrays, sizeof *file->at);
    int failed = block && file->at ? read_arrays(&a, file, block, error)
                                   : nn_fail(error, NN_SYSTEM_FAILED, "no memory for the %zu bytes of %s", bytes, path);
    free(file->bytes);
    file->bytes = block;
    return failed;
}
