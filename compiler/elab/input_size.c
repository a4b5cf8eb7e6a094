/*
 * Replaces the sizes of a net's inputs (--input).
 *
 * In: a syntax tree and shapes.  Out: the tree with `input(…)` of the net
 * replaced.  This precedes elaboration, so map sizes and the parameters of a
 * first dense layer follow.  Assertions about shapes and totals are removed:
 * they hold for the file's own input size only.
 */
#include "elab/input_size.h"

#include <stdlib.h>
#include <string.h>

enum { DIM_MAX = 1 << 24 };

bool input_size_parse(Arena *arena, const char *text, InputSize *size)
{
    const char *equals = strchr(text, '=');
    *size = (InputSize){.label = equals ? arena_strndup(arena, text, (size_t)(equals - text)) : NULL};
    const char *p = equals ? equals + 1 : text;
    for (;;) {
        char *end;
        long value = strtol(p, &end, 10);
        if (end == p || *p < '0' || *p > '9' || value < 1 || value > DIM_MAX || size->shape.rank == MAX_RANK)
            return false;
        size->shape.dim[size->shape.rank++] = value;
        if (*end == '\0') return true;
        if (*end != 'x') return false;
        p = end + 1;
    }
}

/* ---- assertions --------------------------------------------------------------- */

static void drop_assertions(List *body)
{
    int kept = 0;
    for (int i = 0; i < body->count; i++) {
        Stmt *s = body->at[i];
        if (s->kind == STMT_EXPECT) continue;
        s->shape = NULL;
        drop_assertions(&s->body);
        drop_assertions(&s->otherwise);
        for (int k = 0; k < s->branches.count; k++) drop_assertions(&((Branch *)s->branches.at[k])->body);
        body->at[kept++] = s;
    }
    body->count = kept;
}

/* ---- inputs -------------------------------------------------------------------- */

static Expr *expr_new(Arena *arena, ExprKind kind, Span span)
{
    Expr *e = arena_alloc(arena, sizeof *e);
    e->kind = kind;
    e->span = span;
    e->depth = 1;
    return e;
}

static Expr *shape_expr(Arena *arena, Shape shape, Span span)
{
    Expr *list = expr_new(arena, EXPR_LIST, span), *number = NULL;
    for (int i = 0; i < shape.rank; i++) {
        number = expr_new(arena, EXPR_INT, span);
        number->integer = shape.dim[i];
        list_push(arena, &list->items, number);
    }
    list->depth = 2;
    return shape.rank == 1 ? number : list;
}

static bool is_labelled(const Stmt *s, const char *label)
{
    if (!label) return true;
    return s->label && s->label->kind == EXPR_NAME && strcmp(s->label->text, label) == 0;
}

/* Inputs are in the body of the net itself or under an `if`. */
static int set_inputs(Arena *arena, List *body, const InputSize *size)
{
    int set = 0;
    for (int i = 0; i < body->count; i++) {
        Stmt *s = body->at[i];
        int then = set_inputs(arena, &s->body, size), otherwise = set_inputs(arena, &s->otherwise, size);
        set += then > otherwise ? then : otherwise; /* one of the two is run */
        if (s->kind != STMT_LAYER || strcmp(s->name, "input") != 0 || !is_labelled(s, size->label)) continue;
        Arg *arg = arena_alloc(arena, sizeof *arg);
        *arg = (Arg){.value = shape_expr(arena, size->shape, s->span), .span = s->span, .name_span = span_nowhere()};
        s->args = (List){0};
        list_push(arena, &s->args, arg);
        set++;
    }
    return set;
}

bool input_sizes_apply(Compilation *c, File *file, const char *name, const List *sizes)
{
    for (int i = 0; i < file->blocks.count; i++) drop_assertions(&((Def *)file->blocks.at[i])->body);
    for (int i = 0; i < file->nets.count; i++) {
        Def *net = file->nets.at[i];
        drop_assertions(&net->body);
        bool wanted = name ? strcmp(net->name, name) == 0 : i >= file->nets.count - file->own_nets;
        for (int k = 0; wanted && k < sizes->count; k++) {
            const InputSize *size = sizes->at[k];
            int set = set_inputs(c->arena, &net->body, size);
            if (set == 1) continue;
            if (set == 0)
                diag_error(c, net->name_span, "--input: %s has no input %s", net->name,
                           size->label ? size->label : "of that kind");
            else
                diag_error(c, net->name_span, "--input: %s has several inputs; say which: --input LABEL=%s", net->name,
                           shape_text(c->arena, size->shape));
            return false;
        }
    }
    return true;
}
