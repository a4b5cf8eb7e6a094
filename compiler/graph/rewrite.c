/*
 * The order of execution as a doubly linked list by node id, and the users of each
 * tensor; both grow with the graph.
 */
#include "graph/rewrite.h"

#include <assert.h>
#include <string.h>

typedef enum NodeState {
    NODE_UNKNOWN, /* made since the last call: not yet in the order */
    NODE_NEW,     /* in the order; its inputs do not count as uses yet */
    NODE_LINKED,
    NODE_ERASED
} NodeState;

typedef struct Link {
    NodeState state;
    Node *before, *after; /* neighbours in the order; NULL at its ends */
} Link;

struct GraphRewriter {
    Graph *graph;
    Arena *arena;
    Link *link; /* by node id */
    int links;
    int known; /* nodes that are in the order */
    Node *first, *last;
    List *users; /* by tensor id: of Node */
    int user_lists;
};

/* ---- tables that grow with the graph ----------------------------------------- */

static Link *link_of(const GraphRewriter *r, const Node *n)
{
    assert(n->id < r->known && r->graph->nodes.at[n->id] == n && "a node of another graph");
    return &r->link[n->id];
}

static List *users_of(GraphRewriter *r, const Tensor *t)
{
    r->users = array_grow(r->arena, r->users, &r->user_lists, t->id + 1, sizeof *r->users);
    return &r->users[t->id];
}

static void add_user(GraphRewriter *r, const Tensor *t, Node *n) { list_push(r->arena, users_of(r, t), n); }

static void remove_user(GraphRewriter *r, const Tensor *t, const Node *n)
{
    List *users = users_of(r, t);
    int i = 0;
    while (users->at[i] != n) i++;
    for (users->count--; i < users->count; i++) users->at[i] = users->at[i + 1];
}

/* ---- the order ------------------------------------------------------------------ */

/* Between the neighbours `before` and `after`, of which either may be NULL. */
static void insert_link(GraphRewriter *r, Node *n, Node *before, Node *after)
{
    link_of(r, n)->before = before;
    link_of(r, n)->after = after;
    *(before ? &link_of(r, before)->after : &r->first) = n;
    *(after ? &link_of(r, after)->before : &r->last) = n;
}

static void remove_link(GraphRewriter *r, const Node *n)
{
    const Link *link = link_of(r, n);
    *(link->before ? &link_of(r, link->before)->after : &r->first) = link->after;
    *(link->after ? &link_of(r, link->after)->before : &r->last) = link->before;
}

/* Takes in what graph_node has made since the last call. */
static void find_new_nodes(GraphRewriter *r)
{
    const Graph *g = r->graph;
    r->link = array_grow(r->arena, r->link, &r->links, g->nodes.count, sizeof *r->link);
    while (r->known < g->nodes.count) {
        Node *n = g->nodes.at[r->known++];
        assert(n->id == r->known - 1);
        insert_link(r, n, r->last, NULL);
        link_of(r, n)->state = NODE_NEW;
    }
}

static void count_inputs(GraphRewriter *r, Node *n)
{
    Link *link = link_of(r, n);
    if (link->state != NODE_NEW) return;
    link->state = NODE_LINKED;
    for (int i = 0; i < n->in_count; i++) add_user(r, n->in[i], n);
}

static void move(GraphRewriter *r, Node *n, Node *before, Node *after)
{
    count_inputs(r, n);
    assert(link_of(r, n)->state == NODE_LINKED && "an erased node is moved");
    remove_link(r, n);
    insert_link(r, n, before, after);
}

void rewriter_move_before(GraphRewriter *r, Node *n, Node *at)
{
    find_new_nodes(r);
    if (n != at && link_of(r, at)->before != n) move(r, n, link_of(r, at)->before, at);
    count_inputs(r, n);
}

void rewriter_move_after(GraphRewriter *r, Node *n, Node *at)
{
    find_new_nodes(r);
    if (n != at && link_of(r, at)->after != n) move(r, n, at, link_of(r, at)->after);
    count_inputs(r, n);
}

void rewriter_move_to_front(GraphRewriter *r, Node *n) { rewriter_move_before(r, n, r->first); }

void rewriter_erase(GraphRewriter *r, Node *n)
{
    find_new_nodes(r);
    Link *link = link_of(r, n);
    assert(link->state != NODE_ERASED && "a node is erased twice");
    for (int i = 0; i < n->in_count && link->state == NODE_LINKED; i++) remove_user(r, n->in[i], n);
    remove_link(r, n);
    link->state = NODE_ERASED;
}

bool rewriter_is_erased(const GraphRewriter *r, const Node *n)
{
    return n->id < r->known && r->link[n->id].state == NODE_ERASED;
}

bool rewriter_is_before(const GraphRewriter *r, const Node *a, const Node *b)
{
    const Node *n = link_of(r, b)->before;
    while (n && n != a) n = link_of(r, n)->before;
    return n != NULL;
}

/* ---- nodes ---------------------------------------------------------------------- */

Node *rewriter_node(GraphRewriter *r, Node *at, const Op *op, void *attrs, const char *name, Span span)
{
    Node *n = graph_node(r->graph, op, attrs, name, span);
    find_new_nodes(r);
    count_inputs(r, n);
    if (at) rewriter_move_before(r, n, at);
    return n;
}

Node *rewriter_clone(GraphRewriter *r, const Node *n, Node *at)
{
    Node *made = rewriter_node(r, at, n->op, n->attrs, n->name, n->span);
    int id = made->id;
    *made = *n;
    made->id = id;
    made->origin = n->origin == n ? made : n->origin;
    made->in = made->out = NULL;
    made->in_count = made->out_count = 0;
    return made;
}

Tensor *rewriter_clone_output(GraphRewriter *r, Node *n, const Tensor *t)
{
    Tensor *made = node_out_as(r->graph, n, t->dtype, t->batched, t->shape);
    made->layout = t->layout;
    memcpy(made->field, t->field, sizeof made->field);
    return made;
}

void rewriter_replace(GraphRewriter *r, Node *last, Node *n)
{
    rewriter_move_before(r, n, last);
    n->out[0] = last->out[0];
    n->out[0]->producer = n;
    rewriter_erase(r, last);
}

/* ---- inputs and users -------------------------------------------------------------- */

void rewriter_add_input(GraphRewriter *r, Node *n, Tensor *t)
{
    find_new_nodes(r);
    count_inputs(r, n);
    node_in(r->graph, n, t);
    add_user(r, t, n);
}

void rewriter_add_input_named(GraphRewriter *r, Node *n, Tensor *t, const char *name)
{
    find_new_nodes(r);
    count_inputs(r, n);
    node_in_named(r->graph, n, t, name);
    add_user(r, t, n);
}

void rewriter_set_input(GraphRewriter *r, Node *n, int index, Tensor *t)
{
    find_new_nodes(r);
    count_inputs(r, n);
    if (n->in[index] == t) return;
    remove_user(r, n->in[index], n);
    n->in[index] = t;
    add_user(r, t, n);
}

const List *rewriter_users(const GraphRewriter *r, const Tensor *t)
{
    static const List nobody;
    return t->id < r->user_lists ? &r->users[t->id] : &nobody;
}

void rewriter_use_instead(GraphRewriter *r, const Tensor *old, Tensor *t)
{
    const List *users;
    while ((users = rewriter_users(r, old))->count) {
        Node *user = users->at[0];
        for (int i = 0; i < user->in_count; i++)
            if (user->in[i] == old) rewriter_set_input(r, user, i, t);
    }
}

Node *rewriter_only_user(const GraphRewriter *r, const Tensor *t)
{
    const List *users = rewriter_users(r, t);
    return users->count == 1 && !graph_is_io(r->graph, t) ? users->at[0] : NULL;
}

/* ---- begin and end --------------------------------------------------------------------- */

GraphRewriter *rewriter_begin(Graph *g)
{
    Arena *arena = arena_within(g->compilation->arena);
    GraphRewriter *r = arena_alloc(arena, sizeof *r);
    r->graph = g;
    r->arena = arena;
    find_new_nodes(r);
    r->users = array_grow(arena, r->users, &r->user_lists, g->tensors.count, sizeof *r->users);
    for (int i = 0; i < g->nodes.count; i++) count_inputs(r, g->nodes.at[i]);
    return r;
}

static void renumber_nodes(GraphRewriter *r)
{
    Graph *g = r->graph;
    List nodes = {0};
    for (Node *n = r->first; n; n = link_of(r, n)->after) list_push(g->compilation->arena, &nodes, n);
    g->nodes = nodes;
    for (int i = 0; i < nodes.count; i++) ((Node *)nodes.at[i])->id = i;
}

static void drop_dead_tensors(GraphRewriter *r)
{
    Graph *g = r->graph;
    bool *named = arena_alloc(r->arena, (size_t)(g->tensors.count + 1) * sizeof *named);
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *n = g->nodes.at[i];
        for (int k = 0; k < n->in_count; k++) named[n->in[k]->id] = true;
        for (int k = 0; k < n->out_count; k++) named[n->out[k]->id] = true;
    }
    int kept = 0;
    for (int i = 0; i < g->tensors.count; i++) {
        Tensor *t = g->tensors.at[i];
        if (!named[i] && !graph_is_io(g, t) && !tensor_in_model(t->kind)) continue;
        t->id = kept;
        g->tensors.at[kept++] = t;
    }
    g->tensors.count = kept;
}

Graph *rewriter_graph(const GraphRewriter *r) { return r->graph; }

void rewriter_end(GraphRewriter *r)
{
    find_new_nodes(r);
    renumber_nodes(r);
    drop_dead_tensors(r);
    graph_verify(r->graph);
    arena_free(r->arena);
}
