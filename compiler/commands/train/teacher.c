/*
 * A teacher: loaded, compared with its student, and asked.
 *
 * Enters: a train section's teacher(…), the student and its data.  Leaves: a feed that asks the
 * teacher for the scores of each batch, or the reason why the two do not go together.
 */
#include "commands/train/teacher.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- errors --------------------------------------------------------------------------- */

/* At teacher(…) in the student's source. */
PRINTF_LIKE(3, 4)
static int wrong_teacher(const Model *student, const LoadOptions *o, const char *format, ...)
{
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    diag_error(student->c, student->spec->teacher.span, "teacher: %s", text);
    return load_status(o);
}

/* ---- whether it suits the student --------------------------------------------------------- */

static const char *shape_of(const Model *student, Shape shape) { return shape_text(student->c->arena, shape); }

static int check_shapes(const Teacher *t, const Model *student, const LoadOptions *o)
{
    const Graph *own = student->net, *other = t->m.net;
    const Shape in = net_input_shape(own), teacher_in = net_input_shape(other);
    const Shape out = own->output->shape, teacher_out = other->output->shape;
    if (!shape_equal(in, teacher_in))
        return wrong_teacher(student, o, "%s takes %s, the net %s", other->name, shape_of(student, teacher_in),
                             shape_of(student, in));
    if (!shape_equal(out, teacher_out))
        return wrong_teacher(student, o, "the results of %s are %s, those of the net %s", other->name,
                             shape_of(student, teacher_out), shape_of(student, out));
    if (other->outputs.count)
        return wrong_teacher(student, o, "%s has several outputs; a teacher has one", other->name);
    return STATUS_OK;
}

static bool is_close(float x, float y) { return fabsf(x - y) <= 1e-5f * fmaxf(1, fabsf(x)); }

static bool same_normalization(const Fitting *a, const Fitting *b)
{
    for (size_t i = 0; i < a->elements; i++) {
        const int in_a = fitting_channel(a, i), in_b = fitting_channel(b, i);
        if (!is_close(a->mean ? a->mean[in_a] : 0, b->mean ? b->mean[in_b] : 0) ||
            !is_close(a->std ? a->std[in_a] : 1, b->std ? b->std[in_b] : 1))
            return false;
    }
    return true;
}

/* Its inputs are the student's: they have to be normalised as it was trained. */
static int check_inputs(const Teacher *t, const Model *student, const LoadOptions *o, const Fitting *own)
{
    NnError error = {0};
    Fitting taught = {0};
    const char *path = student->spec->teacher.weights;
    if (!nn_tensors_metadata(t->weights.file, "net")) return STATUS_OK; /* from elsewhere: nothing is known */
    int failed = feeding_fit(&taught, &t->m, t->weights.file, path, &error);
    const bool same = !failed && same_normalization(own, &taught);
    fitting_free(&taught);
    if (failed) return wrong_teacher(student, o, "%s", error.text);
    if (same) return STATUS_OK;
    return wrong_teacher(student, o,
                         "%s was trained on inputs that were normalised in another way than the net's; give its "
                         "numbers in the train section: normalize mean=[...] std=[...]",
                         path);
}

static int check_class_names(const Teacher *t, const Model *student, const LoadOptions *o, Dataset *data)
{
    NnError error = {0};
    if (!nn_weights_classes(t->weights.file, student->spec->teacher.weights, data, &error)) return STATUS_OK;
    return wrong_teacher(student, o, "%s", error.text);
}

/* ---- loading -------------------------------------------------------------------------------- */

static int load_teacher_net(Teacher *t, const Model *student, const LoadOptions *o)
{
    const TeacherSpec *spec = &student->spec->teacher;
    t->load.path = source_relative(student->c, spec->span, spec->path);
    t->load.net = spec->net;
    t->load.threads = o->threads;
    t->load.batch = student->batch;
    if (access(t->load.path, R_OK))
        return wrong_teacher(student, o, "cannot read %s: %s", t->load.path, strerror(errno));
    int status = load_net(&t->load, &t->m);
    if (status) return wrong_teacher(student, o, "%s has errors", spec->path);
    status = check_shapes(t, student, o);
    return status ? status : load_code(&t->load, &t->m);
}

/* In the order of the file, with their names. */
static uint64_t hash_weights(const NnTensors *file)
{
    uint64_t hash = HASH_START;
    for (int i = 0; i < nn_tensors_count(file); i++) {
        const NnTensor *tensor = nn_tensors_at(file, i);
        hash = hash_bytes(hash, tensor->name, strlen(tensor->name) + 1);
        if (tensor->data) hash = hash_bytes(hash, tensor->data, tensor->count * nn_type_size(tensor->type));
    }
    return hash;
}

static int load_teacher_weights(Teacher *t, const Model *student, const LoadOptions *o)
{
    NnError error = {0};
    const nn_model_info *info = t->m.info;
    const TeacherSpec *spec = &student->spec->teacher;
    WeightedModel *w = &t->weights;
    w->path = source_relative(student->c, spec->span, spec->weights);
    w->file = nn_tensors_open(w->path, &error);
    if (!w->file) return wrong_teacher(student, o, "%s", error.text);
    w->block = block_alloc(info->model_bytes);
    w->model = info->init(w->block, 0, 0);
    if (nn_weights_load(info, w->model, w->file, w->path, NN_LOAD_ALL, NULL, &error))
        return wrong_teacher(student, o, "%s", error.text);
    t->hash = hash_weights(w->file);
    t->scratch = block_alloc(info->infer_scratch);
    return STATUS_OK;
}

/* ---- asking ------------------------------------------------------------------------------------ */

static void ask_teacher(void *teacher, const float *x, float *scores)
{
    const Teacher *t = teacher;
    const nn_model_info *info = t->m.info;
    const size_t count = (size_t)info->batch * info->outputs;
    info->infer(t->weights.model, x, scores, t->scratch);
    for (size_t i = 0; t->probabilities && i < count; i++) scores[i] = logf(scores[i]);
}

int teacher_open(Teacher *t, const Model *student, const LoadOptions *o, Feeding *feeding)
{
    if (!student->spec->teacher.path) return STATUS_OK;
    load_options_init(&t->load);
    int status = load_teacher_net(t, student, o);
    if (!status) status = load_teacher_weights(t, student, o);
    if (!status) status = check_inputs(t, student, o, &feeding->fitting);
    if (!status) status = check_class_names(t, student, o, feeding->data);
    if (status) return status;
    const Node *last = t->m.net->output->producer;
    t->probabilities = last && last->op->meaning == OUTPUT_PROBABILITIES;
    feeding->feed.teach = ask_teacher;
    feeding->feed.teacher = t;
    return STATUS_OK;
}

void teacher_close(Teacher *t)
{
    if (!t->load.compilation) return;
    free(t->scratch);
    weighted_close(&t->weights);
    model_free(&t->m);
    load_options_free(&t->load);
}
