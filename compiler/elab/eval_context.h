/*
 * What the parts of the evaluator share: evaluate.c (expressions), builtins.c (functions of
 * the language), functions.c (functions of the source), value_fields.c (in.channels).
 */
#ifndef NNC_ELAB_EVAL_CONTEXT_H
#define NNC_ELAB_EVAL_CONTEXT_H

#include "elab/value.h"

/* A function of the source that is being applied; see functions.c. */
typedef struct Application Application;

/* One evaluation: what the steps below it share. */
typedef struct EvalContext {
    Eval *eval;
    Compilation *c;
    Arena *arena;
    const Names *names;
    const Application *application; /* the innermost, or NULL */
} EvalContext;

/* NULL after an error, as in eval_expr. */
const Const *eval(const EvalContext *, const Expr *, bool symbols);
const Const *eval_field(const EvalContext *, const Expr *);

/* False when the source asks for more work than any network does. */
bool eval_spend(const EvalContext *, Span, int64_t steps);

/* Errors, and results that may be one. */
const Const *eval_overflow(const EvalContext *, const Expr *);
const Const *eval_real_result(const EvalContext *, const Expr *, double value);

/* ---- builtins.c ------------------------------------------------------- */

bool builtin_exists(const char *name);
const char *builtin_nearest(const char *name);
const Const *builtin_call(const EvalContext *, const Expr *call);

/* ---- functions.c ------------------------------------------------------ */

/* One further name over others, for as long as the object lives. */
typedef struct LocalNames {
    Names names;
    const Names *outer;
    const char *name;
    const Const *value;
} LocalNames;
const Names *local_names(LocalNames *, const Names *outer, const char *name, const Const *value);

const Const *function_call(const EvalContext *, const Expr *call, const Const *function);

#endif
