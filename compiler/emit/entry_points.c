/*
 * Entry points: infer, eval, step, grad and vjp as flat lists of calls.
 *
 * Enters: programs and their plans.  Leaves: one C function for each program,
 * in which every value is a literal place in the arena, in the model, or at a
 * pointer of the caller's.
 */
#include "emit/emitter.h"

#include <assert.h>
#include <string.h>

/* What a call reads or writes. */
typedef struct Region {
    const Tensor *root;
    int64_t offset, bytes; /* in the arena; offset −1: outside memory */
    int64_t sample;        /* bytes from one sample to the next; 0: not by samples */
    int64_t begin, end;    /* of the channels of an image that it is a part of; else 0, INT64_MAX */
    bool written;
    Share share; /* of the call: which thread is at which part */
} Region;

typedef struct EntryPoint {
    Emitter *e;
    const Graph *program;
    const Plan *plan;
    Text text;
    Text outside; /* what stands before the loop over the micro-batches, while that is written */
    List touched; /* of Region: since the last barrier */
    Phase phase;  /* of the statements that are written now */
    bool timed;   /* this form takes the time of its calls */
    int laps;     /* taken so far */
} EntryPoint;

const Entry *entry_of(const Emitter *e, ProgramKind kind)
{
    for (int i = 0; i < e->entries; i++) {
        if (e->entry[i].program->kind == kind) return &e->entry[i];
    }
    return NULL;
}

/* ---- where a tensor is ---------------------------------------------------- */

/* What the caller gives or gets: for each micro-batch the next samples of it. */
static const char *outside_place(EntryPoint *p, const char *name, const Tensor *t)
{
    const Graph *g = p->program;
    if (g->micro_batches == 1 || !t->batched) return name;
    return arena_printf(p->e->arena, "%s + round * %lld", name, (long long)tensor_count(t, g->batch));
}

/* Several inputs lie one after the other in x. */
static const char *input_place(EntryPoint *p, const Tensor *t)
{
    int64_t before = 0;
    for (int i = 0; i < p->program->inputs.count; i++) {
        if (p->program->inputs.at[i] == t) break;
        before += tensor_count(p->program->inputs.at[i], p->program->batch * p->program->micro_batches);
    }
    const char *place = before ? arena_printf(p->e->arena, "x + %lld", (long long)before) : "x";
    return outside_place(p, place, t);
}

static long long arena_elements(const EntryPoint *p, int64_t bytes) { return bytes / dtype_size(p->program->real); }

static const char *arena_place(EntryPoint *p, const Tensor *t, int64_t offset)
{
    Arena *arena = p->e->arena;
    long long elements = arena_elements(p, offset);
    const char *place = elements ? arena_printf(arena, "a + %lld", elements) : "a";
    if (dtype_is_real(t->dtype)) return place;
    return arena_printf(arena, "(%s *)(%s)", dtype_c_type(t->dtype), place);
}

static const char *place_text(EntryPoint *p, const Tensor *t)
{
    const Place *place = &p->plan->place[t->id];
    const Tensor *root = place->root;
    const Plan *plan = p->plan;
    const Graph *g = p->program;
    if (tensor_in_model(root->kind) || root->kind == TENSOR_PREPACKED) {
        const char *member = model_member(p->e, root);
        if (!t->slice_offset) return arena_printf(p->e->arena, "m->%s", member);
        return arena_printf(p->e->arena, "m->%s + %lld", member, (long long)t->slice_offset);
    }
    if (root->kind == TENSOR_INPUT) return input_place(p, root);
    if (root->kind == TENSOR_TARGET) return outside_place(p, "target", root);
    if (root->kind == TENSOR_OUTPUT_GRADIENT) return "dy";
    if (place->offset >= 0) return arena_place(p, t, place->offset + t->slice_offset * dtype_size(t->dtype));
    if (g->output && plan->place[g->output->id].root == root) return outside_place(p, "y", root);
    assert(g->input_gradient && plan->place[g->input_gradient->id].root == root);
    return "dx";
}

/* ---- calls ---------------------------------------------------------------- */

/* $count, and $all where there are micro-batches. */
static void write_counts(EntryPoint *p)
{
    const Graph *g = p->program;
    bool eval = g->kind == PROGRAM_EVAL;
    const char *all = eval ? "count" : arena_printf(p->e->arena, "%lld", (long long)(g->batch * g->micro_batches));
    if (g->micro_batches == 1)
        text_addf(&p->text, ", %s", all);
    else if (eval)
        text_addf(&p->text, ", part, %s", all);
    else
        text_addf(&p->text, ", %lld, %s", (long long)g->batch, all);
}

static void write_scalars(EntryPoint *p, const Node *n)
{
    Text *out = &p->text;
    if (n->op->uses & USES_LR) text_addf(out, ", %slr", lr_factor(p->e, n));
    if (n->op->uses & USES_STEP) text_add(out, ", m->step");
    if (n->op->uses & USES_SEED) {
        emitter_uses(p->e, "nn_mix");
        text_addf(out, ", nn_mix(nn_mix(m->seed) + (uint64_t)m->step * 0x9e3779b97f4a7c15u + %d)",
                  n->origin->stream + 1000000);
        if (p->program->micro_batches > 1) /* on with the numbers of the samples before */
            text_addf(out, " + (uint64_t)round * %lld * 0xd1342543de82ef95u",
                      (long long)tensor_count(n->out[0], p->program->batch));
    }
    if (n->op->uses & USES_COUNT) write_counts(p);
}

/* Where the values of the thread's first sample are. */
static const char *sample_place(EntryPoint *p, const Tensor *t, Share share)
{
    const char *place = place_text(p, t);
    if (share != SHARE_SAMPLES || !t->batched) return place;
    long long size = (long long)shape_count(tensor_storage(t)->shape);
    return arena_printf(p->e->arena, size == 1 ? "%s + first" : "%s + first * %lld", place, size);
}

/* ---- barriers ---------------------------------------------------------------- */

static Region region_of(EntryPoint *p, const Tensor *t, bool written, Share share)
{
    const Place *place = &p->plan->place[tensor_storage(t)->id];
    int64_t sample = t->batched ? place->bytes / p->program->batch : 0;
    int64_t begin = t->parent ? t->channel_offset : 0,
            end = t->parent ? t->channel_offset + t->shape.dim[0] : INT64_MAX;
    return (Region){place->root, place->offset, place->bytes, sample, begin, end, written, share};
}

/* Both are channels of one image, and none of them are the same. */
static bool are_beside(const Region *a, const Region *b)
{
    return a->offset == b->offset && a->bytes == b->bytes && (a->end <= b->begin || b->end <= a->begin);
}

/* The same bytes may be meant, and somebody writes. */
static bool regions_meet(const Region *a, const Region *b)
{
    if (!a->written && !b->written) return false;
    bool arena = a->offset >= 0 && b->offset >= 0;
    if (!arena) return a->root == b->root;
    if (are_beside(a, b)) return false;
    return a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

/* Two threads may come to the same bytes there.  Not if both calls are the first
 * thread's, and not if each thread is at its own samples and these lie alike. */
static bool regions_clash(const Region *a, const Region *b)
{
    if (!regions_meet(a, b)) return false;
    if (a->share == SHARE_NONE && b->share == SHARE_NONE) return false;
    if (a->share != SHARE_SAMPLES || b->share != SHARE_SAMPLES) return true;
    return a->offset != b->offset || a->sample != b->sample || a->sample == 0;
}

/* What a call touches: its inputs, of which some are written, and its outputs. */
static void list_regions(EntryPoint *p, const Node *n, Share share, List *list)
{
    for (int i = 0; i < n->in_count + n->out_count; i++) {
        bool input = i < n->in_count;
        const Tensor *t = input ? n->in[i] : n->out[i - n->in_count];
        Region *region = arena_alloc(p->e->arena, sizeof *region);
        *region = region_of(p, t, !input || node_mutates(n, i), share);
        list_push(p->e->arena, list, region);
    }
}

static bool any_clash(const List *before, const List *now)
{
    for (int i = 0; i < before->count; i++) {
        for (int k = 0; k < now->count; k++) {
            if (regions_clash(before->at[i], now->at[k])) return true;
        }
    }
    return false;
}

/* Threads wait for each other before a call that needs what another thread did
 * since they last waited, or writes where another may still read. */
static void separate(EntryPoint *p, const List *regions)
{
    if (any_clash(&p->touched, regions)) {
        if (p->e->team) text_add(&p->text, "    nn_barrier(team);\n");
        p->touched.count = 0;
    }
    for (int i = 0; i < regions->count; i++) list_push(p->e->arena, &p->touched, regions->at[i]);
}

/* The same before the first thread alone writes one region. */
static void separate_region(EntryPoint *p, Region region)
{
    List regions = {0};
    Region *own = arena_alloc(p->e->arena, sizeof *own);
    *own = region;
    list_push(p->e->arena, &regions, own);
    separate(p, &regions);
}

/* ---- the time of calls ------------------------------------------------------- */

/* All threads have come to the end of what is before it. */
static void write_lap(EntryPoint *p)
{
    text_add(&p->text, p->e->team ? "    nn_barrier(team);\n    if (t == 0) " : "    ");
    text_addf(&p->text, "spent[%d] += nn_lap(&since);\n", p->laps++);
    p->touched.count = 0;
}

/* ---- one call ------------------------------------------------------------------ */

/* name(inputs, outputs: what follows stands to the caller. */
static void write_arrays(EntryPoint *p, const Node *n, const Function *f)
{
    text_addf(&p->text, "%s(", f->name);
    for (int i = 0; i < n->in_count; i++)
        text_addf(&p->text, "%s%s", i ? ", " : "", sample_place(p, n->in[i], f->share));
    for (int i = 0; i < n->out_count; i++)
        text_addf(&p->text, "%s%s", n->in_count + i ? ", " : "", sample_place(p, n->out[i], f->share));
}

static void write_call(EntryPoint *p, const Node *n)
{
    const Function *f = function_for(p->e, p->program, n);
    List regions = {0};
    list_regions(p, n, f->share, &regions);
    separate(p, &regions);
    text_add(&p->text, p->e->team && f->share == SHARE_NONE ? "    if (t == 0) " : "    ");
    write_arrays(p, n, f);
    write_scalars(p, n);
    if (f->share == SHARE_SAMPLES) text_add(&p->text, ", (int)(last - first)");
    if (f->share == SHARE_PARTS) text_add(&p->text, ", t, T");
    text_add(&p->text, ");\n");
    if (p->timed) write_lap(p);
}

/* Tests of the plan: the first thread fills a region with NaN. */
static void write_fill(EntryPoint *p, int64_t offset, int64_t bytes)
{
    separate_region(p,
                    (Region){.offset = offset, .bytes = bytes, .end = INT64_MAX, .written = true, .share = SHARE_NONE});
    text_addf(&p->text, "    %smemset(a + %lld, 0xff, %lld);\n", p->e->team ? "if (t == 0) " : "",
              arena_elements(p, offset), (long long)bytes);
}

/* Whatever is dead holds NaN. */
static void write_poison(EntryPoint *p, const Node *n)
{
    const Graph *g = p->program;
    for (int i = 0; i < g->tensors.count; i++) {
        const Tensor *t = g->tensors.at[i];
        const Place *place = &p->plan->place[i];
        if (place->root != t || place->offset < 0 || place->last != n->id) continue;
        bool held = t == g->loss || place->last == g->nodes.count - 1;
        if (!held) write_fill(p, place->offset, place->bytes);
    }
}

/* Tests of what rounding may do: the first thread moves what a layer has made. */
static void write_noise(EntryPoint *p, const Node *n)
{
    bool layer = n->origin == n && n->op->class != OP_LOSS && n->op->class != OP_OPTIMIZER;
    for (int i = 0; layer && i < n->out_count; i++) {
        const Tensor *t = n->out[i];
        if (!t->batched || !dtype_is_real(t->dtype) || t->kind != TENSOR_LOCAL || t->parent) continue;
        separate_region(p, region_of(p, t, true, SHARE_NONE));
        text_addf(&p->text, "    %snn_noise(%s, %lld, %d);\n", p->e->team ? "if (t == 0) " : "", place_text(p, t),
                  (long long)tensor_count(t, p->program->batch), n->stream);
    }
}

/* A round begins when all threads have ended the one before. */
static void open_rounds(EntryPoint *p)
{
    const Graph *g = p->program;
    long long batch = (long long)g->batch;
    text_addf(&p->text, "    for (int round = 0; round < %lld; round++) { /* micro-batches of %lld samples */\n",
              (long long)g->micro_batches, batch);
    p->outside = p->text;
    text_init(&p->text, p->e->arena);
    if (p->e->team) text_add(&p->text, "    nn_barrier(team);\n");
    if (g->kind == PROGRAM_EVAL) {
        text_addf(&p->text, "    const int left = count - round * %lld;\n", batch);
        text_addf(&p->text, "    const int part = left < 0 ? 0 : left < %lld ? left : %lld;\n", batch, batch);
    }
    p->touched.count = 0;
}

static void close_rounds(EntryPoint *p)
{
    Text inside = p->text;
    p->text = p->outside;
    for (const char *line = inside.data; *line;) {
        const char *next = strchr(line, '\n') + 1;
        text_addf(&p->text, "    %.*s", (int)(next - line), line);
        line = next;
    }
    text_add(&p->text, "    }\n");
}

/* Calls of PHASE_EACH stand in a loop over the micro-batches. */
static void enter_phase(EntryPoint *p, Phase phase)
{
    if (p->program->micro_batches == 1 || p->phase == phase) return;
    if (p->phase == PHASE_EACH) close_rounds(p);
    if (phase == PHASE_EACH) open_rounds(p);
    p->phase = phase;
}

static void write_calls(EntryPoint *p)
{
    p->phase = PHASE_BEFORE;
    text_init(&p->text, p->e->arena);
    const Graph *g = p->program;
    bool poison = p->e->options->poison;
    if (p->timed) text_addf(&p->text, "    %sint64_t since = nn_now();\n", p->e->team ? "nn_barrier(team);\n    " : "");
    if (poison && p->plan->arena_bytes) write_fill(p, 0, p->plan->arena_bytes);
    for (int i = 0; i < g->nodes.count; i++) {
        enter_phase(p, ((const Node *)g->nodes.at[i])->phase);
        if (node_is_called(g->nodes.at[i])) write_call(p, g->nodes.at[i]);
        if (p->e->options->noise && node_is_called(g->nodes.at[i])) write_noise(p, g->nodes.at[i]);
        if (poison) write_poison(p, g->nodes.at[i]);
    }
    enter_phase(p, PHASE_AFTER);
}

/* ---- the functions ---------------------------------------------------------- */

typedef struct Argument {
    const char *type, *name;
} Argument;

enum { MAX_ARGUMENTS = 8 };

/* What an entry point takes, a NULL name at the end. */
static void list_arguments(const EntryPoint *p, Argument *list)
{
    const Emitter *e = p->e;
    ProgramKind kind = p->program->kind;
    const char *changed = arena_printf(e->arena, "struct %s *", e->prefix),
               *model = arena_printf(e->arena, "const struct %s *", e->prefix);
    const char *out = arena_printf(e->arena, "%s *", e->real), *in = arena_printf(e->arena, "const %s *", e->real);
    const char *target = arena_printf(e->arena, "const %s *", emitter_target_type(e));
    const char *number = arena_printf(e->arena, "%s ", e->real);
    const Argument infer[] = {{model, "m"}, {in, "x"}, {out, "y"}, {"void *", "scratch"}, {0}};
    const Argument eval[] = {{model, "m"},          {in, "x"}, {target, "target"}, {"int ", "count"}, {out, "y"},
                             {"void *", "scratch"}, {0}};
    const Argument step[] = {{changed, "m"}, {in, "x"}, {target, "target"}, {number, "lr"}, {"void *", "scratch"}, {0}};
    const Argument grad[] = {{changed, "m"}, {in, "x"}, {target, "target"}, {"void *", "scratch"}, {0}};
    const Argument vjp[] = {{changed, "m"}, {in, "x"}, {in, "dy"}, {out, "y"}, {out, "dx"}, {"void *", "scratch"}, {0}};
    const Argument *from = kind == PROGRAM_INFER  ? infer
                           : kind == PROGRAM_EVAL ? eval
                           : kind == PROGRAM_STEP ? step
                           : kind == PROGRAM_GRAD ? grad
                                                  : vjp;
    int count = 0;
    for (; from[count].name; count++) list[count] = from[count];
    if (p->timed) list[count++] = (Argument){"int64_t *", "spent"};
    list[count] = (Argument){0};
}

static const char *entry_point_name(const EntryPoint *p)
{
    static const char *const names[] = {"net", "infer", "eval", "step", "grad", "vjp"};
    const char *name = names[p->program->kind];
    return p->timed ? arena_printf(p->e->arena, "%s_profile", name) : name;
}

/* Does the identifier stand in the text? */
static bool names_word(const char *text, const char *word)
{
    size_t length = strlen(word);
    for (const char *p = text; (p = strstr(p, word)); p += length) {
        bool begins = p == text || (!is_identifier_char(p[-1]) && p[-1] != '.' && p[-1] != '>');
        if (begins && !is_identifier_char(p[length])) return true;
    }
    return false;
}

static const char *calls_text(const EntryPoint *p) { return p->text.data ? p->text.data : ""; }

/* Arguments that the statements have no use for: a net without weights, say. */
static void write_unused(EntryPoint *p, const Argument *list, const char *statements)
{
    for (const Argument *a = list; a->name; a++) {
        bool scratch = strcmp(a->name, "scratch") == 0;
        bool used = names_word(statements, a->name) || (scratch && names_word(statements, "a"));
        if (!used) text_addf(&p->e->source, "    (void)%s;\n", a->name);
    }
}

static void write_head(EntryPoint *p, const Argument *list)
{
    Emitter *e = p->e;
    bool returns = p->program->loss;
    text_addf(&e->source, "%s %s_%s(", returns ? e->real : "void", e->prefix, entry_point_name(p));
    for (const Argument *a = list; a->name; a++)
        text_addf(&e->source, "%s%s%s", a == list ? "" : ", ", a->type, a->name);
    text_add(&e->source, ")\n{\n");
}

static void write_arena(EntryPoint *p, const char *statements)
{
    if (!names_word(statements, "a")) return;
    text_addf(&p->e->source, "    %s *const a = (%s *)scratch;\n", p->e->real, p->e->real);
}

/* What follows the calls, once, in the caller's thread. */
static const char *end_text(EntryPoint *p)
{
    const Graph *g = p->program;
    Text out;
    text_init(&out, p->e->arena);
    text_add(&out, "");
    if (g->kind == PROGRAM_VJP && !g->input_gradient) {
        long long bytes = (long long)emitter_inputs(p->e) * g->batch * dtype_size(g->real);
        text_addf(&out, "    memset(dx, 0, %lld); /* nothing passes a gradient on to the input */\n", bytes);
    }
    if (g->kind == PROGRAM_STEP) text_add(&out, "    m->step++;\n");
    if (g->loss) text_addf(&out, "    return *(%s);\n", place_text(p, g->loss));
    return out.data ? out.data : "";
}

static void write_alone(EntryPoint *p, const Argument *list)
{
    const char *statements = arena_printf(p->e->arena, "%s%s", calls_text(p), end_text(p));
    write_head(p, list);
    write_arena(p, statements);
    write_unused(p, list, statements);
    text_addf(&p->e->source, "%s}\n\n", statements);
}

/* ---- entry points run by several threads ------------------------------------------------ */

/* struct lenet_step_pass and the part that each thread runs. */
static void write_part(EntryPoint *p, const Argument *list)
{
    Text *out = &p->e->source;
    const char *name = arena_printf(p->e->arena, "%s_%s", p->e->prefix, entry_point_name(p));
    const char *calls = calls_text(p);
    text_addf(out, "struct %s_pass {\n", name);
    for (const Argument *a = list; a->name; a++) text_addf(out, "    %s%s;\n", a->type, a->name);
    text_addf(out, "};\n\nstatic void %s_part(const void *pass, int t, int T, nn_team *team)\n{\n", name);
    text_addf(out, "    const struct %s_pass *p = (const struct %s_pass *)pass;\n", name, name);
    for (const Argument *a = list; a->name; a++) {
        bool scratch = strcmp(a->name, "scratch") == 0;
        if (names_word(calls, a->name) || (scratch && names_word(calls, "a"))) {
            text_addf(out, "    %s%s = p->%s;\n", a->type, a->name, a->name);
        }
    }
    write_arena(p, calls);
    if (names_word(calls, "first")) {
        long long grain = p->program->batch_multiple, parts = (long long)p->program->batch / grain;
        const char *times = grain == 1 ? "" : arena_printf(p->e->arena, " * %lld", grain);
        text_addf(out,
                  "    const int64_t first = (int64_t)%lld * t / T%s, last = (int64_t)%lld * (t + 1) / T%s; /* this "
                  "thread's samples */\n",
                  parts, times, parts, times);
    }
    static const char *const names[] = {"p", "t", "T", "team"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) text_addf(out, "    (void)%s;\n", names[i]);
    text_addf(out, "%s}\n\n", calls);
}

/* An entry point of so few multiplications is over before a second thread has begun. */
enum { FEW_MACS = 1500000 };

static bool is_short(const Graph *g)
{
    int64_t macs = 0;
    for (int i = 0; i < g->nodes.count; i++) {
        macs += node_macs(g->nodes.at[i]);
        if (macs >= FEW_MACS / g->batch) return false;
    }
    return true;
}

static void write_with_team(EntryPoint *p, const Argument *list)
{
    Emitter *e = p->e;
    write_part(p, list);
    write_head(p, list);
    const char *end = end_text(p);
    write_arena(p, end);
    text_addf(&e->source, "    struct %s_%s_pass pass;\n", e->prefix, entry_point_name(p));
    for (const Argument *a = list; a->name; a++) text_addf(&e->source, "    pass.%s = %s;\n", a->name, a->name);
    text_addf(&e->source, "    nn_team_run(%s_%s_part, &pass, ", e->prefix, entry_point_name(p));
    text_addf(&e->source, is_short(p->program) ? "1);\n" : "%s_THREADS);\n", e->upper);
    text_addf(&e->source, "%s}\n\n", end);
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

/* The statements of PREFIX_prepare(m, i): after tensor i was set, or all (-1). */
static void list_preparations(EntryPoint *p)
{
    text_init(&p->text, p->e->arena);
    for (int i = 0; i < p->program->nodes.count; i++) {
        const Node *n = p->program->nodes.at[i];
        if (!node_is_prepacked(n)) continue;
        const Function *f = function_for(p->e, p->program, n);
        const bool *sources = sources_of(p, n->out[0]);
        text_add(&p->text, "    if (i < 0");
        for (int k = 0; k < p->e->net->model.count; k++)
            if (sources[k]) text_addf(&p->text, " || i == %d", k);
        text_add(&p->text, ") {\n        ");
        write_arrays(p, n, f);
        text_add(&p->text, f->share == SHARE_PARTS ? ", 0, 1);\n    }\n" : ");\n    }\n");
    }
}

static void write_preparations(EntryPoint *p)
{
    text_addf(&p->e->source, "static void %s_prepare(struct %s *m, int i)\n{\n%s}\n\n", p->e->prefix, p->e->prefix,
              p->text.data);
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

void entry_points_write(Emitter *e)
{
    EntryPoint point[2 * PROGRAM_KINDS];
    int count = 0;
    for (int i = 0; i < e->entries; i++) {
        ProgramKind kind = e->entry[i].program->kind;
        bool timed = e->options->profile && (kind == PROGRAM_INFER || kind == PROGRAM_STEP);
        point[count++] = (EntryPoint){.e = e, .program = e->entry[i].program, .plan = e->entry[i].plan};
        if (timed) point[count] = point[count - 1], point[count++].timed = true;
    }
    const Entry *infer = entry_of(e, PROGRAM_INFER);
    EntryPoint preparing = {.e = e, .program = infer ? infer->program : NULL, .plan = infer ? infer->plan : NULL};
    for (int i = 0; i < count; i++) write_calls(&point[i]);
    if (e->prepared.count) list_preparations(&preparing);
    if (e->team) use_team(e);
    if (e->options->profile) use_clock(e);
    functions_write(e);
    if (e->prepared.count) write_preparations(&preparing);
    comment_write_section(e, "entry points: the layers in order, in one arena");
    for (int i = 0; i < count; i++) write_entry_point(&point[i]);
}
