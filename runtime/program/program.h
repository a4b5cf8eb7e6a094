/*
 * program: the main function of a program for one model, that nnc writes with --main.
 *
 * Enters: PGM or PPM images and raw floats, by name or at standard input.  Leaves: a line for
 * each sample, as nnc predict prints it.  Before this text stand
 *
 *   NN_INFO()         the record of the model
 *   NN_MEANING        what its outputs are, of enum nn_meaning
 *   NN_FIT            'r': images are resized, 'p': padded, 'c': cropped
 *   NN_CLASS(i)       the name of a class
 *   NN_MODEL()        the trained model; or NN_LOAD(bytes, length), the first argument is the file
 *   NN_SELF_TEST(model, scratch), NN_SELF_TEST_SCRATCH   where the program can test itself
 */
#ifndef NN_PROGRAM_H
#define NN_PROGRAM_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/program/classes.h"
#include "runtime/program/fit_image.h"
#include "runtime/program/pnm.h"

static void nn_stop(const char *name, const char *why)
{
    fprintf(stderr, "%s: %s\n", name, why);
    exit(1);
}

/* Aligned to 64 bytes; the program ends without freeing it. */
static void *nn_get_memory(size_t bytes)
{
    char *block = (char *)malloc(bytes + 64);
    if (!block) nn_stop("error", "out of memory");
    return block + (64 - (uintptr_t)block % 64);
}

/* A whole file, aligned; "-" is standard input. */
static unsigned char *nn_read_whole(const char *name, size_t *size)
{
    FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
    size_t capacity = 1 << 16, got;
    unsigned char *bytes = (unsigned char *)nn_get_memory(capacity);
    if (!file) nn_stop(name, "cannot be read");
    *size = 0;
    while ((got = fread(bytes + *size, 1, capacity - *size, file)) > 0) {
        *size += got;
        if (*size < capacity) continue;
        unsigned char *larger = (unsigned char *)nn_get_memory(2 * capacity);
        memcpy(larger, bytes, *size);
        bytes = larger;
        capacity *= 2;
    }
    if (ferror(file)) nn_stop(name, "cannot be read");
    if (file != stdin) fclose(file);
    return bytes;
}

/* ---- samples, collected to a batch -------------------------------------------------- */

typedef struct nn_samples {
    const nn_model_info *info;
    const void *model;
    void *scratch;
    float *x, *y;     /* of a batch */
    char (*name)[64]; /* "[3]" after the file's name, or "" */
    const char *file;
    nn_class *classes;
    int filled, top;
} nn_samples;

/* Of several outputs, the first. */
static size_t nn_shown_outputs(const nn_samples *r)
{
    return r->info->output_part_count ? r->info->output_parts[0].count : r->info->outputs;
}

static void nn_print_classes(nn_samples *r, const float *y)
{
    const int count = nn_classes(NN_MEANING, y, nn_shown_outputs(r), r->classes);
    for (int i = 0; i < count && i < r->top; i++) {
        printf("%s %s ", i ? "," : "", NN_CLASS(r->classes[i].index));
        if (NN_MEANING == NN_MEANS_SCORES)
            printf("%.6g", nn_shown(r->classes[i].value));
        else
            printf("%.2f %%", 100 * nn_shown(r->classes[i].value));
    }
}

static void nn_print_sample(nn_samples *r, int i)
{
    const float *y = r->y + (size_t)i * r->info->outputs;
    printf("%s%s ", r->file, r->name[i]);
    if (NN_MEANING != NN_MEANS_VALUES)
        nn_print_classes(r, y);
    else
        for (size_t k = 0; k < nn_shown_outputs(r); k++) printf(" %.9g", nn_shown((double)y[k]));
    printf("\n");
}

static void nn_run_batch(nn_samples *r)
{
    if (r->filled) r->info->infer(r->model, r->x, r->y, r->scratch);
    for (int i = 0; i < r->filled; i++) nn_print_sample(r, i);
    r->filled = 0;
}

/* Where the next sample goes. */
static float *nn_next_sample(nn_samples *r) { return r->x + (size_t)r->filled * r->info->inputs; }

static void nn_take_sample(nn_samples *r, size_t index, size_t count)
{
    r->name[r->filled][0] = '\0';
    if (count > 1) sprintf(r->name[r->filled], "[%lu]", (unsigned long)index);
    if (++r->filled == r->info->batch) nn_run_batch(r);
}

/* ---- files --------------------------------------------------------------------------- */

/* Grey becomes three equal channels, and three become grey; 0 to 1. */
static void nn_to_channels(const unsigned char *planes, int channels, size_t area, int wanted, float *out)
{
    for (int c = 0; c < wanted; c++)
        for (size_t i = 0; i < area; i++) {
            const unsigned char *pixel = planes + (channels == wanted ? (size_t)c * area : 0) + i;
            float value = (float)pixel[0] / 255.0f;
            if (wanted < channels) value = nn_luma(value, (float)pixel[area] / 255.0f, (float)pixel[2 * area] / 255.0f);
            out[(size_t)c * area + i] = value;
        }
}

static void nn_run_image(nn_samples *r, const unsigned char *bytes, size_t size)
{
    const int *to = r->info->input_dims;
    nn_pnm image;
    if (nn_pnm_read(bytes, size, &image)) nn_stop(r->file, "is no PGM or PPM image with one byte for each value");
    if (r->info->input_rank != 3) nn_stop(r->file, "is an image, the model takes values");
    if (to[0] != image.channels && !(image.channels == 1 && to[0] == 3) && !(image.channels == 3 && to[0] == 1))
        nn_stop(r->file, "has another number of channels than the model takes");
    if ((NN_FIT == 'p' && (image.height > to[1] || image.width > to[2])) ||
        (NN_FIT == 'c' && (image.height < to[1] || image.width < to[2])))
        nn_stop(r->file, NN_FIT == 'p' ? "is larger than the model's images" : "is smaller than the model's images");
    const size_t area = (size_t)image.height * (size_t)image.width, wanted = (size_t)to[1] * (size_t)to[2];
    unsigned char *planes = (unsigned char *)nn_get_memory(area * (size_t)image.channels);
    float *values =
        (float *)nn_get_memory((area * (size_t)to[0] + (size_t)image.height * (size_t)to[2]) * sizeof *values);
    nn_pnm_planes(bytes, &image, planes);
    nn_to_channels(planes, image.channels, area, to[0], values);
    for (int c = 0; c < to[0]; c++) {
        const float *in = values + (size_t)c * area;
        float *out = nn_next_sample(r) + (size_t)c * wanted;
        if (image.height == to[1] && image.width == to[2])
            memcpy(out, in, area * sizeof *out);
        else if (NN_FIT == 'r')
            nn_resize_image(in, image.height, image.width, out, to[1], to[2], values + area * (size_t)to[0]);
        else
            nn_centre_image(in, image.height, image.width, out, to[1], to[2]);
    }
    nn_take_sample(r, 0, 1);
}

static void nn_run_file(nn_samples *r, const char *name)
{
    size_t size;
    const size_t each = r->info->inputs * sizeof(float);
    const unsigned char *bytes = nn_read_whole(name, &size);
    r->file = name;
    if (nn_is_pnm(bytes, size)) {
        nn_run_image(r, bytes, size);
    } else {
        if (size == 0 || size % each) nn_stop(name, "is neither a PGM or PPM image nor the model's number of floats");
        for (size_t i = 0; i < size / each; i++) {
            memcpy(nn_next_sample(r), bytes + i * each, each);
            nn_take_sample(r, i, size / each);
        }
    }
    nn_run_batch(r);
}

static void nn_open_run(nn_samples *r)
{
    const nn_model_info *info = NN_INFO();
    const size_t batch = (size_t)info->batch;
    memset(r, 0, sizeof *r);
    r->info = info;
    r->top = 1;
    r->x = (float *)nn_get_memory(batch * info->inputs * sizeof *r->x);
    r->y = (float *)nn_get_memory(batch * info->outputs * sizeof *r->y);
    r->name = (char(*)[64])nn_get_memory(batch * sizeof *r->name);
    r->classes = (nn_class *)nn_get_memory((info->outputs + 1) * sizeof *r->classes);
    r->scratch = nn_get_memory(info->infer_scratch);
    memset(r->x, 0, batch * info->inputs * sizeof *r->x);
}

#ifdef NN_LOAD
static const void *nn_load_model(const char *name)
{
    size_t size;
    const unsigned char *bytes = nn_read_whole(name, &size);
    const void *model = NN_LOAD(bytes, size);
    if (!model) nn_stop(name, "is damaged, or not the weights of this program");
    return model;
}
#endif

#ifdef NN_SELF_TEST
static int nn_test_model(const void *model)
{
    const int wrong = NN_SELF_TEST(model, nn_get_memory(NN_SELF_TEST_SCRATCH));
    if (wrong)
        fprintf(stderr, "self-test: %d outputs are not those that nnc computed\n", wrong);
    else
        printf("self-test: passed\n");
    return wrong || fflush(stdout) != 0;
}
#endif

int main(int argc, char **argv)
{
    nn_samples run;
    int i = 1;
    nn_open_run(&run);
#ifdef NN_LOAD
    if (argc < 2) nn_stop("usage", "the file of the weights comes first");
    run.model = nn_load_model(argv[i++]);
#else
    run.model = NN_MODEL();
#endif
#ifdef NN_SELF_TEST
    if (i < argc && strcmp(argv[i], "--self-test") == 0) return nn_test_model(run.model);
#endif
    if (i + 1 < argc && strcmp(argv[i], "--top") == 0) {
        run.top = atoi(argv[i + 1]);
        i += 2;
    }
    if (i >= argc) nn_run_file(&run, "-");
    for (; i < argc; i++) nn_run_file(&run, argv[i]);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}

#endif
