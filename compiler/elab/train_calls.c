/*
 * Keys of a train section that are written as calls: ema(0.999), lookahead, mixup, cutmix, teacher.
 *
 * Enters: their entries.  Leaves: their arguments in the specification, a loss that takes mixed
 * targets where samples are mixed, and that the net has scores which a teacher can be followed in.
 */
#include <string.h>
#include <strings.h>

#include "elab/attributes.h"
#include "elab/objectives.h"
#include "elab/train_entries.h"

#define SPEC_AT(field) offsetof(TrainSpec, field)
static const Attr ema_attrs[] = {{"decay", ATTR_REAL, SPEC_AT(ema), NULL, 0, 1, NULL}, {0}};
static const Attr lookahead_attrs[] = {
    {"k", ATTR_INT, SPEC_AT(lookahead), "5", 1, 1e9, NULL},
    {"alpha", ATTR_REAL, SPEC_AT(lookahead_alpha), "0.5", 0, 1, NULL},
    {0},
};
static const Attr mixup_attrs[] = {{"alpha", ATTR_REAL, SPEC_AT(mixup), NULL, 1e-6, 1e6, NULL}, {0}};
static const Attr cutmix_attrs[] = {{"alpha", ATTR_REAL, SPEC_AT(cutmix), NULL, 1e-6, 1e6, NULL}, {0}};

static const Attr teacher_attrs[] = {
    {"path", ATTR_NAME, SPEC_AT(teacher.path), NULL, 0, 0, NULL},
    {"weights", ATTR_NAME, SPEC_AT(teacher.weights), NULL, 0, 0, NULL},
    {"temperature", ATTR_REAL, SPEC_AT(teacher.temperature), "4", 1e-3, 1e6, NULL},
    {"weight", ATTR_REAL, SPEC_AT(teacher.weight), "0.9", 1e-300, -1, NULL}, /* above 0 */
    {"name", ATTR_NAME, SPEC_AT(teacher.net), "none", 0, 0, attr_or_none},
    {0},
};

static const Attr *call_attrs(Key key)
{
    return key == KEY_EMA         ? ema_attrs
           : key == KEY_LOOKAHEAD ? lookahead_attrs
           : key == KEY_MIXUP     ? mixup_attrs
           : key == KEY_CUTMIX    ? cutmix_attrs
                                  : teacher_attrs;
}

void train_read_call(Training *t, const TrainEntry *entry)
{
    if (!attrs_bind(t->c, train_keys()[entry->key], call_attrs(entry->key), t->spec, &entry->values, entry->span))
        wrong(t);
    if (entry->key == KEY_TEACHER) t->spec->teacher.span = entry->span;
}

/* A loss with targets of either kind gets probabilities. */
static void take_probabilities(const OpCall *loss)
{
    for (const Attr *a = loss->op->attrs; a && a->name; a++)
        for (int i = 0; strcmp(a->name, "targets") == 0 && a->symbols[i]; i++)
            if (strcmp(a->symbols[i], "probabilities") == 0) *(int *)((char *)loss->attrs + a->offset) = i;
}

/* All targets are mixed, and are values or probabilities to the losses that take them. */
static void mix_targets(Training *t)
{
    const TrainEntry *entry = t->entry[KEY_MIXUP] ? t->entry[KEY_MIXUP] : t->entry[KEY_CUTMIX];
    if (!entry || !t->spec->loss.op || !t->good) return;
    const Objectives all = train_objectives(t->spec, t->net);
    for (int i = 0; i < all.count; i++) {
        const Objective *o = &all.at[i];
        const char *name = all.target[o->target].name;
        const LossTarget target = op_loss_target(o->loss.op, o->loss.attrs, o->output->shape);
        const bool maps = target.classes && shape_count(target.shape) > 1;
        if (!maps) take_probabilities(&o->loss);
        if (o->of_teacher) continue; /* it judges the mixed sample itself */
        if (!op_loss_target(o->loss.op, o->loss.attrs, o->output->shape).classes) continue;
        if (maps)
            diag_error(t->c, entry->span,
                       "%s mixes a class of each sample, but %s takes one of each of %s places; with "
                       "targets=probabilities it takes maps of probabilities, which can be mixed",
                       train_keys()[entry->key], o->loss.op->name, shape_text(t->c->arena, target.shape));
        else
            diag_error(t->c, entry->span,
                       "%s mixes the targets of two samples, but those of %s are classes%s%s; use cross_entropy",
                       train_keys()[entry->key], o->loss.op->name, name ? ", of target " : "", name ? name : "");
        wrong(t);
        return;
    }
}

/* ---- the teacher ---------------------------------------------------------- */

static void teacher_wrong(Training *t, const char *text)
{
    diag_error(t->c, t->spec->teacher.span, "teacher: %s", text);
    wrong(t);
}

static bool takes_its_name(const List *heads)
{
    for (int i = 0; i < heads->count; i++) {
        const Head *head = heads->at[i];
        if (strcasecmp(head->name, TEACHER_NAME) == 0) return true;
        if (head->target && strcasecmp(head->target, TEACHER_NAME) == 0) return true;
    }
    return false;
}

static void check_teacher(Training *t)
{
    const TrainSpec *spec = t->spec;
    const Graph *net = t->net;
    if (!spec->teacher.path || !spec->loss.op || !t->good) return;
    const OutputMeaning meaning = spec->loss.op->meaning;
    if (net->output->shape.dim[0] < 2)
        teacher_wrong(t, "it is followed in the probabilities of classes, and the net has one score");
    else if (meaning != OUTPUT_LOGITS && meaning != OUTPUT_LOGARITHMS)
        teacher_wrong(t, arena_printf(t->c->arena,
                                      "it is followed in the probabilities of classes, and %s takes none; use "
                                      "cross_entropy, focal or nll",
                                      spec->loss.op->name));
    else if (takes_its_name(&net->heads) || takes_its_name(&net->outputs))
        teacher_wrong(t, "a head or output, or its target, is called teacher, too; that is the name of its scores");
}

void train_check_calls(Training *t)
{
    mix_targets(t);
    check_teacher(t);
}
