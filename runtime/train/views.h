/*
 * views: a sample seen several times, for a prediction that is the mean of all (test-time
 * augmentation).
 */
#ifndef NN_VIEWS_H
#define NN_VIEWS_H

#include "runtime/train/train.h"

enum { VIEW_CROPS = 5 };

typedef enum NnViewKind {
    NN_VIEWS_ONE,
    NN_VIEWS_FLIP, /* the image, and its mirror image */
    NN_VIEWS_CROPS /* of an image fitted to an input 8/7 as large along both axes: the windows at
                    * the corners and at the centre, and the mirror images of these (Krizhevsky,
                    * Sutskever and Hinton, 2012) */
} NnViewKind;

typedef struct NnViews {
    NnViewKind kind;
    int meaning;     /* nn_meaning of the net's own outputs: probabilities are averaged */
    size_t own;      /* elements of these */
    int dims[3];     /* C, H, W of the net's input */
    Fitting fitting; /* of the image that views are cut from; its normalisation is the feed's */
    Feed feed;       /* the same data by this fitting */
} NnViews;

/* The feed must outlive it.  −1: the net takes no images, or targets belong to pixels. */
int nn_views_init(NnViews *, NnViewKind, int meaning, size_t own_outputs, const Feed *, NnError *);
int views_count(const NnViews *);
/* View number `view` of a batch: x of views->fitting → out of the net's input. */
void views_cut(const NnViews *, int view, int batch, const float *x, float *out);
/* One sample's outputs: what can be averaged, and back. */
void views_average_form(const NnViews *, float *y);
void views_output_form(const NnViews *, float *y);

/* nn_evaluate with the mean of the views.  The loss is the mean of the views' losses. */
int nn_evaluate_views(const nn_model_info *, const void *model, const NnViews *, DataPart, NnSampleVisitor visit,
                      void *user, const volatile sig_atomic_t *stop, NnScore *, NnError *);

#endif
