/*
 * A net as C: the order of the parts, and what each of them needs first.
 *
 * Programs are built and planned before anything is written, since that is
 * where a user's error can still turn up (a loss that does not fit the output,
 * a batch that no memory holds).
 */
#include "emit/c_names.h"
#include "emit/emitter.h"

#include <ctype.h>
#include <string.h>

/* The memory of training with and without its limit; what is recomputed in a step. */
static void note_limited(Emitter *e, ProgramKind kind, const MemoryLimitResult *l)
{
    if (l->before > e->limited.before) e->limited.before = l->before;
    if (l->after > e->limited.after) e->limited.after = l->after;
    e->limited.limit = e->options->lower.memory_limit;
    if (kind != PROGRAM_STEP) return;
    e->limited.recomputed = l->recomputed;
    e->limited.micro_batch = l->micro_batch;
}

static bool add_entry(Emitter *e, Graph *net, ProgramKind kind)
{
    MemoryLimitResult limited;
    const Plan *plan = lower_program(net, kind, e->spec, &e->options->lower, &limited);
    if (!plan) return false;
    e->entry[e->entries++] = (Entry){plan->program, plan};
    bool training = kind != PROGRAM_INFER;
    int64_t *scratch = training ? &e->train_scratch : &e->infer_scratch;
    if (training) note_limited(e, kind, &limited);
    if (plan->arena_bytes > *scratch) *scratch = plan->arena_bytes;
    return true;
}

static bool add_entries(Emitter *e, Graph *net)
{
    const EmitOptions *o = e->options;
    if (!add_entry(e, net, PROGRAM_INFER)) return false;
    if (o->lower.train) {
        if (!add_entry(e, net, PROGRAM_EVAL)) return false;
        if (!add_entry(e, net, PROGRAM_STEP)) return false;
        if (!add_entry(e, net, PROGRAM_GRAD)) return false;
    }
    if (o->lower.vjp && !add_entry(e, net, PROGRAM_VJP)) return false;
    return true;
}

/* The sizes for callers that have no header: checks in double precision. */
static void write_sizes(Emitter *e)
{
    int64_t scratch = e->infer_scratch > e->train_scratch ? e->infer_scratch : e->train_scratch;
    text_addf(&e->source, "const size_t %s_sizes[6] = {%lld, %lld, %lld, %lld, %lld, %d};\n\n", e->prefix,
              (long long)emitter_inputs(e), (long long)shape_count(e->net->output->shape), (long long)e->train_bytes,
              (long long)scratch, (long long)shape_count(train_target(e->spec, e->net).shape), e->net->model.count);
}

/* Random numbers stand before their users, but which are used shows only after. */
static void write_with_random(Emitter *e)
{
    Text before = e->source;
    text_init(&e->source, e->arena);
    entry_points_write(e);
    Text entry_points = e->source;
    text_init(&e->source, e->arena);
    model_write_init(e);
    Text init = e->source;
    e->source = before;

    if (e->options->paste_kernels) comment_write_section(e, "kernels: the same for every net");
    support_write_kernels(e);
    if (e->options->paste_kernels) multiversion_write(e);
    if (e->options->paste_kernels) comment_write_section(e, "end of the kernels");
    support_write_random(e);
    if (e->options->noise) support_write_noise(e);
    text_add(&e->source, init.data);
    text_add(&e->source, entry_points.data);
}

static void write_source(Emitter *e)
{
    support_write_preamble(e);
    bool info = !e->options->lower.use_double;
    if (e->options->standalone) {
        if (!info)
            text_add(
                &e->source,
                "enum { NN_TRAINED, NN_FROZEN, NN_BUFFER, NN_STATE };\n"
                "typedef struct nn_tensor_info { const char *name; int kind; int rank; int dims[4]; size_t count; } "
                "nn_tensor_info;\n");
        text_addf(&e->source, "typedef struct %s %s;\n", e->prefix, e->prefix);
        if (info) text_addf(&e->source, "const nn_model_info *%s_info(void);\n", e->prefix);
        write_sizes(e);
    }
    model_write_struct(e);
    model_write_tables(e);
    write_with_random(e);
    model_write_access(e);
    if (info) interface_write_info(e);
}

static const char *upper_case(Arena *arena, const char *text)
{
    char *copy = arena_strdup(arena, text);
    for (char *p = copy; *p; p++) *p = (char)toupper((unsigned char)*p);
    return copy;
}

static const Graph *program_of(const Emitter *e, ProgramKind kind)
{
    const Entry *entry = entry_of(e, kind);
    return entry ? entry->program : NULL;
}

EmitResult *emit_c(Graph *net, const TrainSpec *spec, const EmitOptions *options)
{
    Arena *arena = net->compilation->arena;
    const char *prefix = options->prefix ? options->prefix : c_prefix(arena, net->name);
    Emitter e = {
        .compilation = net->compilation,
        .arena = arena,
        .options = options,
        .net = net,
        .spec = options->lower.train ? spec : NULL,
        .prefix = prefix,
        .upper = upper_case(arena, prefix),
        .team = lower_is_fast(&options->lower),
        .real = dtype_c_type(lower_real(&options->lower)),
        .by_text = map_new(arena),
        .function_names = map_new(arena),
        .kernels = map_new(arena),
        .used = map_new(arena),
        .writer = writer_new(arena, options->lower.use_double),
    };
    text_init(&e.header, arena);
    text_init(&e.source, arena);
    if (!add_entries(&e, net)) return NULL;
    model_layout(&e);
    if (!options->standalone) interface_write_header(&e);
    write_source(&e);

    EmitResult *result = arena_alloc(arena, sizeof *result);
    *result = (EmitResult){
        .header = e.header.data ? e.header.data : "",
        .source = e.source.data,
        .prefix = prefix,
        .model_bytes = e.train_bytes,
        .infer_scratch = e.infer_scratch,
        .train_scratch = e.train_scratch,
        .limited = e.limited,
        .infer_program = program_of(&e, PROGRAM_INFER),
        .step_program = program_of(&e, PROGRAM_STEP),
    };
    return result;
}
