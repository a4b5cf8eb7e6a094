/*
 * Lines that are too long, wrapped as clang-format would.
 *
 * Enters: C text whose lines are as long as what they say.  Leaves: the same with breaks
 * after commas, where a line is longer than WRAP_COLUMNS.  What follows a break is
 * aligned with the first argument, or, where that is far to the right, indented.  Directives
 * and comments stay as they are.
 */
#include "emit/emitter.h"

#include <string.h>

enum { WRAP_COLUMNS = 100, WRAP_DEEPEST = 56, WRAP_INDENT = 4 };

/* One line, while it is read. */
typedef struct Line {
    Text *out;
    const char *begin, *end;
    size_t indent;  /* of the line */
    size_t aligned; /* of what follows a break */
    size_t column;  /* printed so far */
} Line;

/* The end of the piece at p: after a comma between the arguments of the outermost brackets,
 * after the bracket that opens them, or at the end of the line. */
static const char *piece_end(const Line *line, const char *p, int *depth, bool *opens)
{
    *opens = false;
    for (; p < line->end; p++) {
        if (*p == '"' || (p[0] == '/' && p[1] == '*')) {
            const char *close = *p == '"' ? strchr(p + 1, '"') : strstr(p + 2, "*/");
            if (!close || close >= line->end) return line->end;
            p = *p == '"' ? close : close + 1;
        } else if (*p == '(' || *p == '{') {
            const bool called = p > line->begin && (is_identifier_char(p[-1]) || p[-1] == ')');
            *opens = (*depth)++ == 0 && (*p == '{' || called);
            if (*opens) return p + 1;
        } else if (*p == ')' || *p == '}') {
            --*depth;
        } else if (*p == ',' && *depth == 1) {
            return p + 1;
        }
    }
    return line->end;
}

static void put_piece(Line *line, const char *p, const char *end)
{
    text_add_bytes(line->out, p, (size_t)(end - p));
    line->column += (size_t)(end - p);
}

static void put_break(Line *line)
{
    text_add(line->out, "\n");
    for (line->column = 0; line->column < line->aligned; line->column++) text_add(line->out, " ");
}

/* After an opening bracket: where its arguments stand. */
static void align_at(Line *line, const char *next)
{
    const size_t rest = (size_t)(line->end - next);
    line->aligned = line->column;
    if (line->column <= WRAP_DEEPEST || line->column + rest <= WRAP_COLUMNS) return;
    line->aligned = line->indent + WRAP_INDENT;
    put_break(line);
}

static void put_wrapped(Line *line)
{
    int depth = 0;
    bool opens, opened = true;
    for (const char *p = line->begin, *end; p < line->end; p = end) {
        end = piece_end(line, p, &depth, &opens);
        const bool fits = line->column + (size_t)(end - p) <= WRAP_COLUMNS;
        if (!fits && !opened) {
            put_break(line);
            while (*p == ' ') p++;
        }
        put_piece(line, p, end);
        if (opens) align_at(line, end);
        opened = opens;
    }
}

static size_t spaces_before(const char *line) { return strspn(line, " "); }

static bool is_to_wrap(const char *line, size_t length)
{
    return length > WRAP_COLUMNS && line[spaces_before(line)] != '#' && line[spaces_before(line)] != '*' &&
           strncmp(line + spaces_before(line), "/*", 2) != 0;
}

void wrap_lines(Text *out, const char *text)
{
    bool continued = false; /* a directive */
    for (const char *p = text; *p;) {
        const size_t length = strcspn(p, "\n");
        Line line = {.out = out, .begin = p, .end = p + length, .indent = spaces_before(p)};
        line.aligned = line.indent + WRAP_INDENT;
        if (is_to_wrap(p, length) && !continued)
            put_wrapped(&line);
        else
            text_add_bytes(out, p, length);
        continued = length && p[length - 1] == '\\';
        p += length;
        if (*p) text_add_bytes(out, p++, 1);
    }
}
