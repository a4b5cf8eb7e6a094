/*
 * onnx_wire: the wire format of ONNX files, before they are unpacked.
 *
 * protobuf-c unpacks whatever nests, by recursion: so the nesting is measured on the way.
 */
#include "interop/onnx_wire.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NESTING = 64, LENGTH_BYTES = 5 };

/* ---- reading -------------------------------------------------------------------- */

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

/* ---- writing -------------------------------------------------------------------- */

static bool put_bytes(OnnxSkeleton *s, const void *bytes, size_t count)
{
    if (count > s->capacity - s->size) {
        const size_t capacity = 2 * (s->capacity + count);
        unsigned char *grown = realloc(s->bytes, capacity);
        if (!grown) return false;
        s->bytes = grown;
        s->capacity = capacity;
    }
    memcpy(s->bytes + s->size, bytes, count);
    s->size += count;
    return true;
}

/* Where the raw data of a tensor is: what its raw_data is in a skeleton. */
typedef struct DataLocator {
    uint64_t offset, size;
} DataLocator;

static bool put_locator(OnnxSkeleton *s, const WireBytes *data)
{
    const unsigned char size = sizeof(DataLocator);
    const DataLocator l = {(uint64_t)(data->at - s->whole), (uint64_t)(data->end - data->at)};
    s->locates = true;
    return put_bytes(s, &size, 1) && put_bytes(s, &l, sizeof l);
}

static bool put_message(OnnxSkeleton *, const ProtobufCMessageDescriptor *, WireBytes, int depth);

/* With its length in a fixed number of bytes before it: seven bits each, all but the last marked. */
static bool put_nested(OnnxSkeleton *s, const ProtobufCMessageDescriptor *message, WireBytes inside, int depth)
{
    const size_t at = s->size;
    if (!put_bytes(s, (const unsigned char[LENGTH_BYTES]){0}, LENGTH_BYTES)) return false;
    if (!put_message(s, message, inside, depth)) return false;
    const size_t length = s->size - at - LENGTH_BYTES;
    for (int i = 0; i < LENGTH_BYTES; i++)
        s->bytes[at + (size_t)i] = (unsigned char)((length >> (7 * i) & 127) | (i + 1 < LENGTH_BYTES ? 128 : 0));
    return length >> (7 * LENGTH_BYTES) == 0;
}

static bool is_raw_data(const ProtobufCMessageDescriptor *message, const ProtobufCFieldDescriptor *field)
{
    return message == &onnx__tensor_proto__descriptor && field->offset == offsetof(Onnx__TensorProto, raw_data);
}

/* A field with a length: `begin` is its tag, `body` what comes after the tag. */
static bool put_prefixed(OnnxSkeleton *s, const ProtobufCFieldDescriptor *field, const ProtobufCMessageDescriptor *of,
                         WireBytes *b, const unsigned char *begin, int depth)
{
    uint64_t size;
    const unsigned char *body = b->at;
    if (!wire_varint(b, &size)) return false;
    const unsigned char *inside = b->at;
    if (!wire_skip(b, size)) return false;
    const WireBytes all = {inside, b->at};
    const bool nests = field && field->type == PROTOBUF_C_TYPE_MESSAGE;
    if (!nests && !(field && size && is_raw_data(of, field))) return put_bytes(s, begin, (size_t)(b->at - begin));
    if (!put_bytes(s, begin, (size_t)(body - begin))) return false;
    return nests ? put_nested(s, field->descriptor, all, depth + 1) : put_locator(s, &all);
}

static bool put_field(OnnxSkeleton *s, const ProtobufCMessageDescriptor *message, WireBytes *b, int depth)
{
    uint64_t tag, value;
    const unsigned char *begin = b->at;
    bool good;
    if (!wire_varint(b, &tag)) return false;
    switch (tag & 7) {
    case 0: good = wire_varint(b, &value); break;
    case 1: good = wire_skip(b, 8); break;
    case 5: good = wire_skip(b, 4); break;
    case 2:
        return put_prefixed(s, protobuf_c_message_descriptor_get_field(message, (unsigned)(tag >> 3)), message, b,
                            begin, depth);
    default: return false;
    }
    return good && put_bytes(s, begin, (size_t)(b->at - begin));
}

static bool put_message(OnnxSkeleton *s, const ProtobufCMessageDescriptor *message, WireBytes b, int depth)
{
    if (depth > MAX_NESTING) return false;
    while (b.at < b.end)
        if (!put_field(s, message, &b, depth)) return false;
    return true;
}

bool onnx_skeleton_make(OnnxSkeleton *s, const ProtobufCMessageDescriptor *message, const void *bytes, size_t size)
{
    *s = (OnnxSkeleton){.whole = bytes};
    return put_message(s, message, (WireBytes){bytes, (const unsigned char *)bytes + size}, 0);
}

/* ---- restoring -------------------------------------------------------------------- */

static void restore_data(Onnx__TensorProto *t, const unsigned char *bytes, const ProtobufCAllocator *release)
{
    DataLocator l;
    if (!t->has_raw_data || t->raw_data.len != sizeof l) return;
    memcpy(&l, t->raw_data.data, sizeof l);
    release->free(release->allocator_data, t->raw_data.data);
    t->raw_data = (ProtobufCBinaryData){(size_t)l.size, (uint8_t *)bytes + l.offset};
}

static void restore_field(ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, const void *bytes,
                          const ProtobufCAllocator *release)
{
    const char *base = (const char *)m;
    if (f->label == PROTOBUF_C_LABEL_REPEATED) {
        const size_t count = *(const size_t *)(const void *)(base + f->quantifier_offset);
        ProtobufCMessage *const *at = *(ProtobufCMessage *const *const *)(const void *)(base + f->offset);
        for (size_t i = 0; i < count; i++) onnx_skeleton_restore(at[i], bytes, release);
        return;
    }
    const bool other = f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF &&
                       *(const uint32_t *)(const void *)(base + f->quantifier_offset) != f->id;
    ProtobufCMessage *one = other ? NULL : *(ProtobufCMessage *const *)(const void *)(base + f->offset);
    if (one) onnx_skeleton_restore(one, bytes, release);
}

void onnx_skeleton_restore(ProtobufCMessage *m, const void *bytes, const ProtobufCAllocator *release)
{
    if (m->descriptor == &onnx__tensor_proto__descriptor) restore_data((Onnx__TensorProto *)m, bytes, release);
    for (unsigned i = 0; i < m->descriptor->n_fields; i++)
        if (m->descriptor->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
            restore_field(m, &m->descriptor->fields[i], bytes, release);
}
