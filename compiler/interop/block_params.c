/* block_params: holes that always hold the same are one column; columns become parameters. */
#include "interop/block_params.h"

#include <string.h>

typedef struct HoleColumn {
    List sites;         /* of PatternSite */
    SourceValue *value; /* by run; text NULL: no site of the run says */
    const char *attr;   /* of its first site */
    bool is_size;       /* numbers of channels or features */
    bool all_int;
    const char *text;    /* what its sites hold; NULL: not settled yet */
    const char *initial; /* of a parameter: its default, or NULL */
    bool is_param;
    bool entry_default; /* the default is computed from in.channels */
} HoleColumn;

typedef struct HoleColumns {
    Arena *arena;
    Pattern *pattern;
    List list; /* of HoleColumn */
    HoleColumn *primary;
} HoleColumns;

/* ---- columns ------------------------------------------------------------------- */

static bool is_size_name(const char *name)
{
    static const char *const sizes[] = {"out", "groups", "mid", "channels"};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (strncmp(name, sizes[i], strlen(sizes[i])) == 0) return true;
    return false;
}

static bool agrees(const HoleColumn *column, const PatternSite *site, int count)
{
    const char *name = site_name(site);
    if (strcmp(column->attr, name) != 0 && !(column->is_size && is_size_name(name))) return false;
    bool met = false;
    for (int r = 0; r < count; r++) {
        const char *a = column->value[r].text, *b = site->value[r].text;
        if (a && b && strcmp(a, b) != 0) return false;
        met |= a && b;
    }
    return met;
}

static void join_column(HoleColumns *c, HoleColumn *column, PatternSite *site)
{
    list_push(c->arena, &column->sites, site);
    for (int r = 0; r < c->pattern->count; r++) {
        if (!column->value[r].text) column->value[r] = site->value[r];
        column->all_int &= !site->value[r].text || (site->value[r].is_int && !site->value[r].is_expr);
    }
}

static void make_columns(HoleColumns *c)
{
    for (int i = 0; i < c->pattern->sites.count; i++) {
        PatternSite *site = c->pattern->sites.at[i];
        HoleColumn *column = NULL;
        for (int k = 0; k < c->list.count && !column; k++)
            if (agrees(c->list.at[k], site, c->pattern->count)) column = c->list.at[k];
        if (!column) {
            column = arena_alloc(c->arena, sizeof *column);
            column->value = arena_alloc(c->arena, (size_t)c->pattern->count * sizeof *column->value);
            column->attr = site_name(site);
            column->is_size = is_size_name(column->attr);
            column->all_int = true;
            list_push(c->arena, &c->list, column);
        }
        join_column(c, column, site);
        if (strncmp(site_name(site), "out", 3) == 0) c->primary = column;
    }
}

/* The first layer of the branch that has an argument of that name. */
static SourceItem *find_argument(const List *items, const char *name, int *arg)
{
    for (int i = 0; i < items->count; i++) {
        SourceItem *item = item_at(items, i);
        for (int k = 0; item->op && k < item->arg_count; k++) {
            if (strcmp(item->op->attrs[k].name, name) != 0) continue;
            *arg = k;
            return item;
        }
        SourceItem *inner = item->branches.count ? find_argument(item_branch(item, 0), name, arg) : NULL;
        if (inner) return inner;
    }
    return NULL;
}

/* A number that is the same wherever the optional branch is there, and is what a hole of that
 * name has there: it is the hole's. */
static void join_constant(HoleColumns *c, const PatternOption *option, SourceItem *item, int arg)
{
    for (int i = 0; i < c->list.count; i++) {
        HoleColumn *column = c->list.at[i];
        bool same = strcmp(column->attr, item->op->attrs[arg].name) == 0 && !item->args[arg].is_expr;
        for (int r = 0; r < c->pattern->count && same; r++)
            same = !option->present[r] ||
                   (column->value[r].text && strcmp(column->value[r].text, item->args[arg].text) == 0);
        if (!same) continue;
        PatternSite *site = arena_alloc(c->arena, sizeof *site);
        *site = (PatternSite){.item = item, .arg = arg};
        site->value = arena_alloc(c->arena, (size_t)c->pattern->count * sizeof *site->value);
        site->channels = arena_alloc(c->arena, (size_t)c->pattern->count * sizeof *site->channels);
        list_push(c->arena, &column->sites, site);
        return;
    }
}

/* A shortcut has the stride and the channels of the branch beside it, though it is there only where
 * they are not those of the value. */
static void join_shortcuts(HoleColumns *c)
{
    for (int i = 0; i < c->pattern->options.count; i++) {
        const PatternOption *option = c->pattern->options.at[i];
        int arg;
        const List *branch = item_branch(option->combine, option->combine->branches.count - 1);
        SourceItem *strided = find_argument(branch, "stride", &arg);
        if (strided) join_constant(c, option, strided, arg);
        SourceItem *wide = find_argument(branch, "out", &arg);
        if (wide) join_constant(c, option, wide, arg);
    }
}

/* ---- columns that follow from something -------------------------------------------- */

/* base · n = value in all runs that say both, n ≥ 1; 0 if there is no such n. */
static int64_t ratio_of(const int64_t *base, const SourceValue *value, int count)
{
    int64_t ratio = 0;
    for (int r = 0; r < count; r++) {
        if (!value[r].text) continue;
        if (base[r] <= 0 || value[r].number % base[r] != 0) return 0;
        int64_t own = value[r].number / base[r];
        if (ratio && own != ratio) return 0;
        ratio = own;
    }
    return ratio;
}

static int64_t *numbers_of(const HoleColumns *c, const HoleColumn *column)
{
    int64_t *numbers = arena_alloc(c->arena, (size_t)c->pattern->count * sizeof *numbers);
    for (int r = 0; r < c->pattern->count; r++) numbers[r] = column->value[r].text ? column->value[r].number : 0;
    return numbers;
}

/* base / n = value, likewise. */
static int64_t divisor_of(const int64_t *base, const SourceValue *value, int count)
{
    int64_t divisor = 0;
    for (int r = 0; r < count; r++) {
        if (!value[r].text) continue;
        if (value[r].number <= 0 || base[r] % value[r].number != 0) return 0;
        int64_t own = base[r] / value[r].number;
        if (divisor && own != divisor) return 0;
        divisor = own;
    }
    return divisor;
}

enum { MAX_RATIO = 16 };

/* "out / 4", "out * 2", or NULL. */
static const char *follows_from(const HoleColumns *c, const HoleColumn *column, const int64_t *base, const char *name)
{
    int64_t ratio = ratio_of(base, column->value, c->pattern->count);
    int64_t divisor = ratio ? 0 : divisor_of(base, column->value, c->pattern->count);
    if (ratio == 1 || divisor == 1) return name;
    if (ratio > 1 && ratio <= MAX_RATIO) return arena_printf(c->arena, "%s * %lld", name, (long long)ratio);
    if (divisor > 1 && divisor <= MAX_RATIO) return arena_printf(c->arena, "%s / %lld", name, (long long)divisor);
    return NULL;
}

/* Depthwise: as many groups as channels, and as many outputs. */
static bool is_channels(const HoleColumns *c, const HoleColumn *column)
{
    bool groups = false;
    for (int i = 0; i < column->sites.count; i++) {
        const PatternSite *site = column->sites.at[i];
        groups |= strcmp(site_name(site), "groups") == 0;
        for (int r = 0; r < c->pattern->count; r++)
            if (site->value[r].text && (!site->value[r].is_int || site->value[r].number != site->channels[r]))
                return false;
    }
    return groups;
}

/* pad = k / 2 */
static bool is_half(const HoleColumns *c, const HoleColumn *pad, const HoleColumn *k)
{
    if (strcmp(pad->attr, "pad") != 0 || strcmp(k->attr, "k") != 0 || !k->all_int) return false;
    for (int r = 0; r < c->pattern->count; r++)
        if (pad->value[r].text && (!k->value[r].text || pad->value[r].number != k->value[r].number / 2)) return false;
    return true;
}

static bool is_name_taken(const HoleColumns *c, const char *name)
{
    for (int i = 0; i < c->list.count; i++) {
        const HoleColumn *column = c->list.at[i];
        if (column->is_param && strcmp(column->text, name) == 0) return true;
    }
    for (int i = 0; i < c->pattern->names.count; i++) {
        const PatternName *label = c->pattern->names.at[i];
        if (label->item->path && strcmp(label->item->path, name) == 0) return true;
    }
    return false;
}

static const char *free_name(const HoleColumns *c, const char *name)
{
    const char *found = name;
    for (int n = 2; is_name_taken(c, found); n++) found = arena_printf(c->arena, "%s%d", name, n);
    return found;
}

static void make_param(HoleColumns *c, HoleColumn *column, const char *name)
{
    column->text = free_name(c, name);
    column->is_param = true;
}

static void settle_column(HoleColumns *c, HoleColumn *column)
{
    for (int k = 0; k < c->list.count && !column->text && column->all_int; k++) {
        const HoleColumn *other = c->list.at[k];
        if (!other->is_param || !other->all_int) continue;
        if (column->is_size && other->is_size)
            column->text = follows_from(c, column, numbers_of(c, other), other->text);
        else if (is_half(c, column, other))
            column->text = arena_printf(c->arena, "%s / 2", other->text);
    }
    if (column->text) return;
    make_param(c, column, column->is_size && strncmp(column->attr, "out", 3) == 0 ? "mid" : column->attr);
}

/* How many sizes are not those of the last layer: two or more of them are numbered. */
static int free_sizes(const HoleColumns *c)
{
    int count = 0;
    for (int i = 0; i < c->list.count; i++) {
        const HoleColumn *column = c->list.at[i];
        count += !column->text && column->is_size && column->all_int && column != c->primary &&
                 !follows_from(c, column, numbers_of(c, c->primary), "out");
    }
    return count;
}

static void settle_numbered(HoleColumns *c)
{
    int number = 0;
    for (int i = 0; i < c->list.count; i++) {
        HoleColumn *column = c->list.at[i];
        if (!column->text && column->is_size) make_param(c, column, arena_printf(c->arena, "out%d", ++number));
    }
}

static void settle_columns(HoleColumns *c)
{
    for (int i = 0; i < c->list.count; i++) {
        HoleColumn *column = c->list.at[i];
        if (is_channels(c, column)) column->text = "in.channels";
    }
    if (c->primary && c->primary->all_int && free_sizes(c) > 2)
        settle_numbered(c);
    else if (c->primary && !c->primary->text)
        make_param(c, c->primary, "out");
    for (int i = 0; i < c->list.count; i++) {
        HoleColumn *column = c->list.at[i];
        if (!column->text) settle_column(c, column);
    }
}

/* ---- branches that only some runs have ----------------------------------------------- */

/* What the argument is in run r, in which its item need not exist; −1: not known. */
static int64_t argument_in(const HoleColumns *c, const SourceItem *item, int arg, int r)
{
    for (int i = 0; i < c->list.count; i++) {
        const HoleColumn *column = c->list.at[i];
        for (int k = 0; k < column->sites.count; k++) {
            const PatternSite *site = column->sites.at[k];
            if (site->item == item && site->arg == arg)
                return column->value[r].text && column->value[r].is_int ? column->value[r].number : -1;
        }
    }
    return item->args[arg].is_int ? item->args[arg].number : -1;
}

typedef enum ShortcutTest { TEST_STRIDE = 1, TEST_CHANNELS = 2 } ShortcutTest;

static bool test_holds(const HoleColumns *c, const PatternOption *option, unsigned tests)
{
    int stride_arg, out_arg;
    const List *branch = item_branch(option->combine, option->combine->branches.count - 1);
    const SourceItem *strided = find_argument(branch, "stride", &stride_arg);
    const SourceItem *wide = find_argument(branch, "out", &out_arg);
    if (!strided || !wide) return false;
    for (int r = 0; r < c->pattern->count; r++) {
        int64_t stride = argument_in(c, strided, stride_arg, r), out = argument_in(c, wide, out_arg, r);
        if (stride < 0 || out < 0) return false;
        bool projects = (tests & TEST_STRIDE && stride != 1) || (tests & TEST_CHANNELS && out != option->channels[r]);
        if (projects != option->present[r]) return false;
    }
    return true;
}

static const char *test_text(const HoleColumns *c, const PatternOption *option, unsigned tests)
{
    int arg;
    const List *branch = item_branch(option->combine, option->combine->branches.count - 1);
    Text text;
    text_init(&text, c->arena);
    const SourceItem *item = find_argument(branch, "stride", &arg);
    if (tests & TEST_STRIDE) text_addf(&text, "%s != 1", item->args[arg].text);
    if (tests == (TEST_STRIDE | TEST_CHANNELS)) text_add(&text, " or ");
    item = find_argument(branch, "out", &arg);
    if (tests & TEST_CHANNELS) text_addf(&text, "in.channels != %s", item->args[arg].text);
    return text.data;
}

/* A parameter of its own: yes where the branch is there. */
static const char *flag_param(HoleColumns *c, const PatternOption *option)
{
    HoleColumn *column = arena_alloc(c->arena, sizeof *column);
    column->value = arena_alloc(c->arena, (size_t)c->pattern->count * sizeof *column->value);
    for (int r = 0; r < c->pattern->count; r++) column->value[r].text = option->present[r] ? "yes" : "no";
    column->attr = "project";
    list_push(c->arena, &c->list, column);
    make_param(c, column, "project");
    column->initial = "no";
    return column->text;
}

static void set_conditions(HoleColumns *c)
{
    static const unsigned tests[] = {TEST_STRIDE | TEST_CHANNELS, TEST_STRIDE, TEST_CHANNELS};
    for (int i = 0; i < c->pattern->options.count; i++) {
        PatternOption *option = c->pattern->options.at[i];
        for (int t = 0; t < 3 && !option->combine->condition; t++)
            if (test_holds(c, option, tests[t])) option->combine->condition = test_text(c, option, tests[t]);
        if (!option->combine->condition) option->combine->condition = flag_param(c, option);
    }
}

/* ---- parameters -------------------------------------------------------------------- */

/* The value of most runs, and of how many. */
static const char *commonest(const HoleColumn *column, int count, int *times)
{
    const char *best = NULL;
    *times = 0;
    for (int r = 0; r < count; r++) {
        int own = 0;
        for (int s = 0; column->value[r].text && s < count; s++)
            own += column->value[s].text && strcmp(column->value[s].text, column->value[r].text) == 0;
        if (own <= *times || column->value[r].is_expr) continue;
        *times = own;
        best = column->value[r].text;
    }
    return best;
}

/* in.channels * 6, where that is so in most runs. */
static void set_entry_default(HoleColumns *c, HoleColumn *column)
{
    for (int r = 0; r < c->pattern->count && !column->initial; r++) {
        if (!column->value[r].text || c->pattern->entry[r] <= 0) continue;
        int64_t ratio = column->value[r].number / c->pattern->entry[r], agreeing = 0;
        int64_t divisor = column->value[r].number > 0 ? c->pattern->entry[r] / column->value[r].number : 0;
        for (int s = 0; s < c->pattern->count; s++)
            agreeing += ratio > 0 ? c->pattern->entry[s] * ratio == column->value[s].number
                                  : column->value[s].number * divisor == c->pattern->entry[s];
        if (3 * agreeing < 2 * c->pattern->count || (ratio == 0 && divisor == 0)) continue;
        column->initial = ratio == 1  ? "in.channels"
                          : ratio > 1 ? arena_printf(c->arena, "in.channels * %lld", (long long)ratio)
                                      : arena_printf(c->arena, "in.channels / %lld", (long long)divisor);
        for (int s = 0; s < c->pattern->count; s++)
            column->value[s].omitted = ratio > 0 ? c->pattern->entry[s] * ratio == column->value[s].number
                                                 : column->value[s].number * divisor == c->pattern->entry[s];
        column->entry_default = true;
    }
}

static void set_default(HoleColumns *c, HoleColumn *column)
{
    int times, count = c->pattern->count, known = 0;
    const PatternSite *site = column->sites.count ? column->sites.at[0] : NULL;
    const char *common = commonest(column, count, &times);
    for (int r = 0; r < count; r++) known += column->value[r].text != NULL;
    const char *usual =
        site && site->item->op && site->item->kind != ITEM_CALL ? site->item->op->attrs[site->arg].initial : NULL;
    if (column->all_int && column->is_size && column != c->primary && known == count) set_entry_default(c, column);
    if (!column->initial && common &&
        (known < count || (usual && strcmp(usual, common) == 0) ||
         (!column->is_size && 3 * times >= 2 * count && count > 2)))
        column->initial = common;
    for (int r = 0; r < count && column->initial && !column->entry_default; r++) {
        if (!column->value[r].text) column->value[r].text = column->initial;
        column->value[r].omitted = strcmp(column->value[r].text, column->initial) == 0;
    }
}

static int param_rank(const HoleColumns *c, const HoleColumn *column)
{
    return column->initial ? 2 : column != c->primary || strcmp(column->text, "out") != 0;
}

static void add_params(HoleColumns *c, SourceBlock *block, SourceValue **args)
{
    block->params = arena_alloc(c->arena, (size_t)(c->list.count + 1) * sizeof *block->params);
    for (int r = 0; r < c->pattern->count; r++)
        args[r] = arena_alloc(c->arena, (size_t)(c->list.count + 1) * sizeof *args[r]);
    for (int rank = 0; rank <= 2; rank++) {
        for (int i = 0; i < c->list.count; i++) {
            const HoleColumn *column = c->list.at[i];
            if (!column->is_param || param_rank(c, column) != rank) continue;
            for (int r = 0; r < c->pattern->count; r++) args[r][block->param_count] = column->value[r];
            block->params[block->param_count++] = (SourceParam){column->text, column->initial};
        }
    }
}

static void fill_sites(const HoleColumns *c)
{
    for (int i = 0; i < c->list.count; i++) {
        const HoleColumn *column = c->list.at[i];
        for (int k = 0; k < column->sites.count; k++) {
            const PatternSite *site = column->sites.at[k];
            site->item->args[site->arg] = (SourceValue){.text = column->text, .is_expr = true};
        }
    }
}

SourceValue **block_parameters(SourceBlock *block, Pattern *pattern)
{
    HoleColumns c = {.arena = pattern->arena, .pattern = pattern};
    SourceValue **args = arena_alloc(c.arena, (size_t)pattern->count * sizeof *args);
    make_columns(&c);
    join_shortcuts(&c);
    settle_columns(&c);
    fill_sites(&c);
    set_conditions(&c);
    for (int i = 0; i < c.list.count; i++) {
        HoleColumn *column = c.list.at[i];
        if (column->is_param) set_default(&c, column);
    }
    add_params(&c, block, args);
    return args;
}
