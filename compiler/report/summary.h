/*
 * The summary of a net, as tables for text and Markdown.
 */
#ifndef NNC_REPORT_SUMMARY_H
#define NNC_REPORT_SUMMARY_H

#include "report/report_formats.h"
#include "report/report_table.h"

/* lenet: 1x32x32 -> 10; … */
const char *summary_heading(const Report *, Arena *);

/* "weight 0.3, loss mse, target age" */
const char *head_words(Arena *, const Head *);

/* The rows of the layers' table, as an array of lists of Block: what leads to
 * the output, each head, what is unused. */
List *summary_parts(const Analysis *, Arena *, int depth);

/* The backward pass where it is asked for, totals, memory, other batches: of ReportTable. */
List summary_sections(const Report *, Arena *);

/* The geometry of each layer's backward pass, with the size of its Jacobian. */
ReportTable *backward_table(const Analysis *, Arena *);

/* Nets side by side: quantities down, nets across, with ratios to the first. */
ReportTable *compare_table(const Report *, Arena *, int from, int to, bool units);
void compare_text(const Report *, Arena *, FILE *);

/* What differs between the first two nets: the layers, then the totals. */
List diff_tables(const Report *, Arena *);
ReportTable *diff_layers(const Report *, Arena *, bool plain);

#endif
