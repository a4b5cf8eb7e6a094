/*
 * builtins: the functions of the language.
 *
 * Enters: a call and its evaluated arguments.  Leaves: a constant, or NULL after a
 * diagnostic that names the function and what it takes.
 */
#include <math.h>
#include <string.h>

#include "elab/eval_context.h"
#include "runtime/core/core.h"
#include "runtime/kernels/system/random.h"

typedef const Const *BuiltinCall(const EvalContext *, const Expr *, const Const *const *args, int count);

/* min, max, sum: the values are several arguments or one list. */
static const Const *call_reduce(const EvalContext *p, const Expr *e, const Const *list)
{
    bool is_sum = strcmp(e->text, "sum") == 0, is_min = strcmp(e->text, "min") == 0, any_real = false;
    if (const_length(list) == 0 && !is_sum) {
        diag_error(p->c, e->span, "%s of an empty list", e->text);
        return NULL;
    }
    if (!eval_spend(p, e->span, const_length(list))) return NULL;
    int64_t total = 0;
    double real = 0;
    for (int64_t i = 0; i < const_length(list); i++) {
        const Const *x = const_at(p->arena, list, i);
        if (!const_is_number(x)) {
            diag_error(p->c, e->span, "%s takes numbers, not %s", e->text, const_kind_text(x));
            return NULL;
        }
        any_real |= x->kind == CONST_REAL;
        double value = const_number(x);
        int64_t integer = x->kind == CONST_INT ? x->integer : 0;
        if (is_sum) {
            real += value;
            if (!any_real && __builtin_add_overflow(total, integer, &total)) return eval_overflow(p, e);
        } else if (i == 0 || (is_min ? value < real : value > real) ||
                   (!any_real && (is_min ? integer < total : integer > total))) {
            real = value;
            total = integer;
        }
    }
    return any_real ? eval_real_result(p, e, real) : const_int(p->arena, total);
}

static const Const *call_round(const EvalContext *p, const Expr *e, const Const *x)
{
    if (x->kind == CONST_INT) return x;
    double value = *e->text == 'f' ? floor(x->real) : *e->text == 'c' ? ceil(x->real) : round(x->real);
    return value >= -0x1p63 && value < 0x1p63 ? const_int(p->arena, (int64_t)value) : eval_overflow(p, e);
}

static const Const *call_number(const EvalContext *p, const Expr *e, const Const *x)
{
    if (!const_is_number(x)) {
        diag_error(p->c, e->span, "%s takes a number, not %s", e->text, const_kind_text(x));
        return NULL;
    }
    double value = const_number(x);
    if (strcmp(e->text, "abs") == 0 && x->kind == CONST_INT)
        return x->integer == INT64_MIN ? eval_overflow(p, e)
                                       : const_int(p->arena, x->integer < 0 ? -x->integer : x->integer);
    if (strcmp(e->text, "abs") == 0) return const_real(p->arena, fabs(value));
    if (strcmp(e->text, "sqrt") == 0 || strcmp(e->text, "log2") == 0) {
        bool root = *e->text == 's';
        if (value < 0 || (!root && value == 0)) {
            diag_error(p->c, e->span, "%s of %s is not a real number", e->text, const_text(p->arena, x));
            return NULL;
        }
        return const_real(p->arena, root ? sqrt(value) : log2(value));
    }
    return call_round(p, e, x);
}

static bool takes_list(const EvalContext *p, const Expr *e, const Const *value)
{
    if (!const_is_list(value)) diag_error(p->c, e->span, "%s takes a list, not %s", e->text, const_kind_text(value));
    return const_is_list(value);
}

static const Const *call_reduce_args(const EvalContext *p, const Expr *e, const Const *const *args, int count)
{
    if (count > 1) {
        const Const *list = const_list(p->arena, args, count);
        return list ? call_reduce(p, e, list) : NULL;
    }
    return takes_list(p, e, args[0]) ? call_reduce(p, e, args[0]) : NULL;
}

static const Const *call_number_arg(const EvalContext *p, const Expr *e, const Const *const *args, int count)
{
    (void)count;
    return call_number(p, e, args[0]);
}

static const Const *call_len(const EvalContext *p, const Expr *e, const Const *const *args, int count)
{
    (void)count;
    return takes_list(p, e, args[0]) ? const_int(p->arena, const_length(args[0])) : NULL;
}

/* The list of `count` rows; column j of row i is columns[j][i], and i itself where a column is NULL. */
static const Const *list_of_rows(const EvalContext *p, const Const *const *columns, int width, int64_t count)
{
    const Const **rows = arena_alloc(p->arena, (size_t)(count + 1) * sizeof *rows);
    for (int64_t i = 0; i < count; i++) {
        const Const **row = arena_alloc(p->arena, (size_t)width * sizeof *row);
        for (int j = 0; j < width; j++)
            row[j] = columns[j] ? const_at(p->arena, columns[j], i) : const_int(p->arena, i);
        rows[i] = const_list(p->arena, row, width);
        if (!rows[i]) return NULL;
    }
    return const_list(p->arena, rows, count);
}

static const Const *bounded_rows(const EvalContext *p, const Expr *e, const Const *const *columns, int width,
                                 int64_t count)
{
    if (!eval_spend(p, e->span, count)) return NULL;
    const Const *list = list_of_rows(p, columns, width, count);
    if (!list) diag_error(p->c, e->span, "%s gives a list that is too long or nested too deeply", e->text);
    return list;
}

/* zip(a, b, …): [[a[0], b[0], …], …], as long as the shortest. */
static const Const *call_zip(const EvalContext *p, const Expr *e, const Const *const *args, int count)
{
    int64_t length = INT64_MAX;
    for (int i = 0; i < count; i++) {
        if (!takes_list(p, e, args[i])) return NULL;
        if (const_length(args[i]) < length) length = const_length(args[i]);
    }
    return bounded_rows(p, e, args, count, length);
}

/* enumerate(a): [[0, a[0]], [1, a[1]], …] */
static const Const *call_enumerate(const EvalContext *p, const Expr *e, const Const *const *args, int count)
{
    (void)count;
    const Const *const columns[] = {NULL, args[0]};
    return takes_list(p, e, args[0]) ? bounded_rows(p, e, columns, 2, const_length(args[0])) : NULL;
}

/* random(seed, i) in [0, 1): the top 53 bits of SplitMix64 of seed · 2^32 + i. */
static const Const *call_random(const EvalContext *p, const Expr *e, const Const *const *args, int count)
{
    (void)count;
    if (args[0]->kind != CONST_INT || args[1]->kind != CONST_INT) {
        diag_error(p->c, e->span, "random takes two integers, a seed and an index, not %s and %s",
                   const_kind_text(args[0]), const_kind_text(args[1]));
        return NULL;
    }
    uint64_t bits = nn_mix(((uint64_t)args[0]->integer << 32) + (uint64_t)args[1]->integer);
    return const_real(p->arena, nn_unit_real(bits));
}

/* ---- the table ---------------------------------------------------------- */

enum { MANY = 1 << 20 };

static const struct Builtin {
    const char *name;
    int least, most; /* arguments */
    const char *takes;
    BuiltinCall *call;
} builtins[] = {
    {"min", 1, MANY, "one list or several numbers", call_reduce_args},
    {"max", 1, MANY, "one list or several numbers", call_reduce_args},
    {"sum", 1, MANY, "one list or several numbers", call_reduce_args},
    {"abs", 1, 1, "one value", call_number_arg},
    {"floor", 1, 1, "one value", call_number_arg},
    {"ceil", 1, 1, "one value", call_number_arg},
    {"round", 1, 1, "one value", call_number_arg},
    {"sqrt", 1, 1, "one value", call_number_arg},
    {"log2", 1, 1, "one value", call_number_arg},
    {"len", 1, 1, "one value", call_len},
    {"zip", 2, MANY, "two lists or more", call_zip},
    {"enumerate", 1, 1, "one list", call_enumerate},
    {"random", 2, 2, "a seed and an index", call_random},
};
enum { BUILTIN_COUNT = sizeof builtins / sizeof *builtins };

static const struct Builtin *builtin_find(const char *name)
{
    for (int i = 0; i < BUILTIN_COUNT; i++)
        if (strcmp(builtins[i].name, name) == 0) return &builtins[i];
    return NULL;
}

bool builtin_exists(const char *name) { return builtin_find(name) != NULL; }

const char *builtin_nearest(const char *name)
{
    const char *names[BUILTIN_COUNT];
    for (int i = 0; i < BUILTIN_COUNT; i++) names[i] = builtins[i].name;
    return nearest_name(name, names, BUILTIN_COUNT);
}

static const Const *call_checked(const EvalContext *p, const Expr *e, const Const *const *args, int count)
{
    const struct Builtin *builtin = builtin_find(e->text);
    if (count >= builtin->least && count <= builtin->most) return builtin->call(p, e, args, count);
    diag_error(p->c, e->span, "%s takes %s, not %d argument%s", e->text, builtin->takes, count, count == 1 ? "" : "s");
    return NULL;
}

const Const *builtin_call(const EvalContext *p, const Expr *e)
{
    const Const **args = arena_alloc(p->arena, (size_t)(e->args.count + 1) * sizeof *args);
    bool good = true;
    for (int i = 0; i < e->args.count; i++) {
        const Arg *arg = e->args.at[i];
        if (arg->name) {
            diag_error(p->c, arg->name_span, "%s takes no argument called `%s`", e->text, arg->name);
            good = false;
        }
        good &= (args[i] = eval(p, arg->value, false)) != NULL;
    }
    return good ? call_checked(p, e, args, e->args.count) : NULL;
}
