/*
 * watch: a step of training whose values can be seen.
 *
 * Enters: a node that is called.  Leaves: a call of the watcher with every real value that the
 * node has made, and around an update with the gradient and the parameter.  Nothing is copied
 * or computed here, so the step's results do not depend on it.
 */
#include "emit/entry_point.h"

static bool is_update(const Node *n) { return n->op->class == OP_OPTIMIZER; }

static void add_watched_value(Arena *arena, List *values, WatchedValue value)
{
    WatchedValue *v = arena_alloc(arena, sizeof *v);
    *v = value;
    list_push(arena, values, v);
}

/* in[0]: the gradient, in[1]: the parameter. */
static List values_before(Arena *arena, const Node *n)
{
    List values = {0};
    for (int i = 0; i < 2 && is_update(n); i++) add_watched_value(arena, &values, (WatchedValue){n, n->in[i], true});
    return values;
}

static List values_after(Arena *arena, const Node *n)
{
    List values = {0};
    if (is_update(n)) add_watched_value(arena, &values, (WatchedValue){n, n->in[1], false});
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i]->dtype == DTYPE_F32 || n->out[i]->dtype == DTYPE_F64)
            add_watched_value(arena, &values, (WatchedValue){n, n->out[i], false});
    return values;
}

static void append_values(Arena *arena, List *all, List values)
{
    for (int i = 0; i < values.count; i++) list_push(arena, all, values.at[i]);
}

List watch_values(Arena *arena, const Graph *program)
{
    List all = {0};
    for (int i = 0; i < program->nodes.count; i++) {
        const Node *n = program->nodes.at[i];
        if (!node_is_called(n)) continue;
        append_values(arena, &all, values_before(arena, n));
        append_values(arena, &all, values_after(arena, n));
    }
    return all;
}

void watch_write_type(Emitter *e)
{
    emitter_put(e, &e->source,
                "/* Sees value number i of a step while it is there. */\n"
                "struct nn_watch {\n"
                "    void (*see)(void *user, int i, const {real} *value);\n"
                "    void *user;\n"
                "};\n\n");
}

static void show_values(EntryPoint *p, List values)
{
    for (int i = 0; i < values.count; i++) {
        const Tensor *t = ((const WatchedValue *)values.at[i])->tensor;
        barrier_before_read(p, t);
        statement_begin(p, true);
        text_addf(&p->text, "watch->see(watch->user, %d, (const %s *)(%s));\n", p->views++, p->e->real,
                  p->e->team ? place_text(p, t) : plain_argument(p, t, false, (ArrayShape){0}));
        entry_point_uses(p, NAME_WATCH);
    }
}

void watch_write_before(EntryPoint *p, const Node *n) { show_values(p, values_before(p->e->arena, n)); }
void watch_write_after(EntryPoint *p, const Node *n) { show_values(p, values_after(p->e->arena, n)); }
