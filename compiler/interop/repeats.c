/*
 * repeats: runs of statements that come back, with other arguments, become blocks.
 *
 * Statements get symbols that leave their arguments out.  Among all runs of symbols that come
 * at least twice, the one that shortens the text most becomes a block, and so on until
 * nothing is shortened: Re-Pair's way to a grammar, with holes.
 */
#include <stdlib.h>
#include <string.h>

#include "interop/block_params.h"
#include "interop/source_tree.h"

enum {
    LONGEST_RUN = 40, /* statements */
    LEAST_GAIN = 6,   /* words */
    MAX_BLOCKS = 24,
    MAX_PARAMS = 8
};

/* ---- symbols ------------------------------------------------------------------ */

typedef struct Finder {
    SourceTree *tree;
    List lists;       /* of List of SourceItem: where runs may be */
    List bodies;      /* of SourceBlock, by list: the block that it is in; NULL: the net */
    Map *taken;       /* number of a block, and a label in it → its item */
    Map *shortcuts;   /* symbol of a main branch → that of the shortcut beside it */
    uint64_t uniques; /* symbols that only one item has */
    bool dotted;      /* names are PyTorch's: scopes end at dots only */
} Finder;

static uint64_t hash_text(uint64_t hash, const char *text) { return hash_bytes(hash, text, strlen(text) + 1); }

static uint64_t set_symbols(Finder *, const List *);

/* A hole may stand for numbers and what is made of them. */
static bool is_abstract(const Attr *attr)
{
    if (strncmp(attr->name, "ax", 2) == 0) return false; /* axis, axes */
    return attr->type == ATTR_INT || attr->type == ATTR_REAL || attr->type == ATTR_PAIR || attr->type == ATTR_PAD ||
           attr->type == ATTR_SHAPE || attr->type == ATTR_BOX;
}

static uint64_t hash_shortcut(Finder *f, uint64_t hash, const SourceItem *item)
{
    uint64_t main_branch = set_symbols(f, item_branch(item, 0));
    uint64_t shortcut = set_symbols(f, item_branch(item, 1));
    const char *key = arena_printf(f->tree->arena, "%llx", (unsigned long long)main_branch);
    hash = hash_bytes(hash, &main_branch, sizeof main_branch);
    if (item_branch(item, 1)->count == 0) return hash;
    uint64_t *known = map_get(f->shortcuts, key);
    if (!known) {
        known = arena_alloc(f->tree->arena, sizeof *known);
        *known = shortcut;
        map_put(f->shortcuts, key, known);
    }
    return *known == shortcut ? hash : hash_bytes(hash, &shortcut, sizeof shortcut);
}

static uint64_t item_symbol(Finder *f, const SourceItem *item)
{
    uint64_t hash = hash_bytes(HASH_START, &item->kind, sizeof item->kind);
    bool unique = item->kind == ITEM_FROM || item->kind == ITEM_OUTPUT || item->kind == ITEM_LOOP ||
                  (item->kind == ITEM_LAYER && !item->op);
    if (unique) hash = hash_bytes(hash, &f->uniques, sizeof f->uniques);
    f->uniques += unique;
    if (item->op) hash = hash_text(hash, item->op->name);
    if (item->kind == ITEM_CALL) hash = hash_bytes(hash, &item->block->number, sizeof item->block->number);
    for (int i = 0; item->op && i < item->arg_count; i++)
        if (!is_abstract(&item->op->attrs[i])) hash = hash_text(hash, item->args[i].text);
    if (item->condition)
        hash = hash_text(hash, item->condition);
    else if (has_shortcut(item))
        return hash_shortcut(f, hash, item);
    for (int k = 0; k < item->branches.count; k++) {
        uint64_t branch = set_symbols(f, item_branch(item, k));
        hash = hash_bytes(hash, &branch, sizeof branch);
    }
    return hash;
}

static uint64_t set_symbols(Finder *f, const List *items)
{
    uint64_t hash = HASH_START;
    for (int i = 0; i < items->count; i++) {
        SourceItem *item = item_at(items, i);
        item->symbol = item_symbol(f, item);
        hash = hash_bytes(hash, &item->symbol, sizeof item->symbol);
    }
    return hash;
}

static const char *label_key(const Finder *f, const SourceBlock *body, const char *label)
{
    return arena_printf(f->tree->arena, "%d:%s", body ? body->number : -1, label);
}

/* Layers in sequential scopes are named by position: runs of them stay. */
static void collect_lists(Finder *f, SourceBlock *body, List *items)
{
    list_push(f->tree->arena, &f->lists, items);
    list_push(f->tree->arena, &f->bodies, body);
    for (int i = 0; i < items->count; i++) {
        SourceItem *item = item_at(items, i);
        if (item->path) map_put(f->taken, label_key(f, body, item->path), item);
        if (item->kind == ITEM_SEQUENTIAL) continue;
        for (int k = 0; k < item->branches.count; k++) collect_lists(f, body, item_branch(item, k));
    }
}

static void survey(Finder *f)
{
    f->lists = f->bodies = (List){0};
    f->taken = map_new(f->tree->arena);
    f->shortcuts = map_new(f->tree->arena);
    f->uniques = 0;
    collect_lists(f, NULL, &f->tree->body);
    for (int i = 0; i < f->tree->blocks.count; i++) {
        SourceBlock *block = f->tree->blocks.at[i];
        collect_lists(f, block, &block->body);
    }
    set_symbols(f, &f->tree->body);
    for (int i = 0; i < f->tree->blocks.count; i++) {
        SourceBlock *block = f->tree->blocks.at[i];
        set_symbols(f, &block->body);
    }
}

/* ---- weights ------------------------------------------------------------------- */

static int count_words(const List *items);

/* About as many words as the item has in the text. */
static int item_words(const SourceItem *item)
{
    int words = 1 + (item->path != NULL);
    for (int i = 0; i < item->arg_count; i++) {
        const char *initial = item->op && item->kind != ITEM_CALL ? item->op->attrs[i].initial : NULL;
        words +=
            item->kind == ITEM_CALL ? !item->args[i].omitted : !initial || strcmp(initial, item->args[i].text) != 0;
    }
    for (int k = 0; k < item->branches.count; k++) words += 2 + count_words(item_branch(item, k));
    return words;
}

static int count_words(const List *items)
{
    int words = 0;
    for (int i = 0; i < items->count; i++) words += item_words(item_at(items, i));
    return words;
}

/* ---- names ---------------------------------------------------------------------- */

/* Whether a scope may end before `rest`, with the character before it. */
static bool is_boundary(const Finder *f, const char *rest)
{
    return rest[-1] == '.' || (!f->dotted && (rest[-1] == '_' || rest[-1] == '-') && isalpha((unsigned char)*rest));
}

/* The length, with the separator, of what all names of run r begin with. */
static size_t common_scope(const Finder *f, const Pattern *p, int r)
{
    const char *first = NULL;
    size_t length = 0;
    for (int i = 0; i < p->names.count; i++) {
        const PatternName *name = p->names.at[i];
        const char *path = name->path[r];
        if (!path) continue;
        size_t shared = 0;
        if (!first) first = path;
        while (first[shared] && first[shared] == path[shared]) shared++;
        if (path == first || shared < length) length = shared;
        while (length > 0 && (!is_boundary(f, first + length) || !is_boundary(f, path + length) || !path[length]))
            length--;
    }
    return first ? length : 0;
}

/* Whether what both runs have a name for is called the same within its scope. */
static bool runs_agree(const Pattern *p, const size_t *scope, int a, int b)
{
    for (int i = 0; i < p->names.count; i++) {
        const PatternName *name = p->names.at[i];
        const char *x = name->path[a], *y = name->path[b];
        if ((x && scope[a] == 0) || (y && scope[b] == 0)) return false;
        if (x && y && strcmp(x + scope[a], y + scope[b]) != 0) return false;
    }
    return true;
}

/* Marks the runs that agree with one of them, the one that most agree with; how many. */
static int agreeing_runs(const Pattern *p, const size_t *scope, bool *kept)
{
    enum { TRIES = 6 };
    int best = 0, reference = 0;
    bool *seen = arena_alloc(p->arena, (size_t)p->count * sizeof *seen);
    for (int t = 0; t < TRIES && reference < p->count; t++) {
        int count = 0;
        for (int r = 0; r < p->count; r++) count += runs_agree(p, scope, reference, r);
        for (int r = 0; r < p->count; r++) {
            bool agrees = runs_agree(p, scope, reference, r);
            seen[r] |= agrees || r == reference;
            if (count > best) kept[r] = agrees;
        }
        if (count > best) best = count;
        while (reference < p->count && seen[reference]) reference++;
    }
    return best;
}

/* ---- candidates ------------------------------------------------------------------ */

typedef struct ItemRun {
    uint64_t hash;
    int list, begin, length;
} ItemRun;

typedef struct BlockCandidate {
    const ItemRun *runs; /* that do not overlap */
    int count, length, gain;
} BlockCandidate;

static bool may_begin_run(const SourceItem *item)
{
    if (item->kind == ITEM_FROM || item->kind == ITEM_OUTPUT || item->kind == ITEM_LOOP) return false;
    return item->kind != ITEM_LAYER || (item->op && item->op->params);
}

static int compare_runs(const void *a, const void *b)
{
    const ItemRun *x = a, *y = b;
    if (x->length != y->length) return x->length < y->length ? 1 : -1;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    if (x->list != y->list) return x->list < y->list ? -1 : 1;
    return x->begin - y->begin;
}

static ItemRun *all_runs(const Finder *f, int *count)
{
    ItemRun *runs = NULL;
    int capacity = 0;
    *count = 0;
    for (int l = 0; l < f->lists.count; l++) {
        const List *items = f->lists.at[l];
        for (int begin = 0; begin < items->count; begin++) {
            uint64_t hash = HASH_START;
            if (!may_begin_run(item_at(items, begin))) continue;
            for (int i = begin; i < items->count && i < begin + LONGEST_RUN; i++) {
                hash = hash_bytes(hash, &item_at(items, i)->symbol, sizeof hash);
                runs = array_grow(f->tree->arena, runs, &capacity, *count + 1, sizeof *runs);
                runs[(*count)++] = (ItemRun){hash, l, begin, i - begin + 1};
                if (item_at(items, i)->referenced) break;
            }
        }
    }
    if (*count > 0) qsort(runs, (size_t)*count, sizeof *runs, compare_runs);
    return runs;
}

/* The runs of a group that do not overlap, from the left. */
static BlockCandidate without_overlap(Arena *arena, const ItemRun *runs, int count)
{
    ItemRun *kept = arena_alloc(arena, (size_t)count * sizeof *kept);
    BlockCandidate c = {kept, 0, runs[0].length, 0};
    for (int i = 0; i < count; i++) {
        const ItemRun *last = c.count ? &kept[c.count - 1] : NULL;
        if (!last || last->list != runs[i].list || last->begin + last->length <= runs[i].begin)
            kept[c.count++] = runs[i];
    }
    return c;
}

static Pattern *pattern_of(const Finder *f, const BlockCandidate *c)
{
    Arena *arena = f->tree->arena;
    Pattern *p = arena_alloc(arena, sizeof *p);
    SourceItem *const **runs = arena_alloc(arena, (size_t)c->count * sizeof *runs);
    for (int r = 0; r < c->count; r++) {
        const List *items = f->lists.at[c->runs[r].list];
        runs[r] = (SourceItem *const *)&items->at[c->runs[r].begin];
    }
    pattern_make(p, arena, runs, c->count, c->length);
    return p;
}

/* No call has the label of another one, or of something else in its body. */
static bool labels_are_free(const Finder *f, const BlockCandidate *c, char *const *label)
{
    Map *seen = map_new(f->tree->arena);
    for (int r = 0; r < c->count; r++) {
        if (!label[r]) continue;
        const char *key = label_key(f, f->bodies.at[c->runs[r].list], label[r]);
        if (map_get(seen, key) || map_get(f->taken, key)) return false;
        map_put(seen, key, label[r]);
    }
    return true;
}

/* The names of the pattern's items, and the label of each run's call; NULL where one is taken. */
static char **call_labels(const Finder *f, const BlockCandidate *c, const Pattern *p, const size_t *scope)
{
    Arena *arena = f->tree->arena;
    char **label = arena_alloc(arena, (size_t)p->count * sizeof *label);
    for (int i = 0; i < p->names.count; i++) {
        PatternName *name = p->names.at[i];
        for (int r = 0; r < p->count; r++) {
            if (!name->path[r]) continue;
            name->item->path = name->path[r] + scope[r];
            label[r] = arena_strndup(arena, name->path[r], scope[r] - 1);
        }
    }
    return labels_are_free(f, c, label) ? label : NULL;
}

/* The pattern of those runs of the candidate whose names agree, which it keeps; NULL: there are none. */
static Pattern *named_pattern(const Finder *f, BlockCandidate *c, char ***labels)
{
    Arena *arena = f->tree->arena;
    Pattern *p = pattern_of(f, c);
    size_t *scope = arena_alloc(arena, (size_t)c->count * sizeof *scope);
    bool *kept = arena_alloc(arena, (size_t)c->count * sizeof *kept);
    for (int r = 0; r < c->count; r++) scope[r] = common_scope(f, p, r);
    int count = agreeing_runs(p, scope, kept), all = c->count;
    if (count < 2) return NULL;
    if (count < all) {
        ItemRun *runs = arena_alloc(arena, (size_t)count * sizeof *runs);
        c->count = 0;
        for (int r = 0; r < all; r++) {
            if (!kept[r]) continue;
            scope[c->count] = scope[r];
            runs[c->count++] = c->runs[r];
        }
        c->runs = runs;
        p = pattern_of(f, c);
    }
    *labels = call_labels(f, c, p, scope);
    return *labels ? p : NULL;
}

static int call_words(const SourceBlock *block, const SourceValue *args)
{
    int words = 2;
    for (int i = 0; i < block->param_count; i++) words += !args[i].omitted;
    return words;
}

/* Words that a block of the candidate saves; the block itself, its calls' arguments and labels. */
static int measure_gain(const Finder *f, BlockCandidate *c, SourceBlock *block, SourceValue ***args, char ***labels)
{
    Pattern *p = named_pattern(f, c, labels);
    if (!p) return 0;
    int gain = 0;
    for (int r = 0; r < c->count; r++) {
        const List *items = f->lists.at[c->runs[r].list];
        for (int i = 0; i < c->length; i++) gain += item_words(item_at(items, c->runs[r].begin + i));
    }
    *args = block_parameters(block, p);
    block->body = p->items;
    gain -= count_words(&block->body) + 4 + 2 * block->param_count;
    for (int r = 0; r < c->count; r++) gain -= call_words(block, (*args)[r]);
    return block->param_count > MAX_PARAMS ? 0 : gain;
}

/* A row of equal statements is a loop, not a block. */
static bool is_row(const Finder *f, const BlockCandidate *c)
{
    const List *items = f->lists.at[c->runs[0].list];
    const SourceItem *first = item_at(items, c->runs[0].begin);
    int same = 0;
    while (same < c->length && item_at(items, c->runs[0].begin + same)->symbol == first->symbol) same++;
    return c->length > 1 && same == c->length;
}

/* Two layers, such as a convolution and its relu, are worth no name. */
static bool is_too_small(const Finder *f, const BlockCandidate *c)
{
    enum { LEAST_ITEMS = 3 };
    const List *items = f->lists.at[c->runs[0].list];
    const SourceItem *first = item_at(items, c->runs[0].begin);
    return c->count < 2 || (c->length < LEAST_ITEMS && first->kind != ITEM_COMBINE && first->kind != ITEM_CALL);
}

/* An upper bound of what `measure_gain` finds. */
static int most_gain(const Finder *f, const BlockCandidate *c)
{
    int words = 0, largest = 0;
    for (int r = 0; r < c->count; r++) {
        const List *items = f->lists.at[c->runs[r].list];
        int own = 0;
        for (int i = 0; i < c->length; i++) own += item_words(item_at(items, c->runs[r].begin + i));
        words += own;
        if (own > largest) largest = own;
    }
    return words - largest - 2 * c->count;
}

/* Runs that overlap may begin at the first of them, or at one of the next. */
static void consider(const Finder *f, const ItemRun *runs, int count, BlockCandidate *best)
{
    enum { STARTS = 4 };
    for (int start = 0; start < STARTS && start + 1 < count; start++) {
        BlockCandidate c = without_overlap(f->tree->arena, runs + start, count - start);
        SourceBlock block = {0};
        SourceValue **args;
        char **labels;
        if (is_too_small(f, &c) || is_row(f, &c) || most_gain(f, &c) <= best->gain) return;
        c.gain = measure_gain(f, &c, &block, &args, &labels);
        if (c.gain > best->gain) *best = c;
        if (start + 1 < count && (runs[start + 1].list != runs[start].list ||
                                  runs[start + 1].begin >= runs[start].begin + runs[start].length))
            return;
    }
}

static BlockCandidate best_candidate(const Finder *f)
{
    BlockCandidate best = {.gain = LEAST_GAIN};
    int count;
    const ItemRun *runs = all_runs(f, &count);
    for (int begin = 0, end; begin < count; begin = end) {
        for (end = begin + 1;
             end < count && runs[end].hash == runs[begin].hash && runs[end].length == runs[begin].length;)
            end++;
        if (end - begin > 1) consider(f, runs + begin, end - begin, &best);
    }
    return best;
}

/* ---- blocks ----------------------------------------------------------------------- */

static SourceItem *call_item(const Finder *f, SourceBlock *block, const BlockCandidate *c, int r, SourceValue *args,
                             const char *label)
{
    const List *items = f->lists.at[c->runs[r].list];
    SourceItem *first = item_at(items, c->runs[r].begin), *last = item_at(items, c->runs[r].begin + c->length - 1);
    SourceItem *call = arena_alloc(f->tree->arena, sizeof *call);
    *call = (SourceItem){.kind = ITEM_CALL, .block = block, .args = args, .in = first->in, .shape = last->shape};
    call->arg_count = block->param_count;
    call->path = label;
    call->referenced = last->referenced;
    call->label = label ? label : last->label;
    if (last->referenced) last->stand_in = call;
    return call;
}

/* Puts one item in the place of the run; runs behind it in the list are gone already. */
static void replace_run(const Finder *f, const ItemRun *run, SourceItem *item)
{
    List *items = f->lists.at[run->list];
    items->at[run->begin] = item;
    int rest = items->count - run->begin - run->length;
    memmove(items->at + run->begin + 1, items->at + run->begin + run->length, (size_t)rest * sizeof *items->at);
    items->count -= run->length - 1;
}

static bool add_block(Finder *f)
{
    survey(f);
    BlockCandidate best = best_candidate(f);
    if (best.count == 0) return false;
    SourceBlock *block = arena_alloc(f->tree->arena, sizeof *block);
    SourceValue **args;
    char **labels;
    measure_gain(f, &best, block, &args, &labels);
    block->number = f->tree->blocks.count;
    block->name = arena_printf(f->tree->arena, "block%d", block->number + 1);
    for (int r = best.count - 1; r >= 0; r--) {
        SourceItem *call = call_item(f, block, &best, r, args[r], labels[r]);
        replace_run(f, &best.runs[r], call);
    }
    list_push(f->tree->arena, &f->tree->blocks, block);
    return true;
}

/* ---- scopes that come back ------------------------------------------------------------ */

/* A unit of a stage, such as a convolution, its norm and its relu twice. */
static bool is_unit_scope(const SourceItem *item)
{
    enum { LEAST_STEPS = 5 };
    return item->kind == ITEM_SEQUENTIAL && item_branch(item, 0)->count >= LEAST_STEPS;
}

/* The layers of a sequential scope, with their positions as names. */
static void add_unwrapped(Arena *arena, List *out, const SourceItem *scope)
{
    const List *steps = item_branch(scope, 0);
    for (int i = 0; i < steps->count; i++) {
        SourceItem *item = item_at(steps, i);
        if (item->op->params) item->path = arena_printf(arena, "%s.%d", scope->path, i);
        list_push(arena, out, item);
    }
}

/* Where the net is a row of such scopes they are to be blocks: their layers have names of their own. */
static void unwrap_scopes(SourceTree *tree)
{
    enum { LEAST_SCOPES = 3 };
    List unwrapped = {0};
    int units = 0;
    for (int i = 0; i < tree->body.count; i++) units += is_unit_scope(item_at(&tree->body, i));
    if (units < LEAST_SCOPES) return;
    for (int i = 0; i < tree->body.count; i++) {
        SourceItem *item = item_at(&tree->body, i);
        if (is_unit_scope(item))
            add_unwrapped(tree->arena, &unwrapped, item);
        else
            list_push(tree->arena, &unwrapped, item);
    }
    tree->body = unwrapped;
}

static bool any_dotted(const List *items)
{
    bool found = false;
    for (int i = 0; i < items->count && !found; i++) {
        const SourceItem *item = item_at(items, i);
        found = item->path && strchr(item->path, '.');
        for (int k = 0; k < item->branches.count && !found; k++) found = any_dotted(item_branch(item, k));
    }
    return found;
}

void find_blocks(SourceTree *tree)
{
    enum { MOST_LAYERS = 1 << 14 }; /* of a net whose runs are compared */
    if (tree->graph->count > MOST_LAYERS) return;
    Finder f = {.tree = tree, .dotted = any_dotted(&tree->body)};
    unwrap_scopes(tree);
    while (tree->blocks.count < MAX_BLOCKS && add_block(&f)) {
        survey(&f);
        find_loops(tree, true);
    }
    survey(&f);
}
