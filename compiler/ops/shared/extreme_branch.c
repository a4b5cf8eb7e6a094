/* Maxima and minima of branches: the fold and its gradient. */
#include "ops/shared/extreme_branch.h"

#include <stdio.h>
#include <string.h>

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

/* Binds $x to what stands for $x0, $x1, … of that number. */
static void put_branch(Writer *w, int i, const char *template)
{
    char name[16], line[160];
    snprintf(name, sizeof name, "$x%d", i);
    size_t length = 0;
    for (const char *p = template; *p && length < sizeof line - sizeof name; p++) {
        if (strncmp(p, "$x", 2) == 0) {
            length += (size_t)snprintf(line + length, sizeof line - length, "%s", name);
            p++;
        } else {
            line[length++] = *p;
        }
    }
    line[length] = 0;
    writer_put(w, line);
}

static void put_share(Writer *w, const Node *n)
{
    const BranchAttrs *a = n->attrs;
    int branches = n->in_count - 1;
    writer_put(w, "$real most = $x0;");
    for (int i = 1; i < branches; i++) {
        if (i == a->branch) put_branch(w, i, "value *= $x == most ? $half : most $wins $x ? 0 : 1;");
        if (i > a->branch) put_branch(w, i, "value *= most == $x ? $half : $x $wins most ? 0 : 1;");
        if (i < branches - 1) put_branch(w, i, "most = $x $wins most ? $x : most;");
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
