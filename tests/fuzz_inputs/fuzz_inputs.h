/*
 * fuzz_inputs: readers of files, given bytes that nobody vouches for.
 *
 * Each other file here is one target, a function that libFuzzer calls with an input.  What is wrong
 * with an input must be an error: the sanitizers look for anything else.  `make fuzz-inputs` makes
 * new inputs; `make test` only runs those that are kept in seeds/TARGET, by replay.c.
 */
#ifndef NNC_TESTS_FUZZ_INPUTS_H
#define NNC_TESTS_FUZZ_INPUTS_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* For readers that take paths: writes a file into a folder of this process, which is removed at its
 * end, and returns the folder. */
const char *fuzz_file(const char *name, const uint8_t *bytes, size_t size);

#endif
