/*
 * Reader of CSV files: columns of numbers, and one that is the target.
 *
 * Enters: FILE.csv, or a folder with train.csv and test.csv.  Leaves: samples
 * of one value per column.  Fields are separated by commas, semicolons or tabs
 * (what the first line has) and may be quoted; a first line without a single
 * number among its columns names them.  The target is a class — a number from 0, or
 * any text — or, where the loss takes values, a number.
 */
#include "runtime/data/parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "runtime/core/array.h"

enum { PATH_BYTES = 4096, MAX_CLASSES = 100000, MAX_ROWS = 1 << 30 };

/* ---- rows of fields ----------------------------------------------------------- */

typedef struct CsvField {
    char *text; /* terminated, in the file's memory */
    int column; /* in the line, from 1, in bytes */
} CsvField;

typedef struct Csv {
    const char *path;
    char *at, *line_start;
    char separator;
    int line; /* of the row just read */
    CsvField *field;
    int count;
    size_t capacity;
} Csv;

/* One type of growing array for numbers and texts. */
typedef struct CsvColumn {
    void *at;
    size_t count, capacity;
} CsvColumn;

static void *column_add(CsvColumn *column, size_t item, NnError *error)
{
    if (nn_array_reserve(&column->at, &column->capacity, column->count + 1, item)) {
        nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the rows of the CSV file");
        return NULL;
    }
    return (char *)column->at + item * column->count++;
}

static char guess_separator(const char *text)
{
    size_t line = strcspn(text, "\r\n");
    static const char candidates[] = ",;\t";
    for (const char *c = candidates; *c; c++)
        if (memchr(text, *c, line)) return *c;
    return ',';
}

/* Ends the text of a quoted field and steps over its closing quote. */
static int read_quoted(Csv *csv, CsvField *field, NnError *error)
{
    char *out = ++csv->at;
    field->text = out;
    while (*csv->at && *csv->at != '\n') {
        if (*csv->at == '"' && csv->at[1] != '"') break;
        csv->at += *csv->at == '"';
        *out++ = *csv->at++;
    }
    if (*csv->at != '"')
        return nn_fail(error, NN_BAD_INPUT, "%s:%d:%d: a quote is not closed on its line", csv->path, csv->line,
                       field->column);
    csv->at++;
    *out = 0;
    if (*csv->at && !strchr("\r\n", *csv->at) && *csv->at != csv->separator)
        return nn_fail(error, NN_BAD_INPUT, "%s:%d:%d: text follows a closing quote", csv->path, csv->line,
                       (int)(csv->at - csv->line_start) + 1);
    return 0;
}

static void read_bare(Csv *csv, CsvField *field)
{
    while (*csv->at == ' ') csv->at++;
    field->text = csv->at;
    field->column = (int)(csv->at - csv->line_start) + 1;
    while (*csv->at && *csv->at != '\n' && *csv->at != csv->separator) csv->at++;
}

/* A bare field's text may be ended only when what follows it has been looked at. */
static void trim_blanks(char *begin, char *end)
{
    while (end > begin && (end[-1] == ' ' || end[-1] == '\r')) end--;
    *end = 0;
}

static int read_fields(Csv *csv, NnError *error)
{
    for (bool more = true; more;) {
        if (nn_array_reserve(&csv->field, &csv->capacity, (size_t)csv->count + 1, sizeof *csv->field))
            return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for a row of %s", csv->path);
        CsvField *field = &csv->field[csv->count++];
        field->column = (int)(csv->at - csv->line_start) + 1;
        bool quoted = *csv->at == '"';
        if (quoted && read_quoted(csv, field, error)) return -1;
        if (!quoted) read_bare(csv, field);
        char *end = csv->at;
        if (quoted && *end == '\r') end = ++csv->at;
        more = *end == csv->separator;
        csv->at += *end != 0;
        if (!quoted) trim_blanks(field->text, end);
    }
    return 0;
}

/* The next row that is not empty: 1, 0 at the end, −1 on an error. */
static int read_row(Csv *csv, NnError *error)
{
    while (*csv->at) {
        csv->line++;
        csv->line_start = csv->at;
        size_t blank = strspn(csv->at, " \r\t");
        if (csv->at[blank] == '\n' || !csv->at[blank]) {
            csv->at += blank + (csv->at[blank] == '\n');
            continue;
        }
        csv->count = 0;
        return read_fields(csv, error) ? -1 : 1;
    }
    return 0;
}

/* ---- what the columns are -------------------------------------------------------- */

static bool is_number(const char *text, double *value)
{
    char *end;
    if (!*text || text[strspn(text, "0123456789+-.eE")])
        return false; /* strtod would take inf, nan and hexadecimal too */
    *value = strtod(text, &end);
    return !*end && isfinite(*value);
}

typedef struct CsvLayout {
    int columns, target;                   /* target: position, from 0 */
    int named[NAMED_TARGETS], named_count; /* positions of named targets */
    bool header;
} CsvLayout;

static bool has_names(const Csv *csv, int target)
{
    double value;
    for (int i = 0; i < csv->count; i++)
        if (i != target && is_number(csv->field[i].text, &value)) return false;
    return true;
}

/* The number of the named target that is in the column, or −1. */
static int named_at(const CsvLayout *layout, int column)
{
    for (int i = 0; i < layout->named_count; i++)
        if (layout->named[i] == column) return i;
    return -1;
}

static int find_named_columns(const Csv *csv, const DatasetOptions *options, CsvLayout *layout, NnError *error)
{
    layout->named_count = options->named_count;
    for (int k = 0; k < options->named_count; k++) {
        layout->named[k] = -1;
        for (int i = 0; i < csv->count; i++)
            if (!strcmp(csv->field[i].text, options->named[k].name)) layout->named[k] = i;
        if (layout->named[k] < 0)
            return nn_fail(error, NN_BAD_INPUT, "%s has no column named %s, the net's target", csv->path,
                           options->named[k].name);
    }
    return 0;
}

static int find_target(const Csv *csv, const char *name, CsvLayout *layout, NnError *error)
{
    if (!name) {
        layout->target = layout->columns - 1;
        while (layout->target > 0 && named_at(layout, layout->target) >= 0) layout->target--;
        return 0;
    }
    layout->target = -1;
    if (has_names(csv, -1))
        for (int i = 0; i < csv->count; i++)
            if (!strcmp(csv->field[i].text, name)) layout->target = i;
    if (layout->target >= 0) return 0;
    if (name[strspn(name, "0123456789")] || strlen(name) > 6)
        return nn_fail(error, NN_BAD_INPUT, "%s has no column named %s", csv->path, name);
    layout->target = atoi(name) - 1;
    if (layout->target < 0 || layout->target >= layout->columns)
        return nn_fail(error, NN_BAD_INPUT, "there is no column %s in %s, which has %d", name, csv->path,
                       layout->columns);
    return 0;
}

static int read_layout(const Csv *csv, const DatasetOptions *options, CsvLayout *layout, NnError *error)
{
    const int targets = 1 + options->named_count;
    layout->columns = csv->count;
    if (csv->count <= targets)
        return nn_fail(error, NN_BAD_INPUT, "%s:%d: %s; a sample needs a value and %s", csv->path, csv->line,
                       csv->count == 1 ? "one column" : "too few columns",
                       targets == 1 ? "a target" : "several targets");
    if (find_named_columns(csv, options, layout, error) || find_target(csv, options->target, layout, error)) return -1;
    if (named_at(layout, layout->target) >= 0)
        return nn_fail(error, NN_BAD_INPUT, "%s: the column %s is the target %s already", csv->path,
                       csv->field[layout->target].text, options->named[named_at(layout, layout->target)].name);
    layout->header = has_names(csv, layout->target);
    return 0;
}

/* ---- one file ---------------------------------------------------------------------- */

typedef struct Table {              /* of one part */
    CsvColumn values;               /* float, without the target */
    CsvColumn targets;              /* float */
    CsvColumn labels;               /* char *, for classes */
    CsvColumn named[NAMED_TARGETS]; /* float */
    int rows;
} Table;

static int take_number(const Csv *csv, int i, CsvColumn *column, NnError *error)
{
    double value;
    const CsvField *field = &csv->field[i];
    if (!is_number(field->text, &value))
        return nn_fail(error, NN_BAD_INPUT, "%s:%d:%d: expected a number, saw '%.40s'", csv->path, csv->line,
                       field->column, field->text);
    if (!isfinite((float)value))
        return nn_fail(error, NN_BAD_INPUT, "%s:%d:%d: %.40s is beyond what a float can hold", csv->path, csv->line,
                       field->column, field->text);
    float *slot = column_add(column, sizeof *slot, error);
    if (!slot) return -1;
    *slot = (float)value;
    return 0;
}

static int take_label(const Csv *csv, int i, CsvColumn *column, NnError *error)
{
    if (!*csv->field[i].text)
        return nn_fail(error, NN_BAD_INPUT, "%s:%d:%d: the class is empty", csv->path, csv->line, csv->field[i].column);
    char **slot = column_add(column, sizeof *slot, error);
    if (!slot) return -1;
    *slot = strdup(csv->field[i].text);
    return *slot ? 0 : nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the classes of %s", csv->path);
}

static int store_row(const Csv *csv, const CsvLayout *layout, bool values, Table *table, NnError *error)
{
    if (csv->count != layout->columns)
        return nn_fail(error, NN_BAD_INPUT, "%s:%d: %d column%s, the first line has %d", csv->path, csv->line,
                       csv->count, csv->count == 1 ? "" : "s", layout->columns);
    for (int i = 0; i < csv->count; i++) {
        int failed;
        const int named = named_at(layout, i);
        if (named >= 0)
            failed = take_number(csv, i, &table->named[named], error);
        else if (i != layout->target)
            failed = take_number(csv, i, &table->values, error);
        else if (values)
            failed = take_number(csv, i, &table->targets, error);
        else
            failed = take_label(csv, i, &table->labels, error);
        if (failed) return -1;
    }
    if (++table->rows == MAX_ROWS)
        return nn_fail(error, NN_BAD_INPUT, "%s has more than %d rows", csv->path, MAX_ROWS - 1);
    return 0;
}

static int read_rows(Csv *csv, const DatasetOptions *options, CsvLayout *layout, Table *table, NnError *error)
{
    int got = read_row(csv, error);
    if (got < 0 || (got && read_layout(csv, options, layout, error))) return -1;
    if (got && layout->header) got = read_row(csv, error);
    for (; got > 0; got = read_row(csv, error))
        if (store_row(csv, layout, options->values, table, error)) return -1;
    if (got == 0 && !table->rows) return nn_fail(error, NN_BAD_INPUT, "%s has no rows", csv->path);
    return got;
}

static int read_table(const char *path, const DatasetOptions *options, CsvLayout *layout, Table *table, NnError *error)
{
    size_t size;
    char *text = nn_read_file(path, &size, error);
    if (!text) return -1;
    Csv csv = {.path = path, .at = text, .line_start = text, .separator = guess_separator(text)};
    if (!strncmp(text, "\xEF\xBB\xBF", 3)) csv.at += 3;
    int failed = strlen(text) < size ? nn_fail(error, NN_BAD_INPUT, "%s holds zero bytes: it is not a text file", path)
                                     : read_rows(&csv, options, layout, table, error);
    free(csv.field);
    free(text);
    return failed;
}

/* ---- classes ------------------------------------------------------------------------ */

/* Numbers by value, before texts; texts by their bytes. */
static int compare_labels(const void *a, const void *b)
{
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    double p, q;
    bool is_p = is_number(x, &p), is_q = is_number(y, &q);
    if (is_p != is_q) return is_p ? -1 : 1;
    if (is_p && p != q) return p < q ? -1 : 1;
    return strcmp(x, y);
}

/* Classes that are the numbers 0, 1, 2 … need no names. */
static bool plain_numbers(const Table *tables, int *class_count)
{
    *class_count = 0;
    for (int part = 0; part < DATA_PARTS; part++)
        for (int i = 0; i < tables[part].rows; i++) {
            const char *text = ((char **)tables[part].labels.at)[i];
            if (text[strspn(text, "0123456789")] || strlen(text) > 5) return false;
            if (atoi(text) >= *class_count) *class_count = atoi(text) + 1;
        }
    return true;
}

/* The distinct labels of all parts, in order; they become the dataset's. */
static int name_classes(const Table *tables, Dataset *data, NnError *error)
{
    int rows = tables[DATA_TRAIN].rows + tables[DATA_TEST].rows + tables[DATA_VALID].rows, count = 0;
    char **all = malloc((size_t)rows * sizeof *all);
    data->class_names = calloc((size_t)rows, sizeof *data->class_names);
    if (!all || !data->class_names) {
        free(all);
        return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the classes");
    }
    for (int part = 0, at = 0; part < DATA_PARTS; at += tables[part++].rows)
        if (tables[part].rows) memcpy(all + at, tables[part].labels.at, (size_t)tables[part].rows * sizeof *all);
    qsort(all, (size_t)rows, sizeof *all, compare_labels);
    for (int i = 0; i < rows; i++)
        if (i == 0 || compare_labels(&all[i - 1], &all[i]))
            if (!(data->class_names[count++] = strdup(all[i]))) break;
    free(all);
    data->class_count = count;
    if (!data->class_names[count - 1]) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the classes");
    if (count > MAX_CLASSES)
        return nn_fail(error, NN_BAD_INPUT, "%s: the target has %d distinct texts, too many for classes", data->path,
                       count);
    return 0;
}

static int number_labels(const Table *table, const Dataset *data, Samples *samples, NnError *error)
{
    samples->labels = malloc((size_t)table->rows * sizeof *samples->labels + 1);
    if (!samples->labels) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the classes");
    for (int i = 0; i < table->rows; i++) {
        char **label = (char **)table->labels.at + i;
        char **found = data->class_names
                           ? bsearch(label, data->class_names, (size_t)data->class_count, sizeof *found, compare_labels)
                           : NULL;
        samples->labels[i] = found ? (int32_t)(found - data->class_names) : atoi(*label);
    }
    return 0;
}

static int take_classes(const Table *tables, Dataset *data, NnError *error)
{
    if (!plain_numbers(tables, &data->class_count) && name_classes(tables, data, error)) return -1;
    for (int part = 0; part < DATA_PARTS; part++)
        if (tables[part].rows && number_labels(&tables[part], data, &data->part[part], error)) return -1;
    return 0;
}

/* ---- the data set --------------------------------------------------------------------- */

static void table_free(Table *table)
{
    for (size_t i = 0; i < table->labels.count; i++) free(((char **)table->labels.at)[i]);
    free(table->labels.at);
    free(table->values.at);
    free(table->targets.at);
    for (int i = 0; i < NAMED_TARGETS; i++) free(table->named[i].at);
}

static int take_tables(Table *tables, const CsvLayout *layout, const DatasetOptions *options, Dataset *data,
                       NnError *error)
{
    data->rank = 1;
    data->dims[0] = layout->columns - 1 - layout->named_count;
    data->elements = (size_t)data->dims[0];
    data->target_count = 1;
    for (int part = 0; part < DATA_PARTS; part++) {
        Samples *samples = &data->part[part];
        samples->count = tables[part].rows;
        samples->values = tables[part].values.at;
        samples->targets = tables[part].targets.at;
        tables[part].values.at = tables[part].targets.at = NULL;
        for (int i = 0; i < layout->named_count; i++) {
            data->named[i].count = 1;
            data->named[i].at[part] = tables[part].named[i].at;
            tables[part].named[i].at = NULL;
        }
    }
    if (!options->values && take_classes(tables, data, error)) return -1;
    return tables[DATA_TEST].rows ? 0 : dataset_split(data, error);
}

static bool part_path(char *out, const char *folder, const char *part)
{
    return snprintf(out, PATH_BYTES, "%s/%s.csv", folder, part) < PATH_BYTES && !access(out, F_OK);
}

static bool csv_recognises(const char *path, bool is_folder)
{
    char part[PATH_BYTES];
    size_t length = strlen(path);
    if (is_folder) return part_path(part, path, "train");
    return length > 4 && !strcasecmp(path + length - 4, ".csv");
}

static int read_parts(const char *path, const DatasetOptions *options, CsvLayout *layout, Table *tables, NnError *error)
{
    char part[PATH_BYTES];
    if (!part_path(part, path, "train")) return read_table(path, options, layout, &tables[DATA_TRAIN], error);
    if (read_table(part, options, layout, &tables[DATA_TRAIN], error)) return -1;
    int columns = layout->columns;
    static const char *const names[DATA_PARTS] = {[DATA_TEST] = "test", [DATA_VALID] = "valid"};
    for (int i = DATA_TEST; i < DATA_PARTS; i++) {
        if (!part_path(part, path, names[i])) continue;
        if (read_table(part, options, layout, &tables[i], error)) return -1;
        if (layout->columns != columns)
            return nn_fail(error, NN_BAD_INPUT, "%s has %d columns, train.csv has %d", part, layout->columns, columns);
    }
    return 0;
}

static int csv_read(const char *path, const DatasetOptions *options, Dataset *data, NnError *error)
{
    CsvLayout layout = {0};
    Table tables[DATA_PARTS] = {0};
    int failed =
        read_parts(path, options, &layout, tables, error) || take_tables(tables, &layout, options, data, error);
    for (int part = 0; part < DATA_PARTS; part++) table_free(&tables[part]);
    return failed ? -1 : 0;
}

const Reader reader_csv = {"CSV: FILE.csv, or a folder with train.csv and test.csv", csv_recognises, csv_read};
