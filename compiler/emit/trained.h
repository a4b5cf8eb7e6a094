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

/* Of --self-test: outputs of a sample of made-up inputs, as nnc computed them. */
typedef struct SelfTest {
    const float *outputs; /* [count]: every step-th of the sample's */
    int64_t count, step;
    float tolerance; /* how far others may be from them */
} SelfTest;

/* The made-up inputs, one after the other: pixels from 0 to 255, the upper bits of a linear
 * congruential generator (Numerical Recipes).  The state begins at 0. */
enum { SELF_TEST_FACTOR = 1664525, SELF_TEST_INCREMENT = 1013904223 };

static inline unsigned self_test_pixel(uint32_t *state)
{
    *state = *state * SELF_TEST_FACTOR + SELF_TEST_INCREMENT;
    return *state >> 24;
}

typedef struct TrainedModel {
    const unsigned char *block; /* [model_bytes] */
    int64_t bytes;
    int channels;            /* of the normalisation */
    const float *mean, *std; /* x ← (x − mean)/std; NULL: as it is */
    bool input_bytes;        /* pixels from 0 to 255 come in, not from 0 to 1 */
    const char *fit;         /* of images of other sizes: "r"esize, "p"ad, "c"rop */
    OutputMeaning meaning;
    char *const *class_names;  /* NULL: their numbers */
    int class_count;           /* 0: the outputs are values */
    bool beside;               /* in a file, not in the C */
    const char *certificate;   /* the hash of that of int8 weights, or NULL */
    const SelfTest *self_test; /* NULL: none */
} TrainedModel;

/* The file beside the C: 64 bytes of a header, then the block; see trained.c. */
enum { TRAINED_HEADER_BYTES = 64 };

#endif
