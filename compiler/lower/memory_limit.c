/*
 * Plans within a limit of memory.
 *
 * Enters: a net, the kind of program, options with a limit.  Leaves: the program as it
 * would be without the limit, where that fits; else in the largest micro-batches that
 * fit (micro_batches.c); else one in which enough is recomputed (passes/rematerialize.c) for
 * its plan to fit; else an error with the least limit that would be enough.  Without a limit, a
 * step that takes much memory recomputes what costs almost nothing.
 *
 * The limit is for all that training needs: the model's block with the optimizer's
 * states, and the scratch, which is the largest arena of the programs that train.
 *
 * The pass knows the largest number of bytes live at once, not the arena, which may be
 * somewhat larger: so the target is lowered by the excess, then by twice that, and so on, a
 * few times.  If that is not enough, the smallest arena is searched for independently of the
 * limit, so that the limit named in the error is enough.
 */
#include "autodiff/program.h"
#include "lower/pipeline.h"

enum { ATTEMPTS = 8, MISSES = 3, HALVINGS = 6, LARGEST_CUT = 16, MUCH_MEMORY = 256 << 20 };

/* What is to be planned. */
typedef struct Task {
    Graph *net;
    ProgramKind kind;
    const TrainSpec *spec;
    const LowerOptions *options;
} Task;

typedef struct Fitted {
    const Plan *plan;
    RematResult recomputed;
} Fitted;

/* The model's block.  The step is built for the optimizer's states. */
static int64_t block_in_ram(const Task *t)
{
    const LowerOptions *o = t->options;
    const Graph *step = o->train ? program_build(t->net, PROGRAM_STEP, t->spec, o->batch, 1) : NULL;
    if (!o->constants || !step) return model_bytes(t->net);
    model_mark_updated(step);
    return model_updated_bytes(t->net);
}

static const Plan *plan_unlimited(const Task *t) { return micro_batch_plan(t->net, t->kind, t->spec, t->options); }

/* In the largest micro-batches in which it takes no more than so many bytes, or else the
 * smallest plan of them and `whole`. */
static const Plan *plan_cut(const Task *t, const Plan *whole, int64_t bytes)
{
    const Plan *best = whole;
    int64_t micro_batches = whole->program->micro_batches;
    for (int64_t samples = LARGEST_CUT; samples > 0 && best->arena_bytes > bytes; samples /= 2) {
        const int64_t more = micro_batch_count(whole->program, samples);
        if (!pass_is_enabled(t->options, PASS_MICRO_BATCHES) || more <= micro_batches) continue;
        micro_batches = more;
        Graph *program = pipeline_run(t->net, t->kind, t->spec, t->options, micro_batches);
        const Plan *plan = pipeline_plan(program, t->options);
        if (plan && plan->arena_bytes < best->arena_bytes) best = plan;
    }
    return best;
}

/* With that target; where even the list of its values is too long for a plan, the whole. */
static Fitted plan_for(const Task *t, const Plan *whole, int64_t target)
{
    LowerOptions options = *t->options;
    options.disabled |= PASS_BIT(CONCAT_ELIMINATION); /* what shares an image with others cannot be forgotten alone */
    Graph *program = pipeline_run(t->net, t->kind, t->spec, &options, whole->program->micro_batches);
    Fitted f = {.recomputed = pass_rematerialize(program, target)};
    f.plan = pipeline_plan(program, &options);
    if (!f.plan) f.plan = whole;
    return f;
}

static bool has_slices(const Graph *program)
{
    for (int i = 0; i < program->tensors.count; i++)
        if (((const Tensor *)program->tensors.at[i])->parent) return true;
    return false;
}

/* Without a limit: of a step that takes much memory what can be had again for next to
 * nothing, a normalisation or a relu, is not kept. */
static Fitted plan_light(const Task *t, const Plan *whole)
{
    const Fitted as_it_is = {.plan = whole};
    if (t->kind != PROGRAM_STEP || whole->arena_bytes < MUCH_MEMORY || !lower_is_fast(t->options)) return as_it_is;
    if (!pass_is_enabled(t->options, PASS_REMATERIALIZATION) || has_slices(whole->program)) return as_it_is;
    for (int sixteenths = 14; sixteenths < 16; sixteenths++) {
        Fitted f = plan_for(t, whole, whole->arena_bytes / 16 * sixteenths);
        bool little = f.recomputed.cost * 100 < (double)f.recomputed.all_macs;
        if (little && f.plan->arena_bytes <= whole->arena_bytes / 16 * 15) return f;
    }
    return as_it_is;
}

/* Of two plans that are small enough the one with less work, else the smaller one. */
static bool is_better(Fitted a, Fitted b, int64_t enough)
{
    int64_t x = a.plan->arena_bytes, y = b.plan->arena_bytes;
    return x <= enough && y <= enough ? a.recomputed.cost < b.recomputed.cost : x < y;
}

/* Looks for the smallest arena.  The best of what was found on the way; `whole` is the
 * plan without anything recomputed. */
static Fitted find_small(const Task *t, const Plan *whole, int64_t enough)
{
    Fitted best = {.plan = whole};
    int64_t low = 0, high = whole->arena_bytes;
    for (int i = 0; i < HALVINGS && t->kind != PROGRAM_EVAL; i++) {
        int64_t target = low + (high - low) / 2;
        Fitted f = plan_for(t, whole, target);
        if (is_better(f, best, enough)) best = f;
        if (f.recomputed.reached)
            high = target;
        else
            low = target;
        if (f.plan->arena_bytes < high) high = f.plan->arena_bytes;
    }
    return best;
}

/* A plan of at most so many bytes, if one is found without looking for the smallest. */
static bool plan_near(const Task *t, const Plan *whole, int64_t bytes, Fitted *f)
{
    *f = (Fitted){.plan = whole};
    int64_t target = bytes;
    int misses = 0;
    for (int i = 0; i < ATTEMPTS && misses < MISSES && f->plan->arena_bytes > bytes; i++) {
        if (target <= 0 || t->kind == PROGRAM_EVAL) return false;
        *f = plan_for(t, whole, target);
        target -= (f->plan->arena_bytes - bytes) * ((int64_t)1 << i);
        misses += f->recomputed.reached ? 0 : f->plan->arena_bytes > bytes + bytes / 8 ? MISSES : 1;
    }
    return f->plan->arena_bytes <= bytes;
}

/* ---- the error --------------------------------------------------------------------- */

/* The programs that a text for training has, the largest first. */
static int training_kinds(const LowerOptions *o, ProgramKind *kinds)
{
    int count = 0;
    if (o->train) {
        if (!o->chunks) kinds[count++] = PROGRAM_GRAD;
        kinds[count++] = PROGRAM_STEP;
        kinds[count++] = PROGRAM_EVAL;
    }
    if (o->train && o->accumulate) kinds[count++] = PROGRAM_GRAD_ADD;
    if (o->train && o->chunks) kinds[count++] = PROGRAM_GRAD_CHUNK;
    if (o->train && (o->accumulate || o->chunks)) kinds[count++] = PROGRAM_UPDATE;
    if (o->vjp) kinds[count++] = PROGRAM_VJP;
    return count;
}

/* Bytes of the scratch as it is, and at the least. */
typedef struct Needs {
    int64_t whole, least;
} Needs;

/* `known`, if it is not NULL, is the smallest plan of the task's own kind. */
static Needs needs_of(Task t, const Plan *known)
{
    ProgramKind kinds[PROGRAM_KINDS];
    Needs needs = {.least = known ? known->arena_bytes : 0};
    const ProgramKind own = t.kind;
    int count = training_kinds(t.options, kinds);
    for (int i = 0; i < count; i++) {
        t.kind = kinds[i];
        const Plan *whole = plan_unlimited(&t);
        if (!whole) continue;
        if (whole->arena_bytes > needs.whole) needs.whole = whole->arena_bytes;
        if (whole->arena_bytes <= needs.least || (known && kinds[i] == own)) continue;
        int64_t least = find_small(&t, plan_cut(&t, whole, 0), 0).plan->arena_bytes;
        if (least > needs.least) needs.least = least;
    }
    return needs;
}

static bool all_fit(Task t, int64_t bytes)
{
    ProgramKind kinds[PROGRAM_KINDS];
    Fitted f;
    int count = training_kinds(t.options, kinds);
    for (int i = 0; i < count; i++) {
        t.kind = kinds[i];
        const Plan *whole = plan_unlimited(&t);
        if (!whole || !plan_near(&t, plan_cut(&t, whole, bytes), bytes, &f)) return false;
    }
    return true;
}

/* A batch for which so many bytes do, halved from the one that needs `least`; 0: none.
 * Memory is nearly a line in the batch, so the first that might do is a guess. */
static int64_t fitting_batch(const Task *t, int64_t bytes, int64_t least)
{
    LowerOptions options = *t->options;
    Task smaller = *t;
    smaller.options = &options;
    for (options.batch /= 2; options.batch > 0; options.batch /= 2) {
        double guess = (double)least * (double)options.batch / (double)t->options->batch;
        if (guess <= (double)bytes * 1.25 && all_fit(smaller, bytes)) return options.batch;
    }
    return 0;
}

static const char *amount(Arena *arena, int64_t bytes)
{
    if (bytes < 1024) return arena_printf(arena, "%lld bytes", (long long)bytes);
    return arena_printf(arena, "%lld bytes (%s)", (long long)bytes, bytes_text(arena, bytes));
}

/* Of a block without what is constant. */
static void say_parts(const Task *t, int64_t model)
{
    Compilation *c = t->net->compilation;
    int64_t states = 0, weights = 0, gradients = 0;
    for (int i = 0; i < t->net->model.count; i++) {
        const Tensor *m = t->net->model.at[i];
        if (m->kind == TENSOR_STATE) states += model_padded_bytes(m);
        if (m->kind != TENSOR_STATE && m->updated) weights += model_padded_bytes(m);
        if (m->kind == TENSOR_PARAM && m->updated) gradients += tensor_bytes(m, 1);
    }
    diag_note(c, t->net->span,
              "of the model, trained parameters %lld bytes, optimizer state %lld, head %lld; in the scratch, gradients "
              "up to %lld; all else of the model is constant, and not in RAM",
              (long long)weights, (long long)states, (long long)(model - weights - states), (long long)gradients);
}

static void say_too_small(const Task *t, int64_t model, const Plan *known)
{
    Compilation *c = t->net->compilation;
    Arena *arena = c->arena;
    Needs needs = needs_of(*t, known);
    int64_t limit = t->options->memory_limit;
    diag_error(c, t->net->span,
               "training with a batch of %lld does not fit in %s: it takes %s, of which the model is %s, and no less "
               "than %s when %svalues are recomputed",
               (long long)t->options->batch, amount(arena, limit), amount(arena, model + needs.whole),
               amount(arena, model), amount(arena, model + needs.least),
               known->program->micro_batches > 1 ? "it is done in micro-batches and " : "");
    if (t->options->constants) say_parts(t, model);
    int64_t batch = fitting_batch(t, limit - model, needs.least);
    if (batch) diag_note(c, t->net->span, "with a batch of %lld it fits", (long long)batch);
}

int64_t lower_least_memory(Graph *net, const TrainSpec *spec, const LowerOptions *options)
{
    Task t = {.net = net, .spec = spec, .options = options};
    int64_t least = needs_of(t, NULL).least;
    return model_bytes(net) + least;
}

/* ---- the plan ------------------------------------------------------------------------ */

const Plan *lower_program(Graph *net, ProgramKind kind, const TrainSpec *spec, const LowerOptions *options,
                          MemoryLimitResult *result)
{
    Task t = {net, kind, spec, options};
    const Plan *usual = plan_unlimited(&t);
    if (!usual) return NULL;
    Fitted f = plan_light(&t, usual);
    MemoryLimitResult unused;
    if (!result) result = &unused;
    *result =
        (MemoryLimitResult){.recomputed = f.recomputed, .before = f.plan->arena_bytes, .after = f.plan->arena_bytes};
    if (!options->memory_limit || kind == PROGRAM_INFER) return f.plan;
    int64_t model = block_in_ram(&t), bytes = options->memory_limit - model;
    if (f.plan->arena_bytes <= bytes) return f.plan;
    const Plan *cut = plan_cut(&t, usual, bytes);
    if (!plan_near(&t, cut, bytes, &f)) f = find_small(&t, cut, bytes);
    if (f.plan->arena_bytes > bytes) {
        say_too_small(&t, model, f.plan);
        return NULL;
    }
    result->recomputed = f.recomputed;
    if (cut != usual) result->micro_batch = cut->program->batch;
    result->after = f.plan->arena_bytes;
    return f.plan;
}
