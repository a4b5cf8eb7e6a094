/*
 * import_onnx: an ONNX file → an ImportGraph.
 *
 * Enters: a file.  Leaves: the graph, or a list of all that cannot be expressed.
 * The nodes are walked in their order, which ONNX says is a topological one.  Each is folded,
 * where its inputs are known, replaced by the body of its function, or converted by the row
 * of its operator.
 */
#include "interop/import_onnx.h"

#include <string.h>

#include "front/front.h"
#include "interop/importer.h"

/* Layers of a net: the front takes about 4 kB for each of them. */
enum { MAX_WALKED = 1 << 20, MAX_LAYERS = 1 << 16, MAX_FUNCTION_DEPTH = 32 };

typedef struct ImportRun {
    Importer imp;
    OnnxImport *out;
    ImportScope scope;
    const char *folder;
    List inputs; /* of OnnxValue: those of the model that are no initialisers */
    NnError *error;
} ImportRun;

/* ---- names ---------------------------------------------------------------------- */

static int opset_of(Onnx__OperatorSetIdProto *const *sets, size_t count, int otherwise)
{
    for (size_t i = 0; i < count; i++) {
        const char *domain = sets[i]->domain;
        if (onnx_is_main_domain(domain)) return (int)sets[i]->version;
    }
    return otherwise;
}

static const Onnx__FunctionProto *function_of(const Importer *imp, const Onnx__NodeProto *n)
{
    for (size_t i = 0; i < imp->model->n_functions; i++) {
        const Onnx__FunctionProto *f = imp->model->functions[i];
        if (f->name && strcmp(f->name, n->op_type) == 0 &&
            strcmp(f->domain ? f->domain : "", n->domain ? n->domain : "") == 0)
            return f;
    }
    return NULL;
}

/* `format` has one %s, for what it is about. */
static int model_error(ImportRun *r, const char *format, const char *what)
{
    return nn_fail(r->error, NN_BAD_INPUT, format, what);
}

/* ---- initialisers and inputs ------------------------------------------------------- */

static OnnxConstant *constant_of_tensor(Importer *imp, const OnnxTensor *t)
{
    OnnxConstant *k = arena_alloc(imp->arena, sizeof *k);
    *k = (OnnxConstant){.name = t->name, .type = t->type, .rank = t->rank, .count = t->count, .tensor = t};
    memcpy(k->dims, t->dims, sizeof k->dims);
    return k;
}

static OnnxValue *value_of_constant(Importer *imp, const char *name, OnnxConstant *k)
{
    OnnxValue *v = value_new(imp, NULL, k->rank, k->dims, false);
    v->name = name;
    v->type = k->type;
    v->constant = k;
    return v;
}

static int read_initialisers(ImportRun *r)
{
    const Onnx__GraphProto *g = r->imp.model->graph;
    if (g->n_sparse_initializer) return model_error(r, "%s: sparse initialisers are not read", r->imp.graph->source);
    for (size_t i = 0; i < g->n_initializer; i++) {
        OnnxTensor *t = arena_alloc(r->imp.arena, sizeof *t);
        if (onnx_tensor_read(r->imp.arena, g->initializer[i], r->folder, t, r->error)) return -1;
        if (!t->name) return model_error(r, "%s: an initialiser has no name", r->imp.graph->source);
        map_put(r->scope.values, t->name, value_of_constant(&r->imp, t->name, constant_of_tensor(&r->imp, t)));
    }
    return 0;
}

static const OnnxInputShape *given_shape(const Importer *imp, const char *name)
{
    for (int i = 0; i < imp->options->inputs.count; i++) {
        const OnnxInputShape *s = imp->options->inputs.at[i];
        if (!s->name || strcmp(s->name, name) == 0) return s;
    }
    return NULL;
}

/* The dimensions of an input; axis 0 may be open: then it is the batch, and 1 here. */
static int read_input_dims(ImportRun *r, const Onnx__ValueInfoProto *info, OnnxValue *v)
{
    const OnnxInputShape *given = given_shape(&r->imp, v->name);
    const Onnx__TypeProto__Tensor *type =
        info->type && info->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ? info->type->tensor_type : NULL;
    if (!type)
        return model_error(r, "input %s is no tensor: sequences, maps and optional values cannot be expressed",
                           v->name);
    v->type = type->elem_type;
    if (v->type == ONNX__TENSOR_PROTO__DATA_TYPE__STRING)
        return model_error(r, "input %s: strings cannot be expressed", v->name);
    if (given) {
        v->rank = given->rank;
        memcpy(v->dims, given->dims, sizeof v->dims);
        return onnx_dims_fit(v->rank, v->dims) ? 0 : model_error(r, "input %s is too large", v->name);
    }
    if (!type->shape || type->shape->n_dim > ONNX_MAX_RANK)
        return model_error(r, "input %s has no shape: say it with --input NAME=SHAPE", v->name);
    v->rank = (int)type->shape->n_dim;
    for (int i = 0; i < v->rank; i++) {
        const Onnx__TensorShapeProto__Dimension *d = type->shape->dim[i];
        v->dims[i] = d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE ? d->dim_value : 0;
        if (v->dims[i] < 1 && i == 0) v->dims[i] = 1;
        if (v->dims[i] < 1)
            return model_error(r, "input %s has a dimension that is not fixed: say its shape with --input NAME=SHAPE",
                               v->name);
    }
    return onnx_dims_fit(v->rank, v->dims) ? 0 : model_error(r, "input %s is too large", v->name);
}

/* A shape for an input that the model does not have is a mistake in its name. */
static int check_given_shapes(ImportRun *r)
{
    Text names;
    text_init(&names, r->imp.arena);
    for (int i = 0; i < r->inputs.count; i++)
        text_addf(&names, "%s%s", i ? ", " : "", ((const OnnxValue *)r->inputs.at[i])->name);
    for (int i = 0; i < r->imp.options->inputs.count; i++) {
        const OnnxInputShape *s = r->imp.options->inputs.at[i];
        bool found = !s->name;
        for (int k = 0; !found && k < r->inputs.count; k++)
            found = strcmp(s->name, ((const OnnxValue *)r->inputs.at[k])->name) == 0;
        if (!found)
            return nn_fail(r->error, NN_BAD_INPUT, "%s has no input %s; it has %s", r->imp.graph->source, s->name,
                           r->inputs.count ? names.data : "none");
    }
    return 0;
}

static int read_inputs(ImportRun *r)
{
    const Onnx__GraphProto *g = r->imp.model->graph;
    for (size_t i = 0; i < g->n_input; i++) {
        const char *name = g->input[i]->name ? g->input[i]->name : "";
        if (map_get(r->scope.values, name)) continue;
        OnnxValue *v = value_new(&r->imp, NULL, 0, NULL, false);
        v->name = name;
        v->is_input = true;
        const OnnxTensor *given = r->imp.options->given ? map_get(r->imp.options->given, name) : NULL;
        if (given) v->given = constant_of_tensor(&r->imp, given);
        if (read_input_dims(r, g->input[i], v)) return -1;
        map_put(r->scope.values, name, v);
        list_push(r->imp.arena, &r->inputs, v);
    }
    return check_given_shapes(r);
}

/* ---- inputs as nodes ------------------------------------------------------------------- */

/* Which inputs become nodes: with the batch, those of its size; else all of up to four axes. */
static bool input_fits(const Importer *imp, const OnnxValue *v)
{
    if (dims_count(v->rank, v->dims) == 0) return false;
    if (imp->whole) return v->rank <= MAX_RANK;
    return v->rank >= 1 && v->rank - 1 <= MAX_RANK && v->dims[0] == imp->batch;
}

static void make_inputs(ImportRun *r)
{
    Importer *imp = &r->imp;
    Conversion c = {.imp = imp, .scope = &r->scope};
    imp->batch = 1;
    if (!imp->whole && r->inputs.count && ((OnnxValue *)r->inputs.at[0])->rank)
        imp->batch = ((OnnxValue *)r->inputs.at[0])->dims[0];
    for (int i = 0; i < r->inputs.count; i++) {
        OnnxValue *v = r->inputs.at[i];
        if (!input_fits(imp, v)) continue;
        v->batched = !imp->whole;
        v->node = layer(&c, "input", NULL, sample_shape(v));
        v->node->origin = arena_printf(imp->arena, "input '%s'", v->name);
        v->node->label = import_label(imp, v->name);
        if (!v->node->label) v->node->label = import_label(imp, "input");
        arg_dims(imp, v->node, "shape", v->node->shape.rank, v->node->shape.dim);
    }
}

/* ---- nodes ------------------------------------------------------------------------------- */

static int walk_node(ImportRun *, const ImportScope *, const Onnx__NodeProto *);

static OnnxValue **node_inputs(ImportRun *r, const ImportScope *s, const Onnx__NodeProto *n)
{
    OnnxValue **in = arena_alloc(r->imp.arena, (n->n_input + 1) * sizeof *in);
    for (size_t i = 0; i < n->n_input; i++) {
        if (!*n->input[i]) continue;
        in[i] = map_get(s->values, n->input[i]);
        if (!in[i]) {
            model_error(r, "the model is damaged: value %s is used before it is made", n->input[i]);
            return NULL;
        }
    }
    return in;
}

static OnnxValue **node_outputs(ImportRun *r, const ImportScope *s, const Onnx__NodeProto *n)
{
    OnnxValue **out = arena_alloc(r->imp.arena, (n->n_output + 1) * sizeof *out);
    for (size_t i = 0; i < n->n_output; i++) {
        if (!*n->output[i]) continue;
        out[i] = value_new(&r->imp, NULL, 0, NULL, false);
        out[i]->name = n->output[i];
        map_put(s->values, n->output[i], out[i]);
    }
    return out;
}

/* The body of a function in the place of its call. */
static int walk_function(ImportRun *r, const ImportScope *outer, Conversion *c, const Onnx__FunctionProto *f)
{
    ImportScope s = {
        map_new(r->imp.arena), c->onnx, f, outer, opset_of(f->opset_import, f->n_opset_import, outer->opset),
        outer->depth + 1};
    if (s.depth > MAX_FUNCTION_DEPTH) return model_error(r, "function %s calls itself", f->name);
    for (size_t i = 0; i < f->n_input; i++)
        if ((int)i < c->in_count && c->in[i]) map_put(s.values, f->input[i], c->in[i]);
    for (size_t i = 0; i < f->n_node; i++)
        if (walk_node(r, &s, f->node[i])) return -1;
    for (size_t i = 0; i < f->n_output && (int)i < c->out_count; i++) {
        OnnxValue *v = map_get(s.values, f->output[i]);
        if (v) put_value(c, (int)i, v);
    }
    return 0;
}

static bool is_unknown(const OnnxValue *v) { return v && !v->constant && !v->node && !v->given; }

/* An input of the graph that could not become a node; what refused operators make has been refused. */
static void refuse_input(Conversion *c, const OnnxValue *v)
{
    if (!v->is_input) return;
    if (c->imp->whole)
        refuse(c, "input %s has more than %d axes, or no elements", v->name, MAX_RANK);
    else
        refuse(c, "input %s does not have the batch as its axis 0", v->name);
}

/* Whether all inputs have few enough axes for the operator. */
static bool ranks_fit(Conversion *c)
{
    for (int i = 0; !onnx_takes_any_rank(c->onnx) && i < c->in_count; i++)
        if (c->in[i] && c->in[i]->node && sample_rank(c->in[i]) > MAX_RANK)
            return refuse(c, "a sample of %d axes: there are at most %d", sample_rank(c->in[i]), MAX_RANK);
    return true;
}

/* Inputs that stand for numbers become the integers that they are. */
static bool take_integers(Conversion *c)
{
    for (int i = 0; i < c->in_count; i++)
        if (c->in[i] && !(c->in[i] = codes_as_integers(c, c->in[i]))) return false;
    return true;
}

static void give_codes(Conversion *c, const OnnxCodes *codes)
{
    for (int i = 0; i < c->out_count; i++)
        if (codes && c->out[i] && c->out[i]->node) c->out[i]->codes = codes;
}

static void convert_node(Conversion *c)
{
    bool known_name = false;
    const OnnxOperator *row = onnx_operator_find(c->onnx, c->opset, &known_name);
    if (!row) {
        if (!onnx_is_main_domain(c->onnx->domain))
            refuse(c, "it is of the domain %s", c->onnx->domain);
        else
            refuse(c, known_name ? "in opset %d it means something else" : "the language has no such layer", c->opset);
        return;
    }
    for (int i = 0; i < c->in_count; i++)
        if (is_unknown(c->in[i])) {
            refuse_input(c, c->in[i]);
            return;
        }
    if (!ranks_fit(c)) return;
    const int left_out = onnx_input_left_out(c, row);
    if (left_out >= 0) {
        refuse(c, "its input number %d is left out", left_out + 1);
        return;
    }
    const OnnxCodes *moved = moves_codes(c) ? c->in[0]->codes : NULL;
    if (!moved && !takes_codes(c->onnx) && !take_integers(c)) return;
    const int before = c->imp->refused.count;
    int total = 0;
    for (int i = 0; i < before; i++) total += ((ImportRefusal *)c->imp->refused.at[i])->count;
    if (row->convert(c)) {
        give_codes(c, moved);
        return;
    }
    for (int i = 0; i < c->imp->refused.count; i++) total -= ((ImportRefusal *)c->imp->refused.at[i])->count;
    if (total == 0) refuse(c, "its shapes cannot be expressed");
}

static int walk_node(ImportRun *r, const ImportScope *s, const Onnx__NodeProto *n)
{
    if (++r->imp.walked > MAX_WALKED || r->imp.graph->nodes.count > MAX_LAYERS)
        return model_error(r, "%s has too many nodes", r->imp.graph->source);
    Conversion c = {.imp = &r->imp,
                    .scope = s,
                    .onnx = n,
                    .opset = s->opset,
                    .in_count = (int)n->n_input,
                    .out_count = (int)n->n_output};
    if (!n->op_type) return model_error(r, "the model is damaged: a node has no operator%s", "");
    if (!(c.in = node_inputs(r, s, n))) return -1;
    c.out = node_outputs(r, s, n);
    const Onnx__FunctionProto *f = function_of(&r->imp, n);
    if (f) return walk_function(r, s, &c, f);
    if (!c.out_count || !c.out[0]) return refuse(&c, "its first output is left out"), 0;
    const int refused = r->imp.refused.count;
    const bool measures = strcmp(n->op_type, "Shape") == 0 || strcmp(n->op_type, "Size") == 0;
    for (int i = 0; i < c.in_count; i++)
        if (is_unknown(c.in[i]) && !(measures && c.in[i]->is_input)) return convert_node(&c), 0;
    if (!fold_constants(&c) && r->imp.refused.count == refused) convert_node(&c);
    return 0;
}

/* ---- outputs --------------------------------------------------------------------------------- */

static void add_binding(ImportRun *r, const OnnxValue *v, bool is_input)
{
    OnnxBinding *b = arena_alloc(r->imp.arena, sizeof *b);
    *b = (OnnxBinding){.name = v->name, .count = dims_count(v->rank, v->dims), .is_input = is_input};
    memcpy(b->dims, v->dims, sizeof b->dims);
    list_push(r->imp.arena, &r->out->bindings, b);
}

static void make_output(ImportRun *r, Conversion *c, OnnxValue *v)
{
    if (is_unknown(v)) {
        refuse_input(c, v);
        return;
    }
    v = codes_as_integers(c, v);
    ImportNode *node = v ? value_node(c, v) : NULL;
    if (!node || (r->imp.batch != 1 && !v->batched) || (v->batched && v->dims[0] != r->imp.batch)) {
        refuse(c, "output %s does not have the batch as its axis 0", v->name);
        return;
    }
    ImportOutput *o = arena_alloc(r->imp.arena, sizeof *o);
    const char *name = import_label(&r->imp, v->name);
    *o = (ImportOutput){name ? name : "output", node};
    for (char *p = (char *)o->name; *p; p++)
        if (*p == '.') *p = '_';
    node->uses++;
    list_push(r->imp.arena, &r->imp.graph->outputs, o);
    add_binding(r, v, false);
}

static int make_outputs(ImportRun *r)
{
    const Onnx__GraphProto *g = r->imp.model->graph;
    static char *no_name[] = {""};
    const Onnx__NodeProto graph = {.op_type = "(graph)", .name = "graph", .n_output = 1, .output = no_name};
    Conversion c = {.imp = &r->imp, .scope = &r->scope, .onnx = &graph};
    for (size_t i = 0; i < g->n_output; i++) {
        const char *name = g->output[i]->name ? g->output[i]->name : "";
        OnnxValue *v = map_get(r->scope.values, name);
        if (!v) return model_error(r, "the model is damaged: output %s is not made", name);
        make_output(r, &c, v);
    }
    if (r->imp.graph->nodes.count == 0 || strcmp(((ImportNode *)r->imp.graph->nodes.at[0])->op, "input") != 0)
        refuse(&c, "it has no input that is a sample's value");
    if (g->n_output == 0) return model_error(r, "%s has no outputs", r->imp.graph->source);
    return 0;
}

/* Drops the nodes that nothing needs, from the end; an input stays where there is no other. */
static void prune(ImportRun *r)
{
    ImportGraph *g = r->imp.graph;
    List kept = {0};
    int used_inputs = 0;
    for (int i = g->nodes.count - 1; i >= 0; i--) {
        ImportNode *n = g->nodes.at[i];
        if (n->uses > 0) continue;
        for (int k = 0; k < n->inputs.count; k++) ((ImportNode *)n->inputs.at[k])->uses--;
    }
    for (int i = 0; i < g->nodes.count; i++)
        used_inputs += strcmp(((ImportNode *)g->nodes.at[i])->op, "input") == 0 && ((ImportNode *)g->nodes.at[i])->uses;
    g->param_count = 0;
    for (int i = 0; i < g->nodes.count; i++) {
        ImportNode *n = g->nodes.at[i];
        const bool stays = n->uses > 0 || (!used_inputs && strcmp(n->op, "input") == 0);
        if (!stays) continue;
        used_inputs += strcmp(n->op, "input") == 0;
        n->index = kept.count;
        list_push(g->arena, &kept, n);
        for (int k = 0; k < n->params.count; k++) {
            const ImportParam *p = n->params.at[k];
            if (strncmp(p->name, "running_", 8) != 0) g->param_count += (int64_t)p->count;
        }
    }
    g->nodes = kept;
}

static void bind_inputs(ImportRun *r)
{
    for (int i = 0; i < r->inputs.count; i++) {
        OnnxValue *v = r->inputs.at[i];
        for (int k = 0; v->node && k < r->imp.graph->nodes.count; k++)
            if (r->imp.graph->nodes.at[k] == v->node) add_binding(r, v, true);
    }
}

/* ---- the whole ------------------------------------------------------------------------------------ */

static const char *net_name(Arena *arena, const char *path)
{
    const char *file = path_file_name(path);
    const size_t length = strcspn(file, ".");
    char *name = arena_printf(arena, "%s%.*s", isalpha((unsigned char)*file) ? "" : "net_", (int)length, file);
    for (char *p = name; *p; p++)
        if (!is_identifier_char(*p)) *p = '_';
    return front_is_reserved(name) ? arena_printf(arena, "net_%s", name) : name;
}

/* Without what may not be in a source: bytes that are no UTF-8, and controls. */
static const char *readable_text(Arena *arena, const char *text)
{
    size_t left = strlen(text);
    char *copy = arena_alloc(arena, left + 1), *out = copy;
    for (int bytes; left > 0; text += bytes, left -= (size_t)bytes) {
        uint32_t point;
        bytes = utf8_decode(text, left, &point);
        const bool readable = bytes > 0 && point >= ' ' && (point < 0x7f || point > 0x9f);
        if (bytes < 1) bytes = 1;
        if (readable)
            out = (char *)memcpy(out, text, (size_t)bytes) + bytes;
        else
            *out++ = '?';
    }
    return copy;
}

static const char *model_source_text(Arena *arena, const char *path, const Onnx__ModelProto *m, int opset)
{
    const char *producer = m->producer_name ? m->producer_name : "",
               *version = m->producer_version ? m->producer_version : "";
    return readable_text(arena, arena_printf(arena, "%s (%s%s%s%sopset %d)", path_file_name(path), producer,
                                             *version ? " " : "", version, *producer || *version ? ", " : "", opset));
}

static void count_use(ImportRun *r, const char *name)
{
    map_put(r->imp.names, name, (void *)((intptr_t)map_get(r->imp.names, name) + 1));
}

/* How often each value of the graph is taken. */
static void count_value_uses(ImportRun *r)
{
    const Onnx__GraphProto *g = r->imp.model->graph;
    for (size_t i = 0; i < g->n_node; i++)
        for (size_t k = 0; k < g->node[i]->n_input; k++) count_use(r, g->node[i]->input[k]);
    for (size_t i = 0; i < g->n_output; i++) count_use(r, g->output[i]->name ? g->output[i]->name : "");
}

/* One attempt; −1 only where the file is wrong. */
static int import_attempt(ImportRun *r, const char *path, bool whole)
{
    Arena *arena = r->out->arena;
    const Onnx__ModelProto *m = r->out->model;
    r->imp.model = m;
    r->imp.arena = arena;
    r->imp.whole = whole;
    r->imp.labels = map_new(arena);
    r->imp.names = map_new(arena);
    r->imp.graph = arena_alloc(arena, sizeof *r->imp.graph);
    r->scope = (ImportScope){.values = map_new(arena), .opset = opset_of(m->opset_import, m->n_opset_import, 1)};
    *r->imp.graph = (ImportGraph){
        .arena = arena, .name = net_name(arena, path), .source = model_source_text(arena, path, m, r->scope.opset)};
    if (read_initialisers(r) || read_inputs(r)) return -1;
    make_inputs(r);
    count_value_uses(r);
    for (size_t i = 0; i < m->graph->n_node; i++)
        if (walk_node(r, &r->scope, m->graph->node[i])) return -1;
    return make_outputs(r);
}

static void finish_import(ImportRun *r)
{
    const List outputs = r->out->bindings;
    prune(r);
    r->out->bindings = (List){0};
    bind_inputs(r);
    for (int i = 0; i < outputs.count; i++) list_push(r->out->arena, &r->out->bindings, outputs.at[i]);
    r->out->graph = r->imp.graph;
    r->out->batch = r->imp.batch;
}

static int refusal_error(const OnnxImport *o, const char *path, NnError *error)
{
    Text text;
    text_init(&text, o->arena);
    for (int i = 0; i < o->refused.count; i++) {
        const ImportRefusal *f = o->refused.at[i];
        text_addf(&text, "\n  %s, %d node%s (%s): %s", f->op, f->count, f->count == 1 ? "" : "s", f->node, f->reason);
    }
    return nn_fail(error, NN_BAD_INPUT, "%s has operators that cannot be expressed:%s", path, text.data);
}

int onnx_import(Arena *arena, const char *path, const OnnxImportOptions *options, OnnxImport *out, NnError *error)
{
    *out = (OnnxImport){.arena = arena};
    out->model = (Onnx__ModelProto *)onnx_message_read(path, &onnx__model_proto__descriptor, &out->memory, error);
    if (!out->model) return -1;
    if (!out->model->graph) return nn_fail(error, NN_BAD_INPUT, "%s: this is not an ONNX model: it has no graph", path);
    const char *file = path_file_name(path);
    const char *folder = file == path ? "." : arena_strndup(arena, path, (size_t)(file - path));
    for (int attempt = 0; attempt < 2; attempt++) {
        ImportRun r = {.out = out, .folder = folder, .error = error, .imp.options = options};
        out->bindings = (List){0};
        if (import_attempt(&r, path, (attempt != 0) != options->prefer_whole)) return -1;
        if (r.imp.refused.count == 0) return finish_import(&r), 0;
        if (attempt == 0 || r.imp.refused.count < out->refused.count) out->refused = r.imp.refused;
    }
    return refusal_error(out, path, error);
}

void onnx_import_free(OnnxImport *o)
{
    onnx_message_free(o->model ? &o->model->base : NULL, &o->memory);
    o->model = NULL;
}
