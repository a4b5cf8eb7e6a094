/*
 * classes: outputs of a net → classes with probabilities.
 *
 * One text for nnc and for the programs that it writes, which contain it: both must give
 * bitwise the same.
 */
#ifndef NN_CLASSES_H
#define NN_CLASSES_H

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

/* What the outputs are: OutputMeaning of the compiler. */
enum nn_meaning {
    NN_MEANS_VALUES,
    NN_MEANS_PROBABILITIES,
    NN_MEANS_LOGARITHMS,
    NN_MEANS_LOGITS,
    NN_MEANS_SCORES,
    NN_MEANS_EACH,
    NN_MEANS_EACH_LOGIT
};

typedef struct nn_class {
    int index;
    double value; /* probability, or score */
} nn_class;

static inline int nn_more_probable_first(const void *a, const void *b)
{
    const nn_class *x = (const nn_class *)a, *y = (const nn_class *)b;
    const int x_nan = isnan(x->value) != 0, y_nan = isnan(y->value) != 0;
    if (x_nan != y_nan) return x_nan - y_nan;
    if (x->value < y->value) return 1;
    if (x->value > y->value) return -1;
    return x->index - y->index;
}

/* For printf: the sign that a machine gives to a NaN is not printed. */
static inline double nn_shown(double value) { return isnan(value) ? (double)NAN : value; }

/* The sum of exp(y - most): with it exp(y - most) / sum is the softmax. */
static inline double nn_exponentials(const float *y, size_t outputs, double *most)
{
    double sum = 0;
    *most = -HUGE_VAL;
    for (size_t i = 0; i < outputs; i++) *most = fmax(*most, (double)y[i]);
    for (size_t i = 0; i < outputs; i++) sum += exp((double)y[i] - *most);
    return sum;
}

/* The outputs of a sample as classes, the most probable first and NaNs last; `classes` takes outputs + 1.
 * Returns how many there are: two for a single probability. */
static inline int nn_classes(int meaning, const float *y, size_t outputs, nn_class *classes)
{
    double most = 0, sum = meaning == NN_MEANS_LOGITS ? nn_exponentials(y, outputs, &most) : 1;
    for (size_t i = 0; i < outputs; i++) {
        double v = (double)y[i];
        if (meaning == NN_MEANS_LOGITS) v = exp(v - most) / sum;
        if (meaning == NN_MEANS_LOGARITHMS) v = exp(v);
        if (meaning == NN_MEANS_EACH_LOGIT) v = 1 / (1 + exp(-v));
        classes[i].index = (int)i;
        classes[i].value = v;
    }
    if (outputs == 1 && meaning >= NN_MEANS_SCORES) {
        classes[0].index = 1;
        classes[1].index = 0;
        classes[1].value = meaning == NN_MEANS_SCORES ? -classes[0].value : 1 - classes[0].value;
        outputs = 2;
    }
    qsort(classes, outputs, sizeof *classes, nn_more_probable_first);
    return (int)outputs;
}

#endif
