/*
 * core: errors, random numbers and tensor files; the ground of the runtime.
 *
 * Nothing here prints or ends the process.  A function that can fail takes an
 * NnError, fills it and returns −1 or NULL, so that a program that embeds the
 * runtime decides what to do with the message.
 */
#ifndef NN_CORE_H
#define NN_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- errors ----------------------------------------------------------- */

enum {
    NN_BAD_INPUT = 1,    /* what the user gave is wrong */
    NN_SYSTEM_FAILED = 3 /* no memory, disk full, a file that cannot be read */
};

typedef struct NnError {
    int status;      /* one of the above; 0: nothing happened */
    char text[2048]; /* the message, without a line end unless it lists several things */
} NnError;

/* Fills the error and returns −1. */
int nn_fail(NnError *, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same for a failed system call: appends ": " and the text of errno. */
int nn_fail_errno(NnError *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* For a path: one that does not exist is the user's mistake (status 1), any
 * other reason is the system's (status 3). */
int nn_fail_path(NnError *, const char *verb, const char *path);

/* 64-byte aligned, freed with free(); NULL and an error, if one is given, when there is no
 * memory.  Nothing is in it yet, so that what is not used takes no memory.  A large block lies on
 * huge pages where the system has them for the asking: it takes a few page faults, not
 * thousands, to be filled. */
void *nn_memory(size_t bytes, NnError *);

/* The same zeroed. */
void *nn_alloc(size_t bytes, NnError *);

/* How many processors this process may run on: those it is bound to, or all. */
int nn_processors(void);

/* ---- random numbers ---------------------------------------------------- */

/*
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy
 * as 1, 2, 3; SC 2011): a block of four words is a pure function of a counter
 * and a key.  There is no state to carry: the n-th number of an epoch is the
 * same on every machine and in whatever order the numbers are asked for.
 */
void nn_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* 64 random bits: word `index` of the stream `stream` of `seed`. */
uint64_t nn_random(uint64_t seed, uint64_t stream, uint64_t index);

/* The upper 53 of random bits as a number in [0, 1), or in the middle of its interval, in (0, 1). */
double nn_unit_real(uint64_t bits);
double nn_open_unit_real(uint64_t bits);

/* A normal number, N(0, 1), of twice 64 random bits (Box and Muller 1958). */
double nn_normal(uint64_t a, uint64_t b);

/* order[0 … count) becomes a permutation of 0 … count−1 (Fisher–Yates), a
 * function of seed and epoch alone. */
void nn_shuffle(int32_t *order, int count, uint64_t seed, uint64_t epoch);

/* ---- tensor files ------------------------------------------------------ */

enum { NN_MAX_RANK = 8 };

typedef enum NnType {
    NN_BOOL,
    NN_U8,
    NN_I8,
    NN_U16,
    NN_I16,
    NN_F16,
    NN_BF16,
    NN_U32,
    NN_I32,
    NN_F32,
    NN_U64,
    NN_I64,
    NN_F64
} NnType;

size_t nn_type_size(NnType);
const char *nn_type_name(NnType); /* as in the file: "F32" */

typedef struct NnTensor {
    const char *name;
    NnType type;
    int rank; /* 0: one number */
    int64_t dims[NN_MAX_RANK];
    size_t count;              /* elements */
    const unsigned char *data; /* little-endian, in the file's memory; aligned to nothing; NULL: nn_tensors_fetch */
} NnTensor;

/* A whole file in memory: safetensors, or NumPy's .npz or .npy (one tensor,
 * called "array").  The checks of safetensors: the header is UTF-8 JSON with each name
 * once, types and shapes are known and their sizes match the offsets, and the
 * tensors cover the data exactly, without holes or overlaps. */
typedef struct NnTensors NnTensors;

NnTensors *nn_tensors_open(const char *path, NnError *);
/* A safetensors file without its tensors: the metadata alone. */
NnTensors *nn_tensors_open_header(const char *path, NnError *);
NnTensors *nn_tensors_parse(const char *path, const void *bytes, size_t size, NnError *); /* copies */
void nn_tensors_close(NnTensors *);
int nn_tensors_count(const NnTensors *);
const NnTensor *nn_tensors_at(const NnTensors *, int index);          /* in the order of the header */
const NnTensor *nn_tensors_find(const NnTensors *, const char *name); /* NULL: none */
/* OLD=NEW, each a name, or with one * for any text: 'features.*=conv.*'.  A rule that fits no
 * tensor, or gives two the same name, is an error. */
int nn_tensors_rename(NnTensors *, const char *rule, NnError *);
const char *nn_tensors_metadata(const NnTensors *, const char *key); /* NULL: none */
/* The metadata one after the other, from 0; NULL at the end. */
const char *nn_tensors_metadata_at(const NnTensors *, int index, const char **value);
/* Brings the data of a tensor of the file into memory: what an .npz announces may be a
 * thousand times its size, so there only what is asked for is unpacked. */
int nn_tensors_fetch(NnTensors *, const NnTensor *, NnError *);

/* All elements converted; floats round to nearest, what is too large becomes
 * infinite.  Integers: an element that is not an int32 is an error. */
void nn_tensor_floats(const NnTensor *, float *out);
void nn_tensor_doubles(const NnTensor *, double *out);
int nn_tensor_ints(const NnTensor *, int32_t *out, NnError *);

/* "6x1x5x5"; "1" for rank 0.  `out` takes 32 bytes per dimension at most. */
enum { NN_DIMS_TEXT = 32 * NN_MAX_RANK };
const char *nn_dims_text(int rank, const int64_t *dims, char out[NN_DIMS_TEXT]);

/*
 * Writing.  Tensors stand in the file in the order they were added, the header
 * is padded so that the data begins at a multiple of 8, and equal calls give
 * equal bytes.  The file appears under its name only when it is complete.
 */
typedef struct NnTensorWriter NnTensorWriter;

/* Asked for each tensor while the file is written; 0 on success. */
typedef int (*NnTensorSource)(const void *user, const char *name, float *values, size_t count);

NnTensorWriter *nn_writer_new(NnTensorSource, const void *user, NnError *);
int nn_writer_tensor(NnTensorWriter *, const char *name, int rank, const int64_t *dims, NnError *); /* F32 */
int nn_writer_metadata(NnTensorWriter *, const char *key, const char *value, NnError *);
int nn_writer_save(NnTensorWriter *, const char *path, NnError *);
void nn_writer_free(NnTensorWriter *);

/* ---- whole files ------------------------------------------------------- */

/* The bytes of a file with a zero after them, or NULL; freed with free().  A pipe is read to
 * its end, PIPE_LIMIT bytes at most; a device is refused, since it may have none. */
char *nn_read_file(const char *path, size_t *size, NnError *);

/* A regular file, open for reading, or −1: a pipe in its place is not waited for. */
int nn_open_regular(const char *path, NnError *);

/* What a file begins with, by its first bytes: "a gzip file", "text"; NULL: nothing known. */
const char *nn_looks_like(const char *bytes, size_t size);

#endif
