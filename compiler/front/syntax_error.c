/*
 * Syntax errors in the user's words.
 *
 * Enters: the token the parser cannot go on with, and the names of all the
 * tokens with which it could.  Leaves: one error.  The full list is no help (after
 * a number it holds every operator), so it is told as what a person would say
 * belongs there: an argument's end, an expression, a statement.  The mistakes
 * that everybody makes have messages of their own.
 */
#include "front/parse.h"

#include <string.h>

typedef struct Expected {
    const char *const *name;
    int count;
} Expected;

/* ---- reporting -------------------------------------------------------------------- */

Span span_of_rule(const Span *parts, int count)
{
    if (count > 0) return span_join(parts[1], parts[count]);
    return (Span){parts[0].file, parts[0].end, parts[0].end};
}

/* ---- what was expected -------------------------------------------------------------- */

static bool has(Expected e, const char *name)
{
    for (int i = 0; i < e.count; i++)
        if (strcmp(e.name[i], name) == 0) return true;
    return false;
}

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof *(array)))

static bool is_comparison(const char *name)
{
    static const char *const names[] = {"==", "!=", "<", "<=", ">", ">="};
    return name_is_one_of(name, names, COUNT_OF(names));
}

/* At the places where a whole construct may begin, it is named instead of all
 * the tokens that could begin it; `drops` says which tokens those are. */
typedef enum ErrorPlace {
    PLACE_DEFINITION,
    PLACE_STATEMENT,
    PLACE_ITEM,
    PLACE_EXPRESSION,
    PLACE_LABEL,
    PLACE_OTHER
} ErrorPlace;

static ErrorPlace error_place(Expected e)
{
    if (has(e, "block")) return PLACE_DEFINITION;
    if (has(e, "repeat")) return PLACE_STATEMENT;
    if (has(e, "a number")) return has(e, "+") || has(e, ";") ? PLACE_ITEM : PLACE_EXPRESSION;
    return has(e, "a name") && has(e, "a string") ? PLACE_LABEL : PLACE_OTHER;
}

static const char *const place_text[] = {
    "a definition (net, block, train, let or import)", "a statement", "an entry", "an expression", "a label", NULL};

/* Words for the tokens that are worth naming by themselves. */
static bool is_worth_naming(Expected e, ErrorPlace place, const char *name)
{
    static const char *const closers[] = {")", "]", "}", "} in a string", ",", ":", "\""};
    static const char *const after_place[] = {")", "]", "}"};
    static const char *const goes_on[] = {"?", ".", "[", "..", "(", "=", "->", "as", "or", "and", ";"};
    if (place == PLACE_EXPRESSION && (has(e, ")") || has(e, "]")))
        return name_is_one_of(name, after_place, COUNT_OF(after_place));
    if (place == PLACE_STATEMENT || place == PLACE_ITEM) return strcmp(name, "}") == 0;
    if (place != PLACE_OTHER) return false;
    if (has(e, "+")) return name_is_one_of(name, closers, COUNT_OF(closers)) || strcmp(name, "{") == 0;
    return e.count <= 4 || !name_is_one_of(name, goes_on, COUNT_OF(goes_on));
}

static const char *token_text(Parse *parse, const char *name)
{
    if (strcmp(name, "end of file") == 0) return "the end";
    if (strcmp(name, "} in a string") == 0) return "`}`";
    bool is_words = strchr(name, ' ') != NULL;
    return is_words ? name : arena_printf(parse->arena, "`%s`", name);
}

/* "')', ',' or an expression" */
static const char *expected_text(Parse *parse, Expected e)
{
    const char *text[8];
    int count = 0;
    ErrorPlace place = error_place(e);
    if (place_text[place] != NULL) text[count++] = place_text[place];
    for (int i = 0; i < e.count && count < 6; i++)
        if (is_worth_naming(e, place, e.name[i])) text[count++] = token_text(parse, e.name[i]);
    if (count == 0) text[count++] = has(e, "+") ? "an operator or the end" : "something else";
    Text line;
    text_init(&line, parse->arena);
    for (int i = 0; i < count; i++) text_addf(&line, "%s%s", i == 0 ? "" : i == count - 1 ? " or " : ", ", text[i]);
    return line.data;
}

/* What the user wrote there. */
static const char *saw_text(Parse *parse, Span span, const char *saw)
{
    enum { SHOWN = 40 };
    int length = span.end - span.begin;
    if (strcmp(saw, "end of file") == 0)
        return tokens_start(parse) == START_AT_FILE ? "the end of the file" : "the end";
    if (strcmp(saw, "a string") == 0) return "a string";
    return arena_printf(parse->arena, "%s`%.*s%s`", front_is_reserved(saw) ? "the word " : "",
                        length < SHOWN ? length : SHOWN, parse->text + span.begin, length < SHOWN ? "" : "...");
}

/* ---- common mistakes ------------------------------------------------------------------ */

static const char *nearest_keyword(ErrorPlace place, const char *word)
{
    static const char *const definitions[] = {"net", "block", "train", "let", "import"};
    static const char *const statements[] = {"let",    "if",   "else", "for",    "repeat", "group", "sequential",
                                             "frozen", "head", "from", "expect", "as",     "output"};
    if (place == PLACE_DEFINITION) return nearest_name(word, definitions, COUNT_OF(definitions));
    return nearest_name(word, statements, COUNT_OF(statements));
}

/* The word itself, or one of the two before it: `repeet 3 {` is a layer repeet up to the 3. */
static bool misspelt_keyword(Parse *parse, Span span, const char *saw, Expected e)
{
    ErrorPlace place = error_place(e);
    bool named = strcmp(saw, "a name") == 0;
    if (place != PLACE_DEFINITION && place != PLACE_STATEMENT) return false;
    for (int back = place == PLACE_DEFINITION && named ? 0 : 1; back <= 2; back++) {
        const char *word = tokens_word_before(parse, back);
        const char *meant = nearest_keyword(place, word);
        if (meant == NULL) continue;
        parse_error(parse, tokens_span_before(parse, back), "`%.40s` is no keyword here: did you mean `%s`?", word,
                    meant);
        parse->last_error = span.begin;
        return true;
    }
    return false;
}

static bool reserved_as_name(Parse *parse, Span span, const char *saw, Expected e)
{
    Span before;
    ErrorPlace place = error_place(e);
    bool wants_name = has(e, "a name") && (place == PLACE_OTHER || place == PLACE_LABEL);
    bool same_line = source_line(parse->c, tokens_span_before(parse, 1)) == source_line(parse->c, span);
    if (wants_name && same_line && front_is_reserved(saw)) {
        parse_error(parse, span, "`%.*s` is a reserved word and cannot be a name", span.end - span.begin,
                    parse->text + span.begin);
        return true;
    }
    if (strcmp(saw, "=") == 0 && !has(e, "a name") && tokens_after_reserved(parse, &before)) {
        parse_error(parse, before, "`%.*s` is a reserved word and cannot be a name", before.end - before.begin,
                    parse->text + before.begin);
        parse->last_error = span.begin;
        return true;
    }
    return false;
}

static bool operator_mistake(Parse *parse, Span span, const char *saw, Expected e)
{
    bool after_expression = has(e, "+");
    if (after_expression && is_comparison(saw) && !has(e, saw))
        parse_error(parse, span, "comparisons do not chain: write `a < b and b < c`");
    else if (after_expression && strcmp(saw, "..") == 0 && !has(e, saw))
        parse_error(parse, span, "a range has two ends: `..` may stand only once");
    else if (strcmp(saw, "=") == 0 && has(e, "=="))
        parse_error(parse, span, "`=` only gives a value to a name: a comparison is written `==`");
    else
        return false;
    return true;
}

static bool missing_parens(Parse *parse, Span span, const char *saw, Expected e)
{
    const char *layer = tokens_word_before(parse, 1);
    bool value = strcmp(saw, "a number") == 0 || strcmp(saw, "a real number") == 0 || strcmp(saw, "dims") == 0 ||
                 strcmp(saw, "[") == 0;
    if (!value || !has(e, "->") || !has(e, "(") || *layer == '\0') return false;
    parse_error(parse, span, "%.40s: arguments stand in parentheses: %.40s(%s)", layer, layer,
                strcmp(saw, "[") == 0
                    ? "[...]"
                    : arena_printf(parse->arena, "%.*s", span.end - span.begin < 40 ? span.end - span.begin : 40,
                                   parse->text + span.begin));
    return true;
}

/* `as` NAME, and then what only a string may have: its end. */
static int end_of_plain_label(const Parse *parse, Span name)
{
    int end = name.end;
    while (is_identifier_char(parse->text[end]) || parse->text[end] == '.' || parse->text[end] == '-') end++;
    return end;
}

static bool is_word(const Parse *parse, Span span, const char *word)
{
    return (size_t)(span.end - span.begin) == strlen(word) && !memcmp(parse->text + span.begin, word, strlen(word));
}

static bool label_mistake(Parse *parse, const char *saw, Expected e)
{
    const Span name = tokens_span_before(parse, 1);
    if (strcmp(saw, ".") != 0 && strcmp(saw, "-") != 0) return false;
    if (error_place(e) != PLACE_STATEMENT || !is_word(parse, tokens_span_before(parse, 2), "as")) return false;
    const Span label = {name.file, name.begin, end_of_plain_label(parse, name)};
    parse_error(parse, label, "a label with `%s` stands in quotes: as \"%.*s\"", saw, label.end - label.begin,
                parse->text + label.begin);
    return true;
}

/* What is written so in other languages. */
static bool foreign_habit(Parse *parse, Span span, const char *saw, Expected e)
{
    const ErrorPlace place = error_place(e);
    const char *at = parse->text + span.begin;
    const bool begins = place == PLACE_STATEMENT || place == PLACE_DEFINITION || place == PLACE_ITEM;
    if (strcmp(saw, "/") == 0 && ((begins && (at[1] == '/' || at[1] == '*')) || (span.begin > 0 && at[-1] == '/')))
        parse_error(parse, span, "a comment begins with `#`%s", begins ? "" : ", and integers are divided by one `/`");
    else if (strcmp(saw, "=") == 0 && place == PLACE_STATEMENT && at[1] == '>')
        parse_error(parse, span, "the shape of a result is asserted by `->`");
    else if (strcmp(saw, "=") == 0 && place == PLACE_STATEMENT && *tokens_word_before(parse, 1))
        parse_error(parse, span, "`=` names no layer: write LAYER as %.40s", tokens_word_before(parse, 1));
    else if (strcmp(saw, ":") == 0 && place == PLACE_ITEM)
        parse_error(parse, span, "a key and its values have no `:` between them");
    else if (strcmp(saw, ",") == 0 && !has(e, ",") && has(e, ")") && has(e, "+"))
        parse_error(parse, span, "a list stands in brackets: [a, b]");
    else
        return false;
    return true;
}

static bool outside_a_net(Parse *parse, Span span, const char *saw, Expected e)
{
    bool statement = strcmp(saw, "a name") == 0 || (front_is_reserved(saw) && !has(e, saw));
    if (error_place(e) != PLACE_DEFINITION || !statement) return false;
    parse_error(parse, span, "expected %s, saw %s: layers and statements stand inside a net or a block",
                expected_text(parse, e), saw_text(parse, span, saw));
    return true;
}

/* ---- the error -------------------------------------------------------------------------- */

/* Where a closing bracket is wanted and something of another line or the wrong
 * closing bracket has come, the opening one is worth a look. */
static void note_open_bracket(Parse *parse, Span span, const char *saw, Expected e)
{
    Span open;
    int kind = tokens_bracket(parse, &open);
    const char *closer = kind == '(' ? ")" : kind == '[' ? "]" : kind == '{' ? "}" : "} in a string";
    static const char *const closers[] = {")", "]", "}", "} in a string"};
    bool wrong = name_is_one_of(saw, closers, COUNT_OF(closers));
    bool at_end = strcmp(saw, "end of file") == 0;
    if (kind == 0 || kind == '"' || !(at_end || has(e, closer)) || (kind == '{' && !at_end)) return;
    if (at_end || wrong || source_line(parse->c, open) != source_line(parse->c, span))
        diag_note(parse->c, open, "this `%c` is not closed", kind == '$' ? '{' : kind);
}

void syntax_error(Parse *parse, Span span, const char *saw, const char *const *expected, int count)
{
    Expected e = {expected, count};
    if (parse->give_up || (parse->failed && parse->last_error == span.begin)) return;
    if (reserved_as_name(parse, span, saw, e) || operator_mistake(parse, span, saw, e) ||
        misspelt_keyword(parse, span, saw, e) || missing_parens(parse, span, saw, e) || label_mistake(parse, saw, e) ||
        foreign_habit(parse, span, saw, e) || outside_a_net(parse, span, saw, e))
        return;
    parse_error(parse, span, "expected %s, saw %s", expected_text(parse, e), saw_text(parse, span, saw));
    note_open_bracket(parse, span, saw, e);
}
