/*
 * expect: assertions at compile time.
 *
 * What is known while the net is elaborated is checked where the statement stands.  An
 * expectation that names a metric of the whole net is kept, and checked when the net has
 * been measured: see budgets_check.
 */
#include <string.h>

#include "elab/elaborator.h"

typedef struct Budget {
    Body *body;
    const Stmt *stmt;
} Budget;

/* ---- checking ----------------------------------------------------------- */

static bool is_literal(const Expr *e) { return e->kind <= EXPR_STRING; }

/* "params is 61706", or nothing for what shows its value as it stands. */
static const char *side_text(Body *b, const Expr *side)
{
    Compilation *c = b->elab->c;
    const Const *value = is_literal(side) ? NULL : eval_expr(&b->elab->eval, &b->names, side, true);
    if (!value) return "";
    const char *text = const_text(c->arena, value), *source = expr_line(c, side);
    return strcmp(text, source) == 0 ? "" : arena_printf(c->arena, "%s is %s", source, text);
}

/* The part of a false condition that makes it false. */
static const Expr *false_part(Body *b, const Expr *e)
{
    while (e->kind == EXPR_BINARY && e->op == OPERATOR_AND) {
        const Const *left = eval_expr(&b->elab->eval, &b->names, e->left, false);
        e = left && !left->truth ? e->left : e->right;
    }
    return e;
}

static void run_expect(Body *b, const Stmt *s)
{
    Elab *e = b->elab;
    int truth = elab_condition(b, s->value, "`expect`");
    if (truth != 0) return;
    const Expr *part = false_part(b, s->value);
    bool comparison = part->kind == EXPR_BINARY && part->op >= OPERATOR_EQ && part->op <= OPERATOR_GE;
    const char *left = comparison ? side_text(b, part->left) : "", *right = comparison ? side_text(b, part->right) : "";
    diag_error(e->c, s->value->span, "expected %s, but %s%s%s", expr_line(e->c, part), left,
               *left && *right ? " and " : "", *left || *right ? right : "it is false");
    elab_failed(e);
}

/* ---- metrics of the whole net ------------------------------------------- */

static const struct MetricName {
    const char *name;
    size_t offset;
    bool of_device; /* what it is said of is --target's: not checked without */
} metric_names[] = {
    {"flops", offsetof(NetMetrics, flops), false},
    {"depth", offsetof(NetMetrics, depth), false},
    {"model_bytes", offsetof(NetMetrics, model_bytes), false},
    {"infer_bytes", offsetof(NetMetrics, infer_bytes), false},
    {"train_bytes", offsetof(NetMetrics, train_bytes), false},
    {"flash_bytes", offsetof(NetMetrics, flash_bytes), true},
    {"ram_bytes", offsetof(NetMetrics, ram_bytes), true},
};
enum { METRIC_COUNT = sizeof metric_names / sizeof *metric_names };

static int metric_find(const char *name)
{
    int i = 0;
    while (i < METRIC_COUNT && strcmp(metric_names[i].name, name) != 0) i++;
    return i < METRIC_COUNT ? i : -1;
}

void elab_metric_keys(Arena *arena, List *keys)
{
    for (int i = 0; i < METRIC_COUNT; i++) list_push(arena, keys, (void *)metric_names[i].name);
}

bool elab_metric(const Elab *e, const char *name, Span span, const Const **value)
{
    const int i = metric_find(name);
    if (i < 0) return false;
    if (!e->metrics) {
        diag_error(e->c, span, "`%s` is known only of the whole net: it can stand in `expect` alone", name);
        return true;
    }
    int64_t metric = *(const int64_t *)((const char *)e->metrics + metric_names[i].offset);
    if (metric >= 0)
        *value = const_int(e->c->arena, metric);
    else
        diag_error(e->c, span, "there is no `%s` without a train section", name);
    return true;
}

static bool names_metric(const Body *, const Expr *, bool of_device);

static bool any_names_metric(const Body *b, const List *exprs, bool of_device)
{
    for (int i = 0; i < exprs->count; i++)
        if (names_metric(b, exprs->at[i], of_device)) return true;
    return false;
}

/* With `of_device`, one that only a device has. */
static bool names_metric(const Body *b, const Expr *e, bool of_device)
{
    const Const *value;
    if (!e) return false;
    if (e->kind == EXPR_NAME) {
        const int i = metric_find(e->text);
        return i >= 0 && (metric_names[i].of_device || !of_device) && !body_find(b, e->text, &value);
    }
    for (int i = 0; i < e->args.count; i++)
        if (names_metric(b, ((const Arg *)e->args.at[i])->value, of_device)) return true;
    return names_metric(b, e->left, of_device) || names_metric(b, e->right, of_device) ||
           names_metric(b, e->third, of_device) || any_names_metric(b, &e->items, of_device);
}

void elab_expect(Body *b, const Stmt *s)
{
    Arena *arena = b->elab->c->arena;
    if (!names_metric(b, s->value, false)) {
        run_expect(b, s);
        return;
    }
    Budget *budget = arena_alloc(arena, sizeof *budget);
    *budget = (Budget){b, s};
    list_push(arena, &b->elab->graph->budgets, budget);
}

bool budgets_check(const Graph *net, const NetMetrics *metrics)
{
    const int errors = net->compilation->errors;
    for (int i = 0; i < net->budgets.count; i++) {
        const Budget *budget = net->budgets.at[i];
        if (metrics->flash_bytes < 0 && names_metric(budget->body, budget->stmt->value, true)) continue;
        budget->body->elab->metrics = metrics;
        run_expect(budget->body, budget->stmt);
        budget->body->elab->metrics = NULL;
    }
    return net->compilation->errors == errors;
}
