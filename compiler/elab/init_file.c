/*
 * Initial values from a file of tensors: file("w.safetensors", "conv1.weight").
 *
 * Enters: the path, relative to the source's folder, and the name; of the only tensor of a file, as in
 * an .npy, it may be left out.  Leaves: the Init of literal values.  Whether they fit their
 * parameter is seen when it is made (node_param).
 */
#include "elab/attribute_slot.h"
#include "runtime/core/core.h"

enum { FILE_MAX_ELEMENTS = 1 << 22 }; /* they become text in the generated C */

static const char *nearest_tensor(Arena *arena, const NnTensors *file, const char *name)
{
    const int count = nn_tensors_count(file);
    const char **names = arena_alloc(arena, (size_t)(count + 1) * sizeof *names);
    for (int i = 0; i < count; i++) names[i] = nn_tensors_at(file, i)->name;
    return nearest_name(name, names, count);
}

/* NULL after an error. */
static const NnTensor *choose(const AttrSlot *s, const Init *init, const NnTensors *file)
{
    const int count = nn_tensors_count(file);
    if (!init->name && count == 1) return nn_tensors_at(file, 0);
    const NnTensor *found = init->name ? nn_tensors_find(file, init->name) : NULL;
    if (!init->name)
        diag_error(s->c, s->span, "file: %s has %d tensors; name one of them: file(\"%s\", \"NAME\")", init->path,
                   count, init->path);
    else if (!found)
        diag_error(s->c, s->span, "file: there is no tensor `%s` in %s%s", init->name, init->path,
                   suggestion(s->c, nearest_tensor(s->c->arena, file, init->name)));
    return found;
}

/* Axes of 1 before the others that a shape has no room for. */
static int spare_axes(const NnTensor *t)
{
    int spare = 0;
    while (t->rank - spare > MAX_RANK && t->dims[spare] == 1) spare++;
    return spare;
}

static bool fits(const AttrSlot *s, const Init *init, const NnTensor *t)
{
    char dims[NN_DIMS_TEXT];
    if (t->rank - spare_axes(t) <= MAX_RANK && t->count > 0 && t->count <= FILE_MAX_ELEMENTS) return true;
    diag_error(s->c, s->span, "file: %s in %s is %s; initial values have 1 to %d axes and 1 to %d elements", t->name,
               init->path, nn_dims_text(t->rank, t->dims, dims), MAX_RANK, FILE_MAX_ELEMENTS);
    return false;
}

static void take_file_values(Arena *arena, Init *init, const NnTensor *t)
{
    double *values = arena_alloc(arena, t->count * sizeof *values);
    const int spare = spare_axes(t), rank = t->rank - spare;
    nn_tensor_doubles(t, values);
    init->values = values;
    init->shape = shape_vector(1); /* of a single number */
    if (rank > 0) init->shape.rank = rank;
    for (int i = 0; i < rank; i++) init->shape.dim[i] = t->dims[spare + i];
}

static bool read_init(const AttrSlot *s, Init *init, NnTensors *file)
{
    NnError error = {0};
    const NnTensor *t = choose(s, init, file);
    if (!t || !fits(s, init, t)) return false;
    if (nn_tensors_fetch(file, t, &error)) {
        diag_error(s->c, s->span, "file: %s", error.text);
        return false;
    }
    take_file_values(s->c->arena, init, t);
    return true;
}

bool init_read_file(const AttrSlot *s, Init *init, Span at)
{
    NnError error = {0};
    NnTensors *file = nn_tensors_open(source_relative(s->c, at, init->path), &error);
    if (!file) {
        diag_error(s->c, s->span, "file: %s", error.text);
        return false;
    }
    const bool good = read_init(s, init, file);
    nn_tensors_close(file);
    return good;
}
