/*
 * pnm: the header of a PGM or PPM image in binary form ("P5", "P6"; netpbm's pgm(5), ppm(5)).
 *
 * One text for nnc and for the programs that it writes, which contain it.
 */
#ifndef NN_PNM_H
#define NN_PNM_H

#include <stddef.h>

typedef struct nn_pnm {
    int channels, height, width; /* 1 or 3 */
    size_t begin;                /* of the pixels: [height][width][channels] bytes */
} nn_pnm;

/* The number at *at, after blanks and comments; -1: there is none. */
static inline long nn_pnm_number(const unsigned char *bytes, size_t size, size_t *at)
{
    enum { LARGEST = 1 << 15 };
    long number = -1;
    while (*at < size && (bytes[*at] <= ' ' || bytes[*at] == '#')) {
        if (bytes[*at] == '#')
            while (*at < size && bytes[*at] != '\n') ++*at;
        if (*at < size) ++*at;
    }
    for (; *at < size && bytes[*at] >= '0' && bytes[*at] <= '9'; ++*at) {
        number = 10 * (number < 0 ? 0 : number) + (bytes[*at] - '0');
        if (number > LARGEST) return -1;
    }
    return number;
}

static inline int nn_is_pnm(const unsigned char *bytes, size_t size)
{
    return size > 3 && bytes[0] == 'P' && (bytes[1] == '5' || bytes[1] == '6') && (bytes[2] == '#' || bytes[2] <= ' ');
}

/* 0, or -1 where the header is wrong, pixels have not one byte, or some are missing. */
static inline int nn_pnm_read(const unsigned char *bytes, size_t size, nn_pnm *image)
{
    size_t at = 2;
    const long width = nn_pnm_number(bytes, size, &at), height = nn_pnm_number(bytes, size, &at);
    const long largest = nn_pnm_number(bytes, size, &at);
    image->channels = bytes[1] == '5' ? 1 : 3;
    image->height = (int)height;
    image->width = (int)width;
    image->begin = at + 1;
    if (width < 1 || height < 1 || largest != 255 || at >= size || bytes[at] > ' ') return -1;
    return size - image->begin < (size_t)width * (size_t)height * (size_t)image->channels ? -1 : 0;
}

/* The pixels as planes: out[channels][height][width]. */
static inline void nn_pnm_planes(const unsigned char *bytes, const nn_pnm *image, unsigned char *out)
{
    const size_t area = (size_t)image->height * (size_t)image->width, channels = (size_t)image->channels;
    for (size_t i = 0; i < area * channels; i++) out[i % channels * area + i / channels] = bytes[image->begin + i];
}

#endif
