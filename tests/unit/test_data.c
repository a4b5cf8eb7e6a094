/*
 * Data sets of pictures and arrays, and augmentation: files are written here,
 * byte by byte or by the libraries, and read back; augmentation is held against
 * closed forms.
 */
#include <check.h>
#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <jpeglib.h>

#include "runtime/core/core.h"
#include "runtime/data/dataset.h"
#include "runtime/train/train.h"

#define COUNT(array)              ((int)(sizeof(array) / sizeof *(array)))
#define ck_assert_has(text, part) ck_assert_msg(strstr(text, part) != NULL, "\"%s\" is not in: %s", part, text)

/* No further apart than the tolerance, which may be 0. */
static void near(double have, double want, double tolerance)
{
    ck_assert_msg(fabs(have - want) <= tolerance, "%.9g is not %.9g (± %g)", have, want, tolerance);
}

/* ---- files of a test ---------------------------------------------------------------- */

static char folder[64];

static void make_folder(void)
{
    strcpy(folder, "/tmp/nnc-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void)
{
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

/* Folders on the way to it are made. */
static const char *in_folder(const char *name)
{
    static char paths[8][256]; /* the last eight */
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, 256, "%s/%s", folder, name);
    for (char *at = path + strlen(folder) + 1; (at = strchr(at, '/')); at++) {
        *at = 0;
        mkdir(path, 0777);
        *at = '/';
    }
    return path;
}

static void write_bytes(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(in_folder(name), "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

static size_t size_of(const char *name)
{
    struct stat status;
    ck_assert_int_eq(stat(in_folder(name), &status), 0);
    return (size_t)status.st_size;
}

static Dataset *read_set(const DatasetOptions *options)
{
    NnError error = {0};
    Dataset *data = dataset_open(folder, options, &error);
    ck_assert_msg(data != NULL, "%s", error.text);
    return data;
}

static void refuse(const char *path, const DatasetOptions *options, const char *part)
{
    NnError error = {0};
    Dataset *data = dataset_open(path, options, &error);
    ck_assert_ptr_null(data);
    ck_assert_has(error.text, part);
}

static const DatasetOptions none;

/* ---- CIFAR -------------------------------------------------------------------------- */

enum { CIFAR_PIXELS = 3 * 32 * 32 };

/* Record i: its class, and pixels p + 7·i. */
static void write_cifar(const char *name, int records, int labels, int classes, size_t cut)
{
    size_t record = (size_t)labels + CIFAR_PIXELS;
    unsigned char *bytes = malloc((size_t)records * record);
    for (int i = 0; i < records; i++) {
        unsigned char *at = bytes + (size_t)i * record;
        if (labels == 2) at[0] = 1;
        at[labels - 1] = (unsigned char)((i * 3 + 2) % classes);
        for (int p = 0; p < CIFAR_PIXELS; p++) at[labels + p] = (unsigned char)(p + 7 * i);
    }
    write_bytes(name, bytes, (size_t)records * record - cut);
    free(bytes);
}

static void write_cifar10(const char *below)
{
    char name[64];
    for (int i = 1; i <= 5; i++) {
        snprintf(name, sizeof name, "%sdata_batch_%d.bin", below, i);
        write_cifar(name, 2, 1, 10, 0);
    }
    snprintf(name, sizeof name, "%stest_batch.bin", below);
    write_cifar(name, 3, 1, 10, 0);
}

START_TEST(cifar10_is_read)
{
    static const char names[] = "airplane\nautomobile\nbird\ncat\r\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";
    char buffer[16];
    write_cifar10(_i ? "cifar-10-batches-bin/" : "");
    if (!_i) write_bytes("batches.meta.txt", names, sizeof names - 1);
    Dataset *data = read_set(&none);
    ck_assert_int_eq(data->part[DATA_TRAIN].count, 10);
    ck_assert_int_eq(data->part[DATA_TEST].count, 3);
    ck_assert(data->rank == 3 && data->dims[0] == 3 && data->dims[1] == 32 && data->dims[2] == 32);
    ck_assert_int_eq(data->class_count, 10);
    ck_assert_int_eq(data->part[DATA_TRAIN].labels[3], 5);
    ck_assert_uint_eq(data->part[DATA_TRAIN].pixels[3 * CIFAR_PIXELS + 40], 47);
    ck_assert_uint_eq(data->part[DATA_TEST].pixels[2 * CIFAR_PIXELS + 1], 15);
    ck_assert_str_eq(dataset_class_name(data, 3, buffer), _i ? "3" : "cat");
    dataset_free(data);
}
END_TEST

START_TEST(cifar100_is_read)
{
    write_cifar("train.bin", 40, 2, 100, 0);
    write_cifar("test.bin", 2, 2, 100, 0);
    Dataset *data = read_set(&none);
    ck_assert_int_eq(data->class_count, 100);
    ck_assert_int_eq(data->part[DATA_TRAIN].labels[30], 92);
    ck_assert_uint_eq(data->part[DATA_TRAIN].pixels[30 * CIFAR_PIXELS], 210);
    dataset_free(data);
}
END_TEST

START_TEST(damaged_cifar)
{
    write_cifar10("");
    write_cifar("data_batch_4.bin", 2, 1, 10, 5);
    refuse(folder, &none, "data_batch_4.bin has 6141 bytes, not a multiple of the 3073 bytes of an image");
    write_bytes("data_batch_4.bin", "", 0);
    refuse(folder, &none, "data_batch_4.bin has 0 bytes");
    write_cifar("data_batch_4.bin", 9, 1, 200, 0);
    refuse(folder, &none, "data_batch_4.bin: image 3 has class 11, there are 10");
    ck_assert_int_eq(remove(in_folder("data_batch_4.bin")), 0);
    refuse(folder, &none, "data_batch_4.bin is missing");
    write_cifar10("");
    write_bytes("batches.meta.txt", "one\ntwo\n", 8);
    refuse(folder, &none, "names 2 classes, there are 10");
    ck_assert_int_eq(remove(in_folder("test_batch.bin")), 0);
    refuse(folder, &none, "test_batch.bin is missing");
}
END_TEST

START_TEST(cifar_by_name)
{
    NnError error = {0};
    write_cifar10("cifar-10-batches-bin/");
    setenv("NNC_DATA", folder, 1);
    Dataset *data = dataset_open("cifar10", &none, &error);
    ck_assert_msg(data != NULL, "%s", error.text);
    ck_assert_int_eq(data->class_count, 10);
    dataset_free(data);
    if (access("data/cifar100", F_OK)) refuse("cifar100", &none, "the data set cifar100 was not found in $NNC_DATA");
    unsetenv("NNC_DATA");
}
END_TEST

/* A set without names takes those of the weights; one with names must have the same. */
START_TEST(classes_of_the_weights)
{
    static const char header[] = "{\"__metadata__\":{\"classes\":\"[\\\"cat\\\",\\\"dog\\\",\\\"owl\\\"]\"}}";
    unsigned char bytes[sizeof header + 8] = {sizeof header - 1};
    char buffer[16], *mine[2] = {"cat", "cow"};
    NnError error = {0};
    memcpy(bytes + 8, header, sizeof header - 1);
    NnTensors *file = nn_tensors_parse("w", bytes, 8 + sizeof header - 1, &error);
    ck_assert_msg(file != NULL, "%s", error.text);
    Dataset *data = calloc(1, sizeof *data);
    data->class_count = 2;
    ck_assert_int_eq(nn_weights_classes(file, "w", data, &error), 0);
    ck_assert_int_eq(data->class_count, 3);
    ck_assert_str_eq(dataset_class_name(data, 1, buffer), "dog");
    dataset_free(data);
    Dataset named = {.class_count = 2, .class_names = mine};
    ck_assert_int_eq(nn_weights_classes(file, "w", &named, &error), -1);
    ck_assert_has(error.text, "class 1 is dog in w and cow in the data");
    nn_tensors_close(file);
}
END_TEST

/* ---- pictures -------------------------------------------------------------------------- */

/* Pixel (i, j): [value + i, j, 100], or grey. */
static void write_png(const char *name, int height, int width, int value, bool grey)
{
    int channels = grey ? 1 : 3;
    unsigned char *rows = malloc((size_t)(height * width * channels));
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)width,
                       .height = (png_uint_32)height,
                       .format = grey ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB};
    for (int i = 0; i < height; i++)
        for (int j = 0; j < width; j++) {
            unsigned char *at = rows + (i * width + j) * channels;
            at[0] = (unsigned char)(value + i);
            if (!grey) at[1] = (unsigned char)j, at[2] = 100;
        }
    ck_assert_int_ne(png_image_write_to_file(&image, in_folder(name), 0, rows, 0, NULL), 0);
    free(rows);
}

/* One colour; 4 channels are Adobe's inverted inks. */
static void write_jpeg(const char *name, int height, int width, int channels, const unsigned char *colour)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned char row[4 * 64];
    JSAMPROW rows[1] = {row};
    FILE *file = fopen(in_folder(name), "wb");
    ck_assert_ptr_nonnull(file);
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_stdio_dest(&c, file);
    c.image_height = (JDIMENSION)height;
    c.image_width = (JDIMENSION)width;
    c.input_components = channels;
    c.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, 95, TRUE);
    jpeg_start_compress(&c, TRUE);
    for (int j = 0; j < width; j++) memcpy(row + j * channels, colour, (size_t)channels);
    for (int i = 0; i < height; i++) jpeg_write_scanlines(&c, rows, 1);
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    fclose(file);
}

static void write_pictures(void)
{
    write_png("train/apple/2.png", 5, 6, 20, false);
    write_png("train/apple/10.png", 5, 6, 10, false);
    write_png("train/pear/deeper/a.PNG", 5, 6, 30, true);
    write_png("val/pear/x.png", 5, 6, 40, false);
    write_bytes("train/apple/notes.txt", "not a picture", 13);
    write_bytes("train/.hidden", "", 0);
}

START_TEST(pictures_are_read)
{
    char buffer[16];
    write_pictures();
    Dataset *data = read_set(&none);
    const Samples *train = &data->part[DATA_TRAIN], *test = &data->part[DATA_TEST];
    ck_assert_int_eq(train->count, 3);
    ck_assert_int_eq(test->count, 1);
    ck_assert(data->dims[0] == 3 && data->dims[1] == 5 && data->dims[2] == 6 && data->elements == 90);
    ck_assert_int_eq(data->class_count, 2);
    ck_assert_str_eq(dataset_class_name(data, 1, buffer), "pear");
    ck_assert(train->labels[0] == 0 && train->labels[1] == 0 && train->labels[2] == 1 && test->labels[0] == 1);
    ck_assert_uint_eq(train->pixels[6 * 3], 13);         /* 10.png before 2.png: red of row 3 */
    ck_assert_uint_eq(train->pixels[90 + 30 + 4], 4);    /* green of column 4 */
    ck_assert_uint_eq(train->pixels[90 + 60 + 29], 100); /* blue */
    ck_assert_uint_eq(train->pixels[180 + 30 + 6], 31);  /* grey: all three alike */
    ck_assert_uint_eq(test->pixels[0], 40);
    dataset_free(data);
}
END_TEST

START_TEST(grey_pictures_have_one_channel)
{
    char name[32];
    for (int i = 0; i < 60; i++) {
        snprintf(name, sizeof name, "%s/%02d.png", i % 2 ? "odd" : "even", i);
        write_png(name, 3, 3, i, true);
    }
    Dataset *data = read_set(&none);
    ck_assert_int_eq(data->dims[0], 1);
    ck_assert_int_eq(data->part[DATA_TRAIN].count, 48);
    ck_assert_int_eq(data->part[DATA_TEST].count, 12);
    ck_assert_has(data->notes[0], "no test part");
    for (int i = 0; i < 48; i++) ck_assert_int_eq(data->part[0].pixels[i * 9] % 2, data->part[0].labels[i]);
    dataset_free(data);
}
END_TEST

/* 4:2:0 JPEG of one colour comes back within rounding: 2 of 255. */
START_TEST(jpegs_are_read)
{
    write_jpeg("train/a/rgb.jpg", 17, 23, 3, (unsigned char[]){200, 60, 30});
    write_jpeg("train/a/grey.jpeg", 17, 23, 1, (unsigned char[]){90});
    write_jpeg("train/b/cmyk.JPG", 17, 23, 4, (unsigned char[]){255, 128, 0, 255});
    Dataset *data = read_set(&none);
    static const int want[3][3] = {{90, 90, 90}, {200, 60, 30}, {255, 128, 0}};
    ck_assert_int_eq(data->part[DATA_TRAIN].count, 3);
    for (int i = 0; i < 3; i++)
        for (int c = 0; c < 3; c++)
            for (int p = 0; p < 17 * 23; p++)
                near(data->part[DATA_TRAIN].pixels[(i * 3 + c) * 17 * 23 + p], want[i][c], 2);
    ck_assert(data->shared);
    dataset_free(data);
}
END_TEST

START_TEST(pictures_are_brought_to_one_size)
{
    DatasetOptions o = {.net = {3, 4, 4}, .fit = NN_FIT_RESIZE};
    write_png("train/a/1.png", 8, 8, 0, false);
    write_png("train/a/2.png", 5, 7, 0, false);
    refuse(folder, &none, "several sizes");
    Dataset *data = read_set(&o);
    ck_assert(data->dims[1] == 4 && data->dims[2] == 4);
    near(data->part[0].pixels[4], 2.5, 0.6); /* rows 2 and 3 of 8, about */
    dataset_free(data);
    o.keep = 6;
    data = read_set(&o);
    ck_assert(data->dims[1] == 6 && data->dims[2] == 6);
    dataset_free(data);
    o.fit = NN_FIT_CROP;
    refuse(folder, &o, "2.png is 5x7 and cannot be cropped to 6x6");
    o.keep = 0;
    data = read_set(&o);
    ck_assert_uint_eq(data->part[0].pixels[0], 2);      /* rows 2 … 5 of 8 */
    ck_assert_uint_eq(data->part[0].pixels[48 + 0], 0); /* rows 0 … 3 of 5 */
    dataset_free(data);
    o.fit = NN_FIT_PAD;
    refuse(folder, &o, "1.png is 8x8 and cannot be padded to 4x4");
}
END_TEST

/* Of one size, and more than twice as large as the net's. */
START_TEST(large_pictures_are_shrunk)
{
    DatasetOptions o = {.net = {3, 4, 4}, .fit = NN_FIT_RESIZE};
    write_png("train/a/1.png", 9, 8, 0, false);
    Dataset *data = read_set(&o);
    ck_assert(data->dims[1] == 4 && data->dims[2] == 4);
    dataset_free(data);
    o.net[1] = o.net[2] = 5;
    data = read_set(&o);
    ck_assert(data->dims[1] == 9 && data->dims[2] == 8);
    dataset_free(data);
}
END_TEST

START_TEST(damaged_pictures)
{
    write_pictures();
    write_bytes("train/pear/a.jpg", "hello, world", 12);
    refuse(folder, &none, "train/pear/a.jpg is neither JPEG nor PNG: it begins with 68 65 6c 6c");
    write_bytes("train/apple/z.jpg", "", 0);
    refuse(folder, &none, "train/apple/z.jpg is empty"); /* the first in the order of names */
    ck_assert_int_eq(remove(in_folder("train/apple/z.jpg")), 0);
    write_jpeg("train/pear/a.jpg", 40, 40, 3, (unsigned char[]){1, 200, 3});
    DatasetOptions o = {.net = {3, 4, 4}, .fit = NN_FIT_RESIZE};
    size_t size = size_of("train/pear/a.jpg");
    ck_assert_int_eq(truncate(in_folder("train/pear/a.jpg"), (off_t)(size - 20)), 0);
    refuse(folder, &o, "train/pear/a.jpg is damaged");
    ck_assert_int_eq(truncate(in_folder("train/pear/a.jpg"), 12), 0);
    refuse(folder, &o, "train/pear/a.jpg is damaged");
    ck_assert_int_eq(remove(in_folder("train/pear/a.jpg")), 0);
    size = size_of("train/apple/2.png");
    for (off_t cut = (off_t)size - 13; cut >= 8; cut -= 7) {
        ck_assert_int_eq(truncate(in_folder("train/apple/2.png"), cut), 0);
        refuse(folder, &o, "train/apple/2.png is damaged");
    }
}
END_TEST

START_TEST(folders_that_do_not_fit)
{
    write_pictures();
    write_png("val/plum/1.png", 5, 6, 1, false);
    refuse(folder, &none, "val/plum is a class that is not in the training data (it has 2: apple …)");
    write_png("val/plum/1.png", 5, 6, 1, false);
    write_bytes("train/zebra/readme", "", 0);
    refuse(folder, &none, "in the class folder");
}
END_TEST

/* ---- arrays ------------------------------------------------------------------------------ */

/* A .npy in memory; the data is `values` as it is. */
static size_t make_npy(unsigned char *out, const char *type, const char *shape, const void *values, size_t size)
{
    char text[256];
    int length = snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type, shape);
    int padded = (10 + length + 1 + 63) / 64 * 64 - 10;
    memcpy(out, "\x93NUMPY\1\0", 8);
    out[8] = (unsigned char)padded;
    out[9] = (unsigned char)(padded >> 8);
    memset(out + 10, ' ', (size_t)padded);
    memcpy(out + 10, text, (size_t)length);
    out[10 + padded - 1] = '\n';
    memcpy(out + 10 + padded, values, size);
    return 10 + (size_t)padded + size;
}

static void write_npy(const char *name, const char *type, const char *shape, const void *values, size_t size)
{
    unsigned char *bytes = malloc(size + 512);
    write_bytes(name, bytes, make_npy(bytes, type, shape, values, size));
    free(bytes);
}

typedef struct Zip {
    unsigned char bytes[1 << 16], directory[1 << 12];
    size_t size, directory_size;
    int count;
} Zip;

static void put(unsigned char *at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) at[i] = (unsigned char)(value >> (8 * i));
}

/* large: sizes in the 64-bit extra field, as NumPy writes them. */
static void zip_add(Zip *zip, const char *name, const unsigned char *data, size_t size, bool deflated, bool large)
{
    unsigned char *local = zip->bytes + zip->size, *entry = zip->directory + zip->directory_size;
    size_t length = strlen(name), packed = size, extra = large ? 20 : 0;
    unsigned char *out = local + 30 + length + extra;
    if (deflated) {
        z_stream s = {.next_in = (unsigned char *)data, .avail_in = (uInt)size, .next_out = out, .avail_out = 30000};
        ck_assert_int_eq(deflateInit2(&s, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
        ck_assert_int_eq(deflate(&s, Z_FINISH), Z_STREAM_END);
        packed = s.total_out;
        deflateEnd(&s);
    } else {
        memcpy(out, data, size);
    }
    memset(local, 0, 30);
    memset(entry, 0, 46);
    memcpy(local, "PK\3\4", 4);
    memcpy(entry, "PK\1\2", 4);
    put(local + 26, length, 2);
    put(local + 28, extra, 2);
    memcpy(local + 30, name, length);
    put(entry + 10, deflated ? 8 : 0, 2);
    put(entry + 16, crc32(crc32(0, NULL, 0), data, (uInt)size), 4);
    put(entry + 20, large ? UINT32_MAX : packed, 4);
    put(entry + 24, large ? UINT32_MAX : size, 4);
    put(entry + 28, length, 2);
    put(entry + 30, extra, 2);
    put(entry + 42, zip->size, 4);
    memcpy(entry + 46, name, length);
    if (large) {
        unsigned char *field = entry + 46 + length;
        put(field, 1, 2);
        put(field + 2, 16, 2);
        put(field + 4, size, 8);
        put(field + 12, packed, 8);
        memcpy(local + 30 + length, field, 20);
    }
    zip->size += 30 + length + extra + packed;
    zip->directory_size += 46 + length + extra;
    zip->count++;
}

static void zip_end(Zip *zip)
{
    unsigned char *end = zip->bytes + zip->size + zip->directory_size;
    memcpy(zip->bytes + zip->size, zip->directory, zip->directory_size);
    memset(end, 0, 22);
    memcpy(end, "PK\5\6", 4);
    put(end + 8, (uint64_t)zip->count, 2);
    put(end + 10, (uint64_t)zip->count, 2);
    put(end + 12, zip->directory_size, 4);
    put(end + 16, zip->size, 4);
    zip->size += zip->directory_size + 22;
}

/* Two images of 2×2 in three colours: 0 … 23 in the order of the file. */
static void make_zip(Zip *zip, bool deflated, bool large)
{
    unsigned char pixels[24], bytes[512];
    int64_t labels[2] = {4, 1};
    for (int i = 0; i < 24; i++) pixels[i] = (unsigned char)i;
    memset(zip, 0, sizeof *zip);
    zip_add(zip, "x_train.npy", bytes, make_npy(bytes, "|u1", "(2, 2, 2, 3)", pixels, 24), deflated, large);
    zip_add(zip, "readme.txt", (const unsigned char *)"hi", 2, false, large);
    zip_add(zip, "y_train.npy", bytes, make_npy(bytes, "<i8", "(2, 1)", labels, 16), deflated, large);
    zip_end(zip);
}

START_TEST(npz_is_read)
{
    static Zip zip;
    NnError error = {0};
    make_zip(&zip, _i & 1, _i & 2);
    write_bytes("set.npz", zip.bytes, zip.size);
    Dataset *data = dataset_open(in_folder("set.npz"), &none, &error);
    ck_assert_msg(data != NULL, "%s", error.text);
    ck_assert(data->rank == 3 && data->dims[0] == 3 && data->dims[1] == 2 && data->dims[2] == 2);
    const Samples *train = &data->part[DATA_TRAIN];
    ck_assert_int_eq(train->count, 2);
    ck_assert(train->labels[0] == 4 && train->labels[1] == 1 && data->class_count == 5 && data->shared);
    for (int n = 0; n < 2; n++) /* channels go first */
        for (int c = 0; c < 3; c++)
            for (int p = 0; p < 4; p++) ck_assert_int_eq(train->pixels[n * 12 + c * 4 + p], n * 12 + p * 3 + c);
    dataset_free(data);
}
END_TEST

/* Cut anywhere, or with any byte turned, it is an error or another set, never more. */
START_TEST(damaged_npz)
{
    static Zip zip;
    NnError error = {0};
    make_zip(&zip, _i & 1, _i & 2);
    for (size_t size = 0; size < zip.size; size++) {
        NnTensors *file = nn_tensors_parse("f.npz", zip.bytes, size, &error);
        ck_assert_msg(file == NULL, "cut to %zu bytes it is read", size);
    }
    for (size_t at = 0; at < zip.size; at++) {
        zip.bytes[at] ^= 0xFF;
        NnTensors *file = nn_tensors_parse("f.npz", zip.bytes, zip.size, &error);
        for (int i = 0; file && i < nn_tensors_count(file); i++) nn_tensors_fetch(file, nn_tensors_at(file, i), &error);
        nn_tensors_close(file);
        zip.bytes[at] ^= 0xFF;
    }
    zip.bytes[30 + strlen("x_train.npy") + (_i & 2 ? 20 : 0) + 10] ^= 1;
    NnTensors *file = nn_tensors_parse("f.npz", zip.bytes, zip.size, &error);
    ck_assert_ptr_null(file);
    ck_assert_has(error.text, "x_train.npy is damaged");
}
END_TEST

/* A gigabyte of zeros in a megabyte: the shape costs nothing to know. */
START_TEST(npz_announces_much)
{
    enum { ZEROS = 1 << 30, PIECE = 1 << 20 };
    static Zip zip;
    static unsigned char head[256], zeros[PIECE];
    unsigned char *packed = malloc(ZEROS / 500), *archive;
    NnError error = {0};
    size_t head_size = make_npy(head, "|u1", "(1073741824,)", zeros, 0);
    z_stream s = {.next_out = packed, .avail_out = ZEROS / 500, .next_in = head, .avail_in = (uInt)head_size};
    ck_assert_int_eq(deflateInit2(&s, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    ck_assert_int_eq(deflate(&s, Z_NO_FLUSH), Z_OK);
    for (int i = 0; i < ZEROS / PIECE; i++) {
        s.next_in = zeros;
        s.avail_in = PIECE;
        ck_assert_int_eq(deflate(&s, i + 1 < ZEROS / PIECE ? Z_NO_FLUSH : Z_FINISH), i + 1 < ZEROS / PIECE ? Z_OK : 1);
    }
    size_t size = s.total_out;
    deflateEnd(&s);
    memset(&zip, 0, sizeof zip);
    zip_add(&zip, "bomb.npy", (const unsigned char *)"", 0, true, false);
    size_t empty = zip.size - 38; /* what nothing is packed to */
    put(zip.directory + 20, size, 4);
    put(zip.directory + 24, head_size + ZEROS, 4);
    archive = malloc(size + 1024);
    memcpy(archive, zip.bytes, zip.size - empty);
    memcpy(archive + zip.size - empty, packed, size);
    size_t at = zip.size - empty + size;
    memcpy(archive + at, zip.directory, zip.directory_size);
    unsigned char end[22] = "PK\5\6";
    put(end + 8, 1, 2);
    put(end + 10, 1, 2);
    put(end + 12, zip.directory_size, 4);
    put(end + 16, at, 4);
    memcpy(archive + at + zip.directory_size, end, 22);
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    NnTensors *file = nn_tensors_parse("bomb.npz", archive, at + zip.directory_size + 22, &error);
    ck_assert_msg(file != NULL, "%s", error.text);
    ck_assert_uint_eq(nn_tensors_find(file, "bomb")->count, ZEROS);
    getrusage(RUSAGE_SELF, &after);
    ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 64 * 1024); /* KiB */
    nn_tensors_close(file);
    free(archive);
    free(packed);
}
END_TEST

START_TEST(npy_types)
{
    static const struct {
        const char *type;
        unsigned char bytes[8];
        size_t size;
        double value;
    } cases[] = {
        {"<f4", {0, 0, 0x20, 0xC1}, 4, -10},
        {">f4", {0xC1, 0x20, 0, 0}, 4, -10},
        {"<f2", {0, 0x3C}, 2, 1},
        {"<i2", {0xFE, 0xFF}, 2, -2},
        {">i8", {0, 0, 0, 0, 0, 0, 1, 2}, 8, 258},
        {"|i1", {0x80}, 1, -128},
        {"|b1", {1}, 1, 1},
        {">f8", {0x40, 0x08, 0, 0, 0, 0, 0, 0}, 8, 3},
    };
    unsigned char bytes[512];
    double value;
    NnError error = {0};
    size_t size = make_npy(bytes, cases[_i].type, "()", cases[_i].bytes, cases[_i].size);
    NnTensors *file = nn_tensors_parse("f.npy", bytes, size, &error);
    ck_assert_msg(file != NULL, "%s", error.text);
    ck_assert_int_eq(nn_tensors_at(file, 0)->rank, 0);
    nn_tensor_doubles(nn_tensors_at(file, 0), &value);
    near(value, cases[_i].value, 0);
    nn_tensors_close(file);
    for (size_t cut = 0; cut < size; cut++) ck_assert_ptr_null(nn_tensors_parse("f.npy", bytes, cut, &error));
}
END_TEST
enum { NPY_TYPES = 8 };

START_TEST(npy_folder)
{
    float x[8] = {1, 2, 3, 4, 5, 6, 7, 8}, y[8] = {0, 1, 0, 0.5f, 1, 0, 0, 2}, hot[8] = {0, 1, 1, 0, 0, 1, 1, 0};
    int32_t labels[4] = {0, 2, 1, 2};
    write_npy("X.npy", "<f4", "(4, 2)", x, sizeof x);
    refuse(folder, &none, "has no y_train or y");
    write_npy("y.npy", "<i4", "(4,)", labels, sizeof labels);
    Dataset *data = read_set(&none);
    ck_assert(data->rank == 1 && data->dims[0] == 2 && data->class_count == 3 && data->part[0].count == 4);
    near(data->part[0].values[3], 4, 0);
    dataset_free(data);
    write_npy("y.npy", "<f4", "(4, 2)", y, sizeof y);
    data = read_set(&(DatasetOptions){.values = true});
    ck_assert(data->class_count == 0 && data->target_count == 2);
    near(data->part[0].targets[3], 0.5, 0);
    dataset_free(data);
    refuse(folder, &none, "values that are not classes");
    write_npy("y.npy", "<f4", "(4, 2)", hot, sizeof hot);
    data = read_set(&none);
    ck_assert(data->class_count == 2 && data->part[0].labels[0] == 1 && data->part[0].labels[1] == 0);
    dataset_free(data);
    write_npy("y.npy", "<f4", "(4,)", x, 16);
    data = read_set(&none);
    ck_assert(data->class_count == 5 && data->part[0].labels[3] == 4);
    dataset_free(data);
}
END_TEST

START_TEST(arrays_that_do_not_fit)
{
    float x[16] = {0}, bad[4] = {0, 1, 0, NAN};
    int32_t labels[4] = {0, 2, -1, 2};
    write_npy("x_train.npy", "<f4", "(4, 2)", x, 32);
    write_npy("y_train.npy", "<i4", "(4,)", labels, 16);
    refuse(folder, &none, "sample 2 has class -1");
    write_npy("y_train.npy", "<i4", "(3,)", labels, 12);
    refuse(folder, &none, "y_train.npy is 3, for 4 samples");
    labels[2] = 0;
    write_npy("y_train.npy", "<i4", "(4,)", labels, 16);
    write_npy("x_test.npy", "<f4", "(2, 3)", x, 24);
    refuse(folder, &none, "has no y_test");
    write_npy("y_test.npy", "<i4", "(2,)", labels, 8);
    refuse(folder, &none, "x_test.npy is 2x3 of type F32");
    write_npy("x_test.npy", "<f4", "(2, 2)", bad, 16);
    refuse(folder, &none, "x_test.npy: a value of sample 1 is nan");
    write_npy("x_test.npy", "<U4", "(2, 2)", x, 64);
    refuse(folder, &none, "the elements are '<U4'");
    write_npy("x_test.npy", "<f4", "(2, 2)", x, 20);
    refuse(folder, &none, "20 bytes follow its header");
    write_bytes("x_test.npy", "\x93NUMPY\1\0\xFF\xFF", 10);
    refuse(folder, &none, "a header of 65535 bytes");
}
END_TEST

/* ---- augmentation: the steps ------------------------------------------------------------- */

static void ramp(float *planes, int count)
{
    for (int i = 0; i < count; i++) planes[i] = (float)i;
}

START_TEST(crop_takes_a_window)
{
    float in[2 * 20], out[18]; /* 2 planes of 4×5 */
    ramp(in, 40);
    augment_crop(in, 2, 4, 5, 1, 2, 0, 3, out);
    for (int c = 0; c < 2; c++)
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) near(out[c * 9 + i * 3 + j], c * 20 + (i + 1) * 5 + j + 2, 0);
    augment_crop(in, 2, 4, 5, 0, 5, 2, 3, out); /* row 2 is the image's first, column 2 is beyond it */
    for (int c = 0; c < 2; c++)
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) near(out[c * 9 + i * 3 + j], i == 2 && j < 2 ? c * 20 + 3 + j : 0, 0);
    augment_crop(in, 1, 4, 5, 0, 0, 8, 3, out); /* nothing but the pad */
    for (int i = 0; i < 9; i++) near(out[i], 0, 0);
}
END_TEST

START_TEST(flip_turns_back)
{
    float planes[30], want[30];
    ramp(planes, 30);
    ramp(want, 30);
    augment_flip(planes, 2, 3, 5);
    near(planes[0], 4, 0);
    near(planes[29], 25, 0);
    augment_flip(planes, 2, 3, 5);
    ck_assert_mem_eq(planes, want, sizeof want);
}
END_TEST

/* A quarter turn against the clock: out[i][j] = in[j][n−1−i]. */
START_TEST(rotation_by_quarters)
{
    float in[2 * 25], out[2 * 25], again[2 * 25];
    ramp(in, 50);
    augment_rotate(in, 2, 5, 5, 90, out);
    for (int c = 0; c < 2; c++)
        for (int i = 0; i < 5; i++)
            for (int j = 0; j < 5; j++) near(out[c * 25 + i * 5 + j], in[c * 25 + j * 5 + 4 - i], 0);
    augment_rotate(out, 2, 5, 5, -90, again);
    ck_assert_mem_eq(again, in, sizeof in);
    augment_rotate(in, 1, 4, 6, 180, out);
    for (int i = 0; i < 24; i++) near(out[i], 23 - i, 0);
    augment_rotate(in, 1, 4, 6, 0, out);
    ck_assert_mem_eq(out, in, 24 * sizeof *in);
}
END_TEST

/* A plane a + b·i + c·j turned by θ about its centre is again one, within the disc. */
START_TEST(rotation_of_a_slope)
{
    enum { SIDE = 21 };
    float in[SIDE * SIDE], out[SIDE * SIDE];
    double t = 30 * M_PI / 180;
    for (int i = 0; i < SIDE * SIDE; i++) in[i] = (float)(100 + 2 * (i / SIDE - 10) + 3 * (i % SIDE - 10));
    augment_rotate(in, 1, SIDE, SIDE, 30, out);
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            double y = i - 10, x = j - 10;
            if (hypot(x, y) > 9) continue;
            near(out[i * SIDE + j], 100 + 2 * (sin(t) * x + cos(t) * y) + 3 * (cos(t) * x - sin(t) * y), 1e-4);
        }
    near(out[0], 0, 0); /* the corner came from outside */
}
END_TEST

START_TEST(cutout_covers)
{
    float planes[2 * 64];
    static const float fill[2] = {5, 7};
    for (int i = 0; i < 128; i++) planes[i] = 1;
    augment_cutout(planes, 2, 8, 8, 0, 7, 4, fill); /* rows 0, 1; columns 5, 6, 7 */
    for (int c = 0; c < 2; c++)
        for (int i = 0; i < 8; i++)
            for (int j = 0; j < 8; j++) near(planes[c * 64 + i * 8 + j], i < 2 && j > 4 ? fill[c] : 1, 0);
    augment_cutout(planes, 2, 8, 8, 4, 4, 100, NULL);
    for (int i = 0; i < 128; i++) near(planes[i], 0, 0);
}
END_TEST

START_TEST(jitter_by_factors)
{
    float planes[6] = {0.2f, 0.6f, 0.4f, 0.8f, 0.1f, 0.5f}, x[6];
    double grey[2] = {0.299 * 0.2 + 0.587 * 0.4 + 0.114 * 0.1, 0.299 * 0.6 + 0.587 * 0.8 + 0.114 * 0.5};
    memcpy(x, planes, sizeof x);
    augment_jitter(x, 3, 2, 1, 1, 1, true);
    for (int i = 0; i < 6; i++) near(x[i], planes[i], 1e-6);
    augment_jitter(x, 3, 2, 1.5, 1, 1, true);
    for (int i = 0; i < 6; i++) near(x[i], fmin(1.5 * (double)planes[i], 1), 1e-6);
    memcpy(x, planes, sizeof x);
    augment_jitter(x, 3, 2, 1, 0, 1, true);
    for (int i = 0; i < 6; i++) near(x[i], (grey[0] + grey[1]) / 2, 1e-6);
    memcpy(x, planes, sizeof x);
    augment_jitter(x, 3, 2, 1, 1, 0, true);
    for (int i = 0; i < 6; i++) near(x[i], grey[i % 2], 1e-6);
    augment_jitter(x, 3, 2, 10, 1, 1, false);
    ck_assert(x[1] > 1);
}
END_TEST

/* ---- augmentation: of a set ---------------------------------------------------------------- */

/* `count` images of H×W whose first pixel is the image's number. */
typedef struct Setting {
    Dataset data;
    Fitting fitting;
    Augmenter augmenter;
    Feed feed;
    float *scratch, *out;
    NnError error;
} Setting;

static void set_up(Setting *s, int count, int height, int width, int side, NnFit fit)
{
    memset(s, 0, sizeof *s);
    Samples *train = &s->data.part[DATA_TRAIN];
    s->data.rank = 3;
    s->data.dims[0] = 1;
    s->data.dims[1] = height;
    s->data.dims[2] = width;
    s->data.elements = (size_t)(height * width);
    s->data.class_count = 2;
    s->data.target_count = 1;
    s->data.shared = true;
    train->count = count;
    train->values = calloc((size_t)count * s->data.elements, sizeof(float));
    train->labels = calloc((size_t)count, sizeof(int32_t));
    for (int i = 0; i < count; i++)
        for (size_t p = 0; p < s->data.elements; p++)
            train->values[(size_t)i * s->data.elements + p] = p ? 1 : (float)i;
    s->data.part[DATA_TEST] = *train;
    ck_assert_int_eq(fitting_init(&s->fitting, &s->data, 3, (int[]){1, side, side}, fit, &s->error), 0);
    ck_assert_int_eq(feed_init(&s->feed, &s->data, &s->fitting, true, 2, 1, &s->error), 0);
    s->out = calloc((size_t)(side * side), sizeof(float));
}

static void augment(Setting *s, const NnAugmentStep *steps, int count)
{
    int failed = augment_init(&s->augmenter, &s->fitting, steps, count, &s->error);
    ck_assert_msg(!failed, "%s", s->error.text);
    s->scratch = malloc(s->augmenter.scratch * sizeof(float));
    s->feed.augment = &s->augmenter;
}

static void tear_down(Setting *s)
{
    free(s->data.part[DATA_TRAIN].values);
    free(s->data.part[DATA_TRAIN].labels);
    fitting_free(&s->fitting);
    free(s->scratch);
    free(s->out);
}

/* Rows covered by a cutout of 4 in 8, over the centres: 2, 3, 4, 4, 4, 4, 4, 3, 28/8 in the
 * mean; the share of pixels is (3.5/8)².  The deviation of a sample's is 0.04, of 4000's 0.0006. */
START_TEST(cutout_by_chance)
{
    Setting s;
    double total = 0;
    set_up(&s, 4000, 8, 8, 8, NN_FIT_RESIZE);
    ck_assert_int_eq(fitting_set(&s.fitting, 1, (double[]){3}, (double[]){2}, &s.error), 0);
    augment(&s, &(NnAugmentStep){.kind = NN_AUGMENT_CUTOUT, .size = 4}, 1);
    for (int i = 0; i < 4000; i++) {
        augment_sample(&s.augmenter, &s.data.part[0], i, 1, 0, s.out, s.scratch);
        for (int p = 0; p < 64; p++) total += s.out[p] == 0; /* the mean, after the normalisation */
    }
    near(total / 4000 / 64, 3.5 * 3.5 / 64, 0.003);
    tear_down(&s);
}
END_TEST

/* Over 4000 samples each of the 5·5 windows comes up 160 times (σ = 12.4), and half are flipped (σ = 32). */
START_TEST(crop_and_flip_by_chance)
{
    Setting s;
    int times[25] = {0}, flips = 0;
    set_up(&s, 4000, 6, 6, 2, NN_FIT_RESIZE);
    for (int i = 0; i < 4000; i++) ramp(s.data.part[0].values + i * 36, 36);
    augment(&s, (NnAugmentStep[]){{.kind = NN_AUGMENT_CROP, .size = 2}, {.kind = NN_AUGMENT_FLIP}}, 2);
    for (int i = 0; i < 4000; i++) {
        augment_sample(&s.augmenter, &s.data.part[0], i, 1, 0, s.out, s.scratch);
        bool flipped = s.out[0] > s.out[1];
        int at = (int)s.out[flipped];
        near(s.out[2 + flipped], at + 6, 0);
        near(s.out[2 + !flipped], at + 7, 0);
        flips += flipped;
        times[at / 6 * 5 + at % 6]++;
    }
    for (int i = 0; i < 25; i++) ck_assert_msg(abs(times[i] - 160) < 62, "window %d: %d times", i, times[i]);
    ck_assert_msg(abs(flips - 2000) < 160, "%d flips", flips);
    tear_down(&s);
}
END_TEST

/* On an image of one grey only the brightness shows: 1−x … 1+x, and all of it. */
START_TEST(jitter_within_bounds)
{
    Setting s;
    float least = 2, most = 0;
    set_up(&s, 1000, 2, 2, 2, NN_FIT_RESIZE);
    for (int i = 0; i < 4000; i++) s.data.part[0].values[i] = 1;
    augment(&s, &(NnAugmentStep){.kind = NN_AUGMENT_JITTER, .amount = 0.4}, 1);
    for (int i = 0; i < 1000; i++) {
        augment_sample(&s.augmenter, &s.data.part[0], i, 1, 0, s.out, s.scratch);
        for (int p = 1; p < 4; p++) near(s.out[p], s.out[0], 1e-6);
        least = fminf(least, s.out[0]);
        most = fmaxf(most, s.out[0]);
    }
    ck_assert(least >= 0.6f - 1e-6f && least < 0.61f);
    ck_assert(most <= 1.4f + 1e-6f && most > 1.39f);
    tear_down(&s);
}
END_TEST

START_TEST(sizes_on_the_way)
{
    Setting s;
    set_up(&s, 1, 10, 20, 8, NN_FIT_RESIZE);
    for (int p = 0; p < 200; p++) s.data.part[0].values[p] = 3;
    augment(&s, (NnAugmentStep[]){{.kind = NN_AUGMENT_RESIZE, .size = 15}, {.kind = NN_AUGMENT_ROTATE, .amount = 0}},
            2);
    ck_assert(s.augmenter.height == 15 && s.augmenter.width == 30);
    augment_sample(&s.augmenter, &s.data.part[0], 0, 1, 0, s.out, s.scratch);
    for (int p = 0; p < 64; p++) near(s.out[p], 3, 1e-5);
    free(s.scratch);
    augment(&s,
            (NnAugmentStep[]){{.kind = NN_AUGMENT_RESIZE, .size = 5}, {.kind = NN_AUGMENT_CROP, .size = 8, .pad = 2}},
            2);
    ck_assert(s.augmenter.height == 8 && s.augmenter.width == 8);
    augment_sample(&s.augmenter, &s.data.part[0], 0, 1, 0, s.out, s.scratch);
    for (int p = 0; p < 64; p++) ck_assert(fabsf(s.out[p] - 3) < 1e-5f || s.out[p] == 0);
    tear_down(&s);
}
END_TEST

START_TEST(augmentation_that_does_not_fit)
{
    Setting s;
    Augmenter a;
    set_up(&s, 1, 10, 20, 32, NN_FIT_PAD);
    ck_assert_int_eq(augment_init(&a, &s.fitting, &(NnAugmentStep){.size = 12}, 1, &s.error), -1);
    ck_assert_has(s.error.text, "augment crop(12): the images are only 10x20 there; put crop(12, pad=1)");
    ck_assert_int_eq(augment_init(&a, &s.fitting, &(NnAugmentStep){.size = 32, .pad = 4}, 1, &s.error), -1);
    ck_assert_has(s.error.text, "18x28 with the pad; it needs pad=11");
    ck_assert_int_eq(augment_init(&a, &s.fitting, &(NnAugmentStep){.kind = NN_AUGMENT_RESIZE, .size = 17}, 1, &s.error),
                     -1);
    ck_assert_has(s.error.text, "images of 17x34 cannot be padded to the net's 32x32");
    tear_down(&s);
}
END_TEST

/* A training epoch, keyed by the samples' numbers: out[count][4]. */
static void run_epoch(Setting *s, int size, int helpers, uint64_t seed, uint64_t epoch, float *out)
{
    const Batch *batch;
    s->feed.helpers = helpers;
    Batcher *b = batcher_new(&s->feed, DATA_TRAIN, size, true, seed, &s->error);
    ck_assert_ptr_nonnull(b);
    batcher_begin(b, epoch + 1); /* and given up */
    batcher_next(b);
    batcher_begin(b, epoch);
    while ((batch = batcher_next(b)))
        for (int i = 0; i < size; i++) memcpy(out + 4 * batch->row[i], batch->x + 4 * i, 4 * sizeof *out);
    batcher_free(b);
}

/* Neither the batch nor the number of threads changes a value; seed and epoch do. */
START_TEST(chance_is_of_seed_epoch_and_sample)
{
    enum { SAMPLES = 60, VALUES = 4 * SAMPLES };
    static const NnAugmentStep steps[] = {{.kind = NN_AUGMENT_ROTATE, .amount = 40},
                                          {.kind = NN_AUGMENT_JITTER, .amount = 0.5},
                                          {.kind = NN_AUGMENT_CROP, .size = 2, .pad = 1}};
    Setting s;
    float first[VALUES], other[VALUES];
    set_up(&s, SAMPLES, 5, 5, 2, NN_FIT_RESIZE);
    augment(&s, steps, COUNT(steps));
    run_epoch(&s, 6, 1, 1, 3, first);
    run_epoch(&s, 6, 8, 1, 3, other);
    ck_assert_mem_eq(first, other, sizeof first);
    run_epoch(&s, 15, 3, 1, 3, other);
    ck_assert_mem_eq(first, other, sizeof first);
    run_epoch(&s, 6, 2, 1, 4, other);
    ck_assert_mem_ne(first, other, sizeof first);
    run_epoch(&s, 6, 2, 2, 3, other);
    ck_assert_mem_ne(first, other, sizeof first);
    tear_down(&s);
}
END_TEST

START_TEST(tests_are_not_augmented)
{
    Setting s;
    set_up(&s, 8, 4, 4, 4, NN_FIT_RESIZE);
    augment(&s, &(NnAugmentStep){.kind = NN_AUGMENT_CUTOUT, .size = 50}, 1);
    for (int training = 0; training < 2; training++) {
        Batcher *b = batcher_new(&s.feed, training ? DATA_TRAIN : DATA_TEST, 8, training, 1, &s.error);
        batcher_begin(b, 0);
        near(batcher_next(b)->x[17], training ? 0 : 1, 0);
        batcher_free(b);
    }
    tear_down(&s);
}
END_TEST

Suite *data_suite(void)
{
    Suite *suite = suite_create("data");
    TCase *files = tcase_create("files"), *changes = tcase_create("augmentation");
    tcase_add_checked_fixture(files, make_folder, remove_folder);
    tcase_add_loop_test(files, cifar10_is_read, 0, 2);
    tcase_add_test(files, cifar100_is_read);
    tcase_add_test(files, damaged_cifar);
    tcase_add_test(files, cifar_by_name);
    tcase_add_test(files, classes_of_the_weights);
    tcase_add_test(files, pictures_are_read);
    tcase_add_test(files, grey_pictures_have_one_channel);
    tcase_add_test(files, jpegs_are_read);
    tcase_add_test(files, pictures_are_brought_to_one_size);
    tcase_add_test(files, large_pictures_are_shrunk);
    tcase_add_test(files, damaged_pictures);
    tcase_add_test(files, folders_that_do_not_fit);
    tcase_add_loop_test(files, npz_is_read, 0, 4);
    tcase_add_loop_test(files, damaged_npz, 0, 4);
    tcase_add_test(files, npz_announces_much);
    tcase_add_loop_test(files, npy_types, 0, NPY_TYPES);
    tcase_add_test(files, npy_folder);
    tcase_add_test(files, arrays_that_do_not_fit);
    tcase_add_test(changes, crop_takes_a_window);
    tcase_add_test(changes, flip_turns_back);
    tcase_add_test(changes, rotation_by_quarters);
    tcase_add_test(changes, rotation_of_a_slope);
    tcase_add_test(changes, cutout_covers);
    tcase_add_test(changes, jitter_by_factors);
    tcase_add_test(changes, cutout_by_chance);
    tcase_add_test(changes, crop_and_flip_by_chance);
    tcase_add_test(changes, jitter_within_bounds);
    tcase_add_test(changes, sizes_on_the_way);
    tcase_add_test(changes, augmentation_that_does_not_fit);
    tcase_add_test(changes, chance_is_of_seed_epoch_and_sample);
    tcase_add_test(changes, tests_are_not_augmented);
    suite_add_tcase(suite, files);
    suite_add_tcase(suite, changes);
    return suite;
}
