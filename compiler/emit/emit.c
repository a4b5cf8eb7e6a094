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
    e->entry[e->entries++] = (Entry){.program = plan->program, .plan = plan};
    bool training = kind != PROGRAM_INFER;
    int64_t *scratch = training ? &e->train_scratch : &e->infer_scratch;
    if (training) note_limited(e, kind, &limited);
    if (plan->arena_bytes > *scratch) *scratch = plan->arena_bytes;
    return true;
}

/* Several losses are left at the end of the scratch, for the caller to see. */
static void reserve_losses(Emitter *e)
{
    int count = 0;
    for (int i = 0; i < e->entries; i++)
        if (e->entry[i].program->losses.count > count) count = e->entry[i].program->losses.count;
    if (!count) return;
    e->losses = count;
    e->losses_offset = round_up(e->train_scratch, PLAN_ALIGN);
    e->train_scratch = e->losses_offset + round_up(count * dtype_size(lower_real(&e->options->lower)), PLAN_ALIGN);
}

static bool add_entries(Emitter *e, Graph *net)
{
    const EmitOptions *o = e->options;
    if (!add_entry(e, net, PROGRAM_INFER)) return false;
    if (o->lower.train) {
        if (!add_entry(e, net, PROGRAM_EVAL)) return false;
        if (!add_entry(e, net, PROGRAM_STEP)) return false;
        if (!o->lower.chunks && !add_entry(e, net, PROGRAM_GRAD)) return false;
    }
    const bool adds = o->lower.train && o->lower.accumulate, chunks = o->lower.train && o->lower.chunks;
    if (adds && !add_entry(e, net, PROGRAM_GRAD_ADD)) return false;
    if (chunks && !add_entry(e, net, PROGRAM_GRAD_CHUNK)) return false;
    if ((adds || chunks) && !add_entry(e, net, PROGRAM_UPDATE)) return false;
    if (o->lower.vjp && !add_entry(e, net, PROGRAM_VJP)) return false;
    reserve_losses(e);
    return true;
}

/* The sizes for callers that have no header: checks in double precision. */
static void write_sizes(Emitter *e)
{
    int64_t scratch = e->infer_scratch > e->train_scratch ? e->infer_scratch : e->train_scratch;
    emitter_put_parts(
        e, &e->source,
        "const size_t {prefix}_sizes[7] = {{inputs}, {outputs}, {bytes}, {scratch}, {targets}, {tensors}, "
        "{gradients}};\n\n",
        PARTS({"inputs", emitter_number(e, emitter_inputs(e))}, {"outputs", emitter_number(e, emitter_outputs(e))},
              {"bytes", emitter_number(e, e->train_bytes)}, {"scratch", emitter_number(e, scratch)},
              {"targets", emitter_number(e, train_objectives(e->spec, e->net).target_count)},
              {"tensors", emitter_number(e, e->net->model.count)},
              {"gradients", emitter_number(e, accumulate_bytes(e))}));
}

/* What `write` appends, for a place that is written later. */
static const char *part_text(Emitter *e, void (*write)(Emitter *))
{
    const Text before = e->source;
    text_init(&e->source, e->arena);
    write(e);
    const Text part = e->source;
    e->source = before;
    return part.data;
}

/* The JIT has no header. */
static void write_standalone_interface(Emitter *e, bool info)
{
    if (!info)
        text_add(&e->source,
                 "enum { NN_TRAINED, NN_FROZEN, NN_BUFFER, NN_STATE };\n"
                 "typedef struct nn_tensor_info { const char *name; int kind; int rank; int dims[4]; size_t count; } "
                 "nn_tensor_info;\n");
    text_addf(&e->source, "typedef struct %s %s;\n", e->prefix, e->prefix);
    if (info) text_addf(&e->source, "const nn_model_info *%s_info(void);\n", e->prefix);
    write_sizes(e);
}

/* The kernels, which follow, are wrapped already. */
static void wrap(Emitter *e, Text *text)
{
    const Text before = *text;
    text_init(text, e->arena);
    wrap_lines(text, before.data);
}

/*
 * From what a reader asks first to what is the same for every net: the model, the entry
 * points, their layers, the interface's other functions, the kernels.  Calls are written
 * before what they need of the runtime, which is recorded while they are.
 */
static void write_source(Emitter *e)
{
    const bool info = !e->options->lower.use_double;
    const char *entry_points = part_text(e, entry_points_write);
    const char *init = part_text(e, model_write_init);
    support_use_formats(e);
    support_use_arithmetic(e);
    support_read_kernels(e);
    support_write_preamble(e);
    if (e->options->standalone) write_standalone_interface(e, info);
    model_write_struct(e);
    constants_write_structs(e);
    accumulate_write_struct(e);
    support_declare_kernels(e);
    support_write_arithmetic(e);
    support_write_math(e);
    if (e->options->noise) support_write_noise(e);
    text_add(&e->source, entry_points);
    hooks_write_step(e);
    trained_write_conversion(e);
    functions_write(e);
    text_add(&e->source, init);
    model_write_tables(e);
    model_write_access(e);
    accumulate_write_access(e);
    if (info) interface_write_info(e);
    trained_write_model(e);
    self_test_write(e);
    if (!e->options->standalone) wrap(e, &e->source);
    support_define_kernels(e);
    trained_write_main(e);
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
        .value_names = map_new(arena),
        .kernels = map_new(arena),
        .used = map_new(arena),
        .writer = writer_new(arena, options->lower.use_double),
    };
    text_init(&e.header, arena);
    text_init(&e.source, arena);
    if (!add_entries(&e, net)) return NULL;
    if (options->lower.constants) model_mark_updated(entry_of(&e, PROGRAM_STEP)->program);
    model_layout(&e);
    accumulate_list_sums(&e);
    trained_reserve_input(&e);
    if (!options->standalone) {
        interface_write_header(&e);
        wrap(&e, &e.header);
    }
    write_source(&e);

    EmitResult *result = arena_alloc(arena, sizeof *result);
    *result = (EmitResult){
        .header = e.header.data ? e.header.data : "",
        .source = e.source.data,
        .prefix = prefix,
        .model_bytes = e.train_bytes,
        .infer_bytes = e.infer_bytes,
        .constant_bytes = constants_bytes(&e),
        .infer_scratch = e.infer_scratch,
        .train_scratch = e.train_scratch,
        .limited = e.limited,
        .code = e.code,
        .trained_file = trained_file(&e),
        .infer_program = program_of(&e, PROGRAM_INFER),
        .step_program = program_of(&e, PROGRAM_STEP),
        .vjp_program = program_of(&e, PROGRAM_VJP),
    };
    return result;
}
