/*
 * Errors of a parse, and the words that are no names.
 */
#include "front/parse.h"

static void report_syntax_error(Parse *parse, Span span, const char *format, va_list args)
{
    diag_error(parse->c, span, "%s", arena_vprintf(parse->arena, format, args));
    parse->failed = true;
    parse->last_error = span.begin;
}

void parse_error(Parse *parse, Span span, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report_syntax_error(parse, span, format, args);
    va_end(args);
}

void parse_give_up(Parse *parse, Span span, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!parse->give_up) report_syntax_error(parse, span, format, args);
    va_end(args);
    parse->give_up = true;
}

bool front_is_reserved(const char *name)
{
    static const char *const names[] = {"net",  "block",  "train",  "let",        "if",     "else", "for", "in",
                                        "from", "repeat", "group",  "sequential", "frozen", "head", "as",  "expect",
                                        "and",  "or",     "import", "not",        "yes",    "no"};
    return name_is_one_of(name, names, (int)(sizeof names / sizeof *names));
}
