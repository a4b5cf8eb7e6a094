/*
 * JPEG and PNG files by their libraries.
 *
 * libjpeg warns where data is lost and goes on with grey; here those warnings
 * are errors, since a net would learn the grey.  Harmless ones pass.  Where a
 * PNG is transparent it is black.
 */
#include "runtime/data/decode.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <jpeglib.h>

#include <jerror.h>

enum { PIXEL_LIMIT = 1 << 28 };

/* What one call is about. */
typedef struct DecodeTask {
    const char *path;
    FILE *file;
    ImageHead *head; /* to be filled, or */
    uint8_t *out;    /* to be filled: */
    int height, width, channels;
    NnError *error;
} DecodeTask;

static int damaged_image(const DecodeTask *t, const char *why)
{
    return nn_fail(t->error, NN_BAD_INPUT, "%s is damaged: %s", t->path, why);
}

static int take_head(const DecodeTask *t, long height, long width, bool grey)
{
    if (height < 1 || width < 1 || height > PIXEL_LIMIT / width)
        return nn_fail(t->error, NN_BAD_INPUT, "%s is %ldx%ld pixels: too many", t->path, height, width);
    *t->head = (ImageHead){(int)height, (int)width, grey};
    return 0;
}

static int changed_image(const DecodeTask *t)
{
    return nn_fail(t->error, NN_BAD_INPUT, "%s changed while it was being read", t->path);
}

/* row: [W][C] → line i of each plane */
static void take_row(const DecodeTask *t, int i, const uint8_t *row)
{
    size_t area = (size_t)t->height * (size_t)t->width;
    uint8_t *line = t->out + (size_t)i * (size_t)t->width;
    for (int j = 0; j < t->width; j++)
        for (int c = 0; c < t->channels; c++) line[(size_t)c * area + (size_t)j] = *row++;
}

/* ---- JPEG ------------------------------------------------------------------------- */

typedef struct Jpeg {
    struct jpeg_decompress_struct d;
    struct jpeg_error_mgr errors;
    char message[JMSG_LENGTH_MAX];
    jmp_buf back;
} Jpeg;

static void jpeg_give_up(j_common_ptr d)
{
    Jpeg *j = d->client_data;
    j->errors.format_message(d, j->message);
    longjmp(j->back, 1);
}

/* level −1: something is wrong with the data */
static void jpeg_hear(j_common_ptr d, int level)
{
    static const int losses[] = {JWRN_HIT_MARKER, JWRN_HUFF_BAD_CODE, JWRN_JPEG_EOF, JWRN_MUST_RESYNC,
                                 JWRN_ARITH_BAD_CODE};
    for (size_t i = 0; level < 0 && i < sizeof losses / sizeof *losses; i++)
        if (d->err->msg_code == losses[i]) jpeg_give_up(d);
}

static void jpeg_say_nothing(j_common_ptr d) { (void)d; }

/* Adobe's programs write CMYK inverted: 255 is no ink. */
static void take_cmyk(uint8_t *row, int width, bool inverted)
{
    for (int j = 0; j < width; j++)
        for (int c = 0; c < 3; c++) {
            int ink = inverted ? row[4 * j + c] : 255 - row[4 * j + c];
            int key = inverted ? row[4 * j + 3] : 255 - row[4 * j + 3];
            row[3 * j + c] = (uint8_t)((ink * key + 127) / 255);
        }
}

static int jpeg_rows(Jpeg *j, const DecodeTask *t)
{
    bool inks = j->d.jpeg_color_space == JCS_CMYK || j->d.jpeg_color_space == JCS_YCCK;
    j->d.out_color_space = inks ? JCS_CMYK : t->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    j->d.dct_method = JDCT_ISLOW;
    jpeg_start_decompress(&j->d);
    if ((int)j->d.output_height != t->height || (int)j->d.output_width != t->width || (inks && t->channels == 1))
        return changed_image(t);
    JSAMPARRAY row = j->d.mem->alloc_sarray((j_common_ptr)&j->d, JPOOL_IMAGE,
                                            j->d.output_width * (JDIMENSION)j->d.output_components, 1);
    for (int i = 0; i < t->height; i++) {
        jpeg_read_scanlines(&j->d, row, 1);
        if (inks) take_cmyk(row[0], t->width, j->d.saw_Adobe_marker);
        take_row(t, i, row[0]);
    }
    jpeg_finish_decompress(&j->d);
    return 0;
}

static int read_jpeg(const DecodeTask *t)
{
    Jpeg j = {0};
    j.d.err = jpeg_std_error(&j.errors);
    j.d.client_data = &j;
    j.errors.error_exit = jpeg_give_up;
    j.errors.emit_message = jpeg_hear;
    j.errors.output_message = jpeg_say_nothing;
    if (setjmp(j.back)) {
        jpeg_destroy_decompress(&j.d);
        return damaged_image(t, j.message);
    }
    jpeg_create_decompress(&j.d);
    jpeg_stdio_src(&j.d, t->file);
    jpeg_read_header(&j.d, TRUE);
    int failed = t->out ? jpeg_rows(&j, t)
                        : take_head(t, (long)j.d.image_height, (long)j.d.image_width, j.d.num_components == 1);
    jpeg_destroy_decompress(&j.d);
    return failed;
}

/* ---- PNG --------------------------------------------------------------------------- */

static int png_rows(png_image *image, const DecodeTask *t)
{
    static const png_color black = {0, 0, 0};
    if ((int)image->height != t->height || (int)image->width != t->width) return changed_image(t);
    image->format = t->channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
    uint8_t *rows = malloc(PNG_IMAGE_SIZE(*image));
    if (!rows) return nn_fail(t->error, NN_SYSTEM_FAILED, "not enough memory for the pixels of %s", t->path);
    int failed = png_image_finish_read(image, &black, rows, 0, NULL) ? 0 : damaged_image(t, image->message);
    for (int i = 0; !failed && i < t->height; i++)
        take_row(t, i, rows + (size_t)i * (size_t)t->width * (size_t)t->channels);
    free(rows);
    return failed;
}

static int read_png(const DecodeTask *t)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    int failed;
    if (!png_image_begin_read_from_stdio(&image, t->file)) return damaged_image(t, image.message);
    image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
    failed = t->out ? png_rows(&image, t)
                    : take_head(t, (long)image.height, (long)image.width, !(image.format & PNG_FORMAT_FLAG_COLOR));
    png_image_free(&image);
    return failed;
}

/* ---- either ------------------------------------------------------------------------- */

static int read_opened(const DecodeTask *t)
{
    unsigned char magic[8] = {0};
    size_t got = fread(magic, 1, sizeof magic, t->file);
    if (ferror(t->file)) return nn_fail_path(t->error, "read", t->path);
    rewind(t->file);
    if (magic[0] == 0xFF && magic[1] == 0xD8) return read_jpeg(t);
    if (!memcmp(magic, "\x89PNG\r\n\x1a\n", 8)) return read_png(t);
    return got ? nn_fail(t->error, NN_BAD_INPUT, "%s is neither JPEG nor PNG: it begins with %02x %02x %02x %02x",
                         t->path, magic[0], magic[1], magic[2], magic[3])
               : nn_fail(t->error, NN_BAD_INPUT, "%s is empty", t->path);
}

static int read_path(DecodeTask *t)
{
    t->file = image_open(t->path, t->error);
    if (!t->file) return -1;
    int failed = read_opened(t);
    fclose(t->file);
    return failed;
}

FILE *image_open(const char *path, NnError *error)
{
    int fd = nn_open_regular(path, error);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "rb");
    if (fd >= 0 && !file) {
        close(fd);
        nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to read %s", path);
    }
    return file;
}

int image_head_of(FILE *file, const char *name, ImageHead *head, NnError *error)
{
    return read_opened(&(DecodeTask){.path = name, .file = file, .head = head, .error = error});
}

int image_decode_of(FILE *file, const char *name, const ImageHead *head, int channels, uint8_t *out, NnError *error)
{
    return read_opened(&(DecodeTask){.path = name,
                                     .file = file,
                                     .out = out,
                                     .height = head->height,
                                     .width = head->width,
                                     .channels = channels,
                                     .error = error});
}

int image_head(const char *path, ImageHead *head, NnError *error)
{
    return read_path(&(DecodeTask){.path = path, .head = head, .error = error});
}

int image_decode(const char *path, const ImageHead *head, int channels, uint8_t *out, NnError *error)
{
    return read_path(&(DecodeTask){
        .path = path, .out = out, .height = head->height, .width = head->width, .channels = channels, .error = error});
}

bool image_has_name(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && (!strcasecmp(dot, ".jpg") || !strcasecmp(dot, ".jpeg") || !strcasecmp(dot, ".png"));
}
