/*
 * Data sets in IDX and CSV files: read, split, and refused where they are damaged.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "runtime/core/core.h"
#include "runtime/data/dataset.h"
#include "tests/unit/files.h"

/* ---- IDX ---------------------------------------------------------------------------------- */

enum { IMAGE_HEAD = 16, LABEL_HEAD = 8, SIDE = 3 };

/* `count` images of 3×3, pixel p of image i being i + p, and labels i mod 4. */
static size_t idx_images(unsigned char *out, int count)
{
    memcpy(out, (unsigned char[]){0, 0, 8, 3, 0, 0, 0, (unsigned char)count, 0, 0, 0, SIDE, 0, 0, 0, SIDE}, IMAGE_HEAD);
    for (int i = 0; i < count * SIDE * SIDE; i++) out[IMAGE_HEAD + i] = (unsigned char)(i / 9 + i % 9);
    return IMAGE_HEAD + (size_t)count * SIDE * SIDE;
}

static size_t idx_labels(unsigned char *out, int count)
{
    memcpy(out, (unsigned char[]){0, 0, 8, 1, 0, 0, 0, (unsigned char)count}, LABEL_HEAD);
    for (int i = 0; i < count; i++) out[LABEL_HEAD + i] = (unsigned char)(i % 4);
    return LABEL_HEAD + (size_t)count;
}

static void write_idx(void)
{
    unsigned char bytes[512];
    write_bytes("train-images-idx3-ubyte", bytes, idx_images(bytes, 12));
    write_bytes("train-labels-idx1-ubyte", bytes, idx_labels(bytes, 12));
    write_bytes("t10k-images-idx3-ubyte", bytes, idx_images(bytes, 6));
    write_bytes("t10k-labels-idx1-ubyte", bytes, idx_labels(bytes, 6));
}

static Dataset *open_data(const char *path, bool values, const char *target, NnError *error)
{
    *error = (NnError){0};
    return dataset_open(path, &(DatasetOptions){.values = values, .target = target}, error);
}

START_TEST(idx_is_read)
{
    NnError error;
    write_idx();
    Dataset *data = open_data(folder, false, NULL, &error);
    ck_assert_msg(data != NULL, "%s", error.text);
    ck_assert_int_eq(data->part[DATA_TRAIN].count, 12);
    ck_assert_int_eq(data->part[DATA_TEST].count, 6);
    ck_assert_int_eq(data->class_count, 4);
    ck_assert_int_eq(data->dims[1], SIDE);
    ck_assert_int_eq(data->part[DATA_TRAIN].pixels[9 + 2], 3);
    ck_assert_int_eq(data->part[DATA_TEST].labels[5], 1);
    dataset_free(data);
}
END_TEST

START_TEST(idx_is_read_gzipped)
{
    NnError error;
    unsigned char bytes[512];
    write_idx();
    size_t size = idx_images(bytes, 12);
    gzFile file = gzopen(in_folder("train-images-idx3-ubyte.gz"), "wb");
    gzwrite(file, bytes, (unsigned)size);
    gzclose(file);
    unlink(in_folder("train-images-idx3-ubyte"));
    Dataset *data = open_data(folder, false, NULL, &error);
    ck_assert_msg(data != NULL, "%s", error.text);
    ck_assert_int_eq(data->part[DATA_TRAIN].pixels[9 + 2], 3);
    dataset_free(data);
    ck_assert_int_eq(truncate(in_folder("train-images-idx3-ubyte.gz"), 40), 0);
    ck_assert_ptr_null(open_data(folder, false, NULL, &error));
    ck_assert_has(error.text, "train-images-idx3-ubyte.gz");
    ck_assert_int_eq(error.status, NN_BAD_INPUT);
}
END_TEST

static const struct {
    const char *name;
    int size, offset, byte; /* cut or stretched to size; the byte at offset is changed */
    const char *message;
} bad_idx[] = {
    {"train-images-idx3-ubyte", 0, 3, 1, "expected 00000803"},
    {"train-images-idx3-ubyte", 0, 2, 13, "expected 00000803"},
    {"train-images-idx3-ubyte", 0, 7, 13, "truncated: 9 bytes are missing"},
    {"train-images-idx3-ubyte", 0, 6, 13, "declares 30060 bytes, more than its 124"},
    {"train-images-idx3-ubyte", 0, 7, 11, "more bytes than its header declares"},
    {"train-images-idx3-ubyte", 0, 4, 255, "dimension 1"},
    {"train-images-idx3-ubyte", 0, 11, 0, "dimension 2 is 0"},
    {"train-images-idx3-ubyte", 2, -1, 0, "truncated"},
    {"train-images-idx3-ubyte", 10, -1, 0, "truncated"},
    {"train-images-idx3-ubyte", 125, -1, 0, "more bytes than"},
    {"train-labels-idx1-ubyte", 19, 7, 11, "11 labels for 12 images"},
    {"t10k-labels-idx1-ubyte", 0, 7, 5, "more bytes than"},
    {"t10k-images-idx3-ubyte", 16 + 36, 11, 2, "images of 2x3, the training images are 3x3"},
    {"t10k-labels-idx1-ubyte", -1, -1, 0, "is missing"},
};

START_TEST(damaged_idx)
{
    NnError error;
    write_idx();
    const char *path = in_folder(bad_idx[_i].name);
    if (bad_idx[_i].offset >= 0) {
        FILE *file = fopen(path, "r+b");
        fseek(file, bad_idx[_i].offset, SEEK_SET);
        fputc(bad_idx[_i].byte, file);
        fclose(file);
    }
    if (bad_idx[_i].size > 0) ck_assert_int_eq(truncate(path, bad_idx[_i].size), 0);
    if (bad_idx[_i].size < 0) unlink(path);
    Dataset *data = open_data(folder, false, NULL, &error);
    ck_assert_ptr_null(data);
    ck_assert_int_eq(error.status, NN_BAD_INPUT);
    ck_assert_has(error.text, bad_idx[_i].message);
    ck_assert_has(error.text, bad_idx[_i].name);
}
END_TEST

START_TEST(unknown_data)
{
    NnError error;
    ck_assert_ptr_null(open_data(folder, false, NULL, &error));
    ck_assert_has(error.text, "IDX");
    ck_assert_has(error.text, "CSV");
    ck_assert_ptr_null(open_data("no-such-thing", false, NULL, &error));
    ck_assert_has(error.text, "no file or folder no-such-thing");
    ck_assert_int_eq(error.status, NN_BAD_INPUT);
    write_text("x.txt", "text");
    ck_assert_ptr_null(open_data(in_folder("x.txt"), false, NULL, &error));
}
END_TEST

START_TEST(named_data)
{
    NnError error;
    char made[128];
    snprintf(made, sizeof made, "%s/mnist", folder);
    mkdir(made, 0755);
    setenv("NNC_DATA", folder, 1);
    ck_assert_ptr_null(open_data("mnist", false, NULL, &error));
    ck_assert_has(error.text, made);
    strcat(folder, "/mnist");
    write_idx();
    Dataset *data = open_data("mnist", false, NULL, &error);
    ck_assert_msg(data != NULL, "%s", error.text);
    dataset_free(data);
    *strrchr(folder, '/') = 0;
    unsetenv("NNC_DATA");
}
END_TEST

/* ---- CSV ------------------------------------------------------------------------------------ */

START_TEST(csv_values)
{
    NnError error;
    write_text("xor.csv", "a,b,y\r\n0,0,0\r\n0,1,1\r\n\r\n1,0,1\r\n1,1,0");
    Dataset *data = open_data(in_folder("xor.csv"), true, NULL, &error);
    ck_assert_msg(data != NULL, "%s", error.text);
    ck_assert_int_eq(data->part[DATA_TRAIN].count, 4);
    ck_assert_int_eq(data->class_count, 0);
    ck_assert(data->shared && data->part[DATA_TEST].count == 4);
    ck_assert_has(data->notes[0], "same rows");
    ck_assert(data->part[DATA_TRAIN].values[5] == 0 && data->part[DATA_TRAIN].targets[2] == 1);
    dataset_free(data);
    data = open_data(in_folder("xor.csv"), true, "a", &error);
    ck_assert_msg(data != NULL, "%s", error.text);
    ck_assert(data->part[DATA_TRAIN].targets[2] == 1 && data->part[DATA_TRAIN].targets[1] == 0);
    dataset_free(data);
    data = open_data(in_folder("xor.csv"), false, NULL, &error);
    ck_assert_int_eq(data->class_count, 2);
    ck_assert_int_eq(data->part[DATA_TRAIN].labels[1], 1);
    dataset_free(data);
}
END_TEST

START_TEST(csv_classes_by_name)
{
    NnError error;
    char buffer[16];
    write_text("i.csv", "\xEF\xBB\xBFkind;\"width;\"\ncat; 1.5\n\"a \"\"dog\"\"\";-2e3\ncat;.5\n");
    Dataset *data = open_data(in_folder("i.csv"), false, "kind", &error);
    ck_assert_msg(data != NULL, "%s", error.text);
    ck_assert_int_eq(data->class_count, 2);
    ck_assert_str_eq(dataset_class_name(data, 0, buffer), "a \"dog\"");
    ck_assert_str_eq(dataset_class_name(data, 1, buffer), "cat");
    ck_assert_int_eq(data->part[DATA_TRAIN].labels[0], 1);
    ck_assert(data->part[DATA_TRAIN].values[1] == -2000);
    dataset_free(data);
    data = open_data(in_folder("i.csv"), false, "1", &error);
    ck_assert_msg(data != NULL, "%s", error.text);
    dataset_free(data);
}
END_TEST

START_TEST(csv_is_split)
{
    NnError error;
    char text[2048] = "";
    for (int i = 0; i < 60; i++) sprintf(text + strlen(text), "%d,%d\n", i, i % 3 - 1);
    write_text("train.csv", text);
    Dataset *data = open_data(in_folder("train.csv"), false, NULL, &error);
    ck_assert_msg(data != NULL, "%s", error.text);
    ck_assert_int_eq(data->part[DATA_TRAIN].count, 48);
    ck_assert_int_eq(data->part[DATA_TEST].count, 12);
    ck_assert(data->part[DATA_TEST].values[1] == 9 && data->part[DATA_TRAIN].values[4] == 5);
    ck_assert_int_eq(data->class_count, 3); /* −1, 0, 1 */
    ck_assert_int_eq(data->part[DATA_TRAIN].labels[0], 0);
    dataset_free(data);
    write_text("test.csv", "1,0\n2,1\n");
    data = open_data(folder, false, NULL, &error);
    ck_assert_msg(data != NULL, "%s", error.text);
    ck_assert(data->part[DATA_TRAIN].count == 60 && data->part[DATA_TEST].count == 2);
    dataset_free(data);
}
END_TEST

static const struct {
    const char *text;
    bool values;
    const char *target, *message;
} bad_csv[] = {
    {"1,2\n3,x\n", true, NULL, "bad.csv:2:3: expected a number, saw 'x'"},
    {"a,b\n1,2\n3,\n", true, NULL, "bad.csv:3:3: expected a number, saw ''"},
    {"1,2\n-1e39,3\n", true, NULL, "bad.csv:2:1: -1e39 is beyond what a float can hold"},
    {"1,2\nnan,2\n", true, NULL, "bad.csv:2:1"},
    {"1,2\n1e999,2\n", true, NULL, "bad.csv:2:1"},
    {"1,2\n0x10,2\n", true, NULL, "bad.csv:2:1"},
    {"1,2\n1,2,3\n", true, NULL, "bad.csv:2: 3 columns, the first line has 2"},
    {"1\n2\n", true, NULL, "one column"},
    {"a,b\n", true, NULL, "no rows"},
    {"", true, NULL, "no rows"},
    {"a,b\n1,2\n", true, "c", "no column named c"},
    {"1,2\n", true, "3", "no column 3 in"},
    {"1,2\n", true, "0", "no column 0 in"},
    {"1,\"2\n", true, NULL, "bad.csv:1:3: a quote is not closed"},
    {"1,\"2\"3\n", true, NULL, "bad.csv:1:6: text follows"},
    {"1,a\n2,\n", false, NULL, "bad.csv:2:3: the class is empty"},
};

START_TEST(damaged_csv)
{
    NnError error;
    write_text("bad.csv", bad_csv[_i].text);
    Dataset *data = open_data(in_folder("bad.csv"), bad_csv[_i].values, bad_csv[_i].target, &error);
    ck_assert_ptr_null(data);
    ck_assert_has(error.text, bad_csv[_i].message);
    write_bytes("bad.csv", "1,2\n3\0,4\n", 9);
    ck_assert_ptr_null(open_data(in_folder("bad.csv"), true, NULL, &error));
    ck_assert_has(error.text, "zero bytes");
}
END_TEST

Suite *tables_suite(void)
{
    Suite *suite = suite_create("tables");
    TCase *tcase = tcase_create("tables");
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_add_test(tcase, idx_is_read);
    tcase_add_test(tcase, idx_is_read_gzipped);
    tcase_add_loop_test(tcase, damaged_idx, 0, COUNT(bad_idx));
    tcase_add_test(tcase, unknown_data);
    tcase_add_test(tcase, named_data);
    tcase_add_test(tcase, csv_values);
    tcase_add_test(tcase, csv_classes_by_name);
    tcase_add_test(tcase, csv_is_split);
    tcase_add_loop_test(tcase, damaged_csv, 0, COUNT(bad_csv));
    suite_add_tcase(suite, tcase);
    return suite;
}
