/*
 * cache: shared objects that were compiled before, by what they were made from.
 *
 * They are files in $XDG_CACHE_HOME/nnc/jit, or ~/.cache/nnc/jit, each with a
 * checksum at its end, written under another name and renamed: processes do not
 * disturb each other, and a damaged file is as good as none.  Nothing here is an
 * error: without a cache, everything is compiled.
 */
#ifndef NNC_BACKEND_CACHE_H
#define NNC_BACKEND_CACHE_H

#include "base/base.h"

/* A directory of the user's cache with this name, made where it is missing; NULL:
 * there is no cache (NNC_CACHE=off, no home, a directory that others may write to). */
const char *cache_directory(Arena *, const char *name);

/* Where the object made from these texts is, if it is; NULL: there is no cache
 * (NNC_CACHE=off, no home, a directory that others may write to). */
const char *cache_place(Arena *, const char *const *texts, int count);
/* A dlopen handle, or NULL: not there, or damaged (and then no longer there). */
void *cache_load(const char *place);
/* Keeps a copy of the object, and removes the oldest ones beyond CACHE_BYTES. */
void cache_store(Arena *, const char *place, const char *object);

enum { CACHE_MEGABYTES = 512 };

#endif
