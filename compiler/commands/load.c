/*
 * load: a file on the command line → a net, and on to running code.
 *
 * Enters: LoadOptions.  Leaves: a Loaded, or an exit status with everything
 * said.  All commands go this way, so that all read a net alike: the stages in
 * order are parse, elaborate, train section, freeze, emit, compile.
 */
#include <assert.h>
#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "runtime/core/core.h"

static const char *const command_line = "<command line>";

void load_options_init(LoadOptions *o)
{
    *o = (LoadOptions){.compilation = compilation_new(), .default_batch = 1, .jit = JIT_TCC};
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
    while (isalnum((unsigned char)*p) || *p == '_') p++;
    return *p == '=' && p[1];
}

static Taken take_jit(LoadOptions *o, const Command *command, const char *value)
{
    if (strcmp(value, "tcc") == 0)
        o->jit = JIT_TCC;
    else if (strcmp(value, "cc") == 0)
        o->jit = JIT_CC;
    else if (strcmp(value, "tiered") == 0 && o->steps)
        o->jit = JIT_TIERED;
    else {
        usage_error(command, "--jit takes %s, not '%s'", o->steps ? "tcc, cc or tiered" : "tcc or cc", value);
        return TAKEN_BAD;
    }
    return TAKEN_YES;
}

/* --no-NAME */
typedef struct PassSwitch {
    int option;
    unsigned pass;
    const char *name;
} PassSwitch;

static const PassSwitch pass_switches[] = {
    {OPTION_NO_FUSION, WITHOUT_FUSION, "fusion"},          {OPTION_NO_WINOGRAD, WITHOUT_WINOGRAD, "winograd"},
    {OPTION_NO_SAMPLES, WITHOUT_SAMPLES, "samples"},       {OPTION_NO_SLICES, WITHOUT_SLICES, "slices"},
    {OPTION_NO_LAYOUT, WITHOUT_LAYOUT, "layout"},          {OPTION_NO_MICRO, WITHOUT_MICRO, "micro-batches"},
    {OPTION_NO_RECOMPUTE, WITHOUT_RECOMPUTE, "recompute"},
};

static Taken take_pass(LoadOptions *o, int id)
{
    for (size_t i = 0; i < sizeof pass_switches / sizeof *pass_switches; i++) {
        if (pass_switches[i].option != id) continue;
        o->without |= pass_switches[i].pass;
        return TAKEN_YES;
    }
    return TAKEN_NO;
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
    case OPTION_NET: o->net = value; return TAKEN_YES;
    case OPTION_SET: list_push(arena, &o->sets, (void *)value); return TAKEN_YES;
    case OPTION_FREEZE: list_push(arena, &o->freeze, (void *)value); return TAKEN_YES;
    case OPTION_BATCH: return option_int(command, "batch", value, 1, 1 << 20, &o->batch) ? TAKEN_YES : TAKEN_BAD;
    case OPTION_THREADS: return option_int(command, "threads", value, 1, 64, &o->threads) ? TAKEN_YES : TAKEN_BAD;
    case OPTION_JIT: return take_jit(o, command, value);
    case OPTION_MEMORY_LIMIT:
        return option_bytes(command, "memory-limit", value, &o->memory_limit) ? TAKEN_YES : TAKEN_BAD;
    default: return take_pass(o, id);
    }
}

bool without_passes(const LoadOptions *o, const Command *command)
{
    for (size_t i = 0; i < sizeof pass_switches / sizeof *pass_switches; i++) {
        const PassSwitch *s = &pass_switches[i];
        if (!(o->without & s->pass)) continue;
        usage_error(command, "--no-%s: the plain form is written without this pass", s->name);
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
        d->value = front_parse_expr(c, command_line, text + length + 1);
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

static int freeze(const LoadOptions *o, const Graph *net)
{
    for (int i = 0; i < o->freeze.count; i++) {
        int matches = 0;
        for (int j = 0; j < net->model.count; j++) {
            Tensor *t = net->model.at[j];
            if (t->kind != TENSOR_PARAM || fnmatch(o->freeze.at[i], t->name, 0) != 0) continue;
            t->trainable = false;
            matches++;
        }
        if (!matches)
            return fail(STATUS_USAGE, "--freeze %s: no parameter of %s has such a name", (char *)o->freeze.at[i],
                        net->name);
    }
    return STATUS_OK;
}

static int64_t decide_batch(const LoadOptions *o, const Loaded *l)
{
    if (o->batch) return o->batch;
    bool said = l->spec && (l->train_section || l->spec->batch_given);
    return said ? l->spec->batch : o->default_batch;
}

/* The stages up to the net; diagnostics are left to be printed. */
static int build_net(const LoadOptions *o, Loaded *l)
{
    Compilation *c = o->compilation;
    *l = (Loaded){.c = c};
    File *file = front_parse_file(c, o->path);
    l->file = file;
    List defines = parse_defines(o);
    List sets = parse_sets(o);
    if (!l->file || c->errors) return STATUS_INPUT;
    if (o->change && !o->change(c, file, o->change_with)) return STATUS_INPUT;
    l->net = elaborate(c, l->file, o->net, &defines);
    if (!l->net) return STATUS_INPUT;
    l->train_section = train_section_exists(l->file, l->net);
    if (o->train || l->train_section || sets.count) {
        l->spec = train_spec(c, l->file, l->net, &sets);
        if (!l->spec) return STATUS_INPUT;
    }
    if (c->errors) return STATUS_INPUT;
    l->batch = decide_batch(o, l);
    return freeze(o, l->net);
}

int load_net(const LoadOptions *o, Loaded *l)
{
    int status = build_net(o, l);
    load_status(o);
    return status;
}

/* ---- net → running code ---------------------------------------------------- */

static EmitOptions emit_options(const LoadOptions *o, const Loaded *l)
{
    return (EmitOptions){
        .prefix = o->prefix,
        .batch = l->batch,
        .infer = true,
        .train = o->train,
        .vjp = o->vjp,
        .plain = o->plain,
        .use_double = o->use_double,
        .standalone = true,
        .paste_kernels = o->jit == JIT_CC,
        .threads = (int)o->threads,
        .without = o->without,
        .memory_limit = o->memory_limit,
        .poison = o->poison,
        .profile = o->profile,
    };
}

/* The info record of the code, in memory of ours: other code for the same model
 * can take its place while others hold a pointer to it. */
static void take_functions(Loaded *l)
{
    const nn_model_info *(*info)(void) = (const nn_model_info *(*)(void))loaded_symbol(l, "info");
    if (!info) return;
    if (!l->functions) l->functions = arena_alloc(l->c->arena, sizeof *l->functions);
    *l->functions = *info();
    l->info = l->functions;
}

int load_code(const LoadOptions *o, Loaded *l)
{
    EmitOptions options = emit_options(o, l);
    l->emitted = emit_c(l->net, l->spec, &options);
    int status = load_status(o);
    if (!l->emitted) return status ? status : STATUS_INPUT;
    const char *error;
    l->jit = jit_compile(o->jit, l->emitted->source, l->c->arena, &error);
    if (!l->jit) return fail(STATUS_SYSTEM, "%s", error);
    take_functions(l);
    assert(l->info || o->use_double);
    assert(!l->info || l->info->abi == NN_ABI);
    return STATUS_OK;
}

bool loaded_poll(Loaded *l, const char **why)
{
    JitNews news = jit_poll(l->jit, why);
    if (news == JIT_FASTER) take_functions(l);
    return news != JIT_NO_NEWS;
}

int load_model(const LoadOptions *o, Loaded *l)
{
    int status = load_net(o, l);
    if (status == STATUS_OK) status = load_code(o, l);
    if (status != STATUS_OK) loaded_free(l);
    return status;
}

void *loaded_symbol(const Loaded *l, const char *name)
{
    return jit_symbol(l->jit, arena_printf(l->c->arena, "%s_%s", l->emitted->prefix, name));
}

const char *loaded_memory_text(const Loaded *l)
{
    const MemoryLimitResult *m = &l->emitted->limited;
    const RematResult *r = &m->recomputed;
    Arena *arena = l->c->arena;
    int64_t model = l->emitted->model_bytes;
    const char *bytes = bytes_text(arena, model + m->after);
    if (!m->limit) return NULL;
    if (m->after == m->before) return arena_printf(arena, "%s: nothing has to be computed again", bytes);
    bytes = arena_printf(arena, "%s instead of %s:", bytes, bytes_text(arena, model + m->before));
    if (m->micro_batch)
        bytes =
            arena_printf(arena, "%s micro-batches of %lld%s", bytes, (long long)m->micro_batch, r->values ? "," : "");
    if (m->micro_batch && !r->values) return bytes;
    return arena_printf(arena, "%s %d value%s of a step %s computed again, %.1f%% more MACs", bytes, r->values,
                        r->values == 1 ? "" : "s", r->values == 1 ? "is" : "are",
                        100 * (double)r->macs / (double)(r->all_macs ? r->all_macs : 1));
}

void loaded_free(Loaded *l)
{
    jit_free(l->jit);
    l->jit = NULL;
    l->info = NULL;
    l->functions = NULL;
}

void *block_alloc(size_t bytes)
{
    static_assert(PLAN_ALIGN <= 64, "nn_memory aligns to 64 bytes");
    void *block = nn_memory(bytes, NULL);
    if (!block) exit(fail(STATUS_SYSTEM, "no memory: %zu bytes are needed", bytes));
    return memset(block, 0, bytes);
}
