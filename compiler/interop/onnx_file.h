/*
 * onnx_file: the bytes of an ONNX file → its messages.
 */
#ifndef NNC_INTEROP_ONNX_FILE_H
#define NNC_INTEROP_ONNX_FILE_H

#include <stdbool.h>

#include "interop/onnx.pb-c.h"
#include "runtime/core/core.h"

/* What a file is unpacked with: its memory is bounded by a multiple of the file's size.  The raw
 * data of tensors is not unpacked: it is in the bytes of the file, at any address. */
typedef struct OnnxMemory {
    ProtobufCAllocator allocator;
    size_t used, limit;
    char *bytes; /* of the file, or NULL where no tensor needs them */
    size_t size;
    bool mapped; /* into memory, not read */
} OnnxMemory;

/* A message of a file, such as onnx__model_proto__descriptor; NULL and an error where the
 * file cannot be read or is no such message.  Freed with onnx_message_free. */
ProtobufCMessage *onnx_message_read(const char *path, const ProtobufCMessageDescriptor *, OnnxMemory *, NnError *);
void onnx_message_free(ProtobufCMessage *, OnnxMemory *);

#endif
