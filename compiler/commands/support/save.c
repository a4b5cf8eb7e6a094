/*
 * Saving what hours of training have made.
 *
 * Enters: a model and the path that was asked for.  Leaves: its weights there
 * or, when the disk has become full or the folder has gone in the meantime, in
 * the current folder or that of temporary files: the message says where.
 */
#include "commands/support/save.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands/support/feeding.h"
#include "commands/support/origin.h"
#include "runtime/core/new_file.h"

/* Of a weights file, about, or with the optimizer's state: the header has a line for each tensor. */
static size_t file_bytes(const nn_model_info *info, bool states)
{
    enum { METADATA = 4096, LINE = 160 };
    size_t bytes = METADATA;
    for (int i = 0; i < info->tensor_count; i++)
        if (states || info->tensors[i].kind != NN_STATE) bytes += LINE + info->tensors[i].count * sizeof(float);
    return bytes;
}

int save_check(const char *path, const Model *m)
{
    NnError error = {0};
    return nn_file_check(path, file_bytes(m->info, false), &error) ? fail_error(&error) : STATUS_OK;
}

int save_check_page(const char *path)
{
    enum { TYPICAL = 200000 };
    NnError error = {0};
    return nn_file_check(path, TYPICAL, &error) ? fail_error(&error) : STATUS_OK;
}

int save_check_checkpoint(const char **path, const Model *m, bool wanted)
{
    NnError error = {0};
    if (!nn_file_check(*path, file_bytes(m->info, true), &error)) return STATUS_OK;
    if (wanted) return fail_error(&error);
    fprintf(stderr, "nnc: note: there will be no checkpoints: %s\n", error.text);
    *path = NULL;
    return STATUS_OK;
}

/* FOLDER/rescued-PID-NAME: nothing has that name yet. */
static const char *rescue_path(Arena *arena, const char *folder, const char *path)
{
    return arena_printf(arena, "%s/rescued-%ld-%.200s", folder, (long)getpid(), path_file_name(path));
}

int save_weights(const char *path, const Model *m, const void *model, const Feed *feed, const NnScore *test,
                 const char **saved)
{
    const char *tmp = getenv("TMPDIR"), *folders[] = {".", tmp && *tmp ? tmp : "/tmp"};
    NnError error = {0};
    NnWeightsNote notes[ORIGIN_NOTES];
    origin_notes(m, feed->data, test, notes);
    *saved = path;
    if (nn_weights_save(m->info, model, feed, notes, path, &error) == 0) return STATUS_OK;
    int status = fail_error(&error);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        *saved = rescue_path(m->c->arena, folders[i], path);
        if (nn_weights_save(m->info, model, feed, notes, *saved, &error) == 0) {
            fprintf(stderr, "nnc: the weights are in %s instead\n", *saved);
            return status;
        }
        fail_error(&error);
    }
    *saved = NULL;
    return status;
}
