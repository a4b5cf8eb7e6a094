/*
 * Values of a JSON object.
 */
#include "report/report_json.h"
#include "runtime/core/text.h"

void json_put(json_t *object, const char *key, json_t *value) { json_object_set_new(object, key, value); }

void json_put_text(json_t *object, const char *key, const char *text) { json_put(object, key, nn_json_text(text)); }

void json_put_integer(json_t *object, const char *key, int64_t value) { json_put(object, key, json_integer(value)); }

void json_put_real(json_t *object, const char *key, double value) { json_put(object, key, json_real(value)); }

void json_put_bool(json_t *object, const char *key, bool value) { json_put(object, key, json_boolean(value)); }

void json_put_known(json_t *object, const char *key, Known value) { json_put(object, key, json_of_known(value)); }

json_t *json_of_known(Known k)
{
    return k.why ? json_pack("{s:s}", "n/a", k.why) : json_real(k.value == 0 ? 0 : k.value);
}
