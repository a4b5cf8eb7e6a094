/*
 * import_graph: what all of its users need.
 */
#include "interop/import_graph.h"

const char *import_param_name(const ImportGraph *g, const ImportNode *n, const ImportParam *p)
{
    return *p->name ? arena_printf(g->arena, "%s.%s", n->path, p->name) : n->path;
}
