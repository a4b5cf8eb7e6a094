/*
 * inputs: samples for prediction from files that are no data set.
 *
 * Enters: a path and a Fitting that knows the net's input.  Leaves: each sample in the
 * file, fitted and normalised, one after the other.  What a file is, its first bytes say:
 *
 *   JPEG, PNG     one image of any size; PGM and PPM likewise (P5, P6)
 *   .npy          one sample, or several behind one more axis; images of any size, [H][W] too
 *                 and [N][H][W] where the net takes one channel.  Bytes
 *                 (u1) are pixels from 0 to 255, anything else is taken as it is (pixels
 *                 from 0 to 1)
 *   .npz          one of its arrays, the same: FILE.npz:NAME, or the first
 *   text          CSV: one sample in a row, as many numbers as the net has inputs; a first
 *                 line without numbers is skipped
 *   anything else raw float32 in this machine's byte order, the net's inputs per sample
 *
 * A folder is all images in it and below it, in the order of their names; "-" is standard
 * input.
 */
#ifndef NN_INPUTS_H
#define NN_INPUTS_H

#include "runtime/data/dataset.h"

/* `x` has the fitting's elements and is valid during the call; `name` is the path, with the
 * sample's number in brackets where the file has several.  0, or −1 to stop. */
typedef int (*NnInputVisitor)(void *user, const char *name, const float *x);

/* The fitting of a net's input, without a data set and as yet without a normalisation. */
void fitting_init_net(Fitting *, int rank, const int *dims, NnFit);

/* Every sample of the path; −1 and the error, or the visitor's −1. */
int nn_inputs_read(const Fitting *, const char *path, NnInputVisitor, void *user, NnError *);

#endif
