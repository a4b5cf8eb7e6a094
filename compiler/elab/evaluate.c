/*
 * eval: expressions → constants.
 *
 * Enters: a syntax tree and the names visible where it stands.  Leaves: a
 * constant, or NULL after a diagnostic.  Kinds are never converted silently,
 * except an integer to a real where one meets the other, and integers that
 * leave 64 bits are an error: a size that is wrong must not become a network.
 * NULL as an operand is an error that was reported before, and stays quiet.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "elab/attributes.h"
#include "elab/eval_context.h"

enum { ARENA_LIMIT = 512 << 20 };

/* ---- bounds ----------------------------------------------------------- */

bool eval_spend(const EvalContext *p, Span span, int64_t steps)
{
    if (p->eval->steps > EVAL_MAX_STEPS || diag_full(p->c)) return false;
    p->eval->steps += steps;
    if (p->eval->steps > EVAL_MAX_STEPS)
        diag_error(p->c, span, "the net computes more than %d values", EVAL_MAX_STEPS);
    else if (arena_used(p->arena) > ARENA_LIMIT) {
        diag_error(p->c, span, "describing this net takes more than %d MB of memory", ARENA_LIMIT >> 20);
        p->eval->steps = EVAL_MAX_STEPS + 1;
    }
    return p->eval->steps <= EVAL_MAX_STEPS;
}

const Const *eval_overflow(const EvalContext *p, const Expr *e)
{
    diag_error(p->c, e->span, "`%s` does not fit in a 64-bit integer", expr_line(p->c, e));
    return NULL;
}

const Const *eval_real_result(const EvalContext *p, const Expr *e, double value)
{
    if (isfinite(value)) return const_real(p->arena, value);
    diag_error(p->c, e->span, "`%s` is not a finite number", expr_line(p->c, e));
    return NULL;
}

/* ---- arithmetic ------------------------------------------------------- */

static int64_t divide_floored(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }
static int64_t floor_mod(int64_t a, int64_t b) { return a % b + (a % b != 0 && (a < 0) != (b < 0) ? b : 0); }

/* base ** exponent by squaring; false on overflow. */
static bool int_pow(int64_t base, int64_t exponent, int64_t *result)
{
    *result = 1;
    while (exponent > 0) {
        if (exponent & 1 && __builtin_mul_overflow(*result, base, result)) return false;
        exponent >>= 1;
        if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) return false;
    }
    return true;
}

static const Const *int_arithmetic(const EvalContext *p, const Expr *e, int64_t a, int64_t b)
{
    int64_t result = 0;
    bool over = false;
    switch (e->op) {
    case OPERATOR_ADD: over = __builtin_add_overflow(a, b, &result); break;
    case OPERATOR_SUB: over = __builtin_sub_overflow(a, b, &result); break;
    case OPERATOR_MUL: over = __builtin_mul_overflow(a, b, &result); break;
    case OPERATOR_DIV:
    case OPERATOR_MOD:
        if (b == 0) {
            diag_error(p->c, e->span, "division by zero: %lld %s 0", (long long)a, operator_text(e->op));
            return NULL;
        }
        if (b == -1) /* INT64_MIN / -1 does not fit, and its remainder traps */
            over = e->op == OPERATOR_DIV && __builtin_sub_overflow(0, a, &result);
        else
            result = e->op == OPERATOR_DIV ? divide_floored(a, b) : floor_mod(a, b);
        break;
    case OPERATOR_POW:
        if (b < 0 && a == 0) {
            diag_error(p->c, e->span, "division by zero: 0 ** %lld", (long long)b);
            return NULL;
        }
        if (b < 0) return eval_real_result(p, e, pow((double)a, (double)b));
        over = !int_pow(a, b, &result);
        break;
    default: abort();
    }
    return over ? eval_overflow(p, e) : const_int(p->arena, result);
}

static const Const *real_arithmetic(const EvalContext *p, const Expr *e, double a, double b)
{
    if ((e->op == OPERATOR_DIV || e->op == OPERATOR_MOD) && b == 0) {
        diag_error(p->c, e->span, "division by zero: %s %s 0", real_text(p->arena, a), operator_text(e->op));
        return NULL;
    }
    switch (e->op) {
    case OPERATOR_ADD: return eval_real_result(p, e, a + b);
    case OPERATOR_SUB: return eval_real_result(p, e, a - b);
    case OPERATOR_MUL: return eval_real_result(p, e, a * b);
    case OPERATOR_DIV: return eval_real_result(p, e, a / b);
    case OPERATOR_MOD: return eval_real_result(p, e, a - floor(a / b) * b);
    case OPERATOR_POW: return eval_real_result(p, e, pow(a, b));
    default: abort();
    }
}

/* A label where a number belongs is the commonest mix-up. */
static void note_value(const EvalContext *p, const Expr *e, const Const *value)
{
    if (value->kind == CONST_VALUE)
        diag_note(p->c, e->span, "`%s` is a value of the net; its sizes are `%s.channels`, `%s.height` …",
                  value->value.text, value->value.text, value->value.text);
}

static const Const *mixed(const EvalContext *p, const Expr *e, const Const *a, const Const *b)
{
    const char *left = const_kind_text(a), *right = const_kind_text(b);
    switch (e->op) {
    case OPERATOR_ADD: diag_error(p->c, e->span, "cannot add %s and %s", left, right); break;
    case OPERATOR_SUB: diag_error(p->c, e->span, "cannot subtract %s from %s", right, left); break;
    case OPERATOR_MUL: diag_error(p->c, e->span, "cannot multiply %s by %s", left, right); break;
    case OPERATOR_DIV: diag_error(p->c, e->span, "cannot divide %s by %s", left, right); break;
    case OPERATOR_MOD: diag_error(p->c, e->span, "cannot take the remainder of %s by %s", left, right); break;
    case OPERATOR_POW: diag_error(p->c, e->span, "cannot raise %s to %s", left, right); break;
    case OPERATOR_EQ:
    case OPERATOR_NE: diag_error(p->c, e->span, "cannot compare %s with %s", left, right); break;
    default:
        diag_error(p->c, e->span, "`%s` compares numbers, not %s and %s", operator_text(e->op), left, right);
        break;
    }
    note_value(p, e->left, a);
    note_value(p, e->right, b);
    return NULL;
}

static const Const *arithmetic(const EvalContext *p, const Expr *e, const Const *a, const Const *b)
{
    if (a->kind == CONST_INT && b->kind == CONST_INT) return int_arithmetic(p, e, a->integer, b->integer);
    if (const_is_number(a) && const_is_number(b)) return real_arithmetic(p, e, const_number(a), const_number(b));
    return mixed(p, e, a, b);
}

/* ---- comparison and logic --------------------------------------------- */

static int compare_numbers(const Const *a, const Const *b)
{
    if (a->kind == CONST_INT && b->kind == CONST_INT) return (a->integer > b->integer) - (a->integer < b->integer);
    double x = const_number(a), y = const_number(b);
    return (x > y) - (x < y);
}

static const Const *compare_constants(const EvalContext *p, const Expr *e, const Const *a, const Const *b)
{
    if (e->op == OPERATOR_EQ || e->op == OPERATOR_NE) {
        bool comparable = true;
        if (!eval_spend(p, e->span, a->weight < b->weight ? a->weight : b->weight)) return NULL;
        bool equal = const_equal(p->arena, a, b, &comparable);
        return comparable ? const_bool(p->arena, equal == (e->op == OPERATOR_EQ)) : mixed(p, e, a, b);
    }
    if (!const_is_number(a) || !const_is_number(b)) return mixed(p, e, a, b);
    int order = compare_numbers(a, b);
    switch (e->op) {
    case OPERATOR_LT: return const_bool(p->arena, order < 0);
    case OPERATOR_LE: return const_bool(p->arena, order <= 0);
    case OPERATOR_GT: return const_bool(p->arena, order > 0);
    case OPERATOR_GE: return const_bool(p->arena, order >= 0);
    default: abort();
    }
}

/* An operand that must be yes or no. */
static bool eval_truth(const EvalContext *p, const Expr *e, const char *taker, bool *truth)
{
    const Const *value = eval(p, e, false);
    if (!value) return false;
    if (value->kind != CONST_BOOL) {
        diag_error(p->c, e->span, "%s takes yes or no; `%s` is %s", taker, expr_line(p->c, e), const_kind_text(value));
        return false;
    }
    *truth = value->truth;
    return true;
}

static const Const *eval_logic(const EvalContext *p, const Expr *e)
{
    bool truth;
    const char *taker = e->op == OPERATOR_AND ? "`and`" : "`or`";
    if (!eval_truth(p, e->left, taker, &truth)) return NULL;
    if (truth == (e->op == OPERATOR_OR)) return const_bool(p->arena, truth);
    return eval_truth(p, e->right, taker, &truth) ? const_bool(p->arena, truth) : NULL;
}

/* A bare name is compared as a symbol when the other side is one:
 * `mode == same` where `mode` was given as a bare name. */
static bool is_free_name(const EvalContext *p, const Expr *e)
{
    const Const *value;
    return e->kind == EXPR_NAME && !p->names->find(p->names->self, e->text, e->span, &value);
}

static const Const *eval_comparison(const EvalContext *p, const Expr *e)
{
    const Const *a, *b;
    if (is_free_name(p, e->left)) {
        b = eval(p, e->right, false);
        a = eval(p, e->left, b && b->kind == CONST_SYMBOL);
    } else {
        a = eval(p, e->left, false);
        b = eval(p, e->right, a && a->kind == CONST_SYMBOL);
    }
    return a && b ? compare_constants(p, e, a, b) : NULL;
}

static const Const *eval_binary(const EvalContext *p, const Expr *e)
{
    if (e->op == OPERATOR_AND || e->op == OPERATOR_OR) return eval_logic(p, e);
    if (e->op >= OPERATOR_EQ && e->op <= OPERATOR_GE) return eval_comparison(p, e);
    const Const *a = eval(p, e->left, false), *b = eval(p, e->right, false);
    return a && b ? arithmetic(p, e, a, b) : NULL;
}

static const Const *eval_unary(const EvalContext *p, const Expr *e)
{
    bool truth;
    if (e->op == OPERATOR_NOT) return eval_truth(p, e->left, "`not`", &truth) ? const_bool(p->arena, !truth) : NULL;
    const Const *value = eval(p, e->left, false);
    if (!value) return NULL;
    if (value->kind == CONST_REAL) return const_real(p->arena, -value->real);
    int64_t negative;
    if (value->kind != CONST_INT) {
        diag_error(p->c, e->span, "cannot negate %s", const_kind_text(value));
        return NULL;
    }
    return __builtin_sub_overflow(0, value->integer, &negative) ? eval_overflow(p, e) : const_int(p->arena, negative);
}

/* ---- lists and strings ------------------------------------------------ */

static const Const *list_const(const EvalContext *p, const Expr *e, const Const *const *at, int64_t count)
{
    const Const *list = const_list(p->arena, at, count);
    if (!list)
        diag_error(p->c, e->span, "the list holds more than %d values, or lists nested more than %d deep",
                   CONST_MAX_WEIGHT, CONST_MAX_DEPTH);
    return list;
}

static const Const *eval_list(const EvalContext *p, const Expr *e)
{
    const Const **at = arena_alloc(p->arena, (size_t)(e->items.count + 1) * sizeof *at);
    bool good = true;
    for (int i = 0; i < e->items.count; i++) good &= (at[i] = eval(p, e->items.at[i], false)) != NULL;
    return good ? list_const(p, e, at, e->items.count) : NULL;
}

static const Const *eval_int(const EvalContext *p, const Expr *e, const char *what)
{
    const Const *value = eval(p, e, false);
    if (value && value->kind != CONST_INT) {
        diag_error(p->c, e->span, "%s is an integer; `%s` is %s", what, expr_line(p->c, e), const_kind_text(value));
        return NULL;
    }
    return value;
}

static const Const *eval_range(const EvalContext *p, const Expr *e)
{
    const Const *first = eval_int(p, e->left, "the start of a range");
    const Const *end = eval_int(p, e->right, "the end of a range");
    int64_t length;
    if (!first || !end) return NULL;
    if (__builtin_sub_overflow(end->integer, first->integer, &length) || length >= CONST_MAX_WEIGHT) {
        diag_error(p->c, e->span, "the range %lld..%lld has %d elements or more", (long long)first->integer,
                   (long long)end->integer, CONST_MAX_WEIGHT);
        return NULL;
    }
    return const_range(p->arena, first->integer, end->integer);
}

static const Const *eval_index(const EvalContext *p, const Expr *e)
{
    const Const *list = eval(p, e->left, false);
    const Const *index = eval_int(p, e->right, "an index");
    if (!list || !index) return NULL;
    if (!const_is_list(list)) {
        diag_error(p->c, e->span, "`%s` is %s: only lists have elements", expr_line(p->c, e->left),
                   const_kind_text(list));
        return NULL;
    }
    if (index->integer < 0 || index->integer >= const_length(list)) {
        diag_error(p->c, e->span, "there is no element %lld: `%s` has %lld element%s, counted from 0",
                   (long long)index->integer, expr_line(p->c, e->left), (long long)const_length(list),
                   const_length(list) == 1 ? "" : "s");
        return NULL;
    }
    return const_at(p->arena, list, index->integer);
}

static const Const *eval_string(const EvalContext *p, const Expr *e)
{
    Text text;
    text_init(&text, p->arena);
    for (int i = 0; i < e->items.count; i++) {
        const Expr *part = e->items.at[i];
        if (part->kind == EXPR_TEXT) {
            text_add_bytes(&text, part->text, part->text_length);
            continue;
        }
        const Const *value = eval(p, part, false);
        if (!value) return NULL;
        text_add(&text, value->kind == CONST_STRING ? value->text : const_text(p->arena, value));
        if (text.length > CONST_MAX_TEXT) {
            diag_error(p->c, e->span, "the string is longer than %d bytes", CONST_MAX_TEXT);
            return NULL;
        }
    }
    return const_string(p->arena, text.data ? text.data : "");
}

/* ---- calls ------------------------------------------------------------ */

List *eval_args(Eval *ev, const Names *names, const List *args)
{
    EvalContext p = {ev, ev->compilation, ev->compilation->arena, names, NULL};
    List *values = arena_alloc(p.arena, sizeof *values);
    for (int i = 0; i < args->count; i++) {
        const Arg *arg = args->at[i];
        ConstArg *value = arena_alloc(p.arena, sizeof *value);
        *value = (ConstArg){arg->name, arg->name_span, arg->span, eval(&p, arg->value, true)};
        list_push(p.arena, values, value);
    }
    return values;
}

static const Const *eval_call(const EvalContext *p, const Expr *e, bool symbols)
{
    const Const *function = NULL;
    if (builtin_exists(e->text)) return builtin_call(p, e);
    if (p->names->find(p->names->self, e->text, e->span, &function) && (!function || function->kind == CONST_FUNCTION))
        return function ? function_call(p, e, function) : NULL;
    if (symbols) return const_symbol(p->arena, e->text, eval_args(p->eval, p->names, &e->args), p->names);
    const char *nearest = builtin_nearest(e->text);
    if (!nearest) nearest = p->names->nearest(p->names->self, e->text);
    diag_error(p->c, e->span, "there is no function `%s`%s", e->text, suggestion(p->c, nearest));
    return NULL;
}

/* ---- comprehensions ------------------------------------------------------ */

/* The elements of a comprehension on their way into a list. */
typedef struct Comprehension {
    const Expr *expr;
    List elements; /* of Const */
} Comprehension;

static bool add_elements(const EvalContext *p, Comprehension *out, int clause);

static bool add_for_each(const EvalContext *p, Comprehension *out, int index)
{
    const Arg *clause = out->expr->args.at[index];
    const Const *list = eval(p, clause->value, false);
    if (!list) return false;
    if (!const_is_list(list)) {
        diag_error(p->c, clause->value->span, "`for` takes a range or a list, not %s", const_kind_text(list));
        return false;
    }
    bool good = true;
    for (int64_t i = 0; i < const_length(list) && good; i++) {
        LocalNames local;
        EvalContext inner = *p;
        inner.names = local_names(&local, p->names, clause->name, const_at(p->arena, list, i));
        good = eval_spend(p, clause->span, 1) && add_elements(&inner, out, index + 1);
    }
    return good;
}

/* What the clauses from `index` on add. */
static bool add_elements(const EvalContext *p, Comprehension *out, int index)
{
    const List *clauses = &out->expr->args;
    if (index == clauses->count) {
        const Const *element = eval(p, out->expr->left, false);
        if (element) list_push(p->arena, &out->elements, (void *)element);
        return element;
    }
    const Arg *clause = clauses->at[index];
    if (clause->name) return add_for_each(p, out, index);
    bool truth;
    if (!eval_truth(p, clause->value, "`if`", &truth)) return false;
    return !truth || add_elements(p, out, index + 1);
}

static const Const *eval_comprehension(const EvalContext *p, const Expr *e)
{
    Comprehension out = {.expr = e};
    return add_elements(p, &out, 0) ? list_const(p, e, (const Const *const *)out.elements.at, out.elements.count)
                                    : NULL;
}

/* ---- expressions --------------------------------------------------------- */

static const Const *eval_name(const EvalContext *p, const Expr *e, bool symbols)
{
    const Const *value = NULL;
    if (p->names->find(p->names->self, e->text, e->span, &value)) return value;
    if (symbols) return const_symbol(p->arena, e->text, NULL, p->names);
    diag_error(p->c, e->span, "there is nothing called `%s` here%s", e->text,
               suggestion(p->c, p->names->nearest(p->names->self, e->text)));
    return NULL;
}

static const Const *eval_condition(const EvalContext *p, const Expr *e, bool symbols)
{
    bool truth;
    if (!eval_truth(p, e->left, "the condition before `?`", &truth)) return NULL;
    return eval(p, truth ? e->right : e->third, symbols);
}

const Const *eval(const EvalContext *p, const Expr *e, bool symbols)
{
    if (!eval_spend(p, e->span, 1)) return NULL;
    switch (e->kind) {
    case EXPR_INT: return const_int(p->arena, e->integer);
    case EXPR_REAL: return const_real(p->arena, e->real);
    case EXPR_BOOL: return const_bool(p->arena, e->integer != 0);
    case EXPR_TEXT: return const_string(p->arena, arena_strndup(p->arena, e->text, e->text_length));
    case EXPR_STRING: return eval_string(p, e);
    case EXPR_NAME: return eval_name(p, e, symbols);
    case EXPR_LIST: return eval_list(p, e);
    case EXPR_COMPREHENSION: return eval_comprehension(p, e);
    case EXPR_RANGE: return eval_range(p, e);
    case EXPR_UNARY: return eval_unary(p, e);
    case EXPR_BINARY: return eval_binary(p, e);
    case EXPR_COND: return eval_condition(p, e, symbols);
    case EXPR_CALL: return eval_call(p, e, symbols);
    case EXPR_INDEX: return eval_index(p, e);
    case EXPR_FIELD: return eval_field(p, e);
    }
    abort();
}

const Const *eval_let(Eval *ev, const Names *names, const char *name, Span name_span, const List *params,
                      const Expr *value)
{
    if (params->count == 0) return eval_expr(ev, names, value, false);
    if (!builtin_exists(name)) return const_function(ev->compilation->arena, name, params, value, names);
    diag_error(ev->compilation, name_span, "`%s` is a function of the language", name);
    return NULL;
}

const Const *eval_expr(Eval *ev, const Names *names, const Expr *e, bool symbols)
{
    EvalContext p = {ev, ev->compilation, ev->compilation->arena, names, NULL};
    return eval(&p, e, symbols);
}
