/* Initial values that are more than one number drawn for each element. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "elab/elaborate.h"
#include "files.h"
#include "front/front.h"
#include "nets.h"

/* y = W Wᵀ of three rows of length 2, or Wᵀ W of three columns: 4 times the identity. */
static void check_orthogonal(const char *text, bool plain)
{
    Compilation *c = compilation_new();
    Running r = run_net_form(c, text, 1, plain);
    float x = 0, y[9];
    r.info->infer(r.model, &x, y, r.scratch);
    for (int k = 0; k < 9; k++) ck_assert_float_eq_tol(y[k], k % 4 == 0 ? 4 : 0, 1e-5F);
    run_end(&r);
    compilation_free(c);
}

START_TEST(orthogonal_rows)
{
    check_orthogonal("net n { input(1) param(3x5, init=orthogonal(2)) matmul { } { permute([1, 0]) } }", _i);
}
END_TEST

START_TEST(orthogonal_columns)
{
    check_orthogonal("net n { input(1) param(5x3, init=orthogonal(gain=2)) matmul { permute([1, 0]) } { } }", _i);
}
END_TEST

/* exp(−1/2) one step along the crests of the wave, exp(−1/2) cos(π/2) = 0 a quarter of a wave across. */
START_TEST(gabor_filters)
{
    Compilation *c = compilation_new();
    Running r = run_net_form(c, "net n { input(2x3x3) conv(2, 3, init=gabor(1, 4)) as c }", 1, _i);
    float w[36];
    ck_assert_int_eq(r.info->get(r.model, "c.weight", w, 36), 0);
    const float step = (float)exp(-0.5);
    for (int k = 0; k < 36; k += 9) {
        const float across = k < 18 ? 0 : step, along = k < 18 ? step : 0; /* the second output is at a right angle */
        ck_assert_float_eq_tol(2 * w[k + 4], 1, 1e-6F);
        ck_assert_float_eq_tol(2 * w[k + 5], across, 1e-6F);
        ck_assert_float_eq_tol(2 * w[k + 3], across, 1e-6F);
        ck_assert_float_eq_tol(2 * w[k + 1], along, 1e-6F);
    }
    run_end(&r);
    compilation_free(c);
}
END_TEST

/* ---- from files ------------------------------------------------------------ */

static int count_up(const void *user, const char *name, float *values, size_t count)
{
    (void)user;
    for (size_t i = 0; i < count; i++) values[i] = (float)i + (name[0] == 'b' ? 100 : 0);
    return 0;
}

/* filters [2][3] of 0, 1, …, and bias [2] of 100, 101. */
static void write_tensors(const char *path)
{
    NnError error = {0};
    NnTensorWriter *w = nn_writer_new(count_up, NULL, &error);
    ck_assert_int_eq(nn_writer_tensor(w, "filters", 2, (int64_t[]){2, 3}, &error), 0);
    ck_assert_int_eq(nn_writer_tensor(w, "bias", 1, (int64_t[]){2}, &error), 0);
    ck_assert_int_eq(nn_writer_save(w, path, &error), 0);
    nn_writer_free(w);
}

/* The net of a source in this folder, which names a file in it. */
static Graph *net_beside(Compilation *c, const char *text)
{
    write_tensors(in_folder("t.safetensors"));
    write_text("n.nn", text);
    return net_of_file(c, front_parse_file(c, in_folder("n.nn")), NULL, NULL);
}

static const Tensor *tensor_called(const Graph *net, const char *name)
{
    for (int i = 0; i < net->model.count; i++) {
        const Tensor *t = net->model.at[i];
        if (!strcmp(t->name, name)) return t;
    }
    ck_abort_msg("there is no tensor %s", name);
    return NULL;
}

START_TEST(values_of_a_file)
{
    Compilation *c = compilation_new();
    const Graph *net = net_beside(c, "net n { input(3)\n"
                                     "dense(2, init=file(\"t.safetensors\", \"filters\"),"
                                     "      bias_init=file(\"t.safetensors\", name=\"bias\")) as d }");
    const Tensor *weight = tensor_called(net, "d.weight"), *bias = tensor_called(net, "d.bias");
    for (int i = 0; i < 6; i++) ck_assert_double_eq(weight->values[i], i);
    for (int i = 0; i < 2; i++) ck_assert_double_eq(bias->values[i], 100 + i);
    compilation_free(c);
}
END_TEST

/* A block of another folder names its file from there. */
START_TEST(file_beside_an_import)
{
    Compilation *c = compilation_new();
    write_text("lib/lib.nn", "block b() { dense(2, init=file(\"t.safetensors\", \"filters\")) as d }");
    write_tensors(in_folder("lib/t.safetensors"));
    write_text("n.nn", "import \"lib/lib.nn\"\nnet n { input(3) b() as b }");
    const Graph *net = net_of_file(c, front_parse_file(c, in_folder("n.nn")), NULL, NULL);
    ck_assert_double_eq(tensor_called(net, "b.d.weight")->values[5], 5);
    compilation_free(c);
}
END_TEST

/* w.npy: 5, 4, 3, 2, 1, 0 in that shape. */
static const float array_values[6] = {5, 4, 3, 2, 1, 0};

static void write_array(const char *shape)
{
    enum { HEADER = 118 };
    char bytes[10 + HEADER + sizeof array_values + 1] = "\x93NUMPY\x01\x00", descr[HEADER];
    bytes[8] = HEADER;
    snprintf(descr, sizeof descr, "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }", shape);
    snprintf(bytes + 10, HEADER + 1, "%-117s\n", descr);
    memcpy(bytes + 10 + HEADER, array_values, sizeof array_values);
    write_bytes("w.npy", bytes, sizeof bytes - 1);
}

/* They arrive in the model of a compiled net; an .npy has one array, which needs no name. */
START_TEST(array_of_a_file)
{
    write_array("(2, 3)");
    Compilation *c = compilation_new();
    const char *text =
        arena_printf(c->arena, "net n { input(3) dense(2, init=file(\"%s\")) as d }", in_folder("w.npy"));
    Running r = run_net_form(c, text, 1, _i);
    float w[6];
    ck_assert_int_eq(r.info->get(r.model, "d.weight", w, 6), 0);
    ck_assert_mem_eq(w, array_values, sizeof w);
    run_end(&r);
    compilation_free(c);
}
END_TEST

static const struct {
    const char *init, *error;
} file_errors[] = {
    {"file(\"none.npy\")", "none.npy"},
    {"file(\"t.safetensors\")", "t.safetensors has 2 tensors; name one of them"},
    {"file(\"t.safetensors\", \"filter\")", "no tensor `filter` in t.safetensors, did you mean `filters`?"},
    {"file(\"t.safetensors\", \"bias\")", "d.weight is 2x3, but its initial values in t.safetensors are 2"},
    {"file(t, \"bias\")", "file: path takes a string"},
    {"file(\"n.nn\")", "n.nn"},
};

/* The one error has that in it. */
static void assert_said(Compilation *c, const char *text)
{
    char *printed;
    size_t size;
    FILE *out = open_memstream(&printed, &size);
    ck_assert_int_eq(c->errors, 1);
    diag_print(c, out, false);
    fclose(out);
    ck_assert_has(printed, text);
    free(printed);
}

START_TEST(wrong_files)
{
    Compilation *c = compilation_new();
    List none = {0};
    write_tensors(in_folder("t.safetensors"));
    write_text("n.nn", arena_printf(c->arena, "net n { input(3) dense(2, init=%s) as d }", file_errors[_i].init));
    const File *file = front_parse_file(c, in_folder("n.nn"));
    ck_assert_ptr_nonnull(file);
    elaborate(c, file, NULL, &none);
    assert_said(c, file_errors[_i].error);
    compilation_free(c);
}
END_TEST

/* Axes of 1 before the others make no difference, as in weights files. */
static const struct {
    const char *shape, *error; /* NULL: it fits */
} array_shapes[] = {
    {"(1, 2, 3)", NULL},
    {"(1, 1, 1, 1, 2, 3)", NULL},
    {"(2, 1, 3)", "d.weight is 2x3, but its initial values in w.npy are 2x1x3"},
    {"(1, 3, 2)", "d.weight is 2x3, but its initial values in w.npy are 1x3x2"},
    {"(1, 6)", "d.weight is 2x3, but its initial values in w.npy are 1x6"},
    {"(1, 2, 1, 1, 1, 3)", "w.npy is 1x2x1x1x1x3; initial values have 1 to 4 axes"},
};

START_TEST(leading_axes_of_a_file)
{
    Compilation *c = compilation_new();
    List none = {0};
    write_array(array_shapes[_i].shape);
    write_text("n.nn", "net n { input(3) dense(2, init=file(\"w.npy\")) as d }");
    const File *file = front_parse_file(c, in_folder("n.nn"));
    if (array_shapes[_i].error) {
        elaborate(c, file, NULL, &none);
        assert_said(c, array_shapes[_i].error);
    } else {
        const Graph *net = net_of_file(c, file, NULL, NULL);
        for (int i = 0; i < 6; i++) ck_assert_double_eq(tensor_called(net, "d.weight")->values[i], 5 - i);
    }
    compilation_free(c);
}
END_TEST

Suite *init_suite(void)
{
    Suite *suite = suite_create("init");
    TCase *files = tcase_create("init_files");
    tcase_add_checked_fixture(files, make_folder, remove_folder);
    tcase_add_test(files, values_of_a_file);
    tcase_add_test(files, file_beside_an_import);
    tcase_add_loop_test(files, array_of_a_file, 0, 2);
    tcase_add_loop_test(files, leading_axes_of_a_file, 0, COUNT(array_shapes));
    tcase_add_loop_test(files, wrong_files, 0, COUNT(file_errors));
    suite_add_tcase(suite, files);
    TCase *tcase = tcase_create("init");
    tcase_add_loop_test(tcase, orthogonal_rows, 0, 2);
    tcase_add_loop_test(tcase, orthogonal_columns, 0, 2);
    tcase_add_loop_test(tcase, gabor_filters, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}
