/*
 * What the files of front share: the state of one parse, the lexer's helpers and
 * the constructors that the grammar's actions call.  Other modules use front.h.
 */
#ifndef NNC_FRONT_PARSE_H
#define NNC_FRONT_PARSE_H

#include "front/front.h"

/* Bounds on hostile sources.  Later stages walk the tree recursively, so its
 * depth is bounded here, where it is built. */
enum {
    FRONT_MAX_SOURCE = 16 << 20,  /* bytes of a file */
    FRONT_MAX_MEMORY = 128 << 20, /* bytes of the tree of a file */
    FRONT_MAX_DEPTH = 200,        /* levels of brackets, of an expression, of statements */
    FRONT_MAX_IMPORTS = 64        /* files in a chain of imports */
};

typedef struct Tokens Tokens;

/* One source while it is parsed, and what came out of it. */
typedef struct Parse {
    Compilation *c;
    Arena *arena;
    int file;
    const char *text;
    int size;
    bool failed;          /* an error was reported */
    bool give_up;         /* no more tokens: there are too many errors, or a bound is crossed */
    int last_error;       /* where the last error was reported; a second one there adds nothing */
    size_t memory_before; /* of the arena */
    Tokens *tokens;
    List imports; /* of Import */
    List lets, blocks, nets, trains;
    Expr *expr;  /* of front_parse_expr */
    List *items; /* of front_parse_train_items */
} Parse;

typedef struct Import {
    Span span;
    const char *path; /* NULL: the standard library */
} Import;

/* ---- one source (front.c) ------------------------------------------------------ */

typedef enum ParseStart { START_AT_FILE, START_AT_EXPR, START_AT_ITEMS } ParseStart;

/* Adds the text to the sources and parses it; imports are listed, not read. */
/* From byte `begin` on: what stands before is only shown. */
Parse parse_source(Compilation *, const char *path, const char *text, size_t size, int begin, ParseStart);

/* ---- errors (parse_error.c, syntax_error.c) --------------------------------- */

void parse_error(Parse *, Span, const char *format, ...) PRINTF_LIKE(3, 4);
void parse_give_up(Parse *, Span, const char *format, ...) PRINTF_LIKE(3, 4);

/* The parser cannot go on with the token `saw`; `expected` are the names of the
 * tokens with which it could. */
void syntax_error(Parse *, Span, const char *saw, const char *const *expected, int count);

/* What a rule of the grammar spans: its parts 1..count, or the empty place after part 0. */
Span span_of_rule(const Span *parts, int count);

/* ---- tokens (tokens.c) ------------------------------------------------------ */

void tokens_open(Parse *, int begin, ParseStart); /* at that byte of the text */
void tokens_close(Parse *);
ParseStart tokens_start(const Parse *);

/* Whether an operand can end with a token of that kind. */
bool token_ends_operand(int kind);

/* Called by the grammar's error productions: skips to where parsing can go on;
 * false where it cannot. */
bool tokens_recover(Parse *);

/* The innermost bracket that is open: ( [ { " or $ (an expression in a string),
 * 0 where none is; and where it stands. */
int tokens_bracket(const Parse *, Span *);

/* The word that stands `back` (0 to 2) tokens before that of a syntax error, "" where
 * that is none; and its span. */
const char *tokens_word_before(const Parse *, int back);
Span tokens_span_before(const Parse *, int back);
bool tokens_after_reserved(const Parse *, Span *);

/* For the lexer's actions. */
Span lex_advance(Parse *, int length);
void lex_bracket_open(Parse *, int kind, Span);
bool lex_bracket_close(Parse *, int kind); /* true: a brace ended an expression in a string */
bool lex_in_string(const Parse *);
int lex_string_unclosed(Parse *); /* the token to go on with */
void lex_string_end(Parse *);

/* ---- literals (literal.c) ---------------------------------------------------- */

Expr *literal_integer(Parse *, Span);
Expr *literal_real(Parse *, Span);
Expr *literal_dims(Parse *, Span);
Expr *literal_bad_number(Parse *, Span);
Expr *literal_escape(Parse *, Span);
Expr *literal_text(Parse *, Span);
void literal_stray(Parse *, Span);
void literal_check_utf8(Parse *);
const char *literal_name(Parse *, Span);

/* ---- the tree (tree.c) -------------------------------------------------------- */

List *list_of(Parse *, void *item); /* item NULL: an empty list */
List *list_with(Parse *, List *, void *item);
List *list_before(Parse *, Expr *first, List *args); /* the arguments `first`, then those of args */

Expr *expr_new(Parse *, ExprKind, Span);
Expr *expr_integer(Parse *, ExprKind, Span, int64_t value);
Expr *expr_text(Parse *, ExprKind, Span, const char *text, size_t length);
Expr *expr_name(Parse *, Span, const char *name);
Expr *expr_list(Parse *, Span, List *items);
Expr *expr_comprehension(Parse *, Span, Expr *element, List *clauses /* of Arg */);
Expr *expr_string(Parse *, Span, List *parts);
Expr *expr_unary(Parse *, Span, Operator, Expr *);
Expr *expr_binary(Parse *, Span, Operator, Expr *left, Expr *right);
Expr *expr_range(Parse *, Span, Expr *left, Expr *right);
Expr *expr_cond(Parse *, Span, Expr *condition, Expr *yes, Expr *no);
Expr *expr_call(Parse *, Span, const char *name, List *args);
Expr *expr_index(Parse *, Span, Expr *list, Expr *index);
Expr *expr_field(Parse *, Span, Expr *value, const char *name);
Expr *expr_in_parens(Expr *, Span);

Arg *arg_new(Parse *, Span, const char *name, Span name_span, Expr *value);
Param *param_new(Parse *, const char *name, Span, Expr *value);
Branch *branch_new(Parse *, Span, List *body);

Stmt *stmt_layer(Parse *, Span, const char *name, Span name_span, List *args); /* args NULL: no parentheses */
Stmt *stmt_combine(Parse *, Span, const char *name, Span name_span, List *args, List *branches); /* args as above */
Stmt *stmt_for_each(Parse *, Span, const char *name, Span name_span, List *args, const Arg *loop, Branch *);
Stmt *stmt_labelled(Parse *, Span, Stmt *, Expr *label);
Stmt *stmt_shaped(Parse *, Span, Stmt *, Expr *shape);
Stmt *stmt_value(Parse *, StmtKind, Span, Expr *value); /* expect, from */
Stmt *stmt_let(Parse *, Span, const char *name, Span name_span, List *params, Expr *value);
Stmt *stmt_if(Parse *, Span, Expr *condition, List *body, List *otherwise);
Stmt *stmt_for(Parse *, Span, const char *name, Span name_span, Expr *value, List *body);
Stmt *stmt_repeat(Parse *, Span, Expr *value, List *body);
Stmt *stmt_scope(Parse *, StmtKind, Span, Expr *label, List *args,
                 List *body); /* group, sequential, frozen, head, output */

void file_import(Parse *, Span, Expr *path);
void file_import_std(Parse *, Span, const char *name, Span name_span);
void file_let(Parse *, const char *name, Span, List *params, Expr *value);
void file_def(Parse *, DefKind, const char *name, Span, List *params, List *body);
void file_train(Parse *, Span, const char *name, Span name_span, List *items);

#endif
