/*
 * The metrics of a net: values, units and notes.
 */
#include "report/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "report/columns.h"
#include "report/number_text.h"

typedef struct MetricList {
    const Analysis *a;
    Arena *arena;
    List list;
} MetricList;

static const char *value_text(Arena *arena, MetricKind kind, Known k, bool brief)
{
    if (k.why) return "n/a";
    switch (kind) {
    case METRIC_COUNT:
    case METRIC_BYTES: return brief ? number_units(arena, (int64_t)k.value) : number_grouped(arena, (int64_t)k.value);
    case METRIC_PIXELS: return number_pair(arena, k.value, k.value);
    case METRIC_SHARE: return number_percent(arena, k.value);
    case METRIC_SECONDS: return number_seconds(arena, k.value);
    case METRIC_DIGITS:
    case METRIC_REAL: break;
    }
    return number_real(arena, k.value);
}

const char *metric_short_text(Arena *arena, const Metric *f)
{
    bool own = f->kind == METRIC_PIXELS || f->kind == METRIC_DIGITS; /* 7x5, all; many digits */
    return f->value.why || own ? f->text : value_text(arena, f->kind, f->value, true);
}

bool metric_is_shown(const Metric *f, bool compared)
{
    bool there = !f->value.why && f->value.value != 0;
    return f->use == USE_ALWAYS || (compared && f->use == USE_COMPARED) || (f->use == USE_WHERE_THERE && there);
}

static Metric *add_metric(MetricList *f, const char *key, const char *label, MetricKind kind, Known value,
                          const char *note)
{
    Metric *metric = arena_alloc(f->arena, sizeof *metric);
    *metric = (Metric){.key = key, .label = label, .kind = kind, .value = value, .note = value.why ? value.why : note};
    metric->text = value_text(f->arena, kind, value, false);
    list_push(f->arena, &f->list, metric);
    return metric;
}

static Metric *add_count(MetricList *f, const char *key, const char *label, int64_t value, const char *note)
{
    return add_metric(f, key, label, METRIC_COUNT, known((double)value), note);
}

/* ---- sizes -------------------------------------------------------------------- */

static void add_sizes(MetricList *f)
{
    add_count(f, "batch", "batch", f->a->batch, "bytes and time are for this batch size")->use = USE_COMPARED;
    const ReportTotals *t = &f->a->total, *heads = &f->a->heads;
    int64_t params = t->trained + t->frozen, in_heads = heads->trained + heads->frozen;
    const char *with = arena_printf(f->arena, "for training only, not included above: with them %s",
                                    number_grouped(f->arena, params + in_heads));
    add_count(f, "params", "parameters", params, "");
    add_count(f, "trained", "  trained", t->trained, "")->use = t->frozen ? USE_ALWAYS : USE_NEVER;
    add_count(f, "frozen", "  frozen", t->frozen, "marked *")->use = USE_WHERE_THERE;
    add_count(f, "buffers", "  buffers", t->buffers, "statistics and constants, not counted as parameters")->use =
        USE_WHERE_THERE;
    add_count(f, "head_params", "  in heads", in_heads, with)->use = USE_WHERE_THERE;
    add_count(f, "macs", "MACs", t->macs, "per sample");
    add_count(f, "head_macs", "  of heads", heads->macs, "for training only, not included above")->use =
        USE_WHERE_THERE;
    add_count(f, "flops", "FLOPs", t->flops, "per sample, 2 per MAC");
    const char *batch = arena_printf(f->arena, "bytes of all layer outputs, batch %lld", (long long)f->a->batch);
    add_metric(f, "activation_bytes", "activations", METRIC_BYTES, known((double)t->activation), batch);
}

/* ---- depth and paths -------------------------------------------------------------- */

static void add_paths(MetricList *f)
{
    const PathReport *p = &f->a->paths;
    add_count(f, "layers", "layers", f->a->total.layers, "");
    add_count(f, "depth", "depth", f->a->depth, "layers with weights on the longest path");
    const char *mean = p->mean.why ? "n/a" : number_real(f->arena, p->mean.value);
    const char *lengths =
        p->shortest == p->longest
            ? arena_printf(f->arena, "of %d layers with weights", p->longest)
            : arena_printf(f->arena, "of %d to %d layers with weights, %s on average", p->shortest, p->longest, mean);
    Metric *count = add_metric(f, "paths", "paths", METRIC_DIGITS, known(strtod(p->count, NULL)), lengths);
    count->text = number_digits(f->arena, p->count);
    add_count(f, "shortest_path", "  shortest", p->shortest, "")->use = USE_COMPARED;
    add_metric(f, "mean_path", "  mean", METRIC_REAL, p->mean, "")->use = USE_COMPARED;
}

/* ---- the field ------------------------------------------------------------------------ */

static const char *field_note(MetricList *f, const LayerReport *l)
{
    const double *least = l->smallest;
    const char *map =
        arena_printf(f->arena, "of the last feature map, %s (%s)", l->name, shape_text(f->arena, l->shape));
    if (least[0] >= field_size(l->field[0]) && least[1] >= field_size(l->field[1])) return map;
    return arena_printf(f->arena, "the largest %s; the smallest is %s", map,
                        number_pair(f->arena, least[l->shape.rank == 2], least[1]));
}

/* Why the last feature map has no receptive field, or NULL. */
static const char *why_no_field(const Analysis *a)
{
    if (!a->last_map) return "the net has no feature map, only vectors";
    if (a->last_map->field_why) return a->last_map->field_why;
    return field_is_whole(a->last_map) ? "every element of the last feature map sees the whole input" : NULL;
}

static void add_pixels(MetricList *f, const char *key, const char *label, double h, const char *text, const char *note)
{
    const char *why = why_no_field(f->a);
    Metric *metric = add_metric(f, key, label, METRIC_PIXELS, why ? unknown(why) : known(h), note);
    if (!why)
        metric->text = text;
    else if (*label == ' ')
        metric->use = USE_NEVER; /* the reason is shown once */
}

static const char *misaligned_text(const Analysis *a, Arena *arena)
{
    Text text;
    text_init(&text, arena);
    for (int i = 0; i < a->misalignments.count; i++) {
        const Misalignment *m = a->misalignments.at[i];
        if (i > 0 && ((Misalignment *)a->misalignments.at[i - 1])->layer == m->layer) continue;
        text_addf(&text, "%s%s, line %d (strides %g and %g, centres %g and %g)", text.length ? "; " : "",
                  m->layer->name, m->layer->line, m->first.stride, m->second.stride,
                  (m->first.first + m->first.last) / 2, (m->second.first + m->second.last) / 2);
    }
    return text.length ? text.data : "";
}

static int misaligned_layers(const Analysis *a)
{
    int count = 0;
    for (int i = 0; i < a->layer_count; i++) count += a->layers[i].misaligned;
    return count;
}

static void add_field(MetricList *f)
{
    const LayerReport *l = f->a->last_map;
    static const LayerReport none;
    if (!l) l = &none;
    Field h = l->field[l->shape.rank == 2]; /* of a sequence along its length */
    const char *where = l->name ? field_note(f, l) : "";
    add_pixels(f, "field", "receptive field", field_size(h), field_text(f->arena, l), where);
    add_pixels(f, "stride", "  stride", h.stride, stride_text(f->arena, l), "between neighbouring elements");
    add_pixels(f, "padding", "  padding", -h.first, padding_text(f->arena, l),
               "how far the first element's field extends outside the input");
    add_pixels(f, "centre", "  centre", (h.first + h.last) / 2, centre_text(f->arena, l),
               "of the first element's field");
    const char *why = l->name ? NULL : why_no_field(f->a);
    add_metric(f, "covered", "  covered", METRIC_SHARE, why ? unknown(why) : l->covered,
               "share of the input that the middle element sees")
        ->use = why ? USE_NEVER : USE_ALWAYS;
    const char *no_paths = l->name ? l->field_why : why;
    Metric *places =
        add_metric(f, "misaligned", "  misaligned", METRIC_COUNT,
                   no_paths ? unknown(no_paths) : known(misaligned_layers(f->a)), misaligned_text(f->a, f->arena));
    places->use = USE_WHERE_THERE;
}

/* ---- gradients --------------------------------------------------------------------------- */

static Known worst_known(const Known *values, int count, bool most)
{
    Known k = values[0];
    for (int i = 1; i < count && !k.why; i++) {
        if (values[i].why || (most ? values[i].value > k.value : values[i].value < k.value)) k = values[i];
    }
    return k;
}

/* The pairs by name, with the line of the second. */
static const char *linear_pairs_text(const Analysis *a, Arena *arena)
{
    Text text;
    text_init(&text, arena);
    for (int i = 0; i < a->linear_pairs.count; i++) {
        const LinearPair *pair = a->linear_pairs.at[i];
        text_addf(&text, "%s%s and %s, line %d",
                  i ? "; " : "of layers with weights and nothing between them: ", pair->first->name, pair->second->name,
                  pair->second->line);
    }
    return text.length ? text.data : "";
}

/* The activations by themselves: shown where they change the size of a gradient. */
static void add_slopes(MetricList *f)
{
    Known product = f->a->slope_product;
    add_metric(f, "slope_product", "activation slopes", METRIC_REAL, product,
               "largest product of the activations' |dy/dx| on a path")
        ->use = product.why || product.value == 1 ? USE_NEVER : USE_WHERE_THERE;
    add_metric(f, "linear_pairs", "linear pairs", METRIC_COUNT, known(f->a->linear_pairs.count),
               linear_pairs_text(f->a, f->arena))
        ->use = USE_WHERE_THERE;
}

static void add_gradients(MetricList *f)
{
    const Analysis *a = f->a;
    int inputs = a->net->inputs.count;
    const char *bound =
        arena_printf(f->arena, "upper bound on |dL/dx| / |dL/dy|, at most %g per layer with weights", a->options.gain);
    const char *dead = arena_printf(f->arena, "probability that dL/dx = 0, %g per layer with weights", a->options.kill);
    add_metric(f, "gradient_bound", "gradient bound", METRIC_REAL, worst_known(a->input_bound, inputs, false), bound);
    add_metric(f, "gradient_dead", "gradient dead", METRIC_REAL, worst_known(a->input_dead, inputs, true), dead);
}

/* ---- time and memory ------------------------------------------------------------------------ */

/* 100 GFLOP/s and 20 GB/s (measured); each with its source where these differ. */
static const char *machine_text(Arena *arena, const ReportOptions *o)
{
    const char *peak = machine_source_name(o->peak_source), *bandwidth = machine_source_name(o->bandwidth_source);
    const char *note = o->peak_source == o->bandwidth_source ? "" : arena_printf(arena, " (%s)", peak);
    return arena_printf(arena, "%.4g GFLOP/s%s and %.4g GB/s (%s)", o->peak / 1e9, note, o->bandwidth / 1e9, bandwidth);
}

static void add_time(MetricList *f)
{
    const Analysis *a = f->a;
    const ReportTotals *t = &a->total;
    double flops = (double)t->flops * (double)a->batch;
    const char *batch = arena_printf(f->arena, "FLOPs per byte moved, batch %lld", (long long)a->batch);
    Known intensity = t->traffic ? known(flops / (double)t->traffic) : unknown("no bytes are moved");
    add_metric(f, "intensity", "intensity", METRIC_REAL, intensity, batch);
    double bound = 0;
    for (int i = 0; i < a->layer_count; i++) {
        const LayerReport *l = &a->layers[i];
        if (l->memory_bound && l->part != LAYER_HEAD) bound += l->seconds;
    }
    const char *share = number_percent(f->arena, t->seconds > 0 ? bound / t->seconds : 0);
    const char *time = arena_printf(f->arena, "at least, for batch %lld at %s; %s of it memory bound",
                                    (long long)a->batch, machine_text(f->arena, &a->options), share);
    add_metric(f, "seconds", "time", METRIC_SECONDS, known(t->seconds), time);
}

static void add_bytes(MetricList *f, const char *key, const char *label, int64_t bytes, const char *why)
{
    add_metric(f, key, label, METRIC_BYTES, why ? unknown(why) : known((double)bytes), "")->use = USE_COMPARED;
}

static void add_memory(MetricList *f)
{
    const Analysis *a = f->a;
    const char *why = a->step.plan ? NULL : "there is no train section";
    add_bytes(f, "infer_scratch", "inference scratch", a->infer.arena, NULL);
    add_bytes(f, "infer_bytes", "inference memory", a->infer_model + a->infer.arena, NULL);
    add_bytes(f, "train_scratch", "training scratch", a->train_arena, why);
    add_bytes(f, "train_bytes", "training memory", a->train_model + a->train_arena, why);
}

static void add_device_training(MetricList *f, const DeviceReport *d)
{
    add_metric(f, "train_ram_bytes", arena_printf(f->arena, "training RAM of %s", target_info(d->target)->title),
               METRIC_BYTES, known((double)device_train_ram(d)), "exact, without the stack");
    add_metric(f, "train_ram_block", "  block", METRIC_BYTES, known((double)d->train_block),
               "trained parameters, statistics, optimizer state");
    add_metric(f, "train_ram_scratch", "  scratch", METRIC_BYTES, known((double)d->train_scratch),
               "values and gradients");
    add_metric(f, "train_ram_input", "  input", METRIC_BYTES, known((double)d->input), "");
    add_metric(f, "train_constants", "training constants", METRIC_BYTES, known((double)d->train_constants),
               "frozen parameters, exact");
}

static void add_device(MetricList *f)
{
    const DeviceReport *d = f->a->device;
    if (!d) return;
    const char *title = target_info(d->target)->title, *name = arena_printf(f->arena, "flash of %s", title);
    const char *ram = arena_printf(f->arena, "RAM of %s", title);
    add_metric(f, "flash_bytes", name, METRIC_BYTES, known((double)device_flash(d)),
               "inference, its weights as constants");
    add_metric(f, "flash_constants", "  constants", METRIC_BYTES, known((double)d->constants), "exact");
    add_metric(f, "flash_code", "  code", METRIC_BYTES, known((double)d->code), "estimated, with its routines");
    add_metric(f, "ram_bytes", ram, METRIC_BYTES, known((double)device_ram(d)), "all told");
    add_metric(f, "ram_scratch", "  scratch", METRIC_BYTES, known((double)d->scratch), "exact; the input is in it");
    add_metric(f, "ram_output", "  output", METRIC_BYTES, known((double)d->output), "");
    add_metric(f, "ram_stack", "  stack", METRIC_BYTES, known((double)d->stack), "at most");
    add_metric(f, "cycles", "cycles", METRIC_COUNT, known(d->cycles), "estimated");
    if (d->trains) add_device_training(f, d);
}

List net_metrics(const Analysis *a, Arena *arena)
{
    MetricList f = {a, arena, {0}};
    add_sizes(&f);
    add_paths(&f);
    add_field(&f);
    add_gradients(&f);
    add_slopes(&f);
    add_time(&f);
    add_memory(&f);
    add_device(&f);
    return f.list;
}
