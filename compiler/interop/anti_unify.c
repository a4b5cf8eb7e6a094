/* anti_unify: several runs of statements, walked side by side. */
#include "interop/anti_unify.h"

#include <string.h>

extern const Op op_add;

bool has_shortcut(const SourceItem *item)
{
    enum { LONGEST = 3 };
    if (item->kind != ITEM_COMBINE || item->op != &op_add || item->branches.count != 2) return false;
    const List *shortcut = item_branch(item, 1);
    for (int i = 0; i < shortcut->count; i++)
        if (item_at(shortcut, i)->branches.count > 1 || item_at(shortcut, i)->kind == ITEM_FROM) return false;
    return item_branch(item, 0)->count > 0 && shortcut->count <= LONGEST;
}

const char *site_name(const PatternSite *site)
{
    const SourceItem *item = site->item;
    return item->kind == ITEM_CALL ? item->block->params[site->arg].name : item->op->attrs[site->arg].name;
}

/* The run that the pattern's item is copied from: the first that has it. */
static const SourceItem *first_of(const Pattern *p, SourceItem *const *at)
{
    for (int r = 0; r < p->count; r++)
        if (at[r]) return at[r];
    return NULL;
}

static bool same_argument(const SourceValue *a, const SourceValue *b)
{
    if (a->omitted && b->omitted) return true;
    return !a->is_expr && !b->is_expr && a->omitted == b->omitted && strcmp(a->text, b->text) == 0;
}

static void add_site(Pattern *p, SourceItem *item, SourceItem *const *at, int arg)
{
    PatternSite *site = arena_alloc(p->arena, sizeof *site);
    site->item = item;
    site->arg = arg;
    site->value = arena_alloc(p->arena, (size_t)p->count * sizeof *site->value);
    site->channels = arena_alloc(p->arena, (size_t)p->count * sizeof *site->channels);
    bool same = !item->args[arg].is_expr || item->args[arg].omitted;
    for (int r = 0; r < p->count; r++) {
        if (!at[r]) continue;
        site->value[r] = at[r]->args[arg];
        site->channels[r] = at[r]->in.dim[0];
        same &= same_argument(&item->args[arg], &site->value[r]);
    }
    if (!same) list_push(p->arena, &p->sites, site);
}

static void add_pattern_name(Pattern *p, SourceItem *item, SourceItem *const *at)
{
    PatternName *name = arena_alloc(p->arena, sizeof *name);
    bool named = false;
    name->item = item;
    name->path = arena_alloc(p->arena, (size_t)p->count * sizeof *name->path);
    for (int r = 0; r < p->count; r++) {
        if (at[r]) name->path[r] = at[r]->path;
        named |= name->path[r] != NULL;
    }
    if (named) list_push(p->arena, &p->names, name);
}

static SourceItem *unify_item(Pattern *, SourceItem *const *at);

/* A branch of the runs that have something there. */
static List *unify_branch(Pattern *p, SourceItem *item, SourceItem *const *at, int branch)
{
    SourceItem **inner = arena_alloc(p->arena, (size_t)p->count * sizeof *inner);
    PatternOption *option = arena_alloc(p->arena, sizeof *option);
    option->combine = item;
    option->present = arena_alloc(p->arena, (size_t)p->count * sizeof *option->present);
    option->channels = arena_alloc(p->arena, (size_t)p->count * sizeof *option->channels);
    int length = 0, having = 0, all = 0;
    for (int r = 0; r < p->count; r++) {
        if (!at[r]) continue;
        int own = item_branch(at[r], branch)->count;
        if (own > length) length = own;
        option->present[r] = own > 0;
        option->channels[r] = at[r]->in.dim[0];
        having += own > 0;
        all++;
    }
    if (having > 0 && having < all) list_push(p->arena, &p->options, option);
    List *unified = arena_alloc(p->arena, sizeof *unified);
    for (int i = 0; i < length; i++) {
        for (int r = 0; r < p->count; r++)
            inner[r] = option->present[r] ? item_at(item_branch(at[r], branch), i) : NULL;
        list_push(p->arena, unified, unify_item(p, inner));
    }
    return unified;
}

static SourceItem *unify_item(Pattern *p, SourceItem *const *at)
{
    const SourceItem *first = first_of(p, at);
    SourceItem *item = arena_alloc(p->arena, sizeof *item);
    *item = *first;
    item->referenced = false;
    item->args = arena_alloc(p->arena, (size_t)(item->arg_count + 1) * sizeof *item->args);
    if (item->arg_count > 0) memcpy(item->args, first->args, (size_t)item->arg_count * sizeof *item->args);
    for (int i = 0; i < item->arg_count; i++) add_site(p, item, at, i);
    add_pattern_name(p, item, at);
    item->branches = (List){0};
    for (int k = 0; k < first->branches.count; k++) list_push(p->arena, &item->branches, unify_branch(p, item, at, k));
    return item;
}

void pattern_make(Pattern *p, Arena *arena, SourceItem *const *const *runs, int count, int length)
{
    *p = (Pattern){.arena = arena, .count = count};
    SourceItem **at = arena_alloc(arena, (size_t)count * sizeof *at);
    p->entry = arena_alloc(arena, (size_t)count * sizeof *p->entry);
    for (int r = 0; r < count; r++) p->entry[r] = runs[r][0]->in.dim[0];
    for (int i = 0; i < length; i++) {
        for (int r = 0; r < count; r++) at[r] = runs[r][i];
        list_push(arena, &p->items, unify_item(p, at));
    }
}
