/*
 * anti_unify: what several runs of statements have in common.
 *
 * The runs have equal symbols, item by item.  A pattern is one of them with holes where
 * arguments differ, and says for each hole what stood there.
 */
#ifndef NNC_INTEROP_ANTI_UNIFY_H
#define NNC_INTEROP_ANTI_UNIFY_H

#include "interop/source_tree.h"

/* A hole: an argument of an item of the pattern. */
typedef struct PatternSite {
    SourceItem *item;
    int arg;
    SourceValue *value; /* by run; text NULL where the run does not have the item */
    int64_t *channels;  /* by run: axis 0 of what the item takes */
} PatternSite;

/* An item of the pattern with a name in one of the runs. */
typedef struct PatternName {
    SourceItem *item;
    const char **path; /* by run, or NULL */
} PatternName;

/* A combinator whose last branch is empty in some runs. */
typedef struct PatternOption {
    SourceItem *combine;
    bool *present;     /* by run */
    int64_t *channels; /* by run: axis 0 of what it takes */
} PatternOption;

typedef struct Pattern {
    Arena *arena;
    int count;      /* of runs */
    int64_t *entry; /* by run: axis 0 of what its first item takes; 0 for nothing */
    List items;     /* of SourceItem: copies */
    List sites;     /* of PatternSite */
    List names;     /* of PatternName */
    List options;   /* of PatternOption */
} Pattern;

/* runs[r] points to the first of `length` items. */
void pattern_make(Pattern *, Arena *, SourceItem *const *const *runs, int count, int length);

/* add { … } { } and add { … } { a convolution to the new shape }: the same unit, where it
 * changes the shape and where it does not. */
bool has_shortcut(const SourceItem *);

const char *site_name(const PatternSite *); /* of the attribute or parameter */

#endif
