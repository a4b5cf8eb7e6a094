/* A graph as text, one node a line, for --dump and for golden tests. */
#include "elab/attributes.h"
#include "graph/graph.h"
#include "lower/dump.h"

static const char *tensor_text(Arena *arena, const Graph *g, const Tensor *t)
{
    const bool typed = !dtype_is_real(t->dtype) || t->dtype == DTYPE_BF16;
    const char *type = typed ? arena_printf(arena, ":%s", dtype_name(t->dtype)) : "";
    if (tensor_in_model(t->kind)) return arena_printf(arena, "%s[%s]%s", t->name, shape_text(arena, t->shape), type);
    const char *batch = !t->batched              ? ""
                        : g->kind == PROGRAM_NET ? "Nx"
                                                 : arena_printf(arena, "%lldx", (long long)g->batch);
    bool named = t->layout != LAYOUT_NCHW;
    return arena_printf(arena, "%%%d[%s%s]%s%s%s", t->id, batch, shape_text(arena, t->shape), type, named ? ":" : "",
                        named ? layout_name(t->layout) : "");
}

static void dump_list(FILE *out, Arena *arena, const Graph *g, Tensor **at, int count)
{
    for (int i = 0; i < count; i++) fprintf(out, "%s%s", i ? ", " : "", tensor_text(arena, g, at[i]));
}

/* "[direct_nhwc + affine + relu]", or "" for the plain form and where there is no choice. */
static const char *variant_text(Arena *arena, const Node *n)
{
    bool choice = n->variant && (n->op->variants[1].name || n->epilogue);
    return choice ? arena_printf(arena, "[%s%s]", n->variant->name, epilogue_text(n->epilogue)) : "";
}

/* "  head side %9[Nx3]" */
static void dump_graph_head(FILE *out, Arena *arena, const Graph *g, const char *what, const Head *h)
{
    fprintf(out, "  %s %s %s", what, h->name, tensor_text(arena, g, h->output));
    if (h->trained) fprintf(out, ", weight %g", h->weight);
    if (h->loss.op) fprintf(out, ", loss %s", h->loss.op->name);
    if (h->target) fprintf(out, ", target %s", h->target);
    fprintf(out, "\n");
}

void graph_dump(const Graph *g, FILE *out)
{
    Arena *arena = arena_new();
    fprintf(out, "%s %s\n", program_kind_name(g->kind), g->name);
    if (g->micro_batches > 1) fprintf(out, "  %lld micro-batches\n", (long long)g->micro_batches);
    for (int i = 0; i < g->inputs.count; i++) {
        const Tensor *t = g->inputs.at[i];
        fprintf(out, "  input %s %s\n", t->name, tensor_text(arena, g, t));
    }
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *n = g->nodes.at[i];
        fprintf(out, "  ");
        dump_list(out, arena, g, n->out, n->out_count);
        const char *how = variant_text(arena, n);
        const char *attrs = n->attrs && n->op->attrs ? attrs_text(arena, n->op->attrs, n->attrs) : "";
        fprintf(out, "%s%s%s(%s)", n->out_count ? " = " : "", n->op->name, how, attrs);
        static const char *const phases[] = {", before all", "", ", after all"};
        fprintf(out, "  # %s%s\n", n->name, phases[n->phase - PHASE_BEFORE]);
        if (n->in_count) fprintf(out, "      ");
        dump_list(out, arena, g, n->in, n->in_count);
        if (n->in_count) fprintf(out, "\n");
    }
    for (int i = 0; i < g->heads.count; i++) dump_graph_head(out, arena, g, "head", g->heads.at[i]);
    for (int i = 0; i < g->outputs.count; i++) dump_graph_head(out, arena, g, "output", g->outputs.at[i]);
    if (g->output) fprintf(out, "  output %s\n", tensor_text(arena, g, g->output));
    if (g->loss) fprintf(out, "  loss %s\n", tensor_text(arena, g, g->loss));
    for (int i = 0; i < g->gradients.count; i++) {
        const ParamGrad *pair = g->gradients.at[i];
        fprintf(out, "  gradient of %s: %s\n", pair->param->name, tensor_text(arena, g, pair->gradient));
    }
    arena_free(arena);
}
