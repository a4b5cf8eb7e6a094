/*
 * make_pictures FOLDER CLASSES COUNT SIDE [VARY]: COUNT small JPEGs in FOLDER/class_K/N.jpg.
 *
 * Each class has its own color, each image its own noise, the same every time.  Sides are SIDE,
 * or from SIDE to SIDE + VARY − 1.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <jpeglib.h>

enum { MOST_SIDE = 1024 };

/* xorshift64 (Marsaglia 2003) */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

static void write_rows(struct jpeg_compress_struct *c, int class, int classes, int number)
{
    static unsigned char row[3 * MOST_SIDE];
    JSAMPROW rows[1] = {row};
    uint64_t state = (uint64_t)number * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (JDIMENSION i = 0; i < c->image_height; i++) {
        for (JDIMENSION j = 0; j < 3 * c->image_width; j++) {
            const int color = j % 3 == 0 ? 40 + 160 * class / classes : j % 3 == 1 ? (int)(8 * i) % 160 : 100;
            row[j] = (unsigned char)(color + (int)(next_random(&state) >> 60) * 3);
        }
        jpeg_write_scanlines(c, rows, 1);
    }
}

static void write_picture(const char *path, int side, int class, int classes, int number)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    FILE *file = fopen(path, "wb");
    if (!file) {
        perror(path);
        exit(1);
    }
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_stdio_dest(&c, file);
    c.image_width = c.image_height = (JDIMENSION)side;
    c.input_components = 3;
    c.in_color_space = JCS_RGB;
    jpeg_set_defaults(&c);
    jpeg_start_compress(&c, TRUE);
    write_rows(&c, class, classes, number);
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    fclose(file);
}

int main(int argc, char **argv)
{
    char path[4096];
    if (argc < 5) return 2;
    const int classes = atoi(argv[2]), count = atoi(argv[3]), side = atoi(argv[4]), vary = argc > 5 ? atoi(argv[5]) : 1;
    if (classes < 1 || side < 1 || vary < 1 || side + vary > MOST_SIDE) return 2;
    mkdir(argv[1], 0777);
    for (int k = 0; k < classes; k++) {
        snprintf(path, sizeof path, "%s/class_%d", argv[1], k);
        mkdir(path, 0777);
    }
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/class_%d/%07d.jpg", argv[1], i % classes, i);
        write_picture(path, side + i % vary, i % classes, classes, i);
    }
    return 0;
}
