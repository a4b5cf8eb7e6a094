/*
 * base: what every module stands on, with no knowledge of networks.
 *
 * Memory of one compilation is one arena; it is freed whole.  Text has spans
 * (file and byte range), and a diagnostic is text about a span.  `Compilation`
 * carries the three together through every stage.
 */
#ifndef NNC_BASE_H
#define NNC_BASE_H

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* ---- integers --------------------------------------------------------- */

/* Of n ≥ 0 and step > 0: ⌈n / step⌉, and the smallest multiple of `step` that is n or more. */
static inline int64_t div_round_up(int64_t n, int64_t step) { return (n + step - 1) / step; }
static inline int64_t round_up(int64_t n, int64_t step) { return div_round_up(n, step) * step; }

/* ---- characters ------------------------------------------------------- */

/* Of names in this language and in C. */
static inline bool is_identifier_char(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* ---- names of files --------------------------------------------------- */

bool ends_with(const char *text, const char *end);
const char *path_file_name(const char *path);               /* a/b.c → b.c */
bool path_has_ending(const char *path, const char *ending); /* a/b.c has ".c"; a/.c has none */

/* ---- memory ---------------------------------------------------------- */

typedef struct Arena Arena;

Arena *arena_new(void);
Arena *arena_try_new(void);         /* NULL where there is no memory for it */
Arena *arena_within(const Arena *); /* for a short while: where that one fails, it does, too */
void arena_free(Arena *);

/* Where allocations go on, by longjmp, when the system has no memory left; the arena is whole
 * then.  NULL, as at first: the process says so and ends with status 3. */
void arena_on_failure(Arena *, jmp_buf *);
_Noreturn void arena_fail(const Arena *);

/* Zeroed and aligned for any object.  Never returns NULL. */
void *arena_alloc(Arena *, size_t bytes);
char *arena_strdup(Arena *, const char *);
char *arena_strndup(Arena *, const char *, size_t length);
char *arena_printf(Arena *, const char *format, ...) PRINTF_LIKE(2, 3);
char *arena_vprintf(Arena *, const char *format, va_list);

/* Bytes handed out so far; the elaborator bounds hostile sources by it. */
size_t arena_used(const Arena *);

const char *bytes_text(Arena *, int64_t); /* 6355897856 → 5.92 GiB */

/* ---- containers ------------------------------------------------------ */

/* An array for at least `count` elements of `size` bytes, with the contents of the old one of
 * `*capacity` elements and zeros after them; sets *capacity.  NULL is an empty one. */
void *array_grow(Arena *, void *array, int *capacity, int count, size_t size);

/* A growable array of pointers. */
typedef struct List {
    void **at;
    int count;
    int capacity;
} List;

void list_push(Arena *, List *, void *item);

/* String → pointer; keys are copied; iteration is in order of first insertion. */
typedef struct Map Map;

Map *map_new(Arena *);
void *map_get(const Map *, const char *key); /* NULL where absent */
void map_put(Map *, const char *key, void *value);
int map_count(const Map *);
const char *map_key(const Map *, int index);
void *map_value(const Map *, int index);

/* A growing string, always terminated. */
typedef struct Text {
    Arena *arena;
    char *data;
    size_t length;
    size_t capacity;
} Text;

void text_init(Text *, Arena *);
void text_add(Text *, const char *);
void text_add_bytes(Text *, const char *, size_t length);
void text_addf(Text *, const char *format, ...) PRINTF_LIKE(2, 3);

/* ---- sources and spans ----------------------------------------------- */

/* Bytes begin..end (exclusive) of source number `file`; file −1 is nowhere. */
typedef struct Span {
    int file;
    int begin;
    int end;
} Span;

static inline Span span_join(Span a, Span b) { return (Span){a.file, a.begin, b.end}; }
static inline Span span_nowhere(void) { return (Span){-1, 0, 0}; }

typedef struct Source {
    const char *path; /* as the user wrote it; "<command line>" for -D */
    const char *text; /* terminated; may hold NUL bytes before `size` */
    size_t size;
} Source;

/* ---- diagnostics ------------------------------------------------------ */

typedef enum Severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_NOTE } Severity;

enum { DIAG_MAX_ERRORS = 20, DIAG_MAX_WARNINGS = 50 };

/* One compilation: its memory, its sources, its diagnostics. */
typedef struct Compilation {
    Arena *arena;
    List sources;     /* of Source */
    List diagnostics; /* of Diagnostic, private to base/diag.c */
    int errors;
    int warnings;
    bool muted; /* private to base/diag.c: the last diagnostic was not kept, nor are its notes */
} Compilation;

Compilation *compilation_new(void);
Compilation *compilation_try_new(void); /* NULL where there is no memory for it */
void compilation_free(Compilation *);

int source_add(Compilation *, const char *path, const char *text, size_t size); /* copies; returns its number */
void source_position(const Compilation *, Span, int *line, int *column);        /* from 1; columns count bytes */
int source_line(const Compilation *, Span);
/* A path that is written there: relative to the folder of the source. */
const char *source_relative(const Compilation *, Span, const char *path);
const char *source_path(const Compilation *, Span); /* without directories it is the same on every machine */

/* The text of a diagnostic is one line in the user's terms, with the values.
 * A note belongs to the diagnostic before it.  The same error at the same span
 * is kept once.  After DIAG_MAX_ERRORS the rest is counted, not kept. */
void diag_error(Compilation *, Span, const char *format, ...) PRINTF_LIKE(3, 4);
void diag_warning(Compilation *, Span, const char *format, ...) PRINTF_LIKE(3, 4);
void diag_note(Compilation *, Span, const char *format, ...) PRINTF_LIKE(3, 4);

/* One after the other, from 0, in the order in which they were found; line 0: nowhere. */
typedef struct DiagnosticText {
    Severity severity;
    const char *path, *text;
    int line, column;
} DiagnosticText;

DiagnosticText diag_text(const Compilation *, int index);

bool diag_full(const Compilation *); /* twenty errors are there: stages may stop */

/* file:line:col: error: text / the line / a caret under the span.  Errors come
 * in the order of the stages that found them. */
void diag_print(const Compilation *, FILE *, bool color);

/* The candidate closest to `name` (Damerau–Levenshtein, at most a third of its
 * length), or NULL. */
const char *nearest_name(const char *name, const char *const *candidates, int count);

bool name_is_one_of(const char *name, const char *const *names, int count);

/* The bytes (1 to 4) of the UTF-8 character that `text` begins with, and its code
 * point; 0 where the bytes are no character: stray or cut sequences, overlong
 * forms, surrogates, beyond U+10FFFF (RFC 3629). */
int utf8_decode(const char *text, size_t size, uint32_t *point);

/* ---- hashes ----------------------------------------------------------- */

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* FNV-1a, 64 bits, of more bytes after those that gave `hash` (at first: HASH_START). */
uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t count);

/* ---- code writer ------------------------------------------------------ */

/*
 * Writes C from templates.  Braces in the template set the indentation.
 *
 *   $name      the text bound to `name`
 *   @x(n, i)   an element of the array bound to `x`: x[n * 10 + i], or x[n][i]
 *   @x         the array itself
 *
 * `real` is bound to float or double, and $exp, $log, $sqrt, $pow, $tanh, $fabs,
 * $fmax, $fmin, $erf, $floor, $log1p, $cos, $sin to the functions of that type.
 */
typedef struct Writer Writer;

Writer *writer_new(Arena *, bool use_double);
void writer_use_own_math(Writer *); /* $exp is nn_expf: see runtime/kernels/scalar/scalar_math.h */
void writer_bind(Writer *, const char *name, const char *format, ...) PRINTF_LIKE(3, 4);
void writer_bind_int(Writer *, const char *name, int64_t value);
/* Designated initialisers, one for each word of `fields`: ".c = 3, .h = 15" for "c h". */
void writer_bind_fields(Writer *, const char *name, const char *fields, const int64_t *values);
void writer_bind_real(Writer *, const char *name, double value); /* a literal that reads back as the same number */
void writer_bind_array(Writer *, const char *name, const char *expression, int rank, const int64_t *dim);
/* Elements of the array `expression` are read through a function: nn_from_bf16(weight[i]). */
void writer_read_through(Writer *, const char *expression, const char *function);
void writer_unbind_all(Writer *);
void writer_put(Writer *, const char *template); /* one or several lines */
const char *writer_text(const Writer *);
const Map *writer_names(const Writer *); /* of the runtime that were put: nn_relu, NN_W */

/*
 * Arrays of arrays.  After writer_shape_arrays an element is x[n][c][i][j], without
 * dimensions of 1 at the end, and writer_array_shape says how `name` must be declared:
 * in full, or (rank 0) as a pointer, where the text indexes it with one sum.  Arrays that
 * one text sees in several shapes, or that a template names without @, are in
 * writer_mixed_arrays; it is written again with these as `flat`.
 */
enum { ARRAY_MAX_RANK = 5 };

typedef struct ArrayShape {
    int rank;
    int64_t dim[ARRAY_MAX_RANK];
} ArrayShape;

ArrayShape array_shape(int rank, const int64_t *dim);          /* without dimensions of 1 at the end */
bool array_rows_agree(const ArrayShape *, const ArrayShape *); /* in all dimensions but the first */
void writer_shape_arrays(Writer *, const Map *flat);
ArrayShape writer_array_shape(const Writer *, const char *name);
const Map *writer_mixed_arrays(const Writer *);

/* A real literal of the writer's type: 0.1f, 1e-05f, 0.1 */
const char *writer_real(Writer *, double value);

#endif
