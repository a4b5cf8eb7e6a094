/*
 * page: `nnc page A.csv B.csv -o FILE.html`: the curves of runs beside each other, from their logs.
 */
#include "commands/support/command.h"
#include "commands/support/file_use.h"
#include "commands/train/run_log.h"
#include "commands/train/run_record.h"

static const Option options[] = {
    {'o', "output", "FILE.html", "file for the page"},
    {0},
};

enum { MOST_RUNS = 5 }; /* that dashes tell apart */

static int write_runs(const OptionReader *reader, Arena *arena, const char *output)
{
    json_t *runs = json_array();
    Text title;
    text_init(&title, arena);
    for (int i = 0; i < reader->operand_count; i++) {
        json_t *run = run_log_value(arena, reader->operands[i]);
        if (!run) {
            json_decref(runs);
            return STATUS_INPUT;
        }
        json_array_append_new(runs, run);
        text_addf(&title, "%s%s", i ? ", " : "", path_file_name(reader->operands[i]));
    }
    const char *subtitle =
        arena_printf(arena, "%d run%s, from %s log%s", reader->operand_count, reader->operand_count == 1 ? "" : "s",
                     reader->operand_count == 1 ? "its" : "their", reader->operand_count == 1 ? "" : "s");
    return run_html_write(output, title.data, json_pack("{s:s, s:o}", "subtitle", subtitle, "runs", runs));
}

static int page_run(int argc, char **argv)
{
    OptionReader reader;
    const char *output = NULL;
    options_begin(&reader, &command_page, argc, argv);
    for (int id; (id = options_next(&reader)) != OPTIONS_END;) {
        if (id == OPTIONS_BAD) return STATUS_USAGE;
        output = reader.value;
    }
    if (!output) return usage_error(&command_page, "no output file (use -o FILE.html)");
    if (!reader.operand_count) return usage_error(&command_page, "missing input file");
    if (reader.operand_count > MOST_RUNS)
        return usage_error(&command_page, "at most %d logs can be compared", MOST_RUNS);
    for (int i = 0; i < reader.operand_count; i++)
        if (files_apart((FileUse[]){{"the log", reader.operands[i], false}, {"-o", output, true}}, 2))
            return STATUS_USAGE;
    Arena *arena = arena_new();
    const int status = write_runs(&reader, arena, output);
    arena_free(arena);
    return status;
}

const Command command_page = {
    .name = "page",
    .summary = "compare training runs on a page, from their logs",
    .usage = "page LOG... -o FILE.html",
    .options = options,
    .details = "A log is what nnc train --log has written, as CSV or as JSON lines.  The page of a\n"
               "run that is being trained is that of nnc train --page.\n",
    .run = page_run,
};
