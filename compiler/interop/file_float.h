/* file_float: a 32-bit float among the bytes of a file, at any address. */
#ifndef NNC_INTEROP_FILE_FLOAT_H
#define NNC_INTEROP_FILE_FLOAT_H

typedef float FileFloat __attribute__((aligned(1)));

#endif
