/*
 * Literals: the value of a number, a name or a piece of a string; and what the
 * lexer says of characters that are none of them.
 *
 * Enters: the span of a token.  Leaves: its leaf of the tree.  A malformed
 * number is reported and becomes a number all the same, so that the parser does
 * not stumble over it a second time.
 */
#include "front/parse.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 40 }; /* bytes of a token that a message repeats */

static const char *slice(Parse *parse, Span span)
{
    return arena_strndup(parse->arena, parse->text + span.begin, (size_t)(span.end - span.begin));
}

static int shown(Span span) { return span.end - span.begin < SHOWN ? span.end - span.begin : SHOWN; }

const char *literal_name(Parse *parse, Span span) { return slice(parse, span); }

/* ---- numbers ------------------------------------------------------------------- */

/* K, M, G: powers of 1024. */
static int64_t unit_of(char letter) { return (int64_t)1 << (letter == 'K' ? 10 : letter == 'M' ? 20 : 30); }

static bool append_digit(int64_t *value, char c)
{
    const bool digit = c >= '0' && c <= '9';
    if (__builtin_mul_overflow(*value, digit ? 10 : unit_of(c), value)) return false;
    return !digit || !__builtin_add_overflow(*value, c - '0', value);
}

static int64_t integer_value(Parse *parse, Span span)
{
    int64_t value = 0;
    for (int i = span.begin; i < span.end; i++)
        if (!append_digit(&value, parse->text[i])) {
            parse_error(parse, span, "%.*s does not fit in an integer of 64 bits", shown(span),
                        parse->text + span.begin);
            return 1;
        }
    return value;
}

Expr *literal_integer(Parse *parse, Span span)
{
    return expr_integer(parse, EXPR_INT, span, integer_value(parse, span));
}

Expr *literal_real(Parse *parse, Span span)
{
    Expr *expr = expr_new(parse, EXPR_REAL, span);
    expr->real = strtod(slice(parse, span), NULL);
    if (isinf(expr->real)) {
        parse_error(parse, span, "%.*s is too large for a real number", shown(span), parse->text + span.begin);
        expr->real = 1;
    }
    return expr;
}

/* 1x32x32: a list of three integers. */
Expr *literal_dims(Parse *parse, Span span)
{
    List items = {0};
    for (int begin = span.begin, end; begin < span.end; begin = end + 1) {
        for (end = begin; end < span.end && parse->text[end] != 'x'; end++)
            ;
        list_push(parse->arena, &items, literal_integer(parse, (Span){span.file, begin, end}));
    }
    return expr_list(parse, span, &items);
}

/* Of `as features.0`, where .0 is the number: the label; elsewhere the number. */
static int begin_of_label(const Parse *parse, Span number)
{
    const char *text = parse->text;
    int begin = number.begin;
    while (begin > 0 && (is_identifier_char(text[begin - 1]) || text[begin - 1] == '.')) begin--;
    return begin > 3 && !memcmp(text + begin - 3, "as ", 3) && isspace((unsigned char)text[begin - 4]) ? begin
                                                                                                       : number.begin;
}

Expr *literal_bad_number(Parse *parse, Span span)
{
    const char *text = parse->text + span.begin;
    size_t length = (size_t)(span.end - span.begin), dims = 0;
    while (dims < length && (text[dims] == 'x' || (text[dims] >= '0' && text[dims] <= '9'))) dims++;
    bool has_x = memchr(text, 'x', length) != NULL, has_point = memchr(text, '.', length) != NULL;
    int n = shown(span);
    const Span label = {span.file, begin_of_label(parse, span), span.end};
    if (text[0] == '.' && label.begin < span.begin) {
        parse_error(parse, label, "a label with `.` stands in quotes: \"%.*s\"", shown(label),
                    parse->text + label.begin);
        parse->last_error = span.begin;
    } else if (text[0] == '.')
        parse_error(parse, span, "a number begins with a digit: write 0%.*s", n, text);
    else if (dims == length)
        parse_error(parse, span, "`%.*s`: a number is missing after `x` (dims are integers joined by x, such as 3x3)",
                    n, text);
    else if (has_x && has_point)
        parse_error(parse, span, "`%.*s`: dims are integers joined by x, such as 3x3", n, text);
    else if (text[length - 1] == 'e' || text[length - 1] == 'E')
        parse_error(parse, span, "`%.*s`: the exponent has no digits", n, text);
    else
        parse_error(parse, span, "`%.*s` is neither a number nor a name: a name begins with a letter", n, text);
    return expr_integer(parse, EXPR_INT, span, 1);
}

/* ---- strings --------------------------------------------------------------------- */

Expr *literal_text(Parse *parse, Span span)
{
    for (int i = span.begin; i < span.end; i++) {
        unsigned char byte = (unsigned char)parse->text[i];
        if ((byte < ' ' && byte != '\t' && byte != '\r') || byte == 0x7f) {
            parse_error(parse, (Span){span.file, i, i + 1}, "a string cannot hold the control byte 0x%02x", byte);
            break;
        }
    }
    return expr_text(parse, EXPR_TEXT, span, slice(parse, span), (size_t)(span.end - span.begin));
}

/* {{  }}  \" \\ \n \t; anything else that comes here is an error and stands for itself. */
Expr *literal_escape(Parse *parse, Span span)
{
    static const char from[] = "\"\\nt", to[] = "\"\\\n\t";
    char first = parse->text[span.begin], last = parse->text[span.end - 1];
    const char *escape = span.end - span.begin == 2 && last != '\0' ? strchr(from, last) : NULL;
    char value = first != '\\' ? first : escape != NULL ? to[escape - from] : last;
    if (first == '}' && span.end - span.begin == 1)
        parse_error(parse, span, "`}` closes nothing here; in a string a brace is written twice: `}}`");
    else if (first == '\\' && escape == NULL)
        parse_error(parse, span, "`%.*s` is no escape: there are \\\", \\\\, \\n and \\t", span.end - span.begin,
                    parse->text + span.begin);
    return expr_text(parse, EXPR_TEXT, span, arena_strndup(parse->arena, &value, 1), 1);
}

/* ---- characters without a meaning --------------------------------------------------- */

typedef struct Hint {
    const char *seen, *advice;
} Hint;

static const char *advice_for(const char *text, size_t size)
{
    static const Hint hints[] = {
        {"&&", "write `and`"},
        {"||", "write `or`"},
        {"!", "write `not`"},
        {"&", "write `and`"},
        {"|", "write `or`"},
        {"^", "a power is written `**`"},
        {"'", "strings stand in \""},
        {"`", "strings stand in \""},
        {"\xc3\x97", "dims are joined by the letter x"},
        {"\xe2\x88\x92", "write `-`"},
        {"\xe2\x80\x93", "write `-`"},
        {"\xe2\x80\x9c", "strings stand in \""},
        {"\xe2\x80\x9d", "strings stand in \""},
        {"\xe2\x86\x92", "write `->`"},
        {"\xc2\xa0", "it is a no-break space"},
    };
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (strlen(hints[i].seen) <= size && memcmp(text, hints[i].seen, strlen(hints[i].seen)) == 0)
            return hints[i].advice;
    return NULL;
}

/* A run of bytes that begin no token. */
void literal_stray(Parse *parse, Span span)
{
    if (span.begin == 0 && span.end >= 3 && memcmp(parse->text, "\xef\xbb\xbf", 3) == 0)
        span.begin = 3; /* a byte order mark */
    if (span.begin == span.end) return;
    const char *text = parse->text + span.begin;
    size_t size = (size_t)(span.end - span.begin);
    const char *advice = advice_for(text, size);
    uint32_t point;
    int length = utf8_decode(text, size, &point);
    if (length == 0 && parse->failed) return; /* literal_check_utf8 has said it */
    if (length == 0 || point < ' ' || point == 0x7f)
        parse_error(parse, span, "the byte 0x%02x has no meaning here", (unsigned char)text[0]);
    else
        parse_error(parse, span, "`%.*s` has no meaning here%s%s", length, text, advice != NULL ? ": " : "",
                    advice != NULL ? advice : "");
}

void literal_check_utf8(Parse *parse)
{
    uint32_t point;
    for (int at = 0, length; at < parse->size; at += length) {
        length = utf8_decode(parse->text + at, (size_t)(parse->size - at), &point);
        if (length > 0) continue;
        parse_error(parse, (Span){parse->file, at, at + 1}, "the text is not UTF-8: the byte 0x%02x is out of place",
                    (unsigned char)parse->text[at]);
        return;
    }
}
