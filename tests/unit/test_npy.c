/*
 * Data sets of NumPy arrays: .npz archives and folders of .npy files.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <zlib.h>

#include "runtime/core/core.h"
#include "tests/unit/files.h"
#include "tests/unit/streams.h"

static const DatasetOptions none;

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
        ck_assert_int_eq(deflateInit2(&s, 1, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
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

/* A quarter of a gigabyte of zeros in as much of a megabyte: the shape costs nothing to know. */
START_TEST(npz_announces_much)
{
    enum { ZEROS = 1 << 28, PIECE = 1 << 20 };
    static Zip zip;
    static unsigned char head[256], zeros[PIECE];
    unsigned char *packed = malloc(ZEROS / 500), *archive;
    NnError error = {0};
    size_t head_size = make_npy(head, "|u1", "(268435456,)", zeros, 0);
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
    refuse_set(folder, &none, "has no y_train or y");
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
    refuse_set(folder, &none, "values that are not classes");
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
    refuse_set(folder, &none, "sample 2 has class -1");
    write_npy("y_train.npy", "<i4", "(3,)", labels, 12);
    refuse_set(folder, &none, "y_train.npy is 3, for 4 samples");
    labels[2] = 0;
    write_npy("y_train.npy", "<i4", "(4,)", labels, 16);
    write_npy("x_test.npy", "<f4", "(2, 3)", x, 24);
    refuse_set(folder, &none, "has no y_test");
    write_npy("y_test.npy", "<i4", "(2,)", labels, 8);
    refuse_set(folder, &none, "x_test.npy is 2x3 of type F32");
    write_npy("x_test.npy", "<f4", "(2, 2)", bad, 16);
    refuse_set(folder, &none, "x_test.npy: a value of sample 1 is nan");
    write_npy("x_test.npy", "<U4", "(2, 2)", x, 64);
    refuse_set(folder, &none, "the elements are '<U4'");
    write_npy("x_test.npy", "<f4", "(2, 2)", x, 20);
    refuse_set(folder, &none, "20 bytes follow its header");
    write_bytes("x_test.npy", "\x93NUMPY\1\0\xFF\xFF", 10);
    refuse_set(folder, &none, "a header of 65535 bytes");
}
END_TEST

Suite *npy_suite(void)
{
    Suite *suite = suite_create("npy");
    TCase *tcase = tcase_create("npy");
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_add_loop_test(tcase, npz_is_read, 0, 4);
    tcase_add_loop_test(tcase, damaged_npz, 0, 4);
    tcase_add_test(tcase, npz_announces_much);
    tcase_add_loop_test(tcase, npy_types, 0, NPY_TYPES);
    tcase_add_test(tcase, npy_folder);
    tcase_add_test(tcase, arrays_that_do_not_fit);
    suite_add_tcase(suite, tcase);
    return suite;
}
