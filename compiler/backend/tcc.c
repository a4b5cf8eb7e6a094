/*
 * tcc: C text → machine code in memory, by libtcc, in milliseconds.
 *
 * Enters: standalone C (no #include).  Leaves: a TCCState that owns the code.
 *
 * TinyCC's own headers and its helper library may be missing where nnc runs, so
 * neither is used: `-nostdinc`, `-nostdlib`, and every outside symbol that
 * generated code may call is registered here by hand.  TinyCC itself calls
 * memmove and memset for structs and initialisers, and on x86-64 four helpers
 * that convert between 64-bit unsigned integers and reals.
 *
 * libtcc keeps its state in globals while it compiles: one lock serialises it.
 */
#include <libtcc.h>

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "backend/kinds.h"
#include "runtime/kernels/library.h"

static float helper_floatundisf(uint64_t x) { return (float)x; }
static double helper_floatundidf(uint64_t x) { return (double)x; }
static uint64_t helper_fixunssfdi(float x) { return (uint64_t)x; }
static uint64_t helper_fixunsdfdi(double x) { return (uint64_t)x; }

typedef void (*Function)(void);

typedef struct Symbol {
    const char *name;
    Function address;
} Symbol;

#define SYMBOL(name)          \
    {                         \
#name, (Function)name \
    }
#define MATH(name) SYMBOL(name), SYMBOL(name##f)

/* clang-format off */
static const Symbol symbols[] = {
    SYMBOL(memcpy), SYMBOL(memmove), SYMBOL(memset), SYMBOL(memcmp), SYMBOL(strcmp), SYMBOL(strlen),
    MATH(exp), MATH(exp2), MATH(expm1), MATH(log), MATH(log2), MATH(log1p), MATH(sqrt), MATH(pow),
    MATH(tanh), MATH(sin), MATH(cos), MATH(tan), MATH(erf), MATH(fabs), MATH(fmax), MATH(fmin),
    MATH(floor), MATH(ceil), MATH(round), MATH(trunc), MATH(fmod), MATH(copysign), MATH(fma), MATH(ldexp),
    {"__floatundisf", (Function)helper_floatundisf},
    {"__floatundidf", (Function)helper_floatundidf},
    {"__fixunssfdi", (Function)helper_fixunssfdi},
    {"__fixunsdfdi", (Function)helper_fixunsdfdi},
};
/* clang-format on */

static void add_symbols(TCCState *state)
{
    const nn_symbol *table = nn_kernel_library(NULL);
    for (const nn_symbol *kernel = nn_kernel_names(table); kernel->name; kernel++)
        tcc_add_symbol(state, kernel->name, nn_kernel_named(table, kernel->name));
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++)
        tcc_add_symbol(state, symbols[i].name, (const void *)symbols[i].address);
}

/* ---- compiling ----------------------------------------------------------- */

typedef struct Messages {
    Arena *arena;
    const char *first; /* error; later ones follow from it */
} Messages;

static void collect_message(void *opaque, const char *text)
{
    Messages *m = opaque;
    if (!m->first && !strstr(text, "warning:")) m->first = arena_printf(m->arena, "tcc: %s", text);
}

static bool build_state(TCCState *state, const char *source)
{
    tcc_set_options(state, "-nostdlib -nostdinc -Werror"); /* no undeclared function, above all */
    if (tcc_set_output_type(state, TCC_OUTPUT_MEMORY) < 0) return false;
    add_symbols(state);
    return tcc_compile_string(state, source) >= 0 && tcc_relocate(state, TCC_RELOCATE_AUTO) >= 0;
}

static void *compile_in_memory(const char *source, Arena *arena, const char **error)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* libtcc's globals, not ours */
    Messages messages = {arena, NULL};
    pthread_mutex_lock(&lock);
    TCCState *state = tcc_new();
    if (state) {
        tcc_set_error_func(state, &messages, collect_message);
        if (!build_state(state, source)) {
            tcc_delete(state);
            state = NULL;
        }
    }
    pthread_mutex_unlock(&lock);
    if (!state) *error = messages.first ? messages.first : "tcc: the code could not be compiled";
    return state;
}

static void *symbol_in_memory(void *handle, const char *name) { return tcc_get_symbol(handle, name); }

static void release_memory(void *handle) { tcc_delete(handle); }

const Backend backend_tcc = {compile_in_memory, symbol_in_memory, release_memory, NULL};
