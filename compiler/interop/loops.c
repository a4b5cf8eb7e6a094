/*
 * loops: statements that come several times in a row become a loop.
 *
 * Their arguments are equal or grow by the same amount; numbers in their labels count.
 */
#include <stdlib.h>
#include <string.h>

#include "interop/anti_unify.h"
#include "interop/source_tree.h"

enum { LONGEST_PERIOD = 6, MAX_NUMBERS = 8 };

/* ---- labels ------------------------------------------------------------------- */

/* A label as text around numbers: layer1.0.conv2 is `layer`, 1, `.`, 0, `.conv`, 2, ``. */
typedef struct Numbered {
    int count;
    long number[MAX_NUMBERS];
    const char *text[MAX_NUMBERS + 1];
} Numbered;

static bool split_label(Arena *arena, const char *label, Numbered *n)
{
    n->count = 0;
    for (;;) {
        size_t length = strcspn(label, "0123456789");
        n->text[n->count] = arena_strndup(arena, label, length);
        label += length;
        if (!*label) return true;
        length = strspn(label, "0123456789");
        if (n->count == MAX_NUMBERS || length > 6 || (length > 1 && *label == '0')) return false;
        n->number[n->count++] = strtol(label, NULL, 10);
        label += length;
    }
}

static bool same_but_numbers(const Numbered *a, const Numbered *b)
{
    bool same = a->count == b->count;
    for (int i = 0; same && i <= a->count; i++) same = strcmp(a->text[i], b->text[i]) == 0;
    return same;
}

typedef struct LoopCounter {
    Arena *arena;
    bool used;
    long first; /* the variable's value in the first run */
} LoopCounter;

/* One label for all runs, with {i} where a number counts; NULL where there is none. */
static const char *counted_label(LoopCounter *counter, const PatternName *name, int runs)
{
    Arena *arena = counter->arena;
    Numbered *split = arena_alloc(arena, (size_t)runs * sizeof *split);
    for (int r = 0; r < runs; r++) {
        if (!name->path[r] || !split_label(arena, name->path[r], &split[r])) return NULL;
        if (!same_but_numbers(&split[0], &split[r])) return NULL;
    }
    Text text;
    bool counts = false;
    text_init(&text, arena);
    for (int i = 0; i < split[0].count; i++) {
        long step = split[1].number[i] - split[0].number[i], first = split[0].number[i];
        for (int r = 1; r < runs; r++)
            if (split[r].number[i] - split[r - 1].number[i] != step) return NULL;
        text_add(&text, split[0].text[i]);
        if (step == 0) {
            text_addf(&text, "%ld", first);
            continue;
        }
        if (step != 1) return NULL;
        if (!counter->used) *counter = (LoopCounter){arena, true, first};
        if (first != counter->first) return NULL;
        text_add(&text, "{i}");
        counts = true;
    }
    text_add(&text, split[0].text[split[0].count]);
    return counts ? text.data : NULL;
}

static bool count_labels(LoopCounter *counter, const Pattern *p)
{
    for (int i = 0; i < p->names.count; i++) {
        const PatternName *name = p->names.at[i];
        const char *label = counted_label(counter, name, p->count);
        if (!label) return false;
        name->item->path = label;
    }
    return true;
}

/* ---- arguments ------------------------------------------------------------------ */

/* first + i · step, of channels; false where the runs do not have that. */
static bool count_argument(LoopCounter *counter, const PatternSite *site, int runs)
{
    enum { LEAST_RUNS = 4 }; /* fewer lie on a line by chance */
    if (runs < LEAST_RUNS || !counter->used || strcmp(site_name(site), "out") != 0) return false;
    int64_t step = site->value[1].number - site->value[0].number;
    for (int r = 0; r < runs; r++) {
        const SourceValue *value = &site->value[r];
        if (!value->text || !value->is_int || value->is_expr || value->omitted) return false;
        if (r > 0 && value->number - site->value[r - 1].number != step) return false;
    }
    int64_t offset = site->value[0].number - step * counter->first;
    const char *text = step == 1 ? "i" : arena_printf(counter->arena, "%lld * i", (long long)step);
    if (offset != 0)
        text = arena_printf(counter->arena, "%s %c %lld", text, offset < 0 ? '-' : '+', (long long)llabs(offset));
    site->item->args[site->arg] = (SourceValue){.text = text, .is_expr = true};
    return true;
}

static bool count_arguments(LoopCounter *counter, const Pattern *p)
{
    bool good = p->options.count == 0;
    for (int i = 0; i < p->sites.count && good; i++) good = count_argument(counter, p->sites.at[i], p->count);
    return good;
}

/* ---- loops ----------------------------------------------------------------------- */

static bool may_repeat(const SourceItem *item)
{
    return !item->referenced && item->kind != ITEM_FROM && item->kind != ITEM_OUTPUT &&
           (item->kind != ITEM_LAYER || item->op);
}

/* How often the `period` items from `begin` on come in a row. */
static int repetitions(const List *items, int begin, int period)
{
    int end = begin;
    for (int i = begin; i < begin + period; i++)
        if (i >= items->count || !may_repeat(item_at(items, i))) return 0;
    while (end < items->count && may_repeat(item_at(items, end)) &&
           item_at(items, end)->symbol == item_at(items, begin + (end - begin) % period)->symbol)
        end++;
    return (end - begin) / period;
}

/* A loop of `runs` runs of the items, or NULL where they differ in something that does not count. */
static SourceItem *loop_item(Arena *arena, const List *items, int begin, int period, int runs)
{
    Pattern p;
    SourceItem *const **run = arena_alloc(arena, (size_t)runs * sizeof *run);
    for (int r = 0; r < runs; r++) run[r] = (SourceItem *const *)&items->at[begin + r * period];
    pattern_make(&p, arena, run, runs, period);
    LoopCounter counter = {.arena = arena};
    if (!count_labels(&counter, &p) || !count_arguments(&counter, &p)) return NULL;
    SourceItem *loop = arena_alloc(arena, sizeof *loop);
    List *body = arena_alloc(arena, sizeof *body);
    *body = p.items;
    *loop = (SourceItem){.kind = ITEM_LOOP, .in = run[0][0]->in, .shape = run[runs - 1][period - 1]->shape};
    list_push(arena, &loop->branches, body);
    if (counter.used) {
        loop->variable = "i";
        loop->range = arena_printf(arena, "%ld..%ld", counter.first, counter.first + runs);
    } else {
        loop->range = arena_printf(arena, "%d", runs);
    }
    return loop;
}

/* The longest run of runs, and then all shorter ones, down to `least`. */
static SourceItem *longest_loop(Arena *arena, const List *items, int begin, int period, int *runs)
{
    enum { LEAST_LINES = 3 };
    int most = repetitions(items, begin, period);
    for (int count = most; count >= 2 && count * period >= LEAST_LINES; count--) {
        SourceItem *loop = loop_item(arena, items, begin, period, count);
        *runs = count;
        if (loop) return loop;
        if (most > 40) count -= count / 8;
    }
    return NULL;
}

static SourceItem *any_loop(Arena *arena, const List *items, int begin, int longest, int *covered)
{
    for (int period = 1; period <= longest; period++) {
        int runs;
        SourceItem *loop = longest_loop(arena, items, begin, period, &runs);
        if (!loop) continue;
        *covered = period * runs;
        return loop;
    }
    return NULL;
}

static bool begins_line(const SourceItem *item)
{
    return item->kind != ITEM_LAYER || (item->op && (item->op->params || item->op->window));
}

static void loop_items(Arena *arena, List *items, bool calls_only)
{
    List made = {0};
    for (int i = 0; i < items->count;) {
        SourceItem *item = item_at(items, i), *loop = NULL;
        int covered = 1;
        if (calls_only ? item->kind == ITEM_CALL : begins_line(item))
            loop = any_loop(arena, items, i, calls_only ? 1 : LONGEST_PERIOD, &covered);
        for (int k = 0; !loop && k < item->branches.count; k++) loop_items(arena, item_branch(item, k), calls_only);
        list_push(arena, &made, loop ? loop : item);
        i += loop ? covered : 1;
    }
    *items = made;
}

void find_loops(SourceTree *tree, bool calls_only)
{
    loop_items(tree->arena, &tree->body, calls_only);
    for (int i = 0; i < tree->blocks.count; i++) {
        SourceBlock *block = tree->blocks.at[i];
        loop_items(tree->arena, &block->body, calls_only);
    }
}
