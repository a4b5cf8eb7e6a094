/*
 * Inputs and outputs of nets as pictures.
 */
#ifndef NNC_PREDICT_PICTURES_H
#define NNC_PREDICT_PICTURES_H

#include "commands/pictures/canvas.h"
#include "commands/support/load.h"
#include "runtime/data/dataset.h"

typedef enum OutputPicture {
    OUTPUT_PICTURE_NONE,
    OUTPUT_PICTURE_INPUT, /* as many values as the input has: an autoencoder's */
    OUTPUT_PICTURE_VALUES /* one or three channels, 0…1 */,
    OUTPUT_PICTURE_CLASSES /* a class of each pixel */
} OutputPicture;

/* What the first output can be drawn as. */
OutputPicture output_picture_kind(const Model *);
/* Of a sample's outputs; the fitting's normalisation is undone where they stand for the input. */
Canvas *output_picture(Arena *, const Model *, const Fitting *, const float *y);

/* Of a net's input, without its normalisation; NULL where it is no image of one or three channels. */
Canvas *input_picture(Arena *, const Fitting *, const float *x);
/* Of a sample as the data have it; NULL likewise. */
Canvas *sample_picture(Arena *, const Dataset *, const Samples *, int row);

#endif
