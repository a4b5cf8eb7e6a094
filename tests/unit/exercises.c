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

static Numbers numbers_of(const char *text, const char *line_end)
{
    Numbers n = {.rows = 1};
    while (text < line_end) {
        char *end;
        double value = strtod(text, &end);
        ck_assert_msg(end > text && n.count < EXERCISE_MOST, "no number, or too many: %.*s", (int)(line_end - text),
                      text);
        n.at[n.count] = value;
        n.values[n.count] = (float)value;
        n.tolerance[n.count++] = tolerance_of(text, end, value);
        for (text = end; text < line_end && (*text == ' ' || *text == ';'); text++) n.rows += *text == ';';
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
    *n = numbers_of(equals + 3, end);
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
