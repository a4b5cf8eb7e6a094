/*
 * The formatter: whatever white space, comments and semicolons a text has, its
 * layout keeps the tree, is the same when it is formatted again, and has no
 * space at the end of a line.  The layouts themselves are in tests/fmt.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "elab/train_spec.h"
#include "front/front.h"
#include "graph/graph.h"

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof *(array)))

static const char *const sources[] = {
    "import std let a = 1 let table = [[1, 2], [3, 4], ]\n"
    "block unit(out, stride=1, mid=out / 4, flag = out > 3) {\n"
    "    add { conv(out, 3x3, stride = stride == 2 ? 1 : 2, pad=[1, -1]) as conv1  relu } { }\n"
    "    if stride != 1 or in.channels != out and not flag { relu } else if flag { } else { tanh  relu }\n"
    "    for i in 0..3 { dense(out, ) as \"layer{i + 1}.{{x}}\" -> [out, 2**3] } repeat a + 1 { relu }\n"
    "    let choice = a == 1 ? [1, 2] : a == 2 ? table[0] : table[1][0 - 1]\n"
    "    group g { relu } sequential \"s{a}\" { relu } frozen { relu } head aux (weight=0.3) { relu }\n"
    "    head \"b\" (weight=1) { relu } head c { relu } from conv1 expect in.shape == [1, 2] expect - -a < 3\n"
    "}\n"
    "net one { input(3) dense(2) } net two(n=1) { input(3x4x5)\n    relu\n\n    tanh } net none { }\n"
    "train one { loss cross_entropy(weights=[1, 2]) batch 3; -4; [5] normalize mean=[1] std=[2] augment crop(3) flip "
    "}\n"
    "train two { } block last(a, b=[1, 2, 3], ) { concat { relu } { tanh } as both -> 3 relu }\n",

    "net columns {\n    input(3)\n"
    "    conv(6, 5x5)    as c1     -> 6x28x28  # one\n    conv(16, 5x5)   as c3     -> 16x10x10  # two\n"
    "    dense(120)      tanh\n    dense(84)       relu     softmax   # three\n"
    "    if a == 1   { relu }\n    if a == 100 { relu     tanh }\n    let one   = 1\n    let three = 3\n"
    "    let u = a == 18  ? 1\n          : a == 101 ? 2\n          :            3\n}\n",
};

/* ---- a text with other white space ------------------------------------------------ */

typedef struct Shaker {
    uint32_t state;
    int often; /* of 100 gaps, how many change */
    Text out;
} Shaker;

static int dice(Shaker *s, int sides)
{
    s->state = s->state * 1664525 + 1013904223;
    return (int)((s->state >> 8) % (uint32_t)sides);
}

static void put_gap(Shaker *s, const char *gap, size_t length)
{
    static const char *const others[] = {" ",    "  ",     "     ",         "\n",         "\n\n\n",    "\t", "\n      ",
                                         "\r\n", " # c\n", "\n   # own\n ", "# a\n# b\n", "          "};
    if (dice(s, 100) < s->often)
        text_add(&s->out, others[dice(s, COUNT_OF(others))]);
    else
        text_add_bytes(&s->out, gap, length);
}

/* The same tokens: only what stands between them, outside strings and comments, changes. */
static const char *shake(Arena *arena, const char *text, uint32_t seed)
{
    Shaker s = {.state = seed};
    s.often = 1 + dice(&s, 60);
    text_init(&s.out, arena);
    while (*text) {
        size_t gap = strspn(text, " \n");
        if (gap > 0) put_gap(&s, text, gap);
        text += gap;
        size_t word = *text == '"'   ? strcspn(text + 1, "\"") + 2
                      : *text == '#' ? strcspn(text, "\n")
                                     : strcspn(text, " \n\"#");
        text_add_bytes(&s.out, text, word);
        if (*text == '#') text_add(&s.out, "\n");
        text += word;
    }
    return s.out.data;
}

/* ---- what holds --------------------------------------------------------------------- */

static const char *formatted(Compilation *c, const char *source)
{
    Text out;
    bool good = front_format(c, "t.nn", source, strlen(source), train_keys(), &out);
    if (!good) diag_print(c, stderr, false);
    ck_assert_msg(good, "cannot be formatted:\n%s", source);
    return out.data;
}

static const char *tree_of(Compilation *c, const char *source)
{
    Text out;
    File *file = front_parse_text(c, "t.nn", source, strlen(source));
    if (!file) diag_print(c, stderr, false);
    ck_assert_msg(file != NULL, "does not parse:\n%s", source);
    text_init(&out, c->arena);
    ast_dump(file, &out);
    return out.data;
}

static void check_source(const char *source)
{
    Compilation *c = compilation_new();
    const char *once = formatted(c, source), *twice = formatted(c, once);
    ck_assert_msg(strcmp(once, twice) == 0, "of:\n%s\nonce:\n%s\ntwice:\n%s", source, once, twice);
    ck_assert_str_eq(tree_of(c, source), tree_of(c, once));
    ck_assert_ptr_null(strstr(once, " \n"));
    ck_assert_ptr_null(strstr(once, "\n\n\n"));
    compilation_free(c);
}

START_TEST(any_white_space_will_do)
{
    Arena *arena = arena_new();
    for (int i = 0; i < COUNT_OF(sources); i++) {
        check_source(sources[i]);
        for (uint32_t seed = 0; seed < 40; seed++) check_source(shake(arena, sources[i], (uint32_t)_i * 1000 + seed));
    }
    arena_free(arena);
}
END_TEST

START_TEST(the_empty_text_stays_empty)
{
    static const char *const texts[] = {"", "\n\n", ";;;", " \t\r\n"};
    Compilation *c = compilation_new();
    ck_assert_str_eq(formatted(c, texts[_i]), "");
    compilation_free(c);
}
END_TEST

START_TEST(a_wrong_text_is_not_formatted)
{
    Compilation *c = compilation_new();
    const char source[] = "net n { input( }";
    Text out;
    ck_assert(!front_format(c, "t.nn", source, sizeof source - 1, train_keys(), &out));
    ck_assert_int_gt(c->errors, 0);
    compilation_free(c);
}
END_TEST

/* ---- hostile texts ---------------------------------------------------------------------- */

/* begin, `middle` many times, end */
static const struct {
    const char *begin, *middle, *end;
    int times;
} hostile[] = {
    {"net n { ", "relu ", "}", 100000},
    {"net n {", "\n    relu as a   -> 3  tanh", "}", 20000},
    {"", ";", "", 1000000},
    {"", "#\n", "", 300000},
    {"net n { ", "repeat 2 { relu tanh ", "", 150},
    {"let a = ", "1 +\n", "1", 150},
    {"let a = [", "1,\n", "1]", 100000},
    {"train n { ", "batch 3 ", "}", 50000},
};

START_TEST(hostile_texts_end_soon)
{
    Compilation *c = compilation_new();
    Text text, out;
    text_init(&text, c->arena);
    text_add(&text, hostile[_i].begin);
    for (int i = 0; i < hostile[_i].times; i++) text_add(&text, hostile[_i].middle);
    for (int i = 0; i < hostile[_i].times && strchr(hostile[_i].middle, '{'); i++) text_add(&text, "}");
    if (strchr(hostile[_i].middle, '{')) text_add(&text, "}");
    text_add(&text, hostile[_i].end);
    ck_assert(front_format(c, "t.nn", text.data, text.length, train_keys(), &out));
    ck_assert_str_eq(out.data, formatted(c, out.data));
    compilation_free(c);
}
END_TEST

Suite *format_suite(void)
{
    Suite *suite = suite_create("format");
    TCase *t = tcase_create("layout");
    tcase_add_loop_test(t, any_white_space_will_do, 0, 25);
    tcase_add_loop_test(t, the_empty_text_stays_empty, 0, 4);
    tcase_add_test(t, a_wrong_text_is_not_formatted);
    suite_add_tcase(suite, t);
    t = tcase_create("hostile texts");
    tcase_set_timeout(t, 60); /* what "soon" means */
    tcase_add_loop_test(t, hostile_texts_end_soon, 0, COUNT_OF(hostile));
    suite_add_tcase(suite, t);
    return suite;
}
