/*
 * Cells: each element of the output stands for a rectangle of the input, and is
 * its average or its maximum.  avgpool, lppool, the adaptive and the global
 * pools and roipool are this with different rectangles.
 *
 * Along an axis cell i is either a window, i·stride − before … + k, clipped to
 * the image, or part i of a region cut into `small` parts as PyTorch's adaptive
 * pools cut it: floor(i·region/small) … ceil((i + 1)·region/small).
 */
#ifndef NNC_OPS_SHARED_CELLS_H
#define NNC_OPS_SHARED_CELLS_H

#include "ops/shared/window.h"

typedef struct Cells {   /* one axis */
    Slide slide;         /* of windows, with dilation 1 */
    int64_t region;      /* of parts of unequal size; 0: a window */
    int64_t origin;      /* where the region starts */
    bool padding_counts; /* an average divides by the window's size with its padding */
    int64_t counted;     /* elements an average divides by, where all cells have as many */
} Cells;

Cells cells_window(Slide, bool padding_counts);

/* `small` parts of the rows origin … origin + region − 1; equal parts are windows. */
Cells cells_parts(int64_t large, int64_t small, int64_t origin, int64_t region);

/* Both axes of an image cut into parts: of the whole (adaptive pools). */
void cells_adaptive(Cells cells[2], Shape large, Shape small);

/* Rows of the largest cell. */
int64_t cells_reach(const Cells *);
void cells_field(const Cells *, Window *);

/* ---- loops ------------------------------------------------------------ */

/* Opens the loops over c, i and j of sample n and leaves the edges of the cell
 * bound; then the loops over the rows and columns of the cell, with $row and $col
 * bound.  Both return braces for window_close. */
int cells_open(Writer *, const Cells cells[2], int64_t channels);
int cells_inside(Writer *, const Cells cells[2]);

/* Binds $count to the elements an average divides by; after cells_open. */
void cells_bind_count(Writer *, const Cells cells[2]);

/* Bodies of the operators' functions: arrays x, y; dy, dx; x, y, place; dy, place, dx. */
void cells_average(Writer *, const Node *, const Cells cells[2]);
void cells_average_gradient(Writer *, const Node *, const Cells cells[2]);
void cells_maximum(Writer *, const Node *, const Cells cells[2]);
void cells_maximum_training(Writer *, const Node *, const Cells cells[2]);

/* The same by the kernel "pool". */
void cells_average_emit(Writer *, const Node *, const Cells cells[2]);
void cells_average_gradient_emit(Writer *, const Node *, const Cells cells[2]);
void cells_maximum_emit(Writer *, const Node *, const Cells cells[2]);
void cells_maximum_training_emit(Writer *, const Node *, const Cells cells[2]);

/* Variant.refuses of all that call it. */
const char *cells_refusal(const Node *);

/* ---- graph ------------------------------------------------------------ */

/* Adds the output `place` of a maximum's training form: the winner's index in
 * its plane, row·W + col. */
void cells_place(Graph *, Node *);

/* Op.grad of the maxima's training forms. */
void cells_maximum_grad(Backward *, const Node *);

/* One gradient node dx from dy alone, the averages'. */
void cells_average_grad(Backward *, const Node *, const Op *gradient);

extern const char *const cells_in[];           /* x */
extern const char *const cells_out[];          /* y */
extern const char *const cells_training_out[]; /* y, place */
extern const char *const cells_gradient_in[];  /* dy */
extern const char *const cells_gradient_out[]; /* dx */

#endif
