/*
 * statements: running a body.
 *
 * Enters: the statements of a body, from top to bottom, over one current value.
 * Leaves: the value after the last.  Loops and conditions are decided here; of
 * them nothing is left in the graph.
 */
#include <stdlib.h>
#include <string.h>

#include "elab/attributes.h"
#include "elab/elaborator.h"

/* ---- groups, frozen parts --------------------------------------------- */

static void run_group(Body *b, const Stmt *s)
{
    bool sequential = s->kind == STMT_SEQUENTIAL;
    StmtContext context = stmt_begin(b, s, sequential ? "sequential" : "group");
    Body *child = body_new(b->elab, b, naming_new(b->elab->c->arena, context.path, sequential));
    elab_body(child, &s->body);
    stmt_end(b, &context, child->current);
}

static void run_frozen(Body *b, const Stmt *s)
{
    Body *child = body_new(b->elab, b, b->naming);
    child->frozen = true;
    elab_body(child, &s->body);
    b->current = child->current;
}

/* ---- from ------------------------------------------------------------- */

static const char *label_nearest(const Body *body, const char *name)
{
    Arena *arena = body->elab->c->arena;
    List keys = {0};
    for (const Body *b = body; b; b = b->outer)
        for (int i = 0; b->labels && i < map_count(b->labels); i++)
            list_push(arena, &keys, (void *)map_key(b->labels, i));
    return nearest_name(name, (const char *const *)keys.at, keys.count);
}

static Value from_label(Body *b, const Stmt *s)
{
    Elab *e = b->elab;
    const Const *value = NULL;
    const char *label = elab_label(b, s->label);
    if (!label) return elab_poison(e);
    if (!body_find(b, label, &value)) {
        diag_error(e->c, s->label->span, "there is no label `%s` here%s", label,
                   suggestion(e->c, label_nearest(b, label)));
        return elab_poison(e);
    }
    if (value && value->kind != CONST_VALUE) {
        diag_error(e->c, s->label->span, "`%s` is %s, not the label of a layer", label, const_kind_text(value));
        return elab_poison(e);
    }
    return value && value->value.tensor ? (Value){.tensor = (Tensor *)value->value.tensor} : elab_poison(e);
}

static void run_from(Body *b, const Stmt *s)
{
    Value value = from_label(b, s);
    stmt_check_shape(b, s, value);
    b->current = value;
}

/* ---- conditions and loops --------------------------------------------- */

static void run_child(Body *b, Body *child, const List *statements)
{
    child->current = b->current;
    elab_body(child, statements);
    b->current = child->current;
}

/* A condition: 1, 0, or −1 after an error. */
int elab_condition(Body *b, const Expr *expr, const char *taker)
{
    const Const *value = elab_eval(b, expr);
    if (value && value->kind == CONST_BOOL) return value->truth;
    if (value) {
        diag_error(b->elab->c, expr->span, "%s takes yes or no, not %s", taker, const_kind_text(value));
        elab_failed(b->elab);
    }
    return -1;
}

static void run_if(Body *b, const Stmt *s)
{
    int truth = elab_condition(b, s->value, "`if`");
    if (truth < 0)
        b->current = elab_poison(b->elab); /* either way the value is unknown */
    else
        run_child(b, body_new(b->elab, b, b->naming), truth ? &s->body : &s->otherwise);
}

/* Turns count like statements, so that empty loops end too. */
bool elab_count(Elab *e, Span span, int64_t count)
{
    e->statements += count < MAX_STATEMENTS ? (int)count : MAX_STATEMENTS;
    if (e->statements <= MAX_STATEMENTS && !e->stopped) return true;
    if (!e->stopped && e->c->errors == e->errors)
        diag_error(e->c, span, "the net runs more than %d statements", MAX_STATEMENTS);
    elab_stop(e);
    return false;
}

const Const *elab_loop_list(Body *b, const Expr *value)
{
    Elab *e = b->elab;
    const Const *list = elab_eval(b, value);
    if (!list || const_is_list(list)) return list;
    const char *hint =
        list->kind == CONST_INT ? arena_printf(e->c->arena, "; 0..%s counts", const_text(e->c->arena, list)) : "";
    diag_error(e->c, value->span, "`for` takes a range or a list, not %s%s", const_kind_text(list), hint);
    return NULL;
}

static void run_for(Body *b, const Stmt *s)
{
    Elab *e = b->elab;
    const Const *list = elab_loop_list(b, s->value);
    if (!list) {
        b->current = elab_poison(e);
        return;
    }
    const Define *define = e->define;
    for (int64_t i = 0; i < const_length(list) && elab_count(e, s->span, 1); i++) {
        Body *child = body_new(e, b, b->naming);
        child->variable = (Binding){s->name, s->name_span, const_at(e->c->arena, list, i), define};
        run_child(b, child, &s->body);
    }
}

static void run_repeat(Body *b, const Stmt *s)
{
    Elab *e = b->elab;
    const Const *count = elab_eval(b, s->value);
    if (count && (count->kind != CONST_INT || count->integer < 0)) {
        diag_error(e->c, s->value->span, "`repeat` takes a count of 0 or more, not %s",
                   count->kind == CONST_INT ? const_text(e->c->arena, count) : const_kind_text(count));
        count = NULL;
    }
    if (!count) {
        b->current = elab_poison(e);
        return;
    }
    for (int64_t i = 0; i < count->integer && elab_count(e, s->span, 1); i++)
        run_child(b, body_new(e, b, b->naming), &s->body);
}

/* ---- statements ------------------------------------------------------- */

static void run_word(Body *b, const Stmt *s)
{
    const Def *block = map_get(b->elab->blocks, s->name);
    if (strcmp(s->name, "input") == 0)
        elab_input(b, s);
    else if (block)
        elab_call(b, s, block);
    else
        elab_layer(b, s);
}

static void run_let(Body *b, const Stmt *s)
{
    const Const *value = eval_let(&b->elab->eval, &b->names, s->name, s->name_span, &s->params, s->value);
    if (!value) elab_failed(b->elab);
    body_let(b, s->name, s->name_span, value);
}

static void run_statement(Body *b, const Stmt *s)
{
    switch (s->kind) {
    case STMT_LAYER: run_word(b, s); break;
    case STMT_COMBINE: elab_combine(b, s); break;
    case STMT_FROM: run_from(b, s); break;
    case STMT_LET: run_let(b, s); break;
    case STMT_IF: run_if(b, s); break;
    case STMT_FOR: run_for(b, s); break;
    case STMT_REPEAT: run_repeat(b, s); break;
    case STMT_GROUP:
    case STMT_SEQUENTIAL: run_group(b, s); break;
    case STMT_FROZEN: run_frozen(b, s); break;
    case STMT_HEAD: elab_head(b, s); break;
    case STMT_OUTPUT: elab_output(b, s); break;
    case STMT_EXPECT: elab_expect(b, s); break;
    }
}

void elab_body(Body *b, const List *statements)
{
    Elab *e = b->elab;
    if (b->depth > MAX_NESTING && statements->count > 0) {
        const Stmt *first = statements->at[0];
        diag_error(e->c, first->span, "statements are nested more than %d deep", MAX_NESTING);
        elab_stop(e);
    }
    for (int i = 0; i < statements->count && !diag_full(e->c); i++) {
        const Stmt *s = statements->at[i];
        if (e->stopped || !elab_count(e, s->span, 1)) return;
        e->define = NULL;
        run_statement(b, s);
        elab_note_causes(b);
    }
}
