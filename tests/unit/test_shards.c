/*
 * WebDataset shards and SVHN's MATLAB files, written here byte by byte.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/core/core.h"
#include "runtime/data/dataset.h"
#include "runtime/data/mat.h"
#include "tests/unit/files.h"
#include "tests/unit/streams.h"

/* ---- shards ----------------------------------------------------------------------------------- */

enum { BLOCK = 512 };

static void add_padded(FILE *file, const void *bytes, size_t size)
{
    static const char zeros[BLOCK];
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    fwrite(zeros, 1, (BLOCK - size % BLOCK) % BLOCK, file);
}

/* A file of an archive, as tar writes it. */
static void add_file(FILE *file, const char *name, char type, const void *bytes, size_t size)
{
    unsigned char header[BLOCK] = {0};
    unsigned sum = 0;
    ck_assert_uint_lt(strlen(name), 100);
    memcpy(header, name, strlen(name));
    sprintf((char *)header + 100, "0000644");
    sprintf((char *)header + 124, "%011zo", size);
    memcpy(header + 257, "ustar\00000", 8);
    header[156] = (unsigned char)type;
    memset(header + 148, ' ', 8);
    for (int i = 0; i < BLOCK; i++) sum += header[i];
    sprintf((char *)header + 148, "%06o", sum);
    fwrite(header, 1, BLOCK, file);
    add_padded(file, bytes, size);
}

static void add_sample(FILE *file, const char *key, int class, int height, int width, int number)
{
    unsigned char bytes[8192];
    char name[128], text[16];
    snprintf(name, sizeof name, "%s.cls", key);
    snprintf(text, sizeof text, "%d\n", class);
    add_file(file, name, '0', text, strlen(text));
    snprintf(name, sizeof name, "%s.json", key);
    add_file(file, name, '0', "{}", 2);
    snprintf(name, sizeof name, "%s.png", key);
    add_file(file, name, '0', bytes, make_png(bytes, sizeof bytes, height, width, number));
}

static void end_archive(FILE *file)
{
    static const char zeros[2 * BLOCK];
    fwrite(zeros, 1, sizeof zeros, file);
    fclose(file);
}

/* The pictures of write_folders, in four shards, in the order in which folders have them. */
static void write_shards(const char *form)
{
    char name[64], key[64];
    int written = 0;
    FILE *file = NULL;
    for (int k = 0; k < CLASSES; k++)
        for (int i = k; i < PICTURES; i += CLASSES, written++) {
            if (written % (PICTURES / 4) == 0) {
                if (file) end_archive(file);
                snprintf(name, sizeof name, form, written / (PICTURES / 4));
                file = create_file(name);
                add_file(file, "below/", '5', "", 0);
            }
            snprintf(key, sizeof key, "below.d/%02d", i);
            add_sample(file, key, k, 8 + i % 5, 9 + i % 7, i);
        }
    end_archive(file);
}

START_TEST(shards_are_streamed)
{
    write_shards("set-%06d.tar");
    compare_with_memory(folder);
}
END_TEST

/* A folder of shards, a pattern and folders of pictures give the same samples. */
START_TEST(shards_are_as_folders)
{
    static float want[FLOATS], got[FLOATS];
    char pattern[128];
    write_folders();
    Stream s;
    open_stream(&s, folder, 1);
    const size_t count = run_epochs(&s, DATA_TRAIN, 1, want);
    close_stream(&s);
    remove_folder();
    make_folder();
    write_shards("set-%02d.tar");
    snprintf(pattern, sizeof pattern, "%s/set-{00..03}.tar", folder);
    for (int i = 0; i < 2; i++) {
        open_stream(&s, i ? pattern : folder, 1);
        ck_assert_uint_eq(run_epochs(&s, DATA_TRAIN, 2, got), count);
        ck_assert_mem_eq(got, want, count * sizeof *want);
        close_stream(&s);
    }
    snprintf(pattern, sizeof pattern, "%s/set-{00..04}.tar", folder);
    ck_assert_ptr_null(dataset_open(pattern, &(DatasetOptions){0}, &s.error));
    ck_assert_has(s.error.text, "set-04.tar: No such file");
}
END_TEST

START_TEST(parts_of_shards)
{
    static const char *const names[] = {"photos-train-0.tar", "photos-train-1.tar", "val/0.tar", "test_0.tar"};
    char key[16];
    NnError error = {0};
    for (int i = 0; i < 4; i++) {
        FILE *file = create_file(names[i]);
        for (int k = 0; k <= i; k++) {
            snprintf(key, sizeof key, "%d", k);
            add_sample(file, key, k, 4, 4, i);
        }
        end_archive(file);
    }
    Dataset *data = dataset_open(folder, &(DatasetOptions){0}, &error);
    ck_assert_msg(data != NULL, "%s", error.text);
    ck_assert_int_eq(data->part[DATA_TRAIN].count, 3);
    ck_assert_int_eq(data->part[DATA_VALID].count, 3);
    ck_assert_int_eq(data->part[DATA_TEST].count, 4);
    ck_assert_int_eq(data->class_count, 4);
    ck_assert_uint_eq(data->part[DATA_TRAIN].pixels[0], 0);
    ck_assert_uint_eq(data->part[DATA_VALID].pixels[0], 14);
    ck_assert_uint_eq(data->part[DATA_TEST].pixels[0], 21);
    dataset_free(data);
    ck_assert_int_eq(remove(in_folder("test_0.tar")), 0);
    data = dataset_open(folder, &(DatasetOptions){0}, &error);
    ck_assert_int_eq(data->part[DATA_VALID].count, 0);
    ck_assert_int_eq(data->part[DATA_TEST].count, 3);
    dataset_free(data);
}
END_TEST

static void refuse_shard(const char *part)
{
    NnError error = {0};
    ck_assert_ptr_null(dataset_open(in_folder("s.tar"), &(DatasetOptions){0}, &error));
    ck_assert_has(error.text, part);
}

/* Names of pax and of GNU tar, which are longer than a header has room for. */
START_TEST(long_names)
{
    char name[200], record[256];
    unsigned char bytes[8192];
    NnError error = {0};
    memset(name, 'n', 150);
    strcpy(name + 150, ".PNG");
    for (int gnu = 0; gnu < 2; gnu++) {
        FILE *file = create_file("s.tar");
        snprintf(record, sizeof record, "%d path=%s\n", 154 + 10, name);
        ck_assert_uint_eq(strlen(record), 164);
        add_file(file, "g", 'g', "13 comment=a\n", 13);
        add_file(file, "long", gnu ? 'L' : 'x', gnu ? name : record, gnu ? strlen(name) + 1 : strlen(record));
        add_file(file, "short.png", '0', bytes, make_png(bytes, sizeof bytes, 4, 4, 9));
        strcpy(name + 150, ".cls");
        snprintf(record, sizeof record, "%d path=%s\n", 154 + 10, name);
        add_file(file, "long", gnu ? 'L' : 'x', gnu ? name : record, gnu ? strlen(name) + 1 : strlen(record));
        add_file(file, "short.cls", '0', "1", 1);
        end_archive(file);
        strcpy(name + 150, ".PNG");
        Dataset *data = dataset_open(in_folder("s.tar"), &(DatasetOptions){0}, &error);
        ck_assert_msg(data != NULL, "%s", error.text);
        ck_assert(data->part[DATA_TRAIN].count == 1 && data->class_count == 2 && data->elements == 48);
        ck_assert_uint_eq(data->part[DATA_TRAIN].pixels[0], 63);
        dataset_free(data);
    }
}
END_TEST

/* Cut anywhere, an archive is an error; so is one byte of a header that is another one. */
START_TEST(damaged_shards)
{
    FILE *file = create_file("s.tar");
    add_sample(file, "a", 0, 4, 4, 1);
    add_sample(file, "b", 1, 4, 4, 2);
    end_archive(file);
    size_t size = 0;
    NnError error = {0};
    char *bytes = nn_read_file(in_folder("s.tar"), &size, &error);
    ck_assert_ptr_nonnull(bytes);
    const long length = (long)size;
    for (long cut = length - 2 * BLOCK; cut > 0; cut -= 100) {
        write_bytes("s.tar", bytes, (size_t)cut);
        refuse_shard("s.tar is truncated");
    }
    for (long at = 0; at < length - 2 * BLOCK; at += 2 * BLOCK) { /* headers of files of one block */
        bytes[at + 3] ^= 1;
        write_bytes("s.tar", bytes, size);
        refuse_shard(at ? "s.tar is damaged: no header with the right checksum at byte" : "is no tar archive");
        bytes[at + 3] ^= 1;
    }
    free(bytes);
}
END_TEST

START_TEST(shards_that_do_not_fit)
{
    unsigned char bytes[8192];
    const size_t size = make_png(bytes, sizeof bytes, 4, 4, 9);
    FILE *file = create_file("s.tar");
    add_file(file, "a.png", '0', bytes, size);
    add_file(file, "b.cls", '0', "1", 1);
    end_archive(file);
    refuse_shard("s.tar: a.png has no class: a file a.cls beside it");
    file = create_file("s.tar");
    add_file(file, "b.cls", '0', "1", 1);
    end_archive(file);
    refuse_shard("s.tar: b.cls has no image");
    file = create_file("s.tar");
    add_file(file, "b.cls", '0', "cat", 3);
    end_archive(file);
    refuse_shard("s.tar: b.cls is 'cat'; a class is a number from 0");
    file = create_file("s.tar");
    add_file(file, "a.txt", '0', "cat", 3);
    end_archive(file);
    refuse_shard("has no samples for training");
    file = create_file("s.tar");
    add_file(file, "a.png", '0', bytes, size - 20);
    add_file(file, "a.cls", '0', "1", 1);
    end_archive(file);
    refuse_shard("s.tar: a.png is damaged");
}
END_TEST

/* ---- SVHN --------------------------------------------------------------------------------------- */

enum { MAT_INT8 = 1, MAT_UINT8 = 2, MAT_INT32 = 5, MAT_UINT32 = 6, MAT_MATRIX = 14, MAT_CLASS_UINT8 = 9 };

/* An element of a MATLAB 5 file: type, length and bytes, padded to 8. */
static void add_element(FILE *file, int32_t type, const void *bytes, int32_t size)
{
    static const char zeros[8];
    fwrite(&type, 4, 1, file);
    fwrite(&size, 4, 1, file);
    fwrite(bytes, 1, (size_t)size, file);
    fwrite(zeros, 1, (size_t)(-size & 7), file);
}

/* A variable of bytes, whose name has one letter. */
static void add_variable(FILE *file, const char *name, int rank, const int32_t *dims, const uint8_t *values)
{
    const uint32_t flags[2] = {MAT_CLASS_UINT8, 0};
    int32_t count = 1, type = MAT_MATRIX;
    for (int i = 0; i < rank; i++) count *= dims[i];
    const int32_t padded_dims = (4 * rank + 7) / 8 * 8, padded_values = (count + 7) / 8 * 8;
    const int32_t size = 16 + 8 + padded_dims + 16 + 8 + padded_values;
    fwrite(&type, 4, 1, file);
    fwrite(&size, 4, 1, file);
    add_element(file, MAT_UINT32, flags, 8);
    add_element(file, MAT_INT32, dims, 4 * rank);
    add_element(file, MAT_INT8, name, 1);
    add_element(file, MAT_UINT8, values, count);
}

enum { DIGIT_HEIGHT = 2, DIGIT_WIDTH = 3, DIGITS = 4, DIGIT_PIXELS = 3 * DIGIT_HEIGHT * DIGIT_WIDTH };

/* Element (i, j, c, n) of X is 50 n + 10 c + 3 i + j. */
static void write_mat(const char *name, const uint8_t *classes, int32_t class_count)
{
    char header[128] = "MATLAB 5.0 MAT-file";
    uint8_t x[DIGITS * DIGIT_PIXELS], *at = x;
    FILE *file = create_file(name);
    memset(header + 19, ' ', 105);
    memcpy(header + 124, "\0\1IM", 4);
    for (int n = 0; n < DIGITS; n++)
        for (int c = 0; c < 3; c++)
            for (int j = 0; j < DIGIT_WIDTH; j++)
                for (int i = 0; i < DIGIT_HEIGHT; i++) *at++ = (uint8_t)(50 * n + 10 * c + 3 * i + j);
    fwrite(header, 1, sizeof header, file);
    add_variable(file, "X", 4, (int32_t[]){DIGIT_HEIGHT, DIGIT_WIDTH, 3, DIGITS}, x);
    add_variable(file, "y", 2, (int32_t[]){class_count, 1}, classes);
    ck_assert_int_eq(fclose(file), 0);
}

static void refuse_digits(const char *part)
{
    NnError error = {0};
    ck_assert_ptr_null(dataset_open(folder, &(DatasetOptions){0}, &error));
    ck_assert_has(error.text, part);
}

START_TEST(svhn)
{
    char library[MAT_LIBRARY_TEXT], path[128];
    NnError error = {0};
    write_mat("train_32x32.mat", (uint8_t[]){1, 10, 9, 2}, DIGITS);
    if (!mat_library(library)) {
        refuse_digits("libmatio");
        return;
    }
    write_mat("test_32x32.mat", (uint8_t[]){3, 3, 3, 10}, DIGITS);
    Dataset *data = dataset_open(folder, &(DatasetOptions){0}, &error);
    ck_assert_msg(data != NULL, "%s", error.text);
    const Samples *train = &data->part[DATA_TRAIN];
    ck_assert(train->count == 4 && data->part[DATA_TEST].count == 4 && data->class_count == 10);
    ck_assert(data->dims[0] == 3 && data->dims[1] == DIGIT_HEIGHT && data->dims[2] == DIGIT_WIDTH);
    ck_assert(train->labels[0] == 1 && train->labels[1] == 0 && train->labels[2] == 9 && train->labels[3] == 2);
    for (int k = 0; k < DIGITS * DIGIT_PIXELS; k++)
        ck_assert_int_eq(train->pixels[k], 50 * (k / 18) + 10 * (k / 6 % 3) + 3 * (k / 3 % 2) + k % 3);
    ck_assert_int_eq(data->part[DATA_TEST].labels[3], 0);
    dataset_free(data);
    snprintf(path, sizeof path, "%s", in_folder("train_32x32.mat"));
    data = dataset_open(path, &(DatasetOptions){0}, &error);
    ck_assert_msg(data != NULL, "%s", error.text);
    ck_assert(data->shared && data->part[DATA_TEST].count == 4);
    dataset_free(data);
}
END_TEST

START_TEST(damaged_svhn)
{
    char library[MAT_LIBRARY_TEXT];
    if (!mat_library(library)) return;
    write_mat("train_32x32.mat", (uint8_t[]){1, 11, 9, 2}, DIGITS);
    refuse_digits("sample 1 has class 11; SVHN's are 1 to 10");
    write_mat("train_32x32.mat", (uint8_t[]){1, 0, 9, 2}, DIGITS);
    refuse_digits("sample 1 has class 0");
    write_mat("train_32x32.mat", (uint8_t[]){1, 2, 9, 2}, DIGITS - 1);
    refuse_digits("train_32x32.mat has no class for each image");
    write_bytes("train_32x32.mat", "MATLAB", 6);
    refuse_digits("train_32x32.mat is no MATLAB file");
    write_mat("train_32x32.mat", (uint8_t[]){1, 2, 9, 2}, DIGITS);
    for (off_t cut = 128; cut < 340; cut += 8) {
        NnError error = {0};
        ck_assert_int_eq(truncate(in_folder("train_32x32.mat"), cut), 0);
        ck_assert_ptr_null(dataset_open(folder, &(DatasetOptions){0}, &error));
        write_mat("train_32x32.mat", (uint8_t[]){1, 2, 9, 2}, DIGITS);
    }
}
END_TEST

Suite *shards_suite(void)
{
    Suite *suite = suite_create("shards");
    TCase *tcase = tcase_create("shards");
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_add_test(tcase, shards_are_streamed);
    tcase_add_test(tcase, shards_are_as_folders);
    tcase_add_test(tcase, parts_of_shards);
    tcase_add_test(tcase, long_names);
    tcase_add_test(tcase, damaged_shards);
    tcase_add_test(tcase, shards_that_do_not_fit);
    tcase_add_test(tcase, svhn);
    tcase_add_test(tcase, damaged_svhn);
    suite_add_tcase(suite, tcase);
    return suite;
}
