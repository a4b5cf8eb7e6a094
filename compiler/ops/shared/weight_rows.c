/* Operators over the rows of a weight: see weight_rows.h. */
#include "ops/shared/weight_rows.h"

void weight_rows_bind(Writer *w, const Tensor *weight)
{
    const int64_t rows = weight->shape.dim[0];
    writer_bind_int(w, "rows", rows);
    writer_bind_int(w, "columns", shape_count(weight->shape) / rows);
}

void weight_rows_call(Writer *w, const Tensor *weight, const char *call)
{
    weight_rows_bind(w, weight);
    writer_put(w, "static const nn_weight_rows d = {.rows = $rows, .columns = $columns};\n");
    writer_put(w, call);
}
