/*
 * Initialisations: he_normal, normal(0.01), …, literal values, [[1, 0], [0, 1]], or those of a file.
 *
 * Enters: the value of an argument.  Leaves: an Init; whether literal values fit their
 * parameter is seen when it is made (node_param).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "elab/attribute_slot.h"
#include "elab/attribute_text.h"
#include "elab/attributes.h"

static const Attr normal_attrs[] = {
    {"std", ATTR_REAL, offsetof(Init, a), NULL, 0, INFINITY, NULL},
    {0},
};
static const Attr uniform_attrs[] = {
    {"a", ATTR_REAL, offsetof(Init, a), NULL, 0, 0, NULL},
    {"b", ATTR_REAL, offsetof(Init, b), NULL, 0, 0, NULL},
    {0},
};
static const Attr constant_attrs[] = {
    {"v", ATTR_REAL, offsetof(Init, a), NULL, 0, 0, NULL},
    {0},
};
static const Attr orthogonal_attrs[] = {
    {"gain", ATTR_REAL, offsetof(Init, a), "1", 0, 0, NULL},
    {0},
};
static const Attr gabor_attrs[] = {
    {"sigma", ATTR_REAL, offsetof(Init, a), NULL, 1e-300, 1e30, NULL},
    {"wavelength", ATTR_REAL, offsetof(Init, b), NULL, 1e-300, 1e30, NULL},
    {0},
};
static const Attr file_attrs[] = {
    {"path", ATTR_TEXT, offsetof(Init, path), NULL, 0, 0, NULL},
    {"name", ATTR_TEXT, offsetof(Init, name), "none", 0, 0, attr_or_none},
    {0},
};
static const Attr no_attrs[] = {{0}};

static const struct InitName {
    const char *name;
    InitKind kind;
    double a;
    const Attr *attrs;
} init_names[] = {
    {"he_normal", INIT_HE_NORMAL, 0, no_attrs},
    {"he_uniform", INIT_HE_UNIFORM, 0, no_attrs},
    {"xavier_normal", INIT_XAVIER_NORMAL, 0, no_attrs},
    {"xavier_uniform", INIT_XAVIER_UNIFORM, 0, no_attrs},
    {"lecun_normal", INIT_LECUN_NORMAL, 0, no_attrs},
    {"torch", INIT_TORCH, 0, no_attrs},
    {"identity", INIT_IDENTITY, 0, no_attrs},
    {"dirac", INIT_IDENTITY, 0, no_attrs},
    {"orthogonal", INIT_ORTHOGONAL, 1, orthogonal_attrs},
    {"gabor", INIT_GABOR, 0, gabor_attrs},
    {"default", INIT_DEFAULT, 0, no_attrs},
    {"zeros", INIT_CONSTANT, 0, no_attrs},
    {"ones", INIT_CONSTANT, 1, no_attrs},
    {"normal", INIT_NORMAL, 0, normal_attrs},
    {"uniform", INIT_UNIFORM, 0, uniform_attrs},
    {"constant", INIT_CONSTANT, 0, constant_attrs},
    {"file", INIT_VALUES, 0, file_attrs},
};
enum { INIT_NAME_COUNT = sizeof init_names / sizeof *init_names };

const char *init_choice(int index, const Attr **attrs)
{
    if (index >= INIT_NAME_COUNT) return NULL;
    *attrs = init_names[index].attrs;
    return init_names[index].name;
}

/* Of a kind that takes no arguments. */
const char *init_kind_name(InitKind kind)
{
    for (int i = 0; i < INIT_NAME_COUNT; i++)
        if (init_names[i].kind == kind) return init_names[i].name;
    abort();
}

/* ---- literal values ------------------------------------------------------- */

/* The shape of nested lists, by their first elements; false and a message where they go too deep or are empty. */
static bool list_shape(const AttrSlot *s, Shape *shape)
{
    *shape = (Shape){0};
    for (const Const *list = s->value; const_is_list(list); list = const_at(s->c->arena, list, 0)) {
        if (const_length(list) == 0) {
            diag_error(s->c, s->span, "%s: %s is a list without numbers: %s", s->what, s->attr->name,
                       const_text(s->c->arena, s->value));
            return false;
        }
        if (shape->rank == MAX_RANK) {
            diag_error(s->c, s->span, "%s: %s has lists within lists of more than %d levels", s->what, s->attr->name,
                       MAX_RANK);
            return false;
        }
        shape->dim[shape->rank++] = const_length(list);
    }
    return true;
}

/* The numbers below axis `axis`, row by row; false where the lists are ragged or hold something else. */
static bool fill_values(const AttrSlot *s, const Const *value, const Shape *shape, int axis, double **to)
{
    if (axis == shape->rank) {
        if (!const_is_number(value)) return attr_wrong_type(s);
        *(*to)++ = const_number(value);
        return attr_in_range(s, const_number(value));
    }
    if (!const_is_list(value) || const_length(value) != shape->dim[axis]) {
        diag_error(s->c, s->span, "%s: %s: the lists of initial values have different lengths", s->what, s->attr->name);
        return false;
    }
    for (int64_t i = 0; i < const_length(value); i++)
        if (!fill_values(s, const_at(s->c->arena, value, i), shape, axis + 1, to)) return false;
    return true;
}

static bool bind_literal(const AttrSlot *s)
{
    Init init = {.kind = INIT_VALUES};
    if (!list_shape(s, &init.shape)) return false;
    double *values = arena_alloc(s->c->arena, (size_t)s->value->weight * sizeof *values), *to = values;
    init.values = values;
    if (!fill_values(s, s->value, &init.shape, 0, &to)) return false;
    *(Init *)s->to = init;
    return true;
}

/* ---- by name --------------------------------------------------------------- */

static const char *init_nearest(const char *name)
{
    const char *names[INIT_NAME_COUNT];
    for (int i = 0; i < INIT_NAME_COUNT; i++) names[i] = init_names[i].name;
    return nearest_name(name, names, INIT_NAME_COUNT);
}

bool attr_take_init(const AttrSlot *s)
{
    if (const_is_list(s->value)) return bind_literal(s);
    const char *name = s->value->kind == CONST_SYMBOL ? s->value->symbol.text : attr_symbol_text(s->value);
    if (!name) return attr_wrong_type(s);
    int i = 0;
    while (i < INIT_NAME_COUNT && strcmp(init_names[i].name, name) != 0) i++;
    if (i == INIT_NAME_COUNT) {
        diag_error(s->c, s->span, "%s: there is no initialisation `%s`%s", s->what, name,
                   suggestion(s->c, init_nearest(name)));
        return false;
    }
    Init init = {.kind = init_names[i].kind, .a = init_names[i].a};
    List none = {0};
    const List *args = s->value->kind == CONST_SYMBOL && s->value->symbol.args ? s->value->symbol.args : &none;
    if (!attrs_bind(s->c, name, init_names[i].attrs, &init, args, s->span)) return false;
    if (init.kind == INIT_UNIFORM && init.a > init.b) {
        diag_error(s->c, s->span, "uniform: a is %s and b is %s; a must not be above b", real_text(s->c->arena, init.a),
                   real_text(s->c->arena, init.b));
        return false;
    }
    if (init.path && !init_read_file(s, &init, ((const ConstArg *)args->at[0])->span)) return false;
    *(Init *)s->to = init;
    return true;
}
