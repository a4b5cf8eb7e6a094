/*
 * The first number that is not finite: a replayed step is watched value by value.
 */
#include <math.h>

#include "runtime/train/snapshot.h"
#include "stats/diagnosis.h"
#include "stats/parts.h"

typedef struct NumberSearch {
    Arena *arena;
    const Graph *program;
    List values; /* of WatchedValue */
    BadNumber *bad;
} NumberSearch;

static double first_not_finite(const float *x, int64_t count)
{
    int64_t i = 0;
    while (i < count - 1 && isfinite(x[i])) i++;
    return (double)x[i];
}

/* False where the value has a number that is not finite, which *number then is. */
static bool is_finite_value(const Graph *g, const Tensor *t, const float *x, double *number)
{
    const UnitLayout l = t->batched ? unit_layout(t, g->batch) : (UnitLayout){1, 1, tensor_count(t, 1), 0};
    const int64_t own = l.units * l.run;
    for (int64_t a = 0; a < l.rows; a++) {
        if (all_finite(x + a * l.row, (size_t)own)) continue;
        *number = first_not_finite(x + a * l.row, own);
        return false;
    }
    return true;
}

/* The parameter that an update takes this gradient for, or NULL. */
static const Tensor *parameter_of(const Graph *program, const Tensor *gradient)
{
    for (int i = 0; i < program->nodes.count; i++) {
        const Node *n = program->nodes.at[i];
        if (n->op->class == OP_OPTIMIZER && n->in[0] == gradient) return n->in[1];
    }
    return NULL;
}

static const char *bad_value_text(const NumberSearch *s, const WatchedValue *v)
{
    const Node *n = v->node;
    const Tensor *of = parameter_of(s->program, v->tensor);
    if (n->op->class == OP_LOSS) return "the loss";
    if (of) return arena_printf(s->arena, "in the gradient of %s", of->name);
    if (n->op->class == OP_OPTIMIZER) return arena_printf(s->arena, "in %s after its update", n->in[1]->name);
    return arena_printf(s->arena, n->origin == n ? "in the result of %s" : "in a gradient that %s passes on",
                        n->origin->name);
}

static void search_value(void *user, int i, const float *value)
{
    NumberSearch *s = user;
    const WatchedValue *v = s->values.at[i];
    double number;
    if (s->bad->what || is_finite_value(s->program, v->tensor, value, &number)) return;
    s->bad->node = v->node;
    s->bad->what = bad_value_text(s, v);
    s->bad->value = number;
}

/* Of the input itself: the data have it. */
static bool search_input(const NnStep *step, BadNumber *bad)
{
    const size_t count = step->code->inputs;
    for (int i = 0; i < step->batch->count; i++) {
        const float *x = step->batch->x + (size_t)i * count;
        if (all_finite(x, count)) continue;
        bad->what = "in the input";
        bad->value = first_not_finite(x, (int64_t)count);
        return true;
    }
    return false;
}

bool bad_number_in_step(const Stats *stats, const NnStep *step, BadNumber *bad)
{
    const WatchedCode *code = stats_code(stats, step->code);
    if (!code) return false;
    const Graph *program = code->code.emitted->step_program;
    Arena *arena = stats_arena(stats);
    NumberSearch search = {arena, program, watch_values(arena, program), bad};
    *bad = (BadNumber){0};
    if (!search_input(step, bad)) run_watched_step(code, step, (StepWatch){search_value, &search});
    if (!bad->what) return false;
    bad->step = step->step + 1;
    bad->epoch = step->epoch;
    return true;
}
