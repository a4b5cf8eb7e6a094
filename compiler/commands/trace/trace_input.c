/*
 * Numbers for a trace: from the command line, or from a file of samples.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands/support/feeding.h"
#include "commands/trace/trace.h"

static bool is_separator(char c) { return isspace((unsigned char)c) || c == ',' || c == ';'; }

enum { MOST_NUMBERS = 1 << 26 };

/* One number, or COUNT*NUMBER: so many of it.  Returns where it ends; NULL: it is neither. */
static const char *read_repeated(const char *p, int64_t *count, float *value)
{
    char *end;
    const size_t digits = strspn(p, "0123456789");
    *count = 1;
    if (digits && p[digits] == '*') {
        *count = strtoll(p, NULL, 10);
        p += digits + 1;
    }
    *value = strtof(p, &end);
    return end == p || (*end && !is_separator(*end)) || *count < 1 ? NULL : end;
}

/* All numbers into `values`, where it is not NULL; returns how many, −1 where it has printed what is wrong. */
static int64_t read_number_list(const char *option, const char *text, float *values)
{
    int64_t all = 0, count;
    float value;
    for (const char *p = text; *p;) {
        if (is_separator(*p)) {
            p++;
            continue;
        }
        const char *end = read_repeated(p, &count, &value);
        if (!end) {
            usage_error(&command_trace, "--%s: '%.*s' is not a number", option, (int)strcspn(p, " ,;"), p);
            return -1;
        }
        if (count > MOST_NUMBERS - all) {
            usage_error(&command_trace, "--%s has more than %d numbers", option, MOST_NUMBERS);
            return -1;
        }
        for (int64_t i = 0; values && i < count; i++) values[all + i] = value;
        all += count;
        p = end;
    }
    return all;
}

int trace_numbers(Arena *arena, const char *option, const char *text, TraceNumbers *n)
{
    n->count = read_number_list(option, text, NULL);
    if (n->count < 0) return STATUS_USAGE;
    if (!n->count) return usage_error(&command_trace, "--%s has no numbers", option);
    n->values = arena_alloc(arena, (size_t)n->count * sizeof *n->values);
    read_number_list(option, text, n->values);
    return STATUS_OK;
}

/* ---- samples of a file ------------------------------------------------------------- */

typedef struct SampleList {
    Arena *arena;
    size_t elements;
    List samples; /* of float[elements] */
} SampleList;

enum { MOST_SAMPLES = 64 };

static int take_traced_sample(void *user, const char *name, const float *x)
{
    SampleList *list = user;
    float *copy = arena_alloc(list->arena, list->elements * sizeof *copy);
    (void)name;
    memcpy(copy, x, list->elements * sizeof *copy);
    list_push(list->arena, &list->samples, copy);
    return list->samples.count < MOST_SAMPLES ? 0 : -1;
}

static int read_samples(const Model *m, const char *path, TraceNumbers *n)
{
    NnError error = {0};
    const Shape shape = net_input_shape(m->net);
    int dims[MAX_RANK] = {0};
    for (int i = 0; i < shape.rank; i++) dims[i] = (int)shape.dim[i];
    SampleList list = {.arena = m->c->arena, .elements = (size_t)shape_count(shape)};
    Fitting fitting;
    fitting_init_net(&fitting, shape.rank, dims, NN_FIT_RESIZE);
    if (nn_inputs_read(&fitting, path, take_traced_sample, &list, &error) && error.text[0]) return fail_error(&error);
    n->count = list.samples.count * (int64_t)list.elements;
    n->values = arena_alloc(list.arena, (size_t)n->count * sizeof *n->values + 1);
    for (int i = 0; i < list.samples.count; i++)
        memcpy(n->values + (size_t)i * list.elements, list.samples.at[i], list.elements * sizeof *n->values);
    return STATUS_OK;
}

/* Anything with a letter that no number has, or with a '/', names a file. */
static bool is_file_name(const char *text) { return text[strspn(text, "0123456789+-.eE*,; \t\n")] != '\0'; }

int trace_inputs(const Model *m, const char *text, TraceNumbers *n)
{
    const int64_t size = shape_count(net_input_shape(m->net));
    if (is_file_name(text) && access(text, R_OK) != 0)
        return fail(STATUS_INPUT, "--x %s: neither numbers nor a file that can be read", text);
    int status = is_file_name(text) ? read_samples(m, text, n) : trace_numbers(m->c->arena, "x", text, n);
    if (status != STATUS_OK) return status;
    if (n->count % size)
        return fail(STATUS_USAGE, "--x has %lld number%s, but a sample of %s has %lld", (long long)n->count,
                    n->count == 1 ? "" : "s", m->net->name, (long long)size);
    return STATUS_OK;
}
