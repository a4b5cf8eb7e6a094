/*
 * The observer of a run: watches some of its steps and keeps what they show of the layers.
 *
 * Numbers are of a window: the steps since the last epoch that had some watched steps in it.
 */
#include "stats/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/train/progress.h"
#include "stats/parts.h"

/* A unit that is not 0 in 1 % of the samples is 0 in 300 of them with a probability of 5 %.  Of a layer whose units are
 * 0 together fewer say as much: no healthy layer is silent for a whole batch. */
enum { ACTIVITY_SAMPLES = 300, SILENT_SAMPLES = 64, FIRST_STEPS = 8 };

/* Sums over the steps of a window. */
typedef struct StatsWindow {
    LayerStats *layer;
    FlowSum *flow;          /* by Node.id; NULL: it is not asked for */
    int64_t steps, samples; /* that were watched */
    int64_t active_samples; /* that LayerStats.active is of */
} StatsWindow;

struct Stats {
    Arena *arena;
    const Graph *net;
    LayerTable table;
    WatchedCode code[STATS_CODES];
    int codes;
    Sampling sampling;
    StatsWindow now, last;     /* being added to; the newest that is complete */
    const WatchedCode *seeing; /* during a step */
    double watching;           /* seconds */
    float *weights;            /* [the largest parameter] before its update */
    RunningLoss loss;
    NnObserver observer;
    double *values;
    int64_t enough; /* samples, to say of a unit that it is dead, */
    int64_t silent; /* and of all units of a layer */
};

/* ---- one value ------------------------------------------------------------------ */

static void see_result(LayerStats *l, const ValueUse *use, const float *value)
{
    const double *bounds = l->node->op->saturation;
    l->count += use->layout.rows * use->layout.units * use->layout.run;
    values_add_moments(value, &use->layout, &l->sum, &l->squares);
    if (bounds) l->saturated += values_near(value, &use->layout, bounds);
    if (l->active) values_mark_active(value, &use->layout, l->active);
}

static void see_weight(Stats *s, LayerStats *l, const ValueUse *use, const float *value)
{
    memcpy(s->weights, value, (size_t)use->count * sizeof *value);
    l->weight_squares += values_squares(value, use->count);
}

static void see_gradient(LayerStats *l, const ValueUse *use, const float *value)
{
    l->updates++;
    l->gradient_squares += values_squares(value, use->count);
}

static void see_value(void *user, int i, const float *value)
{
    Stats *s = user;
    const ValueUse *use = &s->seeing->uses[i];
    LayerStats *l = &s->now.layer[use->layer];
    if (use->role == ROLE_NONE && !use->flow.count) return;
    const double began = show_clock();
    switch (use->role) {
    case ROLE_NONE: break;
    case ROLE_RESULT: see_result(l, use, value); break;
    case ROLE_GRADIENT: see_gradient(l, use, value); break;
    case ROLE_WEIGHT: see_weight(s, l, use, value); break;
    case ROLE_UPDATED: l->weight_changes += values_distance(s->weights, value, use->count); break;
    }
    if (use->flow.count) flow_add(s->now.flow, use, value);
    s->watching += show_clock() - began;
}

/* ---- one step --------------------------------------------------------------------- */

const WatchedCode *stats_code(const Stats *s, const nn_model_info *info)
{
    for (int i = 0; i < s->codes; i++)
        if (s->code[i].code.info == info) return &s->code[i];
    return NULL;
}

float run_watched_step(const WatchedCode *code, const NnStep *step, StepWatch watch)
{
    const WatchedStep run = (WatchedStep)jit_symbol(code->code.jit, code->symbol);
    return run(step->model, step->batch->x, step->batch->target, step->lr, step->scratch, &watch);
}

static float run_watched(Stats *s, const WatchedCode *code, const NnStep *step)
{
    s->seeing = code;
    s->now.steps++;
    s->now.samples += step->batch->count;
    s->now.active_samples += step->batch->count;
    return run_watched_step(code, step, (StepWatch){see_value, s});
}

static int64_t clamp_steps(int64_t steps) { return steps < FIRST_STEPS ? steps : FIRST_STEPS; }

static float observe_step(void *user, const NnStep *step)
{
    Stats *s = user;
    const double began = show_clock();
    if (!s->sampling.first && step->batch->count)
        s->sampling.first = step->step + clamp_steps((s->silent + step->batch->count - 1) / step->batch->count);
    const WatchedCode *code = sampling_is_due(&s->sampling, step->step) ? stats_code(s, step->code) : NULL;
    s->watching = 0;
    const float loss =
        code ? run_watched(s, code, step)
             : step->code->step(step->model, step->batch->x, step->batch->target, step->lr, step->scratch);
    sampling_add(&s->sampling, step->step, code != NULL, show_clock() - began, s->watching);
    running_loss_add(&s->loss, (double)loss);
    return loss;
}

/* ---- windows ------------------------------------------------------------------------ */

static size_t flow_bytes(const Graph *net) { return (size_t)net->nodes.count * sizeof(FlowSum); }

static StatsWindow window_new(Arena *arena, const LayerTable *table, const Graph *net, bool flow)
{
    StatsWindow w = {.layer = arena_alloc(arena, (size_t)(table->count + 1) * sizeof *w.layer)};
    for (int i = 0; i < table->count; i++) {
        w.layer[i] = table->layer[i];
        if (w.layer[i].active) w.layer[i].active = arena_alloc(arena, (size_t)w.layer[i].units);
    }
    if (flow) w.flow = memset(arena_alloc(arena, flow_bytes(net)), 0, flow_bytes(net));
    return w;
}

static void window_clear(StatsWindow *w, int layers, const Graph *net)
{
    if (w->flow) memset(w->flow, 0, flow_bytes(net));
    for (int i = 0; i < layers; i++) {
        LayerStats *l = &w->layer[i];
        *l = (LayerStats){.node = l->node, .units = l->units, .active = l->active};
        if (l->active) memset(l->active, 0, (size_t)l->units);
    }
    w->steps = w->samples = w->active_samples = 0;
}

static bool is_silent(const LayerStats *l)
{
    for (int64_t i = 0; i < l->units; i++)
        if (l->active[i]) return false;
    return true;
}

/* Which units are dead is said of many samples only: of one window and those before it. */
static void judge_units(Stats *s)
{
    const bool enough = s->last.active_samples >= s->enough;
    for (int i = 0; i < s->table.count; i++) {
        LayerStats *l = &s->last.layer[i], *now = &s->now.layer[i];
        if (!l->active) continue;
        l->judged = l->count && (enough || (s->last.active_samples >= s->silent && is_silent(l)));
        if (!enough) memcpy(now->active, l->active, (size_t)l->units);
    }
    if (!enough) s->now.active_samples = s->last.active_samples;
}

static void complete_window(Stats *s)
{
    const StatsWindow before = s->last;
    s->last = s->now;
    s->now = before;
    window_clear(&s->now, s->table.count, s->net);
    judge_units(s);
}

static void fill_columns(Stats *s)
{
    int column = 0;
    s->values[column++] = running_loss_mean(&s->loss);
    s->values[column++] = running_loss_deviation(&s->loss);
    for (int i = 0; i < s->table.count; i++)
        for (int k = 0; k < LAYER_COLUMNS; k++)
            if (layer_columns[k].applies(&s->last.layer[i]))
                s->values[column++] = layer_columns[k].value(&s->last.layer[i], s->last.steps);
}

static bool observe_epoch(void *user, const NnEpochEnd *end)
{
    Stats *s = user;
    (void)end;
    if (!s->now.steps) return false;
    complete_window(s);
    fill_columns(s);
    return true;
}

/* ---- the whole ------------------------------------------------------------------------ */

static void name_columns(Stats *s)
{
    const size_t most = 2 + (size_t)s->table.count * LAYER_COLUMNS;
    const char **names = arena_alloc(s->arena, most * sizeof *names);
    int count = 0;
    names[count++] = "running_loss";
    names[count++] = "running_std";
    for (int i = 0; i < s->table.count; i++)
        for (int k = 0; k < LAYER_COLUMNS; k++)
            if (layer_columns[k].applies(&s->table.layer[i]))
                names[count++] = arena_printf(s->arena, "%s.%s", s->table.layer[i].node->name, layer_columns[k].name);
    s->values = arena_alloc(s->arena, most * sizeof *s->values);
    s->observer.columns = names;
    s->observer.column_count = count;
    s->observer.values = s->values;
}

static size_t largest_parameter(const Graph *net)
{
    int64_t most = 1;
    for (int i = 0; i < net->model.count; i++) {
        const int64_t count = tensor_count(net->model.at[i], 1);
        if (count > most) most = count;
    }
    return (size_t)most;
}

Stats *stats_new(Graph *net, int64_t every, int64_t samples, bool flow)
{
    Arena *arena = net->compilation->arena;
    Stats *s = arena_alloc(arena, sizeof *s);
    *s = (Stats){.arena = arena, .net = net, .table = layer_table(net), .sampling.every = every};
    s->enough = samples < ACTIVITY_SAMPLES ? samples : ACTIVITY_SAMPLES;
    s->silent = samples < SILENT_SAMPLES ? samples : SILENT_SAMPLES;
    s->now = window_new(arena, &s->table, net, flow);
    s->last = window_new(arena, &s->table, net, flow);
    s->weights = arena_alloc(arena, largest_parameter(net) * sizeof *s->weights);
    s->observer = (NnObserver){.user = s, .step = observe_step, .epoch = observe_epoch};
    name_columns(s);
    return s;
}

void stats_add_code(Stats *s, StatsCode code)
{
    const char *symbol = arena_printf(s->arena, "%s_step_watched", code.emitted->prefix);
    ValueUse *uses = value_uses(s->arena, &s->table, code.emitted->step_program);
    if (s->now.flow) flow_uses(s->arena, s->net, code.emitted->step_program, uses);
    s->code[s->codes++] = (WatchedCode){code, symbol, uses};
}

const NnObserver *stats_observer(const Stats *s) { return &s->observer; }
Arena *stats_arena(const Stats *s) { return s->arena; }
int stats_layers(const Stats *s) { return s->table.count; }
const LayerStats *stats_layer(const Stats *s, int i) { return &s->last.layer[i]; }
int64_t stats_watched_steps(const Stats *s) { return s->last.steps; }
int64_t stats_watched_samples(const Stats *s) { return s->last.samples; }
int64_t stats_activity_samples(const Stats *s) { return s->last.active_samples; }

double stats_flow(const Stats *s, const Node *n)
{
    const FlowSum *sum = s->last.flow ? &s->last.flow[n->id] : NULL;
    return sum && sum->count ? sqrt(sum->squares / (double)sum->count) : NAN;
}
