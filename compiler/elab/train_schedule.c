/*
 * schedule: how the learning rate, and the momentum, change from step to step.
 *
 * Enters: the entry of a train section.  Leaves: a Schedule whose arguments suit each other, and
 * for one that cycles the momentum an optimizer that has one.
 */
#include <math.h>

#include "elab/attributes.h"
#include "elab/train_entries.h"

#define SCHEDULE_AT(field) offsetof(Schedule, field)
static const Attr schedule_none[] = {{0}};
static const Attr schedule_step[] = {
    {"every", ATTR_REAL, SCHEDULE_AT(every), NULL, POSITIVE, NULL},
    {"gamma", ATTR_REAL, SCHEDULE_AT(gamma), NULL, POSITIVE, NULL},
    {0},
};
static const Attr schedule_multistep[] = {
    {"at", ATTR_REALS, SCHEDULE_AT(at), NULL, 0, INFINITY, NULL},
    {"gamma", ATTR_REAL, SCHEDULE_AT(gamma), NULL, POSITIVE, NULL},
    {0},
};
static const Attr schedule_cosine[] = {
    {"warmup", ATTR_REAL, SCHEDULE_AT(warmup), "0", 0, INFINITY, NULL},
    {"floor", ATTR_REAL, SCHEDULE_AT(floor), "0", 0, INFINITY, NULL},
    {0},
};
static const Attr schedule_onecycle[] = {
    {"peak", ATTR_REAL, SCHEDULE_AT(peak), NULL, POSITIVE, NULL},
    {"warmup", ATTR_REAL, SCHEDULE_AT(warmup), "0.3", 0, 1, NULL},
    {"cycle_momentum", ATTR_BOOL, SCHEDULE_AT(cycle_momentum), "no", 0, 0, NULL},
    {"base_momentum", ATTR_REAL, SCHEDULE_AT(base_momentum), "0.85", 0, ATTR_DECAY_MAX, NULL},
    {"max_momentum", ATTR_REAL, SCHEDULE_AT(max_momentum), "0.95", 0, ATTR_DECAY_MAX, NULL},
    {0},
};
static const Attr schedule_exponential[] = {
    {"gamma", ATTR_REAL, SCHEDULE_AT(gamma), NULL, POSITIVE, NULL},
    {0},
};
static const Attr schedule_plateau[] = {
    {"patience", ATTR_REAL, SCHEDULE_AT(patience), NULL, 0, INFINITY, NULL},
    {"gamma", ATTR_REAL, SCHEDULE_AT(gamma), NULL, POSITIVE, NULL},
    {0},
};

static const Attr schedule_bold_driver[] = {
    {"grow", ATTR_REAL, SCHEDULE_AT(grow), "1.05", 1, INFINITY, NULL},
    {"cut", ATTR_REAL, SCHEDULE_AT(cut), "0.5", 1e-300, 1, NULL},
    {0},
};

const char *const train_schedule_names[] = {"constant",    "step",    "multistep",  "cosine", "onecycle",
                                            "exponential", "plateau", "bold_driver"}; /* as ScheduleKind */
const Attr *const train_schedule_attrs[] = {schedule_none,    schedule_step,       schedule_multistep,
                                            schedule_cosine,  schedule_onecycle,   schedule_exponential,
                                            schedule_plateau, schedule_bold_driver};

static void check_milestones(Training *t, const ConstArg *arg)
{
    const Reals *at = &t->spec->schedule.at;
    for (int i = 1; i < at->count; i++)
        if (at->at[i] <= at->at[i - 1]) {
            diag_error(t->c, arg->span, "multistep: the epochs of `at` must rise; %s follows %s",
                       real_text(t->c->arena, at->at[i]), real_text(t->c->arena, at->at[i - 1]));
            wrong(t);
            return;
        }
}

/* Those that have a momentum which can be changed. */
static const char *cycled_optimizers(const Training *t)
{
    const char **names = arena_alloc(t->c->arena, (size_t)(op_table_count + 1) * sizeof *names);
    int count = 0;
    for (int i = 0; i < op_table_count; i++)
        if (op_table[i]->cycled) names[count++] = op_table[i]->name;
    return train_names_text(t, names, count);
}

static void check_momentum(Training *t, const ConstArg *arg)
{
    const Schedule *s = &t->spec->schedule;
    const Op *optimizer = t->spec->optimizer.op;
    if (!s->cycle_momentum || !optimizer) return;
    if (s->base_momentum > s->max_momentum)
        diag_error(t->c, arg->span, "onecycle: base_momentum is %s, above max_momentum, which is %s",
                   real_text(t->c->arena, s->base_momentum), real_text(t->c->arena, s->max_momentum));
    else if (!optimizer->cycled)
        diag_error(t->c, arg->span, "onecycle: cycle_momentum changes the momentum of %s, not of %s",
                   cycled_optimizers(t), optimizer->name);
    else
        return;
    wrong(t);
}

void train_read_schedule(Training *t, const TrainEntry *entry)
{
    const ConstArg *arg = train_single(t, entry);
    int kind = arg ? train_choose(t, KEY_SCHEDULE, arg, train_schedule_names, SCHEDULE_KINDS) : -1;
    if (kind < 0) return;
    t->spec->schedule.kind = kind;
    if (!attrs_bind(t->c, train_schedule_names[kind], train_schedule_attrs[kind], &t->spec->schedule,
                    train_symbol_args(arg->value), arg->span))
        wrong(t);
    else if (kind == SCHEDULE_MULTISTEP)
        check_milestones(t, arg);
    else if (kind == SCHEDULE_ONECYCLE)
        check_momentum(t, arg);
}
