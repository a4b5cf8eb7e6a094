/* JPEG, PNG, PGM and PPM: as images of a set, and as inputs of nnc predict. */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/data/decode.h"
#include "tests/fuzz_inputs/fuzz_inputs.h"

enum { PIXELS = 1 << 16 }; /* of an image that is decoded */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[256];
    NnError error = {0};
    ImageHead head;
    snprintf(path, sizeof path, "%s/image", fuzz_file("image", bytes, size));
    if (image_head(path, &head, &error) || (int64_t)head.height * head.width > PIXELS) return 0;
    for (int channels = head.grey ? 1 : 3; channels <= 3; channels += 2) {
        uint8_t *pixels = malloc((size_t)channels * (size_t)head.height * (size_t)head.width);
        image_decode(path, &head, channels, pixels, &error);
        free(pixels);
    }
    return 0;
}
