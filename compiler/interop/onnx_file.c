/*
 * onnx_file: the bytes of an ONNX file → its messages.
 *
 * Enters: a file.  Leaves: the message that it holds, unpacked by protobuf-c from a skeleton.
 * Two bytes of an empty message become some hundred in memory: so that is bounded.
 */
#include "interop/onnx_file.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interop/onnx_wire.h"

enum { MEMORY_FACTOR = 4, MEMORY_FLOOR = 16 << 20 };

/* ---- memory ----------------------------------------------------------------- */

enum { BLOCK_HEAD = 16 }; /* the size of a block, before it; keeps the alignment of malloc */

static void *bounded_alloc(void *user, size_t size)
{
    OnnxMemory *m = user;
    if (size > m->limit - m->used) return NULL;
    size_t *block = malloc(size + BLOCK_HEAD);
    if (!block) return NULL;
    m->used += size;
    *block = size;
    return (char *)block + BLOCK_HEAD;
}

static bool is_in_file(const OnnxMemory *m, const void *pointer)
{
    const uintptr_t at = (uintptr_t)pointer, bytes = (uintptr_t)m->bytes;
    return m->bytes && at >= bytes && at < bytes + m->size;
}

static void bounded_free(void *user, void *pointer)
{
    if (!pointer || is_in_file(user, pointer)) return;
    size_t *block = (size_t *)((char *)pointer - BLOCK_HEAD);
    ((OnnxMemory *)user)->used -= *block;
    free(block);
}

/* ---- reading ------------------------------------------------------------------- */

/* A large file is mapped: its pages are not copied, and most of them are looked at once or never. */
static char *map_bytes(const char *path, OnnxMemory *m)
{
    enum { MAPPED_FROM = 1 << 20 };
    struct stat status;
    NnError ignored = {0};
    const int fd = nn_open_regular(path, &ignored);
    if (fd < 0) return NULL;
    void *at = MAP_FAILED;
    if (fstat(fd, &status) == 0 && status.st_size >= MAPPED_FROM)
        at = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    m->mapped = at != MAP_FAILED;
    if (m->mapped) m->size = (size_t)status.st_size;
    return m->mapped ? at : NULL;
}

static void drop_bytes(OnnxMemory *m)
{
    if (m->mapped)
        munmap(m->bytes, m->size);
    else
        free(m->bytes);
    m->bytes = NULL;
    m->mapped = false;
}

static ProtobufCMessage *unpack_skeleton(const ProtobufCMessageDescriptor *type, OnnxMemory *m)
{
    OnnxSkeleton s;
    ProtobufCMessage *message = NULL;
    if (onnx_skeleton_make(&s, type, m->bytes, m->size)) {
        if (!s.locates) drop_bytes(m);
        message = protobuf_c_message_unpack(type, &m->allocator, s.size, s.bytes);
        if (message && s.locates) onnx_skeleton_restore(message, m->bytes, &m->allocator);
    }
    free(s.bytes);
    return message;
}

ProtobufCMessage *onnx_message_read(const char *path, const ProtobufCMessageDescriptor *type, OnnxMemory *memory,
                                    NnError *error)
{
    *memory = (OnnxMemory){.allocator = {bounded_alloc, bounded_free, memory}};
    memory->bytes = map_bytes(path, memory);
    if (!memory->bytes) memory->bytes = nn_read_file(path, &memory->size, error);
    if (!memory->bytes) return NULL;
    memory->limit = MEMORY_FACTOR * memory->size + MEMORY_FLOOR;
    ProtobufCMessage *message = unpack_skeleton(type, memory);
    if (message) return message;
    drop_bytes(memory);
    nn_fail(error, NN_BAD_INPUT, "%s: this is not an ONNX %s, or it is damaged", path, type->short_name);
    return NULL;
}

void onnx_message_free(ProtobufCMessage *message, OnnxMemory *memory)
{
    if (message) protobuf_c_message_free_unpacked(message, &memory->allocator);
    drop_bytes(memory);
}
