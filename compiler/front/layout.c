/*
 * The second half of the formatter: spaces, indentation, columns.
 *
 * Enters: pieces, and where lines begin.  Leaves: the column of every piece.
 *
 * Columns are the writer's: where two lines of a body have a mark, a statement
 * or a comment at the same place, and at least one of them is set off by more
 * space than it needs, they stay under each other, as far to the left as all
 * their lines allow.  Space that lines nothing up is closed.  The result of this
 * rule keeps its own columns: whoever was moved is set off and linked with the
 * piece that moved it, which stands as far left as it can.
 */
#include "front/format.h"

#include "front/parser.h"

/* ---- spaces --------------------------------------------------------------------------- */

static int layout_kind(const Format *f, int i) { return i >= 0 ? f->piece[i].kind : TOKEN_YYEOF; }

/* Whether the value after the = of an argument has an operator that binds no
 * tighter than a comparison: stride = i == 0 ? 2 : 1 */
static bool is_loose_value(const Format *f, int assign)
{
    int outer = f->piece[assign].outer;
    for (int i = assign + 1; i < f->piece[outer].partner && f->piece[i].kind != TOKEN_COMMA; i++) {
        switch (f->piece[i].kind) {
        case TOKEN_QUESTION:
        case TOKEN_OR:
        case TOKEN_AND:
        case TOKEN_NOT:
        case TOKEN_EQ:
        case TOKEN_NE:
        case TOKEN_LT:
        case TOKEN_LE:
        case TOKEN_GT:
        case TOKEN_GE: return true;
        default: break;
        }
        if (f->piece[i].partner > i) i = f->piece[i].partner;
    }
    return false;
}

/* The = of an argument, a parameter or an item, without space around it. */
static bool is_tight_assign(const Format *f, int i)
{
    if (layout_kind(f, i) != TOKEN_ASSIGN || f->piece[i].outer < 0) return false;
    const Piece *outer = &f->piece[f->piece[i].outer];
    return outer->train || (outer->kind == TOKEN_LPAREN && !is_loose_value(f, i));
}

static bool is_glued_after(const Format *f, int i)
{
    switch (layout_kind(f, i)) {
    case TOKEN_LPAREN:
    case TOKEN_LBRACKET:
    case TOKEN_DOT:
    case TOKEN_RANGE:
    case TOKEN_POW:
    case TOKEN_STRING_BEGIN:
    case TOKEN_TEXT:
    case TOKEN_EXPR_BEGIN:
    case TOKEN_EXPR_END: return true;
    case TOKEN_MINUS: return !format_is_operator(f, i);
    case TOKEN_ASSIGN: return is_tight_assign(f, i);
    default: return false;
    }
}

/* head NAME (…), output NAME (…) */
static bool takes_label(int kind) { return kind == TOKEN_HEAD || kind == TOKEN_OUTPUT; }

static bool is_glued_before(const Format *f, int i)
{
    int before = format_token_before(f, i);
    switch (layout_kind(f, i)) {
    case TOKEN_RPAREN:
    case TOKEN_RBRACKET:
    case TOKEN_COMMA:
    case TOKEN_SEMICOLON:
    case TOKEN_DOT:
    case TOKEN_RANGE:
    case TOKEN_POW:
    case TOKEN_TEXT:
    case TOKEN_STRING_END:
    case TOKEN_EXPR_BEGIN:
    case TOKEN_EXPR_END: return true;
    case TOKEN_ASSIGN: return is_tight_assign(f, i);
    case TOKEN_LPAREN: /* of a call; those of a head or an output stand apart from its label */
        return layout_kind(f, before) == TOKEN_NAME && !takes_label(layout_kind(f, format_token_before(f, before)));
    case TOKEN_LBRACKET: return format_ends_operand(f, before); /* an index */
    default: return false;
    }
}

static int space_before(const Format *f, int i)
{
    const Piece *p = &f->piece[i];
    if (p->kind == PIECE_COMMENT) return 2;
    if (p->starts) return f->piece[i - 1].kind == TOKEN_LBRACE ? 1 : 2;
    return is_glued_after(f, i - 1) || is_glued_before(f, i) ? 0 : 1;
}

static bool in_brackets(const Format *f, int i)
{
    int outer = f->piece[i].outer;
    return outer >= 0 && f->piece[outer].kind != TOKEN_LBRACE;
}

static Align align_of(const Format *f, int i)
{
    const Piece *p = &f->piece[i];
    int before = f->piece[i - 1].kind;
    if (p->kind == PIECE_COMMENT) return ALIGN_COMMENT;
    if (p->starts) return before == TOKEN_LBRACE ? ALIGN_NONE : ALIGN_RESULT;
    if (before == TOKEN_QUESTION || before == TOKEN_COLON) return ALIGN_ANSWER;
    switch (p->kind) {
    case TOKEN_AS: return ALIGN_LABEL;
    case TOKEN_ARROW: return ALIGN_RESULT;
    case TOKEN_QUESTION:
    case TOKEN_COLON: return ALIGN_QUESTION;
    case TOKEN_LBRACE: return ALIGN_BLOCK;
    case TOKEN_ASSIGN: return p->space > 0 && !in_brackets(f, i) ? ALIGN_ASSIGN : ALIGN_NONE;
    default: return ALIGN_NONE;
    }
}

/* The values of a train section stand in a column after the longest key. */
static void space_values(Format *f)
{
    for (int open = 0; open < f->count; open++) {
        if (!f->piece[open].train) continue;
        int longest = 0, close = f->piece[open].partner;
        for (int i = open + 1; i < close; i++)
            if (f->piece[i].is_key && f->piece[i].width > longest) longest = f->piece[i].width;
        for (int i = open + 2; i < close; i++) {
            const Piece *before = &f->piece[i - 1];
            if (before->is_key && f->piece[i].kind != PIECE_COMMENT) f->piece[i].space = longest - before->width + 1;
        }
        f->piece[open].key_width = longest;
        open = close;
    }
}

/* ---- indentation ------------------------------------------------------------------------ */

static const Piece *line_of(const Format *f, int i) { return &f->piece[f->piece[i].first]; }

/* What the piece goes on with: the start of its statement, or −1. */
static int statement_of(const Format *f, int i)
{
    int outer = f->piece[i].outer;
    while (i >= 0 && !(f->piece[i].starts && f->piece[i].outer == outer)) i--;
    return i;
}

/* In a let, an operator stands under the =, a value under the value; elsewhere
 * the line is indented twice, beyond a block that may follow. */
static int indent_in_statement(const Format *f, int i)
{
    int start = statement_of(f, i);
    if (start < 0) return 0;
    if (f->piece[start].kind == TOKEN_LET && start + 3 < i && f->piece[start + 2].kind == TOKEN_ASSIGN)
        return f->piece[format_is_operator(f, i) ? start + 2 : start + 3].at;
    return line_of(f, start)->at + 2 * FORMAT_INDENT;
}

static int indent_in_brackets(const Format *f, int i)
{
    int open = f->piece[i].outer;
    return format_is_open_ended(f, open) ? line_of(f, open)->at + FORMAT_INDENT : f->piece[open].at + 1;
}

static int indent_of_token(const Format *f, int i)
{
    const Piece *p = &f->piece[i];
    int level = FORMAT_INDENT * p->depth;
    bool closes_brackets = p->kind == TOKEN_RPAREN || p->kind == TOKEN_RBRACKET;
    if (closes_brackets && format_is_open_ended(f, p->partner)) return line_of(f, p->partner)->at;
    if (in_brackets(f, i)) return indent_in_brackets(f, i);
    if (p->starts || p->kind == TOKEN_RBRACE || p->kind == TOKEN_LBRACE || p->kind == TOKEN_ELSE) return level;
    if (p->outer >= 0 && f->piece[p->outer].train) return level + f->piece[p->outer].key_width + 1;
    return indent_in_statement(f, i);
}

/* A comment stands as what follows it; before a } as what is in the block; and
 * under the comment of the line before, where it goes on with that one. */
static int indent_of_comment(const Format *f, int i)
{
    const Piece *p = &f->piece[i], *before = i > 0 ? &f->piece[i - 1] : NULL;
    bool goes_on = before && before->kind == PIECE_COMMENT && before->at > FORMAT_INDENT * before->depth;
    if (goes_on && before->column == p->column && p->breaks == 1) return before->at;
    if (p->next == f->count) return 0;
    return f->piece[p->next].kind == TOKEN_RBRACE ? FORMAT_INDENT * p->depth : indent_of_token(f, p->next);
}

static int line_indent(const Format *f, int i)
{
    return f->piece[i].kind == PIECE_COMMENT ? indent_of_comment(f, i) : indent_of_token(f, i);
}

/* ---- columns ------------------------------------------------------------------------------ */

enum { FARTHEST = 200 }; /* source columns beyond this one line nothing up */

/* The last piece at a column of the source, and the body that it is in. */
typedef struct Last {
    int body, piece;
} Last;

typedef Last Row[ALIGN_COUNT][FARTHEST];

static int body_of(const Format *f, int i)
{
    int body = f->piece[i].outer;
    while (body >= 0 && f->piece[body].kind != TOKEN_LBRACE) body = f->piece[body].outer;
    return body;
}

/* Set off by more space than it needs. */
static bool is_wide(const Piece *p) { return p->gap > (p->starts || p->kind == PIECE_COMMENT ? 2 : 1); }

/* Puts piece i into the column of the one before it there, or begins one. */
static void link_piece(Format *f, Last *last, int body, int i)
{
    Piece *p = &f->piece[i];
    const Piece *above = last->body == body && last->piece >= 0 ? &f->piece[last->piece] : NULL;
    p->group = i;
    if (above && (is_wide(p) || is_wide(above))) p->group = above->group;
    *last = (Last){body, i};
}

/* What is known of a column, kept at the number of its first piece. */
typedef struct LayoutColumn {
    int at, members;
    bool airy; /* the writer left two spaces or more before all of it */
} LayoutColumn;

struct Columns {
    Row *rows; /* one for the bodies of each depth: those that are open */
    int depth;
    LayoutColumn *of;
};

static Columns *columns_new(const Format *f)
{
    Arena *arena = f->parse->arena;
    Columns *columns = arena_alloc(arena, sizeof *columns);
    for (int i = 0; i < f->count; i++)
        if (f->piece[i].depth > columns->depth) columns->depth = f->piece[i].depth;
    columns->rows = arena_alloc(arena, (size_t)(columns->depth + 1) * sizeof *columns->rows);
    columns->of = arena_alloc(arena, (size_t)(f->count + 1) * sizeof *columns->of);
    return columns;
}

static void clear_rows(Columns *columns)
{
    for (int d = 0; d <= columns->depth; d++)
        for (int k = 0; k < ALIGN_COUNT * FARTHEST; k++) (&columns->rows[d][0][0])[k] = (Last){-1, -1};
}

/* Whether piece i stands in its line as it stood in the source: the line begins
 * like one of the source, and is the same one up to here. */
static bool is_in_place(const Format *f, int i)
{
    const Piece *first = line_of(f, i);
    int before = f->piece[i].first - 1;
    return f->piece[i].line == first->line && (before < 0 || f->piece[before].line < first->line);
}

static void link_pieces(Format *f)
{
    clear_rows(f->columns);
    for (int i = 0; i < f->count; i++) {
        Piece *p = &f->piece[i];
        p->group = -1;
        if (p->first == i || p->align == ALIGN_NONE || p->column >= FARTHEST || !is_in_place(f, i)) continue;
        int body = body_of(f, p->first), depth = body < 0 ? 0 : f->piece[body].depth + 1;
        link_piece(f, &f->columns->rows[depth][p->align][p->column], body, i);
    }
}

/* A column of one is none. */
static void find_columns(Format *f)
{
    LayoutColumn *column = f->columns->of;
    link_pieces(f);
    for (int i = 0; i < f->count; i++) {
        const Piece *p = &f->piece[i];
        if (p->group < 0) continue;
        if (p->group == i) column[i] = (LayoutColumn){.airy = true};
        column[p->group].members++;
        if (p->gap < 2) column[p->group].airy = false;
    }
    for (int i = 0; i < f->count; i++)
        if (f->piece[i].group >= 0 && column[f->piece[i].group].members < 2) f->piece[i].group = -1;
}

/* ---- layout --------------------------------------------------------------------------------- */

void layout_spaces(Format *f)
{
    for (int i = 1; i < f->count; i++) {
        f->piece[i].space = space_before(f, i);
        f->piece[i].align = align_of(f, i);
    }
    for (int i = f->count - 1, next = f->count; i >= 0; i--) {
        f->piece[i].next = next;
        if (f->piece[i].kind != PIECE_COMMENT) next = i;
    }
    space_values(f);
    f->columns = columns_new(f);
}

static void find_firsts(Format *f)
{
    for (int i = 0; i < f->count; i++) f->piece[i].first = i == 0 || f->piece[i].breaks > 0 ? i : f->piece[i - 1].first;
}

/* Places all pieces; a column that has to move right does so, and true is returned:
 * its other lines follow in the next round. */
static bool place(Format *f)
{
    LayoutColumn *column = f->columns->of;
    bool moved = false;
    for (int i = 0; i < f->count; i++) {
        Piece *p = &f->piece[i];
        if (p->first == i) {
            p->at = line_indent(f, i);
            continue;
        }
        bool mark = p->kind == TOKEN_AS || p->kind == TOKEN_ARROW;
        bool airy = mark && p->group >= 0 && column[p->group].airy;
        p->at = f->piece[i - 1].at + f->piece[i - 1].width + p->space + airy;
        if (p->group < 0) continue;
        moved |= p->at > column[p->group].at;
        if (p->at > column[p->group].at) column[p->group].at = p->at;
        p->at = column[p->group].at;
    }
    return moved;
}

void layout_lines(Format *f)
{
    enum { ROUNDS = 50 };
    find_firsts(f);
    find_columns(f);
    int round = 0;
    while (place(f) && round < ROUNDS) round++;
    if (round < ROUNDS) return;
    for (int i = 0; i < f->count; i++) f->piece[i].group = -1; /* no end of it: without columns */
    place(f);
}
