/*
 * data: `nnc data [NAME | PATH]`.
 *
 * Enters: nothing, the name of a known set, or the path of any data.  Leaves: on standard
 * output which known sets are there and how to get the others, or what was read.
 */
#include <unistd.h>

#include "backend/cache.h"
#include "commands/support/command.h"
#include "commands/support/feeding.h"
#include "report/report_table.h"
#include "runtime/data/dataset.h"
#include "runtime/data/known_sets.h"

enum { TEXT_WIDTH = 100, CLASSES_NAMED = 12 };

static const Option options[] = {{0}};

/* ---- all known sets ---------------------------------------------------------------------------- */

static void add_set(ReportTable *t, const char *name, const char *where, const char *what)
{
    const char **row = report_table_row(t);
    row[0] = name;
    row[1] = where;
    row[2] = what;
}

static int list_sets(void)
{
    Arena *arena = arena_new();
    ReportTable *t = report_table_new(arena, NULL);
    report_table_column(t, "set", true);
    report_table_column(t, "found in", true);
    report_table_column(t, "what it is", true);
    char path[DATA_PATH_BYTES];
    for (const KnownSet *set = known_sets; set->name; set++) {
        bool found = data_find_named(set->name, path);
        add_set(t, set->name, found ? arena_printf(arena, "%s", path) : "-", set->what);
    }
    char places[DATA_PLACES_BYTES];
    NnError error = {0};
    bool shipped = dataset_sample_path(path, sizeof path, &error) == 0;
    add_set(t, "(no --data)", shipped ? path : "-", "the digits shipped with nnc, a part of MNIST");
    report_table_print_text(t, TEXT_WIDTH, stdout);
    putchar('\n');
    printf("Names are looked for in %s.\n", data_places_text("and", places));
    puts("'nnc data NAME' says how to get a set; 'nnc data PATH' says what any data are.");
    arena_free(arena);
    return finish_output();
}

/* ---- a set that is not there --------------------------------------------------------------------- */

static int tell_how(const KnownSet *set)
{
    printf("%s: %s\n\nIt is in none of these folders:\n", set->name, set->what);
    for (int i = 0; i < DATA_PLACES; i++) {
        char path[DATA_PATH_BYTES];
        data_place_path(i, path);
        if (*path)
            printf("  %s/%s\n", path, set->name);
        else
            printf("  %s/%s: %s is not set\n", data_place_text(i), set->name, data_place_text(i));
    }
    printf("\n%s", set->how);
    int status = finish_output();
    return status == STATUS_OK ? STATUS_INPUT : status;
}

/* ---- a set that is there --------------------------------------------------------------------------- */

static void print_class_names(const Dataset *data)
{
    char buffer[16];
    printf("classes   %d:", data->class_count);
    for (int i = 0; i < data->class_count && i < CLASSES_NAMED; i++) printf(" %s", dataset_class_name(data, i, buffer));
    puts(data->class_count > CLASSES_NAMED ? " …" : "");
}

static void print_targets(const Dataset *data)
{
    if (data->map[0]) printf("targets   a class for each of %dx%d pixels\n", data->map[0], data->map[1]);
    if (data->class_count) print_class_names(data);
    if (data->part[DATA_TRAIN].targets) printf("targets   %d values per sample\n", data->target_count);
}

static void print_samples(const Dataset *data)
{
    const Samples *train = &data->part[DATA_TRAIN], *test = &data->part[DATA_TEST];
    if (data->shared)
        printf("samples   %d, for training and testing\n", train->count);
    else
        printf("samples   %d for training, %d for testing\n", train->count, test->count);
    if (data->rank == 3 && !data->dims[1]) {
        printf("inputs    images of %d channel%s and of several sizes\n", data->dims[0], data->dims[0] == 1 ? "" : "s");
        return;
    }
    fputs("inputs    ", stdout);
    for (int i = 0; i < data->rank; i++) printf("%s%d", i ? "x" : "", data->dims[i]);
    puts(train->pixels || train->source ? ", bytes from 0 to 255, which become 0 to 1" : ", numbers");
}

static int describe_data(const char *path)
{
    NnError error = {0};
    Arena *arena = arena_new();
    const DatasetOptions options = {.survey = true, .index = cache_directory(arena, "images")};
    Dataset *data = dataset_open(path, &options, &error);
    arena_free(arena);
    if (!data) return fail_error(&error);
    printf("found     %s\nformat    %s\n", data->path, data->format);
    print_samples(data);
    print_targets(data);
    for (int i = 0; i < DATASET_NOTES && data->notes[i][0]; i++) printf("note      %s\n", data->notes[i]);
    dataset_free(data);
    return finish_output();
}

/* A file or folder of that name here comes first, as with --data. */
static int run_data(int argc, char **argv)
{
    OptionReader reader;
    options_begin(&reader, &command_data, argc, argv);
    for (int id; (id = options_next(&reader)) != OPTIONS_END;)
        if (id == OPTIONS_BAD) return STATUS_USAGE;
    if (reader.operand_count > 1) return usage_error(&command_data, "one NAME or PATH at a time");
    if (reader.operand_count == 0) return list_sets();
    const char *name = reader.operands[0];
    const KnownSet *set = known_set(name);
    char path[DATA_PATH_BYTES];
    bool here = access(name, F_OK) == 0;
    return set && !here && !data_find_named(name, path) ? tell_how(set) : describe_data(name);
}

const Command command_data = {
    .name = "data",
    .summary = "which known data sets are there, how to get the others, what any data are",
    .usage = "data [NAME | PATH]",
    .options = options,
    .details = "Names are those of --data: mnist, fashion-mnist, cifar10, cifar100, svhn.\n"
               "Exit status 1 where the set is not there.\n",
    .run = run_data,
};
