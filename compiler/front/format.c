/*
 * The formatter: a text → the same text in the one canonical layout.
 *
 * Enters: the text of a .nn file.  Leaves: its tokens and comments, in their
 * order, with other white space between them.  Only tokens are looked at, no
 * tree: what a formatter must not lose, comments, is not in the tree, and what
 * it needs of the structure (where statements begin, which bracket closes which)
 * can be told from the tokens of a text that is known to parse.
 *
 * The layout is a function of the tokens and of a few choices that are left to
 * the writer: which statements share a line, whether a block stands on one line,
 * where an expression goes on in the next line, empty lines, and columns
 * (layout.c).  Each choice is kept by the layout that it leads to, so that
 * formatting the result changes nothing.  Tokens never change, except that
 * semicolons are left out where they mean nothing; this is verified.
 */
#include "front/format.h"

#include "front/parse.h"
#include "front/parser.h"

#include <stdlib.h>
#include <string.h>

int parser_lex(PARSER_STYPE *, Span *, Parse *);

/* ---- pieces ----------------------------------------------------------------------- */

/* Where reading has come to. */
typedef struct TokenReader {
    Format *f;
    int capacity;
    int at, line, column; /* in the text; columns count characters, from 0 */
} TokenReader;

static void skip_to(TokenReader *r, int end)
{
    enum { TAB = 8 };
    const char *text = r->f->parse->text;
    for (; r->at < end; r->at++) {
        if (text[r->at] == '\n') {
            r->line++;
            r->column = 0;
        } else if (text[r->at] == '\t') {
            r->column += TAB - r->column % TAB;
        } else {
            r->column += (text[r->at] & 0xc0) != 0x80; /* the first byte of a character */
        }
    }
}

static void add_piece(TokenReader *r, int kind, int begin, int end)
{
    Format *f = r->f;
    if (f->count == r->capacity) {
        size_t used = arena_used(f->parse->arena);
        r->capacity = 2 * r->capacity + 64;
        Piece *more = arena_alloc(f->parse->arena, (size_t)r->capacity * sizeof *more);
        if (f->count > 0) memcpy(more, f->piece, (size_t)f->count * sizeof *more);
        f->piece = more;
        f->parse->memory_before += arena_used(f->parse->arena) - used; /* no part of the tree, which is bounded */
    }
    int before = r->column, line = r->line;
    skip_to(r, begin);
    Piece *piece = &f->piece[f->count++];
    *piece = (Piece){.kind = kind,
                     .begin = begin,
                     .end = end,
                     .line = r->line,
                     .column = r->column,
                     .gap = r->line == line ? r->column - before : 0,
                     .outer = -1,
                     .partner = -1,
                     .group = -1};
    skip_to(r, end);
    piece->width = r->column - piece->column;
}

static bool is_white(char byte) { return byte != '\0' && strchr(" \t\r\f\v", byte) != NULL; }

/* The comments before the token that begins at `end`. */
static void add_comments(TokenReader *r, int end)
{
    const char *text = r->f->parse->text;
    for (int at = r->at; at < end; at++) {
        if (text[at] != '#') continue;
        int begin = at;
        while (at < end && text[at] != '\n') at++;
        int last = at;
        while (last > begin && is_white(text[last - 1])) last--;
        add_piece(r, PIECE_COMMENT, begin, last);
    }
}

static void add_token(TokenReader *r, int kind, Span span)
{
    const bool combinator = kind == TOKEN_COMBINATOR;
    add_piece(r, combinator ? TOKEN_NAME : kind, span.begin, span.end);
    r->f->piece[r->f->count - 1].combinator = combinator;
}

/* All of a text that is known to parse.  Of semicolons in a row one is enough. */
static void read_pieces(Format *f)
{
    TokenReader reader = {.f = f};
    PARSER_STYPE value;
    Span span;
    f->parse->memory_before = arena_used(f->parse->arena);
    tokens_open(f->parse, 0, START_AT_FILE);
    parser_lex(&value, &span, f->parse); /* what selects the grammar */
    for (int kind; (kind = parser_lex(&value, &span, f->parse)) != TOKEN_YYEOF;) {
        add_comments(&reader, span.begin);
        bool again = kind == TOKEN_SEMICOLON && f->count > 0 && f->piece[f->count - 1].kind == TOKEN_SEMICOLON;
        if (again)
            skip_to(&reader, span.end);
        else
            add_token(&reader, kind, span);
    }
    add_comments(&reader, f->parse->size);
    tokens_close(f->parse);
}

/* ---- what the pieces are ------------------------------------------------------------ */

/* The { after `train NAME`. */
static bool is_train(const Format *f, int open)
{
    int name = format_token_before(f, open);
    return name >= 0 && format_kind_at(f, format_token_before(f, name)) == TOKEN_TRAIN;
}

static void match_brackets(Format *f)
{
    int open = -1, depth = 0;
    for (int i = 0; i < f->count; i++) {
        Piece *p = &f->piece[i];
        bool closes = p->kind == TOKEN_RPAREN || p->kind == TOKEN_RBRACKET || p->kind == TOKEN_RBRACE;
        if (closes) {
            p->partner = open;
            f->piece[open].partner = i;
            open = f->piece[open].outer;
            depth -= p->kind == TOKEN_RBRACE;
        }
        p->outer = open;
        p->depth = depth;
        if (p->kind == TOKEN_LPAREN || p->kind == TOKEN_LBRACKET || p->kind == TOKEN_LBRACE) open = i;
        depth += p->kind == TOKEN_LBRACE;
        p->train = p->kind == TOKEN_LBRACE && is_train(f, i);
    }
}

static bool is_key(const Format *f, int i)
{
    const Piece *p = &f->piece[i];
    int after = format_kind_at(f, format_token_after(f, i));
    if (after == TOKEN_ASSIGN || format_is_operator(f, format_token_after(f, i))) return false;
    for (const char *const *key = f->keys; *key != NULL; key++)
        if (strlen(*key) == (size_t)(p->end - p->begin) &&
            memcmp(*key, f->parse->text + p->begin, (size_t)(p->end - p->begin)) == 0)
            return true;
    return false;
}

/* Where a name can begin a statement or an item: after what is complete. */
static bool is_after_end(const Format *f, int i)
{
    int before = format_token_before(f, i), kind = format_kind_at(f, before);
    if (kind == TOKEN_SEQUENTIAL && !f->piece[before].starts) return true; /* order's value */
    return kind == TOKEN_LBRACE || kind == TOKEN_RBRACE || kind == TOKEN_SEMICOLON || format_ends_operand(f, before);
}

/* The `for` of add for … or concat(axis=1) for … */
static bool is_loop_of_combinator(const Format *f, int i)
{
    int before = format_token_before(f, i);
    if (format_kind_at(f, before) == TOKEN_RPAREN) before = format_token_before(f, f->piece[before].partner);
    return before >= 0 && f->piece[before].combinator;
}

static bool starts(const Format *f, int i)
{
    const Piece *p = &f->piece[i];
    bool in_body = p->outer < 0 || f->piece[p->outer].kind == TOKEN_LBRACE;
    if (!in_body) return false;
    switch (p->kind) {
    case TOKEN_IMPORT:
    case TOKEN_BLOCK:
    case TOKEN_NET:
    case TOKEN_TRAIN:
    case TOKEN_LET:
    case TOKEN_REPEAT:
    case TOKEN_GROUP:
    case TOKEN_FROZEN:
    case TOKEN_HEAD:
    case TOKEN_OUTPUT:
    case TOKEN_FROM:
    case TOKEN_EXPECT: return true;
    case TOKEN_SEQUENTIAL: return p->outer < 0 || !f->piece[p->outer].train; /* else order's */
    case TOKEN_FOR: return !is_loop_of_combinator(f, i);
    case TOKEN_IF: return format_kind_at(f, format_token_before(f, i)) != TOKEN_ELSE;
    case TOKEN_NAME: return p->outer >= 0 && is_after_end(f, i) && (!f->piece[p->outer].train || is_key(f, i));
    default: return false;
    }
}

static bool is_item(const Format *f, const Piece *p) { return p->starts && p->outer >= 0 && f->piece[p->outer].train; }

static void find_starts(Format *f)
{
    for (int i = 0; i < f->count; i++) {
        Piece *p = &f->piece[i];
        p->starts = starts(f, i);
        p->is_key = is_item(f, p) && format_kind_at(f, format_token_after(f, i)) != TOKEN_LPAREN;
    }
}

/* In a train section a value that begins with ( [ or - would go on with the one
 * before it; everywhere else a semicolon means nothing. */
static bool is_needed_semicolon(const Format *f, int i)
{
    const Piece *p = &f->piece[i];
    int after = format_kind_at(f, format_token_after(f, i));
    return p->outer >= 0 && f->piece[p->outer].train &&
           (after == TOKEN_LPAREN || after == TOKEN_LBRACKET || after == TOKEN_MINUS);
}

/* What is left has other numbers: brackets are matched anew. */
static void drop_semicolons(Format *f)
{
    int kept = 0;
    for (int i = 0; i < f->count; i++)
        f->piece[i].dropped = f->piece[i].kind == TOKEN_SEMICOLON && !is_needed_semicolon(f, i);
    for (int i = 0; i < f->count; i++)
        if (!f->piece[i].dropped) f->piece[kept++] = f->piece[i];
    f->count = kept;
    match_brackets(f);
}

static Format format_read(Parse *parse, const char *const *keys)
{
    Format f = {.parse = parse, .keys = keys};
    read_pieces(&f);
    match_brackets(&f);
    drop_semicolons(&f);
    find_starts(&f);
    return f;
}

/* ---- blocks --------------------------------------------------------------------------- */

static bool is_empty(const Format *f, int open) { return f->piece[open].partner == open + 1; }

/* The { of the next branch, or of the else, −1 where there is none. */
static int next_block(const Format *f, int open)
{
    int i = format_token_after(f, f->piece[open].partner);
    if (format_kind_at(f, i) == TOKEN_LBRACE) return i;
    if (format_kind_at(f, i) != TOKEN_ELSE) return -1;
    while (format_kind_at(f, i) != TOKEN_LBRACE || f->piece[i].outer != f->piece[open].outer) i++;
    return i;
}

/* Blocks that belong together look alike: all broken, but for empty ones. */
static void break_blocks(Format *f, int open)
{
    for (; open >= 0; open = next_block(f, open)) f->piece[open].broken = !is_empty(f, open);
}

/* A block is broken where the writer broke it, anywhere. */
static void find_broken(Format *f)
{
    for (int i = 0; i < f->count; i++) {
        Piece *p = &f->piece[i];
        if (p->kind != TOKEN_LBRACE || is_empty(f, i)) continue;
        if (!p->train && p->line == f->piece[p->partner].line) continue;
        break_blocks(f, i);
        for (int k = format_token_before(f, i); format_kind_at(f, k) == TOKEN_RBRACE; k = format_token_before(f, k)) {
            k = f->piece[k].partner; /* of earlier branches */
            f->piece[k].broken = !is_empty(f, k);
        }
    }
}

/* ---- where lines begin ------------------------------------------------------------------ */

/* Whether the writer may break the line before piece i, which goes on with a statement. */
static bool may_break(const Format *f, int i)
{
    const Piece *p = &f->piece[i];
    int before = format_token_before(f, i);
    bool in_brackets = format_is_bracket(f, p->outer);
    bool in_train = p->outer >= 0 && f->piece[p->outer].train;
    if (format_is_bracket(f, before) || (in_brackets && format_kind_at(f, before) == TOKEN_COMMA)) return true;
    if (in_train && is_after_end(f, i) && format_begins_operand(p->kind)) return !f->piece[before].is_key;
    return format_is_operator(f, i) || format_is_operator(f, before);
}

static int breaks_before(const Format *f, int i)
{
    const Piece *p = &f->piece[i];
    int lines = p->line - f->piece[i - 1].line, kept = lines < 2 ? lines : 2;
    int opened = f->piece[i - 1].kind == TOKEN_LBRACE ? i - 1 : -1;
    bool after_comment = f->piece[i - 1].kind == PIECE_COMMENT;
    if (p->kind == TOKEN_RBRACE) return f->piece[p->partner].broken;
    if (opened >= 0) return p->kind == PIECE_COMMENT ? lines > 0 : f->piece[opened].broken;
    if (p->kind == PIECE_COMMENT) return kept;
    if (after_comment) return kept > 0 ? kept : 1;
    if (p->starts) return kept == 0 && (is_item(f, p) || p->outer < 0) ? 1 : kept;
    if (p->kind == TOKEN_RPAREN || p->kind == TOKEN_RBRACKET) return format_is_open_ended(f, p->partner);
    return lines > 0 && may_break(f, i);
}

/* The last piece of what starts at i. */
static int end_of_statement(const Format *f, int i)
{
    int outer = f->piece[i].outer;
    int limit = outer < 0 ? f->count : f->piece[outer].partner;
    int end = i;
    while (end + 1 < limit && !f->piece[end + 1].starts) {
        end++;
        if (f->piece[end].partner > end) end = f->piece[end].partner;
    }
    return end;
}

/* What takes several lines shares none of them: a line end before and after it. */
static void set_apart(Format *f)
{
    for (int i = 0; i < f->count; i++) {
        if (!f->piece[i].starts) continue;
        int end = end_of_statement(f, i), breaks = 0;
        for (int k = i + 1; k <= end && breaks == 0; k++)
            breaks += f->piece[k].kind != PIECE_COMMENT && f->piece[k].breaks > 0;
        if (breaks == 0) continue;
        int next = end + 1;
        if (i > 0 && f->piece[i].breaks == 0) f->piece[i].breaks = 1;
        if (next < f->count && f->piece[next].starts && f->piece[next].breaks == 0) f->piece[next].breaks = 1;
    }
}

/* A block, net or train section of several lines that starts at i. */
static bool is_tall(const Format *f, int i)
{
    int kind = f->piece[i].kind, end = end_of_statement(f, i);
    if (kind != TOKEN_BLOCK && kind != TOKEN_NET && kind != TOKEN_TRAIN) return false;
    while (format_kind_at(f, end) != TOKEN_RBRACE) end--; /* comments that belong to what follows */
    return f->piece[f->piece[end].partner].broken;
}

/* Around a tall definition is an empty line; comments right before one belong to it. */
static void space_definitions(Format *f)
{
    bool tall = false;
    for (int i = 0; i < f->count; i++) {
        if (!f->piece[i].starts || f->piece[i].outer >= 0) continue;
        bool again = is_tall(f, i);
        int top = i;
        while (top > 0 && f->piece[top].breaks == 1 && f->piece[top - 1].kind == PIECE_COMMENT &&
               (top == 1 || f->piece[top - 1].breaks > 0))
            top--;
        if ((tall || again) && f->piece[top].breaks == 1) f->piece[top].breaks = 2;
        tall = again;
    }
}

static void find_breaks(Format *f)
{
    for (int i = 1; i < f->count; i++) f->piece[i].breaks = breaks_before(f, i);
    set_apart(f);
    space_definitions(f);
}

/* ---- lines that are too long --------------------------------------------------------------- */

static int end_of_line(const Format *f, int begin)
{
    int end = begin;
    while (end + 1 < f->count && f->piece[end + 1].breaks == 0) end++;
    return end;
}

/* A comment at the end does not count. */
static bool is_too_long(const Format *f, int begin, int end)
{
    if (end > begin && f->piece[end].kind == PIECE_COMMENT) end--;
    return f->piece[end].at + f->piece[end].width > FORMAT_WIDTH;
}

/* One statement per line. */
static bool split_statements(Format *f, int begin, int end)
{
    bool split = false;
    for (int i = begin + 1; i <= end; i++) {
        if (!f->piece[i].starts || f->piece[i].outer != f->piece[begin].outer) continue;
        f->piece[i].breaks = 1;
        split = true;
    }
    return split;
}

/* The blocks on a line get lines of their own, the outermost ones first. */
static bool split_blocks(Format *f, int begin, int end)
{
    bool split = false;
    for (int i = begin; i <= end; i++) {
        Piece *p = &f->piece[i];
        if (p->kind != TOKEN_LBRACE || p->broken || is_empty(f, i)) continue;
        break_blocks(f, i);
        split = true;
        i = p->partner;
    }
    return split;
}

static bool split_long_lines(Format *f)
{
    bool blocks = false, statements = false;
    for (int begin = 0, end; begin < f->count; begin = end + 1) {
        end = end_of_line(f, begin);
        if (!is_too_long(f, begin, end)) continue;
        if (split_statements(f, begin, end))
            statements = true;
        else
            blocks |= split_blocks(f, begin, end);
    }
    for (int i = 0; blocks && i < f->count; i++) {
        const Piece *p = &f->piece[i];
        if (p->kind != TOKEN_LBRACE || !p->broken) continue;
        if (f->piece[i + 1].kind != PIECE_COMMENT && f->piece[i + 1].breaks == 0) f->piece[i + 1].breaks = 1;
        f->piece[p->partner].breaks = 1;
    }
    if (blocks) set_apart(f);
    if (blocks) space_definitions(f);
    return blocks || statements;
}

/* ---- the result ------------------------------------------------------------------------------ */

static void write_pieces(const Format *f, Text *out)
{
    int column = 0;
    for (int i = 0; i < f->count; i++) {
        const Piece *p = &f->piece[i];
        for (int n = 0; n < p->breaks; n++) text_add(out, "\n");
        if (p->breaks > 0) column = 0;
        text_addf(out, "%*s", p->at - column, "");
        text_add_bytes(out, f->parse->text + p->begin, (size_t)(p->end - p->begin));
        column = p->at + p->width;
    }
    if (f->count > 0) text_add(out, "\n");
}

/* A formatter that loses something is worse than none: the same tokens and
 * comments must come out, or nothing does. */
static void verify(const Format *f, const Text *out)
{
    Parse parse = parse_source(f->parse->c, "<formatted>", out->data, out->length, 0, START_AT_FILE);
    Format again = format_read(&parse, f->keys);
    bool same = !parse.failed && again.count == f->count;
    for (int i = 0; same && i < f->count; i++) {
        const Piece *a = &f->piece[i], *b = &again.piece[i];
        same = a->kind == b->kind && a->end - a->begin == b->end - b->begin &&
               memcmp(f->parse->text + a->begin, parse.text + b->begin, (size_t)(a->end - a->begin)) == 0;
    }
    if (same) return;
    fputs("nnc: bug: formatting would change more than white space\n", stderr);
    abort();
}

bool front_format(Compilation *c, const char *path, const char *text, size_t size, const char *const *train_keys,
                  Text *out)
{
    enum { ROUNDS = 2 * FRONT_MAX_DEPTH };
    if (size > FRONT_MAX_SOURCE) {
        diag_error(c, span_nowhere(), "cannot read %s: it is larger than %d MiB", path, FRONT_MAX_SOURCE >> 20);
        return false;
    }
    Parse parse = parse_source(c, path, text, size, 0, START_AT_FILE);
    if (parse.failed) return false;
    Format f = format_read(&parse, train_keys);
    if (f.count > FORMAT_MAX_PIECES) {
        diag_error(c, span_nowhere(), "cannot format %s: more than %d tokens and comments", path, FORMAT_MAX_PIECES);
        return false;
    }
    find_broken(&f);
    find_breaks(&f);
    layout_spaces(&f);
    layout_lines(&f);
    for (int i = 0; i < ROUNDS && split_long_lines(&f); i++) layout_lines(&f);
    text_init(out, c->arena);
    write_pieces(&f, out);
    if (out->length > FRONT_MAX_SOURCE) {
        diag_error(c, span_nowhere(), "cannot format %s: the formatted text would be larger than %d MiB", path,
                   FRONT_MAX_SOURCE >> 20);
        return false;
    }
    verify(&f, out);
    return true;
}
