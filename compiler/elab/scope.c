/*
 * scope: lookup of names, and the naming of layers.
 *
 * Enters: lets, labels and steps in the order they are run.  Leaves: constants
 * by name, and a path for every layer.  Labels live longer than lets: a label
 * made in a loop or under an `if` can be used after it, because the network it
 * names is there; a let belongs to the text between its braces.
 */
#include <string.h>

#include "elab/elaborator.h"

/* ---- constants of a file ---------------------------------------------- */

enum { LET_DEPTH = 100 };

typedef struct FileLet {
    const Let *let;
    enum { LET_NEW, LET_RUNNING, LET_DONE } state;
    const Const *value;
} FileLet;

struct FileLets {
    Eval *eval;
    Map *lets; /* name → FileLet */
    int depth;
    Names names;
};

static void let_run(FileLets *lets, FileLet *let)
{
    Compilation *c = lets->eval->compilation;
    if (lets->depth >= LET_DEPTH) {
        diag_error(c, let->let->name_span, "constants are defined in terms of each other more than %d deep", LET_DEPTH);
        let->state = LET_DONE;
        return;
    }
    let->state = LET_RUNNING;
    lets->depth++;
    const Let *l = let->let;
    let->value = eval_let(lets->eval, &lets->names, l->name, l->name_span, &l->params, l->value);
    lets->depth--;
    let->state = LET_DONE;
}

static bool file_lets_find(FileLets *lets, const char *name, const Const **value)
{
    FileLet *let = map_get(lets->lets, name);
    if (!let) return false;
    if (let->state == LET_RUNNING)
        diag_error(lets->eval->compilation, let->let->name_span, "`%s` is defined in terms of itself", name);
    if (let->state == LET_NEW) let_run(lets, let);
    *value = let->value;
    return true;
}

static bool find_in_file(void *self, const char *name, Span span, const Const **value)
{
    FileLets *lets = self;
    *value = NULL;
    if (strcmp(name, "in") == 0 || strcmp(name, "params") == 0 || strcmp(name, "macs") == 0) {
        if (file_lets_find(lets, name, value)) return true;
        diag_error(lets->eval->compilation, span, "`%s` has a value only inside a net or a block", name);
        return true;
    }
    return file_lets_find(lets, name, value);
}

static void add_keys(Arena *arena, List *keys, const Map *map)
{
    for (int i = 0; map && i < map_count(map); i++) list_push(arena, keys, (void *)map_key(map, i));
}

static const char *nearest_in_file(void *self, const char *name)
{
    FileLets *lets = self;
    List keys = {0};
    add_keys(lets->eval->compilation->arena, &keys, lets->lets);
    return nearest_name(name, (const char *const *)keys.at, keys.count);
}

FileLets *file_lets_new(Eval *eval, const File *file)
{
    Arena *arena = eval->compilation->arena;
    FileLets *lets = arena_alloc(arena, sizeof *lets);
    lets->eval = eval;
    lets->lets = map_new(arena);
    lets->names = (Names){lets, find_in_file, nearest_in_file};
    for (int i = 0; i < file->lets.count; i++) {
        FileLet *let = arena_alloc(arena, sizeof *let);
        let->let = file->lets.at[i];
        map_put(lets->lets, let->let->name, let);
    }
    for (int i = 0; i < map_count(lets->lets); i++) {
        FileLet *let = map_value(lets->lets, i);
        if (let->state == LET_NEW) let_run(lets, let);
    }
    return lets;
}

const Names *file_lets_names(FileLets *lets) { return &lets->names; }

/* ---- names of layers -------------------------------------------------- */

typedef struct Counter {
    int count;
} Counter;

Naming *naming_new(Arena *arena, const char *path, bool sequential)
{
    Naming *naming = arena_alloc(arena, sizeof *naming);
    naming->path = path;
    naming->sequential = sequential;
    return naming;
}

static const char *numbered(Arena *arena, Naming *naming, const char *kind)
{
    if (!naming->counters) naming->counters = map_new(arena);
    Counter *counter = map_get(naming->counters, kind);
    if (!counter) {
        counter = arena_alloc(arena, sizeof *counter);
        map_put(naming->counters, kind, counter);
    }
    return arena_printf(arena, "%s%d", kind, ++counter->count);
}

const char *naming_step(Compilation *c, Naming *naming, const char *kind, const char *label, Span label_span)
{
    int position = naming->position++;
    if (!label) return naming->sequential ? arena_printf(c->arena, "%d", position) : numbered(c->arena, naming, kind);
    if (!naming->labels) naming->labels = map_new(c->arena);
    const Span *first = map_get(naming->labels, label);
    if (first) {
        diag_error(c, label_span, "the label `%s` is used twice", label);
        diag_note(c, *first, "the first is here");
        /* a name that no user can write: the parameters' names must not clash as well */
        return arena_printf(c->arena, "%s'%d", label, position);
    }
    Span *span = arena_alloc(c->arena, sizeof *span);
    *span = label_span;
    map_put(naming->labels, label, span);
    return label;
}

const char *naming_path(Arena *arena, const Naming *naming, const char *step)
{
    return *naming->path ? arena_printf(arena, "%s.%s", naming->path, step) : step;
}

/* ---- lookup ----------------------------------------------------------- */

static Binding *own_let(const Body *b, const char *name) { return b->lets ? map_get(b->lets, name) : NULL; }

bool body_find(const Body *body, const char *name, const Const **value)
{
    for (const Body *b = body; b; b = b->outer) {
        const Binding *let = b->variable.name && strcmp(b->variable.name, name) == 0 ? &b->variable : own_let(b, name);
        const Const *label = !let && b->labels ? map_get(b->labels, name) : NULL;
        if (let || label) {
            *value = let ? let->value : label;
            if (let && let->define) body->elab->define = let->define;
            return true;
        }
    }
    return file_lets_find(body->elab->lets, name, value);
}

static const Const *current_value(const Body *b, Span span)
{
    Compilation *c = b->elab->c;
    if (b->current.tensor || b->current.poisoned) return const_value(c->arena, "in", b->current.tensor);
    diag_error(c, span, "`in` has no value yet: a net begins with input(SHAPE)");
    return NULL;
}

static bool find_in_body(void *self, const char *name, Span span, const Const **value)
{
    const Body *b = self;
    const Elab *e = b->elab;
    *value = NULL;
    if (strcmp(name, "in") == 0) {
        *value = current_value(b, span);
        return true;
    }
    if (body_find(b, name, value)) return true;
    bool params = strcmp(name, "params") == 0;
    if (!params && strcmp(name, "macs") != 0) return elab_metric(e, name, span, value);
    if (!e->incomplete) *value = const_int(e->c->arena, params ? e->params : e->macs);
    return true;
}

static const char *nearest_in_body(void *self, const char *name)
{
    const Body *body = self;
    Arena *arena = body->elab->c->arena;
    List keys = {0};
    for (const Body *b = body; b; b = b->outer) {
        if (b->variable.name) list_push(arena, &keys, (void *)b->variable.name);
        add_keys(arena, &keys, b->lets);
        add_keys(arena, &keys, b->labels);
    }
    add_keys(arena, &keys, body->elab->lets->lets);
    list_push(arena, &keys, "in");
    list_push(arena, &keys, "params");
    list_push(arena, &keys, "macs");
    elab_metric_keys(arena, &keys);
    return nearest_name(name, (const char *const *)keys.at, keys.count);
}

/* ---- bodies ----------------------------------------------------------- */

Body *body_new(Elab *e, Body *outer, Naming *naming)
{
    Body *b = arena_alloc(e->c->arena, sizeof *b);
    if (outer) *b = *outer; /* current value, call, frozen, in_head */
    b->elab = e;
    b->outer = outer;
    b->naming = naming;
    b->home = outer && outer->naming == naming ? outer->home : b;
    b->variable = (Binding){0};
    b->lets = b->labels = NULL;
    b->depth++;
    b->names = (Names){b, find_in_body, nearest_in_body};
    return b;
}

void body_let(Body *b, const char *name, Span span, const Const *value)
{
    Elab *e = b->elab;
    if (!b->lets) b->lets = map_new(e->c->arena);
    const Binding *first = own_let(b, name);
    if (first) {
        diag_error(e->c, span, "`%s` is defined twice", name);
        diag_note(e->c, first->span, "the first is here");
        return;
    }
    Binding *binding = arena_alloc(e->c->arena, sizeof *binding);
    *binding = (Binding){name, span, value, e->define};
    map_put(b->lets, name, binding);
}

void body_label(Body *b, const char *label, Value value)
{
    Body *home = b->home;
    Arena *arena = b->elab->c->arena;
    if (!home->labels) home->labels = map_new(arena);
    map_put(home->labels, label, (void *)const_value(arena, label, value.tensor));
}
