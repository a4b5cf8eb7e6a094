/*
 * lr_find_picture: a range test as a picture, the loss over the logarithm of the rate.
 */
#ifndef NNC_LR_FIND_PICTURE_H
#define NNC_LR_FIND_PICTURE_H

#include "base/base.h"
#include "runtime/train/range_test.h"

/* FILE.png or FILE.svg. */
bool lr_find_is_picture(const char *path);

/* Writes the file (NULL: none); returns a Status, the message printed. */
int lr_find_draw(const NnRangeTest *, Arena *, const char *net, const char *path);

#endif
