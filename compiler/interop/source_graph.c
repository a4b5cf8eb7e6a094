/* source_graph: the steps from a graph of layers to text. */
#include "interop/source_graph.h"

#include "front/front.h"
#include "interop/source_tree.h"

static const char *formatted(Compilation *c, const Text *text)
{
    static const char *const no_keys[] = {NULL};
    Text out;
    text_init(&out, c->arena);
    return front_format(c, "net.nn", text->data, text->length, no_keys, &out) ? out.data : text->data;
}

WrittenSource source_of_graph(Compilation *c, const SourceGraph *graph)
{
    SourceTree tree = {.arena = c->arena, .graph = chain_concats(c->arena, graph)};
    build_statements(&tree);
    name_statements(&tree);
    find_blocks(&tree);
    find_loops(&tree, false);
    name_blocks(&tree);
    Text text;
    text_init(&text, c->arena);
    write_statements(&tree, &text);
    return (WrittenSource){formatted(c, &text), tree.order, tree.order_count};
}
