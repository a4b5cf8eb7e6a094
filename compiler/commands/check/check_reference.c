/*
 * check_reference: a net against a file of values computed elsewhere.
 *
 * Enters: a net and a safetensors file.  Leaves: for every value that the file
 * holds and the net computes, the largest absolute error, and the largest error
 * relative to the tensor's largest magnitude.
 *
 *   y                inference                      of x
 *   train.y          forward pass of training mode
 *   dx, grad.NAME    backward pass from dy, or with target: grad.NAME of the loss
 *   loss, loss.NAME  for target; one value per step when x has a dimension more
 *                    than a batch: then the train section's optimizer takes them, as
 *                    an epoch of that many steps of its schedule
 *   after.NAME       running statistics after the one pass, or everything at the
 *                    end of the steps
 *
 * A further output is y.NAME, and so are train.y and dy; a further target is target.NAME.
 * All other names are parameters' and buffers': the values to begin with.  A file with the note of
 * training with simulated int8 (commands/support/simulated.h) is of the net that simulates int8.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/check/check.h"
#include "commands/support/reference_rows.h"
#include "commands/train/schedule.h"
#include "runtime/core/core.h"

typedef struct Reference {
    const CheckOptions *options;
    const char *path;
    NnTensors *file;
    Model l;
    const nn_model_info *info;
    const size_t *sizes;
    size_t steps; /* 0: a single pass */
    size_t batch;
    void *block, *model, *scratch;
    float *x;
    RowParts outputs, targets;
    void *target; /* rows of int32_t or float, or NULL */
    double tolerance;
    int compared, wrong;

    void (*vjp)(void *, const float *, const float *, float *, float *, void *);
    int (*get_vjp)(const void *, const char *, float *, size_t, const void *);
} Reference;

/* ---- names and shapes ------------------------------------------------------------- */

static const NnTensor *find_tensor(const Reference *r, const char *name) { return nn_tensors_find(r->file, name); }

static const char *const output_prefixes[] = {"y", "train.y", "dy"};
enum { OUTPUT_PREFIXES = sizeof output_prefixes / sizeof output_prefixes[0] };

/* loss.NAME: of the losses that a net with several has, without its weight; −1: none of them. */
static int named_loss(const Reference *r, const char *name)
{
    if (strncmp(name, "loss.", 5) != 0 || !r->l.spec) return -1;
    const Objectives all = train_objectives(r->l.spec, r->l.net);
    for (int i = 1; i < all.count; i++)
        if (strcmp(name + 5, all.at[i].name) == 0) return i;
    return -1;
}

static bool is_special(const Reference *r, const char *name)
{
    if (strcmp(name, "x") == 0 || strcmp(name, "dx") == 0 || strcmp(name, "loss") == 0) return true;
    for (int i = 0; i < OUTPUT_PREFIXES; i++)
        if (row_part_is(&r->outputs, output_prefixes[i], name)) return true;
    return row_part_is(&r->targets, "target", name) || named_loss(r, name) > 0;
}

static const char *without_prefix(const char *name)
{
    static const char *const prefixes[] = {"grad.", "after."};
    for (int i = 0; i < 2; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0) return name + strlen(prefixes[i]);
    return name;
}

static const Tensor *net_model_tensor(const Reference *r, const char *name)
{
    const List *model = &r->l.net->model;
    for (int i = 0; i < model->count; i++) {
        const Tensor *t = model->at[i];
        if (t->kind != TENSOR_STATE && strcmp(t->name, name) == 0) return t;
    }
    return NULL;
}

static bool shape_is(const NnTensor *t, int leading, const int64_t *lead, Shape shape)
{
    if (t->rank != leading + shape.rank) return false;
    for (int i = 0; i < t->rank; i++)
        if (t->dims[i] != (i < leading ? lead[i] : shape.dim[i - leading])) return false;
    return true;
}

static const char *dims_text(const Reference *r, const NnTensor *t)
{
    char text[NN_DIMS_TEXT];
    return arena_strdup(r->l.c->arena, nn_dims_text(t->rank, t->dims, text));
}

/* The names an unexpected one could have meant. */
static const char *nearest_of(const Reference *r, const char *name)
{
    const List *model = &r->l.net->model;
    const char **names = arena_alloc(r->l.c->arena, (size_t)model->count * sizeof *names);
    for (int i = 0; i < model->count; i++) names[i] = ((Tensor *)model->at[i])->name;
    return nearest_name(name, names, model->count);
}

static int unexpected(const Reference *r, const NnTensor *t)
{
    const char *near = nearest_of(r, without_prefix(t->name));
    fail(STATUS_INPUT, "%s: '%s' is no tensor of %s%s%s%s", r->path, t->name, r->l.net->name,
         near ? "; the nearest is " : "", near ? near : "", "");
    return 1;
}

/* Parameters, buffers, their gradients and their values after: names and shapes.
 * Returns how many are wrong. */
static int check_model_names(const Reference *r)
{
    int bad = 0;
    for (int i = 0; i < nn_tensors_count(r->file); i++) {
        const NnTensor *t = nn_tensors_at(r->file, i);
        if (is_special(r, t->name) || ends_with(t->name, ".num_batches_tracked")) /* PyTorch's counter */
            continue;
        const Tensor *mine = net_model_tensor(r, without_prefix(t->name));
        if (!mine || (strncmp(t->name, "grad.", 5) == 0 && mine->kind != TENSOR_PARAM)) {
            bad += unexpected(r, t);
        } else if (!shape_is(t, 0, NULL, mine->shape)) {
            fail(STATUS_INPUT, "%s: '%s' is %s in the file; the net has %s", r->path, t->name, dims_text(r, t),
                 shape_text(r->l.c->arena, mine->shape));
            bad++;
        }
    }
    for (int i = 0; i < r->l.net->model.count; i++) {
        const Tensor *t = r->l.net->model.at[i];
        if (t->kind != TENSOR_PARAM || find_tensor(r, t->name)) continue;
        fail(STATUS_INPUT, "%s: the parameter '%s' is missing", r->path, t->name);
        bad++;
    }
    return bad;
}

/* Of several inputs, x holds one after the other. */
static Shape input_shape(const Reference *r)
{
    const List *inputs = &r->l.net->inputs;
    int64_t total = 0;
    for (int i = 0; i < inputs->count; i++) total += shape_count(((Tensor *)inputs->at[i])->shape);
    return inputs->count == 1 ? ((Tensor *)inputs->at[0])->shape : shape_vector(total);
}

/* x says whether this is a sequence, and the batch. */
static int check_x(Reference *r)
{
    const NnTensor *x = find_tensor(r, "x");
    Shape shape = input_shape(r);
    if (!x) return fail(STATUS_INPUT, "%s: there is no x", r->path);
    int leading = x->rank - shape.rank;
    bool fits = (leading == 1 || leading == 2) && shape_is(x, leading, x->dims, shape);
    if (!fits || x->count == 0)
        return fail(STATUS_INPUT, "%s: x is %s; it must be a batch, or steps of batches, of the input's %s", r->path,
                    dims_text(r, x), shape_text(r->l.c->arena, shape));
    r->steps = leading == 2 ? (size_t)x->dims[0] : 0;
    r->batch = (size_t)x->dims[leading - 1];
    if (r->options->load.batch && (size_t)r->options->load.batch != r->batch)
        return fail(STATUS_USAGE, "--batch %lld: the batch of %s is %zu", (long long)r->options->load.batch, r->path,
                    r->batch);
    return STATUS_OK;
}

static int check_one(const Reference *r, const char *name, int leading, const int64_t *lead, Shape shape)
{
    const NnTensor *t = find_tensor(r, name);
    if (!t || shape_is(t, leading, lead, shape)) return 0;
    char text[NN_DIMS_TEXT];
    int64_t dims[NN_MAX_RANK];
    for (int i = 0; i < leading + shape.rank; i++) dims[i] = i < leading ? lead[i] : shape.dim[i - leading];
    fail(STATUS_INPUT, "%s: %s is %s; it must be %s", r->path, name, dims_text(r, t),
         nn_dims_text(leading + shape.rank, dims, text));
    return 1;
}

static int check_rows(const Reference *r, const RowParts *parts, const char *prefix, int leading, const int64_t *lead)
{
    int bad = 0;
    for (int i = 0; i < parts->count; i++)
        bad += check_one(r, row_part_name(r->l.c->arena, prefix, &parts->at[i]), leading, lead, parts->at[i].shape);
    return bad;
}

static int check_special_shapes(const Reference *r)
{
    int64_t lead[2] = {(int64_t)(r->steps ? r->steps : r->batch), (int64_t)r->batch};
    int leading = r->steps ? 2 : 1, bad = 0;
    for (int i = 0; i < OUTPUT_PREFIXES; i++) bad += check_rows(r, &r->outputs, output_prefixes[i], leading, lead);
    bad += check_one(r, "dx", leading, lead, input_shape(r));
    if (r->l.spec) bad += check_rows(r, &r->targets, "target", leading, lead);
    const NnTensor *l = find_tensor(r, "loss");
    if (l && l->count != (r->steps ? r->steps : 1)) {
        fail(STATUS_INPUT, "%s: loss is %s; there must be one for each of %zu steps", r->path, dims_text(r, l),
             r->steps ? r->steps : 1);
        bad++;
    }
    if (find_tensor(r, "dx") && !find_tensor(r, "dy")) bad += fail(STATUS_INPUT, "%s: dx needs dy", r->path);
    if ((find_tensor(r, "loss") || r->steps) && !find_tensor(r, "target"))
        bad += fail(STATUS_INPUT, "%s: %s", r->path, r->steps ? "steps need a target" : "loss needs a target");
    return bad;
}

/* ---- values in ---------------------------------------------------------------------- */

static float *floats(const NnTensor *t)
{
    float *values = block_alloc((t->count ? t->count : 1) * sizeof *values);
    nn_tensor_floats(t, values);
    return values;
}

/* Whether all are classes that the outputs have. */
static int check_labels(const Reference *r, const NnTensor *t, const RowPart *part)
{
    NnError error = {0};
    int32_t *labels = block_alloc((t->count ? t->count : 1) * sizeof *labels);
    int status =
        nn_tensor_ints(t, labels, &error) ? fail(STATUS_INPUT, "%s: %s: %s", r->path, t->name, error.text) : STATUS_OK;
    for (size_t i = 0; !status && i < t->count; i++)
        if (labels[i] != part->ignored && (labels[i] < 0 || labels[i] >= part->classes))
            status = fail(STATUS_INPUT, "%s: sample %zu of %s has the class %d; the net has %lld", r->path,
                          i / part->count, t->name, labels[i], (long long)part->classes);
    free(labels);
    return status;
}

/* All targets are classes: rows of them. */
static void *as_labels(const float *rows, size_t count)
{
    int32_t *labels = block_alloc((count ? count : 1) * sizeof *labels);
    for (size_t i = 0; i < count; i++) labels[i] = (int32_t)rows[i];
    return labels;
}

static size_t samples_of(const Reference *r) { return (r->steps ? r->steps : 1) * r->batch; }

static int read_target(Reference *r)
{
    if (!find_tensor(r, "target")) return STATUS_OK;
    const size_t samples = samples_of(r), count = samples * r->targets.row;
    float *rows = block_alloc((count ? count : 1) * sizeof *rows);
    r->target = rows;
    for (int i = 0; i < r->targets.count; i++) {
        const RowPart *part = &r->targets.at[i];
        const char *name = row_part_name(r->l.c->arena, "target", part);
        const NnTensor *t = find_tensor(r, name);
        if (!t) return fail(STATUS_INPUT, "%s: there is no %s", r->path, name);
        if (part->classes && check_labels(r, t, part)) return STATUS_INPUT;
        float *values = floats(t);
        row_part_put(&r->targets, i, samples, values, rows);
        free(values);
    }
    if (r->info->target_kind != NN_CLASSES) return STATUS_OK;
    r->target = as_labels(rows, count);
    free(rows);
    return STATUS_OK;
}

/* The model as the file says; for every pass anew, since passes change statistics. */
static void reset_model(Reference *r)
{
    r->model = r->info->init(r->block, 1, 1);
    for (int i = 0; i < nn_tensors_count(r->file); i++) {
        const NnTensor *t = nn_tensors_at(r->file, i);
        if (is_special(r, t->name) || !net_model_tensor(r, t->name)) continue;
        float *values = floats(t);
        r->info->set(r->model, t->name, values, t->count);
        free(values);
    }
}

/* ---- comparing ------------------------------------------------------------------------- */

/* A NaN is right where there should be one, and so is an infinity. */
static double error_of(double got, double want)
{
    if (got == want || (isnan(got) && isnan(want))) return 0;
    double off = fabs(got - want);
    return isnan(off) ? INFINITY : off;
}

static void compare_tensor(Reference *r, const NnTensor *expected, const float *got)
{
    double *want = block_alloc((expected->count ? expected->count : 1) * sizeof *want);
    double largest = 0, absolute = 0;
    nn_tensor_doubles(expected, want);
    for (size_t i = 0; i < expected->count; i++) {
        absolute = fmax(absolute, error_of(got[i], want[i]));
        if (isfinite(want[i])) largest = fmax(largest, fabs(want[i]));
    }
    double relative = absolute == 0 ? 0 : largest > 0 ? absolute / largest : absolute;
    bool wrong = !(relative <= r->tolerance);
    printf("  %-40s %9zu  %9.2e  %9.2e%s\n", expected->name, expected->count, absolute, relative,
           wrong ? "  WRONG" : "");
    r->compared++;
    r->wrong += wrong;
    free(want);
}

static void compare_named(Reference *r, const char *name, const float *got)
{
    const NnTensor *t = find_tensor(r, name);
    if (t) compare_tensor(r, t, got);
}

typedef int (*Getter)(const void *, const char *, float *, size_t, const void *);

/* grad.NAME for every parameter that the file has one of. */
static void compare_gradients(Reference *r, Getter get)
{
    for (int i = 0; i < nn_tensors_count(r->file); i++) {
        const NnTensor *t = nn_tensors_at(r->file, i);
        if (strncmp(t->name, "grad.", 5) != 0) continue;
        float *values = block_alloc((t->count + 1) * sizeof *values);
        get(r->model, t->name + 5, values, t->count, r->scratch); /* untouched zeros where there is none */
        compare_tensor(r, t, values);
        free(values);
    }
}

static void compare_after(Reference *r)
{
    for (int i = 0; i < nn_tensors_count(r->file); i++) {
        const NnTensor *t = nn_tensors_at(r->file, i);
        if (strncmp(t->name, "after.", 6) != 0 || ends_with(t->name, ".num_batches_tracked")) continue;
        float *values = block_alloc((t->count + 1) * sizeof *values);
        r->info->get(r->model, t->name + 6, values, t->count);
        compare_tensor(r, t, values);
        free(values);
    }
}

/* ---- passes ------------------------------------------------------------------------------ */

/* Each part of the rows that the file has. */
static void compare_rows(Reference *r, const char *prefix, size_t samples, const float *rows)
{
    for (int i = 0; i < r->outputs.count; i++) {
        const NnTensor *t = find_tensor(r, row_part_name(r->l.c->arena, prefix, &r->outputs.at[i]));
        if (!t) continue;
        float *values = block_alloc((t->count + 1) * sizeof *values);
        row_part_take(&r->outputs, i, samples, rows, values);
        compare_tensor(r, t, values);
        free(values);
    }
}

static void run_inference(Reference *r)
{
    size_t steps = r->steps ? r->steps : 1, in = r->batch * r->sizes[SIZE_INPUTS],
           out = r->batch * r->sizes[SIZE_OUTPUTS];
    float *y = block_alloc(steps * out * sizeof *y);
    reset_model(r);
    for (size_t i = 0; i < steps; i++) r->info->infer(r->model, r->x + i * in, y + i * out, r->scratch);
    compare_rows(r, "y", steps * r->batch, y);
    free(y);
}

/* The gradients of the outputs; zeros where the file has none. */
static float *read_seed(const Reference *r)
{
    float *dy = block_alloc(r->batch * r->outputs.row * sizeof *dy);
    for (int i = 0; i < r->outputs.count; i++) {
        const NnTensor *t = find_tensor(r, row_part_name(r->l.c->arena, "dy", &r->outputs.at[i]));
        if (!t) continue;
        float *values = floats(t);
        row_part_put(&r->outputs, i, r->batch, values, dy);
        free(values);
    }
    return dy;
}

/* Forward in training mode, backward from dy. */
static void run_vjp(Reference *r)
{
    const NnTensor *seed = find_tensor(r, "dy");
    size_t out = r->batch * r->sizes[SIZE_OUTPUTS], in = r->batch * r->sizes[SIZE_INPUTS];
    float *y = block_alloc(out * sizeof *y), *dx = block_alloc(in * sizeof *dx);
    float *dy = read_seed(r);
    reset_model(r);
    r->vjp(r->model, r->x, dy, y, dx, r->scratch);
    compare_rows(r, "train.y", r->batch, y);
    compare_named(r, "dx", dx);
    if (seed) compare_gradients(r, r->get_vjp);
    compare_after(r);
    free(y);
    free(dx);
    free(dy);
}

/* Those that the last pass left in its scratch. */
static void compare_named_losses(Reference *r)
{
    for (int i = 0; i < nn_tensors_count(r->file); i++) {
        const NnTensor *t = nn_tensors_at(r->file, i);
        const int loss = named_loss(r, t->name);
        if (loss > 0) compare_tensor(r, t, &r->info->losses(r->scratch)[loss]);
    }
}

/* One pass of the loss without an update; with after.NAME, one step. */
static void run_loss(Reference *r, bool after)
{
    reset_model(r);
    float loss = r->info->grad(r->model, r->x, r->target, r->scratch);
    compare_named(r, "loss", &loss);
    compare_named_losses(r);
    if (!find_tensor(r, "dy")) compare_gradients(r, r->info->get_grad);
    if (!after) return;
    reset_model(r);
    r->info->step(r->model, r->x, r->target, (float)r->l.spec->lr, r->scratch);
    compare_after(r);
}

static float run_scheduled_step(Reference *r, size_t step, const float *x, const void *target)
{
    const NnSchedule schedule = schedule_of(r->l.spec, 0);
    const int64_t at = (int64_t)step, steps = (int64_t)r->steps;
    NnScheduleState state;
    nn_schedule_init(&state);
    if (schedule.cycle_momentum) r->info->set_momentum(r->model, (float)nn_schedule_momentum(&schedule, at, steps));
    const double lr = nn_schedule_lr(&schedule, &state, at, steps, steps);
    return r->info->step(r->model, x, target, (float)lr, r->scratch);
}

static void run_steps(Reference *r)
{
    size_t in = r->batch * r->sizes[SIZE_INPUTS];
    size_t target =
        r->batch * r->info->target_count * (r->info->target_kind == NN_CLASSES ? sizeof(int32_t) : sizeof(float));
    float *loss = block_alloc(r->steps * sizeof *loss);
    reset_model(r);
    for (size_t i = 0; i < r->steps; i++)
        loss[i] = run_scheduled_step(r, i, r->x + i * in, (char *)r->target + i * target);
    compare_named(r, "loss", loss);
    compare_after(r);
    free(loss);
}

static void run_comparisons(Reference *r)
{
    bool single = !r->steps, vjp = single && (find_tensor(r, "dy") || find_tensor(r, "train.y"));
    printf("%s: against %s, batch %zu", r->l.net->name, r->path, r->batch);
    if (r->steps) printf(", %zu steps", r->steps);
    printf("\n  %-40s %9s  %9s  %9s\n", "tensor", "elements", "absolute", "relative");
    run_inference(r);
    if (vjp) run_vjp(r);
    if (single && r->target) run_loss(r, !vjp);
    if (r->steps) run_steps(r);
}

/* ---- the whole ---------------------------------------------------------------------------- */

static int load_reference_net(Reference *r)
{
    LoadOptions load = r->options->load;
    load.train = find_tensor(r, "target") != NULL;
    load.simulates = true;
    load.weights = r->path;
    int status = load_net(&load, &r->l);
    if (status != STATUS_OK) return status;
    r->outputs = rows_of_outputs(&r->l);
    r->targets = rows_of_targets(&r->l);
    status = check_x(r);
    if (status == STATUS_OK && check_model_names(r) + check_special_shapes(r) > 0) status = STATUS_INPUT;
    if (status != STATUS_OK) return status;
    load.vjp = true;
    r->l.batch = (int64_t)r->batch;
    if (r->l.spec) r->l.spec->no_dropout = true;
    status = load_code(&load, &r->l);
    if (status != STATUS_OK) return status;
    r->info = r->l.info;
    r->sizes = model_symbol(&r->l, "sizes");
    r->vjp = (void (*)(void *, const float *, const float *, float *, float *, void *))model_symbol(&r->l, "vjp");
    r->get_vjp = (Getter)model_symbol(&r->l, "get_vjp");
    return STATUS_OK;
}

static int fetch_all(Reference *r)
{
    NnError error = {0};
    for (int i = 0; i < nn_tensors_count(r->file); i++)
        if (nn_tensors_fetch(r->file, nn_tensors_at(r->file, i), &error))
            return fail((Status)error.status, "%s", error.text);
    return STATUS_OK;
}

static int compare_all(Reference *r)
{
    int status = fetch_all(r);
    if (status != STATUS_OK) return status;
    r->block = block_alloc(r->sizes[SIZE_MODEL]);
    r->scratch = block_alloc(r->sizes[SIZE_SCRATCH]);
    r->x = floats(find_tensor(r, "x"));
    status = read_target(r);
    if (status != STATUS_OK) return status;
    run_comparisons(r);
    if (!r->compared) return fail(STATUS_INPUT, "%s: there is nothing to compare", r->path);
    printf("%s: %d compared, %d wrong, tolerance %.2g\n", r->wrong ? "wrong" : "ok", r->compared, r->wrong,
           r->tolerance);
    return r->wrong ? STATUS_INPUT : STATUS_OK;
}

int check_reference(const CheckOptions *o)
{
    Reference r = {.options = o, .path = o->reference, .tolerance = o->tolerance > 0 ? o->tolerance : 1e-4};
    NnError error = {0};
    r.file = nn_tensors_open(o->reference, &error);
    if (!r.file) return fail(error.status == NN_SYSTEM_FAILED ? STATUS_SYSTEM : STATUS_INPUT, "%s", error.text);
    int status = load_reference_net(&r);
    if (status == STATUS_OK) status = compare_all(&r);
    free(r.block);
    free(r.scratch);
    free(r.x);
    free(r.target);
    model_free(&r.l);
    nn_tensors_close(r.file);
    return status;
}
