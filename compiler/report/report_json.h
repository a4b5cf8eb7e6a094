/*
 * The report as a JSON value: what --format json prints and what the HTML page
 * draws from.
 */
#ifndef NNC_REPORT_JSON_H
#define NNC_REPORT_JSON_H

#include <jansson.h>

#include "report/report.h"

enum { REPORT_JSON_VERSION = 1 };

json_t *report_to_json(const Report *); /* docs/report.schema.json */

json_t *json_of_known(Known);                  /* a number, or {"n/a": "why"} */
json_t *json_of_program(const ReportMemory *); /* the plan, with what is where and when */
json_t *json_of_memory(const Analysis *);

#endif
