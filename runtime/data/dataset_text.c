/*
 * What is said of a data set: notes of its reading, the names of its classes and parts.
 */
#include "runtime/data/dataset.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void dataset_note(Dataset *data, const char *format, ...)
{
    for (int i = 0; i < DATASET_NOTES; i++)
        if (!data->notes[i][0]) {
            va_list args;
            va_start(args, format);
            vsnprintf(data->notes[i], sizeof data->notes[i], format, args);
            va_end(args);
            return;
        }
}

const char *dataset_class_name(const Dataset *data, int label, char buffer[16])
{
    if (data->class_names && label < data->class_count) return data->class_names[label];
    snprintf(buffer, 16, "%d", label);
    return buffer;
}

const char *dataset_part_name(DataPart part)
{
    static const char *const names[DATA_PARTS] = {
        [DATA_TRAIN] = "training", [DATA_TEST] = "test", [DATA_VALID] = "validation"};
    return names[part];
}

size_t dataset_label_count(const Dataset *data)
{
    return data->map[0] ? (size_t)data->map[0] * (size_t)data->map[1] : 1;
}
