/* The formats of the report, by name. */
#include <string.h>

#include "report/report_formats.h"

const ReportFormat *const report_formats[] = {&report_text, &report_markdown, &report_csv,  &report_json, &report_dot,
                                              &report_html, &report_svg,      &report_tikz, NULL};

const ReportFormat *report_format(const char *name)
{
    for (const ReportFormat *const *f = report_formats; *f; f++) {
        if (strcmp((*f)->name, name) == 0) return *f;
    }
    return NULL;
}
