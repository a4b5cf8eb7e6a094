/*
 * The observer that collects a run, and the value that its page is drawn from.
 */
#include "commands/train/run_page.h"

#include <math.h>
#include <string.h>

#include "commands/train/run_activations.h"
#include "commands/train/run_record.h"
#include "report/report_json.h"
#include "runtime/core/text.h"
#include "runtime/train/progress.h"

/* Seconds between two times, at least, and the share of the run's time that writing it may take. */
static const double page_interval = 0.5, page_share = 0.01;

struct RunPage {
    RunPageInput in;
    Arena *arena;
    NnObserver observer;
    const NnObserver *inner;
    json_t *epochs, *facts;
    StepCurve steps;
    Predictions predictions;
    DataPart part;
    const void *model;
    int64_t per_epoch;
    double began, next, spent; /* seconds: of the run; from when on it may be written; in writing, so far */
    json_t *drawing;           /* of the net; NULL: it is too large, or not made yet */
    Activations *activations;  /* likewise */
    bool prepared;
    int status;     /* of the newest time */
    bool predicted; /* the predictions are of an evaluation that has ended */
};

/* ---- collecting ---------------------------------------------------------------------- */

static float observe_page_step(void *user, const NnStep *step)
{
    RunPage *p = user;
    const float loss = p->inner->step(p->inner->user, step);
    p->model = step->model;
    step_curve_add(&p->steps, step->step, (double)loss);
    return loss;
}

static void observe_page_sample(void *user, int row, const float *y, const void *target, int predicted)
{
    RunPage *p = user;
    const Samples *s = &p->in.feeding->data->part[p->part];
    p->inner->sample(p->inner->user, row, y, target, predicted);
    if (p->predicted) predictions_begin(&p->predictions);
    p->predicted = false;
    if (predicted >= 0 && s->labels)
        predictions_add(&p->predictions, row, s->labels[row], predicted, y, nn_own_outputs(p->in.m->info));
}

static void put_finite(json_t *object, const char *key, double value)
{
    if (isfinite(value)) json_put(object, key, json_real(value));
}

static void add_epoch_value(RunPage *p, const NnEpochEnd *end)
{
    json_t *value = json_pack("{s:i, s:I}", "epoch", end->epoch, "step", (json_int_t)end->step);
    put_finite(value, "lr", end->lr);
    put_finite(value, "loss", end->loss);
    put_finite(value, "seconds", end->seconds);
    put_finite(value, "rate", end->rate);
    if (end->score) put_finite(value, "valid", end->score->loss);
    if (end->score && end->score->judged) put_finite(value, "accuracy", nn_accuracy(end->score));
    if (end->training && end->training->judged) put_finite(value, "train_accuracy", nn_accuracy(end->training));
    json_array_append_new(p->epochs, value);
}

/* ---- the value ------------------------------------------------------------------------- */

static json_t *run_steps_value(const StepCurve *c)
{
    json_t *list = json_array();
    for (int i = 0; i < c->count; i++)
        if (isfinite(c->loss[i]))
            json_array_append_new(list, json_pack("[I, f]", (json_int_t)c->step[i] + 1, c->loss[i]));
    return list;
}

static json_t *run_layers_value(const RunPage *p)
{
    const Stats *s = p->in.watch->stats;
    json_t *list = json_array();
    for (int i = 0; stats_watched_steps(s) && i < stats_layers(s); i++) {
        const LayerStats *l = stats_layer(s, i);
        json_t *value = json_pack("{s:s, s:i}", "name", l->node->name, "line", source_line(p->in.m->c, l->node->span));
        put_finite(value, "mean", layer_mean(l));
        put_finite(value, "std", layer_deviation(l));
        put_finite(value, "dead", layer_dead(l));
        put_finite(value, "saturated", layer_saturated(l));
        put_finite(value, "gradient", layer_gradient(l, stats_watched_steps(s)));
        put_finite(value, "update", layer_update(l));
        json_array_append_new(list, value);
    }
    return list;
}

/* The line of the source in which the span begins, and where in it. */
static void put_excerpt(json_t *value, const Compilation *c, Span span)
{
    if (span.file < 0) return;
    const Source *source = c->sources.at[span.file];
    int line, column;
    source_position(c, span, &line, &column);
    const char *begin = source->text + span.begin - (column - 1);
    const int length = (int)strcspn(begin, "\r\n"), end = column - 1 + span.end - span.begin;
    json_put_integer(value, "line", line);
    json_put_integer(value, "column", column);
    json_put_integer(value, "length", (end < length ? end : length) - (column - 1));
    json_put(value, "excerpt", json_stringn(begin, (size_t)length));
}

static json_t *findings_value(const RunPage *p)
{
    const Findings *f = diagnosis_findings(p->in.watch->diagnosis);
    json_t *list = json_array();
    for (int i = 0; i < findings_count(f); i++) {
        const Finding *found = findings_at(f, i);
        json_t *value = json_pack("{s:s, s:s, s:s, s:i}", "kind", found->kind->name, "text", found->text, "advice",
                                  found->kind->advice, "epoch", found->epoch);
        put_excerpt(value, p->in.m->c, found->span);
        json_array_append_new(list, value);
    }
    return list;
}

static void put_if(json_t *object, const char *key, json_t *value)
{
    if (value) json_put(object, key, value);
}

/* By number of the layer; null where the gradient of its result was not seen. */
static json_t *run_flow_value(const RunPage *p)
{
    const Graph *net = p->in.m->net;
    json_t *list = json_array();
    for (int i = 0; i < net->nodes.count; i++) {
        const double flow = stats_flow(p->in.watch->stats, net->nodes.at[i]);
        json_array_append_new(list, isfinite(flow) ? json_real(flow) : json_null());
    }
    return list;
}

static const char *layers_hint(const RunPage *p)
{
    const Stats *s = p->in.watch->stats;
    const long long steps = (long long)stats_watched_steps(s);
    return arena_printf(p->arena, "Of %lld samples in %lld watched step%s of the last epoch.",
                        (long long)stats_watched_samples(s), steps, steps == 1 ? "" : "s");
}

static json_t *run_value(const RunPage *p)
{
    const Model *m = p->in.m;
    json_t *run = json_pack("{s:s, s:o, s:s, s:i, s:I, s:O, s:O, s:o, s:o}", "name", m->net->name, "source",
                            nn_json_text(path_file_name(source_path(m->c, m->net->span))), "part",
                            p->part == DATA_VALID ? "valid" : "test", "planned", p->in.epochs, "per_epoch",
                            (json_int_t)p->per_epoch, "epochs", p->epochs, "facts", p->facts, "steps",
                            run_steps_value(&p->steps), "findings", findings_value(p));
    json_put(run, "layers", run_layers_value(p));
    json_put_text(run, "layers_hint", layers_hint(p));
    json_put_integer(run, "memory", m->emitted->model_bytes + m->emitted->train_scratch);
    if (p->drawing) {
        json_put(run, "net", json_incref(p->drawing));
        json_put(run, "flow", run_flow_value(p));
    }
    put_if(run, "activations", p->model ? activations_value(p->activations, p->model) : NULL);
    put_if(run, "filters", p->model ? run_filters(m, p->model) : NULL);
    put_if(run, "confusion", run_confusion(&p->predictions, p->in.feeding));
    put_if(run, "mistakes", run_mistakes(&p->predictions, p->in.feeding, p->part));
    return run;
}

/* What is the same each time, and takes a while: not before the first time. */
static void prepare_page(RunPage *p)
{
    enum { LAYERS_DRAWN = 1500 };
    const Model *m = p->in.m;
    ReportOptions options = report_options();
    options.batch = m->batch;
    const bool drawn = m->net->nodes.count <= LAYERS_DRAWN;
    const Analysis *a = drawn ? analysis_build(m->net, m->spec, &options) : NULL;
    if (a) p->drawing = json_of_drawing(a, p->arena);
    p->activations = activations_new(m, p->in.feeding, p->part);
    p->prepared = true;
}

static int write_page(RunPage *p)
{
    const double began = show_clock();
    if (!p->prepared) prepare_page(p);
    const nn_model_info *info = p->in.m->info;
    const char *subtitle =
        arena_printf(p->arena, "%zu parameters, %s; trained by nnc %s", info->params, info->loss, NNC_VERSION);
    p->status = run_html_write(p->in.path, p->in.m->net->name,
                               json_pack("{s:s, s:[o]}", "subtitle", subtitle, "runs", run_value(p)));
    p->spent += show_clock() - began;
    p->next = fmax(show_clock() + page_interval, p->began + p->spent / page_share);
    return p->status;
}

/* ---- the observer ------------------------------------------------------------------------ */

static bool observe_page_epoch(void *user, const NnEpochEnd *end)
{
    RunPage *p = user;
    const bool logged = p->inner->epoch(p->inner->user, end);
    p->per_epoch = end->step / (end->epoch ? end->epoch : 1);
    add_epoch_value(p, end);
    if (!p->status && show_clock() >= p->next) write_page(p);
    p->predicted = true;
    return logged;
}

static bool replay_page_step(void *user, const NnStep *step)
{
    const RunPage *p = user;
    return p->inner->replay(p->inner->user, step);
}

/* ---- facts ----------------------------------------------------------------------------------- */

static void add_fact_value(RunPage *p, const char *name, const char *text)
{
    json_array_append_new(p->facts, json_pack("[s, o]", name, nn_json_text(text)));
}

void run_page_facts(RunPage *p, List facts)
{
    for (int i = 0; i < facts.count; i++) {
        const TrainFact *fact = facts.at[i];
        add_fact_value(p, fact->name, fact->text);
    }
    for (const NnWeightsNote *note = p->in.notes; note->key; note++)
        if (note->value && *note->value) add_fact_value(p, note->key, note->value);
    add_fact_value(p, "version", "nnc " NNC_VERSION);
}

RunPage *run_page_new(const RunPageInput *in)
{
    Arena *arena = in->m->c->arena;
    const Dataset *data = in->feeding->data;
    const int classes = data->class_count > 1 && !data->map[0] ? data->class_count : 0;
    RunPage *p = arena_alloc(arena, sizeof *p);
    *p = (RunPage){.in = *in, .arena = arena, .epochs = json_array(), .facts = json_array()};
    p->began = show_clock();
    p->inner = diagnosis_observer(in->watch->diagnosis);
    p->part = data->part[DATA_VALID].count ? DATA_VALID : DATA_TEST;
    p->predictions.classes = classes;
    p->predictions.count = arena_alloc(arena, (size_t)(classes * classes + 1) * sizeof(int));
    p->observer = *p->inner;
    p->observer.user = p;
    p->observer.step = observe_page_step;
    p->observer.sample = observe_page_sample;
    p->observer.epoch = observe_page_epoch;
    p->observer.replay = replay_page_step;
    return p;
}

const NnObserver *run_page_observer(const RunPage *p) { return &p->observer; }

int run_page_end(RunPage *p)
{
    const int status = p->status ? p->status : write_page(p);
    json_decref(p->epochs);
    json_decref(p->facts);
    json_decref(p->drawing);
    activations_free(p->activations);
    return status;
}
