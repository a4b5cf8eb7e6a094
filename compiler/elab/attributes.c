/*
 * Attributes: the arguments of an operator, by its table.
 *
 * Enters: evaluated arguments, positional and named, and a table of names,
 * types, defaults and ranges.  Leaves: the operator's attribute struct, filled;
 * or diagnostics that name the operator, the argument and the value.  Layers,
 * losses, optimizers, schedules and initialisations are all bound here, so
 * every argument of the language is checked, and printed back, by one rule.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "elab/attribute_text.h"
#include "elab/attribute_slot.h"
#include "elab/attributes.h"
#include "elab/value.h"
#include "graph/op.h"

const char *const attr_pad_names[] = {"same", "valid", "full", NULL};

/* ---- one argument ----------------------------------------------------- */

static const char *type_text(const Attr *attr)
{
    switch (attr->type) {
    case ATTR_INT: return "an integer";
    case ATTR_REAL: return "a number";
    case ATTR_BOOL: return "yes or no";
    case ATTR_PAIR: return "an integer or a pair like 3x3";
    case ATTR_PAD: return "an integer, [h, w], [top, left, bottom, right], same, valid or full";
    case ATTR_SYMBOL: return "one of a few names";
    case ATTR_SHAPE: return "a shape like 6x5x5, or one integer";
    case ATTR_BOX: return "four integers: [top, left, bottom, right]";
    case ATTR_REALS: return "a list of numbers, or one number";
    case ATTR_INIT: return "an initialisation like he_normal or normal(0.01), or its values as a list";
    case ATTR_NAME: return "a name";
    case ATTR_LOSS: return "a loss like mse or cross_entropy(smoothing=0.1)";
    case ATTR_TEXT: return "a string";
    }
    abort();
}

static const char *takes_text(Arena *arena, const Attr *attr)
{
    const char *text = type_text(attr);
    return attr_may_be_none(attr) ? arena_printf(arena, "%s, or none", text) : text;
}

/* The value as a message quotes it. */
static const char *given_text(Compilation *c, const Const *value)
{
    if (value->kind == CONST_STRING || value->kind == CONST_VALUE) return const_kind_text(value);
    return arena_printf(c->arena, "%s", const_text(c->arena, value));
}

static bool wrong_symbol(const AttrSlot *s)
{
    const Const *value = s->value;
    const Names *names = value->symbol.names;
    const char *text = value->symbol.text;
    const char *nearest = s->attr->type == ATTR_PAD ? nearest_name(text, attr_pad_names, 3) : NULL;
    if (!nearest && names) nearest = names->nearest(names->self, text);
    if (value->symbol.args)
        diag_error(s->c, s->span, "%s: %s takes %s, and there is no function `%s`", s->what, s->attr->name,
                   takes_text(s->c->arena, s->attr), value->symbol.text);
    else
        diag_error(s->c, s->span, "%s: %s takes %s, and there is nothing called `%s` here%s", s->what, s->attr->name,
                   takes_text(s->c->arena, s->attr), value->symbol.text, suggestion(s->c, nearest));
    return false;
}

bool attr_wrong_type(const AttrSlot *s)
{
    const Const *value = s->value;
    if (value->kind == CONST_SYMBOL) return wrong_symbol(s);
    bool kind_only = value->kind == CONST_STRING || value->kind == CONST_VALUE;
    diag_error(s->c, s->span, "%s: %s takes %s, not %s%s%s", s->what, s->attr->name, takes_text(s->c->arena, s->attr),
               const_kind_text(value), kind_only ? "" : ": ", kind_only ? "" : given_text(s->c, value));
    return false;
}

/* A bound: 1000000000, not 1e+09. */
static const char *bound_literal(Arena *arena, double bound)
{
    if (fabs(bound) < 1e15 && bound == floor(bound)) return arena_printf(arena, "%lld", (long long)bound);
    return real_text(arena, bound);
}

/* What the range allows, for a number x that is outside it. */
static const char *limit_text(const Attr *attr, Arena *arena, double x)
{
    const char *low = attr->min > 0 && attr->min < 1e-100
                          ? "more than 0"
                          : arena_printf(arena, "%s or more", bound_literal(arena, attr->min));
    bool open = attr->max < attr->min || attr->max >= 1e5; /* no maximum worth mentioning */
    if (x < attr->min && open) return low;
    if (attr->min == -INFINITY) return arena_printf(arena, "%s or less", bound_literal(arena, attr->max));
    return arena_printf(arena, "from %s to %s", bound_literal(arena, attr->min), bound_literal(arena, attr->max));
}

/* 0, 0 is unbounded; a maximum below the minimum is no maximum. */
bool attr_in_range(const AttrSlot *s, double x)
{
    const Attr *attr = s->attr;
    bool bounded = attr->min != 0 || attr->max != 0;
    if (isfinite(x) && (!bounded || (x >= attr->min && (x <= attr->max || attr->max < attr->min)))) return true;
    bool single = const_is_number(s->value);
    diag_error(s->c, s->span, "%s: %s is %s; %s must be %s", s->what, s->attr->name, const_text(s->c->arena, s->value),
               single ? "it" : "each number", isfinite(x) ? limit_text(attr, s->c->arena, x) : "finite");
    return false;
}

static const char *joined(Arena *, const char *const *names);

const char *attr_takes(Arena *arena, const Attr *attr)
{
    bool bounded = attr->min != 0 || attr->max != 0;
    if (attr->type == ATTR_SYMBOL) return joined(arena, attr->symbols);
    if (!bounded || (attr->min == -INFINITY && attr->max == INFINITY)) return takes_text(arena, attr);
    return arena_printf(arena, "%s; %s", takes_text(arena, attr), limit_text(attr, arena, -INFINITY));
}

/* The list's integers, when there are `least` to `most` and nothing else in it;
 * the count, or 0. */
static int take_ints(const AttrSlot *s, int least, int most, int64_t *out)
{
    if (!const_is_list(s->value)) return 0;
    int64_t count = const_length(s->value);
    if (count < least || count > most) return 0;
    for (int i = 0; i < count; i++) {
        const Const *x = const_at(s->c->arena, s->value, i);
        if (x->kind != CONST_INT) return 0;
        out[i] = x->integer;
    }
    return (int)count;
}

static bool all_in_range(const AttrSlot *s, const int64_t *ints, int count)
{
    for (int i = 0; i < count; i++)
        if (!attr_in_range(s, (double)ints[i])) return false;
    return true;
}

static bool take_pair(const AttrSlot *s)
{
    int64_t n[2];
    if (s->value->kind == CONST_INT)
        n[0] = n[1] = s->value->integer;
    else if (!take_ints(s, 2, 2, n))
        return attr_wrong_type(s);
    *(Pair *)s->to = (Pair){n[0], n[1]};
    return all_in_range(s, n, 2);
}

/* The text of a value that may stand for a symbol: labels share their names
 * with symbols, and the attribute's type tells which is meant. */
const char *attr_symbol_text(const Const *value)
{
    if (value->kind == CONST_SYMBOL && !value->symbol.args) return value->symbol.text;
    return value->kind == CONST_VALUE ? value->value.text : NULL;
}

static int symbol_index(const char *const *names, const char *text)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], text) == 0) return i;
    return -1;
}

static bool take_pad(const AttrSlot *s)
{
    int64_t n[4];
    const char *symbol = attr_symbol_text(s->value);
    int index = symbol ? symbol_index(attr_pad_names, symbol) : -1;
    if (index >= 0) {
        *(Pad *)s->to = (Pad){.kind = PAD_SAME + index};
        return true;
    }
    int count = s->value->kind == CONST_INT ? 1 : take_ints(s, 2, 4, n);
    if (count == 1) n[0] = n[1] = n[2] = n[3] = s->value->integer;
    if (count == 2) n[2] = n[0], n[3] = n[1];
    if (count == 0 || count == 3) return attr_wrong_type(s);
    *(Pad *)s->to = (Pad){PAD_EXPLICIT, n[0], n[1], n[2], n[3]};
    return all_in_range(s, n, 4);
}

static const char *joined(Arena *arena, const char *const *names)
{
    Text text;
    text_init(&text, arena);
    for (int i = 0; names[i]; i++) text_addf(&text, "%s%s", i == 0 ? "" : names[i + 1] ? ", " : " or ", names[i]);
    return text.data;
}

static bool take_symbol(const AttrSlot *s)
{
    const char *const *symbols = s->attr->symbols;
    const char *text = attr_symbol_text(s->value);
    int index = text ? symbol_index(symbols, text) : -1;
    if (index >= 0) {
        *(int *)s->to = index;
        return true;
    }
    int count = 0;
    while (symbols[count]) count++;
    const char *nearest = text ? nearest_name(text, symbols, count) : NULL;
    diag_error(s->c, s->span, "%s: %s takes %s, not %s%s", s->what, s->attr->name, joined(s->c->arena, symbols),
               text ? arena_printf(s->c->arena, "`%s`", text) : const_kind_text(s->value), suggestion(s->c, nearest));
    return false;
}

static bool take_shape(const AttrSlot *s)
{
    int64_t n[MAX_RANK];
    int count = s->value->kind == CONST_INT ? 1 : take_ints(s, 1, MAX_RANK, n);
    if (s->value->kind == CONST_INT) n[0] = s->value->integer;
    if (count == 0) return attr_wrong_type(s);
    Shape shape = {.rank = count};
    memcpy(shape.dim, n, (size_t)count * sizeof *n);
    *(Shape *)s->to = shape;
    return all_in_range(s, n, count);
}

static bool take_box(const AttrSlot *s)
{
    int64_t n[4];
    if (!take_ints(s, 4, 4, n)) return attr_wrong_type(s);
    *(Pad *)s->to = (Pad){PAD_EXPLICIT, n[0], n[1], n[2], n[3]};
    return all_in_range(s, n, 4);
}

static bool take_reals(const AttrSlot *s)
{
    bool list = const_is_list(s->value);
    if (!list && !const_is_number(s->value)) return attr_wrong_type(s);
    int64_t count = list ? const_length(s->value) : 1;
    Reals reals = {(int)count, arena_alloc(s->c->arena, (size_t)(count + 1) * sizeof(double))};
    for (int i = 0; i < count; i++) {
        const Const *x = list ? const_at(s->c->arena, s->value, i) : s->value;
        if (!const_is_number(x)) return attr_wrong_type(s);
        reals.at[i] = const_number(x);
        if (!attr_in_range(s, reals.at[i])) return false;
    }
    *(Reals *)s->to = reals;
    return true;
}

/* `none`, of an argument that may be left out. */
static bool take_none(const AttrSlot *s)
{
    const char *symbol = attr_symbol_text(s->value);
    if (!attr_may_be_none(s->attr) || !symbol || strcmp(symbol, "none") != 0) return false;
    if (s->attr->type == ATTR_INT) *(int64_t *)s->to = ATTR_NONE;
    if (s->attr->type == ATTR_REAL) *(double *)s->to = NAN;
    if (s->attr->type == ATTR_PAIR) *(Pair *)s->to = (Pair){0, 0};
    if (s->attr->type == ATTR_REALS) *(Reals *)s->to = (Reals){0, NULL};
    if (s->attr->type == ATTR_NAME) *(const char **)s->to = NULL;
    if (s->attr->type == ATTR_LOSS) *(OpCall *)s->to = (OpCall){0};
    if (s->attr->type == ATTR_TEXT) *(const char **)s->to = NULL;
    return true;
}

static bool take_name(const AttrSlot *s)
{
    const char *name = s->value->kind == CONST_STRING ? s->value->text : attr_symbol_text(s->value);
    if (!name) return attr_wrong_type(s);
    *(const char **)s->to = name;
    return true;
}

static bool bind_value(const AttrSlot *s)
{
    const Const *value = s->value;
    if (take_none(s)) return true;
    switch (s->attr->type) {
    case ATTR_INT:
        if (value->kind != CONST_INT) return attr_wrong_type(s);
        *(int64_t *)s->to = value->integer;
        return attr_in_range(s, (double)value->integer);
    case ATTR_REAL:
        if (!const_is_number(value)) return attr_wrong_type(s);
        *(double *)s->to = const_number(value);
        return attr_in_range(s, *(double *)s->to);
    case ATTR_BOOL:
        if (value->kind != CONST_BOOL) return attr_wrong_type(s);
        *(bool *)s->to = value->truth;
        return true;
    case ATTR_PAIR: return take_pair(s);
    case ATTR_PAD: return take_pad(s);
    case ATTR_SYMBOL: return take_symbol(s);
    case ATTR_SHAPE: return take_shape(s);
    case ATTR_BOX: return take_box(s);
    case ATTR_REALS: return take_reals(s);
    case ATTR_INIT: return attr_take_init(s);
    case ATTR_NAME: return take_name(s);
    case ATTR_LOSS: return attr_take_loss(s);
    case ATTR_TEXT:
        if (value->kind != CONST_STRING) return attr_wrong_type(s);
        *(const char **)s->to = value->text;
        return true;
    }
    abort();
}

/* ---- defaults --------------------------------------------------------- */

static size_t attr_size(AttrType type)
{
    switch (type) {
    case ATTR_INT: return sizeof(int64_t);
    case ATTR_REAL: return sizeof(double);
    case ATTR_BOOL: return sizeof(bool);
    case ATTR_PAIR: return sizeof(Pair);
    case ATTR_PAD:
    case ATTR_BOX: return sizeof(Pad);
    case ATTR_SYMBOL: return sizeof(int);
    case ATTR_SHAPE: return sizeof(Shape);
    case ATTR_REALS: return sizeof(Reals);
    case ATTR_INIT: return sizeof(Init);
    case ATTR_NAME: return sizeof(const char *);
    case ATTR_LOSS: return sizeof(OpCall);
    case ATTR_TEXT: return sizeof(const char *);
    }
    abort();
}

/* The attribute before `attr` that its default names, or NULL. */
static const Attr *default_source(const Attr *table, const Attr *attr)
{
    for (const Attr *a = table; a < attr; a++)
        if (strcmp(a->name, attr->initial) == 0 && a->type == attr->type) return a;
    return NULL;
}

/* A number as a table writes it: 1, 1e-5, 1/8.  `end` is where it stops. */
static const Const *default_number(Arena *arena, const char *text, char **end)
{
    double real = strtod(text, end);
    if (**end == '/') return const_real(arena, real / strtod(*end + 1, end));
    bool integer = strcspn(text, ".eE") >= (size_t)(*end - text);
    return integer && fabs(real) < 1e15 ? const_int(arena, (int64_t)real) : const_real(arena, real);
}

/* 3x3, [1, 2] or [] */
static const Const *default_list(Arena *arena, const char *text)
{
    const Const **at = arena_alloc(arena, 8 * sizeof *at);
    int count = 0;
    char *next = (char *)text;
    while (*next && count < 8) {
        next += strspn(next, "[], x");
        if (!*next) break;
        char *before = next;
        at[count++] = default_number(arena, next, &next);
        assert(next > before);
    }
    return const_list(arena, at, count);
}

/* normal(0.01) or a bare name */
static const Const *default_symbol(Arena *arena, const char *text)
{
    const char *open = strchr(text, '(');
    if (!open) return const_symbol(arena, text, NULL, NULL);
    List *args = arena_alloc(arena, sizeof *args);
    const Const *values = default_list(arena, arena_strndup(arena, open + 1, strlen(open) - 2));
    for (int64_t i = 0; i < const_length(values); i++) {
        ConstArg *arg = arena_alloc(arena, sizeof *arg);
        *arg = (ConstArg){NULL, span_nowhere(), span_nowhere(), const_at(arena, values, i)};
        list_push(arena, args, arg);
    }
    return const_symbol(arena, arena_strndup(arena, text, (size_t)(open - text)), args, NULL);
}

static const Const *default_value(Arena *arena, const Attr *attr)
{
    const char *text = attr->initial;
    if (strcmp(text, "yes") == 0 || strcmp(text, "true") == 0) return const_bool(arena, true);
    if ((strcmp(text, "no") == 0 || strcmp(text, "false") == 0) && attr->type == ATTR_BOOL)
        return const_bool(arena, false);
    if (attr->type == ATTR_REALS && *text == '\0') return const_list(arena, NULL, 0);
    if (*text == '[' || (*text >= '0' && *text <= '9' && strchr(text, 'x'))) return default_list(arena, text);
    if (strchr("+-.0123456789", *text)) {
        char *end;
        const Const *number = default_number(arena, text, &end);
        assert(*end == '\0');
        return number;
    }
    return default_symbol(arena, text);
}

/* The default into attrs; it may lie outside the range that users may give. */
static void bind_default(Compilation *c, const char *what, const Attr *table, const Attr *attr, char *attrs)
{
    const Attr *source = default_source(table, attr);
    if (source) {
        memcpy(attrs + attr->offset, attrs + source->offset, attr_size(attr->type));
        return;
    }
    Attr free_attr = *attr;
    free_attr.min = free_attr.max = 0;
    AttrSlot slot = {c, what, &free_attr, default_value(c->arena, attr), span_nowhere(), attrs + attr->offset};
    bool good = bind_value(&slot);
    assert(good && "a default of an operator's table does not have its type");
    (void)good;
}

/* ---- binding ---------------------------------------------------------- */

static int table_length(const Attr *table)
{
    int count = 0;
    while (table && table[count].name) count++;
    return count;
}

static const char *attr_nearest(const Attr *table, int count, Arena *arena, const char *name)
{
    const char **names = arena_alloc(arena, (size_t)(count + 1) * sizeof *names);
    for (int i = 0; i < count; i++) names[i] = table[i].name;
    return nearest_name(name, names, count);
}

static const char *signature(Arena *arena, const Attr *table, int count)
{
    Text text;
    text_init(&text, arena);
    for (int i = 0; i < count; i++)
        text_addf(&text, "%s%s%s%s", i > 0 ? ", " : "", table[i].name, table[i].initial ? "=" : "",
                  table[i].initial ? table[i].initial : "");
    return text.data ? text.data : "";
}

/* Number of the attribute that the argument is for, or −1 after an error. */
static int arg_index(Compilation *c, const char *what, const Attr *table, int count, const ConstArg *arg, int *position)
{
    if (!arg->name) {
        if (*position < count) return (*position)++;
        diag_error(c, arg->span, count == 0 ? "%s takes no arguments" : "too many arguments: %s(%s)", what,
                   signature(c->arena, table, count));
        return -1;
    }
    for (int i = 0; i < count; i++)
        if (strcmp(table[i].name, arg->name) == 0) return i;
    const char *nearest = attr_nearest(table, count, c->arena, arg->name);
    if (nearest || count == 0)
        diag_error(c, arg->name_span, "%s has no argument `%s`%s", what, arg->name, suggestion(c, nearest));
    else
        diag_error(c, arg->name_span, "%s has no argument `%s`: %s(%s)", what, arg->name, what,
                   signature(c->arena, table, count));
    return -1;
}

/* Which argument goes to which attribute. */
static bool match_args(Compilation *c, const char *what, const Attr *table, int count, const List *args,
                       const ConstArg **given)
{
    bool good = true, too_many = false;
    int position = 0;
    for (int i = 0; i < args->count; i++) {
        const ConstArg *arg = args->at[i];
        if (!arg->name && too_many) continue;
        int index = arg_index(c, what, table, count, arg, &position);
        too_many |= index < 0 && !arg->name;
        good &= index >= 0;
        if (index < 0) continue;
        if (given[index]) {
            diag_error(c, arg->span, "%s: %s is given twice", what, table[index].name);
            diag_note(c, given[index]->span, "the first is here");
            good = false;
            continue;
        }
        given[index] = arg;
    }
    return good;
}

bool attrs_bind(Compilation *c, const char *what, const Attr *table, void *attrs, const List *args, Span span)
{
    int count = table_length(table);
    const ConstArg **given = arena_alloc(c->arena, (size_t)(count + 1) * sizeof *given);
    bool good = match_args(c, what, table, count, args, given), complete = good;
    for (int i = 0; i < count; i++) {
        const Attr *attr = &table[i];
        char *to = (char *)attrs + attr->offset;
        if (given[i] && given[i]->value) {
            AttrSlot slot = {c, what, attr, given[i]->value, given[i]->span, to};
            good &= bind_value(&slot);
        } else if (given[i]) {
            good = false; /* the argument itself was in error */
        } else if (attr->initial) {
            bind_default(c, what, table, attr, attrs);
        } else if (complete) { /* otherwise a misspelt name may have been meant for it */
            diag_error(c, span, "%s: %s is missing: %s(%s)", what, attr->name, what, signature(c->arena, table, count));
            good = false;
        }
    }
    return good;
}

/* ---- text ------------------------------------------------------------- */

/* The text of what the attribute would be had it not been given. */
static const char *default_text(Arena *arena, const Attr *table, const Attr *attr, const char *attrs)
{
    const Attr *source = default_source(table, attr);
    if (source) return attr_text(arena, source, attrs);
    size_t size = attr->offset + attr_size(attr->type);
    char *scratch = arena_alloc(arena, size);
    Compilation quiet = {.arena = arena}; /* defaults do not report */
    bind_default(&quiet, "default", table, attr, scratch);
    return attr_text(arena, attr, scratch);
}

const char *attrs_text(Arena *arena, const Attr *table, const void *attrs)
{
    Text text;
    text_init(&text, arena);
    bool positional = true;
    for (const Attr *attr = table; attr && attr->name; attr++) {
        const char *value = attr_text(arena, attr, attrs);
        if (attr->initial && strcmp(value, default_text(arena, table, attr, attrs)) == 0) {
            positional = false;
            continue;
        }
        positional &= !attr->initial;
        text_addf(&text, "%s%s%s%s", text.length > 0 ? ", " : "", positional ? "" : attr->name, positional ? "" : "=",
                  value);
    }
    return text.data ? text.data : "";
}
