/*
 * write_statements: statements → text, in lines as a person would break them.
 *
 * A layer with weights, a pool, a combinator or a call begins a line; norms and activations
 * after it join it.  Arguments equal to their default are left out.  Where the net changes
 * its resolution, the line asserts the shape.
 */
#include <stdlib.h>
#include <string.h>

#include "front/front.h"
#include "interop/source_tree.h"

enum { LINE_WIDTH = 100, SHORT_BODY = 72 };

typedef struct Printer {
    const SourceTree *tree;
    Text *out;
    Text line; /* not yet in `out` */
    int indent;
    Shape before;           /* the value before the line */
    const SourceItem *last; /* of the line */
    const char *scope;      /* prefix of paths that labels leave out */
    bool asserts;           /* in the body of the net itself */
} Printer;

/* ---- values and labels ------------------------------------------------------ */

static bool same_text(const char *a, const char *b)
{
    char *end_a, *end_b;
    if (strcmp(a, b) == 0) return true;
    double x = strtod(a, &end_a), y = strtod(b, &end_b);
    return !*end_a && !*end_b && end_a != a && end_b != b && x == y;
}

static bool is_default(const SourceItem *item, int i)
{
    const Attr *attr = item->op->attrs;
    const char *initial = attr[i].initial;
    if (!initial) return false;
    for (int k = 0; k < i; k++)
        if (strcmp(attr[k].name, initial) == 0) return same_text(item->args[i].text, item->args[k].text);
    return same_text(item->args[i].text, initial);
}

static void add_args(Text *text, const SourceItem *item)
{
    bool positional = true;
    int count = 0;
    for (int i = 0; i < item->arg_count; i++) {
        const Attr *attr = &item->op->attrs[i];
        if (is_default(item, i)) {
            positional = false;
            continue;
        }
        positional &= !attr->initial || strcmp(attr->name, "slope") == 0 || strcmp(attr->name, "p") == 0;
        text_add(text, count++ ? ", " : "(");
        text_addf(text, positional ? "%.0s%s" : "%s=%s", attr->name, item->args[i].text);
    }
    if (count > 0) text_add(text, ")");
}

static void add_call_args(Text *text, const SourceItem *item)
{
    int count = 0;
    for (int i = 0; i < item->arg_count; i++) {
        const SourceParam *param = &item->block->params[i];
        if (item->args[i].omitted) continue;
        text_add(text, count++ ? ", " : "(");
        text_addf(text, param->initial ? "%s=%s" : "%.0s%s", param->name, item->args[i].text);
    }
    if (count > 0) text_add(text, ")");
}

static void add_label(Text *text, const char *label)
{
    bool bare = !isdigit((unsigned char)*label) && !front_is_reserved(label);
    for (const char *c = label; *c; c++) bare &= is_identifier_char(*c); /* not where {i} is in it */
    text_addf(text, bare ? "%s" : "\"%s\"", label);
}

static const char *relative_path(const Printer *p, const char *path)
{
    size_t length = strlen(p->scope);
    return length > 0 && strncmp(path, p->scope, length) == 0 && path[length] == '.' ? path + length + 1 : path;
}

static void add_as(Printer *p, const SourceItem *item)
{
    const char *label = item->path ? relative_path(p, item->path) : item->referenced ? item->label : NULL;
    if (!label) return;
    text_add(&p->line, " as ");
    add_label(&p->line, label);
}

/* ---- lines ------------------------------------------------------------------- */

static bool resolution_differs(Shape a, Shape b)
{
    if (a.rank == 3 && b.rank == 3) return b.dim[1] * b.dim[2] > 1 && (a.dim[1] != b.dim[1] || a.dim[2] != b.dim[2]);
    return a.rank == 3 && b.rank == 1 && a.dim[1] * a.dim[2] > 1;
}

static void end_line(Printer *p)
{
    if (p->line.length == 0) return;
    const SourceItem *last = p->last;
    bool shaped = last && last->kind != ITEM_LOOP && last->kind != ITEM_SEQUENTIAL && last->kind != ITEM_OUTPUT &&
                  last->kind != ITEM_FROM;
    Shape before = last && last->shape.rank == 1 ? last->in : p->before;
    if (p->asserts && shaped && resolution_differs(before, last->shape))
        text_addf(&p->line, " -> %s", shape_text(p->tree->arena, last->shape));
    text_addf(p->out, "%*s%s\n", 4 * p->indent, "", p->line.data);
    if (last) p->before = last->shape;
    p->line.length = 0;
    p->line.data[0] = '\0';
    p->last = NULL;
}

static bool is_norm(const SourceItem *item)
{
    size_t length = strlen(item->op->name);
    return length > 4 && strcmp(item->op->name + length - 4, "norm") == 0;
}

static bool has_name(const SourceItem *item, const char *name) { return strcmp(item->op->name, name) == 0; }

static bool is_pool(const SourceItem *item)
{
    return item->kind == ITEM_LAYER && item->op && strstr(item->op->name, "pool") != NULL;
}

/* Whether it stands behind the statement before it, on the same line. */
static bool joins_line(const SourceItem *before, const SourceItem *item)
{
    if (!before || (before->kind == ITEM_OUTPUT && item->kind != ITEM_OUTPUT)) return false;
    if (item->kind == ITEM_OUTPUT || before->kind == ITEM_FROM) return true;
    if (item->kind != ITEM_LAYER || !item->op || (before->kind == ITEM_LAYER && !before->op)) return false;
    if (has_name(item, "flatten")) return is_pool(before);
    if (is_norm(item)) return before->kind == ITEM_LAYER && before->op && (before->op->macs != NULL);
    return item->op->slope || has_name(item, "dropout") || has_name(item, "softmax") || has_name(item, "log_softmax") ||
           has_name(item, "prelu");
}

static void write_items(Printer *, const List *);

/* At least so many characters are in the text of the items; at most `limit` are counted. */
static size_t least_length(const List *items, size_t limit)
{
    enum { BRACES = 4 };
    size_t length = 0;
    for (int i = 0; i < items->count && length < limit; i++) {
        const SourceItem *item = item_at(items, i);
        length += 1 + (item->op ? strlen(item->op->name) : 0);
        for (int k = 0; k < item->branches.count && length < limit; k++)
            length += BRACES + least_length(item_branch(item, k), limit - length);
    }
    return length;
}

/* A body as one line, or NULL where it is not short. */
static const char *short_body(const Printer *p, const List *items)
{
    Printer inner = *p;
    Text text;
    if (least_length(items, SHORT_BODY + 1) > SHORT_BODY) return NULL;
    text_init(&text, p->tree->arena);
    text_init(&inner.line, p->tree->arena);
    inner.out = &text;
    inner.indent = 0;
    inner.asserts = false;
    inner.last = NULL;
    write_items(&inner, items);
    if (text.length > SHORT_BODY) return NULL;
    Text joined;
    text_init(&joined, p->tree->arena);
    for (const char *at = text.data; *at; at++) {
        if (*at != '\n')
            text_add_bytes(&joined, at, 1);
        else if (at[1])
            text_add(&joined, "  ");
    }
    return strstr(joined.data, "{ ") && text.length > SHORT_BODY / 2 ? NULL : joined.data;
}

static void write_indented(Printer *p, const List *items)
{
    Printer inner = *p;
    text_init(&inner.line, p->tree->arena);
    inner.indent++;
    inner.last = NULL;
    inner.asserts = false;
    write_items(&inner, items);
}

/* ` { … }` behind what is on the line. */
static void write_body(Printer *p, const List *items, const char *condition)
{
    const char *body = short_body(p, items);
    if (items->count == 0) {
        text_add(&p->line, " { }");
        return;
    }
    if (body && 4 * (size_t)p->indent + p->line.length + strlen(body) + 8 < LINE_WIDTH) {
        text_addf(&p->line, condition ? " { if %s { %s } }" : " {%.0s %s }", condition ? condition : "", body);
        return;
    }
    text_addf(p->out, "%*s%s {\n", 4 * p->indent, "", p->line.data);
    if (condition) text_addf(p->out, "%*sif %s {\n", 4 * ++p->indent, "", condition);
    write_indented(p, items);
    if (condition) text_addf(p->out, "%*s}\n", 4 * p->indent--, "");
    p->line.length = 0;
    text_add(&p->line, "}");
}

static void write_combine(Printer *p, const SourceItem *item)
{
    text_add(&p->line, item->op->name);
    add_args(&p->line, item);
    for (int k = 0; k < item->branches.count; k++)
        write_body(p, item_branch(item, k), k == item->branches.count - 1 ? item->condition : NULL);
    add_as(p, item);
}

static void write_sequential(Printer *p, const SourceItem *item)
{
    const char *scope = p->scope;
    text_add(&p->line, "sequential ");
    add_label(&p->line, relative_path(p, item->path));
    p->scope = item->path;
    write_body(p, item_branch(item, 0), NULL);
    p->scope = scope;
}

static void write_loop_item(Printer *p, const SourceItem *item)
{
    if (item->variable)
        text_addf(&p->line, "for %s in %s", item->variable, item->range);
    else
        text_addf(&p->line, "repeat %s", item->range);
    write_body(p, item_branch(item, 0), NULL);
}

static void write_layer(Printer *p, const SourceItem *item)
{
    if (!item->op)
        text_addf(&p->line, "input(%s)", shape_text(p->tree->arena, item->shape));
    else {
        text_add(&p->line, item->op->name);
        add_args(&p->line, item);
    }
    add_as(p, item);
}

static const char *current_label(const SourceItem *item)
{
    while (item->stand_in) item = item->stand_in;
    return item->label;
}

static void write_item(Printer *p, const SourceItem *item)
{
    switch (item->kind) {
    case ITEM_LAYER: write_layer(p, item); break;
    case ITEM_COMBINE: write_combine(p, item); break;
    case ITEM_SEQUENTIAL: write_sequential(p, item); break;
    case ITEM_LOOP: write_loop_item(p, item); break;
    case ITEM_FROM:
        text_add(&p->line, "from ");
        add_label(&p->line, current_label(item->target));
        break;
    case ITEM_OUTPUT:
        text_add(&p->line, "output ");
        add_label(&p->line, item->label);
        break;
    case ITEM_CALL:
        text_add(&p->line, item->block->name);
        add_call_args(&p->line, item);
        add_as(p, item);
        break;
    }
}

/* The text of a layer, to see whether it fits. */
static const char *text_of_layer(const Printer *p, const SourceItem *item)
{
    Printer alone = *p;
    text_init(&alone.line, p->tree->arena);
    write_item(&alone, item);
    return alone.line.data;
}

static bool fits_line(const Printer *p, const SourceItem *item)
{
    enum { ASSERTION = 16 };
    if (p->line.length == 0 || p->line.data[0] == '}' || !joins_line(p->last, item)) return false;
    if (item->kind != ITEM_LAYER && item->kind != ITEM_OUTPUT && item->kind != ITEM_CALL) return false;
    return 4 * (size_t)p->indent + p->line.length + strlen(text_of_layer(p, item)) + ASSERTION <= LINE_WIDTH;
}

static void write_items(Printer *p, const List *items)
{
    for (int i = 0; i < items->count; i++) {
        const SourceItem *item = item_at(items, i);
        if (fits_line(p, item))
            text_add(&p->line, "  ");
        else
            end_line(p);
        write_item(p, item);
        p->last = item;
    }
    end_line(p);
}

/* ---- definitions ------------------------------------------------------------- */

static Printer printer_new(const SourceTree *tree, Text *out)
{
    Printer p = {.tree = tree, .out = out, .indent = 1, .scope = ""};
    text_init(&p.line, tree->arena);
    return p;
}

static void write_block(const SourceTree *tree, const SourceBlock *block, Text *out)
{
    Printer p = printer_new(tree, out);
    text_addf(out, "block %s", block->name);
    for (int i = 0; i < block->param_count; i++) {
        const SourceParam *param = &block->params[i];
        text_addf(out, "%s%s", i ? ", " : "(", param->name);
        if (param->initial) text_addf(out, "=%s", param->initial);
    }
    text_add(out, block->param_count ? ") {\n" : " {\n");
    write_items(&p, &block->body);
    text_add(out, "}\n\n");
}

static void write_comment(Text *out, const char *comment)
{
    for (const char *line = comment; line && *line;) {
        size_t length = strcspn(line, "\n");
        text_addf(out, "# %.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
}

void write_statements(const SourceTree *tree, Text *out)
{
    const SourceGraph *g = tree->graph;
    Printer p = printer_new(tree, out);
    p.asserts = true;
    write_comment(out, g->comment);
    for (int i = 0; i < tree->blocks.count; i++) write_block(tree, tree->blocks.at[i], out);
    text_addf(out, "net %s {\n", g->name);
    write_items(&p, &tree->body);
    if (g->params >= 0) text_addf(out, "\n    expect params == %lld\n", (long long)g->params);
    text_add(out, "}\n");
}
