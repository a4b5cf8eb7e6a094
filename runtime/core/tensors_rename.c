/*
 * Tensors of a file under other names.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/core/tensors.h"

typedef struct NamePattern { /* PREFIX*SUFFIX; or a whole name, in the prefix */
    const char *prefix, *suffix;
    size_t prefix_length, suffix_length;
    bool star;
} NamePattern;

/* The first `length` bytes of the text; false: it has more than one *. */
static bool parse_pattern(const char *text, size_t length, NamePattern *p)
{
    const char *star = memchr(text, '*', length);
    *p = (NamePattern){.prefix = text, .prefix_length = star ? (size_t)(star - text) : length, .star = star != NULL};
    if (!star) return true;
    p->suffix = star + 1;
    p->suffix_length = length - p->prefix_length - 1;
    return !memchr(p->suffix, '*', p->suffix_length);
}

/* Whether the name has the pattern's form, and where its * lies in the name. */
static bool pattern_matches(const NamePattern *p, const char *name, const char **middle, size_t *length)
{
    const size_t size = strlen(name), fixed = p->prefix_length + p->suffix_length;
    if (size < fixed || (!p->star && size != fixed)) return false;
    *middle = name + p->prefix_length;
    *length = size - fixed;
    return !memcmp(name, p->prefix, p->prefix_length) &&
           (!p->star || !memcmp(*middle + *length, p->suffix, p->suffix_length));
}

static char *renamed(const NamePattern *to, const char *middle, size_t length)
{
    char *name = malloc(to->prefix_length + length + to->suffix_length + 1), *at = name;
    if (!name) return NULL;
    memcpy(at, to->prefix, to->prefix_length);
    at += to->prefix_length;
    if (to->star) {
        memcpy(at, middle, length);
        memcpy(at + length, to->suffix, to->suffix_length);
        at += length + to->suffix_length;
    }
    *at = 0;
    return name;
}

static int rename_all(NnTensors *file, const NamePattern *from, const NamePattern *to, NnError *error)
{
    const char *middle;
    size_t length;
    int count = 0;
    for (int i = 0; i < file->count; i++) {
        if (!pattern_matches(from, file->at[i].name, &middle, &length)) continue;
        char *name = renamed(to, middle, length);
        if (!name) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to rename %s", file->at[i].name);
        free(file->renamed[i]);
        file->at[i].name = file->renamed[i] = name;
        count++;
    }
    return count;
}

static int count_named(const NnTensors *file, const char *name)
{
    int count = 0;
    for (int i = 0; i < file->count; i++) count += !strcmp(file->at[i].name, name);
    return count;
}

static int check_distinct(const NnTensors *file, const char *rule, NnError *error)
{
    for (int i = 0; i < file->count; i++)
        if (file->renamed[i] && count_named(file, file->at[i].name) > 1)
            return nn_fail(error, NN_BAD_INPUT, "%s: two tensors are then called %s", rule, file->at[i].name);
    return 0;
}

int nn_tensors_rename(NnTensors *file, const char *rule, NnError *error)
{
    const char *equals = strchr(rule, '=');
    NamePattern from, to;
    if (!equals || equals == rule || !parse_pattern(rule, (size_t)(equals - rule), &from) ||
        !parse_pattern(equals + 1, strlen(equals + 1), &to) || from.star != to.star)
        return nn_fail(error, NN_BAD_INPUT, "'%s' is not OLD=NEW, both with one * or none", rule);
    if (!file->renamed) file->renamed = calloc((size_t)file->count + 1, sizeof *file->renamed);
    if (!file->renamed) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to rename tensors");
    int count = rename_all(file, &from, &to, error);
    if (count == 0)
        return nn_fail(error, NN_BAD_INPUT, "'%s' renames nothing: no tensor is called %.*s", rule,
                       (int)(equals - rule), rule);
    return count < 0 ? -1 : check_distinct(file, rule, error);
}
