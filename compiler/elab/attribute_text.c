/* The value of an attribute as the language writes it. */
#include "elab/attribute_text.h"

#include <math.h>
#include <stdlib.h>

#include "elab/attributes.h"
#include "elab/value.h"
#include "graph/op.h"

static const char *pad_text(Arena *arena, const Pad *pad, AttrType type)
{
    if (type == ATTR_PAD && pad->kind != PAD_EXPLICIT) return attr_pad_names[pad->kind - PAD_SAME];
    bool symmetric = pad->top == pad->bottom && pad->left == pad->right;
    if (type == ATTR_PAD && symmetric && pad->top == pad->left) return arena_printf(arena, "%lld", (long long)pad->top);
    if (type == ATTR_PAD && symmetric)
        return arena_printf(arena, "[%lld, %lld]", (long long)pad->top, (long long)pad->left);
    return arena_printf(arena, "[%lld, %lld, %lld, %lld]", (long long)pad->top, (long long)pad->left,
                        (long long)pad->bottom, (long long)pad->right);
}

static const char *reals_text(Arena *arena, const Reals *reals)
{
    Text text;
    text_init(&text, arena);
    text_add(&text, "[");
    for (int i = 0; i < reals->count; i++) text_addf(&text, "%s%s", i > 0 ? ", " : "", real_text(arena, reals->at[i]));
    text_add(&text, "]");
    return text.data;
}

/* [[1, 0], [0, 1]]; beyond some elements only their shape: [64x3x3x3 values] */
static const char *values_text(Arena *arena, const Init *init)
{
    enum { SHOWN = 16 };
    const Shape *s = &init->shape;
    if (shape_count(*s) > SHOWN) return arena_printf(arena, "[%s values]", shape_text(arena, *s));
    Text text;
    text_init(&text, arena);
    for (int64_t k = 0; k < shape_count(*s); k++) {
        int opened = 0; /* lists that begin, and so end, with this element */
        for (int64_t below = 1; opened < s->rank && k % (below * s->dim[s->rank - 1 - opened]) == 0; opened++)
            below *= s->dim[s->rank - 1 - opened];
        for (int i = 0; k > 0 && i < opened; i++) text_add(&text, "]");
        text_addf(&text, "%s%.*s%s", k ? ", " : "", opened, "[[[[", real_text(arena, init->values[k]));
    }
    for (int i = 0; i < s->rank; i++) text_add(&text, "]");
    return text.data;
}

/* file("w.safetensors", "conv1.weight") */
static const char *file_text(Arena *arena, const Init *init)
{
    if (!init->name) return arena_printf(arena, "file(\"%s\")", init->path);
    return arena_printf(arena, "file(\"%s\", \"%s\")", init->path, init->name);
}

static const char *init_text(Arena *arena, const Init *init)
{
    const char *a = real_text(arena, init->a), *b = real_text(arena, init->b);
    switch (init->kind) {
    case INIT_CONSTANT: return init->a == 0 ? "zeros" : init->a == 1 ? "ones" : arena_printf(arena, "constant(%s)", a);
    case INIT_NORMAL: return arena_printf(arena, "normal(%s)", a);
    case INIT_UNIFORM: return arena_printf(arena, "uniform(%s, %s)", a, b);
    case INIT_VALUES: return init->path ? file_text(arena, init) : values_text(arena, init);
    case INIT_ORTHOGONAL: return init->a == 1 ? "orthogonal" : arena_printf(arena, "orthogonal(%s)", a);
    case INIT_GABOR: return arena_printf(arena, "gabor(%s, %s)", a, b);
    default: break;
    }
    return init_kind_name(init->kind);
}

static const char *loss_text(Arena *arena, const OpCall *loss)
{
    const char *args = attrs_text(arena, loss->op->attrs, loss->attrs);
    return *args ? arena_printf(arena, "%s(%s)", loss->op->name, args) : loss->op->name;
}

static bool is_none(const Attr *attr, const void *at)
{
    if (!attr_may_be_none(attr)) return false;
    switch (attr->type) {
    case ATTR_INT: return *(const int64_t *)at == ATTR_NONE;
    case ATTR_REAL: return isnan(*(const double *)at);
    case ATTR_PAIR: return ((const Pair *)at)->h == 0;
    case ATTR_REALS: return ((const Reals *)at)->count == 0;
    case ATTR_NAME: return !*(const char *const *)at;
    case ATTR_LOSS: return !((const OpCall *)at)->op;
    case ATTR_TEXT: return *(const char *const *)at == NULL;
    default: return false;
    }
}

const char *attr_text(Arena *arena, const Attr *attr, const char *attrs)
{
    const void *at = attrs + attr->offset;
    if (is_none(attr, at)) return "none";
    switch (attr->type) {
    case ATTR_INT: return arena_printf(arena, "%lld", (long long)*(const int64_t *)at);
    case ATTR_REAL: return real_text(arena, *(const double *)at);
    case ATTR_BOOL: return *(const bool *)at ? "yes" : "no";
    case ATTR_PAIR: {
        const Pair *pair = at;
        return pair->h == pair->w ? arena_printf(arena, "%lld", (long long)pair->h)
                                  : arena_printf(arena, "%lldx%lld", (long long)pair->h, (long long)pair->w);
    }
    case ATTR_PAD:
    case ATTR_BOX: return pad_text(arena, at, attr->type);
    case ATTR_SYMBOL: return attr->symbols[*(const int *)at];
    case ATTR_SHAPE: return shape_text(arena, *(const Shape *)at);
    case ATTR_REALS: return reals_text(arena, at);
    case ATTR_INIT: return init_text(arena, at);
    case ATTR_NAME: return *(const char *const *)at;
    case ATTR_LOSS: return loss_text(arena, at);
    case ATTR_TEXT: return arena_printf(arena, "\"%s\"", *(const char *const *)at);
    }
    abort();
}
