/*
 * trace: `nnc trace NET.nn --x VALUES`.
 *
 * Enters: a net, a sample and what its result is compared with.  Leaves: the forward and the
 * backward pass and the update, value by value.
 */
#include "commands/trace/trace.h"

#include <stdlib.h>
#include <string.h>

#include "commands/support/file_use.h"
#include "commands/support/output.h"
#include "commands/support/weighted.h"

enum { TRACE_WEIGHTS = OPTION_FIRST_OWN, TRACE_X, TRACE_TARGET, TRACE_DY, TRACE_SEED, TRACE_FORMAT, TRACE_DIGITS };

static const TraceFormat *const formats[] = {&trace_text, &trace_json, &trace_dot, &trace_html};

static const Option options[] = {
    {TRACE_X, "x", "VALUES|FILE",
     "the input: numbers (samples may stand between semicolons), or a file as predict reads"},
    {TRACE_TARGET, "target", "VALUES", "what the train section's loss compares with: values, or numbers of classes"},
    {TRACE_DY, "dy", "VALUES", "dL/dy of the outputs, instead of a loss (of a single output: 1)"},
    {TRACE_WEIGHTS, "weights", "FILE", "the weights (default: as training begins)"},
    {TRACE_SEED, "seed", "S", "seed of the initial weights (default: the train section's, else 1)"},
    {TRACE_FORMAT, "format", "text|json|html|dot", "how it is printed (default: text)"},
    {TRACE_DIGITS, "digits", "N", "digits after the point in texts (default 2)"},
    {'o', "output", "FILE", "write to a file"},
    OPTION_ROW_NET,
    OPTION_ROW_DEFINE,
    OPTION_ROW_INPUT,
    OPTION_ROW_SET,
    OPTION_ROWS_FREEZE,
    {0},
};

static bool take_trace_format(TraceRequest *o, const char *value)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(formats[i]->name, value) != 0) continue;
        o->format = formats[i];
        return true;
    }
    usage_error(&command_trace, "--format takes text, json, html or dot, not '%s'", value);
    return false;
}

static bool take_trace_option(TraceRequest *o, int id, const char *value)
{
    switch (id) {
    case TRACE_X: o->x = value; return true;
    case TRACE_TARGET: o->target = value; return true;
    case TRACE_DY: o->dy = value; return true;
    case TRACE_WEIGHTS: o->weights = value; return true;
    case TRACE_SEED: return option_int(&command_trace, "seed", value, 0, INT64_MAX, &o->seed);
    case TRACE_FORMAT: return take_trace_format(o, value);
    case TRACE_DIGITS: return option_int(&command_trace, "digits", value, 0, 9, &o->digits);
    case 'o': o->output = value; return true;
    default: return load_option(&o->load, &command_trace, id, value) == TAKEN_YES;
    }
}

static int print_trace(const TraceRequest *o, const Trace *t)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out) return fail(STATUS_SYSTEM, "out of memory");
    o->format->print(t, out);
    if (fclose(out)) return fail(STATUS_SYSTEM, "out of memory");
    int status = STATUS_OK;
    if (o->output && strcmp(o->output, "-") != 0) {
        status = output_write(&(OutputFile){o->output, text, length}, 1);
    } else {
        fwrite(text, 1, length, stdout);
        status = finish_output();
    }
    free(text);
    return status;
}

static int trace(TraceRequest *o, const OptionReader *reader)
{
    Model m = {0};
    Trace t;
    if (!options_one_file(reader)) return STATUS_USAGE;
    o->load.path = reader->operands[0];
    o->weights = weighted_path(&o->load, o->weights);
    int status = files_apart((FileUse[]){{"the source", o->load.path, false}, {"-o", o->output, true}}, 2);
    if (status == STATUS_OK) status = trace_run_net(o, &m, &t);
    if (status == STATUS_OK) status = print_trace(o, &t);
    model_free(&m);
    return status;
}

static int trace_run(int argc, char **argv)
{
    TraceRequest o = {.format = &trace_text, .seed = -1, .digits = 2};
    OptionReader reader;
    int status = STATUS_OK;
    load_options_init(&o.load);
    options_begin(&reader, &command_trace, argc, argv);
    for (int id; status == STATUS_OK && (id = options_next(&reader)) != OPTIONS_END;)
        if (id == OPTIONS_BAD || !take_trace_option(&o, id, reader.value)) status = STATUS_USAGE;
    if (status == STATUS_OK) status = trace(&o, &reader);
    load_options_free(&o.load);
    return status;
}

const Command command_trace = {
    .name = "trace",
    .summary = "show one pass forwards and backwards, with every value and gradient",
    .usage = "trace NET.nn --x VALUES [--target VALUES | --dy VALUES] [options]",
    .options = options,
    .details = "With a train section and --target it is a step of training: the loss, all gradients\n"
               "and the update.  Otherwise the backward pass begins with --dy.  The numbers are\n"
               "those of the generated code (nnc --plain), in the order in which it computes.\n",
    .run = trace_run,
};
