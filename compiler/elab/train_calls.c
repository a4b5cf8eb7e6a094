/*
 * Keys of a train section that are written as calls: ema(0.999), lookahead, mixup, cutmix.
 *
 * Enters: their entries.  Leaves: their arguments in the specification, and a loss that takes
 * mixed targets where samples are mixed.
 */
#include <string.h>

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

static const Attr *call_attrs(Key key)
{
    return key == KEY_EMA         ? ema_attrs
           : key == KEY_LOOKAHEAD ? lookahead_attrs
           : key == KEY_MIXUP     ? mixup_attrs
                                  : cutmix_attrs;
}

void train_read_call(Training *t, const TrainEntry *entry)
{
    if (!attrs_bind(t->c, train_keys()[entry->key], call_attrs(entry->key), t->spec, &entry->values, entry->span))
        wrong(t);
}

/* A loss with targets of either kind gets probabilities. */
static void take_probabilities(const OpCall *loss)
{
    for (const Attr *a = loss->op->attrs; a && a->name; a++)
        for (int i = 0; strcmp(a->name, "targets") == 0 && a->symbols[i]; i++)
            if (strcmp(a->symbols[i], "probabilities") == 0) *(int *)((char *)loss->attrs + a->offset) = i;
}

/* The net's own target is mixed, and is values or probabilities to all that take it. */
void train_mix_targets(Training *t)
{
    const TrainEntry *entry = t->entry[KEY_MIXUP] ? t->entry[KEY_MIXUP] : t->entry[KEY_CUTMIX];
    if (!entry || !t->spec->loss.op || !t->good) return;
    const Objectives all = train_objectives(t->spec, t->net);
    for (int i = 0; i < all.count; i++) {
        const Objective *o = &all.at[i];
        const char *name = all.target[o->target].name, *key = train_keys()[entry->key];
        take_probabilities(&o->loss);
        if (!name && !op_loss_target(o->loss.op, o->loss.attrs, o->output->shape).classes) continue;
        if (name)
            diag_error(t->c, entry->span, "%s mixes the net's own target, and this net has the target %s as well", key,
                       name);
        else
            diag_error(t->c, entry->span,
                       "%s mixes the targets of two samples, but those of %s are classes; use cross_entropy", key,
                       o->loss.op->name);
        wrong(t);
        return;
    }
}
