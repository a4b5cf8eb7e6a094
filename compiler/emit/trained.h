/*
 * trained: what a model has learnt, as a part of the generated C.
 *
 * Enters: the model's block as NET_init and NET_set leave it, and what inference needs
 * besides: the normalisation, the names of the classes.  Leaves: a constant struct and
 * NET_trained, or a file and NET_load; NET_infer that normalises; NET_class_name.
 */
#ifndef NNC_EMIT_TRAINED_H
#define NNC_EMIT_TRAINED_H

#include "graph/op.h"

typedef struct TrainedModel {
    const unsigned char *block; /* [model_bytes] */
    int64_t bytes;
    int channels;            /* of the normalisation */
    const float *mean, *std; /* x ← (x − mean)/std; NULL: as it is */
    bool input_bytes;        /* pixels from 0 to 255 come in, not from 0 to 1 */
    const char *fit;         /* of images of other sizes: "r"esize, "p"ad, "c"rop */
    OutputMeaning meaning;
    char *const *class_names; /* NULL: their numbers */
    int class_count;          /* 0: the outputs are values */
    bool beside;              /* in a file, not in the C */
    const char *certificate;  /* the hash of that of int8 weights, or NULL */
} TrainedModel;

/* The file beside the C: 64 bytes of a header, then the block; see trained.c. */
enum { TRAINED_HEADER_BYTES = 64 };

#endif
