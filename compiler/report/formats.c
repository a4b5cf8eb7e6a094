/* The formats of the report, by name. */
#include <string.h>

#include "report/report.h"

static const ReportFormat *const formats[] = {&report_text};

const ReportFormat *report_format(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(formats[i]->name, name) == 0) return formats[i];
    }
    return NULL;
}
