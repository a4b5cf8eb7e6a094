/*
 * The tree as text, for reading and for golden tests.
 *
 * Enters: a File.  Leaves: one line per statement, indented by nesting, with
 * expressions in prefix form: (+ 1 (* 2 n)).  Only what stands in the file itself
 * is shown; what it imports has a dump of its own.
 */
#include "front/front.h"

#include <stdlib.h>
#include <string.h>

static void dump_expr(Text *, const Expr *);
static void dump_body(Text *, const List *, int level);

const char *operator_text(Operator op)
{
    static const char *const text[] = {
        [OPERATOR_NONE] = "",  [OPERATOR_OR] = "or", [OPERATOR_AND] = "and", [OPERATOR_NOT] = "not",
        [OPERATOR_EQ] = "==",  [OPERATOR_NE] = "!=", [OPERATOR_LT] = "<",    [OPERATOR_LE] = "<=",
        [OPERATOR_GT] = ">",   [OPERATOR_GE] = ">=", [OPERATOR_ADD] = "+",   [OPERATOR_SUB] = "-",
        [OPERATOR_MUL] = "*",  [OPERATOR_DIV] = "/", [OPERATOR_MOD] = "%",   [OPERATOR_NEG] = "-",
        [OPERATOR_POW] = "**",
    };
    return text[op];
}

/* ---- expressions ------------------------------------------------------------------ */

static void dump_quoted(Text *out, const Expr *part)
{
    text_add(out, "\"");
    for (size_t i = 0; i < part->text_length; i++) {
        char byte = part->text[i];
        if (byte == '\n' || byte == '\t')
            text_add(out, byte == '\n' ? "\\n" : "\\t");
        else
            text_addf(out, "%s%c", byte == '"' || byte == '\\' ? "\\" : "", byte);
    }
    text_add(out, "\"");
}

/* The shortest form that reads back as the same number, and reads as a real. */
static void dump_real(Text *out, double value)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    text_addf(out, "%s%s", text, strpbrk(text, ".e") == NULL ? ".0" : "");
}

static void dump_args(Text *out, const List *args, const char *before_first, const char *between)
{
    for (int i = 0; i < args->count; i++) {
        const Arg *arg = args->at[i];
        text_add(out, i == 0 ? before_first : between);
        if (arg->name != NULL) text_addf(out, "%s=", arg->name);
        dump_expr(out, arg->value);
    }
}

static void dump_node(Text *out, const char *head, const Expr *expr)
{
    const Expr *part[] = {expr->left, expr->right, expr->third};
    text_addf(out, "(%s", head);
    for (int i = 0; i < 3 && part[i] != NULL; i++) {
        text_add(out, " ");
        dump_expr(out, part[i]);
    }
    for (int i = 0; i < expr->items.count; i++) {
        text_add(out, " ");
        dump_expr(out, expr->items.at[i]);
    }
    dump_args(out, &expr->args, " ", " ");
    text_add(out, ")");
}

/* (list element for name = value if = value) */
static void dump_comprehension(Text *out, const Expr *expr)
{
    text_add(out, "(list ");
    dump_expr(out, expr->left);
    for (int i = 0; i < expr->args.count; i++) {
        const Arg *clause = expr->args.at[i];
        if (clause->name)
            text_addf(out, " for %s in ", clause->name);
        else
            text_add(out, " if ");
        dump_expr(out, clause->value);
    }
    text_add(out, ")");
}

static void dump_string(Text *out, const Expr *expr)
{
    if (expr->items.count == 0)
        text_add(out, "\"\"");
    else if (expr->items.count == 1 && ((const Expr *)expr->items.at[0])->kind == EXPR_TEXT)
        dump_quoted(out, expr->items.at[0]);
    else
        dump_node(out, "string", expr);
}

static void dump_field(Text *out, const Expr *expr)
{
    dump_expr(out, expr->left);
    text_addf(out, ".%s", expr->text);
}

static void dump_expr(Text *out, const Expr *expr)
{
    switch (expr->kind) {
    case EXPR_INT: text_addf(out, "%lld", (long long)expr->integer); break;
    case EXPR_REAL: dump_real(out, expr->real); break;
    case EXPR_BOOL: text_add(out, expr->integer ? "yes" : "no"); break;
    case EXPR_STRING: dump_string(out, expr); break;
    case EXPR_TEXT: dump_quoted(out, expr); break;
    case EXPR_NAME: text_add(out, expr->text); break;
    case EXPR_LIST: dump_node(out, "list", expr); break;
    case EXPR_COMPREHENSION: dump_comprehension(out, expr); break;
    case EXPR_RANGE: dump_node(out, "..", expr); break;
    case EXPR_UNARY:
    case EXPR_BINARY: dump_node(out, operator_text(expr->op), expr); break;
    case EXPR_COND: dump_node(out, "?", expr); break;
    case EXPR_CALL: dump_node(out, arena_printf(out->arena, "call %s", expr->text), expr); break;
    case EXPR_INDEX: dump_node(out, "index", expr); break;
    case EXPR_FIELD: dump_field(out, expr); break;
    }
}

static void dump_after(Text *out, const char *word, const Expr *expr)
{
    if (expr == NULL) return;
    text_addf(out, " %s", word);
    text_add(out, *word == '\0' ? "" : " ");
    dump_expr(out, expr);
}

/* ---- statements --------------------------------------------------------------------- */

static void dump_indent(Text *out, int level) { text_addf(out, "%*s", 2 * level, ""); }

static void dump_params(Text *out, const List *params)
{
    for (int i = 0; i < params->count; i++) {
        const Param *param = params->at[i];
        text_addf(out, "%s%s", i ? ", " : "(", param->name);
        if (param->value) dump_after(out, "=", param->value);
    }
    if (params->count) text_add(out, ")");
}

/* The first line of a statement, without its bodies. */
static void dump_head(Text *out, const Stmt *stmt)
{
    static const char *const word[] = {
        [STMT_LAYER] = "layer",   [STMT_COMBINE] = "combine", [STMT_FROM] = "from",
        [STMT_LET] = "let",       [STMT_IF] = "if",           [STMT_FOR] = "for",
        [STMT_REPEAT] = "repeat", [STMT_GROUP] = "group",     [STMT_SEQUENTIAL] = "sequential",
        [STMT_FROZEN] = "frozen", [STMT_HEAD] = "head",       [STMT_OUTPUT] = "output",
        [STMT_EXPECT] = "expect",
    };
    bool labelled = stmt->kind == STMT_LAYER || stmt->kind == STMT_COMBINE;
    text_add(out, word[stmt->kind]);
    if (stmt->name != NULL) text_addf(out, " %s", stmt->name);
    dump_params(out, &stmt->params);
    if (!labelled) dump_after(out, "", stmt->label);
    if (stmt->has_parens) {
        dump_args(out, &stmt->args, "(", ", ");
        text_add(out, stmt->args.count > 0 ? ")" : "()");
    }
    dump_after(out, stmt->kind == STMT_LET ? "=" : stmt->kind == STMT_FOR ? "in" : "", stmt->value);
    if (labelled) dump_after(out, "as", stmt->label);
    dump_after(out, "->", stmt->shape);
    text_add(out, "\n");
}

static void dump_stmt(Text *out, const Stmt *stmt, int level)
{
    dump_indent(out, level);
    dump_head(out, stmt);
    dump_body(out, &stmt->body, level + 1);
    if (stmt->otherwise.count > 0) {
        dump_indent(out, level);
        text_add(out, "else\n");
        dump_body(out, &stmt->otherwise, level + 1);
    }
    for (int i = 0; i < stmt->branches.count; i++) {
        dump_indent(out, level + 1);
        text_add(out, "branch\n");
        dump_body(out, &((const Branch *)stmt->branches.at[i])->body, level + 2);
    }
}

static void dump_body(Text *out, const List *body, int level)
{
    for (int i = 0; i < body->count; i++) dump_stmt(out, body->at[i], level);
}

/* ---- definitions ---------------------------------------------------------------------- */

static void dump_def(Text *out, const Def *def)
{
    text_addf(out, "%s %s\n", def->kind == DEF_NET ? "net" : "block", def->name);
    for (int i = 0; i < def->params.count; i++) {
        const Param *param = def->params.at[i];
        text_addf(out, "  param %s", param->name);
        dump_after(out, "=", param->value);
        text_add(out, "\n");
    }
    dump_body(out, &def->body, 1);
}

static void dump_train(Text *out, const Train *train)
{
    text_addf(out, "train %s\n", train->name);
    for (int i = 0; i < train->items.count; i++) {
        const Arg *item = train->items.at[i];
        text_add(out, "  ");
        if (item->name != NULL) text_addf(out, "%s=", item->name);
        dump_expr(out, item->value);
        text_add(out, "\n");
    }
}

static void dump_defs(Text *out, const File *file, const List *defs)
{
    for (int i = 0; i < defs->count; i++) {
        const Def *def = defs->at[i];
        if (def->name_span.file == file->source) dump_def(out, def);
    }
}

void ast_dump(const File *file, Text *out)
{
    for (int i = 0; i < file->lets.count; i++) {
        const Let *let = file->lets.at[i];
        if (let->name_span.file != file->source) continue;
        text_addf(out, "let %s", let->name);
        dump_params(out, &let->params);
        dump_after(out, "=", let->value);
        text_add(out, "\n");
    }
    dump_defs(out, file, &file->blocks);
    dump_defs(out, file, &file->nets);
    for (int i = 0; i < file->trains.count; i++) {
        const Train *train = file->trains.at[i];
        if (train->name_span.file == file->source) dump_train(out, train);
    }
}
