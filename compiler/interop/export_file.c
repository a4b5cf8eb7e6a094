/*
 * export_file: an ONNX model → its file, in pieces, so that weights are in memory once.
 */
#include <errno.h>
#include <string.h>

#include "interop/export_onnx.h"
#include "runtime/core/new_file.h"

/* protobuf's own limit of a message. */
#define MESSAGE_LIMIT ((size_t)INT32_MAX)

typedef struct FileBuffer {
    ProtobufCBuffer buffer; /* first: what protobuf-c calls */
    int fd, failed;         /* errno of the first write that failed */
    size_t used;
    unsigned char bytes[1 << 16];
} FileBuffer;

static void flush_buffer(FileBuffer *b)
{
    if (!b->failed && nn_write_all(b->fd, b->bytes, b->used)) b->failed = errno;
    b->used = 0;
}

static void append_bytes(ProtobufCBuffer *buffer, size_t size, const uint8_t *bytes)
{
    FileBuffer *b = (FileBuffer *)buffer;
    if (size > sizeof b->bytes - b->used) flush_buffer(b);
    if (size > sizeof b->bytes) {
        if (!b->failed && nn_write_all(b->fd, bytes, size)) b->failed = errno;
        return;
    }
    memcpy(b->bytes + b->used, bytes, size);
    b->used += size;
}

static int write_model(const void *user, int fd, const char *path, NnError *error)
{
    const Onnx__ModelProto *model = user;
    FileBuffer b = {.buffer = {append_bytes}, .fd = fd};
    onnx__model_proto__pack_to_buffer(model, &b.buffer);
    flush_buffer(&b);
    errno = b.failed;
    return b.failed ? nn_fail_errno(error, "cannot write %s", path) : 0;
}

int onnx_export_write(const Onnx__ModelProto *model, const char *path, NnError *error)
{
    const size_t size = onnx__model_proto__get_packed_size(model);
    if (size > MESSAGE_LIMIT)
        return nn_fail(error, NN_BAD_INPUT, "%s would have %zu bytes: an ONNX file has at most %zu", path, size,
                       MESSAGE_LIMIT);
    return nn_files_write(&(NnNewFile){path, write_model, model}, 1, error);
}
