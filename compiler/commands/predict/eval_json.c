/*
 * An object: count, loss; accuracy, top5, classes, confusion and calibration, or labels, or values.
 */
#include "commands/predict/eval_json.h"

#include <math.h>

static json_t *json_share(int64_t part, int64_t whole)
{
    return whole ? json_real((double)part / (double)whole) : json_null();
}

static int64_t cell_of(const EvalResults *r, int truth, int predicted)
{
    return r->confusion[(size_t)truth * (size_t)r->data->class_count + (size_t)predicted];
}

static json_t *class_entry(const EvalResults *r, int class)
{
    char buffer[16];
    int64_t taken = 0, samples = 0;
    for (int other = 0; other < r->data->class_count; other++) {
        taken += cell_of(r, other, class);
        samples += cell_of(r, class, other);
    }
    const int64_t right = cell_of(r, class, class);
    return json_pack("{ss si sI so so so}", "name", dataset_class_name(r->data, class, buffer), "index", class, "count",
                     (json_int_t)samples, "precision", json_share(right, taken), "recall", json_share(right, samples),
                     "iou", json_share(right, taken + samples - right));
}

static json_t *confusion_rows(const EvalResults *r)
{
    json_t *rows = json_array();
    for (int truth = 0; truth < r->data->class_count; truth++) {
        json_t *row = json_array();
        for (int c = 0; c < r->data->class_count; c++)
            json_array_append_new(row, json_integer((json_int_t)cell_of(r, truth, c)));
        json_array_append_new(rows, row);
    }
    return rows;
}

static void put_classes(json_t *object, const EvalResults *r)
{
    json_t *classes = json_array();
    for (int c = 0; c < r->data->class_count; c++) json_array_append_new(classes, class_entry(r, c));
    json_object_set_new(object, "judged", json_integer((json_int_t)r->score->judged));
    json_object_set_new(object, "accuracy", json_share(r->score->right, r->score->judged));
    if (r->score->kind == NN_SCORE_CLASS)
        json_object_set_new(object, "top5", json_share(r->score->top5, r->score->judged));
    json_object_set_new(object, "classes", classes);
    json_object_set_new(object, "confusion", confusion_rows(r));
    if (r->calibration) json_object_set_new(object, "calibration", calibration_json(r->calibration));
}

static void put_labels(json_t *object, const EvalResults *r)
{
    json_t *labels = json_array();
    for (size_t i = 0; i < r->outputs; i++) {
        const int64_t(*n)[2] = r->labels[i];
        json_array_append_new(labels,
                              json_pack("{si sI so so so}", "index", (int)i, "count", (json_int_t)(n[1][0] + n[1][1]),
                                        "accuracy", json_share(n[0][0] + n[1][1], r->score->count), "precision",
                                        json_share(n[1][1], n[0][1] + n[1][1]), "recall",
                                        json_share(n[1][1], n[1][0] + n[1][1])));
    }
    json_object_set_new(object, "accuracy", json_share(r->score->right, r->score->judged));
    json_object_set_new(object, "all_labels", json_share(r->score->whole, r->score->count));
    json_object_set_new(object, "labels", labels);
}

static void put_values(json_t *object, const EvalResults *r)
{
    const double count = (double)r->score->count;
    json_t *values = json_array();
    for (size_t i = 0; i < r->outputs; i++)
        json_array_append_new(values, json_pack("{sf sf}", "mean_absolute_error", r->absolute[i] / count,
                                                "root_mean_square_error", sqrt(r->square[i] / count)));
    json_object_set_new(object, "values", values);
}

static void put_losses(json_t *object, const NnScore *score)
{
    json_t *losses = json_array();
    for (int i = 0; i < score->loss_count; i++) {
        const nn_loss_info *loss = &score->loss_list[i];
        json_array_append_new(losses, json_pack("{ss ss sf sf}", "name", loss->name, "loss", loss->loss, "weight",
                                                loss->weight, "value", score->losses[i]));
    }
    json_object_set_new(object, "losses", losses);
}

void eval_print_json(const EvalResults *r)
{
    json_t *object = json_pack("{ss sI so}", "net", r->info->name, "count", (json_int_t)r->score->count, "loss",
                               isfinite(r->score->loss) ? json_real(r->score->loss) : json_null());
    if (r->score->loss_count) put_losses(object, r->score);
    if (r->confusion)
        put_classes(object, r);
    else if (r->labels)
        put_labels(object, r);
    else if (r->absolute)
        put_values(object, r);
    json_dumpf(object, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(object);
}
