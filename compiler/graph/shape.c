/* Shapes: comparison, counts and how messages name them. */
#include "graph/shape.h"

bool shape_equal(Shape a, Shape b)
{
    if (a.rank != b.rank) return false;
    for (int i = 0; i < a.rank; i++) {
        if (a.dim[i] != b.dim[i]) return false;
    }
    return true;
}

static int leading_ones(Shape s)
{
    int count = 0;
    while (count < s.rank && s.dim[count] == 1) count++;
    return count;
}

bool shape_equal_inner(Shape a, Shape b)
{
    const int i = leading_ones(a), j = leading_ones(b);
    if (a.rank - i != b.rank - j) return false;
    for (int k = 0; i + k < a.rank; k++) {
        if (a.dim[i + k] != b.dim[j + k]) return false;
    }
    return true;
}

int64_t shape_count(Shape s)
{
    int64_t count = 1;
    for (int i = 0; i < s.rank; i++) count *= s.dim[i];
    return count;
}

const char *shape_text(Arena *arena, Shape s)
{
    const char *text = "";
    for (int i = 0; i < s.rank; i++) text = arena_printf(arena, "%s%s%lld", text, i ? "x" : "", (long long)s.dim[i]);
    return text;
}

const char *shape_kind_text(Arena *arena, Shape s)
{
    static const char *const kinds[MAX_RANK + 1] = {"a single number", "a vector of", "a sequence", "an image",
                                                    "a value of four axes"};
    return s.rank == 0 ? kinds[0] : arena_printf(arena, "%s %s", kinds[s.rank], shape_text(arena, s));
}

Shape shape_strides(Shape s)
{
    Shape strides = {s.rank, {0}};
    int64_t stride = 1;
    for (int axis = s.rank - 1; axis >= 0; axis--) {
        strides.dim[axis] = stride;
        stride *= s.dim[axis];
    }
    return strides;
}

ShapeParts shape_parts(Shape s, int axis)
{
    ShapeParts parts = {1, s.dim[axis], 1};
    for (int i = 0; i < axis; i++) parts.outer *= s.dim[i];
    for (int i = axis + 1; i < s.rank; i++) parts.inner *= s.dim[i];
    return parts;
}
