/*
 * Front: precedence and trees through the dump, strings, imports, syntax errors
 * by place and text, and sources that mean harm.  The syntax errors that people
 * make are in tests/errors/ as well, with what `nnc check` says of them.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "front/front.h"

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof *(array)))

static char *messages(const Compilation *c)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    diag_print(c, stream, false);
    fclose(stream);
    return text;
}

/* The dump, or what was wrong. */
static const char *dump_of(Compilation *c, const char *source)
{
    File *file = front_parse_text(c, "t.nn", source, strlen(source));
    if (file == NULL) return "(errors)";
    Text out;
    text_init(&out, c->arena);
    ast_dump(file, &out);
    return out.data;
}

/* ---- expressions -------------------------------------------------------- */

static const struct {
    const char *source, *tree;
} expressions[] = {
    {"1 + 2 * 3", "(+ 1 (* 2 3))"},
    {"(1 + 2) * 3", "(* (+ 1 2) 3)"},
    {"1 - 2 - 3", "(- (- 1 2) 3)"},
    {"8 / 4 % 3", "(% (/ 8 4) 3)"},
    {"2 ** 3 ** 2", "(** 2 (** 3 2))"},
    {"-2 ** 2", "(- (** 2 2))"},
    {"2 ** -1 * 3", "(* (** 2 (- 1)) 3)"},
    {"-a * b", "(* (- a) b)"},
    {"- -a", "(- (- a))"},
    {"a + 1 < b * 2", "(< (+ a 1) (* b 2))"},
    {"not a == b", "(not (== a b))"},
    {"not not a", "(not (not a))"},
    {"a or b and not c", "(or a (and b (not c)))"},
    {"a == not b", "(== a (not b))"},
    {"a or b ? 1 : c ? 2 : 3", "(? (or a b) 1 (? c 2 3))"},
    {"a ? b ? 1 : 2 : 3", "(? a (? b 1 2) 3)"},
    {"0..n + 1", "(.. 0 (+ n 1))"},
    {"0..4", "(.. 0 4)"},
    {"0 .. c ? 1 : 2", "(.. 0 (? c 1 2))"},
    {"3x3", "(list 3 3)"},
    {"1x32x32", "(list 1 32 32)"},
    {"[]", "(list)"},
    {"[1, 2 + 3, [4],]", "(list 1 (+ 2 3) (list 4))"},
    {"[0..2, 5]", "(list (.. 0 2) 5)"},
    {"3x3[1]", "(index (list 3 3) 1)"},
    {"in.channels", "in.channels"},
    {"a.b.c", "a.b.c"},
    {"-in.shape[0].x", "(- (index in.shape 0).x)"},
    {"2 ** a[0]", "(** 2 (index a 0))"},
    {"max(1, 2)", "(call max 1 2)"},
    {"normal(std=0.1,)", "(call normal std=0.1)"},
    {"f()", "(call f)"},
    {"yes and true or no and false", "(or (and yes yes) (and no no))"},
    {"3e-4", "0.0003"},
    {"1e3", "1000.0"},
    {"0.5", "0.5"},
    {"9223372036854775807", "9223372036854775807"},
    {"007", "7"},
    {"1e-400", "0.0"},
    {"x3", "x3"},
    {"netx", "netx"},
    {"\"\"", "\"\""},
    {"\"abc\"", "\"abc\""},
    {"\"layer{s+1}.{i}\"", "(string \"layer\" (+ s 1) \".\" i)"},
    {"\"{a}{b}\"", "(string a b)"},
    {"\"{{{a}}}\"", "(string \"{\" a \"}\")"},
    {"\"a{{b}}c\"", "\"a{b}c\""},
    {"\"x\\\"y\\\\z\\n\\t\"", "\"x\\\"y\\\\z\\n\\t\""},
    {"\"a{ \"b{c}\" }d\"", "(string \"a\" (string \"b\" c) \"d\")"},
    {"\"{[1, 2][0]}\"", "(string (index (list 1 2) 0))"},
    {"\"{f(a=\"}\")}\"", NULL},
    {"\"# no comment\" # a comment", "\"# no comment\""},
    {"\"\xc3\xa9\"", "\"\xc3\xa9\""},
    {"a # the end", "a"},
    {"a\n+\r\n\tb", "(+ a b)"},
};

START_TEST(expressions_become_trees)
{
    Compilation *c = compilation_new();
    const char *dump = dump_of(c, arena_printf(c->arena, "let v = %s", expressions[_i].source));
    if (expressions[_i].tree == NULL)
        ck_assert_int_gt(c->errors, 0);
    else
        ck_assert_str_eq(dump, arena_printf(c->arena, "let v = %s\n", expressions[_i].tree));
    compilation_free(c);
}
END_TEST

START_TEST(an_expression_knows_its_text)
{
    Compilation *c = compilation_new();
    Expr *expr = front_parse_expr(c, "<command line>", " 1 + [2, x]  ");
    ck_assert_ptr_nonnull(expr);
    ck_assert_str_eq(front_expr_text(c, expr), "1 + [2, x]");
    ck_assert_str_eq(front_expr_text(c, expr->right), "[2, x]");
    ck_assert_str_eq(front_expr_text(c, expr->right->items.at[1]), "x");
    ck_assert_int_eq(expr->depth, 3);
    ck_assert_ptr_null(front_parse_expr(c, "<command line>", "1 2"));
    ck_assert_ptr_null(front_parse_expr(c, "<command line>", ""));
    char *text = messages(c);
    ck_assert_ptr_nonnull(strstr(text, "<command line>:1:3: error: expected an operator or the end, saw `2`"));
    ck_assert_ptr_nonnull(strstr(text, "<command line>:1:1: error: expected an expression, saw the end"));
    free(text);
    compilation_free(c);
}
END_TEST

/* ---- statements and definitions ------------------------------------------- */

static const struct {
    const char *source, *dump;
} trees[] = {
    {"", ""},
    {";;# nothing\n;", ""},
    {"net a { }", "net a\n"},
    {"net a(n, m=1+2,) { input(3) }", "net a\n  param n\n  param m = (+ 1 2)\n  layer input(3)\n"},
    {"block b() { relu; tanh() ;; dense(n, bias=no,) }",
     "block b\n  layer relu\n  layer tanh()\n  layer dense(n, bias=no)\n"},
    {"net a { conv(6, 5x5) as \"c{1}\" -> 6x28x28 relu -> n as r flatten -> [1] from r }",
     "net a\n"
     "  layer conv(6, (list 5 5)) as (string \"c\" 1) -> (list 6 28 28)\n"
     "  layer relu as r -> n\n"
     "  layer flatten -> (list 1)\n"
     "  from r\n"},
    {"net a { add { } { relu } as s -> 3 concat { } { } { } }", "net a\n"
                                                                "  combine add as s -> 3\n"
                                                                "    branch\n"
                                                                "    branch\n"
                                                                "      layer relu\n"
                                                                "  combine concat\n"
                                                                "    branch\n"
                                                                "    branch\n"
                                                                "    branch\n"},
    {"net a { let n = 2 if n > 1 { relu } else if no { } else { tanh } }", "net a\n"
                                                                           "  let n = 2\n"
                                                                           "  if (> n 1)\n"
                                                                           "    layer relu\n"
                                                                           "  else\n"
                                                                           "    if no\n"
                                                                           "    else\n"
                                                                           "      layer tanh\n"},
    {"net a { for i in 0..2 { repeat i { relu } } for c in [1, 2] { } }", "net a\n"
                                                                          "  for i in (.. 0 2)\n"
                                                                          "    repeat i\n"
                                                                          "      layer relu\n"
                                                                          "  for c in (list 1 2)\n"},
    {"net a { group g { } sequential \"s\" { } frozen { relu } head aux(weight=0.3) { relu } head b { } }",
     "net a\n"
     "  group g\n"
     "  sequential \"s\"\n"
     "  frozen\n"
     "    layer relu\n"
     "  head aux(weight=0.3)\n"
     "    layer relu\n"
     "  head b\n"},
    {"net a { expect params == 3 expect in.width < 3 relu }",
     "net a\n  expect (== params 3)\n  expect (< in.width 3)\n  layer relu\n"},
    {"train a { loss cross_entropy optimizer adam(lr=3e-4) batch 64 normalize mean=[1] std=[2]; fit pad }",
     "train a\n  loss\n  cross_entropy\n  optimizer\n  (call adam lr=0.0003)\n  batch\n  64\n"
     "  normalize\n  mean=(list 1)\n  std=(list 2)\n  fit\n  pad\n"},
    {"train a { batch 64 (3) }", "train a\n  batch\n  64\n  3\n"},
    {"net z { } let b = 1 block y { } let a = 2", "let b = 1\nlet a = 2\nblock y\nnet z\n"},
    {"\xef\xbb\xbfnet a { }", "net a\n"},
    {"net a { relu }\r\n", "net a\n  layer relu\n"},
};

START_TEST(files_become_trees)
{
    Compilation *c = compilation_new();
    ck_assert_str_eq(dump_of(c, trees[_i].source), trees[_i].dump);
    compilation_free(c);
}
END_TEST

START_TEST(statements_know_their_spans)
{
    static const char source[] = "net a {\n  conv(6) as c\n}";
    Compilation *c = compilation_new();
    File *file = front_parse_text(c, "t.nn", source, strlen(source));
    ck_assert_ptr_nonnull(file);
    const Def *net = file->nets.at[0];
    const Stmt *conv = net->body.at[0];
    ck_assert_int_eq(conv->span.begin, 10);
    ck_assert_int_eq(conv->span.end, 22);
    ck_assert_int_eq(conv->name_span.end, 14);
    ck_assert_int_eq(conv->label->span.begin, 21);
    ck_assert_int_eq(source_line(c, conv->span), 2);
    compilation_free(c);
}
END_TEST

START_TEST(train_items_are_parsed_alone)
{
    Compilation *c = compilation_new();
    Train *train = front_parse_train_items(c, "<command line>", "optimizer sgd(lr=0.1) momentum=0.9");
    ck_assert_ptr_nonnull(train);
    ck_assert_int_eq(train->items.count, 3);
    ck_assert_str_eq(((Arg *)train->items.at[2])->name, "momentum");
    ck_assert_int_eq(((Arg *)train->items.at[1])->value->kind, EXPR_CALL);
    ck_assert_ptr_null(front_parse_train_items(c, "<command line>", "batch }"));
    ck_assert_int_eq(c->errors, 1);
    compilation_free(c);
}
END_TEST

/* ---- syntax errors ---------------------------------------------------------- */

static const struct {
    const char *source;
    const char *said[5]; /* "line:column: severity: text", in this order, the text from its beginning */
    int errors;
} mistakes[] = {
    {"net", {"1:4: error: expected a name, saw the end of the file"}, 1},
    {"net a", {"1:6: error: expected `(` or `{`, saw the end of the file"}, 1},
    {"net a {",
     {"1:8: error: expected a statement or `}`, saw the end of the file", "1:7: note: this `{` is not closed"},
     1},
    {"net a { } }", {"1:11: error: expected a definition"}, 1},
    {"net a { dense(3 4) }", {"1:17: error: expected `)` or `,`, saw `4`"}, 1},
    {"net a { dense(3,, 4) }", {"1:17: error: expected an expression or `)`, saw `,`"}, 1},
    {"net a { dense(,) }", {"1:15: error: expected an expression or `)`, saw `,`"}, 1},
    {"net a { dense(3\n }", {"2:2: error: expected `)` or `,`, saw `}`", "1:14: note: this `(` is not closed"}, 1},
    {"net a { let l = [1, 2 }", {"1:23: error: expected `]` or `,`, saw `}`", "1:17: note: this `[` is not closed"}, 1},
    {"net a { let n = 1 + }", {"1:21: error: expected an expression, saw `}`"}, 1},
    {"net a { relu 6 }", {"1:14: error: relu: arguments stand in parentheses: relu(6)"}, 1},
    {"net a { repaet 3 { relu } }", {"1:9: error: `repaet` is no keyword here: did you mean `repeat`?"}, 1},
    {"net a { fore i in 0..3 { } }", {"1:9: error: `fore` is no keyword here: did you mean `for`?"}, 1},
    {"nett a { }", {"1:1: error: `nett` is no keyword here: did you mean `net`?"}, 1},
    {"conv(3)", {"1:1: error: expected a definition (net, block, train, let or import), saw `conv`: layers"}, 1},
    {"repeat 3 { }",
     {"1:1: error: expected a definition (net, block, train, let or import), saw the word `repeat`"},
     1},
    {"let for = 3", {"1:5: error: `for` is a reserved word and cannot be a name"}, 1},
    {"block b(in) { }", {"1:9: error: `in` is a reserved word and cannot be a name"}, 1},
    {"net a { relu as from }", {"1:17: error: `from` is a reserved word and cannot be a name"}, 1},
    {"net a { conv(3, in=4) }", {"1:17: error: `in` is a reserved word and cannot be a name"}, 1},
    {"net a { expect n = 3 }", {"1:18: error: `=` only gives a value to a name: a comparison is written `==`"}, 1},
    {"let a = 1 < 2 < 3", {"1:15: error: comparisons do not chain"}, 1},
    {"let a = 0..1..2", {"1:13: error: a range has two ends"}, 1},
    {"let a = c ? 1", {"1:14: error: expected `:`, saw the end of the file"}, 1},
    {"let a = \"abc", {"1:9: error: the string that begins here is not closed on its line"}, 1},
    {"let a = \"abc\nlet b = 1", {"1:9: error: the string that begins here is not closed on its line"}, 1},
    {"let a = \"{b\nlet b = 1", {"1:9: error: the string that begins here is not closed on its line"}, 1},
    {"let a = \"{}\"", {"1:11: error: expected an expression, saw `}`"}, 1},
    {"let a = \"b}c\"", {"1:11: error: `}` closes nothing here; in a string a brace is written twice"}, 1},
    {"let a = \"b\\c\"", {"1:11: error: `\\c` is no escape"}, 1},
    {"let a = 64x", {"1:9: error: `64x`: a number is missing after `x`"}, 1},
    {"let a = 3x3x", {"1:9: error: `3x3x`: a number is missing after `x`"}, 1},
    {"let a = 0.5x2", {"1:9: error: `0.5x2`: dims are integers"}, 1},
    {"let a = 12abc", {"1:9: error: `12abc` is neither a number nor a name"}, 1},
    {"let a = 3e", {"1:9: error: `3e`: the exponent has no digits"}, 1},
    {"let a = .5", {"1:9: error: a number begins with a digit: write 0.5"}, 1},
    {"let a = 9223372036854775808", {"1:9: error: 9223372036854775808 does not fit in an integer of 64 bits"}, 1},
    {"let a = 1e999", {"1:9: error: 1e999 is too large for a real number"}, 1},
    {"let a = 1 @ 2", {"1:11: error: `@` has no meaning here", "1:13: error: expected"}, 2},
    {"let a = b && c", {"1:11: error: `&` has no meaning here: write `and`"}, 2},
    {"let a = \x01", {"1:9: error: the byte 0x01 has no meaning here"}, 2},
    {"let a = 1 # \xff", {"1:13: error: the text is not UTF-8: the byte 0xff is out of place"}, 1},
    {"net a { relu as a as b }", {"1:22: error: relu: a second label for one layer", "1:17: note: the first label"}, 1},
    {"net a { relu -> 3 -> 4 }", {"1:22: error: relu: a second shape for one layer", "1:17: note: the first shape"}, 1},
    {"net a { relu -> \"x\" }", {"1:17: error: expected a shape after `->`"}, 1},
    {"net a(b, c, b) { }", {"1:13: error: a: two parameters are called `b`", "1:7: note: the first is here"}, 1},
    {"import foo", {"1:8: error: expected std or a file name in quotes after `import`, saw `foo`"}, 1},
    {"import \"a{1}\"", {"1:8: error: import takes one file name in quotes"}, 1},
    {"import \"{a}\"", {"1:8: error: the file name of an import is fixed text"}, 1},
    {"let a = 1\nlet a = 2", {"2:5: error: constant `a` is defined twice", "1:5: note: the first definition"}, 1},
    {"net a { }\nnet a { }", {"2:5: error: net `a` is defined twice", "1:5: note: the first definition"}, 1},
    {"block a { }\nnet a { }", {"2:5: error: `a` cannot be both a block and a net", "1:7: note: the block is here"}, 1},
    {"train a { }\ntrain a { }", {"2:7: error: the train section of `a` is defined twice"}, 1},
    /* one error does not hide the next, and has no echo */
    {"net a {\n  conv(1 2)\n  relu\n  dense(3 4) as x\n  tanh\n}",
     {"2:10: error: expected `)` or `,`, saw `2`", "4:11: error: expected `)` or `,`, saw `4`"},
     2},
    {"net a {\n  conv(1 2,\n    stride=3,\n    pad=4)\n  relu )\n}",
     {"2:10: error: expected `)` or `,`, saw `2`", "5:8: error: expected a statement or `}`, saw `)`"},
     2},
    {"net a {\n  if > { relu } else { tanh }\n  dense(3 4)\n}",
     {"2:6: error: expected an expression, saw `>`", "3:11: error: expected `)` or `,`"},
     2},
    {"net a {\n  add {\n    relu\n  tanh\n}\nnet b { dense( }\nblock c { 3 }",
     {"6:1: error: expected `}` before `net`", "2:7: note: this `{` is not closed",
      "6:16: error: expected an expression or `)`, saw `}`", "6:14: note: this `(` is not closed",
      "7:11: error: expected a statement or `}`, saw `3`"},
     3},
    {"net a {\n  conv(3,\n}\nnet b {\n  relu 3\n}",
     {"3:1: error: expected an expression or `)`, saw `}`", "2:7: note: this `(`", "5:8: error: relu: arguments stand"},
     2},
    {"net a { conv(\nnet b { relu 3 }",
     {"2:1: error: expected an expression or `)`, saw the word `net`", "1:13: note: this `(` is not closed",
      "2:14: error: relu: arguments stand"},
     2},
    {"train a {\n  batch =\n  epochs )\n  lr = + 3\n}",
     {"3:10: error: expected an entry or `}`, saw `)`", "4:8: error: expected an expression, saw `+`"},
     2},
};

START_TEST(mistakes_are_told_where_they_are)
{
    Compilation *c = compilation_new();
    const char *source = mistakes[_i].source;
    ck_assert_ptr_null(front_parse_text(c, "t.nn", source, strlen(source)));
    char *text = messages(c), *at = text;
    for (int i = 0; i < 5 && mistakes[_i].said[i] != NULL; i++) {
        const char *line = arena_printf(c->arena, "t.nn:%s", mistakes[_i].said[i]);
        char *found = strstr(at, line);
        ck_assert_msg(found != NULL, "%s\n--- lacks ---\n%s\n--- in ---\n%s", source, line, text);
        at = found + 1;
    }
    ck_assert_msg(c->errors == mistakes[_i].errors, "%s\n---\n%s", source, text);
    free(text);
    compilation_free(c);
}
END_TEST

/* ---- imports ------------------------------------------------------------------ */

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

/* Each test runs in a process of its own, so it may move to a folder of its own. */
static char folder[] = "/tmp/nnc-front-XXXXXX";

static void enter_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static void leave_folder(void)
{
    static const char *const files[] = {"a.nn", "b.nn", "c.nn", "sub/d.nn", "sub/e.nn"};
    for (int i = 0; i < COUNT_OF(files); i++) unlink(files[i]);
    rmdir("sub");
    ck_assert_int_eq(chdir("/"), 0);
    rmdir(folder);
}

START_TEST(imports_come_once_and_first)
{
    Compilation *c = compilation_new();
    enter_folder();
    mkdir("sub", 0700);
    write_file("a.nn", "import \"sub/d.nn\" import \"./b.nn\" import std import std net a { }");
    write_file("b.nn", "import \"sub/../sub/e.nn\" net b { } let n = 1");
    write_file("sub/d.nn", "import \"e.nn\" block d { }");
    write_file("sub/e.nn", "block e { } net en { }");
    File *file = front_parse_file(c, "a.nn");
    leave_folder();
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(file->nets.count, 3);
    ck_assert_str_eq(((Def *)file->nets.at[0])->name, "en");
    ck_assert_str_eq(((Def *)file->nets.at[1])->name, "b");
    ck_assert_str_eq(((Def *)file->nets.at[2])->name, "a");
    ck_assert_int_eq(file->own_nets, 1);
    ck_assert_str_eq(((Def *)file->blocks.at[0])->name, "e");
    ck_assert_str_eq(((Def *)file->blocks.at[1])->name, "d");
    ck_assert_int_eq(file->lets.count, 1);
    ck_assert_str_eq(source_path(c, (Span){file->source, 0, 0}), "a.nn");
    compilation_free(c);
}
END_TEST

START_TEST(circular_imports_show_the_chain)
{
    Compilation *c = compilation_new();
    enter_folder();
    write_file("a.nn", "import \"b.nn\"");
    write_file("b.nn", "\nimport \"c.nn\"");
    write_file("c.nn", "import \"./a.nn\"");
    ck_assert_ptr_null(front_parse_file(c, "a.nn"));
    leave_folder();
    char *text = messages(c);
    ck_assert_ptr_nonnull(strstr(text, "c.nn:1:1: error: circular import: a.nn -> b.nn -> c.nn -> ./a.nn\n"));
    ck_assert_ptr_nonnull(strstr(text, "b.nn:2:1: note: c.nn is imported here"));
    ck_assert_ptr_nonnull(strstr(text, "a.nn:1:1: note: b.nn is imported here"));
    ck_assert_int_eq(c->errors, 1);
    free(text);
    compilation_free(c);
}
END_TEST

START_TEST(files_that_cannot_be_read_are_named)
{
    Compilation *c = compilation_new();
    enter_folder();
    mkdir("sub", 0700);
    write_file("a.nn", "import \"none.nn\"\nimport \"sub\"\nimport \"b.nn\"");
    write_file("b.nn", "net {");
    ck_assert_ptr_null(front_parse_file(c, "a.nn"));
    ck_assert_ptr_null(front_parse_file(c, "absent.nn"));
    ck_assert_ptr_null(front_parse_file(c, "sub"));
    leave_folder();
    char *text = messages(c);
    ck_assert_ptr_nonnull(strstr(text, "a.nn:1:1: error: cannot read none.nn: No such file or directory\n"));
    ck_assert_ptr_nonnull(strstr(text, "a.nn:2:1: error: cannot read sub: Is a directory\n"));
    ck_assert_ptr_nonnull(strstr(text, "b.nn:1:5: error: expected a name"));
    ck_assert_ptr_nonnull(strstr(text, "nnc: error: cannot read absent.nn: No such file or directory\n"));
    ck_assert_ptr_nonnull(strstr(text, "nnc: error: cannot read sub: Is a directory\n"));
    free(text);
    compilation_free(c);
}
END_TEST

/* ---- hostile sources ------------------------------------------------------------ */

enum { MANY = 100000 };

static const struct {
    const char *before, *repeated, *after;
    const char *said; /* the first error, or NULL where there is none */
} hostile[] = {
    {"let a = ", "(", "", "nested too deeply: more than 200 levels"},
    {"let a = ", "[", "", "nested too deeply"},
    {"let a = ", "f(", "", "nested too deeply"},
    {"let a = ", "a[", "", "nested too deeply"},
    {"let a = ", "\"{", "", "nested too deeply"},
    {"let a = ", "- ", "1", "nested too deeply"},
    {"let a = ", "not ", "1", "nested too deeply"},
    {"let a = ", "c?", "1", "nested too deeply"},
    {"let a = ", "c?1:", "1", "nested too deeply"},
    {"let a = 1", "**2", "", "nested too deeply"},
    {"let a = 1", "+1", "", "nested too deeply"},
    {"let a = b", ".c", "", "nested too deeply"},
    {"let a = b", "[0]", "", "nested too deeply"},
    {"let a = b", " or b", "", "nested too deeply"},
    {"net a { ", "{", "", "expected a statement or `}`, saw `{`"},
    {"net a { ", "add {", "", "nested too deeply"},
    {"net a { ", "if 1 {", "", "nested too deeply"},
    {"net a { if 1 { }", "else if 1 { }", "}", "nested too deeply"},
    {"", "net a {", "", "expected `}` before `net`"},
    {"", "net ", "", "reserved word"},
    {"", "}", "", "expected a definition"},
    {"let a = ", ")", "", "expected an expression, saw `)`"},
    {"let a = 1", "..1", "", "a range has two ends"},
    {"let a = ", "\"", "", "saw a string"},
    {"", "\xff", "", "the text is not UTF-8"},
    {"", "\x01", "", "the byte 0x01"},
    {"net a { ", "(", "", "expected a statement"},
    {"net a { conv", "(3 4)\nconv", "", "expected `)` or `,`"},
    {"let a = [", "1,", "]", NULL},
    {"net a { add ", "{ }", "}", NULL},
    {"", "let", " = 1", "saw `letletletlet"},
    {"let a = ", "1", "", "does not fit"},
    {"let ", "a", " = 1", NULL},
    {"", "# {(\n", "", NULL},
};

START_TEST(hostile_sources_end_soon)
{
    Compilation *c = compilation_new();
    Text source;
    text_init(&source, c->arena);
    text_add(&source, hostile[_i].before);
    for (int i = 0; i < MANY; i++) text_add(&source, hostile[_i].repeated);
    text_add(&source, hostile[_i].after);
    size_t before = arena_used(c->arena);
    File *file = front_parse_text(c, "t.nn", source.data, source.length);
    ck_assert_uint_lt(arena_used(c->arena) - before, (size_t)64 << 20);
    ck_assert((file == NULL) == (hostile[_i].said != NULL));
    char *text = messages(c);
    if (hostile[_i].said != NULL) {
        *strchr(text, '\n') = '\0';
        ck_assert_msg(strstr(text, hostile[_i].said) != NULL, "%s", text);
    }
    free(text);
    compilation_free(c);
}
END_TEST

/* A small generator of its own: the same sources everywhere. */
static unsigned next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*state >> 33);
}

START_TEST(random_words_are_survived)
{
    static const char *const word[] = {
        "net", "block",  "train",  "let",   "if",  "else", "for", "in", "repeat", "group", "head", "from",
        "as",  "expect", "import", "not",   "yes", "a",    "b",   "{",  "}",      "{",     "}",    "(",
        ")",   "[",      "]",      ",",     "=",   "->",   "..",  "?",  ":",      "+",     "-",    "**",
        "3",   "3x3",    "0.5",    "\"s\"", "\"",  "\"{",  ";",   ".",  "\n",     "@",     "\xff", "#",
    };
    uint64_t state = (uint64_t)_i;
    Compilation *c = compilation_new();
    Text source;
    text_init(&source, c->arena);
    for (int i = 0; i < 400; i++) text_addf(&source, "%s ", word[next_random(&state) % COUNT_OF(word)]);
    ck_assert_ptr_null(front_parse_text(c, "t.nn", source.data, source.length));
    ck_assert_int_gt(c->errors, 0);
    char *text = messages(c);
    ck_assert_ptr_null(strstr(text, "something else"));
    free(text);
    compilation_free(c);
}
END_TEST

START_TEST(random_bytes_are_survived)
{
    uint64_t state = (uint64_t)_i;
    static char bytes[20000];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)next_random(&state);
    Compilation *c = compilation_new();
    ck_assert_ptr_null(front_parse_text(c, "t.nn", bytes, sizeof bytes));
    ck_assert_int_gt(c->errors, 0);
    free(messages(c));
    compilation_free(c);
}
END_TEST

START_TEST(nul_bytes_are_told_and_huge_files_refused)
{
    Compilation *c = compilation_new();
    ck_assert_ptr_null(front_parse_text(c, "t.nn", "net a { \0 relu }", 16));
    ck_assert_ptr_null(front_parse_text(c, "t.nn", "let a = \"b\0c\"", 13));
    size_t size = (16u << 20) + 1;
    char *blanks = malloc(size);
    memset(blanks, ' ', size);
    ck_assert_ptr_null(front_parse_text(c, "large.nn", blanks, size));
    ck_assert_ptr_nonnull(front_parse_text(c, "fits.nn", blanks, size - 1));
    free(blanks);
    char *text = messages(c);
    ck_assert_ptr_nonnull(strstr(text, "t.nn:1:9: error: the byte 0x00 has no meaning here"));
    ck_assert_ptr_nonnull(strstr(text, "t.nn:1:11: error: a string cannot hold the control byte 0x00"));
    ck_assert_ptr_nonnull(strstr(text, "nnc: error: cannot read large.nn: it is larger than 16 MiB"));
    free(text);
    compilation_free(c);
}
END_TEST

static void add_hostile(Suite *suite)
{
    TCase *t = tcase_create("hostile sources");
    tcase_add_loop_test(t, hostile_sources_end_soon, 0, COUNT_OF(hostile));
    tcase_add_loop_test(t, random_words_are_survived, 0, 100);
    tcase_add_loop_test(t, random_bytes_are_survived, 0, 10);
    tcase_add_test(t, nul_bytes_are_told_and_huge_files_refused);
    suite_add_tcase(suite, t);
}

Suite *front_suite(void)
{
    Suite *suite = suite_create("front");
    TCase *t = tcase_create("syntax");
    tcase_add_loop_test(t, expressions_become_trees, 0, COUNT_OF(expressions));
    tcase_add_test(t, an_expression_knows_its_text);
    tcase_add_loop_test(t, files_become_trees, 0, COUNT_OF(trees));
    tcase_add_test(t, statements_know_their_spans);
    tcase_add_test(t, train_items_are_parsed_alone);
    tcase_add_loop_test(t, mistakes_are_told_where_they_are, 0, COUNT_OF(mistakes));
    tcase_add_test(t, imports_come_once_and_first);
    tcase_add_test(t, circular_imports_show_the_chain);
    tcase_add_test(t, files_that_cannot_be_read_are_named);
    suite_add_tcase(suite, t);
    add_hostile(suite);
    return suite;
}
