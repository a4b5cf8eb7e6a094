/*
 * fmt: `nnc fmt FILE.nn…`.
 *
 * Enters: files, or standard input.  Leaves: each of them in the one canonical
 * layout, written whole (output.h), and only where that changes it.  A file that does not parse stays as it is.  Every file is a
 * compilation of its own: what is wrong in one does not keep the others from
 * being formatted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands/support/load.h"
#include "commands/support/output.h"

enum { CHECK = OPTION_FIRST_OWN };

static const Option options[] = {
    {CHECK, "check", NULL, "write nothing; list the files that would change, and exit with status 1"},
    {0},
};

static bool read_fmt_stream(FILE *in, Text *text)
{
    enum { PIECE = 1 << 16, LARGEST = 64 << 20 };
    char *piece = arena_alloc(text->arena, PIECE);
    size_t got;
    errno = 0;
    while (text->length <= LARGEST && (got = fread(piece, 1, PIECE, in)) > 0) text_add_bytes(text, piece, got);
    return !ferror(in);
}

static int read_file(Compilation *c, const char *path, Text *text)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *in = is_stdin ? stdin : fopen(path, "rb");
    text_init(text, c->arena);
    bool good = in && read_fmt_stream(in, text);
    int error = errno;
    if (in && !is_stdin) fclose(in);
    return good ? STATUS_OK : fail(STATUS_INPUT, "cannot read %s: %s", path, strerror(error));
}

static int deliver(const char *path, const Text *before, const Text *after, bool check)
{
    bool is_stdin = strcmp(path, "-") == 0;
    bool same = before->length == after->length && memcmp(before->data, after->data, after->length) == 0;
    if (check && !same) puts(is_stdin ? "<stdin>" : path);
    if (check) return same ? STATUS_OK : STATUS_INPUT;
    if (is_stdin) fwrite(after->data, 1, after->length, stdout);
    if (same || is_stdin) return STATUS_OK;
    return output_write(&(OutputFile){path, after->data, after->length}, 1);
}

static int format_file(Compilation *c, const char *path, bool check)
{
    Text before, after;
    int status = read_file(c, path, &before);
    if (status != STATUS_OK) return status;
    const char *shown = strcmp(path, "-") == 0 ? "<stdin>" : path;
    bool good = front_format(c, shown, before.data, before.length, train_keys(), &after);
    diag_print(c, stderr, stderr_color());
    return good ? deliver(path, &before, &after, check) : STATUS_INPUT;
}

static int format_all(const OptionReader *reader, bool check)
{
    int status = STATUS_OK;
    for (int i = 0; i < reader->operand_count; i++) {
        Compilation *c = compilation_new();
        int one = format_file(c, reader->operands[i], check);
        compilation_free(c);
        if (one > status) status = one;
    }
    int written = finish_output();
    return written ? written : status;
}

static int fmt_run(int argc, char **argv)
{
    OptionReader reader;
    bool check = false;
    options_begin(&reader, &command_fmt, argc, argv);
    for (int id; (id = options_next(&reader)) != OPTIONS_END;) {
        if (id == OPTIONS_BAD) return STATUS_USAGE;
        check |= id == CHECK;
    }
    if (reader.operand_count == 0) return usage_error(&command_fmt, "missing input files ('-' is standard input)");
    return format_all(&reader, check);
}

const Command command_fmt = {
    .name = "fmt",
    .summary = "format files in the language's standard layout",
    .usage = "fmt FILE.nn… [--check]",
    .options = options,
    .details = "Comments, order and meaning do not change.  These are yours to choose, and are\n"
               "kept: empty lines (one at a time), short statements that share a line, blocks on\n"
               "one line, line breaks in brackets and beside operators, and columns of `as`, `->`,\n"
               "statements and comments.  '-' formats standard input to standard output.\n",
    .run = fmt_run,
};
