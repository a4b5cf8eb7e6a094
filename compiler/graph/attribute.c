/* Attributes: what their tables share. */
#include "graph/attribute.h"

#include <string.h>

const char *const attr_or_none[] = {"none", NULL};

bool attr_may_be_none(const Attr *attr) { return attr->symbols == attr_or_none; }
