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

#include "commands/compile.h"
#include "commands/support/file_use.h"
#include "commands/support/output.h"
#include "commands/support/weighted.h"
#include "commands/update_auto.h"
#include "emit/c_names.h"
#include "lower/dump.h"

static const Option options[] = {
    {'o', "output", "FILE.c", "write FILE.c and FILE.h; with '-', one text on standard output"},
    OPTION_ROWS_COMPILE,
    {COMPILE_HEADER, "header", "NAME", "name of the header in the #include (default: its file name)"},
    {COMPILE_DUMP, "dump", "STAGE", "print ast, graph, program, plan, or the program after a pass, instead of C"},
    OPTION_ROW_EXPLAIN,
    {0},
};

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
        names[i] = i < STAGES ? stages[i] : pass_name((PassId)(i - STAGES));
        if (strcmp(text, names[i]) != 0) continue;
        r->dump = i < STAGES ? (Stage)(i + 1) : STAGE_PROGRAM;
        r->last_pass = i < STAGES ? 0 : i - STAGES + 1;
        return true;
    }
    const char *near = nearest_name(text, names, STAGES + PASS_COUNT);
    usage_error(r->command, "--dump takes ast, graph, program, plan or the name of a pass, not '%s'%s%s%s", text,
                near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    return false;
}

static bool take_prefix(CompileRequest *r, const char *text)
{
    r->load.prefix = text;
    if (!is_identifier(text)) {
        usage_error(r->command, "--prefix '%s' is not an identifier of C", text);
        return false;
    }
    const char *free_name = c_prefix(r->load.compilation->arena, text);
    if (strcmp(free_name, text) == 0) return true;
    usage_error(r->command, "--prefix '%s' is taken in C; try '%s'", text, free_name);
    return false;
}

static bool can_be_included(const char *file) { return *file && !strpbrk(file, "\"\n\\"); }

static bool take_header(CompileRequest *r, const char *text)
{
    r->header = text;
    if (can_be_included(text)) return true;
    usage_error(r->command, "--header '%s': an #include cannot name this file", text);
    return false;
}

static bool take_target(CompileRequest *r, const char *text)
{
    r->target = text;
    return option_target(r->command, text, &r->load.device);
}

Target compile_target(const CompileRequest *r)
{
    for (int i = 0; r->target && i < TARGET_COUNT; i++)
        if (strcmp(r->target, target_name((Target)i)) == 0) return (Target)i;
    return target_native();
}

bool compile_is_plain(const CompileRequest *r) { return r->plain || (r->target && target_is_plain(compile_target(r))); }

const char *compile_tool(const CompileRequest *r, const char *otherwise)
{
    const char *compiler = r->target ? target_info(compile_target(r))->compiler : NULL;
    return compiler ? compiler : otherwise;
}

const char *compile_tool_options(const CompileRequest *r, const char *otherwise)
{
    const char *options = r->target ? target_info(compile_target(r))->options : NULL;
    return options ? options : otherwise;
}

static bool take_input_type(CompileRequest *r, const char *text)
{
    r->trained.input_bytes = strcmp(text, "u8") == 0;
    if (r->trained.input_bytes || strcmp(text, "f32") == 0) return true;
    usage_error(r->command, "--input-type takes f32 or u8, not '%s'", text);
    return false;
}

bool compile_take_option(CompileRequest *r, int id, const char *value)
{
    switch (id) {
    case 'o': r->output = value; return true;
    case COMPILE_INFER: return r->infer = true;
    case COMPILE_TRAIN: return r->train = r->trained.train = r->load.learns = true;
    case COMPILE_PLAIN: return r->plain = true;
    case COMPILE_PREFIX: return take_prefix(r, value);
    case COMPILE_HEADER: return take_header(r, value);
    case COMPILE_DUMP: return take_stage(r, value);
    case OPTION_EXPLAIN: r->dump = STAGE_EXPLANATION; return true;
    case COMPILE_TARGET: return take_target(r, value);
    case COMPILE_MAIN: return r->main = true;
    case COMPILE_SELF_TEST: return r->trained.self_test = true;
    case COMPILE_HOOKS: return r->hooks = true;
    case COMPILE_DATA: r->data = value; return true;
    case COMPILE_WEIGHTS: r->trained.weights = value; return true;
    case COMPILE_WEIGHTS_OUT: r->trained.weights_out = value; return true;
    case COMPILE_INPUT_TYPE: return take_input_type(r, value);
    default: return load_option(&r->load, r->command, id, value) == TAKEN_YES;
    }
}

void compile_take_path(CompileRequest *r, const char *path)
{
    r->load.path = path;
    if (!r->train && !r->dump) r->trained.weights = weighted_path(&r->load, r->trained.weights);
    r->load.weights = r->trained.weights;
}

static int check_trained(const CompileRequest *r)
{
    const Command *self = r->command;
    if (!map_has_weights(&r->load, self, r->trained.weights, "weights")) return STATUS_USAGE;
    if (!r->trained.weights && r->trained.input_bytes)
        return usage_error(self, "--input-type needs trained weights (use --weights FILE)");
    const char *inferring = r->main                  ? "main"
                            : r->trained.self_test   ? "self-test"
                            : r->trained.weights_out ? "weights-out"
                                                     : NULL;
    if (!r->trained.weights && inferring)
        return usage_error(self, "--%s needs trained weights (use --weights FILE)", inferring);
    if (r->trained.weights && r->train && inferring)
        return usage_error(self, "--%s is for inference: it cannot be given with --train", inferring);
    if (r->trained.weights && r->dump) return usage_error(self, "--weights: --dump and --explain write no C");
    return STATUS_OK;
}

int compile_check_options(const CompileRequest *r)
{
    const Command *self = r->command;
    if (check_trained(r)) return STATUS_USAGE;
    if (!format_has_inference(&r->load, self, r->train)) return STATUS_USAGE;
    const bool plain = compile_is_plain(r);
    if (plain && r->load.threads > 1)
        return usage_error(self, "--threads %lld: the plain form has no threads", (long long)r->load.threads);
    if (plain && !plain_form_allows(&r->load, self)) return STATUS_USAGE;
    if (r->plain && r->target && !target_is_plain(compile_target(r)))
        return usage_error(self, "--target: the plain form is for any machine");
    return STATUS_OK;
}

static int check_request(CompileRequest *r, const OptionReader *reader)
{
    const Command *self = r->command;
    if (!options_one_file(reader)) return STATUS_USAGE;
    compile_take_path(r, reader->operands[0]);
    if (compile_check_options(r)) return STATUS_USAGE;
    if (compile_is_plain(r) && r->dump == STAGE_EXPLANATION)
        return usage_error(self, "--explain: the plain form has no variants to choose from");
    if (r->dump && r->output) return usage_error(self, "--dump and --explain print instead of writing C: leave out -o");
    if (!r->dump && !r->output)
        return usage_error(self, "no output file (use -o FILE.c, or '-o -' for standard output)");
    if (!r->output || strcmp(r->output, "-") == 0 || path_has_ending(r->output, ".c")) return STATUS_OK;
    if (path_has_ending(r->output, ".so") || path_has_ending(r->output, ".o") || path_has_ending(r->output, ".a"))
        return usage_error(self, "-o %s: the name must end in .c; nnc build runs the C compiler", r->output);
    return usage_error(self, "-o %s: the name must end in .c", r->output);
}

/* Of what is written, and of what is dumped; names are not among them. */
static EmitOptions compile_emit_options(const CompileRequest *r, const Model *l)
{
    bool both = !r->infer && !r->train && !r->trained.weights && !r->load.bf16_weights;
    const bool plain = compile_is_plain(r);
    const Target target = r->plain && !r->target ? TARGET_GENERIC : compile_target(r);
    return (EmitOptions){.lower.batch = l->batch,
                         .lower.target = target,
                         .lower.infer = both || r->infer || r->trained.weights || r->load.bf16_weights,
                         .lower.train = r->train || (both && l->train_section),
                         .lower.constants = r->train && r->trained.weights,
                         .lower.accumulate = true,
                         .lower.plain = plain,
                         .target = target,
                         .threads = (int)r->load.threads,
                         .lower.disabled = r->load.disabled_passes,
                         .lower.memory_limit = r->load.memory_limit,
                         .lower.bf16_weights = r->load.bf16_weights,
                         .lower.bf16_values = r->load.bf16_values,
                         .paste_kernels = !plain};
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
    if (!limit_has_training(&r->load, r->command, options.lower.train)) return STATUS_USAGE;
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

OutputFile compile_weights_file(const CompileRequest *r, const EmitResult *e)
{
    return (OutputFile){.path = r->trained.weights_out,
                        .text = e->trained_file,
                        .length = TRAINED_HEADER_BYTES + (size_t)e->model_bytes};
}

static int write_weights(const CompileRequest *r, const EmitResult *e)
{
    const OutputFile file = compile_weights_file(r, e);
    return output_write(&file, 1);
}

static int write_c(const CompileRequest *r, const EmitResult *e, const char *header_path)
{
    const OutputFile files[] = {{.path = r->output, .text = e->source, .length = strlen(e->source)},
                                {.path = header_path, .text = e->header, .length = strlen(e->header)},
                                compile_weights_file(r, e)};
    return output_write(files, e->trained_file ? 3 : 2);
}

/* DIR/NAME.c → DIR/NAME.h.  string.h beside string.c would hide the C library's from -IDIR. */
static const char *header_path_of(const CompileRequest *r, const char *source)
{
    Arena *arena = r->load.compilation->arena;
    char *path = arena_strdup(arena, source);
    path[strlen(path) - 1] = 'h';
    const char *name = path_file_name(path), *free_name = c_header_name(arena, name);
    if (r->header || free_name == name) return path;
    const char *moved = arena_printf(arena, "%.*s%s", (int)(name - path), path, free_name);
    fprintf(stderr, "nnc: note: the header is %s: there is a standard header <%s>\n", moved, name);
    return moved;
}

const char *compile_prefix(const CompileRequest *r, const Model *l)
{
    return r->load.prefix ? r->load.prefix : c_prefix(l->c->arena, l->net->name);
}

static bool is_trained(const Model *l)
{
    for (int i = 0; i < l->net->model.count; i++)
        if (((const Tensor *)l->net->model.at[i])->trainable) return true;
    return false;
}

int compile_emit(const CompileRequest *r, Model *l, const char *prefix, const char *header, EmitResult **e)
{
    EmitOptions options = compile_emit_options(r, l);
    TrainedModel trained;
    options.prefix = prefix;
    options.header = header;
    if (!limit_has_training(&r->load, r->command, options.lower.train)) return STATUS_USAGE;
    int status = update_auto(r, l, &options.lower);
    if (status != STATUS_OK) return status;
    if (options.lower.constants && !is_trained(l))
        return fail(STATUS_INPUT, "nothing of %s is trained: all its parameters are frozen%s", l->net->name,
                    l->original ? ", or in int8 (nnc quantize --keep LAYERS leaves layers in f32)" : "");
    status = r->trained.weights ? trained_read(&r->trained, l, &options, &trained) : STATUS_OK;
    if (status != STATUS_OK) return status;
    if (r->trained.weights) options.trained = &trained;
    options.main = r->main;
    options.hooks = r->hooks;
    if (r->hooks && !options.lower.train)
        return usage_error(r->command, "--hooks is for training, and nothing is trained here");
    *e = emit_c(l->net, l->spec, &options);
    status = load_status(&r->load);
    return *e ? status : status ? status : STATUS_INPUT;
}

static int emit(const CompileRequest *r, Model *l)
{
    Arena *arena = l->c->arena;
    const char *prefix = compile_prefix(r, l);
    bool to_stdout = strcmp(r->output, "-") == 0;
    const char *header_path = header_path_of(r, to_stdout ? arena_printf(arena, "%s.c", prefix) : r->output);
    const char *header = r->header ? r->header : path_file_name(header_path);
    EmitResult *e;
    if (!can_be_included(header))
        return usage_error(r->command, "-o %s: an #include cannot name its header; use --header NAME", r->output);
    const FileUse files[] = {{"the source", r->load.path, false},
                             {"-o", r->output, true},
                             {"the header", to_stdout ? NULL : header_path, true},
                             {"--weights-out", r->trained.weights_out, true}};
    int status = files_apart(files, sizeof files / sizeof *files);
    if (status == STATUS_OK) status = compile_emit(r, l, prefix, header, &e);
    if (status != STATUS_OK) return status;
    if (!to_stdout) return write_c(r, e, header_path);
    if (r->header)
        fputs(e->source, stdout);
    else
        print_alone(e, header);
    status = finish_output();
    return status == STATUS_OK && e->trained_file ? write_weights(r, e) : status;
}

static int compile(CompileRequest *r)
{
    if (r->dump) return dump(r);
    Model l;
    r->load.train = r->train;
    int status = load_net(&r->load, &l);
    return status == STATUS_OK ? emit(r, &l) : status;
}

static int compile_run(int argc, char **argv)
{
    CompileRequest r = {.command = &command_compile};
    OptionReader reader;
    int status = STATUS_OK;
    load_options_init(&r.load);
    r.load.writes_c = true;
    options_begin(&reader, &command_compile, argc, argv);
    for (int id; status == STATUS_OK && (id = options_next(&reader)) != OPTIONS_END;)
        if (id == OPTIONS_BAD || !compile_take_option(&r, id, reader.value)) status = STATUS_USAGE;
    if (status == STATUS_OK) status = check_request(&r, &reader);
    if (status == STATUS_OK) status = compile(&r);
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
               "The C is correct on any machine, whatever --target says.  For avx2, avxvnni, avx512,\n"
               "avx512vnni, avx512bf16 and neondotprod it contains the kernels twice, for any processor\n"
               "and for that one, and chooses between them at run time; the C compiler needs no flags for\n"
               "that.  native is the best target of the machine that nnc runs on, so the C depends on it.\n"
               "neon and generic contain the kernels once, for what the C compiler's flags allow.\n"
               "For a microcontroller the C is the plain form, planned for little memory.\n",
    .run = compile_run,
};
