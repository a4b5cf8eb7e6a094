/*
 * nnc report NET.nn…: what there is to know of nets before they run.
 *
 * Enters: nets, and what to assume.  Leaves: the report on one, several side by
 * side, or the difference of two, on standard output or in a file.  An operand
 * is a file, or FILE.nn:NAME=VALUE,… with parameters for that one net; a file
 * of several nets stands for them all.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands/bench/bench.h"
#include "commands/support/load.h"
#include "commands/support/file_use.h"
#include "commands/support/output.h"
#include "report/report_formats.h"
#include "runtime/train/progress.h"

enum {
    OPTION_FORMAT = OPTION_FIRST_OWN,
    OPTION_DEPTH,
    OPTION_GAIN,
    OPTION_KILL,
    OPTION_PEAK,
    OPTION_BANDWIDTH,
    OPTION_MEASURE,
    OPTION_LIMIT,
    OPTION_TARGET,
    OPTION_WEIGHTS,
    OPTION_DIFF,
    OPTION_WIDE,
    OPTION_BACKWARD
};

enum { WIDTH_DEFAULT = 80, WIDTH_MIN = 40, WIDTH_MAX = 1000, NETS_MAX = 16 };

static const Option options[] = {
    {OPTION_FORMAT, "format", "text|md|csv|json|dot|html|svg|tikz", "the form of the report (text)"},
    {'o', "output", "FILE", "write the report to FILE"},
    {OPTION_DEPTH, "depth", "N", "fold blocks more than N levels deep into one row"},
    {OPTION_WIDE, "wide", NULL, "all columns, whatever the width of the terminal"},
    {OPTION_BACKWARD, "backward", NULL, "show the geometry of each layer's backward pass and its Jacobian"},
    {OPTION_DIFF, "diff", NULL, "show the layers in which two nets differ"},
    OPTION_ROW_DEFINE,
    OPTION_ROW_INPUT,
    OPTION_ROW_BATCH,
    OPTION_ROW_COMPUTE,
    {OPTION_LIMIT, "memory-limit", "BYTES", "show the largest batch that fits; K, M, G, T are powers of 1024"},
    {OPTION_TARGET, "target", "CPU", "flash, RAM and cycles of inference on a microcontroller, such as cortex-m4"},
    {OPTION_WEIGHTS, "weights", "FILE", "with --target: int8 weights, made by nnc quantize, that it computes with"},
    {OPTION_GAIN, "gain", "D", "a layer with weights scales a gradient by at most D (0.5)"},
    {OPTION_KILL, "kill", "P", "a layer makes a gradient zero with probability P (0.1)"},
    {OPTION_MEASURE, "measure", NULL, "measure the machine's peak and bandwidth now"},
    {OPTION_PEAK, "peak", "GFLOPS", "GFLOP/s of the roofline (default: as last measured, else 100)"},
    {OPTION_BANDWIDTH, "bandwidth", "GBS", "GB/s of the roofline (default: as last measured, else 20)"},
    OPTION_ROW_NET,
    OPTION_ROW_SET,
    OPTION_ROWS_FREEZE,
    {0},
};

/* All that the command line said, and the nets as they are analysed. */
typedef struct ReportJob {
    LoadOptions load;
    ReportOptions report;
    const ReportFormat *format;
    const char *output;
    List loaded; /* of Compilation: freed at the end */
    bool diff, wide, backward, measure;
    int64_t depth;
    const Analysis *net[NETS_MAX];
    const char *title[NETS_MAX], *path[NETS_MAX];
    int count;
} ReportJob;

/* ---- options ------------------------------------------------------------------ */

/* $COLUMNS, else the terminal's width, else 80. */
static int output_width(const ReportJob *job)
{
    if (job->wide) return WIDTH_MAX;
    if (job->output) return WIDTH_DEFAULT;
    const int width = terminal_width(STDOUT_FILENO);
    if (width <= 0) return WIDTH_DEFAULT;
    return width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : width;
}

static bool read_format(ReportJob *job, const char *name)
{
    const char *names[16];
    int count = 0;
    for (const ReportFormat *const *f = report_formats; *f; f++) names[count++] = (*f)->name;
    job->format = report_format(name);
    if (job->format) return true;
    const char *near = nearest_name(name, names, count);
    usage_error(&command_report,
                "--format %s: there is no such format%s%s; there are text, md, csv, json, dot, html, svg and tikz",
                name, near ? "; did you mean " : "", near ? near : "");
    return false;
}

static bool read_rate(const char *name, const char *text, double *value, MachineSource *source)
{
    if (!option_real(&command_report, name, text, 1e-6, 1e9, value)) return false;
    *value *= 1e9;
    *source = MACHINE_GIVEN;
    return true;
}

static bool take_option(ReportJob *job, int id, const char *value)
{
    const Command *c = &command_report;
    switch (id) {
    case OPTION_FORMAT: return read_format(job, value);
    case 'o': job->output = strcmp(value, "-") == 0 ? NULL : value; return true;
    case OPTION_DEPTH: return option_int(c, "depth", value, 1, DEPTH_ALL, &job->depth);
    case OPTION_WIDE: job->wide = true; return true;
    case OPTION_BACKWARD: job->backward = true; return true;
    case OPTION_DIFF: job->diff = true; return true;
    case OPTION_LIMIT: return option_bytes(c, "memory-limit", value, &job->report.memory_limit);
    case OPTION_TARGET:
        if (!option_target(c, value, &job->load.device)) return false;
        job->report.device = job->load.device;
        return true;
    case OPTION_WEIGHTS: job->load.weights = value; return true;
    case OPTION_GAIN: return option_real(c, "gain", value, 0, 1e6, &job->report.gain);
    case OPTION_KILL: return option_real(c, "kill", value, 0, 1, &job->report.kill);
    case OPTION_PEAK: return read_rate("peak", value, &job->report.peak, &job->report.peak_source);
    case OPTION_BANDWIDTH: return read_rate("bandwidth", value, &job->report.bandwidth, &job->report.bandwidth_source);
    case OPTION_MEASURE: job->measure = true; return true;
    default: return load_option(&job->load, c, id, value) != TAKEN_BAD;
    }
}

/* ---- the machine ---------------------------------------------------------------- */

/* Measured now with --measure, else as it was measured last. */
static bool find_machine(const ReportJob *job, Machine *m)
{
    if (!job->measure) return machine_recorded(m);
    *m = (Machine){0};
    machine_peak(m, 0, PRODUCTS_F32);
    machine_bandwidth(m);
    machine_record(m);
    return true;
}

static void set_machine(ReportJob *job)
{
    ReportOptions *o = &job->report;
    Machine m;
    if (!find_machine(job, &m)) return;
    if (o->peak_source != MACHINE_GIVEN) {
        o->peak = m.peak[PRODUCTS_F32];
        o->peak_source = MACHINE_MEASURED;
    }
    if (o->bandwidth_source != MACHINE_GIVEN) {
        o->bandwidth = m.bytes;
        o->bandwidth_source = MACHINE_MEASURED;
    }
}

/* ---- nets ------------------------------------------------------------------------- */

/* FILE.nn:a=1,b=2 → FILE.nn, and the definitions; a file of that very name comes first. */
static void split_operand(ReportJob *job, LoadOptions *load, const char *operand)
{
    Arena *arena = load->compilation->arena;
    const char *colon = strstr(operand, ".nn:");
    load->path = operand;
    load->defines = (List){0};
    for (int i = 0; i < job->load.defines.count; i++) list_push(arena, &load->defines, job->load.defines.at[i]);
    if (!colon || access(operand, F_OK) == 0) return;
    load->path = arena_strndup(arena, operand, (size_t)(colon + 3 - operand));
    for (const char *p = colon + 4; *p;) {
        size_t length = strcspn(p, ",");
        list_push(arena, &load->defines, arena_strndup(arena, p, length));
        p += length + (p[length] == ',');
    }
}

static bool defines_good(const List *defines, int from)
{
    for (int i = from; i < defines->count; i++) {
        const char *text = defines->at[i];
        if (*text != '=' && strchr(text, '=') && strchr(text, '=')[1]) continue;
        usage_error(&command_report, "FILE.nn: must be followed by NAME=VALUE, not '%s'", text);
        return false;
    }
    return true;
}

static bool same_parameter(const char *define, const char *other)
{
    size_t length = strcspn(define, "=");
    return strncmp(define, other, length) == 0 && other[length] == '=';
}

/* Whether a later definition of the same parameter replaces definition i. */
static bool is_replaced(const List *defines, int i)
{
    for (int k = i + 1; k < defines->count; k++)
        if (same_parameter(defines->at[i], defines->at[k])) return true;
    return false;
}

/* The name, with the parameters that were set: resnet (depth=50). */
static const char *title_of(Arena *arena, const Model *l, const List *defines)
{
    Text text;
    text_init(&text, arena);
    text_add(&text, l->net->name);
    const char *before = " (";
    for (int i = 0; i < defines->count; i++) {
        if (is_replaced(defines, i)) continue;
        text_addf(&text, "%s%s", before, (const char *)defines->at[i]);
        before = ", ";
    }
    if (defines->count) text_add(&text, ")");
    return text.data;
}

/* One net of a file. */
static int add_net(ReportJob *job, const char *operand, const char *name)
{
    if (job->count == NETS_MAX) return usage_error(&command_report, "at most %d nets at a time", NETS_MAX);
    LoadOptions load = job->load;
    Model loaded = {0};
    load.compilation = compilation_new();
    list_push(job->load.compilation->arena, &job->loaded, load.compilation);
    if (name) load.net = name;
    split_operand(job, &load, operand);
    if (!defines_good(&load.defines, job->load.defines.count)) return STATUS_USAGE;
    int status = load_net(&load, &loaded);
    if (status != STATUS_OK) return status;
    ReportOptions report = job->report;
    report.batch = loaded.batch;
    report.device_net = loaded.net;
    job->net[job->count] = analysis_build(model_described(&loaded), loaded.spec, &report);
    job->title[job->count] = title_of(load.compilation->arena, &loaded, &load.defines);
    job->path[job->count] = load.path;
    if (!job->net[job->count++]) status = STATUS_INPUT;
    load_status(&load);
    return status;
}

/* Nets of one name and the same parameters are told apart by their files. */
static void distinguish_titles(ReportJob *job)
{
    bool same[NETS_MAX] = {false};
    for (int i = 0; i < job->count; i++)
        for (int k = 0; k < job->count; k++)
            same[i] |= i != k && strcmp(job->title[i], job->title[k]) == 0 && strcmp(job->path[i], job->path[k]) != 0;
    for (int i = 0; i < job->count; i++)
        if (same[i])
            job->title[i] = arena_printf(job->load.compilation->arena, "%s of %s", job->title[i], job->path[i]);
}

/* Can be read twice; standard input and pipes cannot. */
static bool is_regular(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* A file's own nets where there are several and none was named; else just one. */
static int add_report_file(ReportJob *job, const char *operand)
{
    LoadOptions load = job->load;
    split_operand(job, &load, operand);
    if (load.net || !is_regular(load.path)) return add_net(job, operand, NULL);
    Compilation *c = compilation_new();
    list_push(job->load.compilation->arena, &job->loaded, c);
    const File *file = front_parse_file(c, load.path);
    if (!file || file->own_nets < 2) return add_net(job, operand, NULL);
    int status = STATUS_OK;
    for (int i = file->nets.count - file->own_nets; status == STATUS_OK && i < file->nets.count; i++)
        status = add_net(job, operand, ((const Def *)file->nets.at[i])->name);
    return status;
}

/* ---- printing ------------------------------------------------------------------------ */

static int print_to(ReportJob *job, FILE *out)
{
    Report r = {job->net, job->title, job->count, (int)job->depth, output_width(job), job->backward, false};
    (job->diff ? job->format->diff : job->format->print)(&r, out);
    return r.failed ? STATUS_SYSTEM : STATUS_OK;
}

static int print_file(ReportJob *job)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out) return fail(STATUS_SYSTEM, "out of memory");
    int status = print_to(job, out);
    if (fclose(out) != 0) status = fail(STATUS_SYSTEM, "out of memory");
    if (status == STATUS_OK) status = output_write(&(OutputFile){job->output, text, length}, 1);
    free(text);
    return status;
}

static int check_job(const ReportJob *job, int operands)
{
    if (operands == 0) return usage_error(&command_report, "missing input file");
    if (job->load.weights && !job->report.device)
        return usage_error(&command_report, "--weights needs a microcontroller, such as --target cortex-m4");
    if (job->load.bf16_values && job->report.device)
        return usage_error(&command_report, "--compute bf16 is not for microcontrollers");
    if (job->backward && job->format != &report_text && job->format != &report_markdown)
        return usage_error(&command_report, "--backward has no format %s; there are text and md", job->format->name);
    if (job->diff && !job->format->diff)
        return usage_error(&command_report, "--diff has no format %s; there are text, md, csv and json",
                           job->format->name);
    return STATUS_OK;
}

static int run_job(ReportJob *job, char **operands, int count)
{
    int status = check_job(job, count);
    job->report.growth = job->load.batch || job->report.memory_limit;
    job->report.bf16_values = job->load.bf16_values;
    if (status == STATUS_OK) set_machine(job);
    for (int i = 0; status == STATUS_OK && i < count; i++) status = add_report_file(job, operands[i]);
    for (int i = 0; status == STATUS_OK && i < job->count; i++)
        status = files_apart((FileUse[]){{"the source", job->path[i], false}, {"-o", job->output, true}}, 2);
    if (status == STATUS_OK && job->diff && job->count != 2)
        status = usage_error(&command_report, "--diff takes two nets, not %d", job->count);
    if (status != STATUS_OK) return status;
    distinguish_titles(job);
    return job->output ? print_file(job) : print_to(job, stdout);
}

static int report_run(int argc, char **argv)
{
    OptionReader r;
    ReportJob job = {.report = report_options(), .format = &report_text, .depth = DEPTH_ALL};
    load_options_init(&job.load);
    job.load.learns = true;
    options_begin(&r, &command_report, argc, argv);
    int status = STATUS_OK;
    for (int id; status == STATUS_OK && (id = options_next(&r)) != OPTIONS_END;) {
        if (id == OPTIONS_BAD || !take_option(&job, id, r.value)) status = STATUS_USAGE;
    }
    if (status == STATUS_OK) status = run_job(&job, r.operands, r.operand_count);
    for (int i = 0; i < job.loaded.count; i++) compilation_free(job.loaded.at[i]);
    load_options_free(&job.load);
    int flushed = finish_output();
    return status ? status : flushed;
}

const Command command_report = {
    .name = "report",
    .summary = "analyse nets: sizes, costs, memory, receptive fields, gradient flow",
    .usage = "report NET.nn[:NAME=VALUE,...]... [options]",
    .options = options,
    .details = "For each layer: output shape, parameters, multiply-accumulates, receptive field\n"
               "with effective stride and padding, and the bytes of the output; more columns\n"
               "where there is room.  For the net: totals, depth and paths, gradient flow, a\n"
               "roofline estimate, and the memory that the generated code will use.  Several\n"
               "nets, or a file of several, are shown side by side; docs/report.md defines\n"
               "every number.\n",
    .run = report_run,
};
