/* Names of nets and layers as identifiers of C: see c_names.h. */
#include "emit/c_names.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "emit/texts.h"

/* What follows PREFIX_ in the names that a generated file defines. */
static const char *const suffixes[] = {
    "init",
    "set",
    "get",
    "infer",
    "eval",
    "step",
    "grad",
    "get_grad",
    "info",
    "vjp",
    "get_vjp",
    "sizes",
    "tensors",
    "offset",
    "grad_offset",
    "vjp_offset",
    "find",
    "prepare",
    "any_init",
    "any_set",
    "any_get",
    "any_infer",
    "any_eval",
    "any_step",
    "any_grad",
    "any_get_grad",
    "infer_part",
    "eval_part",
    "step_part",
    "grad_part",
    "vjp_part",
    "infer_profile",
    "step_profile",
    "infer_pass",
    "eval_pass",
    "step_pass",
    "grad_pass",
    "vjp_pass",
    "stream",
    "BATCH",
    "INPUTS",
    "OUTPUTS",
    "losses",
    "loss_list",
    "output_parts",
    "target_parts",
    "PARAMS",
    "MODEL_BYTES",
    "TRAIN_BYTES",
    "THREADS",
    "NN_H",
    "TRAIN_SCRATCH",
    "INFER_SCRATCH",
    "grad_add_part",
    "grad_add_pass",
    "GRADIENTS_BYTES",
    "grad_add",
    "update",
    "gradients",
    "get_grad_sum",
    "any_grad_add",
    "any_update",
    "any_grad_sum",
    "update_part",
    "update_pass",
    "sum_offset",
    "set_momentum",
    "any_set_momentum",
    "update_some",
    "any_update_some",
    "update_some_part",
    "update_some_pass",
    "place",
};

static int compare_names(const void *name, const void *entry) { return strcmp(name, *(const char *const *)entry); }

static bool is_reserved(const char *name)
{
    return bsearch(name, reserved_names, (size_t)reserved_name_count, sizeof *reserved_names, compare_names);
}

static bool is_ours(const char *name) { return strncasecmp(name, "nn", 2) == 0 && (name[2] == '_' || name[2] == '\0'); }

/* PREFIX_SUFFIX for one of the suffixes: constants are in capitals as a whole. */
static bool is_reserved_with(Arena *arena, const char *prefix, const char *suffix)
{
    char *name = arena_printf(arena, "%s_%s", prefix, suffix);
    for (char *p = name; isupper((unsigned char)*suffix) && *p; p++) *p = (char)toupper((unsigned char)*p);
    return is_reserved(name);
}

static bool is_free(Arena *arena, const char *prefix)
{
    if (is_reserved(prefix) || is_ours(prefix) || *prefix == '_') return false;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (is_reserved_with(arena, prefix, suffixes[i])) return false;
    return true;
}

const char *c_identifier(Arena *arena, const char *name)
{
    char *copy = arena_strdup(arena, name);
    for (char *p = copy; *p; p++) {
        if (!isalnum((unsigned char)*p)) *p = '_';
    }
    return isdigit((unsigned char)*copy) || is_ours(copy) ? arena_printf(arena, "_%s", copy) : copy;
}

const char *c_prefix(Arena *arena, const char *net)
{
    return is_free(arena, net) ? net : arena_printf(arena, "net_%s", net);
}

bool c_name_is_taken(const char *prefix, const char *name)
{
    const size_t length = strlen(prefix);
    if (is_reserved(name) || strcmp(name, prefix) == 0) return true;
    if (strncmp(name, prefix, length) != 0 || name[length] != '_') return false;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (strcmp(name + length + 1, suffixes[i]) == 0) return true;
    return false;
}

const char *c_header_name(Arena *arena, const char *header)
{
    char *lower = arena_strdup(arena, header); /* there are file systems that do not tell Time.h from time.h */
    for (char *p = lower; *p; p++) *p = (char)tolower((unsigned char)*p);
    return is_reserved(lower) ? arena_printf(arena, "net_%s", header) : header;
}
