/* labels: the names of other tools as labels of the language. */
#ifndef NNC_INTEROP_LABELS_H
#define NNC_INTEROP_LABELS_H

#include "base/base.h"

/*
 * The path of a layer: of the name of its first parameter (layer1.0.conv1.weight), or else of
 * its node (/layer1/layer1.0/conv1/Conv); either may be NULL.  NULL where they say nothing:
 * numbers, onnx::Conv_497, Conv_12.
 */
const char *label_of_layer(Arena *, const char *param, const char *node);

#endif
