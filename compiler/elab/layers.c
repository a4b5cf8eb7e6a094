/*
 * layers: inputs, layers and combinators → tensors and nodes.
 *
 * Enters: a statement that names an operator.  Leaves: a node whose attributes
 * are bound, whose shapes its operator has checked and whose parameters have
 * names that no other has.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "elab/attributes.h"
#include "elab/elaborator.h"

/* ---- nodes ------------------------------------------------------------ */

/* Two parameters of one name could not both be loaded from a file. */
static void check_names(Elab *e, Span span, int first)
{
    const List *model = &e->graph->model;
    bool reported = false;
    for (int i = first; i < model->count; i++) {
        Tensor *t = model->at[i];
        const Tensor *other = map_get(e->model_names, t->name);
        if (!other) map_put(e->model_names, t->name, t);
        if (!other || reported) continue;
        diag_error(e->c, span, "two parameters are called %s", t->name);
        diag_note(e->c, other->span, "the first is created here");
        elab_failed(e);
        reported = true;
    }
}

static int64_t sum_capped(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static void count_node(Body *b, const Node *n)
{
    Elab *e = b->elab;
    if (b->in_head) return;
    e->params = sum_capped(e->params, node_params(n, true) + node_params(n, false));
    e->macs = sum_capped(e->macs, node_macs(n));
}

/* Every weight meets every output at most once. */
static bool work_fits(Elab *e, const Node *n)
{
    for (int i = n->data_count; i < n->in_count; i++) {
        int64_t weights = shape_count(n->in[i]->shape), outputs = shape_count(n->out[0]->shape), work;
        if (__builtin_mul_overflow(weights, outputs, &work) || work > MAX_WORK - e->work) {
            diag_error(e->c, n->span, "%s takes the net past 2^60 operations: %lld weights for %lld outputs",
                       n->op->name, (long long)weights, (long long)outputs);
            return false;
        }
        e->work += work;
    }
    return true;
}

/* A node over `count` tensors; its first output, or poison after an error. */
static Value elab_node(Body *b, const Op *op, void *attrs, const char *path, Span span, Tensor *const *in, int count)
{
    Elab *e = b->elab;
    Graph *g = e->graph;
    if (g->nodes.count >= MAX_NODES) {
        diag_error(e->c, span, "the net has more than %d layers", MAX_NODES);
        elab_stop(e);
        return elab_poison(e);
    }
    Node *n = graph_node(g, op, attrs, path, span);
    for (int i = 0; i < count; i++) node_in(g, n, in[i]);
    n->data_count = count;
    n->frozen = b->frozen;
    int errors = e->c->errors, first = g->model.count;
    if (!op->shape(g, n) || e->c->errors > errors) return elab_poison(e);
    if (op->params) op->params(g, n);
    if (e->c->errors > errors || !work_fits(e, n)) return elab_poison(e);
    check_names(e, span, first);
    field_compute(n);
    count_node(b, n);
    return (Value){.tensor = n->out[0]};
}

static void *elab_attrs(Elab *e, const Op *op) { return arena_alloc(e->c->arena, op->attrs_size + 1); }

/* ---- layers ----------------------------------------------------------- */

/* Other names under which layers are known. */
static const char *other_name(const char *name)
{
    static const char *const pairs[][2] = {
        {"linear", "dense"},
        {"fc", "dense"},
        {"fully_connected", "dense"},
        {"affine", "dense"},
        {"conv2d", "conv"},
        {"convolution", "conv"},
        {"convtranspose2d", "deconv"},
        {"conv_transpose", "deconv"},
        {"bn", "batchnorm"},
        {"batch_norm", "batchnorm"},
        {"batchnorm2d", "batchnorm"},
        {"group_norm", "groupnorm"},
        {"layer_norm", "layernorm"},
        {"pool", "maxpool"},
        {"max_pool", "maxpool"},
        {"max_pool2d", "maxpool"},
        {"maxpool2d", "maxpool"},
        {"avg_pool", "avgpool"},
        {"avg_pool2d", "avgpool"},
        {"avgpool2d", "avgpool"},
        {"global_avg_pool", "global_avgpool"},
        {"gap", "global_avgpool"},
        {"lrelu", "leaky_relu"},
        {"swish", "silu"},
        {"logsoftmax", "log_softmax"},
        {"lambda", "identity"},
        {"sum", "add"},
        {"cat", "concat"},
        {"view", "reshape"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (strcasecmp(pairs[i][0], name) == 0) return pairs[i][1];
    return NULL;
}

static const char *layer_nearest(Elab *e, const char *name)
{
    const char *other = other_name(name);
    if (other) return other;
    const char **names = arena_alloc(e->c->arena, (size_t)(map_count(e->blocks) + op_table_count + 2) * sizeof *names);
    int count = 0;
    for (int i = 0; i < map_count(e->blocks); i++) names[count++] = map_key(e->blocks, i);
    for (int i = 0; i < op_table_count; i++)
        if (op_table[i]->class == OP_LAYER) names[count++] = op_table[i]->name;
    names[count++] = "input";
    names[count++] = "output";
    return nearest_name(name, names, count);
}

static void unknown_layer(Elab *e, const Stmt *s)
{
    if (op_find(s->name, OP_COMBINE))
        diag_error(e->c, s->name_span, "%s takes branches: %s { … } { … }", s->name, s->name);
    else if (op_find(s->name, OP_LOSS) || op_find(s->name, OP_OPTIMIZER))
        diag_error(e->c, s->name_span, "%s is %s: it belongs in a train section", s->name,
                   op_find(s->name, OP_LOSS) ? "a loss" : "an optimizer");
    else
        diag_error(e->c, s->name_span, "there is no layer or block `%s`%s", s->name,
                   suggestion(e->c, layer_nearest(e, s->name)));
}

static Value apply_layer(Body *b, const Stmt *s, const char *path)
{
    Elab *e = b->elab;
    const Op *op = op_find(s->name, OP_LAYER);
    const List *args = eval_args(&e->eval, &b->names, &s->args);
    if (!op) {
        unknown_layer(e, s);
        return elab_poison(e);
    }
    void *attrs = elab_attrs(e, op);
    bool good = attrs_bind(e->c, op->name, op->attrs, attrs, args, s->span);
    bool source = op->traits & OP_SOURCE;
    if (source && good && e->graph->inputs.count == 0) good = elab_has_value(b, op->name, s->name_span);
    if (source) return good ? elab_node(b, op, attrs, path, s->span, NULL, 0) : elab_poison(e);
    if (!elab_has_value(b, op->name, s->name_span) || !good || b->current.poisoned) return elab_poison(e);
    return elab_node(b, op, attrs, path, s->span, &b->current.tensor, 1);
}

void elab_layer(Body *b, const Stmt *s)
{
    StmtContext context = stmt_begin(b, s, s->name);
    stmt_end(b, &context, apply_layer(b, s, context.path));
}

/* ---- inputs ----------------------------------------------------------- */

typedef struct InputAttrs {
    Shape shape;
} InputAttrs;

static const Attr input_attrs[] = {
    {"shape", ATTR_SHAPE, offsetof(InputAttrs, shape), NULL, 1, 1e18, NULL},
    {0},
};

static bool input_shape_good(Elab *e, const Stmt *s, Shape shape)
{
    const char *text = shape_text(e->c->arena, shape);
    int64_t count = 1;
    for (int i = 0; i < shape.rank; i++) {
        if (shape.dim[i] > ((int64_t)1 << 31) / count) {
            diag_error(e->c, s->span, "input: %s has more than 2^31 elements", text);
            return false;
        }
        count *= shape.dim[i];
    }
    return true;
}

static bool input_place_good(Body *b, const Stmt *s, const char *label)
{
    Elab *e = b->elab;
    if (b->call) {
        diag_error(e->c, s->span, "input belongs in a net, not in a block");
        return false;
    }
    if (e->graph->nodes.count > 0 || b->current.poisoned) {
        if (e->graph->nodes.count > 0) diag_error(e->c, s->span, "an input must come before the layers of its net");
        return false;
    }
    const Stmt *first = !label ? s : e->unlabelled_input;
    if (!label) e->unlabelled_input = s;
    if (e->graph->inputs.count == 0 || !first) return true;
    diag_error(e->c, s->span, "a net with several inputs needs a label on each: input(…) as NAME");
    if (first != s) diag_note(e->c, first->span, "this one has none");
    return false;
}

void elab_input(Body *b, const Stmt *s)
{
    Elab *e = b->elab;
    InputAttrs attrs;
    const char *label = elab_label(b, s->label);
    const List *args = eval_args(&e->eval, &b->names, &s->args);
    bool good = attrs_bind(e->c, "input", input_attrs, &attrs, args, s->span);
    good = good && input_shape_good(e, s, attrs.shape) && input_place_good(b, s, label);
    Value result = {.poisoned = true};
    int errors = e->c->errors;
    if (label) naming_step(e->c, b->naming, "input", label, s->label->span);
    if (good && e->c->errors == errors)
        result = (Value){.tensor = graph_tensor(e->graph, TENSOR_INPUT, e->graph->real, true, attrs.shape,
                                                label ? label : "x", s->span)};
    else
        elab_failed(e);
    b->current = (Value){0}; /* an input has no input, for the notes */
    stmt_end(b, &(StmtContext){s, label, NULL}, result);
}

/* ---- combinators ------------------------------------------------------ */

/* The naming that the branches stand in: their own where the combinator has a
 * label or a position, else the one around. */
static Naming *branch_naming(Body *b, const StmtContext *context)
{
    bool scope = context->label || b->naming->sequential;
    return scope ? naming_new(b->elab->c->arena, context->path, false) : b->naming;
}

/* The branches of a combinator: those written, or one for each element of a list. */
typedef struct Branches {
    const Stmt *stmt;
    const Const *list; /* of the loop; NULL: there is none */
    int count;
    Tensor **in; /* their values */
} Branches;

static const Branch *branch_at(const Branches *all, int i) { return all->stmt->branches.at[all->list ? 0 : i]; }

/* False after an error. */
static bool find_branches(Body *b, const Stmt *s, Branches *all)
{
    Elab *e = b->elab;
    *all = (Branches){.stmt = s, .count = s->branches.count};
    if (s->variable) {
        all->list = elab_loop_list(b, s->value);
        if (!all->list || !elab_count(e, s->span, const_length(all->list))) return false;
        all->count = (int)const_length(all->list);
    }
    if (all->count < (s->variable ? 1 : 2)) {
        diag_error(e->c, s->name_span,
                   s->variable ? "%s has no branches: the list is empty" : "%s takes two branches or more", s->name);
        return false;
    }
    all->in = arena_alloc(e->c->arena, (size_t)all->count * sizeof *all->in);
    return true;
}

/* The values at the ends of the branches; false when one is in error. */
static bool run_branches(Body *b, Branches *all, Naming *naming)
{
    Elab *e = b->elab;
    const Stmt *s = all->stmt;
    const Define *define = e->define;
    Tensor **in = all->in;
    bool good = true;
    for (int i = 0; i < all->count && !e->stopped; i++) {
        const Branch *branch = branch_at(all, i);
        Body *child = body_new(e, b, naming);
        child->home = child; /* labels of a branch end with it */
        if (all->list)
            child->variable = (Binding){s->variable, s->variable_span, const_at(e->c->arena, all->list, i), define};
        elab_body(child, &branch->body);
        in[i] = child->current.tensor;
        if (good && !child->current.tensor && !child->current.poisoned)
            diag_error(e->c, branch->span, "this branch has no value: a net begins with input(SHAPE)");
        good &= in[i] != NULL;
    }
    return good && !e->stopped;
}

static Value combine(Body *b, const Stmt *s, const Op *op, const StmtContext *context)
{
    Elab *e = b->elab;
    Branches all;
    if (!find_branches(b, s, &all)) return elab_poison(e);
    bool good = run_branches(b, &all, branch_naming(b, context));
    void *attrs = elab_attrs(e, op);
    const List *args = eval_args(&e->eval, &b->names, &s->args);
    if (!attrs_bind(e->c, op->name, op->attrs, attrs, args, s->name_span) || !good) return elab_poison(e);
    if (all.count == 1) return (Value){.tensor = all.in[0]}; /* of a loop: one value is its own sum */
    int errors = e->c->errors;
    Value result = elab_node(b, op, attrs, context->path, s->name_span, all.in, all.count);
    if (!result.tensor && e->c->errors > errors && !e->stopped)
        for (int i = 0; i < all.count && i < 8; i++)
            diag_note(e->c, branch_at(&all, i)->span, "branch %d gives %s", i + 1,
                      shape_text(e->c->arena, all.in[i]->shape));
    return result;
}

void elab_combine(Body *b, const Stmt *s)
{
    Elab *e = b->elab;
    StmtContext context = stmt_begin(b, s, s->name);
    const Op *op = op_find(s->name, OP_COMBINE);
    if (op) {
        stmt_end(b, &context, combine(b, s, op, &context));
        return;
    }
    if (op_find(s->name, OP_LAYER) || map_get(e->blocks, s->name))
        diag_error(e->c, s->name_span, "%s takes no branches; branches follow add, concat and the other combinators",
                   s->name);
    else
        diag_error(e->c, s->name_span, "there is nothing called `%s` that takes branches%s", s->name,
                   suggestion(e->c, op_nearest(e->c, s->name, OP_COMBINE)));
    stmt_end(b, &context, elab_poison(e));
}
