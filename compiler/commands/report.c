/*
 * nnc report NET.nn…: what there is to know of nets before they run.
 *
 * Enters: nets, and the batch to plan for.  Leaves: one report after another on
 * standard output.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "commands/commands.h"
#include "report/report.h"

enum { OPTION_FORMAT = OPTION_FIRST_OWN };
enum { WIDTH_DEFAULT = 80, WIDTH_MIN = 40, WIDTH_MAX = 1000 };

static const Option options[] = {
    OPTION_ROW_DEFINE,
    OPTION_ROW_NET,
    OPTION_ROW_SET,
    OPTION_ROW_FREEZE,
    OPTION_ROW_BATCH,
    {OPTION_FORMAT, "format", "FORMAT", "text", false},
    {0},
};

/* $COLUMNS, else the terminal's width, else 80. */
static int output_width(void)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    int width = columns ? atoi(columns) : 0;
    if (width <= 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) width = size.ws_col;
    if (width <= 0) return WIDTH_DEFAULT;
    return width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : width;
}

static const ReportFormat *read_format(const char *name)
{
    static const char *const planned[] = {"md", "csv", "json", "html", "dot"};
    const ReportFormat *format = report_format(name);
    if (format) return format;
    for (size_t i = 0; i < sizeof planned / sizeof *planned; i++) {
        if (strcmp(name, planned[i]) == 0) {
            usage_error(&command_report, "--format %s is not there yet; there is text", name);
            return NULL;
        }
    }
    usage_error(&command_report, "--format %s: there is no such format; there is text", name);
    return NULL;
}

/* One net.  What was given on the command line holds for each. */
static int report_net(const LoadOptions *given, const char *path, const ReportFormat *format)
{
    LoadOptions load = *given;
    Loaded loaded = {0};
    load.compilation = compilation_new();
    load.path = path;
    int status = load_net(&load, &loaded);
    if (status == STATUS_OK) {
        const Analysis *a = analysis_build(loaded.net, loaded.spec, loaded.batch);
        if (a)
            format->print(a, output_width(), stdout);
        else
            status = STATUS_INPUT;
        if (load.compilation->errors) diag_print(load.compilation, stderr, stderr_color());
    }
    compilation_free(load.compilation);
    return status;
}

static int run(int argc, char **argv)
{
    OptionReader r;
    LoadOptions load;
    const ReportFormat *format = &report_text;
    load_options_init(&load);
    options_begin(&r, &command_report, argc, argv);
    int status = STATUS_OK;
    for (int id; status == STATUS_OK && (id = options_next(&r)) != OPTIONS_END;) {
        if (id == OPTIONS_BAD)
            status = STATUS_USAGE;
        else if (id == OPTION_FORMAT)
            status = (format = read_format(r.value)) ? STATUS_OK : STATUS_USAGE;
        else if (load_option(&load, &command_report, id, r.value) == TAKEN_BAD)
            status = STATUS_USAGE;
    }
    if (status == STATUS_OK && r.operand_count == 0) status = usage_error(&command_report, "which net?");
    for (int i = 0; status == STATUS_OK && i < r.operand_count; i++) {
        if (i > 0) putchar('\n');
        status = report_net(&load, r.operands[i], format);
    }
    load_options_free(&load);
    int flushed = finish_output();
    return status ? status : flushed;
}

const Command command_report = {
    .name = "report",
    .summary = "parameters, operations, memory and receptive fields of nets",
    .usage = "report NET.nn... [options]",
    .options = options,
    .details = "For every layer: its result's shape, parameters, multiply-accumulates, receptive\n"
               "field with effective stride and padding, and the bytes of its result.  For the\n"
               "net: totals, and the memory that the generated code will use.\n",
    .run = run,
};
