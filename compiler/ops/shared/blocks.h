/*
 * Blocks of pixels as channels and back: depth_to_space (PyTorch's PixelShuffle) and
 * space_to_depth (PixelUnshuffle), each the other's gradient.
 *
 *   deep: [N][C·r·r][H][W]   wide: [N][C][H·r][W·r]
 *   wide[c][i·r + u][j·r + v] = deep[(c·r + u)·r + v][i][j],  u, v < r
 */
#ifndef NNC_OPS_SHARED_BLOCKS_H
#define NNC_OPS_SHARED_BLOCKS_H

#include "graph/graph.h"

typedef struct BlockAttrs {
    int64_t block; /* r */
} BlockAttrs;

extern const Attr block_attrs[];

/* Op.plain, from in[0] to out[0]: of the layer or of the other's gradient. */
void blocks_to_wide(Writer *, const Node *);
void blocks_to_deep(Writer *, const Node *);

#endif
