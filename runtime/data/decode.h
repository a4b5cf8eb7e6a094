/*
 * One JPEG or PNG image → bytes.
 */
#ifndef NN_DECODE_H
#define NN_DECODE_H

#include <stdio.h>

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

/* The same of a stream of the image, which begins at its first byte and can be rewound; `name` is
 * for messages. */
int image_head_of(FILE *, const char *name, ImageHead *, NnError *);
int image_decode_of(FILE *, const char *name, const ImageHead *, int channels, uint8_t *out, NnError *);

/* A regular file as such a stream, or NULL. */
FILE *image_open(const char *path, NnError *);

/* Whether a file is called as JPEG or PNG files are. */
bool image_has_name(const char *path);

#endif
