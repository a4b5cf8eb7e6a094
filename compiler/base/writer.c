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
#include "base/writer_device.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WRITER_INDENT = 4 };

typedef struct Array {
    const char *expression;
    int rank;
    int64_t dim[ARRAY_MAX_RANK];
} Array;

struct Writer {
    Arena *arena;
    bool use_double;
    bool own_math, dual_products;
    Text text;
    Map *names;   /* $name → text */
    Map *arrays;  /* @name → Array */
    Map *through; /* an array's expression → function that its elements are read through */
    Map *runtime; /* names of the runtime that were put */
    Map *seen;    /* an array's expression → ArrayShape in which its elements were put; NULL: all are flat */
    Map *flat;    /* expressions of arrays that are flat all the same */
    Map *mixed;   /* of those that were put in several shapes */
    Map *raw;     /* identifiers that templates have themselves */
    List put;     /* of names: the elements of the line that is put now */
    int depth;    /* open braces */
};

/* Those of runtime/kernels/scalar/scalar_math.h.  A compiler makes an instruction or two of fabs. */
static bool has_own(const char *name)
{
    static const char *const own[] = {"exp",  "expm1", "log",  "log1p", "tanh", "erf",
                                      "sqrt", "floor", "ceil", "fmax",  "fmin"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(name, own[i]) == 0) return true;
    return false;
}

/* $real and the math functions: of the writer's type; NULL: none of these. */
static const char *type_name(const Writer *w, const char *name)
{
    static const char *const functions[] = {"exp", "log",   "sqrt",  "pow",   "tanh", "fabs", "fmax", "fmin",
                                            "erf", "floor", "log1p", "expm1", "cos",  "sin",  "ceil"};
    const char *prefix = w->own_math && has_own(name) ? "nn_" : "";
    if (strcmp(name, "real") == 0) return w->use_double ? "double" : "float";
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (strcmp(name, functions[i]) == 0)
            return w->use_double ? functions[i] : arena_printf(w->arena, "%s%sf", prefix, functions[i]);
    }
    return NULL;
}

Writer *writer_new(Arena *arena, bool use_double)
{
    Writer *w = arena_alloc(arena, sizeof *w);
    w->arena = arena;
    w->use_double = use_double;
    w->runtime = map_new(arena);
    text_init(&w->text, arena);
    writer_unbind_all(w);
    return w;
}

void writer_use_own_math(Writer *w) { w->own_math = true; }
void writer_use_dual_products(Writer *w) { w->dual_products = true; }
bool writer_has_dual_products(const Writer *w) { return w->dual_products; }

void writer_unbind_all(Writer *w)
{
    w->names = map_new(w->arena);
    w->arrays = map_new(w->arena);
    w->through = map_new(w->arena);
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
    assert(rank <= ARRAY_MAX_RANK);
    Array *array = arena_alloc(w->arena, sizeof *array);
    array->expression = arena_strdup(w->arena, expression);
    array->rank = rank;
    for (int i = 0; i < rank; i++) array->dim[i] = dim[i];
    map_put(w->arrays, name, array);
}

void writer_read_through(Writer *w, const char *expression, const char *function)
{
    map_put(w->through, arena_strdup(w->arena, expression), (char *)function);
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
    if (!text) text = type_name(w, name);
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

/* ---- arrays ------------------------------------------------------------- */

ArrayShape array_shape(int rank, const int64_t *dim)
{
    ArrayShape s = {.rank = rank};
    for (int i = 0; i < rank; i++) s.dim[i] = dim[i];
    while (s.rank > 1 && s.dim[s.rank - 1] == 1) s.rank--;
    return s;
}

void writer_shape_arrays(Writer *w, const Map *flat)
{
    w->seen = map_new(w->arena);
    w->mixed = map_new(w->arena);
    w->raw = map_new(w->arena);
    w->flat = map_new(w->arena);
    for (int i = 0; flat && i < map_count(flat); i++) map_put(w->flat, map_key(flat, i), w);
}

ArrayShape writer_array_shape(const Writer *w, const char *name)
{
    const ArrayShape *shape = w->seen ? map_get(w->seen, name) : NULL;
    return shape ? *shape : (ArrayShape){0};
}

const Map *writer_mixed_arrays(const Writer *w)
{
    for (int i = 0; w->seen && i < map_count(w->seen); i++) {
        const char *name = map_key(w->seen, i);
        const ArrayShape *shape = map_value(w->seen, i);
        if (shape->rank > 1 && map_get(w->raw, name)) map_put(w->mixed, name, w->mixed);
    }
    return w->mixed;
}

/* Identifiers of a line that are no elements put there: `x` in "sum += x[k];". */
static void note_raw(Writer *w, const char *text)
{
    for (const char *p = text; *p;) {
        const char *word = p;
        while (is_identifier_char(*p)) p++;
        const size_t length = (size_t)(p - word);
        int i = 0;
        while (i < w->put.count && (strncmp(w->put.at[i], word, length) != 0 || ((char *)w->put.at[i])[length])) i++;
        if (length && i < w->put.count)
            w->put.at[i] = "";
        else if (length)
            map_put(w->raw, arena_strndup(w->arena, word, length), w);
        if (!length) p++;
    }
    w->put.count = 0;
}

bool array_rows_agree(const ArrayShape *a, const ArrayShape *b)
{
    if (a->rank != b->rank) return false;
    for (int i = 1; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

/* In which shape an element of the array is put now; false: flat. */
static bool is_put_shaped(Writer *w, const Array *array, int indices, ArrayShape *shape)
{
    if (!w->seen || map_get(w->flat, array->expression)) return false;
    *shape = indices == array->rank ? array_shape(array->rank, array->dim) : (ArrayShape){0};
    const ArrayShape *before = map_get(w->seen, array->expression);
    if (before && !array_rows_agree(before, shape)) map_put(w->mixed, array->expression, w);
    ArrayShape *now = arena_alloc(w->arena, sizeof *now);
    *now = *shape;
    map_put(w->seen, array->expression, now);
    return shape->rank > 0;
}

/* x[n][c][h][w] */
static const char *shaped_element(Writer *w, const Array *array, const char *const *index, int rank)
{
    Text out;
    text_init(&out, w->arena);
    list_push(w->arena, &w->put, (char *)array->expression);
    text_add(&out, array->expression);
    for (int i = 0; i < rank; i++) text_addf(&out, "[%s]", index[i]);
    return out.data;
}

/* x[((n * C + c) * H + h) * W + w], row by row; ones and zeros are left out. */
static const char *flat_element(Writer *w, const Array *array, const char *const *index, int count)
{
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

static const char *element(Writer *w, const char *name, const char *const *index, int count)
{
    const Array *array = map_get(w->arrays, name);
    ArrayShape shape;
    if (!array) template_bug("the array", name);
    assert(count == array->rank || count == 1);
    const char *text = is_put_shaped(w, array, count, &shape) ? shaped_element(w, array, index, shape.rank)
                                                              : flat_element(w, array, index, count);
    const char *function = map_get(w->through, array->expression);
    return function ? arena_printf(w->arena, "%s(%s)", function, text) : text;
}

/* The array itself, as a pointer to its first element. */
static const char *whole_array(Writer *w, const char *name)
{
    const Array *array = map_get(w->arrays, name);
    ArrayShape shape;
    if (!array) template_bug("the array", name);
    is_put_shaped(w, array, 0, &shape);
    return array->expression;
}

/* ---- templates ---------------------------------------------------------- */

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
            assert(count < ARRAY_MAX_RANK);
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
                const char *index[ARRAY_MAX_RANK];
                int count = read_index(w, &p, index);
                text_add(&out, element(w, name, index, count));
            } else {
                text_add(&out, whole_array(w, name));
            }
        } else {
            const char *start = p;
            while (p < end && *p != '$' && *p != '@') p++;
            text_add_bytes(&out, start, (size_t)(p - start));
        }
    }
    return out.data;
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
    if (w->seen) note_raw(w, text);
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

const char *writer_text(const Writer *w) { return w->text.data ? w->text.data : ""; }

const Map *writer_names(const Writer *w) { return w->runtime; }
