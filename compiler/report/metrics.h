/*
 * The metrics of a net: every number about the net as a whole, shared by the
 * summary, the comparison and the diff.
 */
#ifndef NNC_REPORT_METRICS_H
#define NNC_REPORT_METRICS_H

#include "report/analysis.h"

typedef enum MetricKind {
    METRIC_COUNT,
    METRIC_BYTES,
    METRIC_PIXELS,
    METRIC_REAL,
    METRIC_SHARE,
    METRIC_SECONDS,
    METRIC_DIGITS
} MetricKind;

/* Where a metric is shown; JSON and CSV have all of them. */
typedef enum MetricUse {
    USE_ALWAYS,
    USE_WHERE_THERE, /* where it is neither 0 nor n/a */
    USE_COMPARED,    /* only next to another net: the summary has it elsewhere */
    USE_NEVER
} MetricUse;

typedef struct Metric {
    const char *key;   /* for programs: macs */
    const char *label; /* for people; begins with spaces where it is part of the one before */
    MetricKind kind;
    Known value;
    const char *text; /* exact, for people; "n/a" where there is none */
    const char *note; /* what it is measured in or where; "" for none */
    MetricUse use;
} Metric;

List net_metrics(const Analysis *, Arena *); /* of Metric, always the same ones in the same order */

bool metric_is_shown(const Metric *, bool compared);    /* is it shown to people? */
const char *metric_short_text(Arena *, const Metric *); /* with units, for narrow tables */

#endif
