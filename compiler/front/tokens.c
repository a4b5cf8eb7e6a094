/*
 * The tokens as the parser sees them: between the lexer and the grammar.
 *
 * Enters: tokens from the lexer.  Leaves: the same tokens, preceded by the one
 * that selects what is parsed.  Two things are kept on the way:
 *
 * The open brackets.  They tell the lexer whether '}' ends a block or goes back
 * into a string, they bound the nesting, and an error can point at the bracket
 * that was never closed.  A word that begins a definition closes the blocks that
 * are open, since none can stand inside another: a forgotten '}' is one error.
 *
 * The way back after a syntax error.  Line ends mean nothing to the grammar, but
 * people put statements at the beginnings of lines: parsing goes on at the first
 * word of a line in the same block, at the '}' of that block, or at a
 * definition.  Blocks inside what is skipped are skipped as a whole.
 */
#include "front/parse.h"

#include "front/parser.h"

#define YYSTYPE PARSER_STYPE
#define YYLTYPE Span
#include "front/lexer.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

int parser_lex(PARSER_STYPE *, Span *, Parse *);

typedef struct Token {
    int kind;
    Span span;
    PARSER_STYPE value;
    bool closed; /* a '}' that closed a block */
} Token;

typedef struct Bracket {
    int kind; /* ( [ { " or $ */
    Span span;
} Bracket;

enum { RECENT = 3 };

struct Tokens {
    yyscan_t scanner;
    ParseStart start;
    bool started;
    int position; /* of the lexer */
    Bracket open[FRONT_MAX_DEPTH];
    int depth, strings;
    bool closed;          /* the last '}' closed a block */
    Bracket dropped;      /* was still open inside what the last closing bracket closed */
    Span suspect;         /* a '{' whose '}' stands too far left: perhaps another one's */
    Token recent[RECENT]; /* those given to the parser, latest first */
    Token held;           /* to be given next */
    bool holding;
    int resumed;   /* where parsing last went on */
    int announced; /* the definition before which a missing '}' has been reported */
};

void tokens_open(Parse *parse, int begin, ParseStart start)
{
    Tokens *t = arena_alloc(parse->arena, sizeof *t);
    parse->tokens = t;
    t->start = start;
    t->position = begin;
    t->suspect = span_nowhere();
    t->resumed = t->announced = -1;
    if (lexer_lex_init_extra(parse, &t->scanner) != 0 ||
        lexer__scan_bytes(parse->text + begin, parse->size - begin, t->scanner) == NULL)
        arena_fail(parse->arena);
}

ParseStart tokens_start(const Parse *parse) { return parse->tokens->start; }

void tokens_close(Parse *parse) { lexer_lex_destroy(parse->tokens->scanner); }

/* ---- brackets ------------------------------------------------------------------ */

Span lex_advance(Parse *parse, int length)
{
    Tokens *t = parse->tokens;
    t->position += length;
    return (Span){parse->file, t->position - length, t->position};
}

void lex_bracket_open(Parse *parse, int kind, Span span)
{
    Tokens *t = parse->tokens;
    if (t->depth == FRONT_MAX_DEPTH) {
        parse_give_up(parse, span, "nested too deeply: more than %d levels", FRONT_MAX_DEPTH);
        return;
    }
    t->open[t->depth++] = (Bracket){kind, span};
    t->strings += kind == '"';
}

static void close_to(Tokens *t, int depth)
{
    while (t->depth > depth) t->strings -= t->open[--t->depth].kind == '"';
}

/* Columns beyond FAR are all the same: enough to compare indentations. */
static int column_of(const Parse *parse, int at)
{
    enum { FAR = 1000 };
    int column = 0;
    while (column < FAR && at > column && parse->text[at - column - 1] != '\n') column++;
    return column;
}

static bool is_first_on_line(const Parse *parse, int at)
{
    while (at > 0 && (parse->text[at - 1] == ' ' || parse->text[at - 1] == '\t')) at--;
    return at == 0 || parse->text[at - 1] == '\n';
}

/* The column of the first thing that stands on the line of `at`. */
static int indent_of(const Parse *parse, int at)
{
    int begin = at - column_of(parse, at);
    int indent = 0;
    while (begin + indent < at && (parse->text[begin + indent] == ' ' || parse->text[begin + indent] == '\t')) indent++;
    return indent;
}

static void note_suspect(Parse *parse, Span open, int close)
{
    Tokens *t = parse->tokens;
    bool known = t->suspect.file >= 0;
    if (!known && is_first_on_line(parse, close) && indent_of(parse, open.begin) > column_of(parse, close))
        t->suspect = open;
}

bool lex_bracket_close(Parse *parse, int kind)
{
    Tokens *t = parse->tokens;
    int at = t->depth - 1;
    while (at >= 0 && t->open[at].kind != kind && strchr(kind == '{' ? "$" : "{\"$", t->open[at].kind) == NULL) at--;
    bool found = at >= 0 && (t->open[at].kind == kind || kind == '{');
    t->dropped = found && at < t->depth - 1 ? t->open[t->depth - 1] : (Bracket){0};
    t->closed = found && t->open[at].kind == '{';
    if (!found) return false;
    bool in_string = t->open[at].kind == '$';
    if (t->closed) note_suspect(parse, t->open[at].span, t->position - 1);
    close_to(t, at);
    return in_string;
}

bool lex_in_string(const Parse *parse) { return parse->tokens->strings > 0; }

void lex_string_end(Parse *parse) { close_to(parse->tokens, parse->tokens->depth - 1); }

/* The line ends inside a string: reports the outermost one and leaves them all.
 * A string without an expression can stand as if it were closed. */
int lex_string_unclosed(Parse *parse)
{
    Tokens *t = parse->tokens;
    int at = 0, end = t->position;
    while (t->open[at].kind != '"') at++;
    if (end > 0 && parse->text[end - 1] == '\n') end--;
    bool simple = at == t->depth - 1;
    Span span = {parse->file, t->open[at].span.begin, end};
    close_to(t, at);
    if (!parse->failed || parse->last_error < span.begin || parse->last_error >= end)
        parse_error(parse, span, "the string that begins here is not closed on its line");
    return simple ? TOKEN_STRING_END : TOKEN_PARSER_error;
}

int tokens_bracket(const Parse *parse, Span *span)
{
    const Tokens *t = parse->tokens;
    const Bracket *top = t->depth > 0 ? &t->open[t->depth - 1] : NULL;
    int kind = t->recent[0].kind;
    bool closer = kind == TOKEN_RPAREN || kind == TOKEN_RBRACKET || kind == TOKEN_RBRACE || kind == TOKEN_EXPR_END;
    if (closer && t->dropped.kind != 0) top = &t->dropped;
    if (top == NULL) return 0;
    *span = top->kind == '{' && t->suspect.file >= 0 ? t->suspect : top->span;
    return top->kind;
}

/* ---- reading --------------------------------------------------------------------- */

static Token scan(Parse *parse)
{
    Tokens *t = parse->tokens;
    Token token = {.kind = TOKEN_YYEOF, .span = {parse->file, t->position, t->position}};
    if (!parse->give_up) token.kind = lexer_lex(&token.value, &token.span, t->scanner);
    if (diag_full(parse->c)) parse->give_up = true;
    if (parse->give_up || token.kind == TOKEN_YYEOF) {
        token.kind = TOKEN_YYEOF;
        token.span = (Span){parse->file, parse->size, parse->size};
    }
    token.closed = token.kind == TOKEN_RBRACE && t->closed;
    return token;
}

static bool is_definition(int kind)
{
    return kind == TOKEN_NET || kind == TOKEN_BLOCK || kind == TOKEN_TRAIN || kind == TOKEN_IMPORT;
}

/* `as net`: a reserved word as a label; the last token, or the one behind it. */
static bool is_label(const Parse *parse, Token word)
{
    const Token *last = parse->tokens->recent, *before = last->span.begin == word.span.begin ? last + 1 : last;
    return before->kind == TOKEN_AS && source_line(parse->c, before->span) == source_line(parse->c, word.span);
}

/* A definition begins while blocks are open: gives the parser a '}' for each. */
static Token close_block_before(Parse *parse, Token definition)
{
    Tokens *t = parse->tokens;
    if (t->announced != definition.span.begin) {
        Span open;
        tokens_bracket(parse, &open);
        parse_error(parse, definition.span, "expected `}` before `%.*s`", definition.span.end - definition.span.begin,
                    parse->text + definition.span.begin);
        diag_note(parse->c, open, "this `{` is not closed");
        t->announced = definition.span.begin;
    }
    t->held = definition;
    t->holding = true;
    t->suspect = span_nowhere();
    close_to(t, t->depth - 1);
    return (Token){.kind = TOKEN_RBRACE, .span = definition.span, .closed = true};
}

bool front_is_combinator(const char *name)
{
    static const char *const combinators[] = {"add", "mul", "maximum", "minimum", "mean",
                                              "sub", "div", "concat",  "matmul"};
    return name_is_one_of(name, combinators, sizeof combinators / sizeof *combinators);
}

/* Behind white space and comments. */
static int skip_blank(const Parse *parse, int at)
{
    for (; at < parse->size && strchr(" \t\r\f\v\n#", parse->text[at]); at++)
        if (parse->text[at] == '#')
            while (at + 1 < parse->size && parse->text[at + 1] != '\n') at++;
    return at;
}

/* Behind the parentheses that may begin at `at`. */
static int skip_parens(const Parse *parse, int at)
{
    int depth = 0;
    if (at == parse->size || parse->text[at] != '(') return at;
    do {
        depth += parse->text[at] == '(';
        depth -= parse->text[at] == ')';
    } while (++at < parse->size && depth > 0);
    return at;
}

/* add for … or concat(axis=1) for …: the loop makes the branches. */
static bool makes_branches(const Parse *parse, Token name)
{
    if (name.kind != TOKEN_NAME || !front_is_combinator(name.value.name)) return false;
    int at = skip_blank(parse, skip_parens(parse, skip_blank(parse, name.span.end)));
    bool loop = parse->size - at > 3 && strncmp(parse->text + at, "for", 3) == 0;
    return loop && !is_identifier_char(parse->text[at + 3]);
}

bool token_ends_operand(int kind)
{
    switch (kind) {
    case TOKEN_NAME:
    case TOKEN_INTEGER:
    case TOKEN_REAL:
    case TOKEN_DIMS:
    case TOKEN_STRING_END:
    case TOKEN_YES:
    case TOKEN_NO:
    case TOKEN_RPAREN:
    case TOKEN_RBRACKET: return true;
    default: return false;
    }
}

/* A statement can begin after it. */
static bool ends_statement(int kind)
{
    return token_ends_operand(kind) || kind == TOKEN_LBRACE || kind == TOKEN_RBRACE || kind == TOKEN_SEMICOLON;
}

static bool is_label_at(const Parse *parse, int at)
{
    int length = 0;
    if (at < parse->size && parse->text[at] == '"') return true;
    while (at + length < parse->size && is_identifier_char(parse->text[at + length])) length++;
    if (length == 0 || isdigit((unsigned char)parse->text[at])) return false;
    return !front_is_reserved(arena_printf(parse->arena, "%.*s", length, parse->text + at));
}

/* output NAME, in a body: elsewhere `output` is a name like any other. */
static bool names_output(const Parse *parse, Token name)
{
    const Tokens *t = parse->tokens;
    bool in_block = t->depth > 0 && t->open[t->depth - 1].kind == '{';
    if (!in_block || name.kind != TOKEN_NAME || strcmp(name.value.name, "output") != 0) return false;
    return ends_statement(t->recent[0].kind) && is_label_at(parse, skip_blank(parse, name.span.end));
}

static Token next(Parse *parse)
{
    static const int selector[] = {TOKEN_START_FILE, TOKEN_START_EXPR, TOKEN_START_ITEMS};
    Tokens *t = parse->tokens;
    if (!t->started) {
        t->started = true;
        return (Token){.kind = selector[t->start], .span = {parse->file, 0, 0}};
    }
    Token token = t->holding ? t->held : scan(parse);
    t->holding = false;
    if (is_definition(token.kind) && t->depth > 0 && t->open[t->depth - 1].kind == '{' && !is_label(parse, token))
        return close_block_before(parse, token);
    return token;
}

int parser_lex(PARSER_STYPE *value, Span *span, Parse *parse)
{
    Tokens *t = parse->tokens;
    Token token = next(parse);
    if (makes_branches(parse, token)) token.kind = TOKEN_COMBINATOR;
    if (names_output(parse, token)) token.kind = TOKEN_OUTPUT;
    memmove(t->recent + 1, t->recent, (RECENT - 1) * sizeof *t->recent);
    t->recent[0] = token;
    *value = token.value;
    *span = token.span;
    return token.kind;
}

const char *tokens_word_before(const Parse *parse, int back)
{
    const Token *token = &parse->tokens->recent[back];
    assert(back >= 0 && back < RECENT);
    return token->kind == TOKEN_NAME ? token->value.name : "";
}

Span tokens_span_before(const Parse *parse, int back) { return parse->tokens->recent[back].span; }

bool tokens_after_reserved(const Parse *parse, Span *span)
{
    const Token *token = &parse->tokens->recent[1];
    *span = token->span;
    return token->kind >= TOKEN_NET && token->kind <= TOKEN_NO;
}

/* ---- recovery ----------------------------------------------------------------------- */

static bool begins_statement(int kind)
{
    switch (kind) {
    case TOKEN_NAME:
    case TOKEN_OUTPUT:
    case TOKEN_LET:
    case TOKEN_IF:
    case TOKEN_FOR:
    case TOKEN_REPEAT:
    case TOKEN_GROUP:
    case TOKEN_SEQUENTIAL:
    case TOKEN_FROZEN:
    case TOKEN_HEAD:
    case TOKEN_FROM:
    case TOKEN_EXPECT: return true;
    default: return false;
    }
}

/* NAME = value or NAME, goes on with the arguments of a call of several lines. */
static bool looks_like_argument(const Parse *parse, Token token)
{
    int at = token.span.end;
    while (at < parse->size && (parse->text[at] == ' ' || parse->text[at] == '\t')) at++;
    char next_byte = at < parse->size ? parse->text[at] : '\0';
    bool is_name = token.kind == TOKEN_NAME;
    return is_name && (next_byte == ',' || (next_byte == '=' && (at + 1 == parse->size || parse->text[at + 1] != '=')));
}

/* How many brackets are open around the statement that failed: those up to the
 * innermost '{' before the token. */
static int block_around(const Tokens *t, Token token)
{
    int depth = t->depth;
    if (token.kind == TOKEN_LBRACE && depth > 0) depth--;
    while (depth > 0 && t->open[depth - 1].kind != '{') depth--;
    return depth;
}

static bool is_inside_block(const Tokens *t, int around)
{
    for (int i = around; i < t->depth; i++)
        if (t->open[i].kind == '{') return true;
    return false;
}

/* Whether parsing can go on at `token`. */
static bool can_resume(Parse *parse, Token token, int around)
{
    Tokens *t = parse->tokens;
    if (is_definition(token.kind)) return !is_label(parse, token);
    if (token.kind == TOKEN_RBRACE) return token.closed && t->depth < around;
    if (is_inside_block(t, around) || !begins_statement(token.kind) || !is_first_on_line(parse, token.span.begin))
        return false;
    if (around == 0) return token.kind == TOKEN_LET;
    return t->depth == around || !looks_like_argument(parse, token);
}

bool tokens_recover(Parse *parse)
{
    Tokens *t = parse->tokens;
    Token token = t->recent[0];
    int around = block_around(t, token);
    if (token.kind == TOKEN_RBRACE && t->holding) { /* one of close_block_before: it comes again */
        t->depth++;
        return !parse->give_up;
    }
    bool at_end_of_block = token.kind == TOKEN_RBRACE && token.closed;
    bool resume = at_end_of_block || can_resume(parse, token, around);
    if (token.span.begin == t->resumed) resume = false; /* it has been tried */
    while (!resume) {
        if (token.kind == TOKEN_YYEOF || parse->give_up) return false;
        token = t->holding ? t->held : scan(parse);
        t->holding = false;
        resume = can_resume(parse, token, around);
    }
    if (token.kind != TOKEN_RBRACE) close_to(t, around);
    t->resumed = t->announced = token.span.begin;
    t->held = token;
    t->holding = true;
    return !parse->give_up;
}
