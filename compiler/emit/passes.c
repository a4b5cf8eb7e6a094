/*
 * The passes: infer, eval, step, grad and vjp as flat lists of calls.
 *
 * Enters: programs and their plans.  Leaves: one C function for each program,
 * in which every value is a literal place in the arena, in the model, or at a
 * pointer of the caller's.
 */
#include "emit/emitter.h"

#include <assert.h>
#include <string.h>

typedef struct Pass {
    Emitter *e;
    const Graph *program;
    const Plan *plan;
    Text text;
} Pass;

const Entry *entry_of(const Emitter *e, ProgramKind kind)
{
    for (int i = 0; i < e->entries; i++) {
        if (e->entry[i].program->kind == kind) return &e->entry[i];
    }
    return NULL;
}

/* ---- where a tensor is ---------------------------------------------------- */

/* Several inputs lie one after the other in x. */
static const char *input_place(Pass *p, const Tensor *t)
{
    int64_t before = 0;
    for (int i = 0; i < p->program->inputs.count; i++) {
        if (p->program->inputs.at[i] == t) break;
        before += tensor_count(p->program->inputs.at[i], p->program->batch);
    }
    return before ? arena_printf(p->e->arena, "x + %lld", (long long)before) : "x";
}

static const char *arena_place(Pass *p, const Tensor *t, int64_t offset)
{
    Arena *arena = p->e->arena;
    long long elements = (long long)offset / p->e->real_size;
    const char *place = elements ? arena_printf(arena, "a + %lld", elements) : "a";
    if (t->dtype == DTYPE_REAL) return place;
    return arena_printf(arena, "(%s *)(%s)", t->dtype == DTYPE_INT32 ? "int32_t" : "uint8_t", place);
}

static const char *place_text(Pass *p, const Tensor *t)
{
    const Place *place = &p->plan->place[t->id];
    const Tensor *root = place->root;
    const Plan *plan = p->plan;
    const Graph *g = p->program;
    if (tensor_in_model(root->kind)) {
        return arena_printf(p->e->arena, "m->%s", p->e->member[model_index(p->e, root)]);
    }
    if (root->kind == TENSOR_INPUT) return input_place(p, root);
    if (root->kind == TENSOR_TARGET) return "target";
    if (root->kind == TENSOR_SEED) return "dy";
    if (place->offset >= 0) return arena_place(p, t, place->offset);
    if (g->output && plan->place[g->output->id].root == root) return "y";
    assert(g->input_gradient && plan->place[g->input_gradient->id].root == root);
    return "dx";
}

/* ---- calls ---------------------------------------------------------------- */

static void write_scalars(Pass *p, const Node *n)
{
    Text *out = &p->text;
    if (n->op->uses & USES_LR) text_add(out, ", lr");
    if (n->op->uses & USES_STEP) text_add(out, ", m->step");
    if (n->op->uses & USES_SEED) {
        text_addf(out, ", nn_mix(m->seed + (uint64_t)m->step * 0x9e3779b97f4a7c15u + %d)", n->origin->id + 1000000);
    }
    if (!(n->op->uses & USES_COUNT)) return;
    if (p->program->kind == PROGRAM_EVAL) {
        text_add(out, ", count");
    } else {
        text_addf(out, ", %lld", (long long)p->program->batch);
    }
}

static void write_call(Pass *p, const Node *n)
{
    if (n->op->traits & OP_VIEW) return;
    const Function *f = function_for(p->e, p->program, n);
    text_addf(&p->text, "    %s(", f->name);
    for (int i = 0; i < n->in_count; i++) text_addf(&p->text, "%s%s", i ? ", " : "", place_text(p, n->in[i]));
    for (int i = 0; i < n->out_count; i++) text_addf(&p->text, ", %s", place_text(p, n->out[i]));
    write_scalars(p, n);
    text_add(&p->text, ");\n");
}

/* Tests of the plan: whatever is dead holds NaN. */
static void write_poison(Pass *p, const Node *n)
{
    const Graph *g = p->program;
    for (int i = 0; i < g->tensors.count; i++) {
        const Tensor *t = g->tensors.at[i];
        const Place *place = &p->plan->place[i];
        if (place->root != t || place->offset < 0 || place->last != n->id) continue;
        bool held = t == g->loss || place->last == g->nodes.count - 1;
        if (held) continue;
        text_addf(&p->text, "    memset((char *)scratch + %lld, 0xff, %lld);\n", (long long)place->offset, (long long)place->bytes);
    }
}

static void write_calls(Pass *p)
{
    text_init(&p->text, p->e->arena);
    const Graph *g = p->program;
    if (p->e->options->poison && p->plan->arena_bytes) {
        text_addf(&p->text, "    memset(scratch, 0xff, %lld);\n", (long long)p->plan->arena_bytes);
    }
    for (int i = 0; i < g->nodes.count; i++) {
        write_call(p, g->nodes.at[i]);
        if (p->e->options->poison) write_poison(p, g->nodes.at[i]);
    }
}

/* ---- the functions ---------------------------------------------------------- */

static const char *signature(Emitter *e, ProgramKind kind)
{
    const char *p = e->prefix, *real = e->real, *target = emitter_target_type(e);
    switch (kind) {
    case PROGRAM_INFER:
        return arena_printf(e->arena, "void %s_infer(const %s *m, const %s *x, %s *y, void *scratch)", p, p, real, real);
    case PROGRAM_EVAL:
        return arena_printf(e->arena, "%s %s_eval(const %s *m, const %s *x, const %s *target, int count, %s *y, void *scratch)",
                            real, p, p, real, target, real);
    case PROGRAM_STEP:
        return arena_printf(e->arena, "%s %s_step(%s *m, const %s *x, const %s *target, %s lr, void *scratch)", real, p, p,
                            real, target, real);
    case PROGRAM_GRAD:
        return arena_printf(e->arena, "%s %s_grad(%s *m, const %s *x, const %s *target, void *scratch)", real, p, p, real, target);
    case PROGRAM_VJP:
        return arena_printf(e->arena, "void %s_vjp(%s *m, const %s *x, const %s *dy, %s *y, %s *dx, void *scratch)", p, p,
                            real, real, real, real);
    case PROGRAM_NET: break;
    }
    assert(0 && "a net is not a program");
    return NULL;
}

/* Parameters that this program has no use for: a net without weights, say. */
static void write_unused(Pass *p)
{
    Text *out = &p->e->source;
    static const char *const names[] = {"m", "x", "target", "dy", "lr", "count"};
    static const char *const signs[] = {"m->", "x", "target", "dy", "lr", "count"};
    const char *head = signature(p->e, p->program->kind);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *in_head = strstr(head, arena_printf(p->e->arena, strcmp(names[i], "m") ? " *%s," : " *%s,", names[i]));
        if (strcmp(names[i], "lr") == 0) in_head = strstr(head, " lr,");
        if (strcmp(names[i], "count") == 0) in_head = strstr(head, " count,");
        if (in_head && (!p->text.data || !strstr(p->text.data, signs[i]))) text_addf(out, "    (void)%s;\n", names[i]);
    }
}

static void write_arena(Pass *p)
{
    Emitter *e = p->e;
    bool used = p->text.data && (strstr(p->text.data, " a +") || strstr(p->text.data, "(a +") || strstr(p->text.data, " a,") ||
                                 strstr(p->text.data, "(a,") || strstr(p->text.data, " a)") || strstr(p->text.data, "(a)"));
    used = used || p->program->loss;
    text_addf(&e->source, used ? "    %s *const a = (%s *)scratch;\n" : "    (void)scratch;\n", e->real, e->real);
}

static void write_end(Pass *p)
{
    const Graph *g = p->program;
    Text *out = &p->e->source;
    if (g->kind == PROGRAM_VJP && !g->input_gradient) {
        long long bytes = (long long)emitter_inputs(p->e) * g->batch * p->e->real_size;
        text_addf(out, "    memset(dx, 0, %lld); /* nothing passes a gradient on to the input */\n", bytes);
    }
    if (g->kind == PROGRAM_STEP) text_add(out, "    m->step++;\n");
    if (g->loss) text_addf(out, "    return *(%s);\n", place_text(p, g->loss));
}

static void write_pass(Emitter *e, const Entry *entry, Pass *p)
{
    text_addf(&e->source, "%s\n{\n", signature(e, entry->program->kind));
    write_arena(p);
    write_unused(p);
    if (p->text.data) text_add(&e->source, p->text.data);
    write_end(p);
    text_add(&e->source, "}\n\n");
}

void passes_write(Emitter *e)
{
    Pass pass[MAX_ENTRIES];
    for (int i = 0; i < e->entries; i++) {
        pass[i] = (Pass){.e = e, .program = e->entry[i].program, .plan = e->entry[i].plan};
        write_calls(&pass[i]);
    }
    functions_write(e);
    for (int i = 0; i < e->entries; i++) write_pass(e, &e->entry[i], &pass[i]);
}
