/*
 * export_elementwise: arithmetic of branches, and with constants.
 */
#include <string.h>

#include "interop/exporter.h"

/* ---- of branches -------------------------------------------------------------------- */

static const char **branches(Export *e)
{
    const char **in = arena_alloc(e->ex->arena, (size_t)(e->node->in_count + 1) * sizeof *in);
    for (int i = 0; i < e->node->in_count; i++) in[i] = export_in(e, i);
    return in;
}

static const char *of_branches(Export *e, const char *op)
{
    return export_result(export_node(e, op, e->node->in_count, branches(e)));
}

static const char *one_by_one(Export *e, const char *op)
{
    const char *x = export_in(e, 0);
    for (int i = 1; i < e->node->in_count; i++) x = export_binary(e, op, x, export_in(e, i));
    return x;
}

static const char *export_add(Export *e)
{
    return e->node->in_count == 2 ? one_by_one(e, "Add") : of_branches(e, "Sum");
}
static const char *export_mul(Export *e) { return one_by_one(e, "Mul"); }
static const char *export_sub(Export *e) { return one_by_one(e, "Sub"); }
static const char *export_div(Export *e) { return one_by_one(e, "Div"); }
static const char *export_maximum(Export *e) { return of_branches(e, "Max"); }
static const char *export_minimum(Export *e) { return of_branches(e, "Min"); }
static const char *export_mean(Export *e) { return of_branches(e, "Mean"); }

/* ---- with constants ------------------------------------------------------------------ */

static const char *export_scale(Export *e)
{
    return export_binary(e, "Mul", export_in(e, 0), export_channel_reals(e, "by", argument_reals(e->node, "by")));
}

static const char *export_shift(Export *e)
{
    return export_binary(e, "Add", export_in(e, 0), export_channel_reals(e, "by", argument_reals(e->node, "by")));
}

static const char *export_pow(Export *e)
{
    return export_binary(e, "Pow", export_in(e, 0), export_real(e, argument_real(e->node, "exponent")));
}

static const char *export_square(Export *e) { return export_binary(e, "Pow", export_in(e, 0), export_real(e, 2)); }

/* ---- what does nothing at inference --------------------------------------------------- */

static const char *export_input_itself(Export *e) { return export_in(e, 0); }

/* With scale=test survivors are not scaled while training: here all are, by 1 − p. */
static const char *export_dropout(Export *e)
{
    if (strcmp(argument_symbol(e->node, "scale"), "train") == 0) return export_in(e, 0);
    return export_binary(e, "Mul", export_in(e, 0), export_real(e, 1 - argument_real(e->node, "p")));
}

/* ---- sources ---------------------------------------------------------------------------- */

/* [1][shape of a sample] */
static int source_dims(const Node *n, int64_t dims[MAX_RANK + 1])
{
    const Shape s = node_shape_out(n);
    dims[0] = 1;
    for (int i = 0; i < s.rank; i++) dims[i + 1] = s.dim[i];
    return s.rank + 1;
}

static const char *export_learned(Export *e)
{
    int64_t dims[MAX_RANK + 1];
    const int rank = source_dims(e->node, dims);
    return export_param(e, NULL, rank, dims);
}

static const char *export_given(Export *e)
{
    int64_t dims[MAX_RANK + 1];
    const int rank = source_dims(e->node, dims);
    return export_reals(e, "values", rank, dims, argument_init(e->node, "values")->values);
}

const ExportRow export_elementwise_rows[] = {
    {"add", export_add},
    {"mul", export_mul},
    {"sub", export_sub},
    {"div", export_div},
    {"maximum", export_maximum},
    {"minimum", export_minimum},
    {"mean", export_mean},
    {"scale", export_scale},
    {"shift", export_shift},
    {"pow", export_pow},
    {"square", export_square},
    {"identity", export_input_itself},
    {"stop_gradient", export_input_itself},
    {"gradient_reversal", export_input_itself},
    {"dropout2d", export_input_itself},
    {"drop_path", export_input_itself},
    {"dropout", export_dropout},
    {"param", export_learned},
    {"constant", export_given},
    {0},
};
