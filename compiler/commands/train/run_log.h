/*
 * run_log: what `nnc train --log` has written, as the value of a page.
 */
#ifndef NNC_RUN_LOG_H
#define NNC_RUN_LOG_H

#include <jansson.h>

#include "base/base.h"

/* Of FILE.csv or FILE.jsonl: a run as run.js draws it; NULL after a message. */
json_t *run_log_value(Arena *, const char *path);

#endif
