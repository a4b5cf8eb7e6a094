/*
 * One JPEG or PNG file → bytes.
 */
#ifndef NN_DECODE_H
#define NN_DECODE_H

#include "runtime/core/core.h"

typedef struct ImageHead {
    int height, width;
    bool grey;
} ImageHead;

/* Size and colour alone.  What the file is, its first bytes say, not its name. */
int image_head(const char *path, ImageHead *, NnError *);
/* channels 1 (of grey images only) or 3: out[C][H][W], 0…255, with the size that
 * the head has.  Anything that is missing or wrong in the file is an error. */
int image_decode(const char *path, const ImageHead *, int channels, uint8_t *out, NnError *);

/* Whether a file is called as JPEG or PNG files are. */
bool image_has_name(const char *path);

#endif
