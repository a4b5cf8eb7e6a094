/*
 * The blocks of a net, as a tree of layers.
 *
 * In: layers, whose names are paths (layer1.0.conv1).  Out: a scope for every
 * prefix of a path, with the sums over its layers.  After elaboration, names are
 * all that is left of the groups and blocks that the user wrote.
 */
#include <string.h>

#include "report/analysis_stages.h"

static Block *block_new(Arena *arena, Block *parent, const char *name, const char *path)
{
    Block *b = arena_alloc(arena, sizeof *b);
    b->name = name;
    b->path = path;
    b->parent = parent;
    if (parent) list_push(arena, &parent->children, b);
    return b;
}

static void block_count(Block *b, const LayerReport *l)
{
    totals_add(&b->total, l);
    b->last = l;
}

/* The scope of the first `length` bytes of a path, made where it is new. */
static Block *scope_at(Arena *arena, Map *scopes, Block *parent, const char *path, size_t length)
{
    char *whole = arena_strndup(arena, path, length);
    Block *b = map_get(scopes, whole);
    if (b) return b;
    const char *dot = strrchr(whole, '.');
    b = block_new(arena, parent, dot ? dot + 1 : whole, whole);
    map_put(scopes, whole, b);
    return b;
}

static void add_layer(Arena *arena, Map *scopes, Block *root, const LayerReport *l)
{
    Block *at = root;
    const char *name = l->name;
    block_count(root, l);
    for (const char *dot; (dot = strchr(name, '.')); name = dot + 1) {
        at = scope_at(arena, scopes, at, l->name, (size_t)(dot - l->name));
        block_count(at, l);
    }
    Block *leaf = block_new(arena, at, name, l->name);
    block_count(leaf, l);
    leaf->layer = l;
}

Block *block_tree(const Analysis *a, Arena *arena, LayerPart part, const Head *head)
{
    Block *root = block_new(arena, NULL, a->net->name, "");
    Map *scopes = map_new(arena);
    for (int i = 0; i < a->layer_count; i++) {
        const LayerReport *l = &a->layers[i];
        if (part == LAYER_ANY || (l->part == part && l->head == head)) add_layer(arena, scopes, root, l);
    }
    return root;
}

void block_rows(Arena *arena, const Block *b, int depth, List *rows)
{
    for (int i = 0; i < b->children.count; i++) {
        Block *child = b->children.at[i];
        if (depth <= 1 || child->layer)
            list_push(arena, rows, child);
        else
            block_rows(arena, child, depth - 1, rows);
    }
}
