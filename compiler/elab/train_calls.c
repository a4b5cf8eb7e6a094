/*
 * Keys of a train section that are written as calls: ema(0.999), lookahead, mixup, cutmix.
 *
 * Enters: their entries.  Leaves: their arguments in the specification, and a loss that takes
 * mixed targets where samples are mixed.
 */
#include <string.h>

#include "elab/attributes.h"
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

/* A loss with targets of either kind gets probabilities; the targets of others are values,
 * or cannot be mixed. */
void train_mix_targets(Training *t)
{
    const TrainEntry *entry = t->entry[KEY_MIXUP] ? t->entry[KEY_MIXUP] : t->entry[KEY_CUTMIX];
    const OpCall *loss = &t->spec->loss;
    if (!entry || !loss->op || !t->good) return;
    for (const Attr *a = loss->op->attrs; a && a->name; a++)
        for (int i = 0; strcmp(a->name, "targets") == 0 && a->symbols[i]; i++)
            if (strcmp(a->symbols[i], "probabilities") == 0) *(int *)((char *)loss->attrs + a->offset) = i;
    if (!loss->op->target || !train_target(t->spec, t->net).classes) return;
    diag_error(t->c, entry->span, "%s mixes the targets of two samples, but those of %s are classes; use cross_entropy",
               train_keys()[entry->key], loss->op->name);
    wrong(t);
}
