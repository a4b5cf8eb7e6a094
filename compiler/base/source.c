/*
 * Sources and positions: which text a span means, and where that is in lines.
 *
 * Enters: the bytes of a file, and byte ranges of it.  Leaves: paths, lines and
 * columns.  Tokens carry byte ranges only; the starts of the lines are found
 * once, when a source is added, and a position is a binary search in them.
 */
#include "base/base.h"
#include "base/source.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

typedef struct Lines {
    Source source; /* first: the list of sources is a list of these */
    int *start;    /* offset of each line's first byte */
    int count;
} Lines;

static void find_lines(Arena *arena, Lines *lines)
{
    const char *text = lines->source.text, *end = text + lines->source.size;
    int count = 1;
    for (const char *p = text; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++) count++;
    lines->start = arena_alloc(arena, (size_t)count * sizeof *lines->start);
    lines->count = 1;
    for (const char *p = text; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++)
        lines->start[lines->count++] = (int)(p - text) + 1;
}

int source_add(Compilation *c, const char *path, const char *text, size_t size)
{
    assert(size < INT_MAX / 2);
    Lines *lines = arena_alloc(c->arena, sizeof *lines);
    lines->source.path = arena_strdup(c->arena, path);
    lines->source.text = arena_strndup(c->arena, text, size);
    lines->source.size = size;
    find_lines(c->arena, lines);
    list_push(c->arena, &c->sources, lines);
    return c->sources.count - 1;
}

static const Lines *lines_of(const Compilation *c, Span span)
{
    return span.file < 0 || span.file >= c->sources.count ? NULL : c->sources.at[span.file];
}

const Source *source_of(const Compilation *c, Span span)
{
    const Lines *lines = lines_of(c, span);
    return lines == NULL ? NULL : &lines->source;
}

/* The number, from 0, of the line that holds an offset. */
static int line_at(const Lines *lines, int offset)
{
    int low = 0, high = lines->count; /* the line is in low..high−1 */
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        if (lines->start[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

void source_position(const Compilation *c, Span span, int *line, int *column)
{
    const Lines *lines = lines_of(c, span);
    *line = *column = 0;
    if (lines == NULL) return;
    int number = line_at(lines, span.begin);
    *line = number + 1;
    *column = span.begin - lines->start[number] + 1;
}

int source_line(const Compilation *c, Span span)
{
    int line, column;
    source_position(c, span, &line, &column);
    return line;
}

void source_line_bounds(const Compilation *c, Span span, int *begin, int *end)
{
    const Lines *lines = lines_of(c, span);
    assert(lines != NULL);
    int number = line_at(lines, span.begin);
    *begin = lines->start[number];
    *end = number + 1 < lines->count ? lines->start[number + 1] - 1 : (int)lines->source.size;
    if (*end > *begin && lines->source.text[*end - 1] == '\r') --*end;
}

const char *source_relative(const Compilation *c, Span span, const char *path)
{
    const Source *source = source_of(c, span);
    const char *slash = source == NULL ? NULL : strrchr(source->path, '/');
    if (path[0] == '/' || slash == NULL) return path;
    return arena_printf(c->arena, "%.*s/%s", (int)(slash - source->path), source->path, path);
}

const char *source_path(const Compilation *c, Span span)
{
    const Source *source = source_of(c, span);
    if (source == NULL) return "";
    return path_file_name(source->path);
}
