/*
 * safetensors files: written and read back, damaged, cut, of other types.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/core.h"
#include "tests/unit/files.h"

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
    ck_assert_ptr_null(parse_tensors(damaged[_i].header, damaged[_i].data, &error));
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
    ck_assert_ptr_null(parse_tensors(nested, 0, &error));
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

Suite *tensor_files_suite(void)
{
    Suite *suite = suite_create("tensor_files");
    TCase *tcase = tcase_create("tensor_files");
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_add_test(tcase, tensors_round_trip);
    tcase_add_test(tcase, failed_writes_leave_nothing);
    tcase_add_loop_test(tcase, damaged_tensor_files, 0, COUNT(damaged));
    tcase_add_test(tcase, cut_tensor_files);
    tcase_add_test(tcase, tensor_types);
    suite_add_tcase(suite, tcase);
    return suite;
}
