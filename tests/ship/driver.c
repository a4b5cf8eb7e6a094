/*
 * A program around the lenet that was generated with its weights: reads raw pixels, a byte each, from
 * standard input and writes the outputs as raw floats.
 * -DFILE_NAME="\"lenet.bin\"": the weights are loaded from this file.
 */
#include "lenet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const lenet *model(void);

#ifdef FILE_NAME
#define EXPECT_NULL(call, what) \
    if (call) fprintf(stderr, "%s is taken\n", what), exit(1)

/* The file, and no other bytes. */
static const lenet *model(void)
{
    enum { BYTES = 64 + LENET_MODEL_BYTES };
    unsigned char *const bytes = (unsigned char *)aligned_alloc(64, (BYTES + 128) / 64 * 64);
    FILE *file = fopen(FILE_NAME, "rb");
    if (!file || fread(bytes, 1, BYTES, file) != BYTES) exit(1);
    fclose(file);
    EXPECT_NULL(lenet_load(bytes, BYTES - 4), "a short file");
    EXPECT_NULL(lenet_load(bytes + 4, BYTES), "a file at an odd address");
    for (size_t at = 0; at < BYTES; at += at < 40 ? 1 : 997) {
        if (at == 40) at = 64;
        bytes[at] ^= 16;
        EXPECT_NULL(lenet_load(bytes, BYTES), "a damaged file");
        bytes[at] ^= 16;
    }
    return lenet_load(bytes, BYTES);
}
#else
static const lenet *model(void) { return lenet_trained(); }
#endif

/* A model in memory that is given the same tensors: the same bytes, packed ones included. */
static int is_as_set(const lenet *trained)
{
    const nn_model_info *info = lenet_info();
    void *block = aligned_alloc(64, (LENET_MODEL_BYTES + 63) / 64 * 64);
    lenet *m = lenet_init(block, 0, 0);
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *t = &info->tensors[i];
        float *values = (float *)malloc(t->count * sizeof *values);
        if (lenet_get(trained, t->name, values, t->count) || lenet_set(m, t->name, values, t->count)) return 0;
        free(values);
    }
    const int same = memcmp(m, trained, LENET_MODEL_BYTES) == 0;
    free(block);
    return same;
}

int main(void)
{
    enum { COUNT = LENET_BATCH * LENET_INPUTS };
    unsigned char pixels[COUNT];
    float y[LENET_BATCH * LENET_OUTPUTS];
#ifdef BYTES_IN
    const unsigned char *const x = pixels;
#else
    static float x[COUNT];
#endif
    void *scratch = aligned_alloc(64, LENET_INFER_SCRATCH);
    const lenet *m = model();
    if (!m || !is_as_set(m)) return fprintf(stderr, "the model is not the one that is set\n"), 1;
    if (strcmp(lenet_class_name(3), "3") || *lenet_class_name(-1) || *lenet_class_name(LENET_CLASSES)) return 1;
    while (fread(pixels, 1, COUNT, stdin) == COUNT) {
#ifndef BYTES_IN
        for (int i = 0; i < COUNT; i++) x[i] = (float)pixels[i] / 255.0f;
#endif
        lenet_infer(m, x, y, scratch);
        fwrite(y, sizeof *y, LENET_BATCH * LENET_OUTPUTS, stdout);
    }
    free(scratch);
    return 0;
}
