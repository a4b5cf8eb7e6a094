/*
 * The constructors of the syntax tree, called by the grammar's actions.
 *
 * Enters: spans, names and subtrees.  Leaves: nodes in the arena of the
 * compilation.  Every node knows its depth, and no node deeper than
 * FRONT_MAX_DEPTH is made: a sum of a hundred thousand terms is a deep tree
 * although it nests no bracket, and whoever walks the tree does so by recursion.
 * When a bound is crossed the parse gives up; the constructors still return
 * nodes, so that no action has to ask.
 */
#include "front/parse.h"

#include <string.h>

/* ---- lists ------------------------------------------------------------------ */

List *list_with(Parse *parse, List *list, void *item)
{
    if (item != NULL) list_push(parse->arena, list, item);
    return list;
}

List *list_of(Parse *parse, void *item) { return list_with(parse, arena_alloc(parse->arena, sizeof(List)), item); }

List *list_before(Parse *parse, Expr *first, List *args)
{
    List *list = list_of(parse, arg_new(parse, first->span, NULL, first->span, first));
    for (int i = 0; i < args->count; i++) list_push(parse->arena, list, args->at[i]);
    return list;
}

/* ---- bounds ------------------------------------------------------------------ */

static int deeper(int depth, int other) { return depth > other ? depth : other; }

static int expr_depth(const Expr *expr) { return expr == NULL ? 0 : expr->depth; }

static int args_depth(const List *args)
{
    int depth = 0;
    for (int i = 0; i < args->count; i++) depth = deeper(depth, expr_depth(((Arg *)args->at[i])->value));
    return depth;
}

static int body_depth(const List *body)
{
    int depth = 0;
    for (int i = 0; i < body->count; i++) depth = deeper(depth, ((Stmt *)body->at[i])->depth);
    return depth;
}

/* The depth of a node over subtrees of depth `below`. */
static int bounded_depth(Parse *parse, Span span, int below)
{
    if (below < FRONT_MAX_DEPTH) return below + 1;
    parse_give_up(parse, span, "nested too deeply: more than %d levels", FRONT_MAX_DEPTH);
    return 1;
}

static void bound_memory(Parse *parse, Span span)
{
    if (arena_used(parse->arena) - parse->memory_before > FRONT_MAX_MEMORY)
        parse_give_up(parse, span, "the source is too large: its tree takes more than %d MiB up to here",
                      FRONT_MAX_MEMORY >> 20);
}

/* ---- expressions ---------------------------------------------------------------- */

Expr *expr_new(Parse *parse, ExprKind kind, Span span)
{
    bound_memory(parse, span);
    Expr *expr = arena_alloc(parse->arena, sizeof *expr);
    expr->kind = kind;
    expr->span = span;
    expr->depth = 1;
    return expr;
}

/* A node over up to three others; when they are too deep, a leaf. */
static Expr *expr_over(Parse *parse, ExprKind kind, Span span, Expr *left, Expr *right, Expr *third)
{
    int below = deeper(expr_depth(left), deeper(expr_depth(right), expr_depth(third)));
    Expr *expr = expr_new(parse, kind, span);
    expr->depth = bounded_depth(parse, span, below);
    if (expr->depth <= below) {
        expr->kind = EXPR_INT;
        return expr;
    }
    expr->left = left;
    expr->right = right;
    expr->third = third;
    return expr;
}

Expr *expr_integer(Parse *parse, ExprKind kind, Span span, int64_t value)
{
    Expr *expr = expr_new(parse, kind, span);
    expr->integer = value;
    return expr;
}

Expr *expr_text(Parse *parse, ExprKind kind, Span span, const char *text, size_t length)
{
    Expr *expr = expr_new(parse, kind, span);
    expr->text = text;
    expr->text_length = length;
    return expr;
}

Expr *expr_name(Parse *parse, Span span, const char *name)
{
    return expr_text(parse, EXPR_NAME, span, name, strlen(name));
}

static Expr *expr_with_items(Parse *parse, ExprKind kind, Span span, const List *items)
{
    int below = 0;
    for (int i = 0; i < items->count; i++) below = deeper(below, expr_depth(items->at[i]));
    Expr *expr = expr_over(parse, kind, span, NULL, NULL, NULL);
    expr->depth = bounded_depth(parse, span, below);
    if (expr->depth > below) expr->items = *items;
    return expr;
}

Expr *expr_list(Parse *parse, Span span, List *items) { return expr_with_items(parse, EXPR_LIST, span, items); }

Expr *expr_comprehension(Parse *parse, Span span, Expr *element, List *clauses)
{
    int below = deeper(args_depth(clauses), expr_depth(element));
    Expr *expr = expr_over(parse, EXPR_COMPREHENSION, span, element, NULL, NULL);
    expr->depth = bounded_depth(parse, span, below);
    if (expr->depth > below)
        expr->args = *clauses;
    else
        expr->kind = EXPR_INT;
    return expr;
}

/* Neighbouring literal parts become one: "a{{b" comes from the lexer in three. */
Expr *expr_string(Parse *parse, Span span, List *parts)
{
    List merged = {0};
    for (int i = 0; i < parts->count;) {
        Expr *part = parts->at[i++];
        list_push(parse->arena, &merged, part);
        if (part->kind != EXPR_TEXT || i == parts->count || ((Expr *)parts->at[i])->kind != EXPR_TEXT) continue;
        Text text;
        text_init(&text, parse->arena);
        text_add_bytes(&text, part->text, part->text_length);
        for (; i < parts->count && ((Expr *)parts->at[i])->kind == EXPR_TEXT; i++) {
            const Expr *next = parts->at[i];
            text_add_bytes(&text, next->text, next->text_length);
            part->span.end = next->span.end;
        }
        part->text = text.data;
        part->text_length = text.length;
    }
    return expr_with_items(parse, EXPR_STRING, span, &merged);
}

Expr *expr_unary(Parse *parse, Span span, Operator op, Expr *operand)
{
    Expr *expr = expr_over(parse, EXPR_UNARY, span, operand, NULL, NULL);
    expr->op = op;
    return expr;
}

Expr *expr_binary(Parse *parse, Span span, Operator op, Expr *left, Expr *right)
{
    Expr *expr = expr_over(parse, EXPR_BINARY, span, left, right, NULL);
    expr->op = op;
    return expr;
}

Expr *expr_range(Parse *parse, Span span, Expr *left, Expr *right)
{
    return expr_over(parse, EXPR_RANGE, span, left, right, NULL);
}

Expr *expr_cond(Parse *parse, Span span, Expr *condition, Expr *yes, Expr *no)
{
    return expr_over(parse, EXPR_COND, span, condition, yes, no);
}

Expr *expr_call(Parse *parse, Span span, const char *name, List *args)
{
    int below = args_depth(args);
    Expr *expr = expr_text(parse, EXPR_CALL, span, name, strlen(name));
    expr->depth = bounded_depth(parse, span, below);
    if (expr->depth > below) expr->args = *args;
    return expr;
}

Expr *expr_index(Parse *parse, Span span, Expr *list, Expr *index)
{
    return expr_over(parse, EXPR_INDEX, span, list, index, NULL);
}

Expr *expr_field(Parse *parse, Span span, Expr *value, const char *name)
{
    Expr *expr = expr_over(parse, EXPR_FIELD, span, value, NULL, NULL);
    expr->text = name;
    expr->text_length = strlen(name);
    return expr;
}

/* Parentheses leave no node, but belong to what the user wrote. */
Expr *expr_in_parens(Expr *expr, Span span)
{
    expr->span = span;
    return expr;
}

/* ---- arguments, parameters, branches ------------------------------------------------ */

Arg *arg_new(Parse *parse, Span span, const char *name, Span name_span, Expr *value)
{
    Arg *arg = arena_alloc(parse->arena, sizeof *arg);
    *arg = (Arg){.name = name, .name_span = name_span, .value = value, .span = span};
    return arg;
}

Param *param_new(Parse *parse, const char *name, Span span, Expr *value)
{
    Param *param = arena_alloc(parse->arena, sizeof *param);
    *param = (Param){.name = name, .span = span, .value = value};
    return param;
}

Branch *branch_new(Parse *parse, Span span, List *body)
{
    Branch *branch = arena_alloc(parse->arena, sizeof *branch);
    *branch = (Branch){.span = span, .body = *body};
    return branch;
}

/* ---- statements ------------------------------------------------------------------------ */

static Stmt *stmt_new(Parse *parse, StmtKind kind, Span span, int below)
{
    bound_memory(parse, span);
    Stmt *stmt = arena_alloc(parse->arena, sizeof *stmt);
    stmt->kind = kind;
    stmt->span = span;
    stmt->name_span = span;
    stmt->depth = bounded_depth(parse, span, below);
    return stmt;
}

static bool is_too_deep(const Stmt *stmt, int below) { return stmt->depth <= below; }

static Stmt *stmt_named(Parse *parse, StmtKind kind, Span span, const char *name, Span name_span, int below)
{
    Stmt *stmt = stmt_new(parse, kind, span, below);
    stmt->name = name;
    stmt->name_span = name_span;
    return stmt;
}

Stmt *stmt_layer(Parse *parse, Span span, const char *name, Span name_span, List *args)
{
    Stmt *stmt = stmt_named(parse, STMT_LAYER, span, name, name_span, 0);
    stmt->has_parens = args != NULL;
    if (args != NULL) stmt->args = *args;
    return stmt;
}

Stmt *stmt_combine(Parse *parse, Span span, const char *name, Span name_span, List *args, List *branches)
{
    int below = 0;
    for (int i = 0; i < branches->count; i++) below = deeper(below, body_depth(&((Branch *)branches->at[i])->body));
    Stmt *stmt = stmt_named(parse, STMT_COMBINE, span, name, name_span, below);
    if (!is_too_deep(stmt, below)) stmt->branches = *branches;
    stmt->has_parens = args != NULL;
    if (args != NULL) stmt->args = *args;
    return stmt;
}

Stmt *stmt_for_each(Parse *parse, Span span, const char *name, Span name_span, List *args, const Arg *loop,
                    Branch *branch)
{
    Stmt *stmt = stmt_combine(parse, span, name, name_span, args, list_of(parse, branch));
    stmt->variable = loop->name;
    stmt->variable_span = loop->name_span;
    stmt->value = loop->value;
    return stmt;
}

Stmt *stmt_labelled(Parse *parse, Span span, Stmt *stmt, Expr *label)
{
    if (stmt->label != NULL) {
        parse_error(parse, label->span, "%s: a second label for one layer", stmt->name);
        diag_note(parse->c, stmt->label->span, "the first label is here");
    }
    stmt->label = label;
    stmt->span = span;
    return stmt;
}

/* A sign, a comparison, a word such as yes or a string cannot be a shape. */
static bool is_shape_like(const Expr *shape)
{
    return shape->kind != EXPR_BOOL && shape->kind != EXPR_STRING && shape->kind != EXPR_UNARY &&
           !(shape->kind == EXPR_BINARY && shape->op < OPERATOR_ADD);
}

Stmt *stmt_shaped(Parse *parse, Span span, Stmt *stmt, Expr *shape)
{
    if (!is_shape_like(shape)) parse_error(parse, shape->span, "expected a shape after `->`, such as 6x28x28");
    if (stmt->shape != NULL) {
        parse_error(parse, shape->span, "%s: a second shape for one layer", stmt->name);
        diag_note(parse->c, stmt->shape->span, "the first shape is here");
    }
    stmt->shape = shape;
    stmt->span = span;
    return stmt;
}

Stmt *stmt_value(Parse *parse, StmtKind kind, Span span, Expr *value)
{
    Stmt *stmt = stmt_new(parse, kind, span, 0);
    if (kind == STMT_FROM)
        stmt->label = value;
    else
        stmt->value = value;
    return stmt;
}

Stmt *stmt_let(Parse *parse, Span span, const char *name, Span name_span, List *params, Expr *value)
{
    Stmt *stmt = stmt_named(parse, STMT_LET, span, name, name_span, 0);
    stmt->params = *params;
    stmt->value = value;
    return stmt;
}

Stmt *stmt_if(Parse *parse, Span span, Expr *condition, List *body, List *otherwise)
{
    int below = deeper(body_depth(body), body_depth(otherwise));
    Stmt *stmt = stmt_new(parse, STMT_IF, span, below);
    stmt->value = condition;
    if (!is_too_deep(stmt, below)) {
        stmt->body = *body;
        stmt->otherwise = *otherwise;
    }
    return stmt;
}

Stmt *stmt_for(Parse *parse, Span span, const char *name, Span name_span, Expr *value, List *body)
{
    int below = body_depth(body);
    Stmt *stmt = stmt_named(parse, STMT_FOR, span, name, name_span, below);
    stmt->value = value;
    if (!is_too_deep(stmt, below)) stmt->body = *body;
    return stmt;
}

Stmt *stmt_repeat(Parse *parse, Span span, Expr *value, List *body)
{
    int below = body_depth(body);
    Stmt *stmt = stmt_new(parse, STMT_REPEAT, span, below);
    stmt->value = value;
    if (!is_too_deep(stmt, below)) stmt->body = *body;
    return stmt;
}

Stmt *stmt_scope(Parse *parse, StmtKind kind, Span span, Expr *label, List *args, List *body)
{
    int below = body_depth(body);
    Stmt *stmt = stmt_new(parse, kind, span, below);
    stmt->label = label;
    stmt->has_parens = args != NULL;
    if (args != NULL) stmt->args = *args;
    if (!is_too_deep(stmt, below)) stmt->body = *body;
    return stmt;
}

/* ---- definitions -------------------------------------------------------------------------- */

static void add_import(Parse *parse, Span span, const char *path)
{
    Import *import = arena_alloc(parse->arena, sizeof *import);
    *import = (Import){span, path};
    list_push(parse->arena, &parse->imports, import);
}

void file_import(Parse *parse, Span span, Expr *path)
{
    const Expr *text = path->items.count == 1 ? path->items.at[0] : NULL;
    if (text == NULL)
        parse_error(parse, path->span, "import takes one file name in quotes");
    else if (text->kind != EXPR_TEXT)
        parse_error(parse, path->span, "the file name of an import is fixed text: it cannot hold an expression");
    else
        add_import(parse, span, text->text);
}

void file_import_std(Parse *parse, Span span, const char *name, Span name_span)
{
    if (strcmp(name, "std") == 0)
        add_import(parse, span, NULL);
    else
        parse_error(parse, name_span, "expected std or a file name in quotes after `import`, saw `%.40s`", name);
}

void file_let(Parse *parse, const char *name, Span span, List *params, Expr *value)
{
    Let *let = arena_alloc(parse->arena, sizeof *let);
    *let = (Let){.name = name, .name_span = span, .params = *params, .value = value};
    list_push(parse->arena, &parse->lets, let);
}

static void check_params(Parse *parse, const char *def, const List *params)
{
    Map *known = map_new(parse->arena);
    for (int i = 0; i < params->count; i++) {
        Param *param = params->at[i];
        const Param *first = map_get(known, param->name);
        if (first != NULL) {
            parse_error(parse, param->span, "%s: two parameters are called `%s`", def, param->name);
            diag_note(parse->c, first->span, "the first is here");
        }
        map_put(known, param->name, param);
    }
}

void file_def(Parse *parse, DefKind kind, const char *name, Span span, List *params, List *body)
{
    Def *def = arena_alloc(parse->arena, sizeof *def);
    *def = (Def){.kind = kind, .name = name, .name_span = span, .params = *params, .body = *body};
    check_params(parse, name, params);
    list_push(parse->arena, kind == DEF_NET ? &parse->nets : &parse->blocks, def);
}

void file_train(Parse *parse, Span span, const char *name, Span name_span, List *items)
{
    Train *train = arena_alloc(parse->arena, sizeof *train);
    *train = (Train){.name = name, .name_span = name_span, .span = span, .items = *items};
    list_push(parse->arena, &parse->trains, train);
}
