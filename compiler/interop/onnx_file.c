/*
 * onnx_file: the bytes of an ONNX file → its messages.
 *
 * Enters: a file.  Leaves: the message that it holds, unpacked by protobuf-c.
 * protobuf-c unpacks whatever nests, by recursion, and two bytes of an empty message become
 * some hundred in memory: so the nesting is measured first, and the memory is bounded.
 */
#include "interop/onnx_file.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NESTING = 64, MEMORY_FACTOR = 4, MEMORY_FLOOR = 16 << 20 };

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

static void bounded_free(void *user, void *pointer)
{
    if (!pointer) return;
    size_t *block = (size_t *)((char *)pointer - BLOCK_HEAD);
    ((OnnxMemory *)user)->used -= *block;
    free(block);
}

/* ---- nesting ------------------------------------------------------------------ */

typedef struct WireBytes {
    const unsigned char *at, *end;
} WireBytes;

static bool wire_varint(WireBytes *b, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; shift < 64 && b->at < b->end; shift += 7) {
        const unsigned char byte = *b->at++;
        *value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) return true;
    }
    return false;
}

static bool wire_skip(WireBytes *b, uint64_t count)
{
    if (count > (uint64_t)(b->end - b->at)) return false;
    b->at += count;
    return true;
}

static bool nesting_fits(const ProtobufCMessageDescriptor *, WireBytes, int depth);

/* One field: its bytes are inside, and so is what it nests. */
static bool wire_field(const ProtobufCMessageDescriptor *message, WireBytes *b, int depth)
{
    uint64_t tag, size;
    if (!wire_varint(b, &tag)) return false;
    switch (tag & 7) {
    case 0: return wire_varint(b, &size);
    case 1: return wire_skip(b, 8);
    case 5: return wire_skip(b, 4);
    case 2: break;
    default: return false;
    }
    if (!wire_varint(b, &size)) return false;
    const WireBytes inside = {b->at, b->at + size};
    if (!wire_skip(b, size)) return false;
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(message, (unsigned)(tag >> 3));
    return !field || field->type != PROTOBUF_C_TYPE_MESSAGE || nesting_fits(field->descriptor, inside, depth + 1);
}

static bool nesting_fits(const ProtobufCMessageDescriptor *message, WireBytes b, int depth)
{
    if (depth > MAX_NESTING) return false;
    while (b.at < b.end)
        if (!wire_field(message, &b, depth)) return false;
    return true;
}

/* ---- reading ------------------------------------------------------------------- */

ProtobufCMessage *onnx_message_parse(const char *path, const void *bytes, size_t size,
                                     const ProtobufCMessageDescriptor *type, OnnxMemory *memory, NnError *error)
{
    *memory = (OnnxMemory){{bounded_alloc, bounded_free, memory}, 0, 0};
    memory->limit = MEMORY_FACTOR * size + MEMORY_FLOOR;
    const WireBytes all = {bytes, (const unsigned char *)bytes + size};
    ProtobufCMessage *message = NULL;
    if (nesting_fits(type, all, 0)) message = protobuf_c_message_unpack(type, &memory->allocator, size, bytes);
    if (!message) nn_fail(error, NN_BAD_INPUT, "%s: this is not an ONNX %s, or it is damaged", path, type->short_name);
    return message;
}

ProtobufCMessage *onnx_message_read(const char *path, const ProtobufCMessageDescriptor *type, OnnxMemory *memory,
                                    NnError *error)
{
    size_t size;
    char *bytes = nn_read_file(path, &size, error);
    if (!bytes) return NULL;
    ProtobufCMessage *message = onnx_message_parse(path, bytes, size, type, memory, error);
    free(bytes);
    return message;
}

void onnx_message_free(ProtobufCMessage *message, OnnxMemory *memory)
{
    if (message) protobuf_c_message_free_unpacked(message, &memory->allocator);
}
