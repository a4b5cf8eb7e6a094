/*
 * build: a net → a shared object, an object, a library or a program, by the system's compiler.
 *
 * Enters: a file.  Leaves: what -o names, with the header (and the weights) beside it, or
 * nothing.  The C and what the compiler makes of it are in a private directory until then.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/tool.h"
#include "backend/workdir.h"
#include "commands/compile.h"
#include "commands/support/feeding.h"
#include "commands/support/file_use.h"
#include "commands/support/output.h"
#include "emit/c_names.h"
#include "runtime/nn.h"

extern const char python_model_text[]; /* runtime/python/model.py */

enum { BUILD_PYTHON = COMPILE_FIRST_OWN };

/* Of what is made for inference alone, where samples come one at a time. */
enum { BATCH_SHIPPED = 1 };

static const Option options[] = {
    {'o', "output", "FILE", "NET.so, NET.o or NET.a, with NET.h beside it; any other name is a program (--main)"},
    {BUILD_PYTHON, "python", NULL, "a module of Python: NET.py, with libNET.so beside it"},
    OPTION_ROWS_COMPILE,
    {0},
};

typedef enum BuildKind { BUILD_PROGRAM, BUILD_SHARED, BUILD_OBJECT, BUILD_ARCHIVE } BuildKind;

typedef struct BuildRun {
    CompileRequest request;
    BuildKind kind;
    bool python;
    const char *module; /* of --python: NET.py, and then request.output is the shared object */
    Arena *arena;
    Workdir directory;
    ToolSignals signals;
    const char *prefix;
    const char *source, *header, *made; /* paths in the directory */
    EmitResult *emitted;
} BuildRun;

static BuildKind kind_of_file(const char *path)
{
    if (path_has_ending(path, ".so")) return BUILD_SHARED;
    if (path_has_ending(path, ".o")) return BUILD_OBJECT;
    return path_has_ending(path, ".a") ? BUILD_ARCHIVE : BUILD_PROGRAM;
}

/* ---- the command line ------------------------------------------------------------ */

/* The letters of a name in Python at the beginning of a text. */
static size_t python_name_length(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
}

/* -o NET.py → the module, and libNET.so beside it: Python would take NET.so for a module of its own kind. */
static int name_module(BuildRun *b)
{
    CompileRequest *r = &b->request;
    const char *name = path_file_name(r->output);
    const size_t length = python_name_length(name);
    if (strcmp(name + length, ".py") != 0 || length == 0 || (*name >= '0' && *name <= '9'))
        return usage_error(r->command, "--python: -o %s is no NAME.py that Python can import", r->output);
    if (r->trained.weights_out || r->trained.input_bytes)
        return usage_error(r->command, "--python takes weights when it runs, or --weights and pixels from 0 to 1");
    b->module = r->output;
    r->output = arena_printf(b->arena, "%.*slib%.*s.so", (int)(name - b->module), b->module, (int)length, name);
    return STATUS_OK;
}

static int check_build_request(BuildRun *b, const OptionReader *reader)
{
    CompileRequest *r = &b->request;
    if (!options_one_file(reader)) return STATUS_USAGE;
    compile_take_path(r, reader->operands[0]);
    if (!r->output) return usage_error(r->command, "no output file (use -o NET.so, NET.o, NET.a or PROGRAM)");
    if (b->python) {
        int status = name_module(b);
        if (status) return status;
    }
    b->kind = kind_of_file(r->output);
    if (path_has_ending(r->output, ".c") || path_has_ending(r->output, ".h"))
        return usage_error(r->command, "-o %s: this is what nnc without build writes", r->output);
    if (path_has_ending(r->output, ".py"))
        return usage_error(r->command, "-o %s: a Python module is made with --python", r->output);
    const bool hosted = !r->target || !target_info(compile_target(r))->compiler;
    if (!hosted && (b->kind == BUILD_PROGRAM || b->kind == BUILD_SHARED))
        return usage_error(r->command, "-o %s: for %s there are objects and archives (use -o NET.o or NET.a)",
                           r->output, r->target);
    if (b->kind == BUILD_PROGRAM && !r->trained.weights)
        return usage_error(r->command, "-o %s: a program needs trained weights (use --weights FILE)", r->output);
    if (b->kind == BUILD_PROGRAM) r->main = true;
    if (r->main && b->kind != BUILD_PROGRAM) return usage_error(r->command, "--main: %s is no program", r->output);
    if (r->trained.weights && !r->train && !b->python && !r->load.batch) r->load.batch = BATCH_SHIPPED;
    const FileUse files[] = {
        {"the source", r->load.path, false}, {"-o", r->output, true}, {"--weights-out", r->trained.weights_out, true}};
    const int status = compile_check_options(r);
    return status ? status : files_apart(files, sizeof files / sizeof *files);
}

static int read_build_request(BuildRun *b, int argc, char **argv)
{
    OptionReader reader;
    options_begin(&reader, b->request.command, argc, argv);
    for (int id; (id = options_next(&reader)) != OPTIONS_END;)
        if (id == BUILD_PYTHON)
            b->python = true;
        else if (id == OPTIONS_BAD || !compile_take_option(&b->request, id, reader.value))
            return STATUS_USAGE;
    return check_build_request(b, &reader);
}

/* ---- the C in the private directory --------------------------------------------------- */

static int write_sources(BuildRun *b)
{
    const EmitResult *e = b->emitted;
    const char *exports = arena_printf(b->arena, "{ global: %s_*; local: *; };\n", b->prefix);
    const OutputFile files[] = {
        {b->source, e->source, strlen(e->source)},
        {b->header, e->header, strlen(e->header)},
        {arena_printf(b->arena, "%s/exports", b->directory.path), exports, strlen(exports)},
    };
    return output_write(files, 3);
}

/* ---- tools ------------------------------------------------------------------------------ */

/* A signal says itself what has happened, once it is released. */
static int run_tool(BuildRun *b, List words, const char *hint)
{
    const ToolRun run = {.words = words, .directory = b->directory.path, .signals = &b->signals, .hint = hint};
    const char *error = tool_run(b->arena, &run);
    if (!error) return STATUS_OK;
    return b->signals.caught ? STATUS_SYSTEM : fail(STATUS_SYSTEM, "%s", error);
}

static int run_c_compiler(BuildRun *b)
{
    List words = {0};
    Arena *arena = b->arena;
    const bool links = b->kind == BUILD_PROGRAM || b->kind == BUILD_SHARED;
    const bool plain = compile_is_plain(&b->request);
    tool_add_words(arena, &words, tool_setting("CC", compile_tool(&b->request, "cc")));
    list_push(arena, &words, (char *)(plain ? "-std=c99" : "-std=gnu99"));
    tool_add_words(arena, &words, tool_setting("CFLAGS", compile_tool_options(&b->request, "-O2")));
    if (!links) list_push(arena, &words, (char *)"-c");
    if (b->kind == BUILD_SHARED) {
        tool_add_words(arena, &words, "-fPIC -shared");
        list_push(arena, &words, arena_printf(arena, "-Wl,-soname,%s", path_file_name(b->request.output)));
        list_push(arena, &words, arena_printf(arena, "-Wl,--version-script=%s/exports", b->directory.path));
    }
    list_push(arena, &words, (char *)"-o");
    list_push(arena, &words,
              b->kind == BUILD_ARCHIVE ? arena_printf(arena, "%s/%s.o", b->directory.path, b->prefix)
                                       : (char *)b->made);
    list_push(arena, &words, (char *)b->source);
    if (links) tool_add_words(arena, &words, plain ? "-lm" : "-lm -lpthread");
    return run_tool(b, words, "CC and CFLAGS say what is run");
}

/* aarch64-linux-gnu-gcc has aarch64-linux-gnu-ar beside it. */
static const char *archiver(const BuildRun *b)
{
    Arena *arena = b->arena;
    List words = {0};
    tool_add_words(arena, &words, tool_setting("CC", compile_tool(&b->request, "cc")));
    const char *compiler = words.at[0];
    const int length = (int)strlen(compiler);
    const char *beside = path_has_ending(compiler, "-gcc") ? arena_printf(arena, "%.*sar", length - 3, compiler) : "ar";
    return tool_setting("AR", beside);
}

static int run_archiver(BuildRun *b)
{
    List words = {0};
    if (b->kind != BUILD_ARCHIVE) return STATUS_OK;
    tool_add_words(b->arena, &words, archiver(b));
    list_push(b->arena, &words, (char *)"rcs");
    list_push(b->arena, &words, (char *)b->made);
    list_push(b->arena, &words, arena_printf(b->arena, "%s/%s.o", b->directory.path, b->prefix));
    return run_tool(b, words, "AR says what is run");
}

/* ---- what the user gets --------------------------------------------------------------------- */

static void allow_execution(const char *path)
{
    struct stat s;
    if (stat(path, &s) == 0) chmod(path, s.st_mode | (s.st_mode & 0444) >> 2);
}

/* The header, or the Python module. */
static OutputFile interface_file(const BuildRun *b)
{
    const char *output = b->request.output, *path = b->module, *text = b->emitted->header;
    if (b->module)
        text = arena_printf(
            b->arena,
            "\"\"\"The network %s, compiled by nnc: see Model.  Needs NumPy, and %s beside this file.\"\"\"\n"
            "\nLIBRARY = \"%s\"\nPREFIX = \"%s\"\nABI = %d\n\n%s",
            b->prefix, path_file_name(output), path_file_name(output), b->prefix, NN_ABI, python_model_text);
    else
        path =
            arena_printf(b->arena, "%.*s%s", (int)(path_file_name(output) - output), output, path_file_name(b->header));
    return (OutputFile){path, text, strlen(text)};
}

static int write_results(const BuildRun *b)
{
    NnError error = {0};
    size_t size = 0;
    const EmitResult *e = b->emitted;
    const char *output = b->request.output;
    char *bytes = nn_read_file(b->made, &size, &error);
    if (!bytes) return fail_error(&error);
    OutputFile files[3] = {{output, bytes, size}};
    int count = 1;
    if (b->kind != BUILD_PROGRAM) files[count++] = interface_file(b);
    if (e->trained_file) files[count++] = compile_weights_file(&b->request, e);
    int status = output_write(files, count);
    if (!status && (b->kind == BUILD_PROGRAM || b->kind == BUILD_SHARED)) allow_execution(output);
    free(bytes);
    return status;
}

static int build_in_directory(BuildRun *b, const char *header)
{
    const char *error = workdir_open(&b->directory, b->arena);
    if (error) return fail(STATUS_SYSTEM, "%s", error);
    b->source = arena_printf(b->arena, "%s/%s.c", b->directory.path, b->prefix);
    b->header = arena_printf(b->arena, "%s/%s", b->directory.path, header);
    b->made = arena_printf(b->arena, "%s/made%s", b->directory.path, b->kind == BUILD_ARCHIVE ? ".a" : "");
    int status = write_sources(b);
    if (!status) status = run_c_compiler(b);
    if (!status) status = run_archiver(b);
    return status ? status : write_results(b);
}

static int build_loaded(BuildRun *b, Model *m)
{
    const CompileRequest *r = &b->request;
    b->prefix = compile_prefix(r, m);
    const char *header = c_header_name(b->arena, arena_printf(b->arena, "%s.h", b->prefix));
    int status = compile_emit(r, m, b->prefix, header, &b->emitted);
    if (status) return status;
    tool_hold_signals(&b->signals);
    status = build_in_directory(b, header);
    workdir_close(&b->directory);
    tool_release_signals(&b->signals);
    return status;
}

static int build_run(int argc, char **argv)
{
    BuildRun b = {.request.command = &command_build};
    CompileRequest *r = &b.request;
    Model m;
    load_options_init(&r->load);
    r->load.writes_c = true;
    b.arena = r->load.compilation->arena;
    int status = read_build_request(&b, argc, argv);
    r->load.train = r->train;
    if (!status) status = load_net(&r->load, &m);
    if (!status) status = build_loaded(&b, &m);
    load_options_free(&r->load);
    return status;
}

const Command command_build = {
    .name = "build",
    .summary = "compile a net to a shared object, an object, a library or a program",
    .usage = "build NET.nn -o NET.so|NET.o|NET.a|PROGRAM [--python] [options]",
    .options = options,
    .details = "Runs the C compiler $CC (cc) with $CFLAGS (-O2), for a microcontroller by default the compiler\n"
               "and the options of its --target; for .a also $AR (ar), or the ar of a\n"
               "cross compiler.  With --weights the batch is 1 unless --batch says another (with --python it\n"
               "is the train section's).  A shared object exports the functions of the header alone.  A\n"
               "program needs --weights, and prints the classes of images and raw floats.  A module of\n"
               "Python needs NumPy; its class Model predicts, trains and gives tensors.\n",
    .run = build_run,
};
