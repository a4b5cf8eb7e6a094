/*
 * value: what an expression of the language computes.
 *
 * Enters: the expressions of the syntax tree and the names that are visible
 * where they stand.  Leaves: constants, which never change once they are made,
 * so that lists share their elements.  Sizes are bounded when a constant is
 * made (weight, depth, length of strings); whatever walks one later is safe.
 */
#ifndef NNC_ELAB_VALUE_H
#define NNC_ELAB_VALUE_H

#include "front/front.h"
#include "graph/graph.h"

typedef enum ConstKind {
    CONST_INT,
    CONST_REAL,
    CONST_BOOL,
    CONST_STRING,
    CONST_LIST,
    CONST_RANGE,   /* a list of consecutive integers that is not written out */
    CONST_SYMBOL,  /* a bare name, possibly with arguments: same, normal(0.01) */
    CONST_VALUE,   /* a value of the net: `in` or a label */
    CONST_FUNCTION /* let f(a, b) = … */
} ConstKind;

typedef struct Names Names;
typedef struct Const Const;

struct Const {
    ConstKind kind;
    int depth;      /* of lists: 1 + the deepest element */
    int64_t weight; /* values in it, itself included */
    union {
        int64_t integer;
        double real;
        bool truth;
        const char *text; /* of strings */
        struct {
            const Const *const *at;
            int64_t count;
        } list;
        struct {
            int64_t first, end;
        } range;
        struct {
            const char *text;
            const List *args;   /* of ConstArg; NULL without parentheses */
            const Names *names; /* where it was written: for suggestions */
        } symbol;
        struct {
            const char *text;
            const Tensor *tensor; /* NULL: its layer was in error */
        } value;
        struct {
            const char *name;
            const List *params; /* of Param */
            const Expr *body;
            const Names *names; /* where it is defined */
        } function;
    };
};

enum { CONST_MAX_WEIGHT = 1000000, CONST_MAX_DEPTH = 64, CONST_MAX_TEXT = 4000 };

const Const *const_int(Arena *, int64_t);
const Const *const_real(Arena *, double);
const Const *const_bool(Arena *, bool);
const Const *const_string(Arena *, const char *);
const Const *const_range(Arena *, int64_t first, int64_t end);
const Const *const_symbol(Arena *, const char *name, const List *args, const Names *);
const Const *const_value(Arena *, const char *name, const Tensor *);
const Const *const_function(Arena *, const char *name, const List *params, const Expr *body, const Names *);

/* NULL when it would be deeper or heavier than the bounds above. */
const Const *const_list(Arena *, const Const *const *at, int64_t count);

bool const_is_list(const Const *);
int64_t const_length(const Const *);                          /* of a list */
const Const *const_at(Arena *, const Const *, int64_t index); /* of a list; from 0, in bounds */
bool const_is_number(const Const *);
double const_number(const Const *); /* of an integer or a real */

/* "an integer", "a list", … */
const char *const_kind_text(const Const *);

/* As the language writes it; cut short with … beyond some hundred characters. */
const char *const_text(Arena *, const Const *);

/* The shortest decimal that reads back as the same double: 0.1, 1e-05, 64 */
const char *real_text(Arena *, double);

/* Elements of kinds that cannot be compared make *comparable false. */
bool const_equal(Arena *, const Const *, const Const *, bool *comparable);

/* ---- evaluation ------------------------------------------------------- */

/* The names visible at a place.  `find` is false for an unknown one; it may
 * report an error itself: then it is true and the value NULL.  `nearest` may
 * return NULL. */
struct Names {
    void *self;
    bool (*find)(void *self, const char *name, Span, const Const **value);
    const char *(*nearest)(void *self, const char *name);
};

typedef struct Eval {
    Compilation *compilation;
    int64_t steps; /* expressions computed so far: bounded */
} Eval;

enum { EVAL_MAX_STEPS = 3000000 };

/* NULL: an error was reported, here or where the value came from.  With
 * `symbols`, a name that is not visible is a symbol instead of an error. */
const Const *eval_expr(Eval *, const Names *, const Expr *, bool symbols);

/* What `let NAME(params) = value` defines: without parameters the value, else a function.  NULL
 * after an error. */
const Const *eval_let(Eval *, const Names *, const char *name, Span name_span, const List *params, const Expr *value);

/* The arguments of a layer, a block or a train section's entry as ConstArg; a
 * wrong one has the value NULL and was reported. */
List *eval_args(Eval *, const Names *, const List *args /* of Arg */);

/* The text of an expression on one line. */
const char *expr_line(const Compilation *, const Expr *);

/* ", did you mean `x`?" or nothing. */
const char *suggestion(Compilation *, const char *nearest);

#endif
