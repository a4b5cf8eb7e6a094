/*
 * The options of train, and what they may be together.
 */
#include "commands/train/train_request.h"

#include <stdlib.h>
#include <string.h>

#include "commands/support/load.h"
#include "commands/support/weighted.h"
#include "commands/train/lr_find_picture.h"

enum {
    DATA = OPTION_FIRST_OWN,
    EPOCHS,
    LR,
    SEED,
    ORDER,
    KEEP,
    INIT,
    LOG,
    STEPS,
    TIME_LIMIT,
    CHECKPOINT,
    CHECKPOINT_EVERY,
    RESUME,
    LR_FIND,
    STATS,
    PAGE,
    QUIET,
    REPRODUCIBLE,
    SHARD_OPTIMIZER,
    CHUNK,
    TRAIN_QUANTIZE
};

const Option train_options[] = {
    {DATA, "data", "PATH", "the data: a folder, a file or a name (default: the shipped digits)"},
    OPTION_ROWS_COLUMN,
    OPTION_ROWS_SAMPLES,
    OPTION_ROWS_LOADING,
    {EPOCHS, "epochs", "N", "passes over the training data"},
    OPTION_ROW_BATCH,
    {LR, "lr", "X", "the learning rate (of onecycle: its peak)"},
    {SEED, "seed", "N", "seed of the initial weights and of the order of the samples"},
    {ORDER, "order", "ORDER", "shuffle the samples in every epoch (shuffle), or take them as they come (sequential)"},
    {KEEP, "keep", "best|last", "save the weights with the best validation loss, or the last ones"},
    OPTION_ROW_JIT_TIERED,
    {INIT, "init", "FILE", "start from the weights in FILE that match by name and shape"},
    OPTION_ROWS_FREEZE,
    {'o', "output", "FILE", "file for the weights (default: NET.safetensors in this directory)"},
    {LOG, "log", "FILE", "write every step and every evaluation to FILE.csv or FILE.jsonl"},
    {QUIET, "quiet", NULL, "only the results at the end, warnings and errors: no table of epochs, no progress"},
    {TRAIN_QUANTIZE, "quantize", "int8",
     "train on with simulated int8 (--init FILE): for nnc quantize, which takes the scales that are learned"},
    {STEPS, "steps", "N", "stop after N steps (without --epochs: as many epochs as needed)"},
    {TIME_LIMIT, "time-limit", "T", "stop after a time such as 90s, 15m or 2h"},
    {CHECKPOINT, "checkpoint", "FILE", "file for checkpoints (default: NET.checkpoint.safetensors in this directory)"},
    {CHECKPOINT_EVERY, "checkpoint-every", "T",
     "write one after every time such as 5m (the default), or after every so many steps; 0: never"},
    {RESUME, "resume", "[FILE]", "go on from a checkpoint (default: that of --checkpoint)"},
    {LR_FIND, "lr-find", NULL,
     "try rising learning rates for 100 steps and propose one; -o FILE.png or FILE.svg draws the losses"},
    OPTION_ROW_SET,
    OPTION_ROW_MAP,
    OPTION_ROW_NET,
    OPTION_ROW_DEFINE,
    OPTION_ROW_INPUT,
    OPTION_ROW_THREADS,
    OPTION_ROW_COMPUTE,
    OPTION_ROWS_PASSES OPTION_ROW_LIMIT,
    {REPRODUCIBLE, "reproducible", NULL,
     "the result of a run on any number of machines (mpirun), also on this one alone: steps in chunks"},
    {CHUNK, "chunk", "N",
     "with --reproducible or mpirun: samples of a chunk (default: at most 8 chunks, of 16 or more)"},
    {SHARD_OPTIMIZER, "shard-optimizer", NULL,
     "with mpirun: each rank has the optimizer's state of a part of the tensors (ZeRO-1); the result is the same"},
    {STATS, "stats", "[N]",
     "statistics of every layer: of every Nth step, or (default) of as many as take at most 3 % of the time"},
    {PAGE, "page", "FILE.html",
     "write a page about the run after every epoch: curves, layers, filters, mistakes, findings"},
    {0},
};

/* "90s", "15m", "2h", or seconds alone. */
static bool parse_time(const char *text, double *seconds)
{
    static const char units[] = "smh";
    char *end;
    double unit = 1, value = strtod(text, &end);
    const char *found = *end ? strchr(units, *end) : NULL;
    if (found) {
        unit = *found == 'm' ? 60 : *found == 'h' ? 3600 : 1;
        end++;
    }
    *seconds = value * unit;
    return end > text && !*end && *seconds > 0 && *seconds < 1e9;
}

static bool take_time(const char *text, double *seconds)
{
    if (parse_time(text, seconds)) return true;
    usage_error(&command_train, "--time-limit takes a time such as 90s, 15m or 2h, not '%s'", text);
    return false;
}

/* A number alone is of steps. */
static bool take_interval(TrainRequest *r, const char *text)
{
    char *end;
    long long steps = strtoll(text, &end, 10);
    bool counted = end > text && !*end && steps >= 0 && steps <= INT64_C(1000000000000);
    r->every_steps = counted ? steps : 0;
    r->every_time = 0;
    if (counted || (end > text && *end && parse_time(text, &r->every_time))) return true;
    usage_error(&command_train, "--checkpoint-every takes a time such as 5m, or a number of steps, not '%s'", text);
    return false;
}

static bool take_log(TrainRequest *r, const char *text)
{
    r->log = text;
    if (path_has_ending(text, ".csv") || path_has_ending(text, ".jsonl")) return true;
    usage_error(&command_train, "--log takes FILE.csv or FILE.jsonl, not '%s'", text);
    return false;
}

static bool take_order(TrainRequest *r, const char *text)
{
    r->order = text;
    if (!strcmp(text, "shuffle") || !strcmp(text, "sequential")) return true;
    usage_error(&command_train, "--order takes shuffle or sequential, not '%s'", text);
    return false;
}

static bool take_keep(TrainRequest *r, const char *text)
{
    r->keep = !strcmp(text, "best") ? KEEP_BEST : KEEP_LAST;
    if (r->keep == KEEP_BEST || !strcmp(text, "last")) return true;
    usage_error(&command_train, "--keep takes best or last, not '%s'", text);
    return false;
}

static bool take_quantize(TrainRequest *r, const char *text)
{
    r->quantize = strcmp(text, "int8") == 0;
    if (r->quantize) return true;
    usage_error(&command_train, "--quantize takes int8, not '%s'", text);
    return false;
}

static bool take_train_option(TrainRequest *r, int id, const char *value)
{
    const Command *self = &command_train;
    switch (id) {
    case DATA: r->data.path = value; return true;
    case INIT: r->init = value; return true;
    case 'o': r->output = value; return true;
    case LOG: return take_log(r, value);
    case QUIET: return r->quiet = true;
    case ORDER: return take_order(r, value);
    case KEEP: return take_keep(r, value);
    case EPOCHS: return option_int(self, "epochs", value, 1, 1000000000, &r->epochs);
    case STEPS: return option_int(self, "steps", value, 1, INT64_C(1000000000000), &r->steps);
    case SEED: return option_int(self, "seed", value, 0, INT64_MAX, &r->seed);
    case LR: return option_real(self, "lr", value, 1e-30, 1e30, &r->lr);
    case TIME_LIMIT: return take_time(value, &r->time_limit);
    case LR_FIND: r->lr_find = true; return true;
    case PAGE:
        r->page = value;
        r->stats = r->load.watch = true;
        return true;
    case STATS:
        r->stats = r->load.watch = true;
        return !value || option_int(self, "stats", value, 1, 1000000000, &r->stats_every);
    case CHECKPOINT: r->checkpoint = value; return true;
    case SHARD_OPTIMIZER: return r->shard = true;
    case REPRODUCIBLE: return r->reproducible = true;
    case TRAIN_QUANTIZE: return take_quantize(r, value);
    case CHUNK: return option_int(self, "chunk", value, 1, 1 << 20, &r->chunk);
    case CHECKPOINT_EVERY: return take_interval(r, value);
    case RESUME:
        r->resumes = true;
        r->resume = value;
        return true;
    default: break;
    }
    const Taken taken = data_option(&r->data, self, id, value);
    return (taken == TAKEN_NO ? load_option(&r->load, self, id, value) : taken) == TAKEN_YES;
}

int train_request_read(TrainRequest *r, int argc, char **argv)
{
    OptionReader reader;
    r->seed = -1;
    r->every_time = -1;
    options_begin(&reader, &command_train, argc, argv);
    for (int id; (id = options_next(&reader)) != OPTIONS_END;)
        if (id == OPTIONS_BAD || !take_train_option(r, id, reader.value)) return STATUS_USAGE;
    if (!options_one_file(&reader)) return STATUS_USAGE;
    if (r->resumes && r->lr_find) return usage_error(&command_train, "--lr-find begins a run, --resume goes on");
    if (r->load.watch && r->load.bf16_values)
        return usage_error(&command_train, "--%s: with --compute bf16 the values of layers cannot be seen",
                           r->page ? "page" : "stats");
    if (r->page && r->lr_find) return usage_error(&command_train, "--lr-find writes no page");
    if (r->resumes && r->init) return usage_error(&command_train, "--resume goes on from a checkpoint, --init begins");
    if (r->lr_find && r->output && !lr_find_is_picture(r->output))
        return usage_error(&command_train, "-o %s: --lr-find writes no weights, but a picture, FILE.png or FILE.svg",
                           r->output);
    r->load.path = reader.operands[0];
    r->load.train = true;
    if (!r->resumes) r->init = weighted_path(&r->load, r->init);
    if (!map_has_weights(&r->load, &command_train, r->init, "init")) return STATUS_USAGE;
    if (r->quantize && !r->resumes && !r->init)
        return usage_error(&command_train, "--quantize trains on from weights in f32 (--init FILE)");
    if (r->quantize && r->load.bf16_values)
        return usage_error(&command_train, "--quantize simulates integers in floats: bf16 would round them again");
    return STATUS_OK;
}
