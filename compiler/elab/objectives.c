/*
 * Heads, outputs and the train section → losses and targets.
 *
 * Enters: a net and its train section.  Leaves: the list of losses, the net's own first, then
 * those of its outputs and heads; and the targets, each once, with its place in a sample's row.
 */
#include "elab/objectives.h"

#include <string.h>

/* ---- targets ----------------------------------------------------------- */

static bool same_target(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

static LossTarget target_of_objective(const Objective *o)
{
    if (!o->loss.op) return (LossTarget){.classes = true, .shape = shape_vector(1)};
    return op_loss_target(o->loss.op, o->loss.attrs, o->output->shape);
}

/* The target of that name; a new one has the form that this loss takes. */
static int objective_target(Objectives *all, const char *name, const Objective *taker)
{
    const LossTarget is = target_of_objective(taker);
    for (int i = 0; i < all->targets; i++) {
        if (!same_target(all->target[i].name, name)) continue;
        all->target[i].is.domains |= is.domains;
        return i;
    }
    const int64_t count = shape_count(is.shape);
    all->target[all->targets] =
        (TargetPart){.name = name, .is = is, .offset = all->target_count, .count = count, .first = taker};
    all->target_count += count;
    all->classes = all->classes && is.classes;
    return all->targets++;
}

int64_t target_classes_at(const Objectives *all, int64_t index)
{
    const TargetPart *part = all->target;
    while (index >= part->offset + part->count) part++;
    if (part->is.domains) return 2;
    return part->is.classes ? part->first->output->shape.dim[0] : 0;
}

/* ---- losses ------------------------------------------------------------ */

static void add_objective(Objectives *all, Objective o, const char *target)
{
    Objective *added = &all->at[all->count++];
    *added = o;
    added->target = objective_target(all, target, added);
}

static void add_heads(Objectives *all, const TrainSpec *spec, const List *heads, bool at_inference)
{
    for (int i = 0; spec && i < heads->count; i++) {
        const Head *head = heads->at[i];
        if (!head->trained) continue;
        add_objective(all,
                      (Objective){
                          .name = head->name,
                          .output = head->output,
                          .loss = head->loss.op ? head->loss : spec->loss,
                          .weight = head->weight,
                          .at_inference = at_inference,
                          .span = head->span,
                      },
                      head->target);
    }
}

/* The loss with its only argument. */
static OpCall distill_loss(Arena *arena, const TeacherSpec *teacher)
{
    const Op *op = op_find("distill", OP_LOSS);
    const Attr *temperature = op->attrs;
    char *attrs = arena_alloc(arena, op->attrs_size);
    *(double *)(void *)(attrs + temperature->offset) = teacher->temperature;
    return (OpCall){.op = op, .attrs = attrs, .span = teacher->span};
}

static void add_teacher(Objectives *all, const TrainSpec *spec, const Graph *net)
{
    if (!spec || !spec->teacher.path) return;
    add_objective(all,
                  (Objective){
                      .name = TEACHER_NAME,
                      .output = net->output,
                      .loss = distill_loss(net->compilation->arena, &spec->teacher),
                      .weight = spec->teacher.weight,
                      .of_teacher = true,
                      .span = spec->teacher.span,
                  },
                  TEACHER_NAME);
}

Objectives train_objectives(const TrainSpec *spec, const Graph *net)
{
    Arena *arena = net->compilation->arena;
    const size_t most = (size_t)(2 + net->heads.count + net->outputs.count);
    Objectives all = {.classes = true};
    all.at = arena_alloc(arena, most * sizeof *all.at);
    all.target = arena_alloc(arena, most * sizeof *all.target);
    Objective own = {.output = net->output, .weight = 1, .at_inference = true, .span = net->output->span};
    if (spec) own.loss = spec->loss;
    if (spec && spec->loss.span.file >= 0) own.span = spec->loss.span;
    add_objective(&all, own, NULL);
    add_heads(&all, spec, &net->outputs, true);
    add_heads(&all, spec, &net->heads, false);
    add_teacher(&all, spec, net);
    return all;
}

/* ---- outputs ----------------------------------------------------------- */

int net_output_parts(const Graph *net) { return 1 + net->outputs.count; }

OutputPart net_output_part(const Graph *net, int index)
{
    OutputPart part = {.output = net->output, .count = shape_count(net->output->shape)};
    for (int i = 0; i < index; i++) {
        const Head *further = net->outputs.at[i];
        part.offset += part.count;
        part.name = further->name;
        part.output = further->output;
        part.count = shape_count(further->output->shape);
    }
    return part;
}

int64_t net_output_count(const Graph *net)
{
    const OutputPart last = net_output_part(net, net_output_parts(net) - 1);
    return last.offset + last.count;
}
