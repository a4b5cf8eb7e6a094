/*
 * Exercises, read.
 *
 * A number with a point is one that was rounded to its digits; one without is exact.
 */
#include "exercises.h"

#include <check.h>
#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Half a unit of the last digit, and the rounding of floats. */
static double tolerance_of(const char *number, const char *end, double value)
{
    const char *point = memchr(number, '.', (size_t)(end - number));
    double half = point ? 0.5 * pow(10, -(double)(end - point - 1)) : 0;
    return half + 1e-6 * fmax(1, fabs(value));
}

/* The number at `text`, `times` times; returns where it ends. */
static const char *add_number(Numbers *n, const char *text, const char *line_end, int times)
{
    char *end;
    const double value = strtod(text, &end);
    ck_assert_msg(end > text && n->count + times <= EXERCISE_NUMBERS, "no number, or too many: %.*s",
                  (int)(line_end - text), text);
    for (int i = 0; i < times; i++) {
        n->at[n->count] = value;
        n->values[n->count] = (float)value;
        n->tolerance[n->count++] = tolerance_of(text, end, value);
    }
    return end;
}

/* The numbers from here to the bracket, `times` times; returns what follows it. */
static const char *add_group(Numbers *n, const char *text, const char *line_end, int times)
{
    const char *close = memchr(text, ')', (size_t)(line_end - text));
    ck_assert_msg(close && times > 0, "no COUNT*(NUMBERS): %.*s", (int)(line_end - text), text);
    for (int i = 0; i < times; i++)
        for (const char *p = text; p < close; p += *p == ' ') p = add_number(n, p, close, 1);
    return close + 1;
}

static Numbers numbers_of(Arena *arena, const char *text, const char *line_end)
{
    Numbers n = {.rows = 1};
    n.at = arena_alloc(arena, EXERCISE_NUMBERS * sizeof *n.at);
    n.tolerance = arena_alloc(arena, EXERCISE_NUMBERS * sizeof *n.tolerance);
    n.values = arena_alloc(arena, EXERCISE_NUMBERS * sizeof *n.values);
    while (text < line_end) {
        int times = 1;
        const size_t digits = strspn(text, "0123456789");
        if (digits && text[digits] == '*') {
            times = atoi(text);
            text += digits + 1;
        }
        text = *text == '(' ? add_group(&n, text + 1, line_end, times) : add_number(&n, text, line_end, times);
        for (; text < line_end && (*text == ' ' || *text == ';'); text++) n.rows += *text == ';';
    }
    return n;
}

const char *exercise_line(Arena *arena, const char *text, char name[EXERCISE_MOST], Numbers *n)
{
    text = strstr(text, "\n#:");
    if (!text) return NULL;
    const char *end = strchr(text + 1, '\n'), *equals = strstr(text, " = ");
    ck_assert_msg(text[3] == ' ' && end && equals && equals < end && equals - text < EXERCISE_MOST,
                  "not NAME = NUMBERS:%.40s", text);
    snprintf(name, EXERCISE_MOST, "%.*s", (int)(equals - text - 4), text + 4);
    *n = numbers_of(arena, equals + 3, end);
    n->text = arena_strndup(arena, equals + 3, (size_t)(end - equals - 3));
    return end;
}

static void visit_file(const char *name, void (*check)(const char *, const char *, Compilation *))
{
    enum { BYTES = 1 << 16 };
    Compilation *c = compilation_new();
    const char *path = arena_printf(c->arena, EXERCISES "/%s", name);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    char *text = arena_alloc(c->arena, BYTES);
    ck_assert_uint_gt(fread(text, 1, BYTES - 1, file), 0);
    fclose(file);
    check(name, text, c);
    compilation_free(c);
}

int exercises_visit(void (*check)(const char *name, const char *text, Compilation *))
{
    DIR *folder = opendir(EXERCISES);
    int files = 0;
    ck_assert_ptr_nonnull(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        const char *dot = strrchr(entry->d_name, '.');
        if (!dot || strcmp(dot, ".nn") != 0) continue;
        visit_file(entry->d_name, check);
        files++;
    }
    closedir(folder);
    return files;
}
