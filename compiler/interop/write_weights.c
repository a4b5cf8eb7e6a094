/*
 * write_weights: the parameters of an imported network → a safetensors file.
 */
#include "interop/write_weights.h"

#include <string.h>

static int param_values(const void *user, const char *name, float *values, size_t count)
{
    const ImportParam *p = map_get(user, name);
    if (!p || p->count != count) return -1;
    memcpy(values, p->data, count * sizeof *values);
    return 0;
}

static int announce_node(NnTensorWriter *w, const ImportGraph *g, const ImportNode *n, Map *params, NnError *error)
{
    for (int i = 0; i < n->params.count; i++) {
        ImportParam *p = n->params.at[i];
        const char *name = import_param_name(g, n, p);
        map_put(params, name, p);
        if (nn_writer_tensor(w, name, p->rank, p->dims, error)) return -1;
    }
    return 0;
}

int write_weights(const ImportGraph *g, const char *path, NnError *error)
{
    Map *params = map_new(g->arena);
    NnTensorWriter *w = nn_writer_new(param_values, params, error);
    if (!w) return -1;
    int failed = nn_writer_metadata(w, "imported", g->source, error);
    for (int i = 0; !failed && i < g->nodes.count; i++) failed = announce_node(w, g, g->nodes.at[i], params, error);
    if (!failed) failed = nn_writer_save(w, path, error);
    nn_writer_free(w);
    return failed;
}
