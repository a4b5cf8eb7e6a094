/*
 * The machine's measured peak and bandwidth, kept for `nnc report`.
 *
 * Enters: a measurement of `nnc bench` or `nnc report --measure` with a thread on
 * every processor.  Leaves: a file in the user's cache, and the measurement again
 * when it fits the running machine: homes are shared between machines, and
 * machines get other processors.  Like all of the cache it is optional: a file
 * that is missing, damaged or of another machine is as good as none.
 *
 *   processor AMD EPYC 7R13
 *   kernels avx2
 *   threads 4
 *   flops 4.1e+11
 *   bytes 3.2e+10
 */
#include <stdlib.h>
#include <string.h>

#include "backend/cache.h"
#include "commands/bench/bench.h"
#include "runtime/core/new_file.h"
#include "runtime/kernels/library.h"

enum { LINE_BYTES = 256 };

static const char *record_path(Arena *arena)
{
    const char *directory = cache_directory(arena, "machine");
    return directory ? arena_printf(arena, "%s/measured", directory) : NULL;
}

/* The model that Linux reports for the first processor, or "unknown". */
static const char *processor_name(Arena *arena)
{
    char line[LINE_BYTES];
    const char *name = "unknown";
    FILE *in = fopen("/proc/cpuinfo", "r");
    while (in && fgets(line, sizeof line, in)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon || colon[1] == '\0') continue;
        name = arena_strndup(arena, colon + 2, strcspn(colon + 2, "\n"));
        break;
    }
    if (in) fclose(in);
    return name;
}

/* What a record says of the machine itself. */
static const char *machine_lines(Arena *arena, const char *kernels, int threads)
{
    return arena_printf(arena, "processor %s\nkernels %s\nthreads %d\n", processor_name(arena), kernels, threads);
}

static int write_record(const void *user, int fd, const char *path, NnError *error)
{
    const char *text = user;
    return nn_write_all(fd, text, strlen(text)) ? nn_fail_path(error, "write", path) : 0;
}

void machine_record(const Machine *m)
{
    Arena *arena = arena_new();
    NnError error = {0};
    const char *path = record_path(arena);
    const char *text = arena_printf(arena, "%sflops %.6g\nbytes %.6g\n", machine_lines(arena, m->kernels, m->threads),
                                    m->peak[PRODUCTS_F32], m->bytes);
    NnNewFile file = {path, write_record, text};
    if (path) nn_files_write(&file, 1, &error);
    arena_free(arena);
}

static bool read_record(Arena *arena, const char *path, Machine *m)
{
    char text[4 * LINE_BYTES];
    FILE *in = fopen(path, "r");
    if (!in) return false;
    size_t count = fread(text, 1, sizeof text - 1, in);
    fclose(in);
    text[count] = '\0';
    const char *head = machine_lines(arena, m->kernels, m->threads);
    if (strncmp(text, head, strlen(head)) != 0) return false;
    double *flops = &m->peak[PRODUCTS_F32];
    return sscanf(text + strlen(head), "flops %lf\nbytes %lf", flops, &m->bytes) == 2 && *flops > 0 && m->bytes > 0;
}

bool machine_recorded(Machine *m)
{
    Arena *arena = arena_new();
    const char *path = record_path(arena);
    *m = (Machine){.threads = nn_processors()};
    nn_kernel_library(&m->kernels);
    bool there = path && read_record(arena, path, m);
    arena_free(arena);
    return there;
}
