/*
 * block_names: what blocks are called.
 *
 * After what their calls are labelled, if that is one word with a number (denselayer3), else
 * after what they are made of, in the words of the papers.
 */
#include <string.h>

#include "interop/source_tree.h"

/* ---- by label ------------------------------------------------------------------- */

/* denselayer for features.denseblock1.denselayer3 and inception for inception3a; NULL where nothing says something. */
static const char *word_of_label(Arena *arena, const char *label)
{
    static const char *const generic[] = {"layer", "block", "blocks", "stage", "features",
                                          "conv",  "model", "module", "net"};
    const char *last = label ? strrchr(label, '.') : NULL;
    last = last ? last + 1 : label;
    if (!last || !isalpha((unsigned char)*last)) return NULL;
    size_t length = strcspn(last, "0123456789{");
    while (length > 0 && (last[length - 1] == '_' || last[length - 1] == '-')) length--;
    if (length < 4 || strspn(last, "abcdefghijklmnopqrstuvwxyz_") < length || !last[length]) return NULL;
    const char *word = arena_strndup(arena, last, length);
    for (size_t i = 0; i < sizeof generic / sizeof *generic; i++)
        if (strcmp(word, generic[i]) == 0) return NULL;
    return op_find(word, OP_LAYER) || op_find(word, OP_COMBINE) ? NULL : word;
}

typedef struct CallWords {
    const SourceBlock *block;
    const char *word; /* of all calls so far */
    int calls;
    bool differ;
} CallWords;

static void find_calls(Arena *arena, const List *items, CallWords *w)
{
    for (int i = 0; i < items->count; i++) {
        const SourceItem *item = item_at(items, i);
        for (int k = 0; k < item->branches.count; k++) find_calls(arena, item_branch(item, k), w);
        if (item->kind != ITEM_CALL || item->block != w->block) continue;
        const char *word = word_of_label(arena, item->path);
        if (w->calls++ == 0) w->word = word;
        w->differ |= !word || !w->word || strcmp(word, w->word) != 0;
    }
}

static const char *name_by_label(const SourceTree *tree, const SourceBlock *block)
{
    CallWords w = {.block = block};
    find_calls(tree->arena, &tree->body, &w);
    for (int i = 0; i < tree->blocks.count; i++) {
        const SourceBlock *other = tree->blocks.at[i];
        find_calls(tree->arena, &other->body, &w);
    }
    return w.calls > 0 && !w.differ ? w.word : NULL;
}

/* ---- by contents ------------------------------------------------------------------- */

typedef struct BlockContents {
    int convs, depthwise, norms, calls, weighted;
    bool gates, attends;
} BlockContents;

static bool is_depthwise_item(const SourceItem *item)
{
    for (int i = 0; i < item->arg_count; i++)
        if (strcmp(item->op->attrs[i].name, "groups") == 0)
            return item->args[i].is_expr || (item->args[i].number > 1 && item->args[i].number == item->in.dim[0]);
    return false;
}

static void look_into(const List *items, BlockContents *c)
{
    for (int i = 0; i < items->count; i++) {
        const SourceItem *item = item_at(items, i);
        bool conv = item->op && strncmp(item->op->name, "conv", 4) == 0 && item->op->params;
        c->convs += conv;
        c->depthwise += conv && is_depthwise_item(item);
        c->weighted += item->op && item->op->macs;
        c->calls += item->kind == ITEM_CALL;
        c->norms += item->op && strstr(item->op->name, "norm") != NULL;
        c->gates |= item->kind == ITEM_COMBINE && strcmp(item->op->name, "mul") == 0;
        c->attends |= item->kind == ITEM_COMBINE && strcmp(item->op->name, "matmul") == 0;
        for (int k = 0; k < item->branches.count; k++)
            if (item->kind != ITEM_COMBINE || k == 0 || strcmp(item->op->name, "add") != 0)
                look_into(item_branch(item, k), c);
    }
}

static const SourceItem *find_combine(const List *items, const char *name)
{
    for (int i = 0; i < items->count; i++) {
        const SourceItem *item = item_at(items, i);
        if (item->kind == ITEM_COMBINE && strcmp(item->op->name, name) == 0) return item;
    }
    return NULL;
}

static bool has_empty_branch(const SourceItem *item)
{
    bool found = false;
    for (int k = 0; k < item->branches.count; k++) found |= item_branch(item, k)->count == 0;
    return found;
}

static const char *name_of_sum(const BlockContents *c)
{
    if (c->depthwise) return "inverted_residual";
    if (c->convs >= 3) return "bottleneck";
    return c->convs == 2 ? "basic" : "residual";
}

static const char *name_of_chain(const List *body, const BlockContents *c)
{
    const SourceItem *first = item_at(body, 0);
    if (c->gates && c->depthwise == 0 && c->convs <= 2) return "squeeze_excite";
    if (c->depthwise && c->convs >= 3) return "inverted";
    if (c->depthwise && c->convs == 2) return "separable";
    if (first->op && strstr(first->op->name, "norm"))
        return strstr(item_at(body, body->count - 1)->op ? item_at(body, body->count - 1)->op->name : "", "pool")
                   ? "transition"
                   : "preact";
    if (c->convs == 1) return c->norms ? "conv_bn" : "unit";
    return c->convs == 2 ? "double_conv" : c->convs > 2 ? "convs" : "unit";
}

static const char *name_by_contents(const SourceBlock *block)
{
    BlockContents c = {0};
    look_into(&block->body, &c);
    const SourceItem *sum = find_combine(&block->body, "add"), *join = find_combine(&block->body, "concat");
    if (c.attends) return "transformer";
    if (sum) return name_of_sum(&c);
    if (join && has_empty_branch(join)) return "dense_layer";
    if (join) return join->branches.count > 2 ? "inception" : "branches";
    return name_of_chain(&block->body, &c);
}

/* Words that labels have a number behind: calls without a label might be called the same. */
static void take_label_words(Arena *arena, const List *items, Map *taken)
{
    for (int i = 0; i < items->count; i++) {
        SourceItem *item = item_at(items, i);
        const char *label = item->path ? item->path : item->label;
        const char *last = label ? strrchr(label, '.') : NULL;
        last = last ? last + 1 : label;
        size_t length = last ? strcspn(last, "0123456789{") : 0;
        if (length > 0 && last[length]) map_put(taken, arena_strndup(arena, last, length), item);
        for (int k = 0; k < item->branches.count; k++) take_label_words(arena, item_branch(item, k), taken);
    }
}

/* Blocks in the order in which the net comes to them, each behind those that it calls. */
static void order_blocks(SourceTree *tree, const List *items, List *ordered)
{
    for (int i = 0; i < items->count; i++) {
        const SourceItem *item = item_at(items, i);
        bool known = item->kind != ITEM_CALL;
        for (int k = 0; k < ordered->count && !known; k++) known = ordered->at[k] == item->block;
        if (!known) {
            order_blocks(tree, &item->block->body, ordered);
            list_push(tree->arena, ordered, item->block);
        }
        for (int k = 0; k < item->branches.count; k++) order_blocks(tree, item_branch(item, k), ordered);
    }
}

void name_blocks(SourceTree *tree)
{
    List ordered = {0};
    order_blocks(tree, &tree->body, &ordered);
    tree->blocks = ordered;
    Map *taken = map_new(tree->arena), *words = map_new(tree->arena);
    take_label_words(tree->arena, &tree->body, words);
    for (int i = 0; i < tree->blocks.count; i++) {
        const SourceBlock *block = tree->blocks.at[i];
        take_label_words(tree->arena, &block->body, words);
    }
    for (int i = 0; i < tree->blocks.count; i++) {
        SourceBlock *block = tree->blocks.at[i];
        const char *name = name_by_label(tree, block);
        bool labelled = name != NULL; /* every call */
        if (!name) name = name_by_contents(block);
        const char *found = name;
        /* no digits: the second call of `unit1` would have the name of the twelfth of `unit` */
        for (char letter = 'b'; map_get(taken, found) || (!labelled && map_get(words, found)); letter++)
            found = arena_printf(tree->arena, "%s_%c", name, letter);
        map_put(taken, found, block);
        block->name = found;
    }
}
