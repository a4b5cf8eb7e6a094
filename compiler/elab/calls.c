/*
 * calls: blocks.
 *
 * Enters: a statement that names a block, with its arguments.  Leaves: the
 * block's body, run over the current value in a scope of its own: it sees its
 * parameters and the constants of the file, nothing of its caller.
 */
#include <string.h>

#include "elab/attributes.h"
#include "elab/elaborator.h"

int param_index(const List *params, const char *name)
{
    for (int i = 0; i < params->count; i++)
        if (strcmp(((const Param *)params->at[i])->name, name) == 0) return i;
    return -1;
}

const char *param_nearest(Arena *arena, const List *params, const char *name)
{
    const char **names = arena_alloc(arena, (size_t)(params->count + 1) * sizeof *names);
    for (int i = 0; i < params->count; i++) names[i] = ((const Param *)params->at[i])->name;
    return nearest_name(name, names, params->count);
}

/* Which argument goes to which parameter of the block. */
static bool match_params(Elab *e, const Def *def, const List *args, const ConstArg **given)
{
    bool good = true;
    int position = 0;
    for (int i = 0; i < args->count; i++) {
        const ConstArg *arg = args->at[i];
        int index = arg->name ? param_index(&def->params, arg->name) : position++;
        if (!arg->name && index >= def->params.count) {
            diag_error(e->c, arg->span, "%s takes %d argument%s, not %d", def->name, def->params.count,
                       def->params.count == 1 ? "" : "s", args->count);
            diag_note(e->c, def->name_span, "block %s is defined here", def->name);
            return false;
        }
        if (index < 0) {
            diag_error(e->c, arg->name_span, "block %s has no parameter `%s`%s", def->name, arg->name,
                       suggestion(e->c, param_nearest(e->c->arena, &def->params, arg->name)));
            diag_note(e->c, def->name_span, "block %s is defined here", def->name);
            good = false;
        } else if (given[index]) {
            diag_error(e->c, arg->span, "%s: `%s` is given twice", def->name,
                       ((const Param *)def->params.at[index])->name);
            diag_note(e->c, given[index]->span, "the first is here");
            good = false;
        } else
            given[index] = arg;
    }
    return good;
}

/* Defaults are computed in the callee, where the parameters before are visible. */
static void bind_params(Body *callee, const Def *def, const List *args, Span span)
{
    Elab *e = callee->elab;
    const ConstArg **given = arena_alloc(e->c->arena, (size_t)(def->params.count + 1) * sizeof *given);
    bool good = match_params(e, def, args, given);
    if (!good) elab_failed(e);
    for (int i = 0; i < def->params.count; i++) {
        const Param *param = def->params.at[i];
        const Const *value = NULL;
        if (given[i])
            value = given[i]->value;
        else if (param->value)
            value = eval_expr(&e->eval, &callee->names, param->value, true);
        else if (good) {
            diag_error(e->c, span, "%s: `%s` is missing", def->name, param->name);
            diag_note(e->c, param->span, "it is declared here, without a default");
        }
        if (!value) elab_failed(e);
        body_let(callee, param->name, param->span, value);
    }
}

static Value call_block(Body *b, const Stmt *s, const Def *def, const char *path)
{
    Elab *e = b->elab;
    Call *call = arena_alloc(e->c->arena, sizeof *call);
    *call = (Call){.def = def, .span = s->span, .outer = b->call, .depth = b->call ? b->call->depth + 1 : 1};
    if (call->depth > MAX_CALLS) {
        diag_error(e->c, s->span, "blocks call each other more than %d deep", MAX_CALLS);
        elab_stop(e);
        return elab_poison(e);
    }
    const List *args = eval_args(&e->eval, &b->names, &s->args);
    Body *callee = body_new(e, NULL, naming_new(e->c->arena, path, false));
    callee->call = call;
    call->define = e->define;
    e->define = NULL; /* parameters belong to the block */
    callee->depth = b->depth + 1;
    callee->current = b->current;
    callee->frozen = b->frozen;
    callee->in_head = b->in_head;
    bind_params(callee, def, args, s->span);
    e->define = call->define;
    elab_note_causes(b);
    elab_body(callee, &def->body);
    return callee->current;
}

void elab_call(Body *b, const Stmt *s, const Def *def)
{
    StmtContext context = stmt_begin(b, s, s->name);
    stmt_end(b, &context, call_block(b, s, def, context.path));
}
