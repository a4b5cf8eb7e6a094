/*
 * Losses of a program.
 *
 * Enters: objectives, and the copies of the outputs that they judge.  Leaves: a node for each
 * loss, already multiplied by its weight, and the targets as the caller gives them: one tensor
 * where there is one target, else a row of all of them for each sample, and a node for each that
 * takes its elements out of the row.
 */
#include <string.h>

#include "autodiff/program_parts.h"
#include "autodiff/training.h"

Tensor *objective_scores(const Objective *o)
{
    const char *const *absorbs = o->loss.op->absorbs;
    const Node *last = o->output->producer;
    for (int i = 0; last && absorbs && absorbs[i]; i++) {
        bool of_classes = last->op->traits & OP_OUTPUTS_PROBABILITIES; /* not along another axis */
        if (of_classes && strcmp(last->op->name, absorbs[i]) == 0) return last->in[0];
    }
    return o->output;
}

/* ---- targets ----------------------------------------------------------- */

/* How many of the classes count shows only in those of all micro-batches. */
static bool needs_all_targets(const Build *b)
{
    bool classes = false;
    for (int i = 0; i < b->objectives.targets; i++) classes = classes || b->objectives.target[i].is.classes;
    return classes && b->graph->micro_batches > 1;
}

/* What the caller gives. */
static void add_targets(Build *b)
{
    Graph *g = b->graph;
    const Objectives *all = &b->objectives;
    const Span span = b->spec->loss.span;
    const DType dtype = all->classes ? DTYPE_I32 : g->real;
    const Shape row = all->targets == 1 ? all->target[0].is.shape : shape_vector(all->target_count);
    g->target = graph_tensor(g, TENSOR_TARGET, dtype, true, row, "target", span);
    if (!needs_all_targets(b)) return;
    const Shape every = shape_vector(g->batch * g->micro_batches * all->target_count);
    g->targets = graph_tensor(g, TENSOR_TARGET, dtype, false, every, "targets", span);
}

/* One target of the rows. */
static Tensor *take_part(Build *b, const TargetPart *part, Tensor *rows)
{
    if (b->objectives.targets == 1) return rows;
    TargetAttrs *attrs = arena_alloc(b->arena, sizeof *attrs);
    *attrs = (TargetAttrs){
        .row = b->objectives.target_count,
        .offset = part->offset,
        .samples = rows->batched ? 0 : b->graph->batch * b->graph->micro_batches,
        .classes = part->is.classes,
        .shape = part->is.shape,
    };
    const char *name = part->name ? arena_printf(b->arena, "%s.%s", rows->name, part->name) : rows->name;
    Node *n = graph_node(b->graph, op_find("target", OP_INTERNAL), attrs, name, rows->span);
    node_in(b->graph, n, rows);
    n->data_count = 1;
    n->op->shape(b->graph, n);
    return n->out[0];
}

/* All that take a target take it in the same form. */
static bool target_fits(Build *b, const Objective *o, const LossTarget *target, const Tensor *scores)
{
    Arena *arena = b->arena;
    const TargetPart *part = &b->objectives.target[o->target];
    const LossTarget *given = &part->is;
    const char *loss = o->loss.op->name, *output = shape_text(arena, scores->shape);
    if (target->classes == given->classes && shape_equal(target->shape, given->shape)) return true;
    const char *other = part->first->name ? arena_printf(arena, "%s", part->first->name) : "the net's output";
    if (target->classes || given->classes)
        diag_error(b->graph->compilation, o->span, "%s: this output is %s, which does not fit the target of %s, %s",
                   loss, output, other, shape_text(arena, part->first->output->shape));
    else
        diag_error(b->graph->compilation, o->span, "%s: this output is %s, but the target is %s, as %s", loss, output,
                   shape_text(arena, given->shape), other);
    b->failed = true;
    return false;
}

/* ---- losses ------------------------------------------------------------ */

/* A loss of classes is also given the classes of all micro-batches. */
static void add_loss_inputs(Build *b, Node *n, const Objective *o, Tensor *scores, Tensor *const *part)
{
    node_in(b->graph, n, scores);
    node_in(b->graph, n, part[o->target]);
    if (b->graph->targets && b->objectives.target[o->target].is.classes)
        node_in(b->graph, n, part[b->objectives.targets + o->target]);
    n->data_count = n->in_count;
}

static void add_loss(Build *b, const Objective *o, Tensor *const *part)
{
    Graph *g = b->graph;
    Tensor *scores = b->copy[objective_scores(o)->id];
    const LossTarget target = op_loss_target(o->loss.op, o->loss.attrs, scores->shape);
    const char *name = o->name ? arena_printf(b->arena, "loss.%s", o->name) : "loss";
    Node *n = graph_node(g, o->loss.op, o->loss.attrs, name, o->span);
    n->scale = o->weight;
    add_loss_inputs(b, n, o, scores, part);
    if (!target_fits(b, o, &target, scores)) return;
    if (!o->loss.op->shape(g, n)) {
        b->failed = true;
        return;
    }
    Tensor *loss = build_summed(b, n->out[0], name);
    if (b->objectives.count > 1) list_push(b->arena, &g->losses, loss);
    if (b->training || o->at_inference) list_push(b->arena, &b->losses, loss);
}

void build_losses(Build *b)
{
    const Objectives *all = &b->objectives;
    Tensor **part = arena_alloc(b->arena, 2 * (size_t)all->targets * sizeof *part);
    add_targets(b);
    for (int i = 0; i < all->targets; i++) {
        part[i] = take_part(b, &all->target[i], b->graph->target);
        if (b->graph->targets && all->target[i].is.classes)
            part[all->targets + i] = take_part(b, &all->target[i], b->graph->targets);
    }
    for (int i = 0; i < all->count; i++) add_loss(b, &all->at[i], part);
}

/* ---- sums -------------------------------------------------------------- */

/* C promises 127 arguments of a function (C99, 5.2.4.1): the numbers of one total, its
 * result and the two that say which part a thread has. */
enum { MOST_IN_TOTAL = 120 };

static Tensor *total_of_some(Build *b, const List *numbers, int first, int count, const char *name)
{
    const Op *op = op_find("total", OP_INTERNAL);
    Node *n = graph_node(b->graph, op, NULL, name, b->spec->span);
    for (int i = first; i < first + count; i++) node_in(b->graph, n, numbers->at[i]);
    op->shape(b->graph, n);
    return n->out[0];
}

/* The sum of any count of numbers: a sum of sums where there are many. */
Tensor *build_total(Build *b, const List *numbers, const char *name)
{
    if (numbers->count <= MOST_IN_TOTAL) return total_of_some(b, numbers, 0, numbers->count, name);
    List sums = {0};
    for (int first = 0; first < numbers->count; first += MOST_IN_TOTAL) {
        int left = numbers->count - first, count = left < MOST_IN_TOTAL ? left : MOST_IN_TOTAL;
        const char *part = arena_printf(b->arena, "%s.%d", name, sums.count + 1);
        list_push(b->arena, &sums, total_of_some(b, numbers, first, count, part));
    }
    return build_total(b, &sums, name);
}
