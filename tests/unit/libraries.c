#include "tests/unit/libraries.h"

#include <assert.h>
#include <check.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- the tables: those first that fall through to the fewest others ------------------------ */

typedef struct KernelTable {
    const nn_symbol *symbols;
    bool runs;
} KernelTable;

static int others_of(const nn_symbol *table)
{
    int count = 0;
    while (table != nn_kernel_names(table)) {
        while (table->name) table++;
        table = table->address;
        count++;
    }
    return count;
}

/* Without symbols: there are not so many. */
static KernelTable table_at(int index)
{
    for (int others = 0; others <= kernel_tables(); others++) {
        for (const nn_library *library = nn_libraries; library->name; library++)
            if (others_of(library->symbols) == others && index-- == 0)
                return (KernelTable){library->symbols, library->runs()};
        for (const nn_symbol *const *table = emulated_libraries; *table; table++)
            if (others_of(*table) == others && index-- == 0) return (KernelTable){*table, true};
    }
    return (KernelTable){NULL, false};
}

const nn_symbol *kernels_of(int index)
{
    const KernelTable table = table_at(index);
    return table.runs ? table.symbols : NULL;
}

int kernel_tables(void)
{
    int count = 0;
    for (const nn_library *library = nn_libraries; library->name; library++) count++;
    for (const nn_symbol *const *table = emulated_libraries; *table; table++) count++;
    return count;
}

static bool begins_with(const char *name, const char *words)
{
    for (const char *word = words; *word; word += strspn(word, " ")) {
        const size_t length = strcspn(word, " ");
        if (strncmp(name, word, length) == 0) return true;
        word += length;
    }
    return false;
}

int kernel_tables_of(const char *words)
{
    int count = 0;
    for (int i = 0; table_at(i).symbols; i++)
        for (const nn_symbol *kernel = table_at(i).symbols; kernel->name; kernel++)
            if (begins_with(kernel->name, words)) count = i + 1;
    assert(count && "there are such kernels"); /* not by Check: no test runs yet */
    return count;
}

/* ---- kernels ----------------------------------------------------------------------------------- */

void *kernel_named(const nn_symbol *table, const char *name)
{
    void *address = nn_kernel_named(table, name);
    if (!address) ck_abort_msg("no kernel %s", name);
    return address;
}

const nn_sizes *sizes_of(const nn_symbol *table) { return kernel_named(table, "nn_target_sizes"); }

/* Mappings of 2^n pages and one without access behind them.  Those that are free wait for the
 * next array: making them costs more than most kernels take. */
typedef struct Mapping {
    struct Mapping *next; /* of those that are free */
    int pages;            /* log2 */
} Mapping;

static Mapping *free_mappings[32];

static size_t page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

static Mapping *take_mapping(size_t bytes)
{
    int n = 0;
    while (page_size() << n < bytes) n++;
    Mapping *m = free_mappings[n];
    if (m) {
        free_mappings[n] = m->next;
        return m;
    }
    const size_t size = page_size() << n;
    m = mmap(NULL, size + page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_msg(m != MAP_FAILED, "no memory for %zu bytes", bytes);
    ck_assert_int_eq(mprotect((char *)m + size, page_size(), PROT_NONE), 0);
    m->pages = n;
    return m;
}

/* [Mapping | … | Mapping * | GUARD floats | count floats] [a page without access] */
float *guarded(long count)
{
    Mapping *m = take_mapping(sizeof *m + sizeof m + (size_t)(GUARD + count) * sizeof(float));
    float *x = (float *)(void *)((char *)m + (page_size() << m->pages)) - count;
    for (long i = -GUARD; i < count; i++) x[i] = GUARD_VALUE;
    memcpy((char *)(x - GUARD) - sizeof m, &m, sizeof m);
    return x;
}

void guarded_free(float *x)
{
    if (!x) return;
    Mapping *m;
    memcpy(&m, (char *)(x - GUARD) - sizeof m, sizeof m);
    m->next = free_mappings[m->pages];
    free_mappings[m->pages] = m;
}

bool guard_holds(const float *x)
{
    for (int i = -GUARD; i < 0; i++)
        if (x[i] != GUARD_VALUE) return false;
    return true;
}

void *zeroed(size_t bytes)
{
    void *block = aligned_alloc(64, (bytes + 64) / 64 * 64);
    ck_assert_ptr_nonnull(block);
    return memset(block, 0, bytes);
}

float uniform(unsigned stream, unsigned k)
{
    unsigned z = (k + 1) * 2654435761u + stream * 40503u;
    z = (z ^ (z >> 15)) * 2246822519u;
    z = (z ^ (z >> 13)) * 3266489917u;
    return (float)((z ^ (z >> 16)) >> 8) / 16777216.0f;
}

uint32_t next_bits(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8;
}

Bytes guarded_bytes(long count)
{
    const long whole = (count + 3) / 4;
    float *floats = guarded(whole);
    return (Bytes){floats, (int8_t *)floats + (whole * 4 - count)};
}

Bytes random_bytes(long count, uint32_t *state, int least)
{
    const Bytes b = guarded_bytes(count);
    for (long i = 0; i < count; i++) b.at[i] = (int8_t)(least + (int)(next_bits(state) % (uint32_t)(128 - least)));
    return b;
}
