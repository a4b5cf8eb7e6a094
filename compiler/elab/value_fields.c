/* Fields of values of the net: in.channels, label.shape, c1.rf … */
#include <math.h>
#include <string.h>

#include "elab/eval_context.h"

static const char *const field_names[] = {"channels", "height", "width", "features", "shape",    "rank",
                                          "rf",       "stride", "rf_h",  "rf_w",     "stride_h", "stride_w"};
enum { FIELD_COUNT = sizeof field_names / sizeof *field_names };

/* Receptive fields are whole numbers nearly always, and then compare as such. */
static const Const *const_count(const EvalContext *p, double value)
{
    return value == floor(value) && fabs(value) < 1e15 ? const_int(p->arena, (int64_t)value)
                                                       : const_real(p->arena, value);
}

static const Const *shape_const(const EvalContext *p, Shape shape)
{
    const Const **at = arena_alloc(p->arena, MAX_RANK * sizeof *at);
    for (int i = 0; i < shape.rank; i++) at[i] = const_int(p->arena, shape.dim[i]);
    return const_list(p->arena, at, shape.rank);
}

/* "a vector of 192 features" */
static const char *kind_text(const EvalContext *p, const Tensor *t)
{
    const char *text = shape_kind_text(p->arena, t->shape);
    return t->shape.rank == 1 ? arena_printf(p->arena, "%s features", text) : text;
}

/* rf, stride and their forms per axis; `name` is one of them. */
static const Const *eval_receptive(const EvalContext *p, const Expr *e, const char *what, const Tensor *t)
{
    bool is_rf = strncmp(e->text, "rf", 2) == 0;
    const char *axis = strchr(e->text, '_');
    const bool sequence = t->shape.rank == 2;
    if (!field_exists(t->shape)) {
        diag_error(p->c, e->span, "%s is %s: it has no position in the image, so no %s", what, kind_text(p, t),
                   is_rf ? "receptive field" : "stride");
        return NULL;
    }
    if (sequence && axis) {
        diag_error(p->c, e->span, "%s is %s, which has one %s: use `%s`", what, kind_text(p, t),
                   is_rf ? "receptive field" : "stride", is_rf ? "rf" : "stride");
        return NULL;
    }
    double h = is_rf ? field_size(t->field[0]) : t->field[0].stride;
    double w = is_rf ? field_size(t->field[1]) : t->field[1].stride;
    if (!axis && !sequence && (h != w || t->field[0].whole != t->field[1].whole)) {
        diag_error(p->c, e->span, "the %s of %s is %s high and %s wide: use `%s_h` and `%s_w`",
                   is_rf ? "receptive field" : "stride", what, real_text(p->arena, h), real_text(p->arena, w), e->text,
                   e->text);
        return NULL;
    }
    int which = sequence || (axis && axis[1] == 'w');
    if (t->field[which].whole) {
        diag_error(p->c, e->span, "%s depends on the whole input: it has no %s", what, e->text);
        return NULL;
    }
    return const_count(p, which ? w : h);
}

static const Const *eval_size(const EvalContext *p, const Expr *e, const char *what, const Tensor *t)
{
    bool image = t->shape.rank == 3, features = strcmp(e->text, "features") == 0;
    if (features && t->shape.rank == 1) return const_int(p->arena, t->shape.dim[0]);
    if (features) {
        diag_error(p->c, e->span, "%s is %s and has %s; `flatten` makes %lld features of it", what,
                   shape_kind_text(p->arena, t->shape), image ? "channels, height and width" : "a shape",
                   (long long)shape_count(t->shape));
        return NULL;
    }
    if (!image && (t->shape.rank == 1 || *e->text != 'c')) {
        diag_error(p->c, e->span, "%s is %s: it has no %s", what, kind_text(p, t), e->text);
        return NULL;
    }
    return const_int(p->arena, t->shape.dim[*e->text == 'c' ? 0 : *e->text == 'h' ? 1 : 2]);
}

const Const *eval_field(const EvalContext *p, const Expr *e)
{
    const Const *left = eval(p, e->left, false);
    if (!left) return NULL;
    if (left->kind != CONST_VALUE) {
        diag_error(p->c, e->span, "`%s` is %s; only `in` and labels have .%s", expr_line(p->c, e->left),
                   const_kind_text(left), e->text);
        return NULL;
    }
    int field = 0;
    while (field < FIELD_COUNT && strcmp(field_names[field], e->text) != 0) field++;
    if (field == FIELD_COUNT) {
        diag_error(p->c, e->span, "a value of the net has no .%s%s", e->text,
                   suggestion(p->c, nearest_name(e->text, field_names, FIELD_COUNT)));
        return NULL;
    }
    const Tensor *t = left->value.tensor;
    if (!t) return NULL;
    const char *what = arena_printf(p->arena, "`%s`", left->value.text);
    if (strcmp(e->text, "shape") == 0) return shape_const(p, t->shape);
    if (strcmp(e->text, "rank") == 0) return const_int(p->arena, t->shape.rank);
    return field >= 6 ? eval_receptive(p, e, what, t) : eval_size(p, e, what, t);
}
