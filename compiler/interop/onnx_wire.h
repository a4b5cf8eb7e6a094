/*
 * onnx_wire: the wire format of ONNX files, before they are unpacked.
 *
 * Nearly all bytes of a model are the raw data of its tensors, which protobuf-c would copy.
 * A skeleton is the same message with a locator in the place of each raw_data: it is unpacked
 * instead, and the data stays where it is.
 */
#ifndef NNC_INTEROP_ONNX_WIRE_H
#define NNC_INTEROP_ONNX_WIRE_H

#include <stdbool.h>

#include "interop/onnx.pb-c.h"

typedef struct OnnxSkeleton {
    unsigned char *bytes; /* freed by the caller */
    size_t size, capacity;
    const unsigned char *whole; /* the message that it was made of */
    bool locates;               /* there is a locator: the whole message is still needed */
} OnnxSkeleton;

/* false where the bytes are no message, messages nest too deeply, or there is no memory. */
bool onnx_skeleton_make(OnnxSkeleton *, const ProtobufCMessageDescriptor *, const void *bytes, size_t size);

/* Points all raw_data of an unpacked skeleton to the bytes of the whole message; `release` frees the locators. */
void onnx_skeleton_restore(ProtobufCMessage *, const void *bytes, const ProtobufCAllocator *release);

#endif
