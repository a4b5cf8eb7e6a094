/*
 * The code writer: C text from templates.
 *
 * Enters: templates that look like the code they print, with $names and @arrays
 * bound beforehand.  Leaves: indented C.  The operators own what is computed;
 * indentation, literals and the arithmetic of an array's index belong to this
 * file, so that no operator counts spaces or strides by hand.
 *
 * An unbound name in a template is a bug of the compiler and aborts.
 */
#include "base/base.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WRITER_MAX_RANK = 5, WRITER_INDENT = 4 };

typedef struct Array {
    const char *expression;
    int rank;
    int64_t dim[WRITER_MAX_RANK];
} Array;

struct Writer {
    Arena *arena;
    bool use_double;
    Text text;
    Map *fixed;   /* real and the math functions: of the writer's type, for good */
    Map *names;   /* $name → text */
    Map *arrays;  /* @name → Array */
    Map *runtime; /* names of the runtime that were put */
    int depth;    /* open braces */
};

static void bind_type(Writer *w)
{
    static const char *const functions[] = {"exp", "log",   "sqrt",  "pow",   "tanh", "fabs", "fmax", "fmin",
                                            "erf", "floor", "log1p", "expm1", "cos",  "sin",  "ceil"};
    map_put(w->fixed, "real", w->use_double ? "double" : "float");
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        map_put(w->fixed, functions[i], arena_printf(w->arena, "%s%s", functions[i], w->use_double ? "" : "f"));
    }
}

Writer *writer_new(Arena *arena, bool use_double)
{
    Writer *w = arena_alloc(arena, sizeof *w);
    w->arena = arena;
    w->use_double = use_double;
    w->fixed = map_new(arena);
    w->runtime = map_new(arena);
    text_init(&w->text, arena);
    writer_unbind_all(w);
    bind_type(w);
    return w;
}

void writer_unbind_all(Writer *w)
{
    w->names = map_new(w->arena);
    w->arrays = map_new(w->arena);
}

void writer_bind(Writer *w, const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    map_put(w->names, name, arena_vprintf(w->arena, format, args));
    va_end(args);
}

void writer_bind_int(Writer *w, const char *name, int64_t value) { writer_bind(w, name, "%lld", (long long)value); }

void writer_bind_fields(Writer *w, const char *name, const char *fields, const int64_t *values)
{
    Text list;
    text_init(&list, w->arena);
    while (*fields) {
        const int length = (int)strcspn(fields, " ");
        text_addf(&list, "%s.%.*s = %lld", list.length ? ", " : "", length, fields, (long long)*values++);
        fields += length;
        fields += *fields == ' ';
    }
    writer_bind(w, name, "%s", list.data);
}

/* The shortest digits that read back as the same number of the type. */
static const char *shortest(Writer *w, double value)
{
    char digits[40];
    if (value == floor(value) && fabs(value) < 1e6) return arena_printf(w->arena, "%.0f", value); /* 10, not 1e+01 */
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        bool same = w->use_double ? strtod(digits, NULL) == value : strtof(digits, NULL) == (float)value;
        if (same) break;
    }
    return arena_strdup(w->arena, digits);
}

const char *writer_real(Writer *w, double value)
{
    if (isnan(value)) return "NAN";
    if (isinf(value)) return value > 0 ? "INFINITY" : "-INFINITY";
    const char *digits = shortest(w, value);
    bool plain_integer = !strpbrk(digits, ".e");
    return arena_printf(w->arena, "%s%s%s", digits, plain_integer ? ".0" : "", w->use_double ? "" : "f");
}

void writer_bind_real(Writer *w, const char *name, double value) { writer_bind(w, name, "%s", writer_real(w, value)); }

void writer_bind_array(Writer *w, const char *name, const char *expression, int rank, const int64_t *dim)
{
    assert(rank <= WRITER_MAX_RANK);
    Array *array = arena_alloc(w->arena, sizeof *array);
    array->expression = arena_strdup(w->arena, expression);
    array->rank = rank;
    for (int i = 0; i < rank; i++) array->dim[i] = dim[i];
    map_put(w->arrays, name, array);
}

static _Noreturn void template_bug(const char *what, const char *name)
{
    fprintf(stderr, "nnc: bug: a template names %s '%s', which is not bound\n", what, name);
    abort();
}

static const char *name_at(Writer *w, const char *p, const char **end)
{
    const char *start = p;
    while (is_identifier_char(*p)) p++;
    *end = p;
    return arena_strndup(w->arena, start, (size_t)(p - start));
}

static const char *lookup(Writer *w, const char *name)
{
    const char *text = map_get(w->names, name);
    if (!text) text = map_get(w->fixed, name);
    if (!text) template_bug("the value", name);
    return text;
}

static bool is_token(const char *text)
{
    for (; *text; text++) {
        if (!is_identifier_char(*text)) return false;
    }
    return true;
}

/* May stand as a term of a sum without parentheses. */
static bool is_sum(const char *text) { return !strpbrk(text, "?:<>=&|,"); }

/* ((n * C + c) * H + h) * W + w, row by row; ones and zeros are left out. */
static const char *element(Writer *w, const char *name, const char *const *index, int count)
{
    const Array *array = map_get(w->arrays, name);
    if (!array) template_bug("the array", name);
    assert(count == array->rank || count == 1);
    const char *sum = "0";
    for (int i = 0; i < count; i++) {
        const char *term = is_sum(index[i]) ? index[i] : arena_printf(w->arena, "(%s)", index[i]);
        if (strcmp(sum, "0") == 0) {
            sum = term;
            continue;
        }
        int64_t dim = array->dim[i];
        if (dim != 1) {
            sum = arena_printf(w->arena, is_token(sum) ? "%s * %lld" : "(%s) * %lld", sum, (long long)dim);
        }
        if (strcmp(term, "0") != 0) sum = arena_printf(w->arena, "%s + %s", sum, term);
    }
    return arena_printf(w->arena, "%s[%s]", array->expression, sum);
}

static const char *expand(Writer *w, const char *template, size_t length);

/* Reads "(a, b, c)" at *p, expands each argument and moves *p behind it. */
static int read_index(Writer *w, const char **p, const char **index)
{
    int count = 0, depth = 0;
    const char *start = *p + 1;
    for (const char *q = *p;; q++) {
        assert(*q && "a template's @array( has no end");
        if (*q == '(') depth++;
        if (*q == ')') depth--;
        if ((*q == ',' && depth == 1) || depth == 0) {
            while (*start == ' ') start++;
            assert(count < WRITER_MAX_RANK);
            index[count++] = expand(w, start, (size_t)(q - start));
            start = q + 1;
        }
        if (depth == 0) {
            *p = q + 1;
            return count;
        }
    }
}

static const char *expand(Writer *w, const char *template, size_t length)
{
    Text out;
    text_init(&out, w->arena);
    const char *p = template, *end = template + length;
    while (p < end) {
        if (*p == '$') {
            const char *name = name_at(w, p + 1, &p);
            text_add(&out, lookup(w, name));
        } else if (*p == '@') {
            const char *name = name_at(w, p + 1, &p);
            if (p < end && *p == '(') {
                const char *index[WRITER_MAX_RANK];
                int count = read_index(w, &p, index);
                text_add(&out, element(w, name, index, count));
            } else {
                const Array *array = map_get(w->arrays, name);
                if (!array) template_bug("the array", name);
                text_add(&out, array->expression);
            }
        } else {
            text_add_bytes(&out, p++, 1);
        }
    }
    return out.data ? out.data : "";
}

static int count_of(const char *text, char wanted)
{
    int count = 0;
    for (; *text; text++) count += *text == wanted;
    return count;
}

/* Identifiers that begin with nn_ or NN_: functions, types and constants of the runtime. */
static void note_runtime(Writer *w, const char *text)
{
    for (const char *p = text; *p;) {
        const char *word = p;
        while (is_identifier_char(*p)) p++;
        bool ours = strncmp(word, "nn_", 3) == 0 || strncmp(word, "NN_", 3) == 0;
        if (ours) map_put(w->runtime, arena_strndup(w->arena, word, (size_t)(p - word)), w);
        if (p == word) p++;
    }
}

static void put_template_line(Writer *w, const char *line, size_t length)
{
    while (length > 0 && *line == ' ') line++, length--;
    const char *text = expand(w, line, length);
    note_runtime(w, text);
    int closes_first = *text == '}';
    bool label = *text == '#';
    int indent = label ? 0 : (w->depth - closes_first) * WRITER_INDENT;
    assert(indent >= 0);
    if (*text) text_addf(&w->text, "%*s%s", indent, "", text);
    text_add(&w->text, "\n");
    w->depth += count_of(text, '{') - count_of(text, '}');
}

void writer_put(Writer *w, const char *template)
{
    while (*template) {
        const char *end = strchr(template, '\n');
        size_t length = end ? (size_t)(end - template) : strlen(template);
        put_template_line(w, template, length);
        template += length + (end ? 1 : 0);
    }
}

void writer_raw(Writer *w, const char *text) { text_add(&w->text, text); }

const char *writer_text(const Writer *w) { return w->text.data ? w->text.data : ""; }

const Map *writer_names(const Writer *w) { return w->runtime; }

size_t writer_length(const Writer *w) { return w->text.length; }
