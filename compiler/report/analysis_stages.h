/*
 * The stages of the analysis.  Each fills in its own fields of an Analysis whose
 * layers exist already; analysis.c calls them in order.
 */
#ifndef NNC_REPORT_ANALYSIS_STAGES_H
#define NNC_REPORT_ANALYSIS_STAGES_H

#include "elab/train_spec.h"
#include "report/analysis.h"

enum { REAL_SIZE = 4 }; /* float */

void analyse_uneven_fields(Analysis *); /* before the fields */
void analyse_fields(Analysis *);
void analyse_paths(Analysis *);
void analyse_flow(Analysis *);
void analyse_slopes(Analysis *);
void analyse_roofline(Analysis *);
/* False after an error. */
bool analyse_device(Graph *, const TrainSpec *, Analysis *);
bool analyse_memory(Graph *, const TrainSpec *, Analysis *);
bool analyse_batches(Graph *, const TrainSpec *, Analysis *); /* after the memory */
bool memory_at(Graph *, const TrainSpec *, const ReportOptions *, int64_t batch, MemoryAt *);

void totals_add(ReportTotals *, const LayerReport *);

#endif
