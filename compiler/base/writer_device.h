/* What the machine of the text has, of a writer for the plain form. */
#ifndef NNC_BASE_WRITER_DEVICE_H
#define NNC_BASE_WRITER_DEVICE_H

#include "base/base.h"

/* runtime/kernels/scalar/dual_products.h serves it. */
void writer_use_dual_products(Writer *);
bool writer_has_dual_products(const Writer *);

#endif
