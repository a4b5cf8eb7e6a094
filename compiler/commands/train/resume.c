/*
 * What a run is known by: into a checkpoint, and compared with one.
 */
#include "commands/train/resume.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands/support/simulated.h"
#include "elab/attributes.h"
#include "elab/value.h"

#define COMPUTE_NOTE "run.compute" /* there where it is not f32 */

/* ---- texts ------------------------------------------------------------------------------- */

static const char *call_text(Arena *arena, const char *name, const Attr *attrs, const void *values)
{
    return arena_printf(arena, "%s(%s)", name, attrs ? attrs_text(arena, attrs, values) : "");
}

static const char *op_call_text(Arena *arena, const OpCall *call)
{
    return call_text(arena, call->op->name, call->op->attrs, call->attrs);
}

/* A teacher is part of what is minimised; its weights are known by their bits. */
static const char *minimised_text(Arena *arena, const TrainSpec *spec, uint64_t teacher_hash)
{
    const char *own = op_call_text(arena, &spec->loss);
    const TeacherSpec *t = &spec->teacher;
    if (!t->path) return own;
    return arena_printf(arena, "%s, teacher of %s with %016" PRIx64 " (temperature=%s, weight=%s)", own, t->path,
                        teacher_hash, real_text(arena, t->temperature), real_text(arena, t->weight));
}

static const char *schedule_text(Arena *arena, const Schedule *s)
{
    const Attr *attrs;
    const char *name = train_choice("schedule", (int)s->kind, &attrs);
    return call_text(arena, name, attrs, s);
}

static const char *numbers_text(Arena *arena, const Reals *r)
{
    const char *text = "";
    for (int i = 0; i < r->count; i++)
        text = arena_printf(arena, "%s%s%s", text, i ? " " : "", real_text(arena, r->at[i]));
    return text;
}

static const char *normalize_text(Arena *arena, const TrainSpec *spec)
{
    if (spec->normalize == NORMALIZE_DATASET) return "dataset";
    if (spec->normalize == NORMALIZE_NONE) return "none";
    return arena_printf(arena, "mean %s, std %s", numbers_text(arena, &spec->mean), numbers_text(arena, &spec->std));
}

static const char *groups_text(Arena *arena, const TrainSpec *spec)
{
    const char *text = "none";
    for (int i = 0; i < spec->groups.count; i++) {
        const ParamGroup *g = spec->groups.at[i];
        text = arena_printf(arena, "%s%s\"%s\" (lr=%s, weight_decay=%s, train=%s)", i ? text : "", i ? " " : "",
                            g->pattern, real_text(arena, g->lr), real_text(arena, g->weight_decay),
                            g->train ? "yes" : "no");
    }
    return text;
}

/* The trained parameters and statistics are those that are not frozen. */
static const char *frozen_text(Arena *arena, const Model *m)
{
    uint64_t hash = HASH_START;
    int frozen = 0;
    for (int i = 0; i < m->info->tensor_count; i++) {
        const nn_tensor_info *t = &m->info->tensors[i];
        if (t->kind != NN_FROZEN) continue;
        hash = hash_bytes(hash, t->name, strlen(t->name) + 1);
        frozen++;
    }
    return frozen ? arena_printf(arena, "%d tensors (%08x)", frozen, (unsigned)(hash ^ hash >> 32)) : "none";
}

static const char *pair_text(Arena *arena, const char *a, double x, const char *b, double y)
{
    return arena_printf(arena, "%s %s, %s %s", a, real_text(arena, x), b, real_text(arena, y));
}

static const char *averages_text(Arena *arena, const TrainSpec *spec)
{
    return arena_printf(arena, "ema %s, lookahead %" PRId64 " %s", real_text(arena, spec->ema), spec->lookahead,
                        real_text(arena, spec->lookahead_alpha));
}

static const char *valid_text(Arena *arena, const Dataset *data)
{
    const double cut = data->division.valid;
    if (cut > 0) return arena_printf(arena, "%s of the training part", real_text(arena, cut));
    return data->part[DATA_VALID].count ? "that of the data" : "none";
}

static const char *fit_text(const TrainSpec *spec)
{
    static const char *const names[] = {[FIT_RESIZE] = "resize", [FIT_PAD] = "pad", [FIT_CROP] = "crop"};
    return names[spec->fit];
}

/* ---- notes --------------------------------------------------------------------------------- */

/* What differs between two runs is said in these words. */
static const struct {
    const char *key, *what;
} run_keys[] = {
    {"net.hash", "the hash of the net's layers"},
    {"run.batch", "the batch"},
    {"run.loss", "the loss"},
    {"run.optimizer", "the optimizer"},
    {"run.lr", "the learning rate"},
    {"run.groups", "the parameter groups"},
    {"run.frozen", "what is frozen"},
    {"run.schedule", "the schedule"},
    {"run.regularize", "the penalty"},
    {"run.clip", "the clipping"},
    {"run.averages", "the average of the weights"},
    {"run.seed", "the seed"},
    {"run.order", "the order"},
    {"run.valid", "the validation part"},
    {"run.keep", "what is kept"},
    {"run.normalize", "the normalisation"},
    {"run.fit", "the fit"},
    {"run.augment", "the augmentation"},
    {"run.mix", "the mixing"},
};

const char *resume_key_text(const char *key)
{
    for (size_t i = 0; i < sizeof run_keys / sizeof *run_keys; i++)
        if (strcmp(run_keys[i].key, key) == 0) return run_keys[i].what;
    return key;
}

static NnWeightsNote *note(NnWeightsNote *at, const char *key, const char *value)
{
    *at = (NnWeightsNote){key, value};
    return at + 1;
}

static NnWeightsNote *optimizer_notes(NnWeightsNote *at, const Model *m, RunOverrides overrides)
{
    Arena *arena = m->c->arena;
    const TrainSpec *spec = m->spec;
    const double lr = overrides.lr;
    at = note(at, "run.loss", minimised_text(arena, spec, overrides.teacher_hash));
    at = note(at, "run.optimizer", op_call_text(arena, &spec->optimizer));
    at = note(at, "run.lr", real_text(arena, lr > 0 ? lr : spec->lr));
    at = note(at, "run.groups", groups_text(arena, spec));
    at = note(at, "run.frozen", frozen_text(arena, m));
    at = note(at, "run.schedule", schedule_text(arena, &spec->schedule));
    at = note(at, "run.regularize", pair_text(arena, "l1", spec->l1, "l2", spec->l2));
    at = note(at, "run.clip", pair_text(arena, "norm", spec->clip_norm, "value", spec->clip_value));
    return note(at, "run.averages", averages_text(arena, spec));
}

static NnWeightsNote *sample_notes(NnWeightsNote *at, const Model *m, const Feeding *f)
{
    Arena *arena = m->c->arena;
    char augment[512];
    at = note(at, "run.order", f->feed.sequential ? "sequential" : "shuffle");
    at = note(at, "run.valid", valid_text(arena, f->data));
    at = note(at, "run.keep", train_keeps_best(m->spec) ? "best" : "last");
    at = note(at, "run.normalize", normalize_text(arena, m->spec));
    at = note(at, "run.fit", fit_text(m->spec));
    feeding_augment_text(f, augment, sizeof augment);
    at = note(at, "run.augment", *augment ? arena_printf(arena, "%s", augment) : "none");
    return note(at, "run.mix", pair_text(arena, "mixup", f->feed.mixup, "cutmix", f->feed.cutmix));
}

/* Sums are made in another order in chunks. */
static const char *batch_text(Arena *arena, int batch, int64_t chunked)
{
    return chunked ? arena_printf(arena, "%" PRId64 " in chunks of %d", chunked, batch)
                   : arena_printf(arena, "%d", batch);
}

/* Some of a step's products are those of an instruction that rounds by itself. */
static const char *compute_text(const Model *m)
{
    const Graph *step = m->emitted->step_program;
    for (int i = 0; step && i < step->nodes.count; i++) {
        const Variant *v = ((const Node *)step->nodes.at[i])->variant;
        if (v && v->traits & VARIANT_BF16_PRODUCTS) return "bf16 with VDPBF16PS";
    }
    return "bf16";
}

void resume_notes(const Model *m, const Feeding *f, RunOverrides overrides, NnWeightsNote notes[RESUME_NOTES])
{
    Arena *arena = m->c->arena;
    NnWeightsNote *at = notes;
    origin_notes(m, f->data, NULL, notes);
    while (at->key) at++;
    at = note(at, "run.batch", batch_text(arena, m->info->batch, overrides.chunked));
    at = note(at, "run.seed", arena_printf(arena, "%" PRIu64, overrides.seed));
    if (overrides.bf16) at = note(at, COMPUTE_NOTE, compute_text(m));
    at = optimizer_notes(at, m, overrides);
    at = sample_notes(at, m, f);
    *at = (NnWeightsNote){NULL, NULL};
}

/* ---- comparing ------------------------------------------------------------------------------- */

static const char *note_find(const NnWeightsNote *notes, const char *key)
{
    while (notes->key && strcmp(notes->key, key) != 0) notes++;
    return notes->value;
}

static int differs(const char *path, const char *what, const char *then, const char *now)
{
    return fail(STATUS_INPUT, "cannot resume from %s: %s was %s, now it is %s", path, what, then, now);
}

static int compare_notes(const NnTensors *file, const char *path, const NnWeightsNote *notes)
{
    for (size_t i = 0; i < sizeof run_keys / sizeof *run_keys; i++) {
        const char *then = nn_tensors_metadata(file, run_keys[i].key), *now = note_find(notes, run_keys[i].key);
        if (!then) return fail(STATUS_INPUT, "%s is not a checkpoint: it has no %s", path, run_keys[i].key);
        if (strcmp(then, now) != 0) return differs(path, run_keys[i].what, then, now);
    }
    const char *compute_then = nn_tensors_metadata(file, COMPUTE_NOTE), *compute_now = note_find(notes, COMPUTE_NOTE);
    if (!compute_then) compute_then = "f32";
    if (!compute_now) compute_now = "f32";
    if (strcmp(compute_then, compute_now) != 0) return differs(path, "--compute", compute_then, compute_now);
    const bool simulated = note_find(notes, SIMULATED_NOTE);
    if (simulated != simulated_is_of(file))
        return differs(path, "the training", simulated ? "in f32" : "with --quantize int8",
                       simulated ? "with --quantize int8" : "in f32");
    return STATUS_OK;
}

static int compare_data(const NnTensors *file, const char *path, const NnWeightsNote *notes, const Dataset *data)
{
    char now[32];
    const char *then = nn_tensors_metadata(file, "data.hash"), *name = nn_tensors_metadata(file, "data");
    snprintf(now, sizeof now, "%016" PRIx64, dataset_fingerprint(data));
    if (then && strcmp(then, now) == 0) return STATUS_OK;
    return fail(STATUS_INPUT,
                "cannot resume from %s: the data was %s with the hash %s, now it is %s with %s: other "
                "files, or another choice of them (--valid, --limit, --classes)",
                path, name ? name : "another", then ? then : "(none)", note_find(notes, "data"), now);
}

NnTensors *resume_open(const char *path, const NnWeightsNote *notes, const Dataset *data, int *status)
{
    NnError error = {0};
    NnTensors *file = nn_tensors_open(path, &error);
    *status = file ? compare_notes(file, path, notes) : fail_error(&error);
    if (!*status) *status = compare_data(file, path, notes, data);
    if (!*status) return file;
    nn_tensors_close(file);
    return NULL;
}

void resume_of_replaced(const char *path)
{
    NnError error = {0};
    NnTensors *file = nn_tensors_open_header(path, &error);
    const char *epoch = file ? nn_tensors_metadata(file, "state.epoch") : NULL;
    const char *step = file ? nn_tensors_metadata(file, "state.step") : NULL;
    if (epoch && step)
        fprintf(stderr,
                "nnc: note: %s is of a run at epoch %s, step %s; this run begins anew and replaces it (--resume goes "
                "on)\n",
                path, epoch, step);
    nn_tensors_close(file);
}
