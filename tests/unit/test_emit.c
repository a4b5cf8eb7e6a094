/*
 * Emit: which of the kernels' definitions are pasted, what the writer notes of the
 * runtime, templates with named parts, and long lines.
 */
#include <check.h>
#include <string.h>

#include "emit/emitter.h"

static const char kernels[] = "/* File. */\n"
                              "#ifndef NN_X_H\n"
                              "#define NN_X_H\n"
                              "\n"
                              "#if defined(NN_WIDE)\n"
                              "enum { NN_W = 8, NN_M = 2 };\n"
                              "#else\n"
                              "enum { NN_W = 4 };\n"
                              "#endif\n"
                              "typedef struct nn_d {\n"
                              "    const float *at, *to;\n"
                              "    int n;\n"
                              "} nn_d;\n"
                              "typedef float nn_unary(const float *x);\n"
                              "typedef int (*nn_pointer)(nn_d *d);\n"
                              "typedef struct nn_team nn_team;\n"
                              "\n"
                              "#ifdef NN_LINKED\n"
                              "void nn_add(const nn_d *, nn_opaque *);\n"
                              "void nn_run(nn_team *team, int count,\n"
                              "            int more);\n"
                              "#else\n"
                              "#include <pthread.h>\n"
                              "struct nn_team { int size; };\n"
                              "#ifdef NN_LINKED\n"
                              "void nn_inner(void);\n"
                              "#else\n"
                              "static void nn_inner(void) {}\n"
                              "#endif\n"
                              "static void nn_run(nn_team *team, int count, int more) { team->size = 0; }\n"
                              "\n"
                              "/* Twice; not nn_lone. */\n"
                              "static __attribute__((unused)) float nn_twice(float x)\n"
                              "{\n"
                              "#if defined(NN_AVX)\n"
                              "    if (x > 0) { return 2 * x; }\n"
                              "#endif\n"
                              "    return \"nn_lone }\"[0] + 2 * x;\n"
                              "}\n"
                              "\n"
                              "static void nn_add(const nn_d *d) { nn_twice(d->n * NN_W); }\n"
                              "static const int nn_lone[2] = {1, 2}; /* a table */\n"
                              "static int nn_call(nn_pointer p, nn_unary *f) { return p(0) + (int)f(nn_lone[0]); }\n"
                              "#define NN_TOP(x) nn_call(x, nn_twice)\n"
                              "\n"
                              "#endif\n"
                              "#endif\n";

static KernelSlice sliced(Arena *arena, const char *name)
{
    Map *used = map_new(arena);
    map_put(used, name, used);
    return kernel_slice(arena, kernels, used);
}

START_TEST(a_slice_has_what_a_function_reaches)
{
    Arena *arena = arena_new();
    const KernelSlice slice = sliced(arena, "nn_add");
    ck_assert_str_eq(slice.types, "typedef struct nn_d {\n"
                                  "    const float *at, *to;\n"
                                  "    int n;\n"
                                  "} nn_d;\n");
    ck_assert_str_eq(slice.prototypes, "static void nn_add(const nn_d *, nn_opaque *);\n");
    ck_assert_str_eq(slice.definitions, "#if defined(NN_WIDE)\n"
                                        "enum { NN_W = 8, NN_M = 2 };\n"
                                        "#else\n"
                                        "enum { NN_W = 4 };\n"
                                        "#endif\n"
                                        "\n"
                                        "/* Twice; not nn_lone. */\n"
                                        "static __attribute__((unused)) float nn_twice(float x)\n"
                                        "{\n"
                                        "#if defined(NN_AVX)\n"
                                        "    if (x > 0) { return 2 * x; }\n"
                                        "#endif\n"
                                        "    return \"nn_lone }\"[0] + 2 * x;\n"
                                        "}\n"
                                        "\n"
                                        "static void nn_add(const nn_d *d) { nn_twice(d->n * NN_W); }\n");
    arena_free(arena);
}
END_TEST

/* What has no prototype is defined among the declarations. */
START_TEST(a_slice_follows_types_tables_and_macros)
{
    Arena *arena = arena_new();
    const KernelSlice slice = sliced(arena, "NN_TOP");
    static const char *const reached[] = {"struct nn_d",
                                          "nn_unary(const float *x);",
                                          "(*nn_pointer)",
                                          "nn_twice(float x)",
                                          "nn_lone[2] = {1, 2}; /* a table */\n",
                                          "#define NN_TOP(x)"};
    for (size_t i = 0; i < sizeof reached / sizeof *reached; i++)
        ck_assert_msg(strstr(slice.types, reached[i]), "%s", slice.types);
    ck_assert_ptr_null(strstr(slice.types, "nn_add"));
    ck_assert_ptr_null(strstr(slice.types, "NN_W"));
    ck_assert_str_eq(slice.prototypes, "");
    ck_assert_str_eq(slice.definitions, "");
    arena_free(arena);
}
END_TEST

/* A type with a name outside has its members among the definitions; a prototype is one line. */
START_TEST(a_slice_declares_no_more_than_is_used)
{
    Arena *arena = arena_new();
    const KernelSlice slice = sliced(arena, "nn_run");
    ck_assert_str_eq(slice.types, "typedef struct nn_team nn_team;\n");
    ck_assert_str_eq(slice.prototypes, "static void nn_run(nn_team *team, int count, int more);\n");
    ck_assert_str_eq(slice.definitions, "struct nn_team { int size; };\n"
                                        "static void nn_run(nn_team *team, int count, int more) { team->size = 0; }\n");
    ck_assert_int_eq(map_count(slice.includes), 1);
    ck_assert_str_eq(map_key(slice.includes, 0), "#include <pthread.h>");
    arena_free(arena);
}
END_TEST

/* Of a header that another includes among its definitions. */
START_TEST(a_slice_declares_kernels_of_inner_headers)
{
    Arena *arena = arena_new();
    const KernelSlice slice = sliced(arena, "nn_inner");
    ck_assert_str_eq(slice.types, "");
    ck_assert_str_eq(slice.prototypes, "static void nn_inner(void);\n");
    ck_assert_str_eq(slice.definitions, "static void nn_inner(void) {}\n");
    arena_free(arena);
}
END_TEST

START_TEST(a_slice_of_nothing_is_empty)
{
    Arena *arena = arena_new();
    const KernelSlice slice = sliced(arena, "nn_other");
    ck_assert_str_eq(slice.types, "");
    ck_assert_str_eq(slice.prototypes, "");
    ck_assert_str_eq(slice.definitions, "");
    arena_free(arena);
}
END_TEST

START_TEST(the_writer_notes_names_of_the_runtime)
{
    Arena *arena = arena_new();
    Writer *w = writer_new(arena, false);
    writer_bind(w, "name", "nn_relu");
    writer_put(w, "$name(x, NN_W); my_nn_own(y);\n");
    const Map *names = writer_names(w);
    ck_assert_int_eq(map_count(names), 2);
    ck_assert_ptr_nonnull(map_get(names, "nn_relu"));
    ck_assert_ptr_nonnull(map_get(names, "NN_W"));
    arena_free(arena);
}
END_TEST

/* Of images: without dimensions of 1 at the end; a bias; what is indexed by one sum. */
static Writer *shaped_writer(Arena *arena, const Map *flat)
{
    static const int64_t image[] = {8, 3, 5, 1}, vector[] = {3};
    Writer *w = writer_new(arena, false);
    writer_shape_arrays(w, flat);
    writer_bind_array(w, "x", "x", 4, image);
    writer_bind_array(w, "y", "y", 4, image);
    writer_bind_array(w, "bias", "bias", 1, vector);
    return w;
}

START_TEST(elements_have_an_index_for_each_dimension)
{
    Arena *arena = arena_new();
    Writer *w = shaped_writer(arena, NULL);
    writer_put(w, "@y(k) = @x(n, c, i + 1, 0) + @bias(c);");
    ck_assert_str_eq(writer_text(w), "y[k] = x[n][c][i + 1] + bias[c];\n");
    const ArrayShape x = writer_array_shape(w, "x");
    ck_assert_int_eq(x.rank, 3);
    ck_assert_int_eq((int)x.dim[2], 5);
    ck_assert_int_eq(writer_array_shape(w, "bias").rank, 1);
    ck_assert_int_eq(writer_array_shape(w, "y").rank, 0);
    ck_assert_int_eq(map_count(writer_mixed_arrays(w)), 0);
    arena_free(arena);
}
END_TEST

START_TEST(an_array_of_two_shapes_is_flat)
{
    static const char template[] = "@x(n, c, 0, 0) = @x(k);";
    Arena *arena = arena_new();
    Writer *first = shaped_writer(arena, NULL);
    writer_put(first, template);
    ck_assert_ptr_nonnull(map_get(writer_mixed_arrays(first), "x"));
    Writer *second = shaped_writer(arena, writer_mixed_arrays(first));
    writer_put(second, template);
    ck_assert_str_eq(writer_text(second), "x[(n * 3 + c) * 5] = x[k];\n");
    ck_assert_int_eq(writer_array_shape(second, "x").rank, 0);
    Writer *raw = shaped_writer(arena, NULL);
    writer_put(raw, "x[k] = 0; @y(n, c, 0, 0) = @y(n, c, 1, 0);\n@x(n, c, 0, 0) = 1;");
    ck_assert_ptr_nonnull(map_get(writer_mixed_arrays(raw), "x"));
    ck_assert_ptr_null(map_get(writer_mixed_arrays(raw), "y"));
    arena_free(arena);
}
END_TEST

START_TEST(a_template_has_its_parts_in_place)
{
    Arena *arena = arena_new();
    const Emitter e = {.arena = arena, .prefix = "net", .upper = "NET", .real = "double"};
    Text out;
    text_init(&out, arena);
    emitter_put(&e, &out, "{real} {prefix}_x[2] = {{PREFIX}_A, {0}}; /* { a } {");
    ck_assert_str_eq(out.data, "double net_x[2] = {NET_A, {0}}; /* { a } {");
    text_init(&out, arena);
    emitter_put_parts(&e, &out, "{a}{ab}{a_b}{prefix}", PARTS({"ab", "{a}"}, {"a", "1"}, {"a_b", ""}, {"prefix", "p"}));
    ck_assert_str_eq(out.data, "1{a}p");
    arena_free(arena);
}
END_TEST

static const char *wrapped(Arena *arena, const char *text)
{
    Text out;
    text_init(&out, arena);
    wrap_lines(&out, text);
    return out.data;
}

START_TEST(long_lines_are_broken_after_arguments)
{
    Arena *arena = arena_new();
    ck_assert_str_eq(wrapped(arena,
                             "static void net_layer(const float x[64][6][28][28], const float weight[16][6][5][5], "
                             "float y[64][16][24][24]);\nint k;\n"),
                     "static void net_layer(const float x[64][6][28][28], const float weight[16][6][5][5],\n"
                     "                      float y[64][16][24][24]);\nint k;\n");
    ck_assert_str_eq(wrapped(arena, "    if (t == 0) layer_forward((const float (*)[84])value_of_a_layer, f(m->weight, "
                                    "m->weight), m->bias, (float (*)[10])y);"),
                     "    if (t == 0) layer_forward((const float (*)[84])value_of_a_layer, f(m->weight, m->weight),\n"
                     "                              m->bias, (float (*)[10])y);");
    ck_assert_str_eq(wrapped(arena,
                             "    float (*grad_add)(void *model, const float *x, const void *target, void *gradients, "
                             "void *scratch,\n                      const nn_hooks *hooks);"),
                     "    float (*grad_add)(void *model, const float *x, const void *target, void *gradients,\n"
                     "                      void *scratch,\n                      const nn_hooks *hooks);");
    arena_free(arena);
}
END_TEST

START_TEST(long_names_are_broken_after_the_bracket)
{
    Arena *arena = arena_new();
    ck_assert_str_eq(
        wrapped(arena, "static void a_layer_in_a_block_in_a_block_in_a_block_of_a_net_forward(const float *x, "
                       "const float *weight, const float *bias, float *y, float *work, int t, int T)\n{"),
        "static void a_layer_in_a_block_in_a_block_in_a_block_of_a_net_forward(\n"
        "    const float *x, const float *weight, const float *bias, float *y, float *work, int t, int T)\n{");
    arena_free(arena);
}
END_TEST

START_TEST(comments_directives_and_strings_are_not_broken)
{
    static const char *const lines[] = {
        "/* conv(1, 2, 3, 4, 5, 6, 7, 8, 9), a comment, of a layer, which is so long that, it were broken, else */",
        ("#define NN_LONG(a, b, c, d) f(a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d) \\\n"
         "    f(a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d, a)"),
        "    f(\"a string, with commas, in it, (and a bracket), which is, as a whole, longer than, a line, may be\");"};
    Arena *arena = arena_new();
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) ck_assert_str_eq(wrapped(arena, lines[i]), lines[i]);
    arena_free(arena);
}
END_TEST

Suite *emit_suite(void)
{
    Suite *suite = suite_create("emit");
    TCase *t = tcase_create("slices");
    tcase_add_test(t, a_slice_has_what_a_function_reaches);
    tcase_add_test(t, a_slice_follows_types_tables_and_macros);
    tcase_add_test(t, a_slice_declares_no_more_than_is_used);
    tcase_add_test(t, a_slice_declares_kernels_of_inner_headers);
    tcase_add_test(t, a_slice_of_nothing_is_empty);
    tcase_add_test(t, the_writer_notes_names_of_the_runtime);
    suite_add_tcase(suite, t);
    t = tcase_create("arrays");
    tcase_add_test(t, elements_have_an_index_for_each_dimension);
    tcase_add_test(t, an_array_of_two_shapes_is_flat);
    suite_add_tcase(suite, t);
    t = tcase_create("templates");
    tcase_add_test(t, a_template_has_its_parts_in_place);
    tcase_add_test(t, long_lines_are_broken_after_arguments);
    tcase_add_test(t, long_names_are_broken_after_the_bracket);
    tcase_add_test(t, comments_directives_and_strings_are_not_broken);
    suite_add_tcase(suite, t);
    return suite;
}
