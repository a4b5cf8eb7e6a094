/*
 * elaborate: syntax tree → net.
 *
 * Enters: a parsed file, the net's name, the -D definitions.  Leaves: a graph of
 * forward nodes in execution order, with every shape a number and every
 * parameter named; or diagnostics.  The statements are run like a program: one
 * current value goes through them.  After a layer in error the value is
 * poisoned: what follows is still looked at as far as it does not depend on the
 * value, so one run finds the errors of the whole file and repeats none.
 *
 * A source may ask for more than any machine has.  Statements, nodes, nesting
 * and memory are counted, and passing a bound is an error like another.
 */
#include <string.h>

#include "elab/elaborator.h"
#include "elab/train_spec.h"

static const char *own_net_names(Compilation *c, const File *file)
{
    Text text;
    text_init(&text, c->arena);
    for (int i = file->nets.count - file->own_nets; i < file->nets.count; i++)
        text_addf(&text, "%s%s", text.length > 0 ? ", " : "", ((const Def *)file->nets.at[i])->name);
    return text.data;
}

/* resnet18 where there is a net resnet(depth=…): ", did you mean --net resnet -D depth=18?"; or NULL. */
static const char *net_variant_text(Compilation *c, const File *file, const char *name)
{
    const size_t digits = strcspn(name, "0123456789");
    const bool number = name[digits] && name[digits + strspn(name + digits, "0123456789")] == '\0';
    const size_t length = digits > 0 && strchr("_-", name[digits - 1]) ? digits - 1 : digits;
    for (int i = 0; number && i < file->nets.count; i++) {
        const Def *net = file->nets.at[i];
        if (strlen(net->name) != length || strncmp(net->name, name, length) != 0) continue;
        if (param_index(&net->params, "depth") < 0) continue;
        return arena_printf(c->arena, ", did you mean --net %s -D depth=%s?", net->name, name + digits);
    }
    return NULL;
}

static const Def *named_net(Compilation *c, const File *file, const char *name)
{
    const char **names = arena_alloc(c->arena, (size_t)(file->nets.count + 1) * sizeof *names);
    for (int i = file->nets.count - 1; i >= 0; i--) {
        const Def *net = file->nets.at[i];
        if (strcmp(net->name, name) == 0) return net;
        names[i] = net->name;
    }
    const char *variant = net_variant_text(c, file, name);
    diag_error(c, span_nowhere(), "there is no net `%s` in this file%s", name,
               variant ? variant : suggestion(c, nearest_name(name, names, file->nets.count)));
    return NULL;
}

static const Def *choose_net(Compilation *c, const File *file, const char *name)
{
    if (name) return named_net(c, file, name);
    if (file->own_nets == 1) return file->nets.at[file->nets.count - 1];
    Span start = {file->source, 0, 0};
    if (file->own_nets == 0)
        diag_error(c, start, "the file defines no net");
    else
        diag_error(c, start, "the file has several nets (%s): choose one with --net NAME", own_net_names(c, file));
    return NULL;
}

/* The last of that name, as on any command line; or NULL. */
static const Define *define_of(const List *defines, const char *name)
{
    const Define *found = NULL;
    for (int i = 0; defines && i < defines->count; i++) {
        const Define *define = defines->at[i];
        if (strcmp(define->name, name) == 0) found = define;
    }
    return found;
}

/* Of the name in "name=value"; where the source has only the value, of that. */
static Span define_name_span(const Define *define)
{
    const Span value = define->value->span;
    const int length = (int)strlen(define->name), begin = value.begin - length - 1;
    return begin < 0 ? value : (Span){value.file, begin, begin + length};
}

static void check_defines(Elab *e, const Def *net, const List *defines)
{
    for (int i = 0; defines && i < defines->count; i++) {
        const Define *define = defines->at[i];
        if (param_index(&net->params, define->name) >= 0) continue;
        diag_error(e->c, define_name_span(define), "net %s has no parameter `%s`%s", net->name, define->name,
                   suggestion(e->c, param_nearest(e->c->arena, &net->params, define->name)));
        diag_note(e->c, net->name_span, "net %s is defined here", net->name);
        elab_failed(e);
    }
}

static void bind_net_params(Body *b, const Def *net, const List *defines)
{
    Elab *e = b->elab;
    check_defines(e, net, defines);
    for (int i = 0; i < net->params.count; i++) {
        const Param *param = net->params.at[i];
        const Const *value = NULL;
        e->define = define_of(defines, param->name);
        if (e->define)
            value = eval_expr(&e->eval, file_lets_names(e->lets), e->define->value, true);
        else if (param->value)
            value = eval_expr(&e->eval, &b->names, param->value, true);
        else
            diag_error(e->c, param->span, "net %s needs a value for `%s`: give it with -D %s=…", net->name, param->name,
                       param->name);
        if (!value) elab_failed(e);
        body_let(b, param->name, param->span, value);
    }
}

/* Layers that pass no gradient on, after something that is to be trained. */
static void warn_zero_gradients(Elab *e)
{
    const Graph *g = e->graph;
    bool *trained = arena_alloc(e->c->arena, (size_t)g->tensors.count * sizeof *trained + 1);
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *n = g->nodes.at[i];
        bool before = false;
        for (int k = 0; k < n->in_count; k++) before |= n->in[k]->trainable || trained[n->in[k]->id];
        bool zero = n->op->traits & OP_ZERO_GRADIENT;
        if (zero && before)
            diag_warning(e->c, n->span, "the gradient of %s is zero: nothing before it can be trained", n->op->name);
        for (int k = 0; k < n->out_count; k++) trained[n->out[k]->id] = before && !zero;
    }
}

/* Layers whose weights no output and no head depends on. */
static void warn_unused_weights(Elab *e)
{
    const Graph *g = e->graph;
    bool *used = arena_alloc(e->c->arena, (size_t)g->tensors.count * sizeof *used + 1);
    const List *const ends[] = {&g->heads, &g->outputs};
    used[g->output->id] = true;
    for (int list = 0; list < 2; list++)
        for (int i = 0; i < ends[list]->count; i++) used[((const Head *)ends[list]->at[i])->output->id] = true;
    for (int i = g->nodes.count; i-- > 0;) {
        const Node *n = g->nodes.at[i];
        bool needed = false;
        for (int k = 0; k < n->out_count; k++) needed |= used[n->out[k]->id];
        for (int k = 0; needed && k < n->in_count; k++) used[n->in[k]->id] = true;
        if (!needed && node_params(n, true))
            diag_warning(e->c, n->span, "nothing depends on this %s, so its weights are not trained", n->op->name);
    }
}

static void finish_net(Elab *e, const File *file, const Def *net, Value result)
{
    Graph *g = e->graph;
    g->output = result.tensor;
    if (e->c->errors > e->errors) return;
    if (g->inputs.count == 0)
        diag_error(e->c, net->name_span, "net %s has no input: it begins with input(SHAPE)", net->name);
    else if (!g->output || !g->output->producer)
        diag_error(e->c, net->name_span, "net %s has no layers", net->name);
    else {
        warn_zero_gradients(e);
        if (train_section_exists(file, g)) warn_unused_weights(e);
    }
}

static Elab *elab_new(Compilation *c, const File *file)
{
    Elab *e = arena_alloc(c->arena, sizeof *e);
    e->c = c;
    e->errors = e->noted = c->errors;
    e->eval.compilation = c;
    e->blocks = map_new(c->arena);
    e->model_names = map_new(c->arena);
    for (int i = 0; i < file->blocks.count; i++) {
        Def *def = file->blocks.at[i];
        map_put(e->blocks, def->name, def);
    }
    e->lets = file_lets_new(&e->eval, file);
    return e;
}

Graph *elaborate(Compilation *c, const File *file, const char *name, const List *defines)
{
    int errors = c->errors;
    train_sections_check(c, file);
    const Def *net = choose_net(c, file, name);
    if (!net) return NULL;
    Elab *e = elab_new(c, file);
    e->graph = graph_new(c, net->name, PROGRAM_NET);
    e->graph->span = net->name_span;
    Body *body = body_new(e, NULL, naming_new(c->arena, "", false));
    bind_net_params(body, net, defines);
    elab_body(body, &net->body);
    finish_net(e, file, net, body->current);
    return c->errors > errors ? NULL : e->graph;
}
