/*
 * import_graph: what all of its users need.
 */
#include "interop/import_graph.h"

#include <string.h>

ImportArg *import_arg(const ImportNode *n, const char *name)
{
    for (int i = 0; i < n->args.count; i++) {
        ImportArg *arg = n->args.at[i];
        if (strcmp(arg->name, name) == 0) return arg;
    }
    return NULL;
}

const char *import_param_name(const ImportGraph *g, const ImportNode *n, const ImportParam *p)
{
    return *p->name ? arena_printf(g->arena, "%s.%s", n->path, p->name) : n->path;
}
