/*
 * functions: let NAME(parameters) = expression.
 *
 * Enters: a call and a constant of CONST_FUNCTION.  Leaves: the value of the function's
 * expression.  It sees its parameters and the names that are visible where it is defined.
 * A function that is being applied cannot be applied again: there is no recursion.
 */
#include <string.h>

#include "elab/elaborator.h"
#include "elab/eval_context.h"

enum { FUNCTION_DEPTH = 64 }; /* functions within functions: bounds our own stack */

struct Application {
    const Const *function;
    const Application *outer;
    int depth;
};

/* ---- one further name ----------------------------------------------------- */

static bool find_local(void *self, const char *name, Span span, const Const **value)
{
    const LocalNames *l = self;
    if (strcmp(l->name, name) != 0) return l->outer->find(l->outer->self, name, span, value);
    *value = l->value;
    return true;
}

static const char *nearest_local(void *self, const char *name)
{
    const LocalNames *l = self;
    const char *nearest = nearest_name(name, &l->name, 1);
    return nearest ? nearest : l->outer->nearest(l->outer->self, name);
}

const Names *local_names(LocalNames *local, const Names *outer, const char *name, const Const *value)
{
    *local = (LocalNames){{local, find_local, nearest_local}, outer, name, value};
    return &local->names;
}

/* ---- arguments ------------------------------------------------------------ */

/* Which argument goes to which parameter; false after an error. */
static bool match_function_args(const EvalContext *p, const Expr *call, const Const *f, const Arg **given)
{
    const char *text = const_text(p->arena, f);
    int position = 0;
    for (int i = 0; i < call->args.count; i++) {
        const Arg *arg = call->args.at[i];
        int index = arg->name ? param_index(f->function.params, arg->name) : position++;
        if (index < 0)
            diag_error(p->c, arg->name_span, "%s has no parameter `%s`", text, arg->name);
        else if (index >= f->function.params->count)
            diag_error(p->c, arg->span, "too many arguments: %s", text);
        else if (given[index])
            diag_error(p->c, arg->span, "%s: `%s` is given twice", call->text, arg->name);
        else {
            given[index] = arg;
            continue;
        }
        return false;
    }
    return true;
}

/* The value of parameter i: of its argument where the call stands, or of its default among the
 * parameters before it. */
static const Const *param_value(const EvalContext *p, const EvalContext *callee, const Expr *call, const Param *param,
                                const Arg *given)
{
    if (given) return eval(p, given->value, true);
    if (param->value) return eval(callee, param->value, true);
    diag_error(p->c, call->span, "%s: `%s` is missing", call->text, param->name);
    diag_note(p->c, param->span, "it is declared here, without a default");
    return NULL;
}

/* ---- calls ---------------------------------------------------------------- */

static bool is_applied(const Application *a, const Const *f)
{
    for (; a; a = a->outer)
        if (a->function->function.body == f->function.body) return true;
    return false;
}

const Const *function_call(const EvalContext *p, const Expr *call, const Const *f)
{
    const int count = f->function.params->count;
    const Arg **given = arena_alloc(p->arena, (size_t)(count + 1) * sizeof *given);
    LocalNames *local = arena_alloc(p->arena, (size_t)count * sizeof *local);
    if (is_applied(p->application, f)) {
        diag_error(p->c, call->span, "`%s` calls itself: functions cannot be recursive", f->function.name);
        return NULL;
    }
    const Application here = {f, p->application, p->application ? p->application->depth + 1 : 1};
    if (here.depth > FUNCTION_DEPTH) {
        diag_error(p->c, call->span, "functions call each other more than %d deep", FUNCTION_DEPTH);
        return NULL;
    }
    EvalContext callee = *p;
    callee.names = f->function.names;
    callee.application = &here;
    if (!match_function_args(p, call, f, given)) return NULL;
    for (int i = 0; i < count; i++) {
        const Param *param = f->function.params->at[i];
        const Const *value = param_value(p, &callee, call, param, given[i]);
        if (!value) return NULL;
        callee.names = local_names(&local[i], callee.names, param->name, value);
    }
    return eval(&callee, f->function.body, false);
}
