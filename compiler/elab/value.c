/*
 * value: constants and their text.
 *
 * Enters: numbers, strings, lists that the evaluator computed.  Leaves: shared,
 * unchanging constants and the words messages describe them with.  A list knows
 * how many values it holds in all: sharing would otherwise let sixty short
 * definitions build a list that nobody can walk to its end.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "elab/value.h"
#include "elab/attributes.h"

enum { TEXT_LIMIT = 300 };

static Const *const_new(Arena *arena, ConstKind kind)
{
    Const *value = arena_alloc(arena, sizeof *value);
    value->kind = kind;
    value->weight = 1;
    return value;
}

const Const *const_int(Arena *arena, int64_t integer)
{
    Const *value = const_new(arena, CONST_INT);
    value->integer = integer;
    return value;
}

const Const *const_real(Arena *arena, double real)
{
    Const *value = const_new(arena, CONST_REAL);
    value->real = real;
    return value;
}

const Const *const_bool(Arena *arena, bool truth)
{
    Const *value = const_new(arena, CONST_BOOL);
    value->truth = truth;
    return value;
}

const Const *const_string(Arena *arena, const char *text)
{
    Const *value = const_new(arena, CONST_STRING);
    value->text = text;
    return value;
}

const Const *const_range(Arena *arena, int64_t first, int64_t end)
{
    Const *value = const_new(arena, CONST_RANGE);
    value->depth = 1;
    value->range.first = first;
    value->range.end = end < first ? first : end;
    value->weight += value->range.end - first;
    return value;
}

const Const *const_symbol(Arena *arena, const char *name, const List *args, const Names *names)
{
    Const *value = const_new(arena, CONST_SYMBOL);
    value->symbol.text = name;
    value->symbol.args = args;
    value->symbol.names = names;
    return value;
}

const Const *const_value(Arena *arena, const char *name, const Tensor *tensor)
{
    Const *value = const_new(arena, CONST_VALUE);
    value->value.text = name;
    value->value.tensor = tensor;
    return value;
}

const Const *const_function(Arena *arena, const char *name, const List *params, const Expr *body, const Names *names)
{
    Const *value = const_new(arena, CONST_FUNCTION);
    value->function.name = name;
    value->function.params = params;
    value->function.body = body;
    value->function.names = names;
    return value;
}

const Const *const_list(Arena *arena, const Const *const *at, int64_t count)
{
    Const *value = const_new(arena, CONST_LIST);
    value->depth = 1;
    value->list.at = at;
    value->list.count = count;
    for (int64_t i = 0; i < count; i++) {
        value->weight += at[i]->weight;
        if (at[i]->depth >= value->depth) value->depth = at[i]->depth + 1;
        if (value->weight > CONST_MAX_WEIGHT || value->depth > CONST_MAX_DEPTH) return NULL;
    }
    return value;
}

bool const_is_list(const Const *value) { return value->kind == CONST_LIST || value->kind == CONST_RANGE; }

int64_t const_length(const Const *value)
{
    assert(const_is_list(value));
    return value->kind == CONST_LIST ? value->list.count : value->range.end - value->range.first;
}

const Const *const_at(Arena *arena, const Const *value, int64_t index)
{
    assert(index >= 0 && index < const_length(value));
    return value->kind == CONST_LIST ? value->list.at[index] : const_int(arena, value->range.first + index);
}

bool const_is_number(const Const *value) { return value->kind == CONST_INT || value->kind == CONST_REAL; }

double const_number(const Const *value)
{
    assert(const_is_number(value));
    return value->kind == CONST_INT ? (double)value->integer : value->real;
}

/* ---- comparison ------------------------------------------------------- */

static bool lists_equal(Arena *arena, const Const *a, const Const *b, bool *comparable)
{
    int64_t count = const_length(a);
    if (count != const_length(b)) return false;
    if (a->kind == CONST_RANGE && b->kind == CONST_RANGE) return count == 0 || a->range.first == b->range.first;
    for (int64_t i = 0; i < count; i++)
        if (!const_equal(arena, const_at(arena, a, i), const_at(arena, b, i), comparable)) return false;
    return true;
}

bool const_equal(Arena *arena, const Const *a, const Const *b, bool *comparable)
{
    if (a->kind == CONST_INT && b->kind == CONST_INT) return a->integer == b->integer;
    if (const_is_number(a) && const_is_number(b)) return const_number(a) == const_number(b);
    if (const_is_list(a) && const_is_list(b)) return lists_equal(arena, a, b, comparable);
    if (a->kind == b->kind && a->kind == CONST_BOOL) return a->truth == b->truth;
    if (a->kind == b->kind && a->kind == CONST_STRING) return strcmp(a->text, b->text) == 0;
    if (a->kind == b->kind && a->kind == CONST_SYMBOL) return strcmp(a->symbol.text, b->symbol.text) == 0;
    *comparable = false;
    return false;
}

/* ---- text ------------------------------------------------------------- */

const char *const_kind_text(const Const *value)
{
    switch (value->kind) {
    case CONST_INT: return "an integer";
    case CONST_REAL: return "a real number";
    case CONST_BOOL: return "a boolean";
    case CONST_STRING: return "a string";
    case CONST_LIST:
    case CONST_RANGE: return "a list";
    case CONST_SYMBOL: return "a bare name";
    case CONST_VALUE: return "a value of the net";
    case CONST_FUNCTION: return "a function";
    }
    abort();
}

const char *real_text(Arena *arena, double real)
{
    char digits[40];
    if (real > -1e6 && real < 1e6 && real == (double)(int64_t)real)
        return arena_printf(arena, "%lld", (long long)real); /* 10, not 1e+01 */
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, real);
        if (strtod(digits, NULL) == real) break;
    }
    return arena_strdup(arena, digits);
}

static void add_const(Text *text, const Const *value);

static void add_list(Text *text, const Const *value)
{
    text_add(text, "[");
    for (int64_t i = 0; i < const_length(value); i++) {
        if (text->length > TEXT_LIMIT) {
            text_add(text, ", …");
            break;
        }
        text_add(text, i > 0 ? ", " : "");
        add_const(text, const_at(text->arena, value, i));
    }
    text_add(text, "]");
}

static void add_symbol(Text *text, const Const *value)
{
    text_add(text, value->symbol.text);
    if (!value->symbol.args) return;
    text_add(text, "(");
    for (int i = 0; i < value->symbol.args->count; i++) {
        const ConstArg *arg = value->symbol.args->at[i];
        text_addf(text, "%s%s%s", i > 0 ? ", " : "", arg->name ? arg->name : "", arg->name ? "=" : "");
        if (arg->value) add_const(text, arg->value);
    }
    text_add(text, ")");
}

/* f(a, b) */
static void add_signature(Text *text, const Const *value)
{
    text_addf(text, "%s(", value->function.name);
    for (int i = 0; i < value->function.params->count; i++)
        text_addf(text, "%s%s", i ? ", " : "", ((const Param *)value->function.params->at[i])->name);
    text_add(text, ")");
}

static void add_const(Text *text, const Const *value)
{
    if (text->length > TEXT_LIMIT) {
        text_add(text, "…");
        return;
    }
    switch (value->kind) {
    case CONST_INT: text_addf(text, "%lld", (long long)value->integer); break;
    case CONST_REAL: text_add(text, real_text(text->arena, value->real)); break;
    case CONST_BOOL: text_add(text, value->truth ? "yes" : "no"); break;
    case CONST_STRING: text_addf(text, "\"%s\"", value->text); break;
    case CONST_LIST: add_list(text, value); break;
    case CONST_RANGE: text_addf(text, "%lld..%lld", (long long)value->range.first, (long long)value->range.end); break;
    case CONST_SYMBOL: add_symbol(text, value); break;
    case CONST_VALUE: text_add(text, value->value.text); break;
    case CONST_FUNCTION: add_signature(text, value); break;
    }
}

const char *const_text(Arena *arena, const Const *value)
{
    Text text;
    text_init(&text, arena);
    add_const(&text, value);
    return text.data;
}
