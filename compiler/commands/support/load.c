/*
 * load: a file on the command line → a net, and on to running code.
 *
 * Enters: LoadOptions.  Leaves: a Model, or an exit status with everything
 * said.  All commands go this way, so that all read a net alike: the stages in
 * order are parse, elaborate, train section, freeze, emit, compile.
 */
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "commands/support/imported.h"
#include "commands/support/load.h"
#include "commands/support/quantized.h"
#include "elab/elaborate.h"
#include "elab/input_size.h"
#include "report/analysis.h"
#include "runtime/core/core.h"
#include "runtime/kernels/system/team.h"

static const char *const command_line = "<command line>";

void load_options_init(LoadOptions *o) { *o = load_options_of(compilation_new()); }

LoadOptions load_options_of(Compilation *c)
{
    return (LoadOptions){.compilation = c, .default_batch = 1, .jit = JIT_TCC};
}

void load_options_free(LoadOptions *o)
{
    if (o->compilation) compilation_free(o->compilation);
    o->compilation = NULL;
}

/* ---- options that commands share ------------------------------------------ */

static bool is_define(const char *text)
{
    const char *p = text;
    if (!isalpha((unsigned char)*p) && *p != '_') return false;
    while (is_identifier_char(*p)) p++;
    return *p == '=' && p[1];
}

static Taken take_jit(LoadOptions *o, const Command *command, const char *value)
{
    if (strcmp(value, "tcc") == 0)
        o->jit = JIT_TCC;
    else if (strcmp(value, "cc") == 0)
        o->jit = o->steps ? JIT_CC_EXACT : JIT_CC;
    else if (strcmp(value, "tiered") == 0 && o->steps)
        o->jit = JIT_TIERED;
    else {
        usage_error(command, "--jit takes %s, not '%s'", o->steps ? "tcc, cc or tiered" : "tcc or cc", value);
        return TAKEN_BAD;
    }
    return TAKEN_YES;
}

static Taken take_input(LoadOptions *o, const Command *command, const char *text)
{
    Arena *arena = o->compilation->arena;
    InputSize *size = arena_alloc(arena, sizeof *size);
    if (!input_size_parse(arena, text, size)) {
        usage_error(command, "--input takes a shape such as CxHxW, LxD or F, or LABEL=SHAPE, not '%s'", text);
        return TAKEN_BAD;
    }
    list_push(arena, &o->inputs, size);
    return TAKEN_YES;
}

static Taken take_set(LoadOptions *o, const Command *command, const char *text)
{
    if (!text[strspn(text, " \t\n;")]) {
        usage_error(command, "--set takes KEY=VALUE or 'KEY VALUE', not '%s'", text);
        return TAKEN_BAD;
    }
    list_push(o->compilation->arena, &o->sets, (void *)text);
    return TAKEN_YES;
}

static Taken take_weights_format(LoadOptions *o, const Command *command, const char *text)
{
    o->bf16_weights = strcmp(text, "bf16") == 0;
    if (o->bf16_weights || strcmp(text, "f32") == 0) return TAKEN_YES;
    usage_error(command, "--weights-format takes f32 or bf16, not '%s'", text);
    return TAKEN_BAD;
}

static Taken take_compute(LoadOptions *o, const Command *command, const char *text)
{
    o->bf16_values = strcmp(text, "bf16") == 0;
    if (o->bf16_values || strcmp(text, "f32") == 0) return TAKEN_YES;
    usage_error(command, "--compute takes f32 or bf16, not '%s'", text);
    return TAKEN_BAD;
}

static Taken take_pass(LoadOptions *o, int id)
{
    if (id < OPTION_NO_PASS || id >= OPTION_NO_PASS + PASS_COUNT) return TAKEN_NO;
    o->disabled_passes |= 1u << (id - OPTION_NO_PASS);
    return TAKEN_YES;
}

Taken load_option(LoadOptions *o, const Command *command, int id, const char *value)
{
    Arena *arena = o->compilation->arena;
    switch (id) {
    case 'D':
        if (!is_define(value)) {
            usage_error(command, "-D takes NAME=VALUE, not '%s'", value);
            return TAKEN_BAD;
        }
        list_push(arena, &o->defines, (void *)value);
        return TAKEN_YES;
    case OPTION_INPUT: return take_input(o, command, value);
    case OPTION_NET: o->net = value; return TAKEN_YES;
    case OPTION_SET: return take_set(o, command, value);
    case OPTION_MAP: list_push(arena, &o->maps, (void *)value); return TAKEN_YES;
    case OPTION_FREEZE: list_push(arena, &o->freeze, (void *)value); return TAKEN_YES;
    case OPTION_TRAIN: list_push(arena, &o->train_only, (void *)value); return TAKEN_YES;
    case OPTION_BATCH: return option_int(command, "batch", value, 1, 1 << 20, &o->batch) ? TAKEN_YES : TAKEN_BAD;
    case OPTION_THREADS:
        return option_int(command, "threads", value, 1, NN_MAX_THREADS, &o->threads) ? TAKEN_YES : TAKEN_BAD;
    case OPTION_WEIGHTS_FORMAT: return take_weights_format(o, command, value);
    case OPTION_COMPUTE: return take_compute(o, command, value);
    case OPTION_JIT: return take_jit(o, command, value);
    case OPTION_MEMORY_LIMIT:
        return option_bytes(command, "memory-limit", value, &o->memory_limit) ? TAKEN_YES : TAKEN_BAD;
    default: return take_pass(o, id);
    }
}

bool plain_form_allows(const LoadOptions *o, const Command *command)
{
    for (int i = 0; i < PASS_COUNT; i++) {
        if (!(o->disabled_passes >> i & 1)) continue;
        usage_error(command, "--no-%s: the plain form is written without this pass", pass_name((PassId)i));
        return false;
    }
    return true;
}

bool limit_has_training(const LoadOptions *o, const Command *command, bool training)
{
    if (training || !o->memory_limit) return true;
    usage_error(command, "--memory-limit is for training, and nothing is trained here");
    return false;
}

bool format_has_inference(const LoadOptions *o, const Command *command, bool training)
{
    if (!training || !o->bf16_weights) return true;
    usage_error(command, "--weights-format bf16 is for inference: training keeps its weights in f32");
    return false;
}

bool map_has_weights(const LoadOptions *o, const Command *command, const char *weights, const char *option)
{
    if (weights || !o->maps.count) return true;
    usage_error(command, "--map %s renames tensors of a weights file, and none is read here (use --%s FILE)",
                (const char *)o->maps.at[0], option);
    return false;
}

/* ---- text → net ----------------------------------------------------------- */

/* What is printed is dropped from the list, so that a later call prints only news. */
int load_status(const LoadOptions *o)
{
    Compilation *c = o->compilation;
    if (c->diagnostics.count) diag_print(c, stderr, stderr_color());
    c->diagnostics.count = 0;
    return c->errors ? STATUS_INPUT : STATUS_OK;
}

/* name=value of -D, parsed.  Every bad one is reported. */
static List parse_defines(const LoadOptions *o)
{
    Compilation *c = o->compilation;
    List defines = {0};
    for (int i = 0; i < o->defines.count; i++) {
        const char *text = o->defines.at[i];
        size_t length = strcspn(text, "=");
        Define *d = arena_alloc(c->arena, sizeof *d);
        d->name = arena_strndup(c->arena, text, length);
        d->value = front_parse_expr_at(c, command_line, text, (int)length + 1);
        if (d->value) list_push(c->arena, &defines, d);
    }
    return defines;
}

static List parse_sets(const LoadOptions *o)
{
    Compilation *c = o->compilation;
    List sets = {0};
    for (int i = 0; i < o->sets.count; i++) {
        Train *items = front_parse_train_items(c, command_line, o->sets.at[i]);
        if (items) list_push(c->arena, &sets, items);
    }
    return sets;
}

/* Marks the parameters that match one of the patterns; each must match something. */
static int match_patterns(const Model *m, const char *option, const List *patterns, bool *matched)
{
    for (int i = 0; i < patterns->count; i++) {
        if (!graph_match_params(m->net, patterns->at[i], matched))
            return fail(STATUS_USAGE, "--%s %s matches no parameter of %s", option, (char *)patterns->at[i],
                        m->net->name);
    }
    return STATUS_OK;
}

/* --train leaves what it names as the source has it, and freezes the rest; --freeze comes after it. */
static int freeze(const LoadOptions *o, const Model *m)
{
    const int count = m->net->model.count;
    bool *trained = arena_alloc(m->c->arena, (size_t)(count + 1) * sizeof *trained);
    bool *frozen = arena_alloc(m->c->arena, (size_t)(count + 1) * sizeof *frozen);
    int status = match_patterns(m, o->writes_c ? "train-only" : "train", &o->train_only, trained);
    if (status == STATUS_OK) status = match_patterns(m, "freeze", &o->freeze, frozen);
    for (int i = 0; status == STATUS_OK && i < count; i++) {
        Tensor *t = m->net->model.at[i];
        const bool trains = !frozen[i] && (trained[i] || o->train_only.count == 0);
        t->trainable &= trains;
        t->fixed |= t->kind == TENSOR_BUFFER && !trains;
    }
    return status;
}

bool option_target(const Command *command, const char *text, int *device)
{
    const char *names[TARGET_COUNT + 1] = {"native"};
    bool known = strcmp(text, "native") == 0;
    for (int i = 0; i < TARGET_COUNT; i++) {
        names[i + 1] = target_name((Target)i);
        if (strcmp(text, names[i + 1]) != 0) continue;
        known = true;
        *device = target_is_plain((Target)i) ? i + 1 : 0;
    }
    if (known) return true;
    const char *near = nearest_name(text, names, TARGET_COUNT + 1);
    usage_error(command, "--target takes native" TARGET_TABLE(AND_TARGET) ", not '%s'%s%s%s", text,
                near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    return false;
}

static int64_t decide_batch(const LoadOptions *o, const Model *m)
{
    if (o->batch) return o->batch;
    if (o->device) return 1; /* samples come one at a time */
    bool said = m->spec && (m->train_section || m->spec->batch_given);
    return said ? m->spec->batch : o->default_batch;
}

Graph *model_described(const Model *m) { return m->original ? m->original : m->net; }

/* What `expect` says of bytes, depth and FLOPs: only then is the net measured here. */
static int check_budgets(const LoadOptions *o, const Model *m)
{
    if (model_described(m)->budgets.count == 0) return STATUS_OK;
    ReportOptions options = report_options();
    options.batch = m->batch;
    options.device = o->device;
    options.device_net = m->net;
    Graph *net = model_described(m);
    const Analysis *a = analysis_build(net, m->spec, &options);
    if (!a) return STATUS_INPUT;
    const NetMetrics metrics = {.flops = a->total.flops,
                                .depth = a->depth,
                                .model_bytes = a->infer_model,
                                .infer_bytes = a->infer_model + a->infer.arena,
                                .train_bytes = m->spec ? a->train_model + a->train_arena : -1,
                                .flash_bytes = a->device ? device_flash(a->device) : -1,
                                .ram_bytes = a->device ? device_ram(a->device) : -1};
    return budgets_check(net, &metrics) ? STATUS_OK : STATUS_INPUT;
}

/* STATUS_REFUSED for a model with operators that cannot be expressed. */
static int parse_input(const LoadOptions *o, File **file, const char **weights)
{
    if (!o->text && is_model_file(o->path)) return imported_parse(o, file, weights);
    *file = o->text ? front_parse_text(o->compilation, o->path, o->text, strlen(o->text))
                    : front_parse_file(o->compilation, o->path);
    return *file ? STATUS_OK : STATUS_INPUT;
}

/* The stages up to the net; diagnostics are left to be printed. */
int build_net(const LoadOptions *o, Model *m)
{
    Compilation *c = o->compilation;
    *m = (Model){.c = c, .maps = o->maps};
    File *file = NULL;
    int status = parse_input(o, &file, &m->weights);
    m->file = file;
    List defines = parse_defines(o);
    List sets = parse_sets(o);
    if (status) return status;
    if (!m->file || c->errors) return STATUS_INPUT;
    if (o->inputs.count && !is_model_file(o->path) && !input_sizes_apply(c, file, o->net, &o->inputs))
        return STATUS_INPUT;
    m->net = elaborate(c, m->file, o->net, &defines);
    if (!m->net) return STATUS_INPUT;
    m->train_section = train_section_exists(m->file, m->net);
    if (o->train || m->train_section || sets.count) {
        m->spec = train_spec(c, m->file, m->net, &sets);
        if (!m->spec) return STATUS_INPUT;
    }
    if (c->errors) return STATUS_INPUT;
    m->batch = decide_batch(o, m);
    status = freeze(o, m);
    const char *weights = o->weights && m->weights ? m->weights : o->weights;
    if (status == STATUS_OK) status = quantized_load(m, weights, o->learns, o->simulates);
    if (status == STATUS_OK && (m->quantized || m->simulated) && o->bf16_values)
        return fail(STATUS_INPUT, "--compute bf16: the weights of %s are %s", weights,
                    m->quantized ? "in int8" : "for int8, which is simulated in floats");
    return status == STATUS_OK ? check_budgets(o, m) : status;
}

int load_net(const LoadOptions *o, Model *m)
{
    int status = build_net(o, m);
    load_status(o);
    return status;
}

/* ---- net → running code ---------------------------------------------------- */

/* Code that runs here has a thread for each processor that this process may run on. */
static int threads_of(const LoadOptions *o)
{
    const int usual = nn_processors();
    return o->threads ? (int)o->threads : usual < NN_MAX_THREADS ? usual : NN_MAX_THREADS;
}

static EmitOptions jit_emit_options(const LoadOptions *o, const Model *m)
{
    return (EmitOptions){
        .prefix = o->prefix,
        .lower.batch = m->batch,
        .lower.target = target_native(),
        .lower.infer = true,
        .lower.train = o->train,
        .lower.vjp = o->vjp,
        .lower.chunks = o->chunks,
        .lower.plain = o->plain,
        .lower.use_double = o->use_double,
        .standalone = true,
        .paste_kernels = o->jit == JIT_CC,
        .threads = threads_of(o),
        .lower.disabled = o->disabled_passes,
        .lower.memory_limit = o->memory_limit,
        .lower.bf16_weights = o->bf16_weights,
        .lower.bf16_values = o->bf16_values,
        .poison = o->poison,
        .profile = o->profile,
        .trace = o->trace,
        .watch = o->watch,
    };
}

/* The info record of the code, in memory of ours: other code for the same model
 * can take its place while others hold a pointer to it. */
static void take_functions(Model *m)
{
    const nn_model_info *(*info)(void) = (const nn_model_info *(*)(void))model_symbol(m, "info");
    if (!info) return;
    if (!m->functions) m->functions = arena_alloc(m->c->arena, sizeof *m->functions);
    *m->functions = *info();
    m->info = m->functions;
}

int build_code(const LoadOptions *o, Model *m, const char **error)
{
    EmitOptions options = jit_emit_options(o, m);
    *error = NULL;
    m->emitted = emit_c(m->net, m->spec, &options);
    if (!m->emitted || m->c->errors) return STATUS_INPUT;
    m->jit = jit_compile(jit_kind_for(o->jit, m->emitted->model_bytes), m->emitted->source, m->c->arena, error);
    if (!m->jit) return STATUS_SYSTEM;
    take_functions(m);
    assert(m->info || o->use_double);
    assert(!m->info || m->info->abi == NN_ABI);
    return STATUS_OK;
}

int load_code(const LoadOptions *o, Model *m)
{
    const char *error;
    const int status = build_code(o, m, &error);
    load_status(o);
    return error ? fail((Status)status, "%s", error) : status;
}

bool model_poll(Model *m, const char **why)
{
    JitNews news = jit_poll(m->jit, why);
    if (news == JIT_FASTER) take_functions(m);
    return news != JIT_NO_NEWS;
}

int load_model(const LoadOptions *o, Model *m)
{
    int status = load_net(o, m);
    if (status == STATUS_OK) status = load_code(o, m);
    if (status != STATUS_OK) model_free(m);
    return status;
}

void *model_symbol(const Model *m, const char *name)
{
    return jit_symbol(m->jit, arena_printf(m->c->arena, "%s_%s", m->emitted->prefix, name));
}

const char *model_memory_text(const Model *m)
{
    const MemoryLimitResult *limit = &m->emitted->limited;
    const RematResult *r = &limit->recomputed;
    Arena *arena = m->c->arena;
    int64_t model = m->emitted->model_bytes;
    const char *bytes = bytes_text(arena, model + limit->after);
    if (!limit->limit) return NULL;
    if (limit->after == limit->before) return arena_printf(arena, "%s: nothing has to be recomputed", bytes);
    bytes = arena_printf(arena, "%s instead of %s:", bytes, bytes_text(arena, model + limit->before));
    if (limit->micro_batch)
        bytes = arena_printf(arena, "%s micro-batches of %lld%s", bytes, (long long)limit->micro_batch,
                             r->values ? "," : "");
    if (limit->micro_batch && !r->values) return bytes;
    return arena_printf(arena, "%s %d value%s of a step %s recomputed, %.1f%% more MACs", bytes, r->values,
                        r->values == 1 ? "" : "s", r->values == 1 ? "is" : "are",
                        100 * (double)r->macs / (double)(r->all_macs ? r->all_macs : 1));
}

void model_free(Model *m)
{
    jit_free(m->jit);
    m->jit = NULL;
    m->info = NULL;
    m->functions = NULL;
}

void *block_alloc(size_t bytes)
{
    static_assert(PLAN_ALIGN <= 64, "nn_memory aligns to 64 bytes");
    void *block = nn_memory(bytes, NULL);
    if (!block) exit(fail(STATUS_SYSTEM, "out of memory: %zu bytes needed", bytes));
    return memset(block, 0, bytes);
}

void *block_for_model(const nn_model_info *info)
{
    return block_alloc(info->model_bytes > info->train_bytes ? info->model_bytes : info->train_bytes);
}

void *block_for_scratch(const nn_model_info *info)
{
    return block_alloc(info->infer_scratch > info->train_scratch ? info->infer_scratch : info->train_scratch);
}
