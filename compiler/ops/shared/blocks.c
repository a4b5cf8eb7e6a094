/* Blocks of pixels as channels and back. */
#include "ops/shared/blocks.h"

#include "ops/shared/window.h"

const Attr block_attrs[] = {
    {"block", ATTR_INT, offsetof(BlockAttrs, block), NULL, 1, WINDOW_MAX, NULL},
    {0},
};

/* In the order of the wide image, k counting its elements and $deep being that of the other. */
static void put_wide_blocks(Writer *w, const Node *n, Shape wide, const char *line)
{
    const BlockAttrs *a = n->attrs;
    writer_bind_int(w, "C", wide.dim[0]);
    writer_bind_int(w, "H", wide.dim[1]);
    writer_bind_int(w, "W", wide.dim[2]);
    writer_bind_int(w, "h", wide.dim[1] / a->block);
    writer_bind_int(w, "w", wide.dim[2] / a->block);
    writer_bind_int(w, "r", a->block);
    writer_bind(w, "to", "%s", n->op->out[0]);
    writer_bind(w, "from", "%s", n->op->in[0]);
    writer_put(w, "$int k = 0;\n"
                  "for ($int c = 0; c < $N * $C; c++) {\n"
                  "    for ($int i = 0; i < $H; i++) {\n"
                  "        for ($int j = 0; j < $W; j++) {\n"
                  "            const $int channel = (c * $r + i % $r) * $r + j % $r;\n"
                  "            const $int deep = (channel * $h + i / $r) * $w + j / $r;\n");
    writer_put(w, line);
    writer_put(w, "            k++;\n"
                  "        }\n"
                  "    }\n"
                  "}\n");
}

void blocks_to_wide(Writer *w, const Node *n) { put_wide_blocks(w, n, node_shape_out(n), "$to[k] = $from[deep];"); }

void blocks_to_deep(Writer *w, const Node *n) { put_wide_blocks(w, n, node_shape_in(n), "$to[deep] = $from[k];"); }
