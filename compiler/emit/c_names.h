/*
 * c_names: names of nets and layers → identifiers of C.
 *
 * A net goes by its own name in C unless that name is taken; then `net_` is put in
 * front of it: net xor → net_xor_infer, NET_XOR_BATCH.  Taken are
 *
 *   - the keywords of C and C++ and the global names of the C library, which
 *     reserved_names.txt lists, since a type is called as the net is;
 *   - names such as `pthread_mutex`, for which NAME_init or NAME_set is in that list;
 *   - `nn` and what begins with `nn_`, which are this compiler's, and what begins
 *     with `_`, which is the C implementation's.
 *
 * All that a generated file defines besides begins with `nn_`, `NN_`, or the prefix.
 */
#ifndef NNC_EMIT_C_NAMES_H
#define NNC_EMIT_C_NAMES_H

#include "base/base.h"

/* Letters, digits and _, not beginning with a digit or with what is ours: 0.conv → _0_conv. */
const char *c_identifier(Arena *, const char *name);

/* What the names of the interface begin with: the net's name, or net_NAME. */
const char *c_prefix(Arena *, const char *net);

/* Whether a file of this prefix cannot define a function of that name for a layer. */
bool c_name_is_taken(const char *prefix, const char *name);

/* The name of the header beside NAME.c: NAME.h, or net_NAME.h where a standard header has that name. */
const char *c_header_name(Arena *, const char *header);

#endif
