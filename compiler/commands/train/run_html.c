/*
 * The page of one or several runs: page/run.html with its style, its script and the data.
 */
#include <stdlib.h>

#include "commands/support/output.h"
#include "commands/train/run_record.h"
#include "report/page_text.h"

int run_html_write(const char *path, const char *title, json_t *value)
{
    char *json = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(7));
    const Page page = {run_html_text, title, "training", run_style_text, run_script_text, json};
    const int status =
        json ? output_write_page(path, &page) : fail(STATUS_SYSTEM, "out of memory: the page is not written");
    free(json);
    json_decref(value);
    return status;
}
