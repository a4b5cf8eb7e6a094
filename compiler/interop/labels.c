/*
 * labels: what layers are called.
 *
 * A path is what the language makes of the labels around a layer: layer1.0.conv1.  Those that
 * a model brings are kept as they are where the language takes them, so that its weights
 * files fit.  Layers that nobody named get the language's own names.
 */
#include <stdlib.h>
#include <string.h>

#include "interop/labels.h"
#include "interop/source_tree.h"

/* ---- names of other tools ----------------------------------------------- */

static bool is_label_char(char c) { return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.'; }

static bool is_digits(const char *text) { return *text && strspn(text, "0123456789") == strlen(text); }

/* Conv, Conv_12, MatMul, BatchNormalization_3: what exporters call a node that has no name. */
static bool is_operator_name(const char *text)
{
    static const char *const operators[] = {"Conv",
                                            "Conv2D",
                                            "ConvTranspose",
                                            "Gemm",
                                            "MatMul",
                                            "BatchNormalization",
                                            "PRelu",
                                            "BiasAdd",
                                            "FusedBatchNorm",
                                            "FusedBatchNormV3",
                                            "Add",
                                            "Mul",
                                            "DepthwiseConv2dNative",
                                            "depthwise",
                                            "InstanceNormalization",
                                            "LayerNormalization",
                                            "GroupNormalization",
                                            "ReadVariableOp",
                                            "node"};
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        size_t length = strlen(operators[i]);
        if (strncmp(text, operators[i], length) != 0) continue;
        const char *rest = text + length;
        if (!*rest || (*rest == '_' && is_digits(rest + 1))) return true;
    }
    return false;
}

/* Without what says which of its parameters it is. */
static const char *without_suffix(Arena *arena, const char *name)
{
    static const char *const suffixes[] = {".weight", ".bias", ".running_mean", ".running_var", "/kernel:0", "/kernel",
                                           "_w_0",    "_b_0",  "_scale_0",      "_s_0",         "_weight",   "_w",
                                           ".W",      "_W",    "/weight",       "_gamma",       "/gamma",    ":0",
                                           "_bias",   NULL};
    size_t length = strlen(name);
    for (int i = 0; suffixes[i]; i++) {
        size_t size = strlen(suffixes[i]);
        if (length > size && strcmp(name + length - size, suffixes[i]) == 0)
            return without_suffix(arena, arena_strndup(arena, name, length - size));
    }
    return name;
}

/* The parts of a/b/c that say something: PyTorch repeats the name of what a module is in,
 * /layer1/layer1.0/conv1/Conv, and all tools end with the operator. */
static void add_parts(Arena *arena, const char *name, List *parts)
{
    for (const char *begin = name; *begin;) {
        size_t length = strcspn(begin, "/");
        const char *part = arena_strndup(arena, begin, length);
        const char *before = parts->count ? parts->at[parts->count - 1] : NULL;
        size_t shared = before ? strlen(before) : 0;
        if (before && strncmp(part, before, shared) == 0 && part[shared] == '.') parts->count--;
        if (length > 0 && strcmp(part, "gpu_0") != 0) list_push(arena, parts, (void *)part);
        begin += length + (begin[length] == '/');
    }
    while (parts->count > 0 && is_operator_name(parts->at[parts->count - 1])) parts->count--;
}

static const char *label_of_name(Arena *arena, const char *name)
{
    List parts = {0};
    if (strstr(name, "::") || strncmp(name, "onnx.", 5) == 0) return NULL;
    add_parts(arena, without_suffix(arena, name), &parts);
    Text label;
    text_init(&label, arena);
    for (int i = 0; i < parts.count; i++) text_addf(&label, "%s%s", i ? "." : "", (const char *)parts.at[i]);
    for (size_t i = 0; i < label.length; i++)
        if (!is_label_char(label.data[i])) label.data[i] = '_';
    bool says_nothing = strspn(label.data, "0123456789._-") == label.length;
    if (says_nothing || (*label.data == 'n' && is_digits(label.data + 1))) return NULL; /* n497: a number, as a name */
    return label.data;
}

/* Both are of one module: norm and norm1, but not proj and layers.0. */
static bool same_kind(const char *a, const char *b)
{
    const char *x = strrchr(a, '.'), *y = strrchr(b, '.');
    x = x ? x + 1 : a;
    y = y ? y + 1 : b;
    size_t length = strcspn(x, "0123456789"), other = strcspn(y, "0123456789");
    while (length > 0 && x[length - 1] == '_') length--;
    while (other > 0 && y[other - 1] == '_') other--;
    return length == other && strncmp(x, y, length) == 0;
}

/* PyTorch stores tensors of equal values once: what several layers share is named after the
 * first of them, and the paths of their nodes tell them apart. */
const char *label_of_layer(Arena *arena, const char *param, const char *node)
{
    const char *by_param = param ? label_of_name(arena, param) : NULL;
    const char *by_node = node ? label_of_name(arena, node) : NULL;
    if (!by_param || !by_node) return by_param ? by_param : by_node;
    return *node == '/' && same_kind(by_param, by_node) ? by_node : by_param;
}

/* ---- what the net has ----------------------------------------------------- */

typedef struct Labels {
    SourceTree *tree;
    Map *taken;   /* path → anything */
    Map *unnamed; /* kind of a layer with parameters that has no name → anything */
    bool dropped; /* a name was given up */
    int made;
} Labels;

typedef void (*Visit)(Labels *, SourceItem *);

static void visit_items(Labels *l, const List *items, Visit visit)
{
    for (int i = 0; i < items->count; i++) {
        SourceItem *item = item_at(items, i);
        for (int k = 0; k < item->branches.count; k++) visit_items(l, item_branch(item, k), visit);
        visit(l, item);
    }
}

static void note_unnamed(Labels *l, SourceItem *item)
{
    if (item->op && !item->op->params) item->path = NULL;
    if (item->op && item->op->params && !item->path) map_put(l->unnamed, item->op->name, item);
}

/* conv12, where there are layers that the language calls so. */
static bool is_given_name(const Labels *l, const char *path)
{
    const char *last = strrchr(path, '.');
    last = last ? last + 1 : path;
    size_t length = strcspn(last, "0123456789");
    return is_digits(last + length) && map_get(l->unnamed, arena_strndup(l->tree->arena, last, length));
}

static void drop_given(Labels *l, SourceItem *item)
{
    if (!item->path || !item->op || !is_given_name(l, item->path)) return;
    item->path = NULL;
    note_unnamed(l, item);
    l->dropped = true;
}

static void keep_unique(Labels *l, SourceItem *item)
{
    Arena *arena = l->tree->arena;
    if (!item->path) return;
    const char *path = item->path;
    for (int n = 2; map_get(l->taken, path); n++) path = arena_printf(arena, "%s_%d", item->path, n);
    map_put(l->taken, path, item);
    item->path = path;
}

/* Labels of values that `from` reads. */
static void label_referenced(Labels *l, SourceItem *item)
{
    Arena *arena = l->tree->arena;
    if (!item->referenced) return;
    item->label = item->path;
    while (!item->label) {
        const char *label = arena_printf(arena, "x%d", ++l->made);
        if (!map_get(l->taken, label)) item->label = label;
    }
}

/* ---- sequential scopes ------------------------------------------------------ */

/* The length of P in a path P.n, and n; 0 where it is not of that form. */
static size_t numbered_in(const char *path, long *number)
{
    const char *dot = path ? strrchr(path, '.') : NULL;
    if (!dot || !is_digits(dot + 1) || strlen(dot) > 6) return 0;
    *number = strtol(dot + 1, NULL, 10);
    return (size_t)(dot - path);
}

static bool is_step(const SourceItem *item)
{
    return item->kind == ITEM_LAYER && item->op && !item->referenced && !(item->op->traits & OP_SOURCE);
}

/* What ends a stage, and belongs to it: an activation, and a pool where there are others. */
static bool is_trailing(const SourceItem *item, bool pools)
{
    return is_step(item) && !item->op->params && (item->op->slope || (pools && strstr(item->op->name, "maxpool")));
}

/* Items from `begin` on that are layers 0, 1, 2, … of one scope, by position; *named of them have names. */
static int sequential_length(const List *items, int begin, int *named)
{
    long number;
    int length = 0;
    const char *first = item_at(items, begin)->path;
    size_t scope = numbered_in(first, &number);
    bool pools = false;
    *named = 0;
    for (int i = begin; scope > 0 && i < items->count && is_step(item_at(items, i)); i++) {
        const char *path = item_at(items, i)->path;
        pools |= !path && strstr(item_at(items, i)->op->name, "maxpool");
        if (!path) continue;
        size_t own = numbered_in(path, &number);
        if (own != scope || memcmp(path, first, scope) != 0 || number != i - begin) break;
        length = i - begin + 1;
        ++*named;
    }
    while (length > 0 && begin + length < items->count && is_trailing(item_at(items, begin + length), pools)) length++;
    return length;
}

static SourceItem *sequential_item(Arena *arena, const List *items, int begin, int length)
{
    long number;
    SourceItem *scope = arena_alloc(arena, sizeof *scope);
    List *branch = arena_alloc(arena, sizeof *branch);
    const char *path = item_at(items, begin)->path;
    scope->kind = ITEM_SEQUENTIAL;
    scope->path = arena_strndup(arena, path, numbered_in(path, &number));
    scope->in = item_at(items, begin)->in;
    scope->shape = item_at(items, begin + length - 1)->shape;
    for (int i = begin; i < begin + length; i++) {
        SourceItem *item = item_at(items, i);
        item->path = NULL;
        list_push(arena, branch, item);
    }
    list_push(arena, &scope->branches, branch);
    return scope;
}

static void make_sequential(Labels *l, List *items)
{
    Arena *arena = l->tree->arena;
    List made = {0};
    for (int i = 0; i < items->count;) {
        SourceItem *item = item_at(items, i);
        int named = 0, length = sequential_length(items, i, &named);
        for (int k = 0; k < item->branches.count; k++) make_sequential(l, item_branch(item, k));
        if (named < 2) length = 1;
        list_push(arena, &made, named < 2 ? item : sequential_item(arena, items, i, length));
        i += length;
    }
    *items = made;
}

void name_statements(SourceTree *tree)
{
    Labels l = {.tree = tree, .taken = map_new(tree->arena), .unnamed = map_new(tree->arena)};
    visit_items(&l, &tree->body, note_unnamed);
    do {
        l.dropped = false;
        visit_items(&l, &tree->body, drop_given);
    } while (l.dropped);
    visit_items(&l, &tree->body, keep_unique);
    visit_items(&l, &tree->body, label_referenced);
    make_sequential(&l, &tree->body);
}
