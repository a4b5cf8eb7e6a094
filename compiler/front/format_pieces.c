/*
 * What the pieces of a text are to the formatter: operands, operators, brackets.
 */
#include "front/format.h"

#include "front/parser.h"

int format_token_before(const Format *f, int i)
{
    do i--;
    while (i >= 0 && f->piece[i].kind == PIECE_COMMENT);
    return i;
}

int format_token_after(const Format *f, int i)
{
    do i++;
    while (i < f->count && f->piece[i].kind == PIECE_COMMENT);
    return i;
}

int format_kind_at(const Format *f, int i) { return i >= 0 && i < f->count ? f->piece[i].kind : TOKEN_YYEOF; }

/* The `in` of a loop, not the current value. */
static bool is_in_of_loop(const Format *f, int i)
{
    int name = format_token_before(f, i);
    return name >= 0 && format_kind_at(f, format_token_before(f, name)) == TOKEN_FOR;
}

bool format_ends_operand(const Format *f, int i)
{
    const int kind = format_kind_at(f, i);
    return token_ends_operand(kind) || (kind == TOKEN_IN && !is_in_of_loop(f, i));
}

/* Of the tokens that may stand after a whole operand. */
bool format_begins_operand(int kind)
{
    switch (kind) {
    case TOKEN_NAME:
    case TOKEN_INTEGER:
    case TOKEN_REAL:
    case TOKEN_DIMS:
    case TOKEN_STRING_BEGIN:
    case TOKEN_YES:
    case TOKEN_NO:
    case TOKEN_IN:
    case TOKEN_NOT: return true;
    default: return false;
    }
}

bool format_is_operator(const Format *f, int i)
{
    switch (format_kind_at(f, i)) {
    case TOKEN_MINUS: return format_ends_operand(f, format_token_before(f, i));
    case TOKEN_PLUS:
    case TOKEN_TIMES:
    case TOKEN_DIVIDE:
    case TOKEN_MODULO:
    case TOKEN_EQ:
    case TOKEN_NE:
    case TOKEN_LT:
    case TOKEN_LE:
    case TOKEN_GT:
    case TOKEN_GE:
    case TOKEN_AND:
    case TOKEN_OR:
    case TOKEN_QUESTION:
    case TOKEN_COLON: return true;
    default: return false;
    }
}

bool format_is_bracket(const Format *f, int i)
{
    return format_kind_at(f, i) == TOKEN_LPAREN || format_kind_at(f, i) == TOKEN_LBRACKET;
}

bool format_is_open_ended(const Format *f, int i)
{
    const Piece *p = &f->piece[i];
    return format_is_bracket(f, i) && i + 1 < p->partner &&
           (f->piece[i + 1].breaks > 0 || f->piece[i + 1].kind == PIECE_COMMENT);
}
