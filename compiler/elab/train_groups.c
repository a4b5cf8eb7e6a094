/*
 * Groups of parameters: group "PATTERN" (lr=1, weight_decay=1, train=yes).
 *
 * Enters: the entries of a train section and the net.  Leaves: TrainSpec.groups; parameters
 * that a group trains or does not train are marked in the net.  Where several groups match,
 * factors are multiplied and the last one says whether the parameter is trained.
 */
#include <fnmatch.h>
#include <string.h>

#include "elab/attributes.h"
#include "elab/train_entries.h"

typedef struct GroupAttrs {
    double lr, weight_decay;
    bool train;
} GroupAttrs;

static const Attr group_attrs[] = {
    {"lr", ATTR_REAL, offsetof(GroupAttrs, lr), "1", 0, 1e9, NULL},
    {"weight_decay", ATTR_REAL, offsetof(GroupAttrs, weight_decay), "1", 0, 1e9, NULL},
    {"train", ATTR_BOOL, offsetof(GroupAttrs, train), "yes", 0, 0, NULL},
    {0},
};

/* Whether the group says of training what the tensor has to follow. */
static bool says_train(const List *args)
{
    for (int i = 0; i < args->count; i++) {
        const ConstArg *arg = args->at[i];
        if (i == 2 || (arg->name && strcmp(arg->name, "train") == 0)) return true;
    }
    return false;
}

static void apply_group(Training *t, const ParamGroup *group, bool train)
{
    const int count = t->net->model.count;
    bool *matched = arena_alloc(t->c->arena, (size_t)(count + 1) * sizeof *matched);
    const int matches = graph_match_params(t->net, group->pattern, matched);
    for (int i = 0; train && i < count; i++) {
        Tensor *tensor = t->net->model.at[i];
        if (!matched[i]) continue;
        tensor->trainable = tensor->kind == TENSOR_PARAM && group->train;
        tensor->fixed = tensor->kind == TENSOR_BUFFER && !group->train;
    }
    if (matches) return;
    diag_error(t->c, group->span, "group \"%s\" matches no parameter of %s", group->pattern, t->net->name);
    wrong(t);
}

static void read_group(Training *t, const TrainEntry *entry)
{
    const ConstArg *pattern = entry->values.at[0];
    GroupAttrs attrs;
    List args = {0};
    for (int i = 1; i < entry->values.count; i++) list_push(t->c->arena, &args, entry->values.at[i]);
    if (!pattern->value) return;
    if (!attrs_bind(t->c, "group", group_attrs, &attrs, &args, entry->span)) {
        wrong(t);
        return;
    }
    ParamGroup *group = arena_alloc(t->c->arena, sizeof *group);
    *group = (ParamGroup){pattern->value->text, attrs.lr, attrs.weight_decay, attrs.train, entry->span};
    list_push(t->c->arena, &t->spec->groups, group);
    apply_group(t, group, says_train(&args));
}

void train_read_groups(Training *t)
{
    for (int i = 0; i < t->groups.count; i++) read_group(t, t->groups.at[i]);
}

ParamFactors train_factors(const TrainSpec *spec, const char *name)
{
    ParamFactors f = {1, 1};
    for (int i = 0; i < spec->groups.count; i++) {
        const ParamGroup *group = spec->groups.at[i];
        if (fnmatch(group->pattern, name, 0) != 0) continue;
        f.lr *= group->lr;
        f.weight_decay *= group->weight_decay;
    }
    return f;
}
