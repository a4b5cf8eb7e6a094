/*
 * concat_chains: densely connected layers as they are meant.
 *
 * Where every layer of a block reads all values before it, exporters write concat(a, b),
 * concat(a, b, c), concat(a, b, c, d): the lists again from the beginning.  Each is the one
 * before it with what is new.
 */
#include <string.h>

#include "interop/source_tree.h"

static bool is_concat(const SourceLayer *layer) { return layer->op && layer->op->traits & OP_CONCAT; }

/* The axis and the first `count` inputs. */
static const char *concat_key(Arena *arena, const SourceLayer *layer, int count)
{
    Text key;
    text_init(&key, arena);
    text_add(&key, layer->args && layer->args[0] ? layer->args[0] : "0");
    for (int i = 0; i < count; i++) text_addf(&key, ",%d", layer->in[i]);
    return key.data;
}

/* Replaces the longest list of first inputs that is a concat of its own. */
static void chain_one(Arena *arena, const Map *seen, SourceLayer *layer)
{
    for (int known = layer->in_count - 1; known >= 2; known--) {
        const int *before = map_get(seen, concat_key(arena, layer, known));
        if (!before) continue;
        int *in = arena_alloc(arena, (size_t)(layer->in_count - known + 1) * sizeof *in);
        in[0] = *before;
        memcpy(in + 1, layer->in + known, (size_t)(layer->in_count - known) * sizeof *in);
        layer->in = in;
        layer->in_count += 1 - known;
        return;
    }
}

SourceGraph *chain_concats(Arena *arena, const SourceGraph *g)
{
    SourceGraph *chained = arena_alloc(arena, sizeof *chained);
    *chained = *g;
    chained->layers = arena_alloc(arena, (size_t)g->count * sizeof *g->layers);
    if (g->count > 0) memcpy(chained->layers, g->layers, (size_t)g->count * sizeof *g->layers);
    Map *seen = map_new(arena);
    for (int i = 0; i < g->count; i++) {
        if (!is_concat(&g->layers[i])) continue;
        chain_one(arena, seen, &chained->layers[i]);
        const char *key = concat_key(arena, &g->layers[i], g->layers[i].in_count);
        int *place = arena_alloc(arena, sizeof *place);
        *place = i;
        if (!map_get(seen, key)) map_put(seen, key, place);
    }
    return chained;
}
