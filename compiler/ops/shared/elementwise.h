/*
 * What element-wise operators share: y[k] = f(x[k]), with the gradient
 * dx[k] = dy[k] · f′ written in terms of x, of y, or of both.
 */
#ifndef NNC_OPS_SHARED_ELEMENTWISE_H
#define NNC_OPS_SHARED_ELEMENTWISE_H

#include "graph/graph.h"

/* Op.shape: one output of the input's shape. */
bool elementwise_shape(Graph *, Node *);
bool model_value_shape(Graph *, Node *); /* of what is made of the model alone, like in[0] */

/* Op.plain: a loop over all elements; the template sees $x and returns y. */
void elementwise_forward(Writer *, const Node *, const char *y);

/* Op.plain of the gradient: the template sees $dy and, as far as the operator
 * stores them, $x and $y. */
void elementwise_backward(Writer *, const Node *, const char *dx);

/* Op.plain of either, where one expression does not say it well: the lines inside
 * the loop over k.  They see $x, $y, $dy and $dx as elements; @name(k) is an
 * element of any other array. */
void elementwise_lines(Writer *, const Node *, const char *lines);

/* Variant.emit of element-wise kernels: the call kernel(elements, inputs, outputs, constants,
 * t, T), or kernel_bf16 where all of them are.  `constants` is a template like "$alpha, ", or "". */
void elementwise_emit(Writer *, const Node *, const char *kernel, const char *constants);

/* The same of a kernel with a descriptor, kernel(&params, elements, inputs, outputs, t, T).
 * `params` is a template, its declaration. */
void elementwise_emit_params(Writer *, const Node *, const char *kernel, const char *params);

/* Op.grad: one node of `gradient`, whose inputs are found by their names: "dy",
 * or the name of an input or an output of the operator ("x", "y", "mask"). */
void elementwise_grad(Backward *, const Node *, const Op *gradient);

/* For Op.slope. */
double slope_zero(const Node *);
double slope_one(const Node *);
double slope_unbounded(const Node *);

/* For Op.flops. */
int64_t elementwise_cost(const Node *, int per_element);

/* Names for Op.in and Op.out. */
extern const char *const elementwise_in[];  /* x */
extern const char *const elementwise_out[]; /* y */
extern const char *const gradient_in_x[];   /* dy, x */
extern const char *const gradient_in_y[];   /* dy, y */
extern const char *const gradient_in_xy[];  /* dy, x, y */
extern const char *const gradient_in_dy[];  /* dy */
extern const char *const gradient_out[];    /* dx */

#endif
