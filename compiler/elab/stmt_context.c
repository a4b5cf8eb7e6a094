/*
 * stmt_context: what the statements of a net have in common.
 *
 * Enters: a layer, call, combinator or group that is about to be run.  Leaves:
 * its name; afterwards its value, checked against the asserted shape, under its
 * label and as the current value.  Failures are counted here too: after one the
 * value is poisoned, so that what depends on it stays quiet.
 */
#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "elab/elaborator.h"

/* ---- failures --------------------------------------------------------- */

void elab_failed(Elab *e) { e->statements += FAILURE_WEIGHT; }

Value elab_poison(Elab *e)
{
    elab_failed(e);
    e->incomplete = true;
    return (Value){.poisoned = true};
}

void elab_stop(Elab *e)
{
    e->stopped = true;
    e->incomplete = true;
}

static void note_calls(const Body *b)
{
    Span last = span_nowhere();
    int notes = 0;
    for (const Call *call = b->call; call && notes < 3; call = call->outer) {
        if (call->span.file == last.file && call->span.begin == last.begin) continue; /* a block that calls itself */
        diag_note(b->elab->c, call->span, "in block %s, called here", call->def->name);
        last = call->span;
        notes++;
    }
}

static void note_define(const Body *b)
{
    const Define *define = b->elab->define;
    for (const Call *call = b->call; call && !define; call = call->outer) define = call->define;
    if (define) diag_note(b->elab->c, define->value->span, "`%s` is set here", define->name);
}

void elab_note_causes(const Body *b)
{
    Elab *e = b->elab;
    if (e->c->errors > e->noted) {
        note_calls(b);
        note_define(b);
    }
    e->noted = e->c->errors;
}

const Const *elab_eval(Body *b, const Expr *expr)
{
    const Const *value = eval_expr(&b->elab->eval, &b->names, expr, false);
    if (!value) elab_failed(b->elab);
    return value;
}

static const char *elab_value_text(Elab *e, Value v)
{
    return v.tensor ? shape_text(e->c->arena, v.tensor->shape) : "nothing";
}

/* ---- labels ----------------------------------------------------------- */

/* Letters, digits, _ and -, in parts joined by dots. */
static bool label_good(const char *label)
{
    bool inside = false;
    for (const char *s = label; *s; s++) {
        if (*s == '.' ? !inside : !(isalnum((unsigned char)*s) || *s == '_' || *s == '-')) return false;
        inside = *s != '.';
    }
    return inside && strlen(label) <= 200;
}

const char *elab_label(Body *b, const Expr *label)
{
    if (!label || label->kind == EXPR_NAME) return label ? label->text : NULL;
    const Const *value = elab_eval(b, label);
    if (!value) return NULL;
    assert(value->kind == CONST_STRING);
    if (label_good(value->text)) return value->text;
    diag_error(b->elab->c, label->span, "`%s` cannot be a label: letters, digits, _ and - in parts joined by dots",
               value->text);
    elab_failed(b->elab);
    return NULL;
}

StmtContext stmt_begin(Body *b, const Stmt *s, const char *kind)
{
    Elab *e = b->elab;
    const char *label = elab_label(b, s->label);
    int errors = e->c->errors;
    const char *name = naming_step(e->c, b->naming, kind, label, s->label ? s->label->span : s->span);
    if (e->c->errors > errors) elab_failed(e);
    return (StmtContext){s, label, naming_path(e->c->arena, b->naming, name)};
}

static bool shape_asserted(const Const *value, Shape *shape, Arena *arena)
{
    if (value->kind == CONST_INT) *shape = shape_vector(value->integer);
    if (value->kind == CONST_INT) return true;
    if (!const_is_list(value) || const_length(value) < 1 || const_length(value) > MAX_RANK) return false;
    shape->rank = (int)const_length(value);
    for (int i = 0; i < shape->rank; i++) {
        const Const *dim = const_at(arena, value, i);
        if (dim->kind != CONST_INT) return false;
        shape->dim[i] = dim->integer;
    }
    return true;
}

void stmt_check_shape(Body *b, const Stmt *s, Value result)
{
    Elab *e = b->elab;
    Shape shape = {0};
    const Const *value = s->shape ? elab_eval(b, s->shape) : NULL;
    if (!value) return;
    if (!shape_asserted(value, &shape, e->c->arena)) {
        diag_error(e->c, s->shape->span, "a shape is CxHxW or one number, not %s", const_text(e->c->arena, value));
        elab_failed(e);
    } else if (result.tensor && !shape_equal(shape, result.tensor->shape)) {
        const char *what = s->kind == STMT_FROM ? "this value" : s->name ? s->name : "this";
        diag_error(e->c, s->shape->span, "%s gives %s, not %s", what, elab_value_text(e, result),
                   shape_text(e->c->arena, shape));
        if (b->current.tensor && b->current.tensor != result.tensor)
            diag_note(e->c, s->span, "its input is %s", elab_value_text(e, b->current));
        elab_failed(e);
    }
}

void stmt_end(Body *b, const StmtContext *context, Value result)
{
    stmt_check_shape(b, context->stmt, result);
    if (context->label) body_label(b, context->label, result);
    b->current = result;
}

bool elab_has_value(Body *b, const char *what, Span span)
{
    if (b->current.tensor || b->current.poisoned) return true;
    diag_error(b->elab->c, span, "%s has no input: a net begins with input(SHAPE)", what);
    return false;
}
