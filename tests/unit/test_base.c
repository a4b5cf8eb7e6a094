/*
 * Base: arena, containers, positions, and diagnostics down to the column of the
 * caret.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

/* ---- memory ----------------------------------------------------------- */

static bool is_filled(const unsigned char *block, size_t size, int value)
{
    for (size_t i = 0; i < size; i++)
        if (block[i] != value) return false;
    return true;
}

START_TEST(arena_gives_zeroed_and_aligned_blocks)
{
    Arena *arena = arena_new();
    for (size_t size = 0; size < 3000000; size = size * 3 + 1) {
        unsigned char *block = arena_alloc(arena, size);
        ck_assert_uint_eq((uintptr_t)block % _Alignof(max_align_t), 0);
        ck_assert(is_filled(block, size, 0));
        memset(block, 0xa5, size);
    }
    arena_free(arena);
}
END_TEST

START_TEST(arena_blocks_do_not_overlap)
{
    enum { COUNT = 5000 };
    Arena *arena = arena_new();
    static unsigned char *block[COUNT];
    for (int i = 0; i < COUNT; i++) {
        block[i] = arena_alloc(arena, (size_t)(i % 97) * 41 + 1);
        memset(block[i], i & 0xff, (size_t)(i % 97) * 41 + 1);
    }
    for (int i = 0; i < COUNT; i++) ck_assert(is_filled(block[i], (size_t)(i % 97) * 41 + 1, i & 0xff));
    arena_free(arena);
}
END_TEST

START_TEST(arena_counts_what_it_gave)
{
    Arena *arena = arena_new();
    size_t before = arena_used(arena);
    arena_alloc(arena, 1000000);
    ck_assert_uint_ge(arena_used(arena) - before, 1000000);
    ck_assert_uint_lt(arena_used(arena) - before, 1000100);
    arena_free(arena);
    arena_free(NULL);
}
END_TEST

START_TEST(arena_copies_text)
{
    Arena *arena = arena_new();
    char word[] = "convolution";
    char *copy = arena_strdup(arena, word), *part = arena_strndup(arena, word, 4);
    word[0] = 'X';
    ck_assert_str_eq(copy, "convolution");
    ck_assert_str_eq(part, "conv");
    ck_assert_str_eq(arena_printf(arena, "%dx%d%s", 3, 5, ""), "3x5");
    ck_assert_uint_eq(strlen(arena_printf(arena, "%50000s", "x")), 50000);
    arena_free(arena);
}
END_TEST

/* ---- containers ------------------------------------------------------- */

START_TEST(list_keeps_the_order)
{
    Arena *arena = arena_new();
    List list = {0};
    static int number[1000];
    for (int i = 0; i < 1000; i++) list_push(arena, &list, &number[i]);
    ck_assert_int_eq(list.count, 1000);
    for (int i = 0; i < 1000; i++) ck_assert_ptr_eq(list.at[i], &number[i]);
    arena_free(arena);
}
END_TEST

START_TEST(map_finds_what_was_put_in_order)
{
    enum { COUNT = 3000 };
    Arena *arena = arena_new();
    Map *map = map_new(arena);
    static int value[COUNT];
    char key[32];
    for (int i = 0; i < COUNT; i++) {
        snprintf(key, sizeof key, "layer%d", i * 7919 % COUNT);
        map_put(map, key, &value[i]); /* the key is copied: it changes the next time round */
    }
    ck_assert_int_eq(map_count(map), COUNT);
    for (int i = 0; i < COUNT; i++) {
        snprintf(key, sizeof key, "layer%d", i * 7919 % COUNT);
        ck_assert_ptr_eq(map_get(map, key), &value[i]);
        ck_assert_str_eq(map_key(map, i), key);
        ck_assert_ptr_eq(map_value(map, i), &value[i]);
    }
    ck_assert_ptr_null(map_get(map, "layer"));
    ck_assert_ptr_null(map_get(map, ""));
    arena_free(arena);
}
END_TEST

START_TEST(map_replaces_a_value_in_its_place)
{
    Arena *arena = arena_new();
    Map *map = map_new(arena);
    int a, b, c;
    map_put(map, "x", &a);
    map_put(map, "", &b);
    map_put(map, "x", &c);
    ck_assert_int_eq(map_count(map), 2);
    ck_assert_str_eq(map_key(map, 0), "x");
    ck_assert_ptr_eq(map_value(map, 0), &c);
    ck_assert_ptr_eq(map_get(map, ""), &b);
    arena_free(arena);
}
END_TEST

START_TEST(text_grows_and_stays_terminated)
{
    Arena *arena = arena_new();
    Text text;
    text_init(&text, arena);
    ck_assert_str_eq(text.data, "");
    for (int i = 0; i < 1000; i++) {
        text_addf(&text, "%03d", i);
        ck_assert_uint_eq(strlen(text.data), text.length);
    }
    ck_assert_uint_eq(text.length, 3000);
    ck_assert_int_eq(strncmp(text.data + 3 * 417, "417", 3), 0);
    text_add(&text, "");
    text_add_bytes(&text, "a\0b", 3);
    ck_assert_uint_eq(text.length, 3003);
    ck_assert_int_eq(memcmp(text.data + 3000, "a\0b", 4), 0);
    arena_free(arena);
}
END_TEST

/* ---- names and characters ----------------------------------------------- */

static const struct {
    const char *word, *nearest;
} words[] = {
    {"conv", "conv"},
    {"convv", "conv"},
    {"cnov", "conv"},
    {"Conv", "conv"},
    {"ReLU", "relu"},
    {"rleu", "relu"},
    {"batch_norm", "batchnorm"},
    {"max_pool", "maxpool"},
    {"BatchNorm2d", "batchnorm"},
    {"xyz", NULL},
    {"", NULL},
    {"c", NULL},
    {"soft", NULL},
    {"flattten", "flatten"},
    {"convolutional", NULL},
    {"softmax_of_scores", "softmax"},
    {"softmaxes_of_scores", NULL},
    {"relu_", "relu"},
};

START_TEST(nearest_name_suggests_small_mistakes_only)
{
    static const char *const layers[] = {"conv", "relu", "batchnorm", "maxpool", "softmax", "flatten"};
    const char *nearest = nearest_name(words[_i].word, layers, 6);
    if (words[_i].nearest == NULL)
        ck_assert_msg(nearest == NULL, "%s: %s", words[_i].word, nearest);
    else
        ck_assert_pstr_eq(nearest, words[_i].nearest);
}
END_TEST

START_TEST(nearest_name_takes_the_closest_and_then_the_first)
{
    static const char *const names[] = {"layer2", "layer1", "layer10"};
    char longest[4096];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    ck_assert_str_eq(nearest_name("layer1", names, 3), "layer1");
    ck_assert_str_eq(nearest_name("layer3", names, 3), "layer2");
    ck_assert_ptr_null(nearest_name(longest, names, 3));
    ck_assert_ptr_null(nearest_name("layer1", names, 0));
}
END_TEST

static const struct {
    const char *text;
    int size, length;
    uint32_t point;
} characters[] = {
    {"a", 1, 1, 'a'},
    {"\0", 1, 1, 0},
    {"\xc3\xa9", 2, 2, 0xe9},
    {"\xe2\x82\xac", 3, 3, 0x20ac},
    {"\xf0\x9f\x98\x80", 4, 4, 0x1f600},
    {"\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff},
    {"", 0, 0, 0},
    {"\x80", 1, 0, 0},             /* a continuation alone */
    {"\xc3", 1, 0, 0},             /* cut */
    {"\xe2\x82", 2, 0, 0},         /* cut */
    {"\xc3(", 2, 0, 0},            /* no continuation */
    {"\xc0\xaf", 2, 0, 0},         /* overlong */
    {"\xe0\x80\xaf", 3, 0, 0},     /* overlong */
    {"\xed\xa0\x80", 3, 0, 0},     /* a surrogate */
    {"\xf4\x90\x80\x80", 4, 0, 0}, /* beyond the last */
    {"\xff", 1, 0, 0},
};

START_TEST(utf8_is_decoded_strictly)
{
    uint32_t point = 0;
    ck_assert_int_eq(utf8_decode(characters[_i].text, (size_t)characters[_i].size, &point), characters[_i].length);
    if (characters[_i].length > 0) ck_assert_uint_eq(point, characters[_i].point);
}
END_TEST

/* ---- positions ---------------------------------------------------------- */

START_TEST(positions_are_lines_and_bytes)
{
    static const struct {
        int offset, line, column;
    } at[] = {{0, 1, 1}, {2, 1, 3}, {3, 2, 1}, {4, 3, 1}, {8, 3, 5}, {9, 4, 1}};
    Compilation *c = compilation_new();
    int file = source_add(c, "nets/a.nn", "ab\n\ncdef\n", 9), line, column;
    for (int i = 0; i < 6; i++) {
        Span span = {file, at[i].offset, at[i].offset};
        source_position(c, span, &line, &column);
        ck_assert_int_eq(line, at[i].line);
        ck_assert_int_eq(column, at[i].column);
        ck_assert_int_eq(source_line(c, span), at[i].line);
    }
    ck_assert_str_eq(source_path(c, (Span){file, 0, 1}), "a.nn");
    source_position(c, span_nowhere(), &line, &column);
    ck_assert_int_eq(line, 0);
    ck_assert_str_eq(source_path(c, span_nowhere()), "");
    compilation_free(c);
}
END_TEST

/* ---- diagnostics ---------------------------------------------------------- */

static char *printed(const Compilation *c, bool color)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    diag_print(c, stream, color);
    fclose(stream);
    return text;
}

static void assert_printed(const Compilation *c, const char *expected)
{
    char *text = printed(c, false);
    ck_assert_str_eq(text, expected);
    free(text);
}

START_TEST(diagnostics_show_the_line_and_a_caret)
{
    static const char source[] = "net a {\n    conv(6, 50x50)\n}\n";
    Compilation *c = compilation_new();
    int file = source_add(c, "a.nn", source, strlen(source));
    diag_error(c, (Span){file, 12, 26}, "conv: height %d", -18);
    diag_note(c, (Span){file, 0, 3}, "in this net");
    diag_warning(c, (Span){file, 27, 28}, "it ends");
    ck_assert_int_eq(c->errors, 1);
    ck_assert_int_eq(c->warnings, 1);
    assert_printed(c, "a.nn:2:5: error: conv: height -18\n"
                      "    2 |     conv(6, 50x50)\n"
                      "      |     ^~~~~~~~~~~~~~\n"
                      "a.nn:1:1: note: in this net\n"
                      "    1 | net a {\n"
                      "      | ^~~\n"
                      "a.nn:3:1: warning: it ends\n"
                      "    3 | }\n"
                      "      | ^\n");
    compilation_free(c);
}
END_TEST

START_TEST(diagnostics_without_a_place_have_none)
{
    Compilation *c = compilation_new();
    diag_error(c, span_nowhere(), "no net");
    assert_printed(c, "nnc: error: no net\n");
    compilation_free(c);
}
END_TEST

static const struct {
    const char *source;
    int begin, end;
    const char *line, *marks;
} excerpts[] = {
    {"\tab\tc", 4, 5, "    ab  c", "        ^"},                        /* tabs are four columns */
    {"\xc3\xa9\xe2\x82\xac x", 6, 7, "\xc3\xa9\xe2\x82\xac x", "   ^"}, /* 2 and 3 bytes, one column each */
    {"\xe6\xbc\xa2 x", 4, 5, "\xe6\xbc\xa2 x", "   ^"},                 /* a wide character */
    {"e\xcc\x81 x", 4, 5, "e\xcc\x81 x", "  ^"},                        /* a combining one */
    {"a\x01\x1b[0m b", 7, 8, "a??[0m b", "       ^"},                   /* what a terminal would obey */
    {"a\xff\x80 b", 4, 5, "a?? b", "    ^"},                            /* no UTF-8 */
    {"ab\r\ncd", 1, 3, "ab", " ^"},                                     /* CR LF ends a line */
    {"ab\ncd", 1, 5, "ab", " ^"},                                       /* only the first line of a span */
    {"ab cd", 3, 5, "ab cd", "   ^~"},
    {"ab cd  ", 7, 7, "ab cd", "       ^"}, /* at the end of the text */
};

START_TEST(carets_stand_under_their_character)
{
    Compilation *c = compilation_new();
    int file = source_add(c, "t", excerpts[_i].source, strlen(excerpts[_i].source));
    diag_error(c, (Span){file, excerpts[_i].begin, excerpts[_i].end}, "e");
    char *text = printed(c, false);
    const char *shown = strchr(text, '\n') + 1;
    ck_assert_str_eq(shown, arena_printf(c->arena, "    1 | %s\n      | %s\n", excerpts[_i].line, excerpts[_i].marks));
    free(text);
    compilation_free(c);
}
END_TEST

START_TEST(an_empty_line_has_a_caret)
{
    Compilation *c = compilation_new();
    int file = source_add(c, "t", "a\n", 2);
    diag_error(c, (Span){file, 2, 2}, "the end");
    assert_printed(c, "t:2:1: error: the end\n    2 |\n      | ^\n");
    compilation_free(c);
}
END_TEST

/* Of a line of ten thousand bytes, about a hundred columns, the caret among them. */
START_TEST(long_lines_are_shown_through_a_window)
{
    static const int places[] = {0, 50, 5000, 9990, 9999};
    static char line[10001];
    for (int i = 0; i < 10000; i++) line[i] = (char)('a' + i % 26);
    Compilation *c = compilation_new();
    int file = source_add(c, "t", line, 10000), at = places[_i];
    diag_error(c, (Span){file, at, at + 1}, "e");
    char *text = printed(c, false);
    char *shown = strchr(text, '\n') + 1, *marks = strchr(shown, '\n') + 1;
    ck_assert_int_lt(marks - shown, 120);
    const char *caret = strchr(marks, '^');
    ck_assert_ptr_nonnull(caret);
    ck_assert_int_eq(shown[caret - marks], line[at]);
    free(text);
    compilation_free(c);
}
END_TEST

START_TEST(messages_obey_nothing)
{
    Compilation *c = compilation_new();
    diag_error(c, span_nowhere(), "a\033[2Jb\nc\xff\xe2\x80\xae");
    assert_printed(c, "nnc: error: a?[2Jb?c??\n");
    compilation_free(c);
}
END_TEST

START_TEST(the_same_error_is_kept_once_with_its_notes)
{
    Compilation *c = compilation_new();
    int file = source_add(c, "t", "abc", 3);
    for (int i = 0; i < 5; i++) {
        diag_error(c, (Span){file, 0, 1}, "e");
        diag_note(c, (Span){file, 1, 2}, "n");
    }
    diag_error(c, (Span){file, 0, 2}, "e");
    diag_error(c, (Span){file, 0, 1}, "f");
    diag_warning(c, (Span){file, 0, 1}, "e");
    ck_assert_int_eq(c->errors, 3);
    ck_assert_int_eq(c->warnings, 1);
    char *text = printed(c, false);
    const char *note = strstr(text, "note: n");
    ck_assert_ptr_nonnull(note);
    ck_assert_ptr_null(strstr(note + 1, "note: n"));
    free(text);
    compilation_free(c);
}
END_TEST

START_TEST(after_twenty_errors_the_rest_is_counted)
{
    Compilation *c = compilation_new();
    for (int i = 0; i < 27; i++) {
        ck_assert(diag_full(c) == (i >= DIAG_MAX_ERRORS));
        diag_error(c, span_nowhere(), "number %d", i);
        diag_note(c, span_nowhere(), "note %d", i);
    }
    ck_assert_int_eq(c->errors, 27);
    char *text = printed(c, false);
    ck_assert_ptr_nonnull(
        strstr(text, "nnc: error: number 19\nnnc: note: note 19\nnnc: 7 more errors are not shown\n"));
    ck_assert_ptr_null(strstr(text, "note 20"));
    free(text);
    compilation_free(c);
}
END_TEST

START_TEST(colour_comes_only_when_asked)
{
    Compilation *c = compilation_new();
    int file = source_add(c, "t", "abc", 3);
    diag_error(c, (Span){file, 0, 1}, "e");
    char *plain = printed(c, false), *colored = printed(c, true);
    ck_assert_ptr_null(strchr(plain, '\033'));
    ck_assert_ptr_nonnull(strstr(colored, "\033[1;31merror:\033[0m"));
    free(plain);
    free(colored);
    compilation_free(c);
}
END_TEST

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof *(array)))

static void add_containers(Suite *suite)
{
    TCase *t = tcase_create("memory and containers");
    tcase_add_test(t, arena_gives_zeroed_and_aligned_blocks);
    tcase_add_test(t, arena_blocks_do_not_overlap);
    tcase_add_test(t, arena_counts_what_it_gave);
    tcase_add_test(t, arena_copies_text);
    tcase_add_test(t, list_keeps_the_order);
    tcase_add_test(t, map_finds_what_was_put_in_order);
    tcase_add_test(t, map_replaces_a_value_in_its_place);
    tcase_add_test(t, text_grows_and_stays_terminated);
    suite_add_tcase(suite, t);
}

static void add_diagnostics(Suite *suite)
{
    TCase *t = tcase_create("diagnostics");
    tcase_add_loop_test(t, nearest_name_suggests_small_mistakes_only, 0, COUNT_OF(words));
    tcase_add_test(t, nearest_name_takes_the_closest_and_then_the_first);
    tcase_add_loop_test(t, utf8_is_decoded_strictly, 0, COUNT_OF(characters));
    tcase_add_test(t, positions_are_lines_and_bytes);
    tcase_add_test(t, diagnostics_show_the_line_and_a_caret);
    tcase_add_test(t, diagnostics_without_a_place_have_none);
    tcase_add_loop_test(t, carets_stand_under_their_character, 0, COUNT_OF(excerpts));
    tcase_add_test(t, an_empty_line_has_a_caret);
    tcase_add_loop_test(t, long_lines_are_shown_through_a_window, 0, 5);
    tcase_add_test(t, messages_obey_nothing);
    tcase_add_test(t, the_same_error_is_kept_once_with_its_notes);
    tcase_add_test(t, after_twenty_errors_the_rest_is_counted);
    tcase_add_test(t, colour_comes_only_when_asked);
    suite_add_tcase(suite, t);
}

Suite *base_suite(void)
{
    Suite *suite = suite_create("base");
    add_containers(suite);
    add_diagnostics(suite);
    return suite;
}
