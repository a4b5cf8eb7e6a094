/*
 * Diagnostics: what is wrong with the user's text, kept until it is printed.
 *
 * Enters: errors, warnings and notes with their spans, from any stage.  Leaves:
 * the list of them, printed in the order in which they were found.  They are
 * collected rather than printed at once so that the compiler stays a library,
 * that an error found twice (once per repetition of a loop, say) is told once,
 * and that a file full of errors does not bury the first twenty.
 */
#include "base/excerpt.h"
#include "base/source.h"

#include <string.h>

typedef struct Diagnostic {
    Severity severity;
    Span span;
    const char *text;
} Diagnostic;

static Compilation *compilation_of(Arena *arena)
{
    Compilation *c = arena_alloc(arena, sizeof *c);
    c->arena = arena;
    return c;
}

Compilation *compilation_new(void) { return compilation_of(arena_new()); }

/* The record is part of the arena's first chunk. */
Compilation *compilation_try_new(void)
{
    Arena *arena = arena_try_new();
    return arena ? compilation_of(arena) : NULL;
}

void compilation_free(Compilation *c)
{
    if (c != NULL) arena_free(c->arena);
}

/* ---- collecting ------------------------------------------------------------ */

static bool is_known(const Compilation *c, Severity severity, Span span, const char *text)
{
    for (int i = 0; i < c->diagnostics.count; i++) {
        const Diagnostic *d = c->diagnostics.at[i];
        if (d->severity == severity && d->span.file == span.file && d->span.begin == span.begin &&
            d->span.end == span.end && strcmp(d->text, text) == 0)
            return true;
    }
    return false;
}

static void keep_diagnostic(Compilation *c, Severity severity, Span span, const char *text)
{
    Diagnostic *d = arena_alloc(c->arena, sizeof *d);
    *d = (Diagnostic){severity, span, text};
    list_push(c->arena, &c->diagnostics, d);
}

static void report_diagnostic(Compilation *c, Severity severity, Span span, const char *format, va_list args)
{
    int *count = severity == SEVERITY_ERROR ? &c->errors : &c->warnings;
    int most = severity == SEVERITY_ERROR ? DIAG_MAX_ERRORS : DIAG_MAX_WARNINGS;
    c->muted = true;
    if (*count >= most) {
        ++*count;
        return;
    }
    const char *text = arena_vprintf(c->arena, format, args);
    if (is_known(c, severity, span, text)) return;
    c->muted = false;
    ++*count;
    keep_diagnostic(c, severity, span, text);
}

void diag_error(Compilation *c, Span span, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report_diagnostic(c, SEVERITY_ERROR, span, format, args);
    va_end(args);
}

void diag_warning(Compilation *c, Span span, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report_diagnostic(c, SEVERITY_WARNING, span, format, args);
    va_end(args);
}

void diag_note(Compilation *c, Span span, const char *format, ...)
{
    va_list args;
    if (c->muted) return;
    va_start(args, format);
    keep_diagnostic(c, SEVERITY_NOTE, span, arena_vprintf(c->arena, format, args));
    va_end(args);
}

bool diag_full(const Compilation *c) { return c->errors >= DIAG_MAX_ERRORS; }

DiagnosticText diag_text(const Compilation *c, int index)
{
    const Diagnostic *d = c->diagnostics.at[index];
    const Source *source = source_of(c, d->span);
    DiagnosticText t = {.severity = d->severity, .path = source ? source->path : "", .text = d->text};
    if (source) source_position(c, d->span, &t.line, &t.column);
    return t;
}

/* ---- printing --------------------------------------------------------------- */

static void print_place(const Compilation *c, Span span, FILE *out)
{
    const Source *source = source_of(c, span);
    if (source == NULL) {
        fputs("nnc: ", out);
        return;
    }
    int line, column;
    source_position(c, span, &line, &column);
    excerpt_print_safe(source->path, out);
    fprintf(out, ":%d:%d: ", line, column);
}

static void print_one(const Compilation *c, const Diagnostic *d, FILE *out, bool color)
{
    static const char *const word[] = {"error", "warning", "note"};
    static const char *const tint[] = {"\033[1;31m", "\033[1;35m", "\033[1;36m"};
    if (color) fputs("\033[1m", out);
    print_place(c, d->span, out);
    if (color)
        fprintf(out, "%s%s:\033[0m ", tint[d->severity], word[d->severity]);
    else
        fprintf(out, "%s: ", word[d->severity]);
    excerpt_print_safe(d->text, out);
    fputc('\n', out);
    excerpt_print(c, d->span, out, color);
}

static void print_rest(int count, int most, const char *word, FILE *out)
{
    if (count > most)
        fprintf(out, "nnc: %d more %s%s not shown\n", count - most, word, count - most == 1 ? " is" : "s are");
}

void diag_print(const Compilation *c, FILE *out, bool color)
{
    for (int i = 0; i < c->diagnostics.count; i++) print_one(c, c->diagnostics.at[i], out, color);
    print_rest(c->errors, DIAG_MAX_ERRORS, "error", out);
    print_rest(c->warnings, DIAG_MAX_WARNINGS, "warning", out);
}
