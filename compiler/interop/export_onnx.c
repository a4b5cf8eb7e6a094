/*
 * export_onnx: a net → the messages of an ONNX model.
 */
#include "interop/export_onnx.h"

#include <string.h>

#include "elab/objectives.h"
#include "interop/exporter.h"

enum { IR_VERSION = 8, OPSET = 17 };

static const ExportRow *export_row(const char *op)
{
    static const ExportRow *const families[] = {export_conv_rows,   export_pool_rows,       export_region_rows,
                                                export_norm_rows,   export_activation_rows, export_elementwise_rows,
                                                export_shape_rows,  export_resize_rows,     export_reduction_rows,
                                                export_matrix_rows, export_quantized_rows};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        for (const ExportRow *row = families[i]; row->op; row++)
            if (strcmp(row->op, op) == 0) return row;
    return NULL;
}

/* ---- names ---------------------------------------------------------------------------- */

static const char *unique_value_name(Exporter *ex, const char *wanted)
{
    const char *name = wanted;
    for (int i = 1; map_get(ex->names, name); i++) name = arena_printf(ex->arena, "%s_%d", wanted, i);
    map_put(ex->names, name, (void *)name);
    return name;
}

/* The net's own names come first: those of inputs, outputs and parameters. */
static void reserve_names(Exporter *ex, const char **outputs)
{
    const Graph *g = ex->request->net;
    for (int i = 0; i < g->model.count; i++) unique_value_name(ex, ((const Tensor *)g->model.at[i])->name);
    for (int i = 0; i < g->inputs.count; i++) {
        const Tensor *t = g->inputs.at[i];
        const bool unnamed = g->inputs.count == 1 && strcmp(t->name, "x") == 0;
        ex->value[t->id] = (ExportValue){.name = unique_value_name(ex, unnamed ? "input" : t->name)};
    }
    ex->input = ex->value[((const Tensor *)g->inputs.at[0])->id].name;
    for (int i = 0; i < net_output_parts(g); i++) {
        const OutputPart part = net_output_part(g, i);
        outputs[i] = unique_value_name(ex, part.name ? part.name : "output");
    }
}

/* ---- types ------------------------------------------------------------------------------- */

static Onnx__TensorShapeProto__Dimension *dimension(Exporter *ex, int64_t size, const char *name)
{
    Onnx__TensorShapeProto__Dimension *d = arena_alloc(ex->arena, sizeof *d);
    onnx__tensor_shape_proto__dimension__init(d);
    if (name) {
        d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
        d->dim_param = (char *)name;
    } else {
        d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        d->dim_value = size;
    }
    return d;
}

/* [batch][shape of a sample] of floats */
static Onnx__ValueInfoProto *value_info(Exporter *ex, const char *name, Shape sample, bool single)
{
    Onnx__TensorShapeProto *shape = arena_alloc(ex->arena, sizeof *shape);
    Onnx__TypeProto__Tensor *tensor = arena_alloc(ex->arena, sizeof *tensor);
    Onnx__TypeProto *type = arena_alloc(ex->arena, sizeof *type);
    Onnx__ValueInfoProto *info = arena_alloc(ex->arena, sizeof *info);
    onnx__tensor_shape_proto__init(shape);
    onnx__type_proto__tensor__init(tensor);
    onnx__type_proto__init(type);
    onnx__value_info_proto__init(info);
    shape->n_dim = (size_t)sample.rank + 1;
    shape->dim = arena_alloc(ex->arena, shape->n_dim * sizeof *shape->dim);
    shape->dim[0] = dimension(ex, 1, single ? NULL : "batch");
    for (int i = 0; i < sample.rank; i++) shape->dim[i + 1] = dimension(ex, sample.dim[i], NULL);
    tensor->has_elem_type = true;
    tensor->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    tensor->shape = shape;
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    info->name = (char *)name;
    info->type = type;
    return info;
}

/* ---- layers -------------------------------------------------------------------------------- */

/* What the outputs need: heads are for training alone. */
static bool *needed_nodes(const Graph *g, Arena *arena)
{
    bool *needed = arena_alloc(arena, (size_t)(g->nodes.count + 1) * sizeof *needed);
    for (int i = 0; i < net_output_parts(g); i++) {
        const Node *n = net_output_part(g, i).output->producer;
        if (n) needed[n->id] = true;
    }
    for (int i = g->nodes.count - 1; i >= 0; i--) {
        const Node *n = g->nodes.at[i];
        for (int k = 0; needed[i] && k < n->data_count; k++)
            if (n->in[k]->producer) needed[n->in[k]->producer->id] = true;
    }
    return needed;
}

static bool is_single(const Exporter *ex, const Node *n)
{
    for (int i = 0; i < n->data_count; i++)
        if (!ex->value[n->in[i]->id].single) return false;
    return true;
}

/* The name that the layer's value has: an output's, or the layer's. */
static const char *layer_value_name(Exporter *ex, const Node *n, const char *const *outputs)
{
    const Graph *g = ex->request->net;
    for (int i = 0; i < net_output_parts(g); i++)
        if (net_output_part(g, i).output == n->out[0]) return outputs[i];
    return unique_value_name(ex, n->name);
}

/* Whether an output of the node's own has to be brought to integers and back. */
static bool makes_int8(const Exporter *ex, const Node *n)
{
    const QuantizedNet *q = ex->request->quantized;
    return q && q->int8[n->out[0]->id] && !quantized_of_real(q, n->out[0]);
}

static Export export_begin(Exporter *ex, const Node *n)
{
    const QuantizedNet *q = ex->request->quantized;
    Export e = {.ex = ex, .node = n, .base = n->name};
    if (!q || q->fates[n->id] != QUANTIZED_INTEGERS) return e;
    e.int8 = true;
    e.layer = quantized_layer_of(q, n);
    return e;
}

static const char *export_row_value(Export *e)
{
    const QuantizedNet *q = e->ex->request->quantized;
    const ExportRow *row = export_row(e->node->op->name);
    if (q && q->fates[e->node->id] == QUANTIZED_IN_WEIGHTS) return export_in(e, 0);
    return row ? row->call(e) : export_refuse(e, "ONNX has no such operator");
}

static void export_layer(Exporter *ex, const Node *n, const char *const *outputs)
{
    Export e = export_begin(ex, n);
    const bool single = is_single(ex, n), int8 = makes_int8(ex, n);
    const int before = ex->nodes.count;
    const char *value = export_row_value(&e);
    const bool same = value && e.int8 && strcmp(value, export_in(&e, 0)) == 0;
    if (value && int8 && !same) value = ex->int8[n->out[0]->id] = export_quantized_value(&e, value, n->out[0]);
    Onnx__NodeProto *last = ex->nodes.count > before ? ex->nodes.at[ex->nodes.count - 1] : NULL;
    if (last && value == last->output[0]) {
        last->name = (char *)n->name;
        value = last->output[0] = (char *)layer_value_name(ex, n, outputs);
        list_push(ex->arena, &ex->infos, value_info(ex, value, node_shape_out(n), single));
    }
    ex->value[n->out[0]->id] = (ExportValue){value ? value : "", single};
    if (int8) ex->int8[n->out[0]->id] = ex->value[n->out[0]->id].name;
}

/* ---- inputs and outputs ---------------------------------------------------------------------- */

/* Of (x − mean) / std: one for each channel of the input; else one for each element, of which `count` parts have the
 * same. */
static const char *export_pixel_numbers(Export *e, const char *name, const Tensor *x, int count, const float *values)
{
    const int64_t elements = shape_count(x->shape);
    int64_t dims[MAX_RANK] = {x->shape.dim[0], 1, 1, 1}, numbers = count;
    if (count != x->shape.dim[0]) {
        memcpy(dims, x->shape.dim, sizeof dims);
        numbers = elements;
    }
    double *number = arena_alloc(e->ex->arena, (size_t)numbers * sizeof *number);
    for (int64_t i = 0; i < numbers; i++) number[i] = (double)values[i / (numbers / count)];
    return export_reals(e, name, x->shape.rank, dims, number);
}

/* (x − mean) / std, which the layers after it take as the input. */
static void export_normalisation(Exporter *ex)
{
    const OnnxExportRequest *r = ex->request;
    const Tensor *x = r->net->inputs.at[0];
    ExportValue *value = &ex->value[x->id];
    Export e = {.ex = ex, .base = "normalize"};
    if (!r->mean) return;
    const char *mean = export_pixel_numbers(&e, "mean", x, r->channels, r->mean);
    const char *std = export_pixel_numbers(&e, "std", x, r->channels, r->std);
    value->name = export_binary(&e, "Div", export_binary(&e, "Sub", value->name, mean), std);
}

/* An output that is another one too, an input or a parameter has a node of its own. */
static void export_output(Exporter *ex, const OutputPart *part, const char *name)
{
    const ExportValue value = ex->value[part->output->id];
    Export e = {.ex = ex, .base = name};
    if (strcmp(value.name, name) == 0) return;
    if (value.single)
        export_stretched(&e, value.name, part->output->shape.rank + 1);
    else
        export_unary(&e, "Identity", value.name);
    Onnx__NodeProto *last = ex->nodes.at[ex->nodes.count - 1];
    last->output[0] = (char *)name;
}

/* ---- the model ---------------------------------------------------------------------------------- */

static void **list_array(const List *list, size_t *count)
{
    *count = (size_t)list->count;
    return list->at;
}

static Onnx__GraphProto *graph_message(Exporter *ex, const char *const *outputs)
{
    const Graph *g = ex->request->net;
    Onnx__GraphProto *graph = arena_alloc(ex->arena, sizeof *graph);
    List in = {0}, out = {0};
    onnx__graph_proto__init(graph);
    for (int i = 0; i < g->inputs.count; i++) {
        const Tensor *t = g->inputs.at[i];
        const char *name = i == 0 ? ex->input : ex->value[t->id].name;
        list_push(ex->arena, &in, value_info(ex, name, t->shape, false));
    }
    for (int i = 0; i < net_output_parts(g); i++)
        list_push(ex->arena, &out, value_info(ex, outputs[i], net_output_part(g, i).output->shape, false));
    graph->name = (char *)g->name;
    graph->node = (Onnx__NodeProto **)list_array(&ex->nodes, &graph->n_node);
    graph->initializer = (Onnx__TensorProto **)list_array(&ex->initialisers, &graph->n_initializer);
    graph->value_info = (Onnx__ValueInfoProto **)list_array(&ex->infos, &graph->n_value_info);
    graph->input = (Onnx__ValueInfoProto **)list_array(&in, &graph->n_input);
    graph->output = (Onnx__ValueInfoProto **)list_array(&out, &graph->n_output);
    return graph;
}

static void add_model_notes(Exporter *ex, Onnx__ModelProto *model)
{
    List notes = {0};
    for (const OnnxExportNote *note = ex->request->notes; note && note->key; note++) {
        Onnx__StringStringEntryProto *entry = arena_alloc(ex->arena, sizeof *entry);
        onnx__string_string_entry_proto__init(entry);
        entry->key = (char *)note->key;
        entry->value = (char *)note->value;
        list_push(ex->arena, &notes, entry);
    }
    model->metadata_props = (Onnx__StringStringEntryProto **)list_array(&notes, &model->n_metadata_props);
}

static Onnx__ModelProto *model_message(Exporter *ex, const char *const *outputs)
{
    Onnx__ModelProto *model = arena_alloc(ex->arena, sizeof *model);
    Onnx__OperatorSetIdProto *opset = arena_alloc(ex->arena, sizeof *opset),
                             **list = arena_alloc(ex->arena, sizeof *list);
    onnx__model_proto__init(model);
    onnx__operator_set_id_proto__init(opset);
    model->has_ir_version = true;
    model->ir_version = IR_VERSION;
    model->producer_name = (char *)"nnc";
    model->producer_version = (char *)ex->request->version;
    opset->domain = (char *)"";
    opset->has_version = true;
    opset->version = OPSET;
    list[0] = opset;
    model->opset_import = list;
    model->n_opset_import = 1;
    model->graph = graph_message(ex, outputs);
    add_model_notes(ex, model);
    return model;
}

/* One error for each reason, with the places of all layers it is about. */
static bool report_refusals(const Exporter *ex)
{
    Compilation *c = ex->request->net->compilation;
    for (int i = 0; i < ex->refused.count; i++) {
        const ExportRefusal *r = ex->refused.at[i];
        const Node *first = r->nodes.at[0];
        diag_error(c, first->span, "%s cannot be expressed in ONNX: %s (%d layer%s, the first is %s)", r->op, r->reason,
                   r->nodes.count, r->nodes.count == 1 ? "" : "s", first->name);
        for (int k = 1; k < r->nodes.count; k++) {
            const Node *n = r->nodes.at[k];
            diag_note(c, n->span, "the same of %s", n->name);
        }
    }
    return ex->refused.count > 0;
}

Onnx__ModelProto *onnx_export(Arena *arena, const OnnxExportRequest *request)
{
    const Graph *g = request->net;
    Exporter ex = {.arena = arena, .request = request, .names = map_new(arena)};
    const char **outputs = arena_alloc(arena, (size_t)net_output_parts(g) * sizeof *outputs);
    ex.value = arena_alloc(arena, (size_t)g->tensors.count * sizeof *ex.value);
    ex.int8 = arena_alloc(arena, (size_t)g->tensors.count * sizeof *ex.int8);
    reserve_names(&ex, outputs);
    export_normalisation(&ex);
    const bool *needed = needed_nodes(g, arena);
    for (int i = 0; i < g->nodes.count; i++)
        if (needed[i]) export_layer(&ex, g->nodes.at[i], outputs);
    for (int i = 0; i < net_output_parts(g); i++) {
        const OutputPart part = net_output_part(g, i);
        export_output(&ex, &part, outputs[i]);
    }
    return report_refusals(&ex) ? NULL : model_message(&ex, outputs);
}
