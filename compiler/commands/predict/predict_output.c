/*
 * Predictions, printed.
 */
#include "commands/predict/predict_output.h"

#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report_table.h"
#include "runtime/core/text.h"
#include "runtime/train/train.h"

/* ---- what outputs mean ----------------------------------------------------------------- */

OutputMeaning net_meaning(const Model *m)
{
    const Tensor *y = m->net->output;
    if (y->producer && y->producer->op->meaning) return y->producer->op->meaning;
    return m->spec ? m->spec->loss.op->meaning : OUTPUT_VALUES;
}

OutputMeaning output_meaning(const Model *m)
{
    return m->net->output->shape.rank == 1 ? net_meaning(m) : OUTPUT_VALUES;
}

bool output_has_other_classes(const Model *m, const NnTensors *weights)
{
    const char *text = nn_tensors_metadata(weights, "classes");
    json_t *names = text ? json_loads(text, 0, NULL) : NULL;
    const bool other = names && (int64_t)json_array_size(names) < shape_count(m->net->output->shape);
    json_decref(names);
    return other && output_meaning(m) != OUTPUT_VALUES;
}

int output_class_names(const Model *m, const NnTensors *weights, const char *path, char *const **names, int *count,
                       NnError *error)
{
    const int64_t outputs = shape_count(m->net->output->shape);
    Dataset classes = {.class_count = (int)(output_meaning(m) == OUTPUT_VALUES ? 0 : outputs == 1 ? 2 : outputs)};
    const int wanted = classes.class_count, failed = nn_weights_classes(weights, path, &classes, error);
    char **kept = arena_alloc(m->c->arena, (size_t)(classes.class_count + 1) * sizeof *kept);
    for (int i = 0; classes.class_names && i < classes.class_count; i++) {
        kept[i] = arena_strdup(m->c->arena, classes.class_names[i] ? classes.class_names[i] : "");
        free(classes.class_names[i]);
    }
    *names = classes.class_names && classes.class_count == wanted ? kept : NULL;
    *count = wanted;
    free(classes.class_names);
    return failed;
}

int output_classes(OutputMeaning meaning, const float *y, size_t outputs, OutputClass *classes)
{
    static_assert((int)OUTPUT_EACH_LOGIT == (int)NN_MEANS_EACH_LOGIT, "both have the same order");
    return nn_classes((int)meaning, y, outputs, classes);
}

static const char *class_text(char *const *names, int index, char buffer[16])
{
    if (names) return names[index];
    snprintf(buffer, 16, "%d", index);
    return buffer;
}

/* ---- text -------------------------------------------------------------------------------- */

static void text_number(FILE *out, bool score, double value)
{
    fprintf(out, score ? "%.6g" : "%.2f %%", (score ? 1 : 100) * nn_shown(value));
}

/* cat.png  cat 97.31 %, dog 1.40 % (is dog) */
static void text_classes(FILE *out, const Prediction *p)
{
    char buffer[16];
    for (int i = 0; i < p->class_count; i++) {
        fprintf(out, "%s %s ", i ? "," : "", class_text(p->names, p->classes[i].index, buffer));
        text_number(out, p->scores, p->classes[i].value);
    }
    if (p->truth < 0) return;
    fprintf(out, "  (is %s, ", class_text(p->names, p->truth, buffer));
    text_number(out, p->scores, p->truth_value);
    putc(')', out);
}

static void text_values(FILE *out, const Prediction *p)
{
    double least = INFINITY, most = -INFINITY;
    size_t nans = 0;
    for (size_t i = 0; i < p->outputs; i++) {
        if (!p->brief) fprintf(out, " %.9g", nn_shown((double)p->y[i]));
        least = fmin(least, (double)p->y[i]);
        most = fmax(most, (double)p->y[i]);
        nans += isnan(p->y[i]) != 0;
    }
    if (!p->brief) return;
    fprintf(out, " %zu values", p->outputs);
    if (nans < p->outputs) fprintf(out, " from %.6g to %.6g", least, most);
    if (nans) fprintf(out, ", %zu of them nan", nans);
}

static void text_sample(FILE *out, int number, const Prediction *p)
{
    (void)number;
    fprintf(out, "%s ", p->file);
    if (p->classes)
        text_classes(out, p);
    else
        text_values(out, p);
    putc('\n', out);
}

static void end_nothing(FILE *out, int count)
{
    (void)out;
    (void)count;
}

/* ---- CSV --------------------------------------------------------------------------------- */

static void csv_heading(FILE *out, const Prediction *p)
{
    const char *value = p->scores ? "score" : "probability";
    fputs("file", out);
    for (int i = 0; i < p->class_count; i++) {
        if (i == 0)
            fprintf(out, ",class,%s", value);
        else
            fprintf(out, ",class_%d,%s_%d", i + 1, value, i + 1);
    }
    if (p->classes && p->truth != -1) fprintf(out, ",truth,truth_%s", value);
    for (size_t i = 0; !p->classes && i < p->outputs; i++) fprintf(out, ",y%zu", i + 1);
    fputs("\r\n", out);
}

static void csv_class(FILE *out, const Prediction *p, int index, double value)
{
    char buffer[16];
    putc(',', out);
    csv_put_field(class_text(p->names, index, buffer), out);
    fprintf(out, ",%.9g", nn_shown(value));
}

static void csv_sample(FILE *out, int number, const Prediction *p)
{
    if (number == 0) csv_heading(out, p);
    csv_put_field(p->file, out);
    for (int i = 0; i < p->class_count; i++) csv_class(out, p, p->classes[i].index, p->classes[i].value);
    if (p->classes && p->truth >= 0)
        csv_class(out, p, p->truth, p->truth_value);
    else if (p->classes && p->truth != -1)
        fputs(",,", out);
    for (size_t i = 0; !p->classes && i < p->outputs; i++) fprintf(out, ",%.9g", nn_shown((double)p->y[i]));
    fputs("\r\n", out);
}

/* ---- JSON: a list of objects, one to a line ------------------------------------------------- */

static json_t *json_number(double value) { return isfinite(value) ? json_real(value) : json_null(); }

static json_t *json_class(const Prediction *p, int index, double value)
{
    char buffer[16];
    json_t *entry = json_object();
    json_object_set_new(entry, "name", nn_json_text(class_text(p->names, index, buffer)));
    json_object_set_new(entry, "index", json_integer(index));
    json_object_set_new(entry, p->scores ? "score" : "probability", json_number(value));
    return entry;
}

static void json_sample(FILE *out, int number, const Prediction *p)
{
    json_t *object = json_object(), *list = json_array();
    for (int i = 0; i < p->class_count; i++)
        json_array_append_new(list, json_class(p, p->classes[i].index, p->classes[i].value));
    for (size_t i = 0; !p->classes && i < p->outputs; i++) json_array_append_new(list, json_number((double)p->y[i]));
    json_object_set_new(object, "file", nn_json_text(p->file));
    json_object_set_new(object, p->classes ? "classes" : "values", list);
    if (p->classes && p->truth >= 0) json_object_set_new(object, "truth", json_class(p, p->truth, p->truth_value));
    fputs(number ? ",\n " : "[\n ", out);
    json_dumpf(object, out, JSON_REAL_PRECISION(9));
    json_decref(object);
}

static void json_end(FILE *out, int count) { fputs(count ? "\n]\n" : "[]\n", out); }

static const PredictionFormat formats[] = {
    {"text", text_sample, end_nothing},
    {"csv", csv_sample, end_nothing},
    {"json", json_sample, json_end},
};

const PredictionFormat *prediction_format(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(formats[i].name, name) == 0) return &formats[i];
    return NULL;
}
