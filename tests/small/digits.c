/*
 * Digits of IDX files as samples, a label and its pixels, a byte each, with zeros around:
 *
 *     digits IMAGES LABELS FIRST COUNT BORDER CLASSES >samples.bin
 *
 * COUNT of those from number FIRST on whose label is one of the digits CLASSES.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 28, IMAGES_HEADER = 16, LABELS_HEADER = 8 };

static void put_zeros(int count)
{
    for (int i = 0; i < count; i++) putchar(0);
}

static void put_image(const unsigned char *image, int border)
{
    const int row = SIDE + 2 * border;
    put_zeros(border * row);
    for (int i = 0; i < SIDE; i++) {
        put_zeros(border);
        fwrite(image + i * SIDE, SIDE, 1, stdout);
        put_zeros(border);
    }
    put_zeros(border * row);
}

int main(int argc, char **argv)
{
    if (argc != 7) return fprintf(stderr, "see the file\n"), 2;
    FILE *images = fopen(argv[1], "rb"), *labels = fopen(argv[2], "rb");
    int first = atoi(argv[3]), left = atoi(argv[4]);
    unsigned char image[SIDE * SIDE];
    if (!images || !labels || fseek(images, IMAGES_HEADER, SEEK_SET) || fseek(labels, LABELS_HEADER, SEEK_SET))
        return fprintf(stderr, "the files cannot be read\n"), 1;
    while (left > 0 && fread(image, sizeof image, 1, images) == 1) {
        const int label = getc(labels);
        if (label == EOF) break;
        if (first-- > 0 || !strchr(argv[6], '0' + label)) continue;
        putchar(label);
        put_image(image, atoi(argv[5]));
        left--;
    }
    return left ? fprintf(stderr, "%d digits are missing\n", left), 1 : 0;
}
