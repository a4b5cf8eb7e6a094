/*
 * scope: what is visible where, and what things are called.
 *
 * Two trees that the statements of a net grow.  Bodies say what a name means:
 * the lets of the bodies around, their labels, the constants of the file.
 * Namings say what a layer is called: labels joined by dots, numbers for what
 * has no label.  Branches, loops and conditions make bodies but no namings;
 * block calls and groups make both.
 */
#ifndef NNC_ELAB_SCOPE_H
#define NNC_ELAB_SCOPE_H

#include "elab/elaborate.h"
#include "elab/value.h"

/* ---- constants of a file ---------------------------------------------- */

/* Computed in any order; each once. */
typedef struct FileLets FileLets;

FileLets *file_lets_new(Eval *, const File *);
const Names *file_lets_names(FileLets *);

/* ---- names of layers -------------------------------------------------- */

typedef struct Naming {
    const char *path; /* "" for the net itself */
    bool sequential;  /* steps are called by their position */
    int position;
    Map *counters; /* kind → Counter; NULL until there is one */
    Map *labels;   /* label → Span of its first use; likewise */
} Naming;

Naming *naming_new(Arena *, const char *path, bool sequential);

/* The next step's name within its naming, and with the path before it. */
const char *naming_step(Compilation *, Naming *, const char *kind, const char *label, Span label_span);
const char *naming_path(Arena *, const Naming *, const char *step);

/* ---- bodies ----------------------------------------------------------- */

/* A value of the pipeline: not there yet, a tensor, or what a layer in error
 * would have given. */
typedef struct Value {
    Tensor *tensor;
    bool poisoned;
} Value;

typedef struct Binding {
    const char *name;
    Span span;
    const Const *value;   /* NULL: it was in error */
    const Define *define; /* of the command line, that it comes from; or NULL */
} Binding;

/* A block being run, for the trail of notes under an error. */
typedef struct Call {
    const Def *def;
    Span span;
    const struct Call *outer;
    int depth;
    const Define *define; /* that its arguments come from, or NULL */
} Call;

typedef struct Elab Elab;

typedef struct Body {
    Elab *elab;
    struct Body *outer; /* lexically around; NULL for the body of a net or a block */
    struct Body *home;  /* whose labels a label made here joins */
    Binding variable;   /* of a `for`; its name is NULL elsewhere */
    Map *lets;          /* name → Binding; NULL until there is one */
    Map *labels;        /* label → Const, a value; NULL until there is one */
    Naming *naming;
    const Call *call;
    int depth;
    Value current;
    bool frozen, in_head;
    Names names;
} Body;

/* What all the bodies of an elaboration share. */
struct Elab {
    Compilation *c;
    Graph *graph;
    Eval eval;
    FileLets *lets;
    Map *blocks;          /* name → Def */
    Map *model_names;     /* name of a parameter → Tensor */
    int statements;       /* run so far; failed ones weigh more */
    int errors;           /* of the compilation, before this elaboration */
    int noted;            /* errors that have their trail of calls */
    const Define *define; /* that the statement being run has used, or NULL */
    bool stopped;         /* a bound was passed: unwind */
    bool incomplete;      /* a layer is in error: totals mean nothing */
    int64_t params, macs; /* of what inference keeps */
    int64_t work;         /* a bound on the operations of all layers */
    const Stmt *unlabelled_input;
    const NetMetrics *metrics; /* while budgets are checked */
};

Body *body_new(Elab *, Body *outer, Naming *);

void body_let(Body *, const char *name, Span, const Const *value); /* reports a second one */
void body_label(Body *, const char *label, Value);
bool body_find(const Body *, const char *name, const Const **value); /* lets, labels and the file's lets */

#endif
