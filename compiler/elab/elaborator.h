/*
 * elaborate: what the parts of the elaborator share.
 *
 * elaborate.c chooses the net; statements.c runs its body; calls.c enters
 * blocks; layers.c makes nodes; stmt_context.c names them and keeps count of failures.
 */
#ifndef NNC_ELAB_ELABORATOR_H
#define NNC_ELAB_ELABORATOR_H

#include "elab/scope.h"
#include "front/front.h"

/* Bounds on what a source may ask for. */
enum {
    MAX_STATEMENTS = 200000,
    MAX_NODES = 50000,
    MAX_CALLS = 64,    /* blocks within blocks */
    MAX_NESTING = 600, /* bodies within bodies, calls included: bounds our own stack */
    FAILURE_WEIGHT = 500
};
#define MAX_WORK ((int64_t)1 << 60) /* so that counts of operations and their sums fit 64 bits */

/* ---- failures: stmt_context.c ------------------------------------------ */

/* Something was reported.  Loops over it would report it again and again: a
 * failed statement counts for many. */
void elab_failed(Elab *);
Value elab_poison(Elab *);           /* the value of what has failed */
void elab_stop(Elab *);              /* a bound was passed: every loop ends */
void elab_note_causes(const Body *); /* under new errors: the calls of the blocks around, and the -D */

const Const *elab_eval(Body *, const Expr *);        /* NULL: in error, and counted */
bool elab_has_value(Body *, const char *what, Span); /* there is something to work on, or it is reported */

/* ---- statements that give a value: stmt_context.c ---------------------- */

/* One layer, call, combinator or group on its way: what it will be called. */
typedef struct StmtContext {
    const Stmt *stmt;
    const char *label; /* or NULL */
    const char *path;
} StmtContext;

const char *elab_label(Body *, const Expr *label); /* NULL: none, or an error */
StmtContext stmt_begin(Body *, const Stmt *, const char *kind);
void stmt_check_shape(Body *, const Stmt *, Value result); /* against -> SHAPE */
void stmt_end(Body *, const StmtContext *, Value result);  /* the result becomes the current value */

/* ---- expectations: expect.c ------------------------------------------- */

void elab_expect(Body *, const Stmt *);
int elab_condition(Body *, const Expr *, const char *taker); /* 1, 0, or −1 after an error: statements.c */
/* False for a name that is no metric; *value stays NULL after an error. */
bool elab_metric(const Elab *, const char *name, Span, const Const **value);
void elab_metric_keys(Arena *, List *keys);

/* ---- statements ------------------------------------------------------- */

void elab_body(Body *, const List *statements);         /* statements.c */
const Const *elab_loop_list(Body *, const Expr *value); /* what `for` goes over; NULL after an error */
bool elab_count(Elab *, Span, int64_t count);           /* statements about to be run; false: too many */
void elab_call(Body *, const Stmt *, const Def *block); /* calls.c */
void elab_input(Body *, const Stmt *);                  /* layers.c */
void elab_layer(Body *, const Stmt *);
void elab_combine(Body *, const Stmt *);
void elab_head(Body *, const Stmt *); /* heads.c */
void elab_output(Body *, const Stmt *);

/* Parameters of a block, a net or a function. */
int param_index(const List *params, const char *name); /* −1: none */
const char *param_nearest(Arena *, const List *params, const char *name);

#endif
