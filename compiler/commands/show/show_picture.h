/*
 * show_picture: what the pictures of `nnc show` have in common, and each of them.
 */
#ifndef NNC_SHOW_PICTURE_H
#define NNC_SHOW_PICTURE_H

#include "commands/pictures/canvas.h"
#include "commands/pictures/terminal_picture.h"
#include "commands/support/load.h"
#include "commands/support/weighted.h"
#include "runtime/data/dataset.h"

typedef struct PictureRequest {
    LoadOptions load;
    const char *weights, *output; /* output NULL: the terminal */
    const char *layer, *image, *data, *range;
    InlineForm form; /* in the terminal; what was found before the first picture is drawn */
} PictureRequest;

/* Pixels of a tile in a file or as sixels, and in characters. */
int picture_side(const PictureRequest *, int file, int terminal);

/* Into the file below its caption, or into the terminal above it.  A Status, the message printed. */
int picture_put(const PictureRequest *, Arena *, Canvas *, const char *caption);

/* Pictures in a grid as square as can be, `gap` pixels of white around each. */
Canvas *picture_grid(Arena *, Canvas *const *, int count, int columns, int gap);

/* The only sample of the image, fitted and normalised as the weights say; the arena's.  A Status, the message printed. */
int picture_sample(const PictureRequest *, const Model *, const WeightedModel *, Fitting *, float **x);

/* Each loads the net, since each needs other code for it.  A Status, the message printed. */
int show_features(const PictureRequest *);
int show_saliency(const PictureRequest *);
int show_decision(const PictureRequest *);

#endif
