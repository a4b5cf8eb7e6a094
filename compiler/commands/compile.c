/*
 * compile: the main form, `nnc NET.nn -o NET.c`.
 *
 * Enters: a file.  Leaves: NET.c and NET.h, both or none of them, or with
 * --dump an intermediate form on standard output.  `-o -` writes one text that
 * stands alone: the header takes the place of its #include.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands/commands.h"
#include "commands/output.h"
#include "commands/trained.h"
#include "emit/c_names.h"
#include "lower/dump.h"

enum { INFER = OPTION_FIRST_OWN, TRAIN, PLAIN, PREFIX, HEADER, DUMP, TARGET, WEIGHTS, WEIGHTS_OUT, INPUT_TYPE, MAIN };

/* ", generic", ", neon", … */
#define AND_TARGET(ID, NAME, ...) ", " #NAME

static const Option options[] = {
    {'o', "output", "FILE.c", "write FILE.c and FILE.h; with '-', one text on standard output", false},
    OPTION_ROW_BATCH,
    {INFER, "infer", NULL, "code for inference only", false},
    {TRAIN, "train", NULL, "code for training only (with evaluation)", false},
    {PLAIN, "plain", NULL, "strictly conforming C99 with simple loops, for reading and for any compiler", false},
    {PREFIX, "prefix", "P", "prefix of all names in the C (default: the net's name)", false},
    {HEADER, "header", "NAME", "name of the header in the #include (default: its file name)", false},
    OPTION_ROW_NET,
    OPTION_ROW_DEFINE,
    OPTION_ROW_INPUT,
    OPTION_ROW_SET,
    {DUMP, "dump", "STAGE", "print ast, graph, program, plan, or the program after a pass, instead of C", false},
    OPTION_ROW_EXPLAIN,
    {TARGET, "target", "CPU", "CPU to tune for: native (default)" TARGET_TABLE(AND_TARGET), false},
    OPTION_ROW_THREADS,
    OPTION_ROWS_PASSES OPTION_ROW_LIMIT,
    {WEIGHTS, "weights", "FILE", "build trained weights in: constants of the C, for inference", false},
    {WEIGHTS_OUT, "weights-out", "FILE.bin", "write the weights to a file that the C loads, not into the C", false},
    {INPUT_TYPE, "input-type", "f32|u8", "with --weights: pixels from 0 to 1 (f32), or bytes from 0 to 255 (u8)",
     false},
    {MAIN, "main", NULL, "with --weights: add a main function, which prints the classes of images", false},
    {0},
};

typedef enum Stage { STAGE_NONE, STAGE_AST, STAGE_GRAPH, STAGE_PROGRAM, STAGE_PLAN, STAGE_EXPLANATION } Stage;

typedef struct CompileRequest {
    LoadOptions load;
    const char *output; /* NULL: none */
    const char *header; /* of --header */
    bool infer, train;  /* asked for; neither: what the file is for */
    bool plain, main;
    const char *target; /* NULL: native */
    TrainedRequest trained;
    Stage dump;
    int last_pass; /* LowerOptions.last_pass, of --dump=PASS */
} CompileRequest;

/* ---- the command line ------------------------------------------------------ */

static bool is_identifier(const char *text)
{
    if (!isalpha((unsigned char)*text) && *text != '_') return false;
    while (is_identifier_char(*text)) text++;
    return *text == '\0';
}

static bool take_stage(CompileRequest *r, const char *text)
{
    static const char *const stages[] = {"ast", "graph", "program", "plan"};
    enum { STAGES = sizeof stages / sizeof stages[0] };
    const char *names[STAGES + PASS_COUNT];
    for (int i = 0; i < STAGES + PASS_COUNT; i++) {
        names[i] = i < STAGES ? stages[i] : pass_info((PassId)(i - STAGES))->name;
        if (strcmp(text, names[i]) != 0) continue;
        r->dump = i < STAGES ? (Stage)(i + 1) : STAGE_PROGRAM;
        r->last_pass = i < STAGES ? 0 : i - STAGES + 1;
        return true;
    }
    const char *near = nearest_name(text, names, STAGES + PASS_COUNT);
    usage_error(&command_compile, "--dump takes ast, graph, program, plan or the name of a pass, not '%s'%s%s%s", text,
                near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    return false;
}

static bool take_prefix(CompileRequest *r, const char *text)
{
    r->load.prefix = text;
    if (!is_identifier(text)) {
        usage_error(&command_compile, "--prefix '%s' is not an identifier of C", text);
        return false;
    }
    const char *free_name = c_prefix(r->load.compilation->arena, text);
    if (strcmp(free_name, text) == 0) return true;
    usage_error(&command_compile, "--prefix '%s' is taken in C; try '%s'", text, free_name);
    return false;
}

static bool can_be_included(const char *file) { return *file && !strpbrk(file, "\"\n\\"); }

static bool take_header(CompileRequest *r, const char *text)
{
    r->header = text;
    if (can_be_included(text)) return true;
    usage_error(&command_compile, "--header '%s': an #include cannot name this file", text);
    return false;
}

static bool take_target(CompileRequest *r, const char *text)
{
    const char *names[TARGET_COUNT + 1] = {"native"};
    bool known = strcmp(text, "native") == 0;
    for (int i = 0; i < TARGET_COUNT; i++) {
        names[i + 1] = target_name((Target)i);
        known |= strcmp(text, names[i + 1]) == 0;
    }
    r->target = text;
    if (known) return true;
    const char *near = nearest_name(text, names, TARGET_COUNT + 1);
    usage_error(&command_compile, "--target takes native" TARGET_TABLE(AND_TARGET) ", not '%s'%s%s%s", text,
                near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    return false;
}

static Target target_of(const CompileRequest *r)
{
    for (int i = 0; r->target && i < TARGET_COUNT; i++)
        if (strcmp(r->target, target_name((Target)i)) == 0) return (Target)i;
    return target_native();
}

static bool take_input_type(CompileRequest *r, const char *text)
{
    r->trained.input_bytes = strcmp(text, "u8") == 0;
    if (r->trained.input_bytes || strcmp(text, "f32") == 0) return true;
    usage_error(&command_compile, "--input-type takes f32 or u8, not '%s'", text);
    return false;
}

static bool take_compile_option(CompileRequest *r, int id, const char *value)
{
    switch (id) {
    case 'o': r->output = value; return true;
    case INFER: return r->infer = true;
    case TRAIN: return r->train = true;
    case PLAIN: return r->plain = true;
    case PREFIX: return take_prefix(r, value);
    case HEADER: return take_header(r, value);
    case DUMP: return take_stage(r, value);
    case OPTION_EXPLAIN: r->dump = STAGE_EXPLANATION; return true;
    case TARGET: return take_target(r, value);
    case MAIN: return r->main = true;
    case WEIGHTS: r->trained.weights = value; return true;
    case WEIGHTS_OUT: r->trained.weights_out = value; return true;
    case INPUT_TYPE: return take_input_type(r, value);
    default: return load_option(&r->load, &command_compile, id, value) == TAKEN_YES;
    }
}

static bool has_suffix(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);
    return n > m && strcmp(text + n - m, suffix) == 0;
}

static int check_trained(const CompileRequest *r)
{
    const Command *self = &command_compile;
    if (!r->trained.weights && (r->trained.weights_out || r->trained.input_bytes))
        return usage_error(self, "--%s needs trained weights (use --weights FILE)",
                           r->trained.weights_out ? "weights-out" : "input-type");
    if (!r->trained.weights && r->main) return usage_error(self, "--main needs trained weights (use --weights FILE)");
    if (r->trained.weights && r->train)
        return usage_error(self, "--weights builds weights in for inference; to train them further in C, leave it out "
                                 "and set them");
    if (r->trained.weights && r->dump) return usage_error(self, "--weights: --dump and --explain write no C");
    return STATUS_OK;
}

static int check_request(const CompileRequest *r, const OptionReader *reader)
{
    const Command *self = &command_compile;
    if (!options_one_file(reader) || check_trained(r)) return STATUS_USAGE;
    if (r->plain && r->load.threads > 1)
        return usage_error(self, "--threads %lld: the plain form has no threads", (long long)r->load.threads);
    if (r->plain && !plain_form_allows(&r->load, self)) return STATUS_USAGE;
    if (r->plain && r->target) return usage_error(self, "--target: the plain form is for any machine");
    if (r->plain && r->dump == STAGE_EXPLANATION)
        return usage_error(self, "--explain: the plain form has no variants to choose from");
    if (r->dump && r->output) return usage_error(self, "--dump and --explain print instead of writing C: leave out -o");
    if (!r->dump && !r->output)
        return usage_error(self, "no output file (use -o FILE.c, or '-o -' for standard output)");
    if (!r->output || strcmp(r->output, "-") == 0 || (has_suffix(r->output, ".c") && !has_suffix(r->output, "/.c")))
        return STATUS_OK;
    if (has_suffix(r->output, ".so") || has_suffix(r->output, ".o") || has_suffix(r->output, ".a"))
        return usage_error(self, "-o %s: compiling the C is not implemented; the name must end in .c", r->output);
    return usage_error(self, "-o %s: the name must end in .c", r->output);
}

/* Whether two paths are one file: the source is never written over. */
static bool is_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Of what is written, and of what is dumped; names are not among them. */
static EmitOptions compile_emit_options(const CompileRequest *r, const Model *l)
{
    bool both = !r->infer && !r->train && !r->trained.weights;
    const Target target = r->plain ? TARGET_GENERIC : target_of(r);
    return (EmitOptions){.lower.batch = l->batch,
                         .lower.target = target,
                         .lower.infer = both || r->infer || r->trained.weights,
                         .lower.train = r->train || (both && l->train_section),
                         .lower.plain = r->plain,
                         .target = target,
                         .threads = (int)r->load.threads,
                         .lower.disabled = r->load.disabled_passes,
                         .lower.memory_limit = r->load.memory_limit,
                         .paste_kernels = !r->plain};
}

/* ---- dumps ------------------------------------------------------------------ */

static int dump_program(const CompileRequest *r, const Model *l, ProgramKind kind, const EmitOptions *options)
{
    LowerOptions lower = options->lower;
    lower.last_pass = r->last_pass;
    const Plan *plan = lower_program(l->net, kind, l->spec, &lower, NULL);
    if (!plan) return STATUS_INPUT;
    if (r->dump == STAGE_PROGRAM)
        graph_dump(plan->program, stdout);
    else if (r->dump == STAGE_EXPLANATION)
        explain_variants(plan->program, lower.target, stdout);
    else
        plan_dump(plan, stdout);
    return STATUS_OK;
}

static int dump_net(const CompileRequest *r)
{
    Model l;
    int status = load_net(&r->load, &l);
    if (status != STATUS_OK) return status;
    if (r->dump == STAGE_GRAPH) graph_dump(l.net, stdout);
    const EmitOptions options = compile_emit_options(r, &l);
    const bool programs = r->dump >= STAGE_PROGRAM;
    if (!limit_has_training(&r->load, &command_compile, options.lower.train)) return STATUS_USAGE;
    if (programs && options.lower.infer) status = dump_program(r, &l, PROGRAM_INFER, &options);
    if (programs && status == STATUS_OK && options.lower.train) status = dump_program(r, &l, PROGRAM_STEP, &options);
    load_status(&r->load);
    return status;
}

static int dump_ast(const CompileRequest *r)
{
    File *file = front_parse_file(r->load.compilation, r->load.path);
    if (file) {
        Text text;
        text_init(&text, r->load.compilation->arena);
        ast_dump(file, &text);
        fputs(text.data, stdout);
    }
    return load_status(&r->load);
}

static int dump(const CompileRequest *r)
{
    int status = r->dump == STAGE_AST ? dump_ast(r) : dump_net(r);
    int written = finish_output();
    return status ? status : written;
}

/* ---- C ------------------------------------------------------------------------ */

/* `-o -`: the header where it is included. */
static void print_alone(const EmitResult *e, const char *header)
{
    const char *include = NULL;
    char *line = malloc(strlen(header) + 16);
    if (line) {
        sprintf(line, "#include \"%s\"\n", header);
        include = strstr(e->source, line);
    }
    if (include) {
        fwrite(e->source, 1, (size_t)(include - e->source), stdout);
        fputs(e->header, stdout);
        fputs(include + strlen(line), stdout);
    } else {
        fputs(e->source, stdout);
    }
    free(line);
}

static int write_c(const CompileRequest *r, const EmitResult *e, const char *header_path)
{
    const size_t file_bytes = TRAINED_HEADER_BYTES + (size_t)e->model_bytes;
    const OutputFile files[] = {{.path = r->output, .text = e->source, .length = strlen(e->source)},
                                {.path = header_path, .text = e->header, .length = strlen(e->header)},
                                {.path = r->trained.weights_out, .text = e->trained_file, .length = file_bytes}};
    return output_write(files, e->trained_file ? 3 : 2);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* DIR/NAME.c → DIR/NAME.h.  string.h beside string.c would hide the C library's from -IDIR. */
static const char *header_path_of(const CompileRequest *r, const char *source)
{
    Arena *arena = r->load.compilation->arena;
    char *path = arena_strdup(arena, source);
    path[strlen(path) - 1] = 'h';
    const char *name = base_name(path), *free_name = c_header_name(arena, name);
    if (r->header || free_name == name) return path;
    const char *moved = arena_printf(arena, "%.*s%s", (int)(name - path), path, free_name);
    fprintf(stderr, "nnc: note: the header is %s: there is a standard header <%s>\n", moved, name);
    return moved;
}

static int emit(const CompileRequest *r, Model *l)
{
    Arena *arena = l->c->arena;
    const char *prefix = r->load.prefix ? r->load.prefix : c_prefix(arena, l->net->name);
    bool to_stdout = strcmp(r->output, "-") == 0;
    const char *header_path = header_path_of(r, to_stdout ? arena_printf(arena, "%s.c", prefix) : r->output);
    const char *header = r->header ? r->header : base_name(header_path);
    EmitOptions options = compile_emit_options(r, l);
    options.prefix = prefix;
    options.header = header;
    if (!can_be_included(header))
        return usage_error(&command_compile, "-o %s: an #include cannot name its header; use --header NAME", r->output);
    if (!limit_has_training(&r->load, &command_compile, options.lower.train)) return STATUS_USAGE;
    TrainedModel trained;
    int status = r->trained.weights ? trained_read(&r->trained, l, &options, &trained) : STATUS_OK;
    if (status != STATUS_OK) return status;
    if (r->trained.weights) options.trained = &trained;
    options.main = r->main;
    EmitResult *e = emit_c(l->net, l->spec, &options);
    status = load_status(&r->load);
    if (!e || status != STATUS_OK) return status ? status : STATUS_INPUT;
    if (!to_stdout) return write_c(r, e, header_path);
    if (r->header)
        fputs(e->source, stdout);
    else
        print_alone(e, header);
    return finish_output();
}

static int compile(CompileRequest *r)
{
    if (r->dump) return dump(r);
    if (is_same_file(r->load.path, r->output))
        return fail(STATUS_USAGE, "-o %s would write over the source", r->output);
    Model l;
    r->load.train = r->train;
    int status = load_net(&r->load, &l);
    return status == STATUS_OK ? emit(r, &l) : status;
}

static int compile_run(int argc, char **argv)
{
    CompileRequest r = {0};
    OptionReader reader;
    int status = STATUS_OK;
    load_options_init(&r.load);
    options_begin(&reader, &command_compile, argc, argv);
    for (int id; status == STATUS_OK && (id = options_next(&reader)) != OPTIONS_END;)
        if (id == OPTIONS_BAD || !take_compile_option(&r, id, reader.value)) status = STATUS_USAGE;
    if (status == STATUS_OK) status = check_request(&r, &reader);
    if (status == STATUS_OK) {
        r.load.path = reader.operands[0];
        status = compile(&r);
    }
    load_options_free(&r.load);
    return status;
}

const Command command_compile = {
    .name = "compile",
    .summary = "write a net as C: NET.c and NET.h ('compile' may be omitted)",
    .usage = "NET.nn -o NET.c [options]",
    .options = options,
    .details = "Without --infer and --train the C has both, or inference alone where the file has\n"
               "no train section for the net.\n"
               "\n"
               "The C is correct on any machine, whatever --target says.  For avx2 and avx512 it\n"
               "contains the kernels twice, for any processor and for that one, and chooses\n"
               "between them at run time; the C compiler needs no flags for that.  native is the\n"
               "best target of the machine that nnc runs on, so the C depends on that machine.\n"
               "neon and generic contain the kernels once, for what the C compiler's flags allow.\n",
    .run = compile_run,
};
