/* Maxima and minima of branches: the fold and its gradient. */
#include "ops/shared/extreme_branch.h"

#include "autodiff/backward.h"
#include "ops/shared/combine.h"

void extreme_branch_plain(Writer *w, const Node *n, const char *wins)
{
    writer_bind(w, "wins", "%s", wins);
    combine_values(w, n,
                   "if ($x $wins value || $x != $x) {\n"
                   "    value = $x;\n"
                   "}",
                   "value");
}

static void put_share(Writer *w, const Node *n)
{
    const BranchAttrs *a = n->attrs;
    int branches = n->in_count - 1;
    writer_put(w, "$real most = $x0;");
    for (int i = 1; i < branches; i++) {
        combine_bind_branch(w, n, i);
        if (i == a->branch) writer_put(w, "value *= $x == most ? $half : most $wins $x ? 0 : 1;");
        if (i > a->branch) writer_put(w, "value *= most == $x ? $half : $x $wins most ? 0 : 1;");
        if (i < branches - 1) writer_put(w, "most = $x $wins most ? $x : most;");
    }
}

void extreme_branch_dx_plain(Writer *w, const Node *n, const char *wins)
{
    writer_bind(w, "wins", "%s", wins);
    writer_bind_real(w, "half", 0.5);
    combine_gradient(w, n, put_share);
}

void extreme_branch_grad(Backward *b, const Node *n, const Op *dx)
{
    for (int i = 0; i < n->in_count; i++) {
        if (!backward_wants(b, n->in[i])) continue;
        BranchAttrs *a = arena_alloc(backward_graph(b)->compilation->arena, sizeof *a);
        a->branch = i;
        combine_give(b, n, i, dx, true)->attrs = a;
    }
}
