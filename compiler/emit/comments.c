/*
 * Comments of the generated C: the headings of its parts, and what stands above the
 * function of a layer.
 *
 * A function has a line for each node that it serves.  A layer's says where it is in the
 * source, its arguments, shapes and cost; a node that was made of a layer (a gradient, an
 * update, a reorder between layouts) is named with what it reads and writes itself.  In
 * the fast form the line ends with the variant, its epilogue and the layout.  A layer of
 * which the same can be said as of the one above it has its name alone:
 *
 *   lenet.nn:10: c1, conv(6, 5), 1x32x32 -> 6x28x28, 117600 MACs [batch_blocked, nchw16n]
 *   lenet.nn:13: c3, conv(16, 5): conv.dx, dy 16x10x10, weight 16x6x5x5 -> dx 6x14x14
 */
#include "emit/emitter.h"

#include "elab/attributes.h"

#include <string.h>

static const char *line_text(Emitter *e, const Node *n)
{
    if (n->span.file < 0) return "";
    return arena_printf(e->arena, "%s:%d: ", source_path(e->compilation, n->span),
                        source_line(e->compilation, n->span));
}

static const char *arguments_text(Emitter *e, const Node *n)
{
    const char *attrs = n->op->attrs ? attrs_text(e->arena, n->op->attrs, n->attrs) : "";
    return *attrs ? arena_printf(e->arena, "(%s)", attrs) : "";
}

static const char *layer_shapes(Emitter *e, const Node *n)
{
    if (!n->data_count || !n->out_count) return "";
    return arena_printf(e->arena, ", %s -> %s", shape_text(e->arena, n->in[0]->shape),
                        shape_text(e->arena, n->out[0]->shape));
}

static const char *cost_text(Emitter *e, const Node *n)
{
    int64_t macs = node_macs(n);
    if (macs) return arena_printf(e->arena, ", %lld MACs", (long long)macs);
    int64_t flops = node_flops(n);
    return flops ? arena_printf(e->arena, ", %lld FLOPs", (long long)flops) : "";
}

/* ", dy 16x10x10, weight 16x6x5x5 -> dx 6x14x14": of a sample, where there are samples */
static const char *operands_text(Emitter *e, const Node *n)
{
    Text out;
    text_init(&out, e->arena);
    for (int i = 0; i < n->in_count; i++)
        text_addf(&out, ", %s %s", function_input_name(e, n, i), shape_text(e->arena, n->in[i]->shape));
    for (int i = 0; i < n->out_count; i++)
        text_addf(&out, "%s%s %s", i ? ", " : " -> ", node_out_name(n, i), shape_text(e->arena, n->out[i]->shape));
    return out.data ? out.data : "";
}

static bool has_samples(const Node *n)
{
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i]->batched) return true;
    return n->out_count && n->out[0]->batched;
}

/* ", nhwc": the layout of the values; ", nchw to nhwc" where the node changes it. */
static const char *values_layout(Emitter *e, const Node *n)
{
    const char *to = layout_name(n->layout);
    if (!has_samples(n)) return "";
    if (!n->in_count || !n->out_count || !n->out[0]->batched ||
        !tensor_layouts_differ(n->in[0], n->in[0]->layout, n->out[0]->layout))
        return arena_printf(e->arena, ", %s", to);
    return arena_printf(e->arena, ", %s to %s", layout_name(n->in[0]->layout), to);
}

/* " [direct_nhwc + affine + relu, nhwc]"; none of a plain form. */
static const char *how_text(Emitter *e, const Node *n)
{
    if (!n->variant) return "";
    return arena_printf(e->arena, " [%s%s%s]", n->variant->name, epilogue_text(n->epilogue), values_layout(e, n));
}

/* "*" + "/" inside a user's label or file name must not end the comment. */
static const char *comment_safe(Emitter *e, const char *text)
{
    char *copy = arena_strdup(e->arena, text);
    for (char *p = copy; *p; p++) {
        bool mark = (p[0] == '*' && p[1] == '/') || (p[0] == '/' && p[1] == '*');
        if (mark || *p == '\n' || *p == '\\') *p = '?';
    }
    return copy;
}

/* "lenet.nn:10: c1" */
static const char *place_of_layer(Emitter *e, const Node *n)
{
    return comment_safe(e, arena_printf(e->arena, "%s%s", line_text(e, n->origin), n->origin->name));
}

/* ", conv(6, 5), 1x32x32 -> 6x28x28, 117600 MACs [batch_blocked, nchw16n]" */
static const char *node_text(Emitter *e, const Node *n)
{
    const Node *layer = n->origin;
    const char *subject = arena_printf(e->arena, ", %s%s", layer->op->name, arguments_text(e, layer));
    const char *rest;
    if (n->op->class == OP_OPTIMIZER)
        rest = "";
    else if (layer == n && n->op->class != OP_INTERNAL)
        rest = arena_printf(e->arena, "%s%s", layer_shapes(e, n), cost_text(e, n));
    else
        rest = arena_printf(e->arena, "%s%s%s", layer == n ? "" : ": ", layer == n ? "" : n->op->name,
                            operands_text(e, n));
    return comment_safe(e, arena_printf(e->arena, "%s%s%s", subject, rest, how_text(e, n)));
}

void comment_write(Emitter *e, const Function *f)
{
    if (e->options->standalone) return; /* nobody reads that text */
    Map *seen = map_new(e->arena);
    const char *before = "";
    for (int i = 0; i < f->users.count; i++) {
        const char *layer = place_of_layer(e, f->users.at[i]), *text = node_text(e, f->users.at[i]);
        const char *line = arena_printf(e->arena, "%s%s", layer, text);
        if (map_get(seen, line)) continue;
        map_put(seen, line, e);
        text_addf(&e->source, "%s%s", map_count(seen) == 1 ? "/* " : "\n * ", strcmp(text, before) == 0 ? layer : line);
        before = text;
    }
    text_add(&e->source, map_count(seen) == 1 ? " */\n" : "\n */\n");
}

void comment_write_section(Emitter *e, const char *title)
{
    if (e->options->standalone) return; /* nobody reads that text */
    enum { WIDTH = 80 };
    int left = WIDTH - (int)strlen("/* ----  */") - (int)strlen(title);
    text_addf(&e->source, "/* ---- %s ", title);
    for (int i = 0; i < left; i++) text_add(&e->source, "-");
    text_add(&e->source, " */\n\n");
}
