/*
 * The grammar: tokens → syntax tree.
 *
 * Enters: tokens.  Leaves: definitions, or one expression, in the Parse; actions
 * only call the constructors of tree.c.  LALR(1) without conflicts: statements
 * follow each other without a separator because each begins with a word, and no
 * expression goes on with a word.  Operators are settled by the table of
 * precedence.  Where a statement or a definition cannot be parsed, `error` takes
 * its place and tokens.c skips to where the next one begins.
 */
%code requires {
#include "front/parse.h"
}

%define api.pure full
%define api.prefix {parser_}
%define api.token.prefix {TOKEN_}
%define api.location.type {Span}
%define parse.error custom
%define parse.lac full
%locations
%expect 0
%param {Parse *parse}

%union {
    const char *name;
    Expr *expr;
    Stmt *stmt;
    Arg *arg;
    Param *param;
    Branch *branch;
    List *list;
}

%code {
/* A level of nesting, bounded by FRONT_MAX_DEPTH, takes some ten symbols; the
 * stack never grows. */
#define YYMAXDEPTH 4000
#define YYINITDEPTH YYMAXDEPTH
#define YYLLOC_DEFAULT(here, parts, count) (here) = span_of_rule(parts, count)

int parser_lex(PARSER_STYPE *, Span *, Parse *);

static void parser_error(Span *span, Parse *parse, const char *message)
{
    (void)message; /* the one that is left to us: the stack is full */
    parse_give_up(parse, *span, "nested too deeply: more than %d levels", FRONT_MAX_DEPTH);
}
}

%initial-action { @$ = (Span){parse->file, 0, 0}; }

%token START_FILE START_EXPR START_ITEMS
%token <name> NAME "a name" COMBINATOR "a combinator" OUTPUT "output"
%token <expr> INTEGER "a number" REAL "a real number" DIMS "dims" TEXT "text"
%token STRING_BEGIN "a string" STRING_END "\"" EXPR_BEGIN "{ in a string" EXPR_END "} in a string"
%token NET "net" BLOCK "block" TRAIN "train" LET "let" IF "if" ELSE "else" FOR "for" IN "in" REPEAT "repeat"
%token GROUP "group" SEQUENTIAL "sequential" FROZEN "frozen" HEAD "head" FROM "from" AS "as" EXPECT "expect"
%token IMPORT "import" YES "yes" NO "no"
%token LPAREN "(" RPAREN ")" LBRACKET "[" RBRACKET "]" LBRACE "{" RBRACE "}" ARROW "->" COMMA "," ASSIGN "=" SEMICOLON ";"
%token RANGE ".." QUESTION "?" COLON ":" OR "or" AND "and" NOT "not" EQ "==" NE "!=" LT "<" LE "<=" GT ">" GE ">="
%token PLUS "+" MINUS "-" TIMES "*" DIVIDE "/" MODULO "%" POW "**" DOT "."

/* Loosest first.  In a train section items follow each other unmarked; there a
 * sign or a bracket goes on with the item before it (WORD, ITEM: reduce last). */
%precedence ITEM WORD
%nonassoc ".."
%right "?" ":"
%left "or"
%left "and"
%precedence "not"
%nonassoc "==" "!=" "<" "<=" ">" ">="
%left "+" "-"
%left "*" "/" "%"
%precedence SIGN
%right "**"
%precedence "(" "[" "."

%type <list> params param_list function clauses block stmts branches parens args arg_list items list exprs parts else
%type <stmt> stmt layer if
%type <expr> expr label string
%type <param> param
%type <arg> arg item for
%type <branch> branch

%start start

%%

start:
  START_FILE definitions
| START_EXPR expr                   { parse->expr = $2; }
| START_ITEMS items                 { parse->items = $2; }
;

/* ---- definitions ---- */

definitions:
  %empty
| definitions definition
| definitions ";"
;

definition:
  "import" string                   { file_import(parse, @$, $2); }
| "import" NAME                     { file_import_std(parse, @$, $2, @2); }
| "let" NAME function "=" expr      { file_let(parse, $2, @2, $3, $5); }
| "block" NAME params block         { file_def(parse, DEF_BLOCK, $2, @2, $3, $4); }
| "net" NAME params block           { file_def(parse, DEF_NET, $2, @2, $3, $4); }
| "train" NAME "{" items "}"        { file_train(parse, @$, $2, @2, $4); }
| error                             { if (!tokens_recover(parse)) YYABORT; yyclearin; yyerrok; }
;

params:
  %empty                            { $$ = list_of(parse, NULL); }
| "(" ")"                           { $$ = list_of(parse, NULL); }
| "(" param_list ")"                { $$ = $2; }
| "(" param_list "," ")"            { $$ = $2; }
;

function:
  %empty                            { $$ = list_of(parse, NULL); }
| "(" param_list ")"                { $$ = $2; }
;

param_list:
  param                             { $$ = list_of(parse, $1); }
| param_list "," param              { $$ = list_with(parse, $1, $3); }
;

param:
  NAME                              { $$ = param_new(parse, $1, @1, NULL); }
| NAME "=" expr                     { $$ = param_new(parse, $1, @1, $3); }
;

/* ---- statements ---- */

block:
  "{" stmts "}"                     { $$ = $2; }
;

stmts:
  %empty                            { $$ = list_of(parse, NULL); }
| stmts stmt                        { $$ = list_with(parse, $1, $2); }
| stmts ";"
;

stmt:
  layer
| "from" label                      { $$ = stmt_value(parse, STMT_FROM, @$, $2); }
| "let" NAME function "=" expr      { $$ = stmt_let(parse, @$, $2, @2, $3, $5); }
| if
| "for" NAME "in" expr block        { $$ = stmt_for(parse, @$, $2, @2, $4, $5); }
| "repeat" expr block               { $$ = stmt_repeat(parse, @$, $2, $3); }
| "group" label block               { $$ = stmt_scope(parse, STMT_GROUP, @$, $2, NULL, $3); }
| "sequential" label block          { $$ = stmt_scope(parse, STMT_SEQUENTIAL, @$, $2, NULL, $3); }
| "frozen" block                    { $$ = stmt_scope(parse, STMT_FROZEN, @$, NULL, NULL, $2); }
| "head" label block                { $$ = stmt_scope(parse, STMT_HEAD, @$, $2, NULL, $3); }
| "head" label parens block         { $$ = stmt_scope(parse, STMT_HEAD, @$, $2, $3, $4); }
| OUTPUT label                      { $$ = stmt_scope(parse, STMT_OUTPUT, @$, $2, NULL, list_of(parse, NULL)); }
| OUTPUT label parens               { $$ = stmt_scope(parse, STMT_OUTPUT, @$, $2, $3, list_of(parse, NULL)); }
| "expect" expr                     { $$ = stmt_value(parse, STMT_EXPECT, @$, $2); }
| error                             { $$ = NULL; if (!tokens_recover(parse)) YYABORT; yyclearin; yyerrok; }
;

layer:
  NAME                              { $$ = stmt_layer(parse, @$, $1, @1, NULL); }
| NAME parens                       { $$ = stmt_layer(parse, @$, $1, @1, $2); }
| NAME branches                     { $$ = stmt_combine(parse, @$, $1, @1, NULL, $2); }
| NAME parens branches              { $$ = stmt_combine(parse, @$, $1, @1, $2, $3); }
| COMBINATOR for branch             { $$ = stmt_for_each(parse, @$, $1, @1, NULL, $2, $3); }
| COMBINATOR parens for branch      { $$ = stmt_for_each(parse, @$, $1, @1, $2, $3, $4); }
| layer "as" label                  { $$ = stmt_labelled(parse, @$, $1, $3); }
| layer "->" expr                   { $$ = stmt_shaped(parse, @$, $1, $3); }
;

branches:
  branch                            { $$ = list_of(parse, $1); }
| branches branch                   { $$ = list_with(parse, $1, $2); }
;

branch:
  block                             { $$ = branch_new(parse, @$, $1); }
;

if:
  "if" expr block else              { $$ = stmt_if(parse, @$, $2, $3, $4); }
;

else:
  %empty                            { $$ = list_of(parse, NULL); }
| "else" block                      { $$ = $2; }
| "else" if                         { $$ = list_of(parse, $2); }
;

label:
  NAME                              { $$ = expr_name(parse, @1, $1); }
| string
;

/* ---- arguments, and the items of train sections ---- */

parens:
  "(" args ")"                      { $$ = $2; }
;

args:
  %empty                            { $$ = list_of(parse, NULL); }
| arg_list
| arg_list ","
;

arg_list:
  arg                               { $$ = list_of(parse, $1); }
| arg_list "," arg                  { $$ = list_with(parse, $1, $3); }
;

arg:
  expr                              { $$ = arg_new(parse, @$, NULL, @1, $1); }
| NAME "=" expr                     { $$ = arg_new(parse, @$, $1, @1, $3); }
| "train" "=" expr                  { $$ = arg_new(parse, @$, "train", @1, $3); } /* of a group */
| NAME "=" "train"                  { $$ = arg_new(parse, @$, $1, @1, expr_name(parse, @3, "train")); } /* dropout's scale */
;

items:
  %empty                            { $$ = list_of(parse, NULL); }
| items item                        { $$ = list_with(parse, $1, $2); }
| items ";"
;

item:
  expr            %prec ITEM        { $$ = arg_new(parse, @$, NULL, @1, $1); }
| NAME "=" expr   %prec ITEM        { $$ = arg_new(parse, @$, $1, @1, $3); }
| "sequential"                      { $$ = arg_new(parse, @$, NULL, @1, expr_name(parse, @1, "sequential")); } /* order's */
| NAME "=" "sequential"             { $$ = arg_new(parse, @$, $1, @1, expr_name(parse, @3, "sequential")); }
| "group" string parens             { $$ = arg_new(parse, @$, NULL, @1, expr_call(parse, @$, "group", list_before(parse, $2, $3))); }
| error                             { $$ = NULL; if (!tokens_recover(parse)) YYABORT; yyclearin; yyerrok; }
;

/* ---- expressions ---- */

expr:
  INTEGER
| REAL
| DIMS
| string
| "yes"                             { $$ = expr_integer(parse, EXPR_BOOL, @$, 1); }
| "no"                              { $$ = expr_integer(parse, EXPR_BOOL, @$, 0); }
| "in"                              { $$ = expr_name(parse, @$, "in"); }
| NAME            %prec WORD        { $$ = expr_name(parse, @$, $1); }
| NAME parens                       { $$ = expr_call(parse, @$, $1, $2); }
| "(" expr ")"                      { $$ = expr_in_parens($2, @$); }
| "[" list "]"                      { $$ = expr_list(parse, @$, $2); }
| "[" expr clauses "]"              { $$ = expr_comprehension(parse, @$, $2, $3); }
| expr "[" expr "]"                 { $$ = expr_index(parse, @$, $1, $3); }
| expr "." NAME                     { $$ = expr_field(parse, @$, $1, $3); }
| "-" expr        %prec SIGN        { $$ = expr_unary(parse, @$, OPERATOR_NEG, $2); }
| "not" expr                        { $$ = expr_unary(parse, @$, OPERATOR_NOT, $2); }
| expr "**" expr                    { $$ = expr_binary(parse, @$, OPERATOR_POW, $1, $3); }
| expr "*" expr                     { $$ = expr_binary(parse, @$, OPERATOR_MUL, $1, $3); }
| expr "/" expr                     { $$ = expr_binary(parse, @$, OPERATOR_DIV, $1, $3); }
| expr "%" expr                     { $$ = expr_binary(parse, @$, OPERATOR_MOD, $1, $3); }
| expr "+" expr                     { $$ = expr_binary(parse, @$, OPERATOR_ADD, $1, $3); }
| expr "-" expr                     { $$ = expr_binary(parse, @$, OPERATOR_SUB, $1, $3); }
| expr "==" expr                    { $$ = expr_binary(parse, @$, OPERATOR_EQ, $1, $3); }
| expr "!=" expr                    { $$ = expr_binary(parse, @$, OPERATOR_NE, $1, $3); }
| expr "<" expr                     { $$ = expr_binary(parse, @$, OPERATOR_LT, $1, $3); }
| expr "<=" expr                    { $$ = expr_binary(parse, @$, OPERATOR_LE, $1, $3); }
| expr ">" expr                     { $$ = expr_binary(parse, @$, OPERATOR_GT, $1, $3); }
| expr ">=" expr                    { $$ = expr_binary(parse, @$, OPERATOR_GE, $1, $3); }
| expr "and" expr                   { $$ = expr_binary(parse, @$, OPERATOR_AND, $1, $3); }
| expr "or" expr                    { $$ = expr_binary(parse, @$, OPERATOR_OR, $1, $3); }
| expr "?" expr ":" expr            { $$ = expr_cond(parse, @$, $1, $3, $5); }
| expr ".." expr                    { $$ = expr_range(parse, @$, $1, $3); }
;

clauses:
  for                               { $$ = list_of(parse, $1); }
| clauses for                       { $$ = list_with(parse, $1, $2); }
| clauses "if" expr                 { $$ = list_with(parse, $1, arg_new(parse, @3, NULL, @2, $3)); }
;

for:
  "for" NAME "in" expr              { $$ = arg_new(parse, @$, $2, @2, $4); }
;

list:
  %empty                            { $$ = list_of(parse, NULL); }
| exprs
| exprs ","
;

exprs:
  expr                              { $$ = list_of(parse, $1); }
| exprs "," expr                    { $$ = list_with(parse, $1, $3); }
;

string:
  STRING_BEGIN parts STRING_END     { $$ = expr_string(parse, @$, $2); }
;

parts:
  %empty                            { $$ = list_of(parse, NULL); }
| parts TEXT                        { $$ = list_with(parse, $1, $2); }
| parts EXPR_BEGIN expr EXPR_END    { $$ = list_with(parse, $1, $3); }
;

%%

static int yyreport_syntax_error(const yypcontext_t *context, Parse *parse)
{
    yysymbol_kind_t expected[YYNTOKENS];
    const char *names[YYNTOKENS];
    int count = yypcontext_expected_tokens(context, expected, YYNTOKENS);
    for (int i = 0; i < count; i++)
        names[i] = yysymbol_name(expected[i]);
    const yysymbol_kind_t saw = yypcontext_token(context);
    syntax_error(parse, *yypcontext_location(context), yysymbol_name(saw), names, count < 0 ? 0 : count);
    return 0;
}
