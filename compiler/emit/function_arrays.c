/*
 * The arrays of a layer's function: what they are called, and which tensor each is.
 */
#include "emit/emitter.h"

#include <assert.h>
#include <string.h>

static const char *suffix_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

const char *function_input_name(Emitter *e, const Node *n, int i)
{
    const Tensor *t = n->in[i];
    if (t->kind == TENSOR_BUFFER || t->kind == TENSOR_STATE) return suffix_of(t->name);
    if (n->in_names) return n->in_names[i];
    if (n->op->in) {
        for (int k = 0; k <= i; k++) {
            if (!n->op->in[k]) break;
            if (k == i) return n->op->in[k];
        }
    }
    assert(n->op->traits & OP_VARIADIC);
    int first = 0; /* inputs with names of their own stand before the numbered ones */
    while (n->op->in && n->op->in[first]) first++;
    return arena_printf(e->arena, "x%d", i - first);
}

const Tensor *function_array(const Node *n, int i) { return i < n->in_count ? n->in[i] : n->out[i - n->in_count]; }

const char *function_array_name(Emitter *e, const Node *n, int i)
{
    return i < n->in_count ? function_input_name(e, n, i) : node_out_name(n, i - n->in_count);
}
