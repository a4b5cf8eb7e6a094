/*
 * findings: why a net does not learn, or not as it should.
 *
 * Enters: what a run has shown so far, as Evidence.  Leaves: warnings at the lines of the source that
 * they are about, each with advice.  A kind of finding is one record of the table in finding_kinds.c;
 * its condition is a function in conditions_*.c.
 */
#ifndef NNC_STATS_FINDINGS_H
#define NNC_STATS_FINDINGS_H

#include "stats/stats.h"

/* ---- what there is to judge ------------------------------------------------ */

/* The training part, before the first step. */
typedef struct DataSeen {
    int samples;     /* that were looked at */
    double size;     /* root mean square of all values of the input */
    double varying;  /* share of the input's elements that are not the same in all samples */
    double spread;   /* of columns: the largest root mean square of one / the smallest that is not 0 */
    int classes;     /* that occur; 0: targets are values */
    int class_count; /* that there may be */
    double entropy;  /* of the classes' shares, nats */
    bool constant;   /* all samples have the same target */
} DataSeen;

typedef struct EpochSeen {
    int epoch;
    int64_t step; /* done at its end */
    double loss;  /* mean of its steps */
    double valid; /* loss of the part that is shown; NaN: not evaluated */
} EpochSeen;

/* Of the newest evaluation. */
typedef struct ClassesSeen {
    int count;      /* of classes; 0: there are none */
    int *present;   /* [count] samples of each in the part */
    int *predicted; /* [count] */
    int *missed;    /* [count] evaluations in a row in which it was present and not predicted */
    int samples;
} ClassesSeen;

/* The first number that is not finite, of a replay. */
typedef struct BadNumber {
    const Node *node; /* the call that made it; NULL: there is none, or it is in the input */
    const char *what; /* "the result", "the gradient of conv1.weight" */
    double value;
    int64_t step; /* from 1; 0: no step made one */
    int epoch;
} BadNumber;

typedef struct Evidence {
    Graph *net;
    const TrainSpec *spec;
    int64_t batch; /* samples whose statistics a batchnorm takes */
    int64_t last;  /* of the last batch of an epoch; 0: there is none */
    int epochs;    /* of the run, as planned */
    double lr;
    const Stats *stats;
    const DataSeen *data;
    const EpochSeen *epoch; /* [epoch_count] */
    int epoch_count;
    const ClassesSeen *classes;
    const BadNumber *bad;
    const char *valid_name; /* of the part that is shown: "validation", "test" */
} Evidence;

/* ---- what is found --------------------------------------------------------- */

enum { FINDING_PARTS = 6 };

typedef struct Findings Findings;
typedef struct FindingKind FindingKind;

/* When a condition is looked at. */
typedef enum FindingTime { FIND_AT_START, FIND_AFTER_EPOCH, FIND_DIVERGED } FindingTime;

struct FindingKind {
    const char *name;    /* dead-units */
    const char *message; /* {0}, {1} … stand for the parts that the condition gives */
    const char *advice;
    FindingTime time;
    void (*look)(const Evidence *, Findings *);
};

typedef struct Finding {
    const FindingKind *kind;
    Span span;
    const char *text;
    int epoch; /* 0: before the first */
} Finding;

extern const FindingKind finding_kinds[]; /* finding_kinds.c; a name of NULL at the end */

Findings *findings_new(Compilation *);
/* Looks for those of the kinds that are of that time; what is found for the first time is
 * printed on standard error. */
void findings_look(Findings *, const FindingKind *, const Evidence *, FindingTime, bool color);
int findings_count(const Findings *);
const Finding *findings_at(const Findings *, int i);
bool findings_have(const Findings *, const char *name);

/* For conditions: of the kind that is being looked for; texts may be of findings_text. */
void finding_add(Findings *, Span, const char *const parts[FINDING_PARTS]);
const char *findings_text(Findings *, const char *format, ...) PRINTF_LIKE(2, 3);

#define FOUND(...) ((const char *const[FINDING_PARTS]){__VA_ARGS__})

#endif
