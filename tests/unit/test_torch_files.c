/*
 * PyTorch's files: those of tests/torch, and pickles made by hand that want to do harm.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/core.h"
#include "tests/unit/files.h"

static NnTensors *open_file(const char *name)
{
    char path[128];
    NnError error = {0};
    snprintf(path, sizeof path, "tests/torch/%s", name);
    NnTensors *file = nn_tensors_open(path, &error);
    ck_assert_msg(file != NULL, "%s", error.text);
    return file;
}

static void expect(NnTensors *file, const char *name, const char *dims, NnType type, const float *values)
{
    char have[NN_DIMS_TEXT];
    NnError error = {0};
    float read[16];
    const NnTensor *t = nn_tensors_find(file, name);
    ck_assert_msg(t != NULL, "there is no %s", name);
    ck_assert_str_eq(nn_dims_text(t->rank, t->dims, have), dims);
    ck_assert_int_eq(t->type, type);
    ck_assert_msg(nn_tensors_fetch(file, t, &error) == 0, "%s", error.text);
    nn_tensor_floats(t, read);
    for (size_t i = 0; i < t->count; i++)
        ck_assert_msg(read[i] == values[i], "%s[%zu] is %g, not %g", name, i, (double)read[i], (double)values[i]);
}

/* scale·i + shift for i = 0 … 11 */
static const float *line(float scale, float shift)
{
    static float values[12];
    for (int i = 0; i < 12; i++) values[i] = scale * (float)i + shift;
    return values;
}

/* ---- what torch.save wrote ---------------------------------------------------------------- */

static const char *const forms[] = {"zip.pt", "zip_protocol_4.pt", "stream.pt", "stream_protocol_4.pt"};

START_TEST(torch_tensors)
{
    NnTensors *file = open_file(forms[_i]);
    ck_assert_int_eq(nn_tensors_count(file), 12);
    ck_assert_str_eq(nn_tensors_at(file, 0)->name, "float");
    expect(file, "float", "3x4", NN_F32, line(1, -2.5F));
    expect(file, "half", "3x4", NN_F16, line(0.25F, 0));
    expect(file, "bfloat16", "3x4", NN_BF16, line(2, 0));
    expect(file, "double", "3x4", NN_F64, line(1, 0.125F));
    expect(file, "long", "1", NN_I64, (float[]){7});
    expect(file, "bool", "3", NN_BOOL, (float[]){1, 0, 1});
    expect(file, "transposed", "4x3", NN_F32, (float[]){0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11});
    expect(file, "columns", "3x2", NN_F32, (float[]){1, 3, 5, 7, 9, 11});
    expect(file, "row", "4", NN_F32, (float[]){8, 9, 10, 11});
    expect(file, "expanded", "2x3", NN_F32, (float[]){5, 5, 5, 6, 6, 6});
    expect(file, "empty", "0x3", NN_F32, NULL);
    expect(file, "parameter", "2", NN_F32, (float[]){1, 1});
    nn_tensors_close(file);
}
END_TEST

static const char *const checkpoints[] = {"checkpoint_zip.pt", "checkpoint_stream.pt"};

/* Neither the optimizer's tensors nor the best accuracy, and names without "module.". */
START_TEST(torch_checkpoints)
{
    NnTensors *file = open_file(checkpoints[_i]);
    ck_assert_int_eq(nn_tensors_count(file), 7);
    expect(file, "fc.weight", "2x3", NN_F32, line(1, 0));
    expect(file, "fc.bias", "2", NN_F32, line(1, 10));
    expect(file, "bn.weight", "2", NN_F32, line(1, 20));
    expect(file, "bn.num_batches_tracked", "1", NN_I64, (float[]){1});
    nn_tensors_close(file);
}
END_TEST

START_TEST(torch_single_tensor)
{
    NnTensors *file = open_file("single.pt");
    ck_assert_int_eq(nn_tensors_count(file), 1);
    expect(file, "array", "3", NN_F32, line(1, 0));
    nn_tensors_close(file);
}
END_TEST

/* ---- damage ----------------------------------------------------------------------------------- */

static const char *const all_files[] = {
    "zip.pt",   "zip_protocol_4.pt", "stream.pt", "stream_protocol_4.pt", "checkpoint_zip.pt", "checkpoint_stream.pt",
    "single.pt"};

static char *read_whole(const char *name, size_t *size)
{
    char path[128];
    NnError error = {0};
    snprintf(path, sizeof path, "tests/torch/%s", name);
    char *bytes = nn_read_file(path, size, &error);
    ck_assert_msg(bytes != NULL, "%s", error.text);
    return bytes;
}

START_TEST(cut_torch_files)
{
    size_t size;
    char *bytes = read_whole(all_files[_i], &size);
    for (size_t cut = 0; cut < size; cut++) {
        NnError error = {0};
        NnTensors *file = nn_tensors_parse("cut.pt", bytes, cut, &error);
        ck_assert_msg(!file, "%zu of %zu bytes are read", cut, size);
        ck_assert_int_eq(error.status, NN_BAD_INPUT);
    }
    free(bytes);
}
END_TEST

/* Whatever a byte is changed to, what is read lies within the file: the sanitizers look. */
START_TEST(changed_torch_files)
{
    size_t size, read = 0;
    char *bytes = read_whole(all_files[_i], &size);
    for (size_t at = 0; at < size; at++)
        for (int bit = 0; bit < 8; bit++) {
            NnError error = {0};
            bytes[at] = (char)(bytes[at] ^ 1 << bit);
            NnTensors *file = nn_tensors_parse("changed.pt", bytes, size, &error);
            for (int i = 0; file && i < nn_tensors_count(file); i++) {
                float values[64];
                const NnTensor *t = nn_tensors_at(file, i);
                if (t->count <= 64 && !nn_tensors_fetch(file, t, &error)) nn_tensor_floats(t, values);
                read += t->count;
            }
            nn_tensors_close(file);
            bytes[at] = (char)(bytes[at] ^ 1 << bit);
        }
    ck_assert_uint_gt(read, 0);
    free(bytes);
}
END_TEST

/* ---- harm ------------------------------------------------------------------------------------- */

/* The head of the older form, the pickle, and one storage "k" of two floats behind it. */
static NnTensors *parse_stream(const void *pickle, size_t size, NnError *error)
{
    static const char head[] = "\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\2M\xe9\3.\x80\2}.";
    static const char tail[] = "\x80\2]X\1\0\0\0ka.\2\0\0\0\0\0\0\0\0\0\x80?\0\0\0@";
    char *bytes = malloc(sizeof head + size + sizeof tail);
    memcpy(bytes, head, sizeof head - 1);
    memcpy(bytes + sizeof head - 1, pickle, size);
    memcpy(bytes + sizeof head - 1 + size, tail, sizeof tail - 1);
    *error = (NnError){0};
    NnTensors *file = nn_tensors_parse("f.pt", bytes, sizeof head + size + sizeof tail - 2, error);
    free(bytes);
    return file;
}

/* {"t": tensor of storage "k" with two elements, …}: OFFSET, (SIZE), (STRIDE) are opcodes. */
#define STORAGE "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0kX\3\0\0\0cpuK\2tQ"
#define TENSOR(offset, size, stride) \
    "}X\1\0\0\0tctorch._utils\n_rebuild_tensor_v2\n(" STORAGE offset size stride "\x89}tRs."

typedef struct PickleCase {
    const char *pickle;
    size_t size;
    const char *message;
} PickleCase;

#define CASE(text, message)            \
    {                                  \
        text, sizeof text - 1, message \
    }

static const PickleCase harmful[] = {
    CASE("cos\nsystem\n(X\4\0\0\0truetR.", "os.system"),
    CASE("cposix\nsystem\n(X\4\0\0\0truetR.", "posix.system"),
    CASE("c__builtin__\neval\n(X\1\0\0\0001tR.", "__builtin__.eval"),
    CASE("\x80\4\x8c\2os\x8c\6system\x93\x8c\4true\x85R.", "os.system"),
    CASE("(S'true'\nios\nsystem\n.", "opcode 0x69"),
    CASE("(cos\nsystem\nX\4\0\0\0trueo.", "os.system"),
    CASE("ctorch\nFloatStorage\n)\x81.", "opcode 0x81"),
    CASE("ctorch\nFloatStorage\n)R.", "no function"),
    CASE("\x82\1.", "opcode 0x82"),
    CASE("\x97.", "opcode 0x97"),
    CASE("ctorch.nn.modules.linear\nLinear\n)\x81}b.", "torch.nn.modules.linear.Linear"),
    CASE("Pos.system\n.", "storage is not described"),
    CASE(".", "empty stack"),
    CASE("t.", "mark that is not there"),
    CASE("(0.", "empty stack"),
    CASE("K\1a.", "empty stack"),
    CASE("K\1K\1a.", "no list"),
    CASE("](K\1u.", "without a value"),
    CASE("h\1.", "memo 1 is not there"),
    CASE("Nr\xff\xff\xff\xff.", "memo index"),
    CASE("Np-1\n.", "memo index"),
    CASE("X\xff\xff\xff\x7f.", "cut, or damaged"),
    CASE("\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", "cut, or damaged"),
    CASE("\x8b\xff\xff\xff\xff.", "cut, or damaged"),
    CASE("I99999999999999999999999999\n.", "not a number"),
    CASE("N.", "no state_dict"),
    CASE("}X\1\0\0\0aK\1s.", "no state_dict"),
    CASE("\x80\6N.", "protocol 6"),
    CASE(TENSOR("K\1", "K\2\x85", "K\1\x85"), "larger than its storage"),
    CASE(TENSOR("K\0", "K\2\x85", "K\2\x85"), "larger than its storage"),
    CASE(TENSOR("J\xff\xff\xff\xff", "K\2\x85", "K\1\x85"), "not described"),
    CASE(TENSOR("K\0", "J\xff\xff\xff\xff\x85", "K\1\x85"), "not described"),
    CASE(TENSOR("K\0", "K\2\x85", "J\xff\xff\xff\xff\x85"), "not described"),
    CASE(TENSOR("K\0", "K\1K\2\x86", "K\1\x85"), "not described"),
    CASE(TENSOR("K\0", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t"), "9 dimensions"),
    /* 2^62 elements that are all the same one; as many bytes from the first to the last */
    CASE(TENSOR("K\0", "\x8a\x08\0\0\0\0\0\0\0\x40\x85", "K\0\x85"), "larger than its storage"),
    CASE(TENSOR("K\0", "K\5\x85", "\x8a\x08\0\0\0\0\0\0\0\x40\x85"), "larger than its storage"),
    CASE(TENSOR("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", "K\2\x85", "K\1\x85"), "larger than its storage"),
};

START_TEST(harmful_pickles)
{
    NnError error;
    ck_assert_ptr_null(parse_stream(harmful[_i].pickle, harmful[_i].size, &error));
    ck_assert_int_eq(error.status, NN_BAD_INPUT);
    ck_assert_has(error.text, harmful[_i].message);
}
END_TEST

/* The same by hand, unharmed: what the cases above are changes of. */
START_TEST(pickle_by_hand)
{
    static const char pickle[] = TENSOR("K\0", "K\2\x85", "K\1\x85");
    NnError error;
    NnTensors *file = parse_stream(pickle, sizeof pickle - 1, &error);
    ck_assert_msg(file != NULL, "%s", error.text);
    expect(file, "t", "2", NN_F32, (float[]){1, 2});
    nn_tensors_close(file);
}
END_TEST

/* A list in a list in a list …; a list of itself; a mark on a mark. */
START_TEST(deep_pickles)
{
    enum { DEEP = 1000000 };
    NnError error;
    char *deep = malloc(2 * DEEP + 1);
    memset(deep, ']', DEEP);
    memset(deep + DEEP, 'a', DEEP);
    deep[2 * DEEP - 1] = '.';
    ck_assert_ptr_null(parse_stream(deep, 2 * DEEP, &error));
    ck_assert_has(error.text, "no state_dict");
    ck_assert_ptr_null(parse_stream("]q\0h\0a.", 7, &error));
    ck_assert_has(error.text, "no state_dict");
    memset(deep, '(', DEEP);
    deep[DEEP] = '.';
    ck_assert_ptr_null(parse_stream(deep, DEEP + 1, &error));
    ck_assert_has(error.text, "empty stack");
    free(deep);
}
END_TEST

Suite *torch_files_suite(void)
{
    Suite *suite = suite_create("torch_files");
    TCase *tcase = tcase_create("torch_files");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, torch_tensors, 0, COUNT(forms));
    tcase_add_loop_test(tcase, torch_checkpoints, 0, COUNT(checkpoints));
    tcase_add_test(tcase, torch_single_tensor);
    tcase_add_loop_test(tcase, cut_torch_files, 0, COUNT(all_files));
    tcase_add_loop_test(tcase, changed_torch_files, 0, COUNT(all_files));
    tcase_add_loop_test(tcase, harmful_pickles, 0, COUNT(harmful));
    tcase_add_test(tcase, pickle_by_hand);
    tcase_add_test(tcase, deep_pickles);
    suite_add_tcase(suite, tcase);
    return suite;
}
