/*
 * Entry points: infer, eval, step, grad, vjp, grad_add and update as flat lists of calls.
 *
 * Enters: programs and their plans.  Leaves: one C function for each program,
 * in which every value is a literal place in the arena, in the model, or at a
 * pointer of the caller's.
 */
#include "emit/entry_point.h"

/* ---- the functions ---------------------------------------------------------- */

typedef struct Argument {
    const char *type, *name;
    Name used;
} Argument;

enum { MAX_ARGUMENTS = 8 };

/* What an entry point takes, a NULL name at the end. */
static void list_arguments(const EntryPoint *p, Argument *list)
{
    const Emitter *e = p->e;
    const char *changed = arena_printf(e->arena, "struct %s *", e->prefix),
               *model = arena_printf(e->arena, "const struct %s *", e->prefix);
    const char *out = arena_printf(e->arena, "%s *", e->real), *in = arena_printf(e->arena, "const %s *", e->real);
    const char *target = arena_printf(e->arena, "const %s *", emitter_target_type(e));
    const char *number = arena_printf(e->arena, "%s ", e->real);
    const char *sums = arena_printf(e->arena, "struct %s_gradients *", e->prefix);
    const Argument m = {model, "m", NAME_M}, changed_m = {changed, "m", NAME_M}, x = {in, "x", NAME_X};
    const Argument y = {out, "y", NAME_Y}, labels = {target, "target", NAME_TARGET};
    const Argument dy = {in, "dy", NAME_DY}, dx = {out, "dx", NAME_DX}, lr = {number, "lr", NAME_LR};
    const Argument count_used = {"int ", "count", NAME_COUNT}, scratch = {"void *", "scratch", NAME_SCRATCH};
    const Argument gradients = {sums, "gradients", NAME_GRADIENTS};
    const Argument infer[] = {m, x, y, scratch, {0}};
    const Argument eval[] = {m, x, labels, count_used, y, scratch, {0}};
    const Argument step[] = {changed_m, x, labels, lr, scratch, {0}};
    const Argument grad[] = {changed_m, x, labels, scratch, {0}};
    const Argument vjp[] = {changed_m, x, dy, y, dx, scratch, {0}};
    const Argument grad_add[] = {changed_m, x, labels, gradients, scratch, {0}};
    const Argument grad_chunk[] = {changed_m, x, labels, gradients, scratch, {"const nn_chunk *", "chunk", NAME_CHUNK},
                                   {0}};
    const Argument update[] = {changed_m, gradients, lr, scratch, {0}};
    const Argument *const lists[] = {[PROGRAM_INFER] = infer,
                                     [PROGRAM_EVAL] = eval,
                                     [PROGRAM_STEP] = step,
                                     [PROGRAM_GRAD] = grad,
                                     [PROGRAM_VJP] = vjp,
                                     [PROGRAM_GRAD_ADD] = grad_add,
                                     [PROGRAM_GRAD_CHUNK] = grad_chunk,
                                     [PROGRAM_UPDATE] = update};
    const Argument *from = lists[p->program->kind];
    int count = 0;
    for (; from[count].name; count++) list[count] = from[count];
    if (p->timed) list[count++] = (Argument){"int64_t *", "spent", NAME_SPENT};
    if (p->traced) list[count++] = (Argument){"void *const *", "seen", NAME_SEEN};
    if (p->watched) list[count++] = (Argument){"const struct nn_watch *", "watch", NAME_WATCH};
    if (p->partial) list[count++] = (Argument){"const nn_share *", "share", NAME_SHARE};
    if (p->hooked) list[count++] = (Argument){"const nn_hooks *", "hooks", NAME_HOOKS};
    list[count] = (Argument){0};
}

/* Arguments that the statements have no use for: a net without weights, say. */
static void write_unused(EntryPoint *p, const Argument *list, unsigned used)
{
    for (const Argument *a = list; a->name; a++)
        if (!(used & a->used)) text_addf(&p->e->source, "    (void)%s;\n", a->name);
}

static void write_head(EntryPoint *p, const Argument *list)
{
    Emitter *e = p->e;
    bool returns = p->program->loss;
    text_addf(&e->source, "%s%s %s_%s(", entry_point_is_converted(p) ? "static " : "", returns ? e->real : "void",
              e->prefix, entry_point_name(p));
    for (const Argument *a = list; a->name; a++)
        text_addf(&e->source, "%s%s%s", a == list ? "" : ", ", a->type, a->name);
    text_add(&e->source, ")\n{\n");
}

static void write_arena(EntryPoint *p, unsigned used)
{
    if (used & NAME_ARENA) emitter_put(p->e, &p->e->source, "    {real} *const arena = ({real} *)scratch;\n");
}

typedef struct Statements {
    const char *text;
    unsigned used; /* of Name */
} Statements;

static Statements statements_of_calls(const EntryPoint *p)
{
    return (Statements){p->text.data ? p->text.data : "", p->used};
}

static void write_return(EntryPoint *p, const Tensor *loss)
{
    const char *place = p->e->team ? place_text(p, loss) : plain_argument(p, loss, false, (ArrayShape){0});
    text_addf(&p->text, p->e->team ? "    return *(%s);\n" : "    return *%s;\n", place);
}

/* Each loss without its weight, at the end of the scratch. */
static void write_seen_losses(EntryPoint *p)
{
    Emitter *e = p->e;
    const Objectives all = train_objectives(e->spec, e->net);
    if (!p->program->losses.count) return;
    text_addf(&p->text, "    %s *const losses = (%s *)scratch + %lld;\n", e->real, e->real,
              scratch_elements(p, e->losses_offset));
    entry_point_uses(p, NAME_SCRATCH);
    for (int i = 0; i < p->program->losses.count; i++) {
        const Tensor *loss = p->program->losses.at[i];
        const char *place = e->team ? arena_printf(e->arena, "(%s)", place_text(p, loss))
                                    : plain_argument(p, loss, false, (ArrayShape){0});
        text_addf(&p->text, "    losses[%d] = *%s", i, place);
        if (all.at[i].weight != 1) text_addf(&p->text, " / %s", writer_real(e->writer, all.at[i].weight));
        text_add(&p->text, ";\n");
    }
}

/* What follows the calls, once, in the caller's thread. */
static Statements statements_at_end(const EntryPoint *point)
{
    EntryPoint end = *point;
    EntryPoint *p = &end;
    const Graph *g = p->program;
    p->used = 0;
    text_init(&p->text, p->e->arena);
    chunks_write_at_end(p);
    if (g->kind == PROGRAM_VJP && !g->input_gradient) {
        long long bytes = (long long)emitter_inputs(p->e) * g->batch * dtype_size(g->real);
        text_addf(&p->text, "    memset(dx, 0, %lld); /* nothing passes a gradient on to the input */\n", bytes);
        entry_point_uses(p, NAME_DX);
    }
    if (g->kind == PROGRAM_STEP || g->kind == PROGRAM_UPDATE) {
        text_add(&p->text, p->partial ? "    m->step += share->last;\n" : "    m->step++;\n");
        entry_point_uses(p, p->partial ? NAME_M | NAME_SHARE : NAME_M);
    }
    if (!p->partial && (g->kind == PROGRAM_GRAD_ADD || g->kind == PROGRAM_UPDATE)) {
        text_add(&p->text, g->kind == PROGRAM_UPDATE ? "    memset(gradients, 0, sizeof *gradients);\n"
                                                     : "    gradients->batches[0] += 1;\n");
        entry_point_uses(p, NAME_GRADIENTS);
    }
    if (p->hooked) hooks_write_at_end(p);
    write_seen_losses(p);
    if (g->loss) write_return(p, g->loss);
    return statements_of_calls(p);
}

/* Before anything else. */
static void write_guard(EntryPoint *p)
{
    if (p->program->kind == PROGRAM_UPDATE)
        text_addf(&p->e->source, "    if (%s->batches[0] == 0) {\n        return;\n    }\n",
                  p->partial ? "share" : "gradients");
}

static void write_alone(EntryPoint *p, const Argument *list)
{
    const Statements calls = statements_of_calls(p), end = statements_at_end(p);
    const unsigned used = calls.used | end.used;
    scratch_write_table(p);
    write_head(p, list);
    if (used & NAME_WEIGHTS)
        text_addf(&p->e->source, "    const struct %s *const w = m; /* to read */\n", p->e->prefix);
    plain_write_values(p);
    write_unused(p, list, used);
    write_guard(p);
    text_addf(&p->e->source, "%s%s}\n\n", calls.text, end.text);
}

/* ---- entry points run by several threads ------------------------------------------------ */

static void write_pass_struct(EntryPoint *p, const char *name, const Argument *list)
{
    Text *out = &p->e->source;
    text_addf(out, "struct %s_pass {\n", name);
    for (const Argument *a = list; a->name; a++) text_addf(out, "    %s%s;\n", a->type, a->name);
    text_add(out, "};\n\n");
}

/* The arguments that are used, from the struct. */
static void write_unpacked(EntryPoint *p, const char *name, const Argument *list)
{
    Text *out = &p->e->source;
    if (p->used & NAME_ARGUMENTS)
        text_addf(out, "    const struct %s_pass *p = (const struct %s_pass *)pass;\n", name, name);
    for (const Argument *a = list; a->name; a++)
        if (p->used & a->used) text_addf(out, "    %s%s = p->%s;\n", a->type, a->name, a->name);
}

/* The samples of thread t: whole multiples of the batch multiple. */
static void write_samples(EntryPoint *p)
{
    if (!(p->used & NAME_SAMPLES)) return;
    long long multiple = p->program->batch_multiple, parts = (long long)p->program->batch / multiple;
    const char *times = multiple == 1 ? "" : arena_printf(p->e->arena, " * %lld", multiple);
    emitter_put_parts(p->e, &p->e->source,
                      "    const int64_t first = (int64_t){parts} * t / T{times}; /* of this thread's samples */\n"
                      "    const int samples = (int)((int64_t){parts} * (t + 1) / T{times} - first);\n",
                      PARTS({"parts", emitter_number(p->e, parts)}, {"times", times}));
    entry_point_uses(p, NAME_THREAD | NAME_THREADS);
}

/* What each thread runs. */
static void write_part(EntryPoint *p, const char *name, const Argument *list)
{
    Text *out = &p->e->source;
    text_addf(out, "static void %s_part(const void *pass, int t, int T, nn_team *team)\n{\n", name);
    write_unpacked(p, name, list);
    write_arena(p, p->used);
    write_samples(p);
    const Argument threads[] = {
        {"", "pass", NAME_ARGUMENTS}, {"", "t", NAME_THREAD}, {"", "T", NAME_THREADS}, {"", "team", NAME_TEAM}, {0}};
    write_unused(p, threads, p->used);
    if (p->used) text_add(out, "\n");
    text_addf(out, "%s}\n\n", statements_of_calls(p).text);
}

/* An entry point of so few multiplications is over before a second thread has begun; an update
 * that changes so few parameters. */
enum { FEW_MACS = 1500000, FEW_UPDATES = 100000 };

static bool updates_few(const Graph *g)
{
    int64_t count = 0;
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *n = g->nodes.at[i];
        if (n->op->class == OP_OPTIMIZER) count += shape_count(n->in[1]->shape);
    }
    return count < FEW_UPDATES;
}

static bool is_short(const Graph *g)
{
    int64_t macs = 0;
    if (g->kind == PROGRAM_UPDATE) return updates_few(g);
    for (int i = 0; i < g->nodes.count; i++) {
        macs += node_macs(g->nodes.at[i]);
        if (macs >= FEW_MACS / g->batch) return false;
    }
    return true;
}

static void write_with_team(EntryPoint *p, const Argument *list)
{
    Emitter *e = p->e;
    const char *name = arena_printf(e->arena, "%s_%s", e->prefix, entry_point_name(p));
    const Statements end = statements_at_end(p);
    scratch_write_table(p);
    write_pass_struct(p, name, list);
    write_part(p, name, list);
    write_head(p, list);
    write_arena(p, end.used);
    text_addf(&e->source, "    struct %s_pass pass;\n", name);
    write_guard(p);
    for (const Argument *a = list; a->name; a++) text_addf(&e->source, "    pass.%s = %s;\n", a->name, a->name);
    text_addf(&e->source, "    nn_team_run(%s_part, &pass, ", name);
    text_addf(&e->source, is_short(p->program) ? "1);\n" : "%s_THREADS);\n", e->upper);
    text_addf(&e->source, "%s}\n\n", end.text);
}

static void write_entry_point(EntryPoint *p)
{
    Argument list[MAX_ARGUMENTS];
    list_arguments(p, list);
    if (p->e->team) {
        write_with_team(p, list);
    } else {
        write_alone(p, list);
    }
}

/* ---- what is made of the model alone --------------------------------------------- */

/* By position in the model: does the prepared tensor depend on it? */
static bool *sources_of(const EntryPoint *p, const Tensor *t)
{
    const Emitter *e = p->e;
    bool *sources = arena_alloc(e->arena, (size_t)(e->net->model.count + 1) * sizeof *sources);
    for (int i = 0; i < t->producer->in_count; i++) {
        const Tensor *in = t->producer->in[i];
        if (in->kind != TENSOR_PREPACKED) {
            sources[model_index(e, in)] = true;
            continue;
        }
        const bool *deeper = sources_of(p, in);
        for (int k = 0; k < e->net->model.count; k++) sources[k] = sources[k] || deeper[k];
    }
    return sources;
}

/* PREFIX_prepare(m, i): after tensor i was set, or all (-1). */
static const char *preparation_text(Emitter *e)
{
    const Entry *infer = entry_of(e, PROGRAM_INFER);
    if (!e->prepared.count || !infer) return "";
    EntryPoint point = {.e = e, .program = infer->program, .plan = infer->plan}, *p = &point;
    text_init(&p->text, e->arena);
    text_addf(&p->text, "static void %s_prepare(struct %s *m, int i)\n{\n", e->prefix, e->prefix);
    for (int i = 0; i < p->program->nodes.count; i++) {
        const Node *n = p->program->nodes.at[i];
        if (!node_is_prepacked(n)) continue;
        const Function *f = function_for(p->e, p->program, n);
        const bool *sources = sources_of(p, n->out[0]);
        text_add(&p->text, "    if (i < 0");
        for (int k = 0; k < p->e->net->model.count; k++)
            if (sources[k]) text_addf(&p->text, " || i == %d", k);
        text_add(&p->text, ") {\n        ");
        statement_write_arrays(p, n, f);
        text_add(&p->text, f->share == SHARE_PARTS ? ", 0, 1);\n    }\n" : ");\n    }\n");
    }
    text_add(&p->text, "}\n\n");
    return p->text.data;
}

static void use_team(Emitter *e)
{
    map_put(e->kernels, "team", e);
    emitter_uses(e, "nn_barrier");
    emitter_uses(e, "nn_team_run");
}

static void use_clock(Emitter *e)
{
    map_put(e->kernels, "clock", e);
    emitter_uses(e, "nn_now");
    emitter_uses(e, "nn_lap");
}

enum { POINTS_OF_A_PROGRAM = 4 }; /* itself, timed, traced, watched; or itself, hooked */

/* The forms of all programs; returns how many. */
static int list_points(Emitter *e, EntryPoint *point)
{
    int count = 0;
    for (int i = 0; i < e->entries; i++) {
        ProgramKind kind = e->entry[i].program->kind;
        if (kind == PROGRAM_STEP && !emitter_steps(e)) continue;
        bool timed = e->options->profile && (kind == PROGRAM_INFER || kind == PROGRAM_STEP);
        point[count++] = (EntryPoint){.e = e, .program = e->entry[i].program, .plan = e->entry[i].plan};
        bool traced = e->options->trace && (kind == PROGRAM_STEP || kind == PROGRAM_VJP);
        bool watched = e->options->watch && kind == PROGRAM_STEP;
        bool hooked = e->options->hooks && kind == PROGRAM_GRAD_ADD;
        bool partial = kind == PROGRAM_UPDATE && entry_of(e, PROGRAM_GRAD_CHUNK);
        const EntryPoint plain = point[count - 1];
        if (timed) point[count] = plain, point[count++].timed = true;
        if (traced) point[count] = plain, point[count++].traced = true;
        if (watched) point[count] = plain, point[count++].watched = true;
        if (hooked) point[count] = plain, point[count++].hooked = true;
        if (partial) point[count] = plain, point[count++].partial = true;
    }
    return count;
}

/* The program itself. */
static bool is_whole_form(const EntryPoint *p)
{
    return !p->timed && !p->traced && !p->watched && !p->hooked && !p->partial;
}

static void keep_values(Emitter *e, const EntryPoint *p)
{
    for (int i = 0; i < e->entries; i++)
        if (e->entry[i].program == p->program) e->entry[i].value_of = p->value_of;
}

void entry_points_write(Emitter *e)
{
    EntryPoint point[POINTS_OF_A_PROGRAM * PROGRAM_KINDS];
    const int count = list_points(e, point);
    for (int i = 0; i < count; i++) calls_write(&point[i]);
    for (int i = 0; i < count; i++)
        if (is_whole_form(&point[i])) keep_values(e, &point[i]);
    e->preparation = preparation_text(e);
    if (e->team) use_team(e);
    if (e->options->profile) use_clock(e);
    comment_write_section(e, "entry points: the layers in order, in one arena");
    support_write_threads(e);
    if (e->options->watch) watch_write_type(e);
    functions_declare(e);
    for (int i = 0; i < count; i++) write_entry_point(&point[i]);
    factors_write_rows(e);
}
