/*
 * convert_resize: images in other sizes.
 */
#include "interop/importer.h"

const OnnxOperator onnx_resize_operators[] = {{0}};
