/*
 * front: source text → syntax tree.
 *
 * Enters: the text of a .nn file.  Leaves: a File with every import parsed.
 * Holds then: the tree is syntactically right; nothing has been evaluated.
 * Names of layers, symbols and functions are plain names here, so that adding
 * one never changes the grammar.
 */
#ifndef NNC_FRONT_H
#define NNC_FRONT_H

#include "base/base.h"

typedef struct Expr Expr;
typedef struct Stmt Stmt;

/* ---- expressions ------------------------------------------------------ */

typedef enum ExprKind {
    EXPR_INT,           /* integer */
    EXPR_REAL,          /* real */
    EXPR_BOOL,          /* integer: 0 or 1 */
    EXPR_STRING,        /* items: the parts, EXPR_TEXT or any expression; joined */
    EXPR_TEXT,          /* text: a literal part of a string */
    EXPR_NAME,          /* text; "in" is the current value */
    EXPR_LIST,          /* items; 3x3 is a list of two EXPR_INT */
    EXPR_COMPREHENSION, /* [left args]: args are its clauses, `for name in value` or, without a name, `if value` */
    EXPR_RANGE,         /* left .. right */
    EXPR_UNARY,         /* op left */
    EXPR_BINARY,        /* left op right */
    EXPR_COND,          /* left ? right : third */
    EXPR_CALL,          /* text(args) */
    EXPR_INDEX,         /* left[right] */
    EXPR_FIELD          /* left.text */
} ExprKind;

typedef enum Operator {
    OPERATOR_NONE,
    OPERATOR_OR,
    OPERATOR_AND,
    OPERATOR_NOT,
    OPERATOR_EQ,
    OPERATOR_NE,
    OPERATOR_LT,
    OPERATOR_LE,
    OPERATOR_GT,
    OPERATOR_GE,
    OPERATOR_ADD,
    OPERATOR_SUB,
    OPERATOR_MUL,
    OPERATOR_DIV,
    OPERATOR_MOD,
    OPERATOR_NEG,
    OPERATOR_POW
} Operator;

const char *operator_text(Operator); /* "+", "and", … */

/* An argument: positional (name NULL) or named. */
typedef struct Arg {
    const char *name;
    Span name_span;
    Expr *value;
    Span span;
} Arg;

struct Expr {
    ExprKind kind;
    Span span;
    int64_t integer;
    double real;
    const char *text;
    size_t text_length; /* of EXPR_TEXT */
    Operator op;
    Expr *left, *right, *third;
    List items; /* of Expr */
    List args;  /* of Arg */
    int depth;  /* levels of the tree below and with this node, bounded by the parser */
};

/* ---- statements ------------------------------------------------------- */

typedef enum StmtKind {
    STMT_LAYER,      /* name(args) [as label] [-> shape]: a layer, a block, or `input` */
    STMT_COMBINE,    /* name(args), a combinator; branches, or one for each variable in value
                      * [as label] [-> shape] */
    STMT_FROM,       /* from label */
    STMT_LET,        /* let name = value */
    STMT_IF,         /* condition; body; otherwise (may be empty) */
    STMT_FOR,        /* for name in value body */
    STMT_REPEAT,     /* repeat value body */
    STMT_GROUP,      /* group label body */
    STMT_SEQUENTIAL, /* sequential label body */
    STMT_FROZEN,     /* frozen body */
    STMT_HEAD,       /* head label (args) body */
    STMT_OUTPUT,     /* output label (args) */
    STMT_EXPECT      /* expect value */
} StmtKind;

struct Stmt {
    StmtKind kind;
    Span span; /* the whole statement */
    const char *name;
    Span name_span;       /* layer's name, or the variable's */
    const char *variable; /* of a combinator with a loop; else NULL */
    Span variable_span;
    bool has_parens;
    List args;   /* of Arg */
    Expr *label; /* EXPR_NAME or EXPR_STRING, or NULL */
    Expr *shape; /* after ->, or NULL */
    Expr *value;
    List params;    /* of Param: of a let that defines a function */
    List body;      /* of Stmt */
    List otherwise; /* of Stmt */
    List branches;  /* of Branch */
    int depth;      /* as in Expr */
};

typedef struct Branch {
    Span span;
    List body; /* of Stmt */
} Branch;

/* ---- definitions ------------------------------------------------------ */

typedef struct Param { /* of a block, a net or a function */
    const char *name;
    Span span;
    Expr *value; /* default, or NULL */
} Param;

/* let NAME = value, or the function let NAME(params) = value. */
typedef struct Let {
    const char *name;
    Span name_span;
    List params; /* of Param; empty: a constant */
    Expr *value;
} Let;

typedef enum DefKind { DEF_BLOCK, DEF_NET } DefKind;

typedef struct Def {
    DefKind kind;
    const char *name;
    Span name_span;
    List params; /* of Param */
    List body;   /* of Stmt */
} Def;

/* train NAME { items }: the words and values in order.  A key is an EXPR_NAME
 * item that stands in the list of keys; elab/train_spec.c groups them. */
typedef struct Train {
    const char *name;
    Span name_span;
    Span span;
    List items; /* of Arg */
} Train;

/* A file and, before its own definitions, those of all it imports. */
typedef struct File {
    int source;
    List lets;    /* of Let, in order */
    List blocks;  /* of Def */
    List nets;    /* of Def; those of the file named on the command line come last */
    List trains;  /* of Train */
    int own_nets; /* how many of `nets` stand in the file itself, not in an import */
} File;

/* Whether the name is that of a combinator: after it `for` makes branches. */
bool front_is_combinator(const char *name);

/* Parses `path` ("-" is standard input) and what it imports; `import std` reads
 * the standard blocks built into the compiler.  NULL when there was an error;
 * the diagnostics are in the compilation. */
File *front_parse_file(Compilation *, const char *path);
File *front_parse_text(Compilation *, const char *path, const char *text, size_t size);

/* One expression; NULL on error. */
Expr *front_parse_expr(Compilation *, const char *path, const char *text);
/* From byte `begin` on; messages show the whole text: "name=value". */
Expr *front_parse_expr_at(Compilation *, const char *path, const char *text, int begin);

/* The items of a train section, for --set: "lr=0.1", "optimizer sgd(lr=0.1)". */
Train *front_parse_train_items(Compilation *, const char *path, const char *text);

/* The text of an expression as the user wrote it. */
const char *front_expr_text(const Compilation *, const Expr *);

/* The text in the one canonical layout (format.c): the same tokens and comments
 * with other white space.  Imports are not read.  `train_keys` are the words that
 * begin an entry of a train section, NULL at the end.  False where the text does
 * not parse; the diagnostics are in the compilation. */
bool front_format(Compilation *, const char *path, const char *text, size_t size, const char *const *train_keys,
                  Text *out);

/* Appends the tree of the file's own definitions (not those of its imports), for
 * reading and for golden tests; expressions stand in prefix form. */
void ast_dump(const File *, Text *);

/* Words of the language, which cannot be names. */
bool front_is_reserved(const char *name);

#endif
