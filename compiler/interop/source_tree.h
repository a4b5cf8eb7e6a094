/*
 * The statements of a net on their way from a graph of layers to text.
 *
 * build_statements makes a tree of the graph; name_statements, find_blocks and find_loops
 * change it; write_statements prints it.  No step changes the order in which layers are
 * reached when the statements run.
 */
#ifndef NNC_INTEROP_SOURCE_TREE_H
#define NNC_INTEROP_SOURCE_TREE_H

#include "interop/source_graph.h"

/* The value of an argument. */
typedef struct SourceValue {
    const char *text; /* as the language writes it; NULL: it does not matter */
    bool is_int;
    int64_t number;
    bool is_expr; /* names a parameter of a block, a loop's variable, or `in` */
    bool omitted; /* of a call: it is what the parameter's default gives there */
} SourceValue;

typedef enum SourceItemKind {
    ITEM_LAYER,
    ITEM_COMBINE,
    ITEM_FROM,
    ITEM_OUTPUT,
    ITEM_SEQUENTIAL, /* a scope whose layers are named by position: one branch */
    ITEM_CALL,       /* of a block */
    ITEM_LOOP        /* one branch */
} SourceItemKind;

typedef struct SourceBlock SourceBlock;

typedef struct SourceItem SourceItem;
struct SourceItem {
    SourceItemKind kind;
    const Op *op;      /* of a layer or a combinator */
    int layer;         /* its place in the graph */
    SourceValue *args; /* one for each attribute of `op`, or parameter of `block` */
    int arg_count;
    const char *path;         /* its name within the block or net; NULL: what the language gives it */
    const SourceItem *target; /* of `from` */
    bool referenced;          /* by a `from`: it has a label */
    SourceItem *stand_in;     /* the call of which it was the last statement, or NULL */
    const char *label;        /* of an output: its name; of what is referenced: how it is called */
    Shape in, shape;          /* before and after it; of rank 0 where there is nothing before */
    List branches;            /* of List of SourceItem */
    const char *condition;    /* of a combinator: under which its last branch is not empty; or NULL */
    SourceBlock *block;       /* of a call */
    const char *variable;     /* of a loop; NULL: it is a repetition */
    const char *range;        /* of a loop: what it runs over, or how often */
    uint64_t symbol;          /* equal where only arguments differ: see repeats.c */
};

typedef struct SourceParam {
    const char *name, *initial; /* initial NULL: it must be given */
} SourceParam;

struct SourceBlock {
    const char *name;
    int number; /* in order of making */
    SourceParam *params;
    int param_count;
    List body; /* of SourceItem */
};

typedef struct SourceTree {
    Arena *arena;
    const SourceGraph *graph;
    List blocks; /* of SourceBlock, each before those that call it */
    List body;   /* of SourceItem */
    int *order;  /* layers, inputs left out, in the order in which they are reached; −1: added here */
    int order_count;
} SourceTree;

static inline SourceItem *item_at(const List *items, int i) { return items->at[i]; }
static inline List *item_branch(const SourceItem *item, int i) { return item->branches.at[i]; }

/* series_parallel.c */
void build_statements(SourceTree *);
/* concat_chains.c: concat(a, b, c) where there is a concat(a, b) becomes concat(concat(a, b), c). */
SourceGraph *chain_concats(Arena *, const SourceGraph *);
/* labels.c */
void name_statements(SourceTree *);
/* anti_unify.c, block_params.c and repeats.c */
void find_blocks(SourceTree *);
/* loops.c */
void find_loops(SourceTree *, bool calls_only);
/* block_names.c */
void name_blocks(SourceTree *);
/* write_statements.c */
void write_statements(const SourceTree *, Text *);

#endif
