/* A report in JSON as lines KEY,VALUE, of the first net's metrics. */
#include <jansson.h>

int main(void)
{
    json_t *report = json_loadf(stdin, 0, NULL), *metric;
    size_t i;
    json_array_foreach(json_object_get(json_array_get(json_object_get(report, "nets"), 0), "figures"), i, metric)
        printf("%s,%.0f,\n", json_string_value(json_object_get(metric, "key")),
               json_number_value(json_object_get(metric, "value")));
    return 0;
}
