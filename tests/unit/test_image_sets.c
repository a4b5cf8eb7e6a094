/*
 * Data sets of images: CIFAR files and folders of PNG and JPEG pictures, written here byte by
 * byte or by the libraries, and read back.
 */
#include <check.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jpeglib.h>

#include "runtime/core/core.h"
#include "runtime/train/train.h"
#include "tests/unit/files.h"
#include "tests/unit/streams.h"

static size_t size_of(const char *name)
{
    struct stat status;
    ck_assert_int_eq(stat(in_folder(name), &status), 0);
    return (size_t)status.st_size;
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
    refuse_set(folder, &none, "data_batch_4.bin has 6141 bytes, not a multiple of the 3073 bytes of an image");
    write_bytes("data_batch_4.bin", "", 0);
    refuse_set(folder, &none, "data_batch_4.bin has 0 bytes");
    write_cifar("data_batch_4.bin", 9, 1, 200, 0);
    refuse_set(folder, &none, "data_batch_4.bin: image 3 has class 11, there are 10");
    ck_assert_int_eq(remove(in_folder("data_batch_4.bin")), 0);
    refuse_set(folder, &none, "data_batch_4.bin is missing");
    write_cifar10("");
    write_bytes("batches.meta.txt", "one\ntwo\n", 8);
    refuse_set(folder, &none, "names 2 classes, there are 10");
    ck_assert_int_eq(remove(in_folder("test_batch.bin")), 0);
    refuse_set(folder, &none, "test_batch.bin is missing");
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
    if (access("data/cifar100", F_OK))
        refuse_set("cifar100", &none, "the data set cifar100 was not found in $NNC_DATA");
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
    FILE *file = create_file(name);
    ck_assert_int_ne(png_image_write_to_stdio(&image, file, 0, rows, 0, NULL), 0);
    ck_assert_int_eq(fclose(file), 0);
    free(rows);
}

/* One colour; 4 channels are Adobe's inverted inks. */
static void write_jpeg(const char *name, int height, int width, int channels, const unsigned char *colour)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned char row[4 * 64];
    JSAMPROW rows[1] = {row};
    FILE *file = create_file(name);
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
    refuse_set(folder, &none, "several sizes");
    Dataset *data = read_set(&o);
    ck_assert(data->dims[1] == 4 && data->dims[2] == 4);
    near(data->part[0].pixels[4], 2.5, 0.6); /* rows 2 and 3 of 8, about */
    dataset_free(data);
    o.keep = 6;
    data = read_set(&o);
    ck_assert(data->dims[1] == 6 && data->dims[2] == 6);
    dataset_free(data);
    o.fit = NN_FIT_CROP;
    refuse_set(folder, &o, "2.png is 5x7 and cannot be cropped to 6x6");
    o.keep = 0;
    data = read_set(&o);
    ck_assert_uint_eq(data->part[0].pixels[0], 2);      /* rows 2 … 5 of 8 */
    ck_assert_uint_eq(data->part[0].pixels[48 + 0], 0); /* rows 0 … 3 of 5 */
    dataset_free(data);
    o.fit = NN_FIT_PAD;
    refuse_set(folder, &o, "1.png is 8x8 and cannot be padded to 4x4");
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
    refuse_set(folder, &none, "train/pear/a.jpg is neither JPEG nor PNG: it begins with 68 65 6c 6c");
    write_bytes("train/apple/z.jpg", "", 0);
    refuse_set(folder, &none, "train/apple/z.jpg is empty"); /* the first in the order of names */
    ck_assert_int_eq(remove(in_folder("train/apple/z.jpg")), 0);
    write_jpeg("train/pear/a.jpg", 40, 40, 3, (unsigned char[]){1, 200, 3});
    DatasetOptions o = {.net = {3, 4, 4}, .fit = NN_FIT_RESIZE};
    size_t size = size_of("train/pear/a.jpg");
    ck_assert_int_eq(truncate(in_folder("train/pear/a.jpg"), (off_t)(size - 20)), 0);
    refuse_set(folder, &o, "train/pear/a.jpg is damaged");
    ck_assert_int_eq(truncate(in_folder("train/pear/a.jpg"), 12), 0);
    refuse_set(folder, &o, "train/pear/a.jpg is damaged");
    ck_assert_int_eq(remove(in_folder("train/pear/a.jpg")), 0);
    size = size_of("train/apple/2.png");
    for (off_t cut = (off_t)size - 13; cut >= 8; cut -= 7) {
        ck_assert_int_eq(truncate(in_folder("train/apple/2.png"), cut), 0);
        refuse_set(folder, &o, "train/apple/2.png is damaged");
    }
}
END_TEST

START_TEST(folders_that_do_not_fit)
{
    write_pictures();
    write_png("val/plum/1.png", 5, 6, 1, false);
    refuse_set(folder, &none, "val/plum is a class that is not in the training data (it has 2: apple …)");
    write_png("val/plum/1.png", 5, 6, 1, false);
    write_bytes("train/zebra/readme", "", 0);
    refuse_set(folder, &none, "in the class folder");
}
END_TEST

Suite *image_sets_suite(void)
{
    Suite *suite = suite_create("image_sets");
    TCase *tcase = tcase_create("image_sets");
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_add_loop_test(tcase, cifar10_is_read, 0, 2);
    tcase_add_test(tcase, cifar100_is_read);
    tcase_add_test(tcase, damaged_cifar);
    tcase_add_test(tcase, cifar_by_name);
    tcase_add_test(tcase, classes_of_the_weights);
    tcase_add_test(tcase, pictures_are_read);
    tcase_add_test(tcase, grey_pictures_have_one_channel);
    tcase_add_test(tcase, jpegs_are_read);
    tcase_add_test(tcase, pictures_are_brought_to_one_size);
    tcase_add_test(tcase, large_pictures_are_shrunk);
    tcase_add_test(tcase, damaged_pictures);
    tcase_add_test(tcase, folders_that_do_not_fit);
    suite_add_tcase(suite, tcase);
    return suite;
}
