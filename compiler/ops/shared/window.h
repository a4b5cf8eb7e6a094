/*
 * Windows that slide over an image: the arithmetic of conv and of the pools,
 * and the loops over one window, written once for all of them.
 *
 * A window joins a large side (a conv's input) and a small side (its output):
 * element i of the small side meets the elements i·stride − before + u·dilation,
 * 0 ≤ u < k, of the large one.  Axis 0 is the height, axis 1 the width.  A sequence CxL is an
 * image of one row.
 */
#ifndef NNC_OPS_SHARED_WINDOW_H
#define NNC_OPS_SHARED_WINDOW_H

#include "graph/graph.h"

/* Bounds of attributes, so that the products of sizes below fit 64 bits. */
#define WINDOW_MAX 1e6

typedef struct Slide { /* one axis */
    int64_t large, small;
    int64_t k, stride, dilation;
    int64_t before, after; /* padding of the large side */
} Slide;

typedef enum PadMode { PAD_MODE_ZEROS, PAD_MODE_REFLECT, PAD_MODE_REPLICATE, PAD_MODE_CIRCULAR } PadMode;

/* What a window's attributes say, whatever the operator's struct. */
typedef struct WindowSpec {
    Pair k, stride, dilation;
    Pad pad;
} WindowSpec;

/* A sequence CxL as Cx1xL; an image as it is. */
Shape window_image(Shape);

/* Both axes of a node whose shapes are known. */
void window_slides(Slide slide[2], WindowSpec, Shape large, Shape small);

/* ---- shape rules ------------------------------------------------------ */

/* A user's error when the input is not an image. */
bool window_takes_image(Graph *, Node *);

/* A user's error when the input is not a sequence, or the padding not one number.  The row of the
 * image that it is gets none above and below. */
bool window_takes_sequence(Graph *, Node *, Pad *);

/* Fills in a pad given as same, valid or full for a large side of this shape. */
void window_resolve_pad(Pad *, WindowSpec, Shape large);

/* Elements from the first to the last tap: (k − 1)·dilation + 1. */
int64_t window_reach(const Slide *);

/* slide->small = floor((large + before + after − reach) / stride) + 1.  With
 * `ceil` rounded up, where the last window still starts inside the large side
 * or its left padding (PyTorch's ceil_mode).  A user's error below 1. */
bool window_size(Graph *, Node *, int axis, Slide *, bool ceil);

/* The names of the pad modes, for an ATTR_SYMBOL. */
extern const char *const window_pad_modes[];

/* What stands beyond the border of a padded image: pad's modes. */
typedef enum PadBorder {
    BORDER_ZEROS,
    BORDER_CONSTANT,
    BORDER_REFLECT,
    BORDER_REPLICATE,
    BORDER_CIRCULAR,
    BORDER_SYMMETRIC,
    BORDER_ODD
} PadBorder;

extern const char *const window_borders[];

/* A user's error when padding reflects or wraps around farther than the image
 * reaches: beyond size − 1, or beyond size. */
bool window_padding_fits(Graph *, const Node *, const Slide slide[2], PadMode);

/* The shape rule of a pool of images: checks, sizes, and the output; and of an input that has
 * been checked, or is a sequence. */
bool window_pool_shape(Graph *, Node *, WindowSpec, Pad *resolved, bool ceil);
bool window_pool_size(Graph *, Node *, WindowSpec, Pad *resolved, bool ceil);

/* Both axes say the same: an error about the one need not be repeated for the other. */
bool window_is_square(const Slide slide[2]);

/* a · b for costs, at most 10^17: absurd layers must not overflow. */
int64_t window_cost(int64_t a, int64_t b);

/* For Op.window. */
void window_field(const Slide *, Window *);

/* "height" or "width"; "length" where the node's input is a sequence. */
const char *window_axis_name(const Node *, int axis);

/* ---- loops ------------------------------------------------------------ */

/* Opens `for (variable < count)` and binds $variable to it.  A loop over one
 * element is left out, with $variable 0, unless it must be kept for its
 * `continue`.  Returns the number of braces opened. */
int window_loop(Writer *, const char *variable, int64_t count, bool keep);
void window_close(Writer *, int braces);

/* Some tap of the window lies in the padding. */
bool window_tested(const Slide *);

/* Writes "at * stride + tap * dilation - before" without what is zero or one. */
void window_index_text(char *text, size_t size, const Slide *, const char *at, const char *tap);

/* Binds $row to the large side's index under tap $u of window $i (axis 1: $col,
 * $v and $j).  In padding of zeros the loop around goes on with its next element. */
void window_index(Writer *, int axis, const Slide *, PadMode);

/* The loops over a window's taps u and v, down to where $row and $col are known. */
int window_taps(Writer *, const Slide slide[2], PadMode);

/* Binds @alias to the batched image that the function calls `name`. */
void window_alias(Writer *, const char *alias, const char *name, Shape);

/* Sets the elements of sample n of @array, images of that shape, to a value of c, i and j. */
void window_fill(Writer *, const char *array, Shape, const char *value);

#endif
