/*
 * The report as JSON.
 *
 * In: analyses.  Out: one object, specified by docs/report.schema.json; a change
 * that breaks readers raises its version.  A number that does not exist is
 * {"n/a": "why"}, never 0.  Keys have a fixed order.
 */
#include "report/report_json.h"

#include <string.h>

#include "report/diagram.h"
#include "report/diff.h"
#include "report/metrics.h"

/* ---- objects ---------------------------------------------------------------------- */

static json_t *shape_value(Shape shape)
{
    json_t *array = json_array();
    for (int i = 0; i < shape.rank; i++) json_array_append_new(array, json_integer(shape.dim[i]));
    return array;
}

/* ---- layers ---------------------------------------------------------------------- */

/* Layers by their numbers; the net's inputs are −1, −2, … */
static json_t *sources_value(const Graph *net, const Node *n)
{
    json_t *array = json_array();
    for (int i = 0; i < n->data_count; i++) {
        const Tensor *t = n->in[i];
        int source = t->producer ? t->producer->id : 0;
        for (int k = 0; !t->producer && k < net->inputs.count; k++) {
            if (net->inputs.at[k] == t) source = -1 - k;
        }
        json_array_append_new(array, json_integer(source));
    }
    return array;
}

static json_t *axes_value(const LayerReport *l, double h, double w)
{
    return json_pack("[oo]", json_of_known(layer_axis(l, 0, h)), json_of_known(layer_axis(l, 1, w)));
}

static json_t *field_value(const LayerReport *l)
{
    Field h = l->field[0], w = l->field[1];
    json_t *field = json_object();
    json_put(field, "size", axes_value(l, field_size(h), field_size(w)));
    json_put(field, "smallest", axes_value(l, l->smallest[0], l->smallest[1]));
    json_put(field, "stride", axes_value(l, h.stride, w.stride));
    json_put(field, "padding", axes_value(l, -h.first, -w.first));
    json_put(field, "centre", axes_value(l, (h.first + h.last) / 2, (w.first + w.last) / 2));
    json_put_known(field, "covered", l->covered);
    json_put(field, "whole", json_pack("[bb]", !l->field_why && h.whole, !l->field_why && w.whole));
    json_put_bool(field, "misaligned", l->misaligned);
    return field;
}

static json_t *cost_value(const LayerReport *l)
{
    json_t *cost = json_object();
    json_put_integer(cost, "trained", l->trained);
    json_put_integer(cost, "frozen", l->frozen);
    json_put_integer(cost, "buffers", l->buffers);
    json_put_integer(cost, "macs", l->macs);
    json_put_integer(cost, "flops", l->flops);
    json_put_integer(cost, "activation_bytes", l->activation);
    return cost;
}

static const char *roofline_limit(const LayerReport *l)
{
    if (l->memory_bound) return "memory";
    return l->seconds > 0 ? "compute" : "none";
}

static json_t *time_value(const LayerReport *l)
{
    json_t *time = json_object();
    json_put_integer(time, "traffic_bytes", l->traffic);
    json_put_known(time, "intensity", l->intensity);
    json_put_real(time, "seconds", l->seconds);
    json_put_text(time, "limit", roofline_limit(l));
    return time;
}

static json_t *gradient_value(const LayerReport *l)
{
    json_t *gradient = json_object();
    json_put_known(gradient, "bound", l->bound);
    json_put_known(gradient, "dead", l->dead);
    json_put_known(gradient, "slope", l->slope);
    json_put(gradient, "jacobian", json_pack("[II]", (json_int_t)l->jacobian[0], (json_int_t)l->jacobian[1]));
    return gradient;
}

/* What a drawing says of a layer. */
static json_t *drawn_layer_value(const Analysis *a, const LayerReport *l)
{
    static const char *const parts[] = {"main", "head", "unused"};
    json_t *layer = json_object();
    json_put_text(layer, "name", l->name);
    json_put_text(layer, "kind", l->kind);
    json_put_text(layer, "arguments", l->arguments);
    json_put_integer(layer, "line", l->line);
    json_put_text(layer, "part", parts[l->part]);
    json_put(layer, "sources", sources_value(a->net, l->node));
    json_put(layer, "output", shape_value(l->shape));
    json_put_bool(layer, "weighted", l->node->op->traits & OP_WEIGHTED);
    if (l->head) json_put_text(layer, "head", l->head->name);
    return layer;
}

static json_t *layer_value(const Analysis *a, const LayerReport *l)
{
    json_t *layer = drawn_layer_value(a, l);
    json_put(layer, "cost", cost_value(l));
    json_put(layer, "field", field_value(l));
    json_put(layer, "time", time_value(l));
    json_put_integer(layer, "depth", l->depth);
    json_put(layer, "gradient", gradient_value(l));
    return layer;
}

static json_t *layers_value(const Analysis *a, json_t *(*value)(const Analysis *, const LayerReport *))
{
    json_t *array = json_array();
    for (int i = 0; i < a->layer_count; i++) json_array_append_new(array, value(a, &a->layers[i]));
    return array;
}

/* A layer is its number; a block has a list of children. */
static json_t *children_value(const Block *);

static json_t *block_value(const Block *b)
{
    if (b->layer) return json_integer(b->layer->node->id);
    json_t *block = json_object();
    json_put_text(block, "name", b->name);
    json_put_text(block, "path", b->path);
    json_put(block, "children", children_value(b));
    return block;
}

static json_t *children_value(const Block *b)
{
    json_t *children = json_array();
    for (int i = 0; i < b->children.count; i++) json_array_append_new(children, block_value(b->children.at[i]));
    return children;
}

/* ---- the net --------------------------------------------------------------------------- */

static json_t *metric_value(const Metric *m)
{
    json_t *metric = json_object();
    json_put_text(metric, "key", m->key);
    json_put_text(metric, "label", m->label);
    json_put_known(metric, "value", m->value);
    json_put_text(metric, "text", m->text);
    json_put_text(metric, "note", m->note);
    json_put_bool(metric, "told", metric_is_shown(m, false));
    return metric;
}

static json_t *metrics_value(const Analysis *a, Arena *arena)
{
    List all = net_metrics(a, arena);
    json_t *array = json_array();
    for (int i = 0; i < all.count; i++) json_array_append_new(array, metric_value(all.at[i]));
    return array;
}

static json_t *input_value(const Analysis *a, int i)
{
    const Tensor *t = a->net->inputs.at[i];
    json_t *input = json_object();
    json_put_text(input, "name", t->name);
    json_put(input, "shape", shape_value(t->shape));
    json_put_known(input, "gradient_bound", a->input_bound[i]);
    json_put_known(input, "gradient_dead", a->input_dead[i]);
    return input;
}

static json_t *inputs_value(const Analysis *a)
{
    json_t *array = json_array();
    for (int i = 0; i < a->net->inputs.count; i++) json_array_append_new(array, input_value(a, i));
    return array;
}

static json_t *misalignment_value(const Misalignment *m)
{
    Field first = m->first, second = m->second;
    json_t *value = json_object();
    json_put_integer(value, "layer", m->layer->node->id);
    json_put_integer(value, "line", m->layer->line);
    json_put_text(value, "axis", m->axis ? "width" : "height");
    json_put(value, "inputs", json_pack("[ii]", m->a, m->b));
    json_put(value, "strides", json_pack("[ff]", first.stride, second.stride));
    json_put(value, "centres", json_pack("[ff]", (first.first + first.last) / 2, (second.first + second.last) / 2));
    return value;
}

static json_t *misalignments_value(const Analysis *a)
{
    json_t *array = json_array();
    for (int i = 0; i < a->misalignments.count; i++)
        json_array_append_new(array, misalignment_value(a->misalignments.at[i]));
    return array;
}

static json_t *linear_pairs_value(const Analysis *a)
{
    json_t *array = json_array();
    for (int i = 0; i < a->linear_pairs.count; i++) {
        const LinearPair *pair = a->linear_pairs.at[i];
        json_array_append_new(array, json_pack("[ii]", pair->first->node->id, pair->second->node->id));
    }
    return array;
}

static json_t *paths_value(const Analysis *a)
{
    const PathReport *p = &a->paths;
    json_t *paths = json_object();
    json_put_text(paths, "count", p->count);
    json_put_integer(paths, "shortest", p->shortest);
    json_put_integer(paths, "longest", p->longest);
    json_put_known(paths, "mean", p->mean);
    return paths;
}

/* Heads, or further outputs; a loss or a target only where they have their own. */
static json_t *heads_value(const List *heads)
{
    json_t *array = json_array();
    for (int i = 0; i < heads->count; i++) {
        const Head *head = heads->at[i];
        json_t *value = json_object();
        json_put_text(value, "name", head->name);
        if (head->trained) json_put_real(value, "weight", head->weight);
        if (head->loss.op) json_put_text(value, "loss", head->loss.op->name);
        if (head->target) json_put_text(value, "target", head->target);
        json_put(value, "shape", shape_value(head->output->shape));
        json_array_append_new(array, value);
    }
    return array;
}

static json_t *options_value(const Analysis *a)
{
    const ReportOptions *o = &a->options;
    json_t *options = json_object();
    json_put_integer(options, "batch", a->batch);
    json_put_real(options, "gain", o->gain);
    json_put_real(options, "kill", o->kill);
    json_put_real(options, "peak_flops", o->peak);
    json_put_real(options, "bandwidth_bytes", o->bandwidth);
    json_put_text(options, "peak_source", machine_source_name(o->peak_source));
    json_put_text(options, "bandwidth_source", machine_source_name(o->bandwidth_source));
    return options;
}

static json_t *last_map_value(const Analysis *a)
{
    if (a->last_map) return json_integer(a->last_map->node->id);
    return json_of_known(unknown("the net has no feature map, only vectors"));
}

static json_t *net_value(const Analysis *a, const char *title, Arena *arena)
{
    json_t *net = json_object();
    json_put_text(net, "name", a->net->name);
    json_put_text(net, "title", title);
    json_put(net, "options", options_value(a));
    json_put(net, "inputs", inputs_value(a));
    json_put(net, "output", shape_value(a->net->output->shape));
    json_put(net, "figures", metrics_value(a, arena));
    json_put(net, "last_map", last_map_value(a));
    json_put(net, "paths", paths_value(a));
    json_put(net, "misalignments", misalignments_value(a));
    json_put(net, "linear_pairs", linear_pairs_value(a));
    json_put(net, "heads", heads_value(&a->net->heads));
    json_put(net, "outputs", heads_value(&a->net->outputs));
    json_put(net, "layers", layers_value(a, layer_value));
    json_put(net, "blocks", children_value(block_tree(a, arena, LAYER_ANY, NULL)));
    json_put(net, "memory", json_of_memory(a));
    return net;
}

json_t *json_of_drawing(const Analysis *a, Arena *arena)
{
    json_t *net = json_object();
    json_put(net, "inputs", inputs_value(a));
    json_put(net, "layers", layers_value(a, drawn_layer_value));
    json_put(net, "blocks", children_value(block_tree(a, arena, LAYER_ANY, NULL)));
    json_put(net, "diagram", diagram_value(a, arena, false));
    return net;
}

/* ---- several nets ----------------------------------------------------------------------- */

static json_t *row_value(const Report *r, const List *all, int metric)
{
    const Metric *first = all[0].at[metric];
    json_t *values = json_array(), *texts = json_array(), *ratios = json_array();
    bool told = false;
    for (int i = 0; i < r->count; i++) {
        const Metric *f = all[i].at[metric];
        Known ratio = f->value.why || first->value.why ? unknown("one of the two is not known")
                      : first->value.value == 0        ? unknown("the first is 0")
                                                       : known(f->value.value / first->value.value);
        json_array_append_new(values, json_of_known(f->value));
        json_array_append_new(texts, json_string(f->text));
        json_array_append_new(ratios, json_of_known(ratio));
        told = told || metric_is_shown(f, true);
    }
    json_t *row = json_object();
    json_put_text(row, "key", first->key);
    json_put_text(row, "label", first->label);
    json_put_bool(row, "told", told);
    json_put(row, "values", values);
    json_put(row, "texts", texts);
    json_put(row, "ratios", ratios);
    return row;
}

static json_t *comparison_value(const Report *r, Arena *arena)
{
    json_t *rows = json_array();
    List *all = arena_alloc(arena, (size_t)r->count * sizeof *all);
    for (int i = 0; i < r->count; i++) all[i] = net_metrics(r->net[i], arena);
    for (int k = 0; k < all[0].count; k++) json_array_append_new(rows, row_value(r, all, k));
    return rows;
}

json_t *report_to_json(const Report *r)
{
    Arena *arena = arena_within(r->net[0]->net->compilation->arena);
    json_t *nets = json_array();
    for (int i = 0; i < r->count; i++) json_array_append_new(nets, net_value(r->net[i], r->title[i], arena));
    json_t *value = json_pack("{s:s, s:i, s:o}", "format", "nnc-report", "version", REPORT_JSON_VERSION, "nets", nets);
    if (r->count > 1) json_object_set_new(value, "comparison", comparison_value(r, arena));
    arena_free(arena);
    return value;
}

/* ---- printing ------------------------------------------------------------------------------ */

enum { JSON_FLAGS = JSON_INDENT(1) | JSON_REAL_PRECISION(12) | JSON_PRESERVE_ORDER };

static void write_json(json_t *value, FILE *out)
{
    json_dumpf(value, out, JSON_FLAGS);
    fputc('\n', out);
    json_decref(value);
}

static void print_json(Report *r, FILE *out) { write_json(report_to_json(r), out); }

static json_t *diff_side(const LayerReport *l) { return l ? json_integer(l->node->id) : json_null(); }

static void print_json_diff(Report *r, FILE *out)
{
    Arena *arena = arena_within(r->net[0]->net->compilation->arena);
    List steps = diff_steps(arena, r->net[0], r->net[1]);
    json_t *value = report_to_json(r), *array = json_array();
    for (int i = 0; i < steps.count; i++) {
        const DiffStep *s = steps.at[i];
        json_array_append_new(array, json_pack("{s:o, s:o, s:b}", "first", diff_side(s->first), "second",
                                               diff_side(s->second), "alike", s->alike));
    }
    json_object_set_new(value, "difference", array);
    write_json(value, out);
    arena_free(arena);
}

const ReportFormat report_json = {"json", print_json, print_json_diff};
