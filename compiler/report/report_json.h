/*
 * The report as a JSON value: what --format json prints and what the HTML page
 * draws from.
 */
#ifndef NNC_REPORT_JSON_H
#define NNC_REPORT_JSON_H

#include <jansson.h>

#include "report/report_formats.h"

enum { REPORT_JSON_VERSION = 1 };

json_t *report_to_json(const Report *); /* docs/report.schema.json */

/* json_values.c: add a key to an object; the value of json_put becomes the object's. */
void json_put(json_t *object, const char *key, json_t *value);
void json_put_text(json_t *object, const char *key, const char *);
void json_put_integer(json_t *object, const char *key, int64_t);
void json_put_real(json_t *object, const char *key, double);
void json_put_bool(json_t *object, const char *key, bool);
void json_put_known(json_t *object, const char *key, Known);

json_t *json_of_known(Known); /* a number, or {"n/a": "why"} */
json_t *json_of_memory(const Analysis *);
/* What graph.js draws: the layers without their figures, and a diagram that needs no Graphviz, so that it is the
 * same everywhere. */
json_t *json_of_drawing(const Analysis *, Arena *);

#endif
