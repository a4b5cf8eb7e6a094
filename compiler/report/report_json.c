/*
 * The report as JSON.
 *
 * In: analyses.  Out: one object, specified by docs/report.schema.json; a change
 * that breaks readers raises its version.  A number that does not exist is
 * {"n/a": "why"}, never 0.  Keys have a fixed order.
 */
#include "report/report_json.h"

#include <string.h>

#include "report/diff.h"
#include "report/metrics.h"

json_t *json_of_known(Known k)
{
    return k.why ? json_pack("{s:s}", "n/a", k.why) : json_real(k.value == 0 ? 0 : k.value);
}

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

static Known axis_known(const LayerReport *l, int axis, double value)
{
    if (l->field_why) return unknown(l->field_why);
    return l->field[axis].whole ? unknown("it sees the whole input") : known(value);
}

static json_t *axes_value(const LayerReport *l, double h, double w)
{
    return json_pack("[oo]", json_of_known(axis_known(l, 0, h)), json_of_known(axis_known(l, 1, w)));
}

static json_t *field_value(const LayerReport *l)
{
    Field h = l->field[0], w = l->field[1];
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "size", axes_value(l, field_size(h), field_size(w)),
                     "smallest", axes_value(l, l->smallest[0], l->smallest[1]), "stride",
                     axes_value(l, h.stride, w.stride), "padding", axes_value(l, -h.first, -w.first), "centre",
                     axes_value(l, (h.first + h.last) / 2, (w.first + w.last) / 2), "covered",
                     json_of_known(l->covered), "misaligned", l->misaligned);
}

static json_t *cost_value(const LayerReport *l)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "trained", (json_int_t)l->trained, "frozen",
                     (json_int_t)l->frozen, "buffers", (json_int_t)l->buffers, "macs", (json_int_t)l->macs, "flops",
                     (json_int_t)l->flops, "activation_bytes", (json_int_t)l->activation);
}

static json_t *time_value(const LayerReport *l)
{
    return json_pack("{s:I, s:o, s:f, s:s}", "traffic_bytes", (json_int_t)l->traffic, "intensity",
                     json_of_known(l->intensity), "seconds", l->seconds, "limit",
                     l->memory_bound  ? "memory"
                     : l->seconds > 0 ? "compute"
                                      : "none");
}

static json_t *layer_value(const Analysis *a, const LayerReport *l)
{
    static const char *const parts[] = {"main", "head", "unused"};
    json_t *value = json_pack(
        "{s:s, s:s, s:s, s:i, s:s, s:o, s:o, s:o, s:o, s:o, s:i, s:o}", "name", l->name, "kind", l->kind, "arguments",
        l->arguments, "line", l->line, "part", parts[l->part], "sources", sources_value(a->net, l->node), "output",
        shape_value(l->shape), "cost", cost_value(l), "field", field_value(l), "time", time_value(l), "depth", l->depth,
        "gradient", json_pack("{s:o, s:o}", "bound", json_of_known(l->bound), "dead", json_of_known(l->dead)));
    json_object_set_new(value, "weighted", json_boolean(l->node->op->traits & OP_WEIGHTED));
    if (l->head) json_object_set_new(value, "head", json_string(l->head->name));
    return value;
}

static json_t *layers_value(const Analysis *a)
{
    json_t *array = json_array();
    for (int i = 0; i < a->layer_count; i++) json_array_append_new(array, layer_value(a, &a->layers[i]));
    return array;
}

/* A layer is its number; a block has a list of children. */
static json_t *children_value(const Block *b)
{
    json_t *children = json_array();
    for (int i = 0; i < b->children.count; i++) {
        const Block *child = b->children.at[i];
        json_array_append_new(children, child->layer ? json_integer(child->layer->node->id)
                                                     : json_pack("{s:s, s:s, s:o}", "name", child->name, "path",
                                                                 child->path, "children", children_value(child)));
    }
    return children;
}

/* ---- the net --------------------------------------------------------------------------- */

static json_t *metric_value(const Metric *f)
{
    return json_pack("{s:s, s:s, s:o, s:s, s:s, s:b}", "key", f->key, "label", f->label, "value",
                     json_of_known(f->value), "text", f->text, "note", f->note, "told", metric_is_shown(f, false));
}

static json_t *metrics_value(const Analysis *a, Arena *arena)
{
    List all = net_metrics(a, arena);
    json_t *array = json_array();
    for (int i = 0; i < all.count; i++) json_array_append_new(array, metric_value(all.at[i]));
    return array;
}

static json_t *inputs_value(const Analysis *a)
{
    json_t *array = json_array();
    for (int i = 0; i < a->net->inputs.count; i++) {
        const Tensor *t = a->net->inputs.at[i];
        json_array_append_new(array, json_pack("{s:s, s:o, s:o, s:o}", "name", t->name, "shape", shape_value(t->shape),
                                               "gradient_bound", json_of_known(a->input_bound[i]), "gradient_dead",
                                               json_of_known(a->input_dead[i])));
    }
    return array;
}

static json_t *misalignments_value(const Analysis *a)
{
    json_t *array = json_array();
    for (int i = 0; i < a->misalignments.count; i++) {
        const Misalignment *m = a->misalignments.at[i];
        json_array_append_new(array,
                              json_pack("{s:i, s:i, s:s, s:[ii], s:[ff], s:[ff]}", "layer", m->layer->node->id, "line",
                                        m->layer->line, "axis", m->axis ? "width" : "height", "inputs", m->a, m->b,
                                        "strides", m->first.stride, m->second.stride, "centres",
                                        (m->first.first + m->first.last) / 2, (m->second.first + m->second.last) / 2));
    }
    return array;
}

static json_t *paths_value(const Analysis *a)
{
    const PathReport *p = &a->paths;
    return json_pack("{s:s, s:i, s:i, s:o}", "count", p->count, "shortest", p->shortest, "longest", p->longest, "mean",
                     json_of_known(p->mean));
}

static json_t *heads_value(const Analysis *a)
{
    json_t *array = json_array();
    for (int i = 0; i < a->net->heads.count; i++) {
        const Head *head = a->net->heads.at[i];
        json_array_append_new(array, json_pack("{s:s, s:f}", "name", head->name, "weight", head->weight));
    }
    return array;
}

static json_t *options_value(const Analysis *a)
{
    const ReportOptions *o = &a->options;
    return json_pack("{s:I, s:f, s:f, s:f, s:f, s:s, s:s}", "batch", (json_int_t)a->batch, "gain", o->gain, "kill",
                     o->kill, "peak_flops", o->peak, "bandwidth_bytes", o->bandwidth, "peak_source",
                     machine_source_name(o->peak_source), "bandwidth_source", machine_source_name(o->bandwidth_source));
}

static json_t *net_value(const Analysis *a, const char *title, Arena *arena)
{
    json_t *value =
        json_pack("{s:s, s:s, s:o, s:o, s:o}", "name", a->net->name, "title", title, "options", options_value(a),
                  "inputs", inputs_value(a), "output", shape_value(a->net->output->shape));
    json_object_set_new(value, "figures", metrics_value(a, arena));
    json_object_set_new(value, "last_map",
                        a->last_map ? json_integer(a->last_map->node->id)
                                    : json_pack("{s:s}", "n/a", "the net has no feature map, only vectors"));
    json_object_set_new(value, "paths", paths_value(a));
    json_object_set_new(value, "misalignments", misalignments_value(a));
    json_object_set_new(value, "heads", heads_value(a));
    json_object_set_new(value, "layers", layers_value(a));
    json_object_set_new(value, "blocks", children_value(block_tree(a, arena, LAYER_ANY, NULL)));
    json_object_set_new(value, "memory", json_of_memory(a));
    return value;
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
    return json_pack("{s:s, s:s, s:b, s:o, s:o, s:o}", "key", first->key, "label", first->label, "told", told, "values",
                     values, "texts", texts, "ratios", ratios);
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
    Arena *arena = arena_new();
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
    Arena *arena = arena_new();
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
