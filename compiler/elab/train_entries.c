/*
 * Train sections → entries: a key and its values each.
 *
 * A later --set replaces the section's entry of that key, or one argument of the optimizer or
 * the loss.
 */
#include <string.h>

#include "elab/train_entries.h"
#include "elab/attributes.h"

static const char *const key_names[KEY_COUNT + 1] = {
    "loss",      "optimizer", "schedule", "regularize", "clip",    "batch", "epochs", "seed",
    "normalize", "fit",       "augment",  "stop",       "order",   "valid", "keep",   "update",
    "ema",       "lookahead", "mixup",    "cutmix",     "teacher", "group", NULL,
};

const char *const *train_keys(void) { return key_names; }

/* The key of that name, or −1. */
static int train_key_find(const char *name)
{
    for (int i = 0; i < KEY_COUNT; i++)
        if (strcmp(key_names[i], name) == 0) return i;
    return -1;
}

static TrainEntry *entry_new(Training *t, Key key, Span span)
{
    TrainEntry *entry = arena_alloc(t->c->arena, sizeof *entry);
    entry->key = key;
    entry->span = span;
    return entry;
}

static ConstArg *arg_value(Training *t, const Arg *arg)
{
    ConstArg *value = arena_alloc(t->c->arena, sizeof *value);
    *value = (ConstArg){arg->name, arg->name_span, arg->span, eval_expr(&t->eval, t->names, arg->value, true)};
    if (!value->value) wrong(t);
    return value;
}

/* In a file a key stands once. */
static void entry_put(Training *t, TrainEntry *entry, bool replace)
{
    const TrainEntry *first = t->entry[entry->key];
    if (first && !replace) {
        diag_error(t->c, entry->span, "%s is given twice", key_names[entry->key]);
        diag_note(t->c, first->span, "the first is here");
        wrong(t);
        return;
    }
    t->entry[entry->key] = entry;
}

/* `batch -1`, which is a difference: the key, or NULL.  No key takes a single negative number. */
static const char *key_of_negative(const Arg *arg)
{
    const Expr *e = arg->value;
    const bool differs = !arg->name && e->kind == EXPR_BINARY && e->op == OPERATOR_SUB && e->left->kind == EXPR_NAME;
    return differs && train_key_find(e->left->text) >= 0 ? e->left->text : NULL;
}

static void stray_word(Training *t, const Arg *arg)
{
    const char *word = arg->name                                                        ? arg->name
                       : arg->value->kind == EXPR_NAME || arg->value->kind == EXPR_CALL ? arg->value->text
                                                                                        : NULL;
    Span span = arg->name ? arg->name_span : arg->span;
    if (key_of_negative(arg))
        diag_error(t->c, span, "%s takes no negative number: `%s`", key_of_negative(arg), expr_line(t->c, arg->value));
    else if (word)
        diag_error(t->c, span, "a train section has no key `%s`%s", word,
                   suggestion(t->c, nearest_name(word, key_names, KEY_COUNT)));
    else
        diag_error(t->c, span, "a train section is made of keys and values; `%s` comes before the first key",
                   expr_line(t->c, arg->value));
    wrong(t);
}

/* A misspelt key is read as one value too many of the key before it. */
static void extra_value(Training *t, const TrainEntry *entry, const Arg *arg)
{
    const char *word = arg->value->kind == EXPR_NAME && !arg->name ? arg->value->text : arg->name;
    if (key_of_negative(arg))
        diag_error(t->c, arg->span, "%s takes no negative number: `%s`", key_of_negative(arg),
                   expr_line(t->c, arg->value));
    else if (word)
        diag_error(t->c, arg->name ? arg->name_span : arg->span, "`%s` is neither a key nor a value of %s%s", word,
                   key_names[entry->key], suggestion(t->c, nearest_name(word, key_names, KEY_COUNT)));
    else
        diag_error(t->c, arg->span, "%s takes one value", key_names[entry->key]);
    wrong(t);
}

static bool takes_several(Key key)
{
    return key == KEY_REGULARIZE || key == KEY_CLIP || key == KEY_NORMALIZE || key == KEY_AUGMENT;
}

/* True when the word was the value of an entry. */
static bool add_value(Training *t, TrainEntry *entry, const Arg *arg, bool *stray)
{
    if (!entry || (arg->name && entry->key != KEY_NORMALIZE)) return false;
    if (*stray) /* the value of a misspelt key: already reported */
        return true;
    if (entry->values.count > 0 && !takes_several(entry->key)) {
        extra_value(t, entry, arg);
        *stray = true;
        return true;
    }
    list_push(t->c->arena, &entry->values, arg_value(t, arg));
    return true;
}

/* NAME=value: in --set a key or an argument; in a file a slip. */
static void named_word(Training *t, const Arg *arg, bool set)
{
    int key = train_key_find(arg->name);
    if (!set && key >= 0) {
        diag_error(t->c, arg->span, "write `%s %s`, without `=`", arg->name, expr_line(t->c, arg->value));
        wrong(t);
    } else if (key >= 0) {
        TrainEntry *entry = entry_new(t, key, arg->name_span);
        ConstArg *value = arg_value(t, arg);
        value->name = NULL;
        list_push(t->c->arena, &entry->values, value);
        entry_put(t, entry, true);
    } else if (set)
        list_push(t->c->arena, &t->overrides, arg_value(t, arg));
    else
        stray_word(t, arg);
}

/* group "PATTERN" (…), which the grammar makes a call: `group` is a reserved word. */
static bool is_group(const Arg *arg)
{
    return !arg->name && arg->value->kind == EXPR_CALL && strcmp(arg->value->text, key_names[KEY_GROUP]) == 0;
}

/* ema(0.999): a key that is written as a call. */
static bool is_call_key(const Arg *arg)
{
    int key = !arg->name && arg->value->kind == EXPR_CALL ? train_key_find(arg->value->text) : -1;
    return train_is_call(key);
}

static void add_call(Training *t, const Arg *arg, bool set)
{
    TrainEntry *entry = entry_new(t, train_key_find(arg->value->text), arg->span);
    for (int i = 0; i < arg->value->args.count; i++)
        list_push(t->c->arena, &entry->values, arg_value(t, arg->value->args.at[i]));
    entry_put(t, entry, set);
}

static void add_group(Training *t, const Arg *arg)
{
    TrainEntry *entry = entry_new(t, KEY_GROUP, arg->span);
    for (int i = 0; i < arg->value->args.count; i++)
        list_push(t->c->arena, &entry->values, arg_value(t, arg->value->args.at[i]));
    list_push(t->c->arena, &t->groups, entry);
}

void train_read_items(Training *t, const List *items, bool set)
{
    TrainEntry *entry = NULL;
    bool stray = false;
    for (int i = 0; i < items->count && !diag_full(t->c); i++) {
        const Arg *arg = items->at[i];
        int key = !arg->name && arg->value->kind == EXPR_NAME ? train_key_find(arg->value->text) : -1;
        if (is_group(arg)) {
            add_group(t, arg);
            entry = NULL;
            continue;
        }
        if (is_call_key(arg)) {
            add_call(t, arg, set);
            entry = NULL;
            continue;
        }
        if (!arg->name && arg->value->kind == EXPR_CALL && train_key_find(arg->value->text) >= 0) {
            diag_error(t->c, arg->span, "the value of %s is written after it, without parentheses around it",
                       arg->value->text);
            wrong(t);
            stray = true;
            continue;
        }
        if (key >= 0) {
            entry = entry_new(t, key, arg->span);
            entry_put(t, entry, set);
            stray = false;
        } else if (arg->name && train_key_find(arg->name) < 0 && add_value(t, entry, arg, &stray)) {
            continue;
        } else if (arg->name)
            named_word(t, arg, set);
        else if (!entry && !stray) {
            stray_word(t, arg);
            stray = true;
        } else if (entry)
            add_value(t, entry, arg, &stray);
    }
}

/* ---- values of entries ------------------------------------------------ */

static const List no_args = {0};

const List *train_symbol_args(const Const *symbol) { return symbol->symbol.args ? symbol->symbol.args : &no_args; }

const ConstArg *train_single(Training *t, const TrainEntry *entry)
{
    if (entry->values.count == 1) {
        const ConstArg *arg = entry->values.at[0];
        return arg->value ? arg : NULL;
    }
    diag_error(t->c, entry->span, "%s needs a value", train_keys()[entry->key]);
    wrong(t);
    return NULL;
}

const char *train_names_text(const Training *t, const char *const *names, int count)
{
    Text text;
    text_init(&text, t->c->arena);
    for (int i = 0; i < count; i++) text_addf(&text, "%s%s", i == 0 ? "" : i + 1 == count ? " or " : ", ", names[i]);
    return text.data;
}

int train_choose(Training *t, Key key, const ConstArg *arg, const char *const *names, int count)
{
    bool symbol = arg->value->kind == CONST_SYMBOL && !arg->name;
    for (int i = 0; symbol && i < count; i++)
        if (strcmp(names[i], arg->value->symbol.text) == 0) return i;
    const char *nearest = symbol ? nearest_name(arg->value->symbol.text, names, count) : NULL;
    if (symbol && !nearest) /* perhaps a misspelt key */
        nearest = nearest_name(arg->value->symbol.text, train_keys(), KEY_COUNT);
    diag_error(t->c, arg->span, "%s takes %s, not %s%s", train_keys()[key], train_names_text(t, names, count),
               const_text(t->c->arena, arg->value), suggestion(t->c, nearest));
    wrong(t);
    return -1;
}
