/*
 * Building graphs: tensors, nodes and the parameters of nodes.
 *
 * Enters: requests of the elaborator, of the operators and of the passes.
 * Leaves: a graph whose node and tensor ids are their positions.
 */
#include "graph/graph.h"

#include <assert.h>
#include <fnmatch.h>
#include <math.h>
#include <string.h>

/* Products of dimensions stay below this, so that counts, bytes and their sums
 * fit 64 bits with room to spare. */
static const int64_t max_elements = (int64_t)1 << 40;

static bool shape_fits(Shape s)
{
    int64_t count = 1;
    for (int i = 0; i < s.rank; i++) {
        if (s.dim[i] > max_elements / count) return false;
        count *= s.dim[i];
    }
    return true;
}

/* ---- graphs and tensors ----------------------------------------------- */

Graph *graph_new(Compilation *c, const char *name, ProgramKind kind)
{
    Graph *g = arena_alloc(c->arena, sizeof *g);
    g->compilation = c;
    g->name = name;
    g->kind = kind;
    g->batch = 1;
    g->micro_batches = 1;
    g->batch_multiple = 1;
    return g;
}

void graph_set_real(Graph *g, DType real)
{
    g->real = real;
    for (int i = 0; i < g->tensors.count; i++) {
        Tensor *t = g->tensors.at[i];
        if (dtype_is_real(t->dtype)) t->dtype = real;
    }
}

int64_t tensor_count(const Tensor *t, int64_t batch) { return shape_count(t->shape) * (t->batched ? batch : 1); }

int64_t tensor_bytes(const Tensor *t, int64_t batch) { return tensor_count(t, batch) * dtype_size(t->dtype); }

const char *program_kind_name(ProgramKind kind)
{
    static const char *const names[] = {[PROGRAM_NET] = "net",           [PROGRAM_INFER] = "infer",
                                        [PROGRAM_EVAL] = "eval",         [PROGRAM_STEP] = "step",
                                        [PROGRAM_GRAD] = "grad",         [PROGRAM_VJP] = "vjp",
                                        [PROGRAM_GRAD_ADD] = "grad_add", [PROGRAM_GRAD_CHUNK] = "grad_chunk",
                                        [PROGRAM_UPDATE] = "update"};
    return names[kind];
}

void graph_add_output(Graph *g, Tensor *t, const char *name)
{
    Head *head = arena_alloc(g->compilation->arena, sizeof *head);
    *head = (Head){.name = name, .output = t, .span = t->span};
    list_push(g->compilation->arena, &g->outputs, head);
}

Tensor *graph_tensor(Graph *g, TensorKind kind, DType dtype, bool batched, Shape shape, const char *name, Span span)
{
    Compilation *c = g->compilation;
    if (!shape_fits(shape)) {
        const char *text = shape_text(c->arena, shape);
        diag_error(c, span, "%s has %s elements, more than the 2^40 that a tensor may have", name, text);
        for (int i = 0; i < shape.rank; i++) shape.dim[i] = 1; /* keeps later arithmetic in range */
    }
    Tensor *t = arena_alloc(c->arena, sizeof *t);
    t->id = g->tensors.count;
    t->kind = kind;
    t->dtype = dtype;
    t->batched = batched;
    t->shape = shape;
    t->name = name;
    t->span = span;
    for (int axis = 0; axis < 2; axis++) {
        t->field[axis] = (Field){.stride = 1, .whole = !field_exists(shape) || kind != TENSOR_INPUT};
    }
    list_push(c->arena, &g->tensors, t);
    if (kind == TENSOR_INPUT) list_push(c->arena, &g->inputs, t);
    if (tensor_in_model(kind)) list_push(c->arena, &g->model, t);
    return t;
}

Tensor *graph_slice(Graph *g, Tensor *whole, int64_t begin, int64_t count)
{
    Arena *arena = g->compilation->arena;
    Tensor *t = arena_alloc(arena, sizeof *t);
    *t = *whole;
    t->id = g->tensors.count;
    t->shape = shape_vector(count);
    t->slice_of = whole;
    t->slice_offset = begin;
    list_push(arena, &g->tensors, t);
    return t;
}

/* ---- nodes ------------------------------------------------------------ */

Node *graph_node(Graph *g, const Op *op, void *attrs, const char *name, Span span)
{
    Arena *arena = g->compilation->arena;
    Node *n = arena_alloc(arena, sizeof *n);
    n->id = n->stream = g->nodes.count;
    n->op = op;
    n->attrs = attrs;
    n->name = name;
    n->span = span;
    n->origin = n;
    n->scale = n->lr_scale = 1;
    list_push(arena, &g->nodes, n);
    return n;
}

static void append(Arena *arena, Tensor ***array, int *count, Tensor *t)
{
    Tensor **grown = arena_alloc(arena, (size_t)(*count + 1) * sizeof(Tensor *));
    if (*count) memcpy(grown, *array, (size_t)*count * sizeof(Tensor *));
    grown[(*count)++] = t;
    *array = grown;
}

void node_in(Graph *g, Node *n, Tensor *t)
{
    assert(t);
    append(g->compilation->arena, &n->in, &n->in_count, t);
}

void node_in_named(Graph *g, Node *n, Tensor *t, const char *name)
{
    const char **names = arena_alloc(g->compilation->arena, (size_t)(n->in_count + 1) * sizeof *names);
    for (int i = 0; i < n->in_count; i++) names[i] = n->in_names ? n->in_names[i] : n->op->in[i];
    names[n->in_count] = name;
    n->in_names = names;
    node_in(g, n, t);
}

static bool couples_samples(const Node *n) { return n->op->class == OP_LOSS || n->op->traits & OP_BATCH_COUPLED; }

bool node_is_per_sample(const Node *n)
{
    if (n->op->mutates || n->op->uses || couples_samples(n) || couples_samples(n->origin)) return false;
    const int outputs = n->out_count - (n->variant && n->variant->workspace);
    for (int i = 0; i < outputs; i++)
        if (!n->out[i]->batched) return false;
    return outputs > 0;
}

int64_t staging_floats(const Tensor *t, int64_t chunk)
{
    return tensor_is_bf16_value(t) ? nn_round_up(tensor_count(t, chunk), NN_LINE) : 0;
}

int64_t staging_threads(const Graph *g, int64_t chunk)
{
    const int64_t chunks = g->batch / chunk;
    return chunks < NN_WINOGRAD_THREADS ? chunks : NN_WINOGRAD_THREADS;
}

const char *node_out_name(const Node *n, int i)
{
    if (n->chunk && i == n->out_count - 1) return "staging";
    if (!n->op->out) return "y";
    for (int k = 0; k < i; k++)
        if (!n->op->out[k]) return "work";
    return n->op->out[i] ? n->op->out[i] : "work";
}

void node_set_layout(Node *n, Layout layout)
{
    n->layout = layout;
    n->variant = NULL;
    for (const Variant *v = n->op->variants; v && v->name && !n->variant; v++)
        if (v->layouts >> layout & 1 && !(v->refuses && v->refuses(n))) n->variant = v;
}

Tensor *node_out_as(Graph *g, Node *n, DType dtype, bool batched, Shape shape)
{
    Arena *arena = g->compilation->arena;
    const char *name = arena_printf(arena, "%s.%s", n->name, node_out_name(n, n->out_count));
    Tensor *t = graph_tensor(g, TENSOR_LOCAL, dtype, batched, shape, name, n->span);
    t->producer = n;
    append(arena, &n->out, &n->out_count, t);
    return t;
}

Tensor *node_out(Graph *g, Node *n, Shape shape) { return node_out_as(g, n, g->real, true, shape); }

/* ---- parameters ------------------------------------------------------- */

static Tensor *model_tensor(Graph *g, Node *n, TensorKind kind, const char *name, Shape shape, Init init)
{
    Tensor *t = graph_tensor(g, kind, g->real, false, shape, name, n->span);
    t->init = init;
    node_in(g, n, t);
    return t;
}

/* Literal values have the parameter's shape, those of a file but for leading axes of 1. */
static bool values_fit(const Init *init, Shape shape)
{
    return init->path ? shape_equal_inner(init->shape, shape) : shape_equal(init->shape, shape);
}

/* And an identity is of something with two axes. */
static void check_init(Graph *g, const Node *n, const Tensor *t)
{
    Arena *arena = g->compilation->arena;
    if (t->init.kind == INIT_VALUES && !values_fit(&t->init, t->shape))
        diag_error(g->compilation, n->span, "%s is %s, but its initial values%s are %s", t->name,
                   shape_text(arena, t->shape), t->init.path ? arena_printf(arena, " in %s", t->init.path) : "",
                   shape_text(arena, t->init.shape));
    bool matrix = t->init.kind == INIT_IDENTITY || t->init.kind == INIT_ORTHOGONAL;
    if (matrix && t->shape.rank < 2)
        diag_error(g->compilation, n->span, "%s is a vector of %s: it cannot be %s", t->name,
                   shape_text(arena, t->shape), t->init.kind == INIT_IDENTITY ? "an identity" : "orthogonal");
    if (t->init.kind == INIT_GABOR && t->shape.rank != 4)
        diag_error(g->compilation, n->span, "%s is %s: gabor fills the kernels of a convolution", t->name,
                   shape_text(arena, t->shape));
}

/* Gabor filters, 1 at the centre of the kernel: output o at the angle π·o / O,
 *
 *   exp(−(i² + j²) / (2 sigma²)) · cos(2π (j·cos angle + i·sin angle) / wavelength) / I
 *
 * for a place i below and j right of the centre (Daugman, 1985); the same for each of I inputs. */
static const double *gabor_values(Arena *arena, const Init *init, Shape s)
{
    double *values = arena_alloc(arena, (size_t)shape_count(s) * sizeof *values);
    const double pi = acos(-1);
    for (int64_t k = 0; k < shape_count(s); k++) {
        const int64_t pixel = k % (s.dim[2] * s.dim[3]), o = k / (s.dim[1] * s.dim[2] * s.dim[3]);
        const double i = (double)(pixel / s.dim[3]) - (double)(s.dim[2] - 1) / 2;
        const double j = (double)(pixel % s.dim[3]) - (double)(s.dim[3] - 1) / 2;
        const double angle = pi * (double)o / (double)s.dim[0];
        values[k] = exp(-(i * i + j * j) / (2 * init->a * init->a)) *
                    cos(2 * pi * (j * cos(angle) + i * sin(angle)) / init->b) / (double)s.dim[1];
    }
    return values;
}

Tensor *node_param(Graph *g, Node *n, const char *suffix, Shape shape, Init init)
{
    const char *name = suffix ? arena_printf(g->compilation->arena, "%s.%s", n->name, suffix) : n->name;
    Tensor *t = model_tensor(g, n, TENSOR_PARAM, name, shape, init);
    check_init(g, n, t);
    bool gabor = init.kind == INIT_GABOR && shape.rank == 4;
    t->values = gabor ? gabor_values(g->compilation->arena, &init, shape) : init.values;
    t->trainable = !n->frozen;
    t->regularized = shape.rank >= 2;
    return t;
}

Tensor *node_buffer(Graph *g, Node *n, const char *suffix, Shape shape, Init init)
{
    const char *name = arena_printf(g->compilation->arena, "%s.%s", n->name, suffix);
    Tensor *t = model_tensor(g, n, TENSOR_BUFFER, name, shape, init);
    t->fixed = n->frozen;
    return t;
}

static Tensor *state_of_shape(Graph *g, Node *n, const char *suffix, Shape shape, double initial)
{
    const char *name = arena_printf(g->compilation->arena, "%s.%s", n->in[1]->name, suffix);
    return model_tensor(g, n, TENSOR_STATE, name, shape, init_constant(initial));
}

Tensor *node_state(Graph *g, Node *n, const char *suffix, double initial)
{
    return state_of_shape(g, n, suffix, n->in[1]->shape, initial);
}

Tensor *node_state_number(Graph *g, Node *n, const char *suffix, double initial)
{
    return state_of_shape(g, n, suffix, shape_vector(1), initial);
}

Init init_with_fans(Init init, int64_t fan_in, int64_t fan_out)
{
    if (init.kind == INIT_DEFAULT) init.kind = INIT_HE_NORMAL;
    init.fan_in = fan_in;
    init.fan_out = fan_out;
    return init;
}

Init init_of_bias(Init bias, Init weight)
{
    if (bias.kind == INIT_DEFAULT) return weight.kind == INIT_TORCH ? weight : init_constant(0);
    return init_with_fans(bias, weight.fan_in, weight.fan_out);
}

/* ---- costs ------------------------------------------------------------ */

int64_t node_macs(const Node *n) { return n->op->macs ? n->op->macs(n) : 0; }

int64_t node_macs_of_origin(const Node *n) { return node_macs(n->origin); }

int64_t node_flops(const Node *n)
{
    if (n->op->flops) return n->op->flops(n);
    if (n->op->traits & OP_VIEW) return 0;
    return 2 * node_macs(n) + (n->op->macs ? 0 : shape_count(n->out[0]->shape));
}

int64_t node_params(const Node *n, bool trainable)
{
    int64_t count = 0;
    for (int i = n->data_count; i < n->in_count; i++) {
        const Tensor *t = n->in[i];
        if (t->kind == TENSOR_PARAM && t->trainable == trainable) count += shape_count(t->shape);
    }
    return count;
}

Shape net_input_shape(const Graph *net)
{
    int64_t count = 0;
    if (net->inputs.count == 1) return ((const Tensor *)net->inputs.at[0])->shape;
    for (int i = 0; i < net->inputs.count; i++) count += shape_count(((const Tensor *)net->inputs.at[i])->shape);
    return shape_vector(count);
}

bool graph_is_io(const Graph *g, const Tensor *t)
{
    bool given = t->kind == TENSOR_INPUT || t->kind == TENSOR_TARGET || t->kind == TENSOR_OUTPUT_GRADIENT ||
                 t->kind == TENSOR_GRADIENT_SUM;
    if (given || t == g->output || t == g->loss || t == g->input_gradient) return true;
    for (int i = 0; i < g->losses.count; i++) {
        if (g->losses.at[i] == t) return true;
    }
    for (int i = 0; i < g->gradients.count; i++) {
        if (((const ParamGrad *)g->gradients.at[i])->gradient == t) return true;
    }
    return false;
}

int64_t graph_param_count(const Graph *g, bool trainable)
{
    int64_t count = 0;
    for (int i = 0; i < g->model.count; i++) {
        const Tensor *t = g->model.at[i];
        if (t->kind == TENSOR_PARAM && t->trainable == trainable) count += shape_count(t->shape);
    }
    return count;
}

int graph_match_params(const Graph *g, const char *pattern, bool *matched)
{
    int matches = 0;
    for (int i = 0; i < g->model.count; i++) {
        const Tensor *t = g->model.at[i];
        if (t->kind == TENSOR_STATE || fnmatch(pattern, t->name, 0) != 0) continue;
        matched[i] = true;
        matches++;
    }
    return matches;
}

int64_t graph_macs(const Graph *g)
{
    int64_t macs = 0;
    for (int i = 0; i < g->nodes.count; i++) macs += node_macs(g->nodes.at[i]);
    return macs;
}
