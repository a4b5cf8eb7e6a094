/*
 * train: train sections → a training specification.
 *
 * Enters: the flat words of `train NET { … }` and of --set.  Leaves: a TrainSpec
 * with every default filled in.  A section is a list of entries, a key and its
 * values each; a later --set replaces the section's entry of that key, or one
 * argument of the optimizer or the loss.  Nothing here knows what a loss or an
 * optimizer computes: they are bound by their own tables.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "elab/attributes.h"
#include "elab/train_entries.h"

/* ---- values of entries ------------------------------------------------ */

/* Like `choose` for values that take no arguments. */
static int choose_bare(Training *t, Key key, const ConstArg *arg, const char *const *names, int count)
{
    int index = train_choose(t, key, arg, names, count);
    if (index >= 0 && train_symbol_args(arg->value)->count > 0) {
        diag_error(t->c, arg->span, "%s takes no arguments", names[index]);
        wrong(t);
    }
    return index;
}

/* ---- loss and optimizer ----------------------------------------------- */

static bool has_attr(const Op *op, const char *name)
{
    for (const Attr *attr = op->attrs; attr && attr->name; attr++)
        if (strcmp(attr->name, name) == 0) return true;
    return false;
}

/* The name of the attribute that a positional argument is for. */
static const char *positional_name(const Op *op, int position)
{
    for (const Attr *attr = op->attrs; attr && attr->name; attr++)
        if (position-- == 0) return attr->name;
    return NULL;
}

/* The call's arguments with those of --set in place of, or after, them. */
static List *overridden(Training *t, const Op *op, const List *args)
{
    List *all = arena_alloc(t->c->arena, sizeof *all);
    int position = 0;
    for (int i = 0; i < args->count; i++) {
        ConstArg *arg = arena_alloc(t->c->arena, sizeof *arg);
        *arg = *(const ConstArg *)args->at[i];
        const char *name = arg->name ? arg->name : positional_name(op, position++);
        for (int k = 0; name && k < t->overrides.count; k++) {
            const ConstArg *override = t->overrides.at[k];
            if (strcmp(override->name, name) == 0) arg->value = override->value, arg->span = override->span;
        }
        list_push(t->c->arena, all, arg);
    }
    for (int k = 0; k < t->overrides.count; k++) {
        ConstArg *override = t->overrides.at[k];
        bool present = !has_attr(op, override->name);
        position = 0;
        for (int i = 0; i < all->count; i++) {
            const ConstArg *arg = all->at[i];
            const char *name = arg->name ? arg->name : positional_name(op, position++);
            present |= name && strcmp(name, override->name) == 0;
        }
        if (!present) list_push(t->c->arena, all, override);
    }
    return all;
}

static void bind_call(Training *t, OpCall *call, const Op *op, const List *args, Span span)
{
    call->op = op;
    call->attrs = arena_alloc(t->c->arena, op->attrs_size + 1);
    call->span = span;
    if (!attrs_bind(t->c, op->name, op->attrs, call->attrs, overridden(t, op, args), span)) wrong(t);
}

static void read_call(Training *t, Key key, OpClass class, OpCall *call)
{
    const ConstArg *arg = train_single(t, t->entry[key]);
    if (!arg) return;
    const char *name = arg->value->kind == CONST_SYMBOL && !arg->name ? arg->value->symbol.text : NULL;
    const Op *op = name ? op_find(name, class) : NULL;
    if (op) {
        bind_call(t, call, op, train_symbol_args(arg->value), arg->span);
        return;
    }
    const char **names = arena_alloc(t->c->arena, (size_t)(op_table_count + 1) * sizeof *names);
    int count = 0;
    for (int i = 0; i < op_table_count; i++)
        if (op_table[i]->class == class) names[count++] = op_table[i]->name;
    train_choose(t, key, arg, names, count);
}

static void default_call(Training *t, OpCall *call, const char *name, OpClass class, const List *args)
{
    const Op *op = op_find(name, class);
    assert(op);
    bind_call(t, call, op, args, t->spec->span);
}

static List *default_sgd(Arena *arena)
{
    static const char *const names[] = {"lr", "momentum"};
    static const double values[] = {0.01, 0.9};
    List *args = arena_alloc(arena, sizeof *args);
    for (int i = 0; i < 2; i++) {
        ConstArg *arg = arena_alloc(arena, sizeof *arg);
        *arg = (ConstArg){names[i], span_nowhere(), span_nowhere(), const_real(arena, values[i])};
        list_push(arena, args, arg);
    }
    return args;
}

static void check_overrides(Training *t)
{
    const Op *optimizer = t->spec->optimizer.op, *loss = t->spec->loss.op;
    for (int i = 0; optimizer && loss && i < t->overrides.count; i++) {
        const ConstArg *arg = t->overrides.at[i];
        if (has_attr(optimizer, arg->name) || has_attr(loss, arg->name)) continue;
        List names = {0};
        for (int k = 0; k < KEY_COUNT; k++) list_push(t->c->arena, &names, (void *)train_keys()[k]);
        for (const Attr *a = optimizer->attrs; a && a->name; a++) list_push(t->c->arena, &names, (void *)a->name);
        for (const Attr *a = loss->attrs; a && a->name; a++) list_push(t->c->arena, &names, (void *)a->name);
        diag_error(t->c, arg->name_span, "`%s` is neither a key of a train section nor an argument of %s or %s%s",
                   arg->name, optimizer->name, loss->name,
                   suggestion(t->c, nearest_name(arg->name, (const char *const *)names.at, names.count)));
        wrong(t);
    }
}

static double learning_rate(const OpCall *optimizer)
{
    for (const Attr *attr = optimizer->op->attrs; attr && attr->name; attr++)
        if (strcmp(attr->name, "lr") == 0) return *(const double *)((const char *)optimizer->attrs + attr->offset);
    return 0;
}

static void read_calls(Training *t)
{
    if (t->entry[KEY_LOSS])
        read_call(t, KEY_LOSS, OP_LOSS, &t->spec->loss);
    else
        default_call(t, &t->spec->loss, "cross_entropy", OP_LOSS, &(const List){0});
    if (t->entry[KEY_OPTIMIZER])
        read_call(t, KEY_OPTIMIZER, OP_OPTIMIZER, &t->spec->optimizer);
    else
        default_call(t, &t->spec->optimizer, "sgd", OP_OPTIMIZER, default_sgd(t->c->arena));
    check_overrides(t);
    if (t->good && t->spec->optimizer.op) t->spec->lr = learning_rate(&t->spec->optimizer);
}

/* ---- regularize and clip ---------------------------------------------- */

typedef struct Amount {
    double x;
} Amount;

static const Attr weight_attrs[] = {{"x", ATTR_REAL, offsetof(Amount, x), NULL, 0, INFINITY, NULL}, {0}};
static const Attr bound_attrs[] = {{"x", ATTR_REAL, offsetof(Amount, x), NULL, POSITIVE, NULL}, {0}};

/* name(x) entries, each name once, into to[0] and to[1]. */
static void read_amounts(Training *t, const TrainEntry *entry, const char *const *names, const Attr *attrs,
                         double *const *to)
{
    const ConstArg *seen[2] = {NULL, NULL};
    if (entry->values.count == 0) train_single(t, entry);
    for (int i = 0; i < entry->values.count; i++) {
        const ConstArg *arg = entry->values.at[i];
        int index = arg->value ? train_choose(t, entry->key, arg, names, 2) : -1;
        Amount amount = {0};
        if (index < 0) continue;
        if (seen[index]) {
            diag_error(t->c, arg->span, "%s: %s is given twice", train_keys()[entry->key], names[index]);
            diag_note(t->c, seen[index]->span, "the first is here");
            wrong(t);
        }
        seen[index] = arg;
        if (!attrs_bind(t->c, names[index], attrs, &amount, train_symbol_args(arg->value), arg->span)) wrong(t);
        *to[index] = amount.x;
    }
}

static const char *const regularize_names[] = {"l1", "l2"};
static const char *const clip_names[] = {"norm", "value"};

static void read_regularize(Training *t, const TrainEntry *entry)
{
    double *const to[] = {&t->spec->l1, &t->spec->l2};
    read_amounts(t, entry, regularize_names, weight_attrs, to);
}

static void read_clip(Training *t, const TrainEntry *entry)
{
    double *const to[] = {&t->spec->clip_norm, &t->spec->clip_value};
    read_amounts(t, entry, clip_names, bound_attrs, to);
}

/* ---- batch, epochs, seed ---------------------------------------------- */

static int64_t read_integer(Training *t, const TrainEntry *entry, int64_t least, int64_t most, int64_t initial)
{
    const ConstArg *arg = entry ? train_single(t, entry) : NULL;
    if (!arg) return initial;
    if (arg->value->kind != CONST_INT || arg->name)
        diag_error(t->c, arg->span, "%s takes an integer, not %s: %s", train_keys()[entry->key],
                   const_kind_text(arg->value), const_text(t->c->arena, arg->value));
    else if (arg->value->integer < least || arg->value->integer > most)
        diag_error(t->c, arg->span, "%s is %lld; it must be from %lld to %lld", train_keys()[entry->key],
                   (long long)arg->value->integer, (long long)least, (long long)most);
    else
        return arg->value->integer;
    wrong(t);
    return initial;
}

/* ---- data: normalize, fit, augment ------------------------------------ */

static const Attr normalize_attrs[] = {
    {"mean", ATTR_REALS, offsetof(TrainSpec, mean), NULL, 0, 0, NULL},
    {"std", ATTR_REALS, offsetof(TrainSpec, std), NULL, POSITIVE, NULL},
    {0},
};

/* Features may be the pixels of an image in colour. */
static void check_channels(Training *t, const TrainEntry *entry)
{
    const TrainSpec *spec = t->spec;
    Shape shape = net_input_shape(t->net);
    int64_t channels = shape.dim[0];
    const char *what = shape.rank > 1 ? "channels" : "features";
    const bool colours = shape.rank == 1 && channels % 3 == 0 && spec->mean.count == 3;
    if (spec->mean.count != spec->std.count)
        diag_error(t->c, entry->span, "normalize: mean has %d numbers and std has %d", spec->mean.count,
                   spec->std.count);
    else if (spec->mean.count != 1 && spec->mean.count != channels && !colours)
        diag_error(t->c, entry->span, "normalize: mean has %d numbers, but the input has %lld %s", spec->mean.count,
                   (long long)channels, what);
    else
        return;
    wrong(t);
}

static void read_normalize(Training *t, const TrainEntry *entry)
{
    static const char *const names[] = {"dataset", "none"};
    const ConstArg *first = entry->values.count > 0 ? entry->values.at[0] : train_single(t, entry);
    if (!first || !first->value) return;
    if (first->name) {
        t->spec->normalize = NORMALIZE_GIVEN;
        if (!attrs_bind(t->c, "normalize", normalize_attrs, t->spec, &entry->values, entry->span))
            wrong(t);
        else
            check_channels(t, entry);
        return;
    }
    int index = choose_bare(t, KEY_NORMALIZE, first, names, 2);
    t->spec->normalize = index == 1 ? NORMALIZE_NONE : NORMALIZE_DATASET;
    if (entry->values.count > 1) {
        const ConstArg *second = entry->values.at[1];
        const char *word = second->name ? second->name : second->value ? const_text(t->c->arena, second->value) : "";
        diag_error(t->c, second->span, "`%s` is neither a key nor a value of normalize%s", word,
                   suggestion(t->c, nearest_name(word, train_keys(), KEY_COUNT)));
        wrong(t);
    }
}

static void read_fit(Training *t, const TrainEntry *entry)
{
    static const char *const names[] = {"resize", "pad", "crop"}; /* as FitKind */
    const ConstArg *arg = train_single(t, entry);
    int kind = arg ? choose_bare(t, KEY_FIT, arg, names, 3) : -1;
    if (kind >= 0) t->spec->fit = kind;
}

enum { AUGMENT_KINDS = AUGMENT_TRANSLATE + 1 };

#define AUGMENT_AT(field) offsetof(Augment, field)
static const Attr augment_crop[] = {
    {"size", ATTR_INT, AUGMENT_AT(size), NULL, 1, 100000, NULL},
    {"pad", ATTR_INT, AUGMENT_AT(pad), "0", 0, 100000, NULL},
    {0},
};
static const Attr augment_flip[] = {{"alternate", ATTR_BOOL, AUGMENT_AT(alternate), "no", 0, 0, NULL}, {0}};
static const Attr augment_size[] = {{"size", ATTR_INT, AUGMENT_AT(size), NULL, 1, 100000, NULL}, {0}};
static const Attr augment_angle[] = {{"deg", ATTR_REAL, AUGMENT_AT(amount), NULL, 0, 180, NULL}, {0}};
static const Attr augment_amount[] = {{"x", ATTR_REAL, AUGMENT_AT(amount), NULL, 0, 1, NULL}, {0}};

static const char *const augment_names[] = {"crop",   "flip",   "resize",   "rotate",
                                            "cutout", "jitter", "translate"}; /* as AugmentKind */
static const Attr *const augment_attrs[] = {augment_crop, augment_flip,   augment_size, augment_angle,
                                            augment_size, augment_amount, augment_size};

static void read_augment(Training *t, const TrainEntry *entry)
{
    if (entry->values.count == 0) train_single(t, entry);
    for (int i = 0; i < entry->values.count; i++) {
        const ConstArg *arg = entry->values.at[i];
        int kind = arg->value ? train_choose(t, KEY_AUGMENT, arg, augment_names, AUGMENT_KINDS) : -1;
        if (kind < 0) continue;
        Augment *augment = arena_alloc(t->c->arena, sizeof *augment);
        augment->kind = kind;
        if (!attrs_bind(t->c, augment_names[kind], augment_attrs[kind], augment, train_symbol_args(arg->value),
                        arg->span))
            wrong(t);
        list_push(t->c->arena, &t->spec->augment, augment);
    }
}

typedef struct StopAttrs {
    int64_t n;
} StopAttrs;

static const Attr stop_attrs[] = {{"n", ATTR_INT, offsetof(StopAttrs, n), NULL, 1, 1e9, NULL}, {0}};

static const char *const stop_names[] = {"patience"};

static void read_stop(Training *t, const TrainEntry *entry)
{
    const ConstArg *arg = train_single(t, entry);
    StopAttrs attrs = {0};
    if (!arg || train_choose(t, KEY_STOP, arg, stop_names, 1) < 0) return;
    if (!attrs_bind(t->c, stop_names[0], stop_attrs, &attrs, train_symbol_args(arg->value), arg->span)) wrong(t);
    t->spec->stop_patience = attrs.n;
}

/* ---- order ------------------------------------------------------------ */

static void read_order(Training *t, const TrainEntry *entry)
{
    static const char *const names[] = {"shuffle", "sequential"};
    const ConstArg *arg = train_single(t, entry);
    t->spec->sequential = arg && choose_bare(t, KEY_ORDER, arg, names, 2) == 1;
}

/* ---- validation --------------------------------------------------------- */

static void read_valid(Training *t, const TrainEntry *entry)
{
    const ConstArg *arg = train_single(t, entry);
    if (!arg) return;
    const Const *value = arg->value;
    const double amount = value->kind == CONST_INT    ? (double)value->integer
                          : value->kind == CONST_REAL ? value->real
                                                      : -1;
    if (!arg->name && (amount < 1 ? amount >= 0 : value->kind == CONST_INT && amount <= INT32_MAX)) {
        t->spec->valid = amount;
        return;
    }
    if (!arg->name && value->kind == CONST_REAL && amount >= 1 && amount == floor(amount))
        diag_error(t->c, arg->span,
                   "valid is a share of %s, which leaves nothing to train on; a share is below 1, and a number of "
                   "samples is written without a point",
                   const_text(t->c->arena, value));
    else
        diag_error(t->c, arg->span, "valid takes a share of the training samples below 1, or a number of them, not %s",
                   const_text(t->c->arena, value));
    wrong(t);
}

static void read_keep(Training *t, const TrainEntry *entry)
{
    static const char *const names[] = {"best", "last"};
    const ConstArg *arg = train_single(t, entry);
    const int kind = arg ? choose_bare(t, KEY_KEEP, arg, names, 2) : -1;
    if (kind >= 0) t->spec->keep = kind == 0 ? KEEP_BEST : KEEP_LAST;
}

static void read_update(Training *t, const TrainEntry *entry)
{
    static const char *const names[] = {"all", "auto"};
    const ConstArg *arg = train_single(t, entry);
    t->spec->update_auto = arg && choose_bare(t, KEY_UPDATE, arg, names, 2) == 1;
}

bool train_keeps_best(const TrainSpec *spec)
{
    return spec->keep == KEEP_BEST || (spec->keep == KEEP_DEFAULT && spec->stop_patience > 0);
}

bool train_needs_valid(const TrainSpec *spec)
{
    return spec->stop_patience > 0 || spec->schedule.kind == SCHEDULE_PLATEAU || train_keeps_best(spec);
}

/* ---- for the help ------------------------------------------------------ */

const char *train_choice(const char *key, int index, const Attr **attrs)
{
    static const Attr *const weights[] = {weight_attrs, weight_attrs}, *const bounds[] = {bound_attrs, bound_attrs};
    static const Attr *const stops[] = {stop_attrs};
    static const struct {
        Key key;
        const char *const *names;
        const Attr *const *attrs;
        int count;
    } choices[] = {
        {KEY_SCHEDULE, train_schedule_names, train_schedule_attrs, SCHEDULE_KINDS},
        {KEY_AUGMENT, augment_names, augment_attrs, AUGMENT_KINDS},
        {KEY_REGULARIZE, regularize_names, weights, 2},
        {KEY_CLIP, clip_names, bounds, 2},
        {KEY_STOP, stop_names, stops, 1},
    };
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        if (strcmp(train_keys()[choices[i].key], key) != 0 || index >= choices[i].count) continue;
        *attrs = choices[i].attrs[index];
        return choices[i].names[index];
    }
    return NULL;
}

/* ---- sections --------------------------------------------------------- */

static bool net_exists(const File *file, const char *name)
{
    for (int i = 0; i < file->nets.count; i++)
        if (strcmp(((const Def *)file->nets.at[i])->name, name) == 0) return true;
    return false;
}

static void check_section(Compilation *c, const File *file, int index)
{
    const Train *section = file->trains.at[index];
    for (int i = 0; i < index; i++) {
        const Train *other = file->trains.at[i];
        if (strcmp(other->name, section->name) != 0) continue;
        diag_error(c, section->name_span, "net %s has two train sections", section->name);
        diag_note(c, other->name_span, "the first is here");
        return;
    }
    if (net_exists(file, section->name)) return;
    const char **names = arena_alloc(c->arena, (size_t)(file->nets.count + 1) * sizeof *names);
    for (int i = 0; i < file->nets.count; i++) names[i] = ((const Def *)file->nets.at[i])->name;
    diag_error(c, section->name_span, "there is no net `%s` to train%s", section->name,
               suggestion(c, nearest_name(section->name, names, file->nets.count)));
}

void train_sections_check(Compilation *c, const File *file)
{
    for (int i = 0; i < file->trains.count && !diag_full(c); i++) check_section(c, file, i);
}

static const Train *find_section(const File *file, const char *net)
{
    for (int i = 0; i < file->trains.count; i++) {
        const Train *section = file->trains.at[i];
        if (strcmp(section->name, net) == 0) return section;
    }
    return NULL;
}

bool train_section_exists(const File *file, const Graph *net) { return find_section(file, net->name) != NULL; }

LossTarget train_target(const TrainSpec *spec, const Graph *net)
{
    if (!spec) return (LossTarget){.classes = true, .shape = shape_vector(1)};
    return op_loss_target(spec->loss.op, spec->loss.attrs, net->output->shape);
}

static void read_entries(Training *t)
{
    static void (*const readers[KEY_COUNT])(Training *, const TrainEntry *) = {
        [KEY_SCHEDULE] = train_read_schedule,
        [KEY_REGULARIZE] = read_regularize,
        [KEY_CLIP] = read_clip,
        [KEY_NORMALIZE] = read_normalize,
        [KEY_FIT] = read_fit,
        [KEY_AUGMENT] = read_augment,
        [KEY_STOP] = read_stop,
        [KEY_ORDER] = read_order,
        [KEY_VALID] = read_valid,
        [KEY_KEEP] = read_keep,
        [KEY_UPDATE] = read_update,
    };
    TrainSpec *spec = t->spec;
    train_read_groups(t);
    for (int key = 0; key < KEY_COUNT; key++) {
        void (*read)(Training *, const TrainEntry *) = train_is_call(key) ? train_read_call : readers[key];
        if (read && t->entry[key]) read(t, t->entry[key]);
    }
    train_check_calls(t);
    spec->batch = read_integer(t, t->entry[KEY_BATCH], 1, 1 << 20, 64);
    spec->batch_given = t->entry[KEY_BATCH] != NULL;
    spec->epochs = read_integer(t, t->entry[KEY_EPOCHS], 1, 1000000000, 10);
    spec->seed = read_integer(t, t->entry[KEY_SEED], 0, INT64_MAX, 1);
}

TrainSpec *train_spec(Compilation *c, const File *file, const Graph *net, const List *sets)
{
    int errors = c->errors;
    Training t = {.c = c, .eval = {.compilation = c}, .net = net, .good = true};
    t.names = file_lets_names(file_lets_new(&t.eval, file));
    t.spec = arena_alloc(c->arena, sizeof *t.spec);
    const Train *section = find_section(file, net->name);
    t.spec->span = section ? section->span : net->span;
    if (section) train_read_items(&t, &section->items, false);
    for (int i = 0; sets && i < sets->count; i++) train_read_items(&t, &((const Train *)sets->at[i])->items, true);
    read_calls(&t);
    read_entries(&t);
    return t.good && c->errors == errors ? t.spec : NULL;
}
