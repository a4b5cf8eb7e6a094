/*
 * The runtime: random numbers, tensor files, data sets, fitting, schedules, and
 * the training loop around a small linear model written here.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "runtime/core/core.h"
#include "runtime/data/dataset.h"
#include "runtime/train/train.h"

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

static const char *in_folder(const char *name)
{
    static char paths[8][128]; /* the last eight */
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, 128, "%s/%s", folder, name);
    return path;
}

static void write_bytes(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(in_folder(name), "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

static void write_text(const char *name, const char *text) { write_bytes(name, text, strlen(text)); }

#define ck_assert_has(text, part) ck_assert_msg(strstr(text, part) != NULL, "\"%s\" is not in: %s", part, text)

/* ---- random ------------------------------------------------------------------------- */

/* Known answers of the generator's authors (Random123, kat_vectors). */
START_TEST(philox_known_answers)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (int i = 0; i < 3; i++) {
        uint32_t out[4];
        nn_philox(known[i].counter, known[i].key, out);
        ck_assert_mem_eq(out, known[i].out, sizeof out);
    }
    ck_assert_uint_eq(nn_random(0, 0, 0), 0xe169c58d6627e8d5u);
    ck_assert_uint_eq(nn_random(0, 0, 1), 0x9b00dbd8bc57ac4cu);
}
END_TEST

START_TEST(shuffle_is_a_permutation)
{
    enum { COUNT = 1000 };
    int32_t a[COUNT], b[COUNT];
    int seen[COUNT] = {0}, moved = 0;
    nn_shuffle(a, COUNT, 7, 3);
    nn_shuffle(b, COUNT, 7, 3);
    ck_assert_mem_eq(a, b, sizeof a);
    for (int i = 0; i < COUNT; i++) {
        ck_assert(a[i] >= 0 && a[i] < COUNT);
        seen[a[i]]++;
        moved += a[i] != i;
    }
    for (int i = 0; i < COUNT; i++) ck_assert_int_eq(seen[i], 1);
    ck_assert_int_gt(moved, COUNT * 9 / 10);
    nn_shuffle(b, COUNT, 7, 4);
    ck_assert_mem_ne(a, b, sizeof a);
    nn_shuffle(b, COUNT, 8, 3);
    ck_assert_mem_ne(a, b, sizeof a);
}
END_TEST

/* Each of the 6 orders of 3 comes up about 1000 times in 6000 (σ = 29). */
START_TEST(shuffle_is_fair)
{
    int times[27] = {0};
    for (uint64_t epoch = 0; epoch < 6000; epoch++) {
        int32_t order[3];
        nn_shuffle(order, 3, 1, epoch);
        times[order[0] * 9 + order[1] * 3 + order[2]]++;
    }
    for (int i = 0; i < 27; i++)
        if (times[i]) ck_assert_msg(abs(times[i] - 1000) < 150, "an order came up %d times", times[i]);
}
END_TEST

/* ---- tensor files ----------------------------------------------------------------------- */

static int give_values(const void *user, const char *name, float *values, size_t count)
{
    (void)user;
    for (size_t i = 0; i < count; i++) values[i] = (float)i + (float)name[0];
    return strcmp(name, "refused") ? 0 : -1;
}

static NnTensorWriter *sample_writer(NnError *error)
{
    NnTensorWriter *w = nn_writer_new(give_values, NULL, error);
    ck_assert_int_eq(nn_writer_tensor(w, "b.weight", 2, (int64_t[]){2, 3}, error), 0);
    ck_assert_int_eq(nn_writer_tensor(w, "a.bias", 1, (int64_t[]){5}, error), 0);
    ck_assert_int_eq(nn_writer_tensor(w, "scalar", 0, NULL, error), 0);
    ck_assert_int_eq(nn_writer_metadata(w, "note", "quotes \" and é", error), 0);
    return w;
}

START_TEST(tensors_round_trip)
{
    NnError error = {0};
    size_t first_size, second_size;
    NnTensorWriter *w = sample_writer(&error);
    ck_assert_int_eq(nn_writer_save(w, in_folder("t.safetensors"), &error), 0);
    char *first = nn_read_file(in_folder("t.safetensors"), &first_size, &error);
    ck_assert_int_eq(nn_writer_save(w, in_folder("t.safetensors"), &error), 0); /* over the old one */
    char *second = nn_read_file(in_folder("t.safetensors"), &second_size, &error);
    ck_assert_uint_eq(first_size, second_size);
    ck_assert_mem_eq(first, second, first_size);
    ck_assert_uint_eq((unsigned char)first[0] % 8, 0);
    NnTensors *file = nn_tensors_open(in_folder("t.safetensors"), &error);
    ck_assert_msg(file != NULL, "%s", error.text);
    ck_assert_int_eq(nn_tensors_count(file), 3);
    ck_assert_str_eq(nn_tensors_at(file, 0)->name, "b.weight");
    ck_assert_str_eq(nn_tensors_metadata(file, "note"), "quotes \" and é");
    ck_assert_ptr_null(nn_tensors_metadata(file, "b.weight"));
    const NnTensor *bias = nn_tensors_find(file, "a.bias");
    float values[6];
    ck_assert_uint_eq(bias->count, 5);
    nn_tensor_floats(bias, values);
    ck_assert(values[4] == 101.0f);
    ck_assert_int_eq(nn_tensors_find(file, "scalar")->rank, 0);
    ck_assert_uint_eq(nn_tensors_find(file, "scalar")->count, 1);
    nn_tensors_close(file);
    nn_writer_free(w);
    free(first);
    free(second);
}
END_TEST

START_TEST(failed_writes_leave_nothing)
{
    NnError error = {0};
    char list[128];
    NnTensorWriter *w = sample_writer(&error);
    ck_assert_int_eq(nn_writer_save(w, in_folder("none/t.safetensors"), &error), -1);
    ck_assert_int_eq(error.status, NN_BAD_INPUT);
    ck_assert_int_eq(nn_writer_tensor(w, "b.weight", 0, NULL, &error), -1); /* twice */
    ck_assert_int_eq(nn_writer_tensor(w, "refused", 1, (int64_t[]){2}, &error), 0);
    ck_assert_int_eq(nn_writer_save(w, in_folder("t.safetensors"), &error), -1);
    snprintf(list, sizeof list, "test -z \"$(ls -A %s)\"", folder);
    ck_assert_int_eq(system(list), 0);
    nn_writer_free(w);
}
END_TEST

/* A file of this header and so many zero bytes. */
static NnTensors *parse(const char *header, size_t data, NnError *error)
{
    size_t length = strlen(header);
    unsigned char *bytes = calloc(1, 8 + length + data);
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(length >> (8 * i));
    memcpy(bytes + 8, header, length);
    *error = (NnError){0};
    NnTensors *file = nn_tensors_parse("file", bytes, 8 + length + data, error);
    free(bytes);
    return file;
}

static const struct {
    const char *header;
    size_t data;
    const char *message;
} damaged[] = {
    {"[]", 0, "is not a safetensors file"},
    {"{\"a\":", 0, "header"},
    {"{} {}", 0, "header"},
    {"{\"a\":1}", 0, "no dtype"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"a\":{}}", 4, "duplicate"},
    {"{\"a\":{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "unknown type F33"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "its offsets hold 4 bytes"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "not a count"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", 4, "not a count"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":4,\"data_offsets\":[0,4]}}", 4, "no shape"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,4]}}", 4, "offsets hold"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, "9 dimensions"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]}}", 4, "bytes 0 to 8 of 4"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "bytes 4 to 0"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 4, "bytes -4 to 0"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, "no two data_offsets"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,99999999999999999999]}}", 4, "header"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],"
     "\"data_offsets\":[4,8]}}",
     8, "share bytes"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "belong to no tensor"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 8, "4 bytes after the last"},
    {"{\"__metadata__\":{\"a\":1}}", 0, "not a string"},
    {"{\"__metadata__\":7}", 0, "not an object"},
    {"{\"a\\u0000b\":{}}", 0, "header"},
    {"{\"\xff\":{}}", 0, "header"},
};

START_TEST(damaged_tensor_files)
{
    NnError error;
    ck_assert_ptr_null(parse(damaged[_i].header, damaged[_i].data, &error));
    ck_assert_int_eq(error.status, NN_BAD_INPUT);
    ck_assert_has(error.text, damaged[_i].message);
}
END_TEST

START_TEST(cut_tensor_files)
{
    NnError error = {0};
    ck_assert_ptr_null(nn_tensors_parse("file", "1234567", 7, &error));
    ck_assert_has(error.text, "too few");
    ck_assert_ptr_null(nn_tensors_parse("file", "\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10, &error));
    ck_assert_has(error.text, "not a safetensors");
    enum { DEEP = 100000 }; /* brackets in brackets */
    char *nested = malloc(DEEP + 8);
    strcpy(nested, "{\"a\":");
    memset(nested + 5, '[', DEEP);
    nested[DEEP + 5] = 0;
    ck_assert_ptr_null(parse(nested, 0, &error));
    free(nested);
    ck_assert_ptr_null(nn_tensors_open(in_folder("none"), &error));
    ck_assert_int_eq(error.status, NN_BAD_INPUT);
}
END_TEST

START_TEST(tensor_types)
{
    static const unsigned char bytes[] = {
        0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0x00, 0x7c, /* F16: 1, −2, 2^−24, infinity */
        0x80, 0x3f, 0x49, 0xc0,                         /* BF16: 1, −3.140625 */
        0xff, 0xff, 0xff, 0xff, 0x07, 0,    0,    0,    /* I32: −1, 7 */
        0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* I64: −2 */
        0,    0,    0,    0,    0,    0,    0xf8, 0x3f, /* F64: 1.5 */
        200,  3,                                        /* U8 */
    };
    static const char header[] = "{\"h\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[0,8]},"
                                 "\"b\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[8,12]},"
                                 "\"i\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[12,20]},"
                                 "\"l\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[20,28]},"
                                 "\"d\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[28,36]},"
                                 "\"u\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[36,38]}}   ";
    unsigned char file_bytes[8 + sizeof header + sizeof bytes] = {(unsigned char)(sizeof header - 1),
                                                                  (sizeof header - 1) >> 8};
    NnError error = {0};
    memcpy(file_bytes + 8, header, sizeof header - 1);
    memcpy(file_bytes + 8 + sizeof header - 1, bytes, sizeof bytes);
    NnTensors *file = nn_tensors_parse("file", file_bytes, 8 + sizeof header - 1 + sizeof bytes, &error);
    ck_assert_msg(file != NULL, "%s", error.text);
    float f[4];
    double d[2];
    int32_t n[2];
    nn_tensor_floats(nn_tensors_find(file, "h"), f);
    ck_assert(f[0] == 1 && f[1] == -2 && f[2] == 0x1p-24f && isinf(f[3]));
    nn_tensor_floats(nn_tensors_find(file, "b"), f);
    ck_assert(f[0] == 1 && f[1] == -3.140625f);
    ck_assert_int_eq(nn_tensor_ints(nn_tensors_find(file, "i"), n, &error), 0);
    ck_assert(n[0] == -1 && n[1] == 7);
    ck_assert_int_eq(nn_tensor_ints(nn_tensors_find(file, "l"), n, &error), 0);
    ck_assert_int_eq(n[0], -2);
    nn_tensor_doubles(nn_tensors_find(file, "d"), d);
    ck_assert(d[0] == 1.5);
    ck_assert_int_eq(nn_tensor_ints(nn_tensors_find(file, "d"), n, &error), -1);
    ck_assert_int_eq(nn_tensor_ints(nn_tensors_find(file, "h"), n, &error), -1);
    nn_tensor_doubles(nn_tensors_find(file, "u"), d);
    ck_assert(d[0] == 200 && d[1] == 3);
    nn_tensors_close(file);
}
END_TEST

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

/* ---- fitting --------------------------------------------------------------------------------- */

static Dataset images_of(int channels, int height, int width, uint8_t *pixels)
{
    Dataset data = {.rank = 3, .dims = {channels, height, width}, .elements = (size_t)(channels * height * width)};
    data.part[DATA_TRAIN].count = 1;
    data.part[DATA_TRAIN].pixels = pixels;
    return data;
}

static void fit_one(Fitting *f, Dataset *data, float *out)
{
    float scratch[256];
    ck_assert_uint_le(f->scratch, 256);
    fitting_sample(f, &data->part[DATA_TRAIN], 0, out, scratch);
}

START_TEST(fit_pads_and_crops)
{
    uint8_t pixels[4] = {255, 51, 0, 102};
    Dataset data = images_of(1, 2, 2, pixels);
    Fitting f;
    NnError error;
    float out[25];
    ck_assert_int_eq(fitting_init(&f, &data, 3, (int[]){1, 4, 5}, NN_FIT_PAD, &error), 0);
    fit_one(&f, &data, out);
    ck_assert(out[0] == 0 && out[6] == 1 && out[7] == 0.2f && out[11] == 0 && out[12] == 0.4f && out[13] == 0);
    /* the padding is black, and normalised as black is */
    ck_assert_int_eq(fitting_set(&f, 1, (double[]){0.5}, (double[]){0.25}, &error), 0);
    fit_one(&f, &data, out);
    ck_assert(out[0] == -2 && out[6] == 2);
    fitting_free(&f);
    uint8_t larger[16] = {0};
    larger[5] = 255;
    data = images_of(1, 4, 4, larger);
    ck_assert_int_eq(fitting_init(&f, &data, 3, (int[]){1, 2, 2}, NN_FIT_CROP, &error), 0);
    fit_one(&f, &data, out);
    ck_assert(out[0] == 1 && out[3] == 0);
    ck_assert_int_eq(fitting_init(&f, &data, 3, (int[]){1, 2, 2}, NN_FIT_PAD, &error), -1);
    ck_assert_has(error.text, "4x4");
    ck_assert_int_eq(fitting_init(&f, &data, 3, (int[]){1, 5, 2}, NN_FIT_CROP, &error), -1);
    ck_assert_has(error.text, "5x2");
    ck_assert_int_eq(fitting_init(&f, &data, 3, (int[]){2, 4, 4}, NN_FIT_CROP, &error), -1);
    ck_assert_has(error.text, "1 channels, the net takes 2");
}
END_TEST

/* Doubling a row 0 1: half-pixel centres give 0, 1/4, 3/4, 1.  Halving averages. */
START_TEST(fit_resizes)
{
    float out[16], scratch[64];
    fit_resize((float[]){0, 1, 0, 1}, 2, 2, out, 4, 4, scratch);
    ck_assert(out[0] == 0 && out[1] == 0.25f && out[2] == 0.75f && out[3] == 1 && out[13] == 0.25f);
    fit_resize((float[]){1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 4, 4, out, 2, 2, scratch);
    for (int i = 0; i < 4; i++) ck_assert_float_eq_tol(out[i], 1, 1e-6);
    /* 0 1 2 3 → triangle two pixels wide: (0·3 + 1·3 + 2·1)/7 and its mirror image */
    fit_resize((float[]){0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3}, 4, 4, out, 2, 2, scratch);
    ck_assert_float_eq_tol(out[0], 5.0 / 7, 1e-6);
    ck_assert_float_eq_tol(out[1], 16.0 / 7, 1e-6);
    /* a wide image covers a square one: its middle is taken */
    fit_resize((float[]){9, 1, 2, 9, 9, 3, 4, 9}, 2, 4, out, 2, 2, scratch);
    ck_assert(out[0] == 1 && out[1] == 2 && out[2] == 3 && out[3] == 4);
}
END_TEST

START_TEST(fit_channels)
{
    uint8_t grey[1] = {51}, colour[3] = {255, 0, 51};
    Dataset data = images_of(1, 1, 1, grey);
    Fitting f;
    NnError error;
    float out[3];
    ck_assert_int_eq(fitting_init(&f, &data, 3, (int[]){3, 1, 1}, NN_FIT_RESIZE, &error), 0);
    fit_one(&f, &data, out);
    ck_assert(out[0] == 0.2f && out[1] == 0.2f && out[2] == 0.2f);
    ck_assert_has(data.notes[0], "grey");
    data = images_of(3, 1, 1, colour);
    ck_assert_int_eq(fitting_init(&f, &data, 3, (int[]){1, 1, 1}, NN_FIT_RESIZE, &error), 0);
    fit_one(&f, &data, out);
    ck_assert_float_eq_tol(out[0], 0.299 + 0.114 * 0.2, 1e-6);
    ck_assert_has(data.notes[0], "601");
    ck_assert_int_eq(fitting_init(&f, &data, 1, (int[]){3}, NN_FIT_RESIZE, &error), 0);
    ck_assert_int_eq(f.channels, 3);
    ck_assert_int_eq(fitting_init(&f, &data, 1, (int[]){4}, NN_FIT_RESIZE, &error), -1);
    ck_assert_has(error.text, "takes 4 values");
    ck_assert_has(error.text, "3x1x1");
}
END_TEST

START_TEST(fit_measures)
{
    uint8_t pixels[4] = {0, 255, 255, 0};
    Dataset data = images_of(1, 2, 2, pixels);
    Fitting f;
    NnError error;
    ck_assert_int_eq(fitting_init(&f, &data, 3, (int[]){1, 4, 4}, NN_FIT_PAD, &error), 0);
    ck_assert_int_eq(fitting_measure(&f, &data, &error), 0);
    ck_assert_float_eq_tol(f.mean[0], 0.5, 1e-7);
    ck_assert_float_eq_tol(f.std[0], 0.5, 1e-7);
    fitting_free(&f);
    float columns[6] = {1, 7, 2, 7, 3, 7}; /* the second is constant */
    Dataset table = {.rank = 1, .dims = {2}, .elements = 2};
    table.part[DATA_TRAIN] = (Samples){.count = 3, .values = columns};
    ck_assert_int_eq(fitting_init(&f, &table, 1, (int[]){2}, NN_FIT_PAD, &error), 0);
    ck_assert_int_eq(fitting_measure(&f, &table, &error), 0);
    ck_assert_float_eq_tol(f.mean[0], 2, 1e-6);
    ck_assert_float_eq_tol(f.std[0], sqrt(2.0 / 3), 1e-6);
    ck_assert(f.mean[1] == 7 && f.std[1] == 1);
    ck_assert_int_eq(fitting_set(&f, 3, (double[]){0, 0, 0}, (double[]){1, 1, 1}, &error), -1);
    ck_assert_int_eq(fitting_set(&f, 1, (double[]){0}, (double[]){0}, &error), -1);
    fitting_free(&f);
}
END_TEST

START_TEST(feed_kinds)
{
    Dataset classes = {.class_count = 10, .target_count = 1}, two = {.class_count = 2, .target_count = 1};
    Dataset values = {.target_count = 1};
    Fitting f = {.elements = 784};
    Feed feed;
    NnError error;
    ck_assert_int_eq(feed_init(&feed, &classes, &f, true, 10, 1, &error), 0);
    ck_assert_int_eq(feed.kind, FEED_LABELS);
    ck_assert_int_eq(feed_init(&feed, &classes, &f, true, 1000, 1, &error), -1);
    ck_assert_has(error.text, "10 classes, the net has 1000 outputs");
    ck_assert_int_eq(feed_init(&feed, &values, &f, true, 10, 1, &error), -1);
    ck_assert_int_eq(feed_init(&feed, &classes, &f, false, 10, 10, &error), 0);
    ck_assert_int_eq(feed.kind, FEED_ONE_HOT);
    ck_assert_int_eq(feed_init(&feed, &classes, &f, false, 784, 784, &error), 0);
    ck_assert_int_eq(feed.kind, FEED_INPUT);
    ck_assert_int_eq(feed_init(&feed, &two, &f, false, 1, 1, &error), 0);
    ck_assert_int_eq(feed.kind, FEED_BINARY);
    ck_assert_int_eq(feed_init(&feed, &values, &f, false, 1, 1, &error), 0);
    ck_assert_int_eq(feed.kind, FEED_VALUES);
    ck_assert_int_eq(feed_init(&feed, &values, &f, false, 3, 3, &error), -1);
}
END_TEST

/* ---- batches -------------------------------------------------------------------------------- */

/* Ten samples of one value, 0 … 9, which is the target too. */
static void ten(Dataset *data, Fitting *f, Feed *feed, int count)
{
    static float numbers[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    NnError error;
    *data = (Dataset){.rank = 1, .dims = {1}, .elements = 1, .target_count = 1};
    data->part[DATA_TRAIN] = data->part[DATA_TEST] = (Samples){.count = count, .values = numbers, .targets = numbers};
    ck_assert_int_eq(fitting_init(f, data, 1, (int[]){1}, NN_FIT_PAD, &error), 0);
    ck_assert_int_eq(feed_init(feed, data, f, false, 1, 1, &error), 0);
}

START_TEST(batches_of_training)
{
    Dataset data;
    Fitting f;
    Feed feed;
    NnError error;
    ten(&data, &f, &feed, 10);
    float orders[3][9];
    Batcher *b = batcher_new(&feed, DATA_TRAIN, 3, true, 5, &error);
    ck_assert_int_eq(batcher_batches(b), 3);
    for (int epoch = 0; epoch < 3; epoch++) {
        int seen[10] = {0};
        batcher_begin(b, epoch == 2 ? 0 : (uint64_t)epoch);
        for (int i = 0; i < 3; i++) {
            const Batch *batch = batcher_next(b);
            ck_assert_int_eq(batch->count, 3);
            for (int j = 0; j < 3; j++) {
                orders[epoch][i * 3 + j] = batch->x[j];
                ck_assert(batch->x[j] == ((float *)batch->target)[j]);
                ck_assert_int_eq(seen[(int)batch->x[j]]++, 0);
            }
        }
        ck_assert_ptr_null(batcher_next(b));
    }
    ck_assert_mem_ne(orders[0], orders[1], sizeof orders[0]);
    ck_assert_mem_eq(orders[0], orders[2], sizeof orders[0]);
    batcher_begin(b, 9); /* and ended in the middle */
    ck_assert_ptr_nonnull(batcher_next(b));
    batcher_begin(b, 9);
    batcher_free(b);
}
END_TEST

START_TEST(batches_wrap_and_end)
{
    Dataset data;
    Fitting f;
    Feed feed;
    NnError error;
    ten(&data, &f, &feed, 4);
    Batcher *b = batcher_new(&feed, DATA_TRAIN, 10, true, 5, &error);
    ck_assert_int_eq(batcher_batches(b), 1);
    batcher_begin(b, 0);
    const Batch *batch = batcher_next(b);
    ck_assert_int_eq(batch->count, 10);
    for (int i = 4; i < 10; i++) ck_assert(batch->x[i] == batch->x[i - 4]);
    batcher_free(b);
    ten(&data, &f, &feed, 10);
    b = batcher_new(&feed, DATA_TEST, 4, false, 5, &error);
    int counts[] = {4, 4, 2};
    batcher_begin(b, 0);
    for (int i = 0; i < 3; i++) {
        batch = batcher_next(b);
        ck_assert_int_eq(batch->count, counts[i]);
        ck_assert(batch->x[0] == (float)(4 * i));
    }
    ck_assert_ptr_null(batcher_next(b));
    batcher_free(b);
}
END_TEST

/* ---- schedules ------------------------------------------------------------------------------- */

/* lr as torch.optim.lr_scheduler gives it, from its documented formulas. */
START_TEST(schedules)
{
    NnSchedule s = {.kind = NN_CONSTANT, .lr = 0.1, .every = 2, .gamma = 0.5};
    NnPlateau p;
    nn_plateau_init(&p);
    ck_assert_double_eq(nn_schedule_lr(&s, &p, 7, 100, 10), 0.1);
    s.kind = NN_STEP; /* epochs 0, 1: lr; 2, 3: lr/2 */
    ck_assert_double_eq_tol(nn_schedule_lr(&s, &p, 19, 100, 10), 0.1, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_lr(&s, &p, 20, 100, 10), 0.05, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_lr(&s, &p, 99, 100, 10), 0.1 / 16, 1e-15);
    s.kind = NN_EXPONENTIAL;
    ck_assert_double_eq_tol(nn_schedule_lr(&s, &p, 35, 100, 10), 0.0125, 1e-15);
    s.kind = NN_MULTISTEP;
    s.at = (double[]){3, 5};
    s.at_count = 2;
    ck_assert_double_eq_tol(nn_schedule_lr(&s, &p, 29, 100, 10), 0.1, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_lr(&s, &p, 30, 100, 10), 0.05, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_lr(&s, &p, 50, 100, 10), 0.025, 1e-15);
}
END_TEST

START_TEST(schedule_cosine)
{
    NnSchedule s = {.kind = NN_COSINE, .lr = 0.1, .floor = 0.02};
    ck_assert_double_eq_tol(nn_schedule_lr(&s, NULL, 0, 100, 10), 0.1, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_lr(&s, NULL, 50, 100, 10), 0.06, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_lr(&s, NULL, 25, 100, 10), 0.06 + 0.04 * sqrt(0.5), 1e-15);
    s.warmup = 2;
    ck_assert_double_eq_tol(nn_schedule_lr(&s, NULL, 0, 100, 10), 0.1 / 21, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_lr(&s, NULL, 20, 100, 10), 0.1, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_lr(&s, NULL, 60, 100, 10), 0.06, 1e-15);
}
END_TEST

/* OneCycleLR(max_lr=1, total_steps=100, pct_start=0.3): the peak at step 29. */
START_TEST(schedule_onecycle)
{
    NnSchedule s = {.kind = NN_ONECYCLE, .lr = 5, .peak = 1, .warmup = 0.3};
    ck_assert_double_eq_tol(nn_schedule_lr(&s, NULL, 0, 100, 10), 0.04, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_lr(&s, NULL, 29, 100, 10), 1, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_lr(&s, NULL, 99, 100, 10), 0.04 / 1e4, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_lr(&s, NULL, 64, 100, 10), (1 + 4e-6) / 2, 1e-12);
    for (int64_t steps = 1; steps < 5; steps++)
        for (int64_t step = 0; step < steps; step++) ck_assert(isfinite(nn_schedule_lr(&s, NULL, step, steps, 1)));
}
END_TEST

START_TEST(schedule_plateau)
{
    NnSchedule s = {.kind = NN_PLATEAU, .lr = 1, .gamma = 0.1, .patience = 2};
    static const double losses[] = {1, 0.9, 0.95, 0.9, 0.91, 0.8, 0.79999};
    static const double factors[] = {1, 1, 1, 1, 0.1, 0.1, 0.1};
    NnPlateau p;
    nn_plateau_init(&p);
    for (int i = 0; i < 7; i++) {
        nn_plateau_epoch(&p, &s, losses[i]);
        ck_assert_double_eq_tol(nn_schedule_lr(&s, &p, i, 100, 1), factors[i], 1e-15);
    }
}
END_TEST

/* ---- the loop around a linear model ------------------------------------------------------------- */

enum { LINE_BATCH = 4 };

/* y = w x + b under half the mean squared error */
typedef struct Line {
    float w, b;
    int steps;
    float last_lr;
} Line;

static void *line_init(void *block, int training, uint64_t seed)
{
    (void)training, (void)seed;
    *(Line *)block = (Line){0};
    return block;
}

static int line_set(void *model, const char *name, const float *values, size_t count)
{
    Line *line = model;
    if (count != 1 || (strcmp(name, "w") && strcmp(name, "b"))) return -1;
    *(*name == 'w' ? &line->w : &line->b) = *values;
    return 0;
}

static int line_get(const void *model, const char *name, float *values, size_t count)
{
    const Line *line = model;
    if (count != 1) return -1;
    *values = *name == 'w' ? line->w : line->b;
    return 0;
}

static float line_eval(const void *model, const float *x, const void *target, int count, float *y, void *scratch)
{
    const Line *line = model;
    const float *t = target;
    float loss = 0;
    (void)scratch;
    for (int i = 0; i < count; i++) {
        y[i] = line->w * x[i] + line->b;
        loss += (y[i] - t[i]) * (y[i] - t[i]) / 2;
    }
    return loss / (float)count;
}

static float line_step(void *model, const float *x, const void *target, float lr, void *scratch)
{
    Line *line = model;
    float y[LINE_BATCH], loss = line_eval(model, x, target, LINE_BATCH, y, scratch), dw = 0, db = 0;
    for (int i = 0; i < LINE_BATCH; i++) {
        float d = (y[i] - ((const float *)target)[i]) / LINE_BATCH;
        dw += d * x[i];
        db += d;
    }
    line->w -= lr * dw;
    line->b -= lr * db;
    line->steps++;
    line->last_lr = lr;
    return loss;
}

static const nn_tensor_info line_tensors[] = {{"w", NN_TRAINED, 1, {1}, 1}, {"b", NN_TRAINED, 1, {1}, 1}};
static const nn_model_info line_info = {
    .abi = NN_ABI,
    .name = "line",
    .loss = "mse",
    .batch = LINE_BATCH,
    .input_rank = 1,
    .input_dims = {1},
    .output_rank = 1,
    .output_dims = {1},
    .inputs = 1,
    .outputs = 1,
    .params = 2,
    .model_bytes = sizeof(Line),
    .train_bytes = sizeof(Line),
    .target_kind = NN_VALUES,
    .target_count = 1,
    .tensor_count = 2,
    .tensors = line_tensors,
    .init = line_init,
    .set = line_set,
    .get = line_get,
    .eval = line_eval,
    .step = line_step,
};

typedef struct Setting {
    Dataset *data;
    Fitting fitting;
    Feed feed;
    Line line;
    NnTrainConfig config;
    NnTrainResult result;
    NnError error;
    FILE *out;
} Setting;

/* 22 rows of y = 2x + 1, x from −1 to 1. */
static void set_up(Setting *s)
{
    char text[1024] = "";
    memset(s, 0, sizeof *s);
    for (int i = 0; i < 22; i++) sprintf(text + strlen(text), "%g,%g\n", i / 10.5 - 1, 2 * (i / 10.5 - 1) + 1);
    write_text("line.csv", text);
    s->data = open_data(in_folder("line.csv"), true, NULL, &s->error);
    ck_assert_int_eq(fitting_init(&s->fitting, s->data, 1, (int[]){1}, NN_FIT_PAD, &s->error), 0);
    ck_assert_int_eq(feed_init(&s->feed, s->data, &s->fitting, false, 1, 1, &s->error), 0);
    s->out = fopen(in_folder("out"), "w");
    s->config =
        (NnTrainConfig){.epochs = 40, .schedule = {.lr = 0.5}, .seed = 1, .results = s->out, .progress = s->out};
}

static int train_line(Setting *s)
{
    return nn_train(&line_info, &s->line, &s->feed, &s->config, &s->result, &s->error);
}

static void tear_down(Setting *s)
{
    fclose(s->out);
    fitting_free(&s->fitting);
    dataset_free(s->data);
}

START_TEST(training_learns)
{
    Setting s;
    size_t size;
    set_up(&s);
    s.config.log = in_folder("log.csv");
    ck_assert_msg(train_line(&s) == 0, "%s", s.error.text);
    ck_assert_int_eq(s.result.end, NN_DONE);
    ck_assert_int_eq(s.line.steps, 40 * 5); /* 22 rows: 5 whole batches */
    ck_assert(s.result.tested && s.result.test.count == 22 && !s.result.test.classes);
    ck_assert(s.result.test.loss < 1e-6);
    ck_assert_float_eq_tol(s.line.w, 2, 1e-3);
    char *log = nn_read_file(in_folder("log.csv"), &size, &s.error);
    int lines = 0;
    for (char *c = log; *c; c++) lines += *c == '\n';
    ck_assert_int_eq(lines, 1 + 200 + 40);
    free(log);
    Line first = s.line;
    s.line = (Line){0}; /* again: the same bits */
    s.config.log = in_folder("log.jsonl");
    ck_assert_int_eq(train_line(&s), 0);
    ck_assert_mem_eq(&first, &s.line, sizeof first);
    tear_down(&s);
}
END_TEST

START_TEST(training_is_stopped)
{
    Setting s;
    volatile sig_atomic_t stop = 1;
    set_up(&s);
    s.config.stop = &stop;
    ck_assert_int_eq(train_line(&s), 0);
    ck_assert_int_eq(s.result.end, NN_STOPPED);
    ck_assert_int_eq(s.line.steps, 1);
    ck_assert(!s.result.tested);
    s.config.stop = NULL;
    s.config.max_steps = 7;
    ck_assert_int_eq(train_line(&s), 0);
    ck_assert_int_eq(s.result.end, NN_OUT_OF_STEPS);
    ck_assert_int_eq(s.line.steps, 8);
    ck_assert(s.result.tested);
    s.config.max_steps = 0;
    s.config.time_limit = 1e-9;
    ck_assert_int_eq(train_line(&s), 0);
    ck_assert_int_eq(s.result.end, NN_OUT_OF_TIME);
    s.config.time_limit = 0;
    s.config.patience = 2;
    s.config.schedule.lr = 1e-30;
    ck_assert_int_eq(train_line(&s), 0);
    ck_assert_int_eq(s.result.end, NN_NO_BETTER);
    ck_assert_int_eq(s.result.epoch, 3);
    tear_down(&s);
}
END_TEST

START_TEST(training_diverges)
{
    Setting s;
    set_up(&s);
    s.config.schedule.lr = 1e4;
    ck_assert_int_eq(train_line(&s), -1);
    ck_assert_int_eq(s.error.status, NN_BAD_INPUT);
    ck_assert_has(s.error.text, "at step");
    ck_assert_has(s.error.text, "lr 10000");
    ck_assert_has(s.error.text, "--lr 1000");
    tear_down(&s);
}
END_TEST

START_TEST(weights_come_back)
{
    Setting s;
    bool normalized;
    set_up(&s);
    s.line = (Line){.w = 3, .b = -4};
    ck_assert_int_eq(fitting_set(&s.fitting, 1, (double[]){0.1}, (double[]){0.3}, &s.error), 0);
    ck_assert_msg(!nn_weights_save(&line_info, &s.line, &s.feed, NULL, in_folder("w.safetensors"), &s.error), "%s",
                  s.error.text);
    NnTensors *file = nn_tensors_open(in_folder("w.safetensors"), &s.error);
    Line other = {0};
    ck_assert_int_eq(nn_weights_load(&line_info, &other, file, "w", NN_LOAD_ALL, NULL, &s.error), 0);
    ck_assert(other.w == 3 && other.b == -4);
    Fitting f;
    ck_assert_int_eq(fitting_init(&f, s.data, 1, (int[]){1}, NN_FIT_PAD, &s.error), 0);
    ck_assert_int_eq(nn_weights_normalize(file, "w", &f, &normalized, &s.error), 0);
    ck_assert(normalized && f.mean[0] == 0.1f && f.std[0] == 0.3f);
    fitting_free(&f);
    nn_tensors_close(file);
    tear_down(&s);
}
END_TEST

START_TEST(weights_of_another_net)
{
    NnError error;
    Line line = {0};
    NnTensors *file = parse("{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                            "\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]},"
                            "\"n.num_batches_tracked\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[12,20]}}",
                            20, &error);
    ck_assert_msg(file != NULL, "%s", error.text);
    ck_assert_int_eq(nn_weights_load(&line_info, &line, file, "f", NN_LOAD_ALL, NULL, &error), -1);
    ck_assert_has(error.text, "missing     b (1)");
    ck_assert_has(error.text, "unexpected  x (1)");
    ck_assert_has(error.text, "w: 2 in the file, 1 in the net");
    ck_assert_has(error.text, "1 missing, 1 unexpected, 1 of another shape");
    ck_assert_int_eq(nn_weights_load(&line_info, &line, file, "f", NN_LOAD_MATCHING, NULL, &error), -1);
    ck_assert_has(error.text, "no tensor");
    nn_tensors_close(file);
    file = parse("{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, &error);
    line = (Line){.w = 5, .b = 6};
    ck_assert_int_eq(nn_weights_load(&line_info, &line, file, "f", NN_LOAD_MATCHING, NULL, &error), 0);
    ck_assert(line.w == 0 && line.b == 6);
    nn_tensors_close(file);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

Suite *runtime_suite(void)
{
    Suite *suite = suite_create("runtime");
    TCase *core = tcase_create("core"), *data = tcase_create("data"), *train = tcase_create("train");
    tcase_add_checked_fixture(core, make_folder, remove_folder);
    tcase_add_checked_fixture(data, make_folder, remove_folder);
    tcase_add_checked_fixture(train, make_folder, remove_folder);
    tcase_add_test(core, philox_known_answers);
    tcase_add_test(core, shuffle_is_a_permutation);
    tcase_add_test(core, shuffle_is_fair);
    tcase_add_test(core, tensors_round_trip);
    tcase_add_test(core, failed_writes_leave_nothing);
    tcase_add_loop_test(core, damaged_tensor_files, 0, COUNT(damaged));
    tcase_add_test(core, cut_tensor_files);
    tcase_add_test(core, tensor_types);
    tcase_add_test(data, idx_is_read);
    tcase_add_test(data, idx_is_read_gzipped);
    tcase_add_loop_test(data, damaged_idx, 0, COUNT(bad_idx));
    tcase_add_test(data, unknown_data);
    tcase_add_test(data, named_data);
    tcase_add_test(data, csv_values);
    tcase_add_test(data, csv_classes_by_name);
    tcase_add_test(data, csv_is_split);
    tcase_add_loop_test(data, damaged_csv, 0, COUNT(bad_csv));
    tcase_add_test(data, fit_pads_and_crops);
    tcase_add_test(data, fit_resizes);
    tcase_add_test(data, fit_channels);
    tcase_add_test(data, fit_measures);
    tcase_add_test(data, feed_kinds);
    tcase_add_test(data, batches_of_training);
    tcase_add_test(data, batches_wrap_and_end);
    tcase_add_test(train, schedules);
    tcase_add_test(train, schedule_cosine);
    tcase_add_test(train, schedule_onecycle);
    tcase_add_test(train, schedule_plateau);
    tcase_add_test(train, training_learns);
    tcase_add_test(train, training_is_stopped);
    tcase_add_test(train, training_diverges);
    tcase_add_test(train, weights_come_back);
    tcase_add_test(train, weights_of_another_net);
    suite_add_tcase(suite, core);
    suite_add_tcase(suite, data);
    suite_add_tcase(suite, train);
    return suite;
}
