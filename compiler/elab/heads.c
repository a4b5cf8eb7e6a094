/*
 * heads: what a net computes besides its last value.
 *
 * Enters: `head NAME (…) { … }`, layers of a side branch that only training has, and
 * `output NAME (…)`, which names the current value as a further output.  Leaves: Graph.heads
 * and Graph.outputs, each with its weight, loss and target where it has its own.
 */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "elab/attribute_slot.h"
#include "elab/attributes.h"
#include "elab/elaborator.h"

/* ---- arguments --------------------------------------------------------- */

typedef struct HeadAttrs {
    double weight;
    OpCall loss;
    const char *target;
} HeadAttrs;

static const Attr head_attrs[] = {
    {"weight", ATTR_REAL, offsetof(HeadAttrs, weight), "1", 1e-300, -1, NULL}, /* above 0 */
    {"loss", ATTR_LOSS, offsetof(HeadAttrs, loss), "none", 0, 0, attr_or_none},
    {"target", ATTR_NAME, offsetof(HeadAttrs, target), "none", 0, 0, attr_or_none},
    {0},
};

bool attr_take_loss(const AttrSlot *s)
{
    const Const *value = s->value;
    const char *name = value->kind == CONST_SYMBOL ? value->symbol.text : attr_symbol_text(value);
    const Op *op = name ? op_find(name, OP_LOSS) : NULL;
    if (!name) return attr_wrong_type(s);
    if (!op) {
        diag_error(s->c, s->span, "%s: there is no loss `%s`%s", s->what, name,
                   suggestion(s->c, op_nearest(s->c, name, OP_LOSS)));
        return false;
    }
    List none = {0};
    const List *args = value->kind == CONST_SYMBOL && value->symbol.args ? value->symbol.args : &none;
    OpCall call = {.op = op, .attrs = arena_alloc(s->c->arena, op->attrs_size + 1), .span = s->span};
    *(OpCall *)s->to = call;
    return attrs_bind(s->c, op->name, op->attrs, call.attrs, args, s->span);
}

static const ConstArg *argument(const List *args, const char *name)
{
    for (int i = 0; i < args->count; i++) {
        const ConstArg *arg = args->at[i];
        if (arg->name && strcmp(arg->name, name) == 0) return arg;
    }
    return NULL;
}

/* Targets are found in data by their names, and are part of names in C. */
static bool is_target_name(const char *name)
{
    for (const char *s = name; *s; s++)
        if (!isalnum((unsigned char)*s) && *s != '_') return false;
    return *name && !isdigit((unsigned char)*name) && strlen(name) <= 100;
}

static bool check_target(Elab *e, const HeadAttrs *attrs, Span span)
{
    if (!attrs->target || is_target_name(attrs->target)) return true;
    diag_error(e->c, span, "`%s` cannot be the name of a target: letters, digits and _", attrs->target);
    return false;
}

/* Binds the arguments of `what`; NULL after an error. */
static Head *head_of(Body *b, const Stmt *s, const char *what, const char *path)
{
    Elab *e = b->elab;
    HeadAttrs attrs = {0};
    const List *args = eval_args(&e->eval, &b->names, &s->args);
    const ConstArg *target = argument(args, "target");
    if (!attrs_bind(e->c, what, head_attrs, &attrs, args, s->span) ||
        !check_target(e, &attrs, target ? target->span : s->span)) {
        elab_failed(e);
        return NULL;
    }
    Head *head = arena_alloc(e->c->arena, sizeof *head);
    *head = (Head){
        .name = path,
        .weight = attrs.weight,
        .trained = args->count > 0,
        .loss = attrs.loss,
        .target = attrs.target,
        .span = s->span,
    };
    return head;
}

static void wrong_head(Elab *e, Span span, const char *text)
{
    diag_error(e->c, span, "%s", text);
    elab_failed(e);
}

/* ---- names ---------------------------------------------------------------- */

/* They become parts of names in C, where only letters, digits and _ differ. */
static bool names_agree(const char *a, const char *b)
{
    for (; *a && *b; a++, b++) {
        int x = isalnum((unsigned char)*a) ? toupper((unsigned char)*a) : '_';
        int y = isalnum((unsigned char)*b) ? toupper((unsigned char)*b) : '_';
        if (x != y) return false;
    }
    return *a == *b;
}

static const Head *same_name(const List *heads, const char *name)
{
    for (int i = 0; i < heads->count; i++) {
        const Head *other = heads->at[i];
        if (names_agree(other->name, name)) return other;
    }
    return NULL;
}

/* No other head or output may have its name. */
static bool is_new_name(Elab *e, const Head *head)
{
    const Head *other = same_name(&e->graph->outputs, head->name);
    if (!other) other = same_name(&e->graph->heads, head->name);
    if (!other) return true;
    const char *different = strcmp(other->name, head->name) ? arena_printf(e->c->arena, " and %s", other->name) : "";
    diag_error(e->c, head->span, "two outputs or heads are called %s%s", head->name, different);
    diag_note(e->c, other->span, "the first is here");
    elab_failed(e);
    return false;
}

/* ---- heads -------------------------------------------------------------- */

static void head_push(Body *b, Head *head, Value result)
{
    if (!result.tensor || !head) return;
    if (result.tensor == b->current.tensor) {
        wrong_head(b->elab, head->span, "the head has no layers");
        return;
    }
    if (!is_new_name(b->elab, head)) return;
    head->output = result.tensor;
    head->trained = true;
    list_push(b->elab->c->arena, &b->elab->graph->heads, head);
}

void elab_head(Body *b, const Stmt *s)
{
    Elab *e = b->elab;
    StmtContext context = stmt_begin(b, s, "head");
    Head *head = head_of(b, s, "head", context.path);
    if (b->in_head)
        wrong_head(e, s->span, "heads cannot be nested");
    else if (!elab_has_value(b, "head", s->span))
        elab_failed(e);
    Body *child = body_new(e, b, naming_new(e->c->arena, context.path, false));
    child->in_head = true;
    int errors = e->c->errors;
    elab_body(child, &s->body);
    if (!b->in_head && e->c->errors == errors) head_push(b, head, child->current);
    if (context.label) body_label(b, context.label, child->current);
}

/* ---- further outputs ------------------------------------------------------ */

static void output_push(Body *b, Head *output)
{
    Elab *e = b->elab;
    if (!is_new_name(e, output)) return;
    if (!b->current.tensor->producer) {
        wrong_head(e, output->span, "the output is the input itself; it comes after a layer");
    } else {
        output->output = b->current.tensor;
        list_push(e->c->arena, &e->graph->outputs, output);
    }
}

void elab_output(Body *b, const Stmt *s)
{
    Elab *e = b->elab;
    const char *label = elab_label(b, s->label);
    if (!label) return;
    Head *output = head_of(b, s, "output", naming_path(e->c->arena, b->naming, label));
    if (map_get(e->blocks, "output"))
        wrong_head(e, s->span, "this names a further output; the block `output` is called with parentheses: output()");
    else if (b->in_head)
        wrong_head(e, s->span, "an output cannot be in a head, which only training has");
    else if (!elab_has_value(b, "output", s->span))
        elab_failed(e);
    else if (output && b->current.tensor)
        output_push(b, output);
}
