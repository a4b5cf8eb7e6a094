/*
 * Emit: which of the kernels' definitions are pasted, and what the writer notes
 * of the runtime.
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
                              "typedef float nn_unary(float x);\n"
                              "typedef int (*nn_pointer)(nn_d *d);\n"
                              "\n"
                              "#ifdef NN_LINKED\n"
                              "void nn_add(const nn_d *);\n"
                              "#else\n"
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

static const char *sliced(Arena *arena, const char *name)
{
    Map *used = map_new(arena);
    map_put(used, name, used);
    Text out;
    text_init(&out, arena);
    kernel_slice(arena, kernels, used, &out);
    return out.data ? out.data : "";
}

START_TEST(a_slice_has_what_a_function_reaches)
{
    Arena *arena = arena_new();
    ck_assert_str_eq(sliced(arena, "nn_add"), "#if defined(NN_WIDE)\n"
                                              "enum { NN_W = 8, NN_M = 2 };\n"
                                              "#else\n"
                                              "enum { NN_W = 4 };\n"
                                              "#endif\n"
                                              "\n"
                                              "typedef struct nn_d {\n"
                                              "    const float *at, *to;\n"
                                              "    int n;\n"
                                              "} nn_d;\n"
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

START_TEST(a_slice_follows_types_tables_and_macros)
{
    Arena *arena = arena_new();
    const char *text = sliced(arena, "NN_TOP");
    static const char *const reached[] = {"struct nn_d",
                                          "nn_unary(float x);",
                                          "(*nn_pointer)",
                                          "nn_twice(float x)",
                                          "nn_lone[2] = {1, 2}; /* a table */\n",
                                          "#define NN_TOP(x)"};
    for (size_t i = 0; i < sizeof reached / sizeof *reached; i++) ck_assert_msg(strstr(text, reached[i]), "%s", text);
    ck_assert_ptr_null(strstr(text, "nn_add"));
    ck_assert_ptr_null(strstr(text, "NN_W"));
    arena_free(arena);
}
END_TEST

START_TEST(a_slice_of_nothing_is_empty)
{
    Arena *arena = arena_new();
    ck_assert_str_eq(sliced(arena, "nn_other"), "");
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

Suite *emit_suite(void)
{
    Suite *suite = suite_create("emit");
    TCase *t = tcase_create("slices");
    tcase_add_test(t, a_slice_has_what_a_function_reaches);
    tcase_add_test(t, a_slice_follows_types_tables_and_macros);
    tcase_add_test(t, a_slice_of_nothing_is_empty);
    tcase_add_test(t, the_writer_notes_names_of_the_runtime);
    suite_add_tcase(suite, t);
    return suite;
}
