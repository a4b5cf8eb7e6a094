/* The nets of `nnc quantize`, on samples. */
#include "commands/quantize/quantization.h"

#include <stdlib.h>
#include <string.h>

#include "commands/support/simulated.h"
#include "quantize/simulate.h"

/* ---- values as outputs ------------------------------------------------------------------------------ */

static const QuantizedValue *value_at(const QuantizedNet *net, int i) { return net->values.at[i]; }

/* The code of the net with the values as further outputs; the net is as before afterwards. */
static int show_net_values(Quantization *q, ShownNet *s, Tensor *const *values, int count)
{
    Graph *net = s->m.net;
    const List own = net->outputs;
    const int first = net_output_parts(net);
    s->offset = arena_alloc(q->arena, (size_t)(count + 1) * sizeof *s->offset);
    for (int i = 0; i < count; i++) graph_add_output(net, values[i], arena_printf(q->arena, "value %d", i));
    for (int i = 0; i < count; i++) s->offset[i] = net_output_part(net, first + i).offset;
    const int status = load_code(&q->request->load, &s->m);
    net->outputs = own;
    if (status) return status;
    const nn_model_info *info = s->m.info;
    s->y = block_alloc((size_t)info->batch * info->outputs * sizeof *s->y);
    s->scratch = block_for_scratch(info);
    return STATUS_OK;
}

static int show_f32(Quantization *q)
{
    const int count = q->recorded->values.count;
    Tensor **values = arena_alloc(q->arena, (size_t)(count + 1) * sizeof *values);
    for (int i = 0; i < count; i++) values[i] = (Tensor *)value_at(q->recorded, i)->value;
    int status = show_net_values(q, &q->f32, values, count);
    if (!status) status = weighted_open(&q->weights, q->request->weights, &q->f32.m);
    if (!status) status = weighted_load(&q->weights, q->f32.m.info);
    q->f32.model = q->weights.model;
    return status;
}

static Tensor *dequantized(Quantization *q, Tensor *int8)
{
    Graph *g = q->net->graph;
    Node *n = graph_node(g, op_find("dequantize", OP_INTERNAL), NULL, arena_printf(q->arena, "%s.shown", int8->name),
                         int8->span);
    node_in(g, n, int8);
    n->data_count = 1;
    return node_out(g, n, int8->shape);
}

static void set_integers(const Quantization *q, void *model)
{
    const nn_model_info *from = q->f32.m.info, *to = q->int8.m.info;
    for (int i = 0; i < to->tensor_count; i++) {
        const nn_tensor_info *t = &to->tensors[i];
        float *values = arena_alloc(q->numbers, (t->count + 1) * sizeof *values);
        if (!from->get(q->f32.model, t->name, values, t->count)) to->set(model, t->name, values, t->count);
    }
    for (int i = 0; i < q->layers.count; i++) {
        const LayerNumbers *l = q->layers.at[i];
        float *values = arena_alloc(q->numbers, (size_t)(l->count + l->rows) * sizeof *values);
        for (int64_t k = 0; k < l->count; k++) values[k] = (float)l->weight[k];
        to->set(model, arena_printf(q->arena, "%s.qweight", l->layer), values, (size_t)l->count);
        for (int64_t k = 0; k < l->rows; k++) values[k] = (float)l->bias[k];
        to->set(model, arena_printf(q->arena, "%s.qbias", l->layer), values, (size_t)l->rows);
    }
}

static int show_int8(Quantization *q, bool with_values)
{
    const int count = with_values ? q->net->values.count : 0;
    Tensor **values = arena_alloc(q->arena, (size_t)(count + 1) * sizeof *values);
    q->int8.m = q->f32.m;
    q->int8.m.net = q->net->graph;
    q->int8.m.jit = NULL;
    q->int8.m.info = q->int8.m.functions = NULL;
    for (int i = 0; i < count; i++) values[i] = dequantized(q, value_at(q->net, i)->made);
    const int status = show_net_values(q, &q->int8, values, count);
    if (status) return status;
    const nn_model_info *info = q->int8.m.info;
    q->int8.block = block_for_model(info);
    void *model = info->init(q->int8.block, 0, 0);
    set_integers(q, model);
    q->int8.model = model;
    return STATUS_OK;
}

/* ---- samples ---------------------------------------------------------------------------------------- */

/* The outputs of both nets for a sample; int8 is NULL where there is no such net yet. */
typedef void (*SampleVisitor)(Quantization *, const float *f32, const float *int8);

static void visit_batch(Quantization *q, const Batch *batch, SampleVisitor visit)
{
    ShownNet *both[2] = {&q->f32, &q->int8};
    const int runs = q->int8.model ? 2 : 1;
    for (int k = 0; k < runs; k++) both[k]->m.info->infer(both[k]->model, batch->x, both[k]->y, both[k]->scratch);
    for (int s = 0; s < batch->count; s++) {
        const float *row[2] = {NULL, NULL};
        for (int k = 0; k < runs; k++) row[k] = both[k]->y + (size_t)s * both[k]->m.info->outputs;
        visit(q, row[0], row[1]);
    }
    q->seen += batch->count;
}

static int visit_samples(Quantization *q, SampleVisitor visit)
{
    NnError error = {0};
    const int have = q->feeding.data->part[q->samples_part].count;
    const int wanted = q->request->samples < have ? (int)q->request->samples : have;
    Batcher *batcher = batcher_new_some(&q->feeding.feed, q->samples_part, q->f32.m.info->batch, wanted, &error);
    const Batch *batch;
    if (!batcher) return fail_error(&error);
    q->seen = 0;
    batcher_begin(batcher, 0);
    while ((batch = batcher_next(batcher))) visit_batch(q, batch, visit);
    const int failed = batcher_failed(batcher, &error);
    batcher_free(batcher);
    return failed ? fail_error(&error) : STATUS_OK;
}

static size_t value_size(const QuantizedNet *net, int i) { return (size_t)shape_count(value_at(net, i)->value->shape); }

static void see_ranges(Quantization *q, const float *f32, const float *int8)
{
    (void)int8;
    for (int i = 0; i < q->recorded->values.count; i++)
        q->bad += observer_range(&q->observers[i], f32 + q->f32.offset[i], value_size(q->recorded, i));
}

static void see_counts(Quantization *q, const float *f32, const float *int8)
{
    (void)int8;
    for (int i = 0; i < q->recorded->values.count; i++)
        observer_count(&q->observers[i], f32 + q->f32.offset[i], value_size(q->recorded, i));
}

static void add_errors(ValueError *e, Affine a, const float *f32, const float *int8, size_t count)
{
    const double least = a.scale * (-128.5 - a.zero), most = a.scale * (127.5 - a.zero);
    for (size_t i = 0; i < count; i++) {
        const double x = (double)f32[i], y = (double)int8[i], difference = x > y ? x - y : y - x;
        const int level = affine_quantize(a, y);
        e->signal += x * x;
        e->noise += difference * difference;
        if (difference > e->largest) e->largest = difference;
        e->ends += level == -128 || level == 127;
        e->cut += x < least || x > most;
    }
    e->count += (int64_t)count;
}

static void see_errors(Quantization *q, const float *f32, const float *int8)
{
    for (int i = 0; i < q->net->values.count; i++)
        if (q->twin[i] >= 0)
            add_errors(&q->errors[i], tensor_affine(value_at(q->net, i)->made), f32 + q->f32.offset[q->twin[i]],
                       int8 + q->int8.offset[i], value_size(q->net, i));
}

static void see_noise(Quantization *q, const float *f32, const float *int8)
{
    const int64_t count = shape_count(q->f32.m.net->output->shape);
    for (int64_t i = 0; i < count; i++) {
        const double difference = (double)f32[i] - (double)int8[i];
        q->noise += difference * difference;
    }
}

/* ---- scales --------------------------------------------------------------------------------------------- */

static bool no_scale_yet(void *user, const Tensor *value, Affine *a)
{
    (void)user, (void)value;
    *a = (Affine){1, 0};
    return true;
}

static const double *no_weight_scales_yet(void *user, const WeightRequest *r)
{
    const Quantization *q = user;
    double *ones = arena_alloc(q->arena, (size_t)r->shape.dim[0] * sizeof *ones);
    for (int64_t i = 0; i < r->shape.dim[0]; i++) ones[i] = 1;
    return ones;
}

static int observed_index(const Quantization *q, const Tensor *value)
{
    for (int i = 0; i < q->recorded->values.count; i++)
        if (value_at(q->recorded, i)->value == value) return i;
    return -1;
}

/* A branch of a concat has the scale of what it is joined to, as in TensorFlow Lite: it is copied then. */
static bool observed_scale(void *user, const Tensor *value, Affine *a)
{
    const Quantization *q = user;
    if (q->learned) {
        const Tensor *owner = simulated_owner(q->f32.m.net, q->recorded, value);
        return simulated_value_scale(q->weights.file, q->numbers, q->weights.path, owner->name, a);
    }
    for (const Tensor *joined = value; joined && observed_index(q, joined) >= 0; joined = q->recorded->joins[value->id])
        value = joined;
    int i = observed_index(q, value);
    /* One that another net of integers takes over as it is, at its scale. */
    while (i < 0) i = observed_index(q, value = value->producer->in[0]);
    *a = observer_scale(&q->observers[i], q->request->method);
    return true;
}

static const double *own_weight_scales(void *user, const WeightRequest *r)
{
    Quantization *q = user;
    const F32Model f32 = {q->f32.m.info, q->f32.model, q->numbers};
    const double *learned = NULL;
    if (q->learned && r->from) {
        learned = simulated_weight_scales(q->weights.file, q->numbers, q->weights.path, r->of->name, r->shape.dim[0]);
        if (!learned) return NULL;
    }
    const LayerNumbers *l = quantize_layer(&f32, r, learned);
    if (l) list_push(q->numbers, &q->layers, (LayerNumbers *)l);
    return l ? l->scale : NULL;
}

static bool is_kept(void *user, const Node *layer)
{
    const Quantization *q = user;
    for (int i = 0; i < q->kept.count; i++)
        if (strcmp(q->kept.at[i], layer->name) == 0) return true;
    return false;
}

int quantization_observe(Quantization *q)
{
    q->observers = arena_alloc(q->arena, (size_t)(q->recorded->values.count + 1) * sizeof *q->observers);
    if (q->learned) return STATUS_OK;
    int status = visit_samples(q, see_ranges);
    if (!status && q->bad) return fail(STATUS_INPUT, "%zu values of the net are not finite on these samples", q->bad);
    if (!status && q->request->method != CALIBRATE_RANGE) status = visit_samples(q, see_counts);
    return status;
}

/* ---- the int8 net ----------------------------------------------------------------------------------------- */

static void shown_free(ShownNet *s)
{
    model_free(&s->m);
    free(s->y);
    free(s->scratch);
    free(s->block);
    *s = (ShownNet){.model = NULL};
}

static void forget_int8(Quantization *q)
{
    shown_free(&q->int8);
    arena_free(q->numbers);
    q->numbers = NULL;
    q->layers = (List){0};
}

int quantization_scale(Quantization *q)
{
    forget_int8(q);
    q->numbers = arena_new();
    q->net = quantize_net(q->f32.m.net, &(QuantizeSource){q, observed_scale, own_weight_scales, is_kept, false});
    return q->net ? STATUS_OK : STATUS_INPUT;
}

int quantization_make(Quantization *q, bool values)
{
    const int status = quantization_scale(q);
    if (status) return status;
    q->twin = arena_alloc(q->arena, (size_t)(q->net->values.count + 1) * sizeof *q->twin);
    for (int i = 0; i < q->net->values.count; i++) q->twin[i] = observed_index(q, value_at(q->net, i)->value);
    return show_int8(q, values);
}

int quantization_errors(Quantization *q)
{
    q->errors = arena_alloc(q->arena, (size_t)(q->net->values.count + 1) * sizeof *q->errors);
    return visit_samples(q, see_errors);
}

int quantization_noise(Quantization *q)
{
    q->noise = 0;
    return visit_samples(q, see_noise);
}

/* ---- accuracy --------------------------------------------------------------------------------------------- */

typedef struct Judged {
    const Samples *samples;
    bool *right; /* by sample */
} Judged;

static void judge(void *user, int row, const float *y, const void *target, int predicted)
{
    const Judged *j = user;
    (void)y, (void)target;
    j->right[row] = predicted == j->samples->labels[row];
}

static int judge_all(const Quantization *q, const ShownNet *s, DataPart part, bool *right, NnScore *score)
{
    NnError error = {0};
    Judged j = {&q->feeding.data->part[part], right};
    return nn_evaluate(s->m.info, s->model, &q->feeding.feed, part, judge, &j, NULL, score, &error) ? fail_error(&error)
                                                                                                    : STATUS_OK;
}

bool quantization_is_judged(const Quantization *q)
{
    const Samples *samples = &q->feeding.data->part[q->judged_part];
    return samples->count && samples->labels &&
           nn_score_kind(q->f32.m.info, &q->feeding.feed, q->judged_part) == NN_SCORE_CLASS;
}

int quantization_agreement(Quantization *q, Agreement *a)
{
    const Samples *samples = &q->feeding.data->part[q->judged_part];
    NnScore before, after;
    bool *right = arena_alloc(q->numbers, 2 * (size_t)samples->count * sizeof *right),
         *right_after = right + samples->count;
    int status = judge_all(q, &q->f32, q->judged_part, right, &before);
    if (!status) status = judge_all(q, &q->int8, q->judged_part, right_after, &after);
    if (status) return status;
    *a = (Agreement){.part = dataset_part_name(q->judged_part),
                     .samples = before.judged,
                     .before = before.right,
                     .after = after.right,
                     .loss_before = before.loss,
                     .loss_after = after.loss};
    for (int i = 0; i < samples->count; i++) {
        a->lost += right[i] && !right_after[i];
        a->won += !right[i] && right_after[i];
    }
    return STATUS_OK;
}

/* ---- begin and end ------------------------------------------------------------------------------------------ */

int quantization_open(Quantization *q)
{
    q->recorded = quantize_net(q->f32.m.net, &(QuantizeSource){q, no_scale_yet, no_weight_scales_yet, NULL, false});
    if (!q->recorded->layers.count)
        return fail(STATUS_INPUT, "%s has no layer that can be in int8", q->f32.m.net->name);
    int status = show_f32(q);
    if (!status)
        status = feeding_open(&q->feeding, &q->f32.m, &q->request->data,
                              q->request->as_training ? NULL : q->weights.file, q->weights.path);
    if (status) return status;
    q->learned = simulated_is_of(q->weights.file) && !q->request->as_training;
    q->samples_part = q->feeding.data->part[DATA_TRAIN].count ? DATA_TRAIN : DATA_TEST;
    q->judged_part = q->feeding.data->part[DATA_VALID].count ? DATA_VALID : DATA_TEST;
    return STATUS_OK;
}

void quantization_close(Quantization *q)
{
    feeding_close(&q->feeding);
    weighted_close(&q->weights);
    forget_int8(q);
    shown_free(&q->f32);
}
