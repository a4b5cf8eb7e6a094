/*
 * The excerpt under a diagnostic: the user's line and a caret under the span.
 *
 * Enters: a span.  Leaves, on a stream, two lines such as
 *
 *         5 |     conv(6, 50x50)
 *           |     ^~~~~~~~~~~~~~
 *
 * Both lines are made in one walk over the characters, so that the caret stands
 * under its character whatever came before: tabs become spaces, wide characters
 * take two columns, combining ones none, and bytes that are no text (or that a
 * terminal would obey) take one column as '?'.  Of a long line only a window
 * around the caret is shown.
 */
#include "base/excerpt.h"
#include "base/source.h"

#include <string.h>

enum { WINDOW = 100, BEFORE_CARET = 40, TAB_STOP = 4 };

/* ---- characters ---------------------------------------------------------- */

typedef struct Range {
    uint32_t first, last;
} Range;

static bool in_ranges(uint32_t point, const Range *range, int count)
{
    for (int i = 0; i < count; i++)
        if (point >= range[i].first && point <= range[i].last) return true;
    return false;
}

/* Controls of both halves of Latin-1, and the marks that reorder text. */
static bool is_control(uint32_t point)
{
    static const Range controls[] = {{0, 0x1f},        {0x7f, 0x9f},     {0x200b, 0x200f},
                                     {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}};
    return in_ranges(point, controls, 6);
}

/* The columns that a terminal gives to a character: 0, 1 or 2 (the large
 * East Asian and emoji blocks of Unicode; no locale is asked). */
static int width_of(uint32_t point)
{
    static const Range wide[] = {{0x1100, 0x115f},   {0x2e80, 0xa4cf},   {0xac00, 0xd7a3},  {0xf900, 0xfaff},
                                 {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},  {0x1f300, 0x1f64f},
                                 {0x1f680, 0x1f6ff}, {0x1f900, 0x1faff}, {0x20000, 0x3fffd}};
    static const Range zero[] = {
        {0x300, 0x36f}, {0x1ab0, 0x1aff}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}};
    if (in_ranges(point, zero, 5)) return 0;
    return in_ranges(point, wide, 11) ? 2 : 1;
}

/* Appends the character at `at` as it is to be shown, and says how many bytes of
 * the source it is and how many columns it takes. */
static int add_character(Text *line, const char *at, size_t size, int column, int *width)
{
    uint32_t point;
    int length = utf8_decode(at, size, &point);
    *width = 1;
    if (length == 1 && *at == '\t') {
        *width = TAB_STOP - column % TAB_STOP;
        text_add_bytes(line, "        ", (size_t)*width);
    } else if (length == 0 || is_control(point)) {
        text_add(line, "?");
    } else {
        *width = width_of(point);
        text_add_bytes(line, at, (size_t)length);
    }
    return length == 0 ? 1 : length;
}

void excerpt_print_safe(const char *text, FILE *out)
{
    for (size_t left = strlen(text); left > 0;) {
        uint32_t point;
        int length = utf8_decode(text, left, &point);
        bool safe = length > 0 && !is_control(point);
        if (safe)
            fwrite(text, 1, (size_t)length, out);
        else
            fputc('?', out);
        length = length == 0 ? 1 : length;
        text += length;
        left -= (size_t)length;
    }
}

/* ---- the two lines -------------------------------------------------------- */

static bool is_continuation(char byte) { return ((unsigned char)byte & 0xc0) == 0x80; }

/* Narrows begin..end to about WINDOW bytes around `caret`, between characters. */
static void narrow(const char *text, int caret, int *begin, int *end)
{
    if (*end - *begin <= WINDOW) return;
    int from = caret - BEFORE_CARET < *begin ? *begin : caret - BEFORE_CARET;
    int to = from + WINDOW > *end ? *end : from + WINDOW;
    if (to == *end) from = *end - WINDOW;
    for (int i = 0; i < 3 && from > *begin && from < caret && is_continuation(text[from]); i++) from++;
    for (int i = 0; i < 3 && to < *end && to > caret + 1 && is_continuation(text[to]); i++) to--;
    *begin = from;
    *end = to;
}

static void add_marks(Text *marks, bool under, int width, bool *first)
{
    for (int i = 0; i < width; i++) {
        text_add(marks, !under ? " " : *first ? "^" : "~");
        *first = *first && !under;
    }
}

/* Fills both lines; `span` is clipped to its first line. */
static void draw(const Source *source, Span span, int begin, int end, Text *line, Text *marks)
{
    int from = begin, to = end, column = 0, width;
    bool first = true;
    if (span.begin > end) span.begin = end;
    narrow(source->text, span.begin, &from, &to);
    if (from > begin) {
        text_add(line, "...");
        add_marks(marks, false, 3, &first);
        column = 3;
    }
    for (int at = from; at < to; column += width) {
        bool under = at >= span.begin && (at < span.end || at == span.begin);
        at += add_character(line, source->text + at, (size_t)(to - at), column, &width);
        add_marks(marks, under, width, &first);
    }
    if (to < end) text_add(line, "...");
    if (first) text_add(marks, "^");
}

static void trim_to_window(Text *text)
{
    while (text->length > 0 && text->data[text->length - 1] == ' ') text->data[--text->length] = '\0';
}

void excerpt_print(const Compilation *c, Span span, FILE *out, bool color)
{
    const Source *source = source_of(c, span);
    if (source == NULL) return;
    int begin, end;
    Text line, marks;
    text_init(&line, c->arena);
    text_init(&marks, c->arena);
    source_line_bounds(c, span, &begin, &end);
    draw(source, span, begin, end, &line, &marks);
    trim_to_window(&line);
    trim_to_window(&marks);
    fprintf(out, "%5d |%s%s\n", source_line(c, span), line.length > 0 ? " " : "", line.data);
    fprintf(out, "      | %s%s%s\n", color ? "\033[1;32m" : "", marks.data, color ? "\033[0m" : "");
}
