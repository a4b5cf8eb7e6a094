/*
 * The output formats of a report: each prints analyses.
 */
#ifndef NNC_REPORT_FORMATS_H
#define NNC_REPORT_FORMATS_H

#include "report/analysis.h"

#include <stdio.h>

enum { DEPTH_ALL = 1000 };

/* One net, or several that are compared. */
typedef struct Report {
    const Analysis **net;
    const char **title; /* how each is called: its name, or its file's where names are equal */
    int count;
    int depth;     /* blocks below this are one row */
    int width;     /* columns there are to fill */
    bool backward; /* show the layers' backward pass too */
    bool failed;   /* set by a formatter that failed and has printed why */
} Report;

typedef struct ReportFormat {
    const char *name;
    void (*print)(Report *, FILE *);
    /* What differs between two nets; NULL: not in this format. */
    void (*diff)(Report *, FILE *);
} ReportFormat;

extern const ReportFormat report_text, report_markdown, report_csv, report_json, report_dot, report_html, report_svg,
    report_tikz;

extern const ReportFormat *const report_formats[];   /* NULL at the end */
const ReportFormat *report_format(const char *name); /* NULL for an unknown one */

#endif
