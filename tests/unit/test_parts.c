/*
 * Parts of a data set: who is drawn into them, and that nobody is lost.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/data/parts.h"
#include "tests/unit/files.h"
#include "tests/unit/suites.h"

enum { ROWS = 1000, CLASSES = 3 };

/* Classes of about 1/2, 1/3 and 1/6 of the rows; the first value of a row is its number. */
static int class_of_row(int row) { return row % 6 < 3 ? 0 : row % 6 < 5 ? 1 : 2; }

static Dataset *make_set(int rows)
{
    Dataset *data = calloc(1, sizeof *data);
    Samples *train = &data->part[DATA_TRAIN];
    data->path = strdup("made");
    data->rank = 1;
    data->dims[0] = 2;
    data->elements = 2;
    data->target_count = 1;
    data->class_count = CLASSES;
    train->count = rows;
    train->values = calloc((size_t)rows * 2, sizeof(float));
    train->labels = calloc((size_t)rows, sizeof(int32_t));
    for (int i = 0; i < rows; i++) {
        train->values[2 * i] = (float)i;
        train->labels[i] = class_of_row(i);
    }
    return data;
}

/* Rows of a part are in order, of the right class, and nobody else's; *seen gets them. */
static void check_rows(const Dataset *data, DataPart part, int *seen, int per_class[CLASSES])
{
    const Samples *s = &data->part[part];
    memset(per_class, 0, CLASSES * sizeof *per_class);
    for (int i = 0; i < s->count; i++) {
        const int row = (int)s->values[2 * i];
        ck_assert(i == 0 || row > (int)s->values[2 * i - 2]);
        ck_assert_int_eq(s->labels[i], class_of_row(row));
        ck_assert_int_eq(seen[row]++, 0);
        per_class[s->labels[i]]++;
    }
}

/* 1000 rows have 501, 333 and 166: of 100, 50, 33 and 17 (the largest remainder of 0.1, 0.3 and 0.6). */
START_TEST(validation_is_drawn_by_class)
{
    NnError error = {0};
    Dataset *data = make_set(ROWS), *same = make_set(ROWS), *other = make_set(ROWS);
    int seen[ROWS] = {0}, per_class[CLASSES];
    ck_assert_int_eq(dataset_cut_valid(data, 0.1, 7, &error), 0);
    ck_assert_int_eq(dataset_cut_valid(same, 100, 7, &error), 0);
    ck_assert_int_eq(dataset_cut_valid(other, 0.1, 8, &error), 0);
    ck_assert_int_eq(data->part[DATA_VALID].count, 100);
    ck_assert_int_eq(data->part[DATA_TRAIN].count, 900);
    check_rows(data, DATA_VALID, seen, per_class);
    ck_assert(per_class[0] == 50 && per_class[1] == 33 && per_class[2] == 17);
    check_rows(data, DATA_TRAIN, seen, per_class);
    const size_t bytes = 100 * 2 * sizeof(float);
    ck_assert_mem_eq(data->part[DATA_VALID].values, same->part[DATA_VALID].values, bytes);
    ck_assert(memcmp(data->part[DATA_VALID].values, other->part[DATA_VALID].values, bytes) != 0);
    ck_assert_uint_eq(dataset_fingerprint(data), dataset_fingerprint(same));
    ck_assert_uint_ne(dataset_fingerprint(data), dataset_fingerprint(other));
    dataset_free(data);
    dataset_free(same);
    dataset_free(other);
}
END_TEST

START_TEST(validation_leaves_training)
{
    NnError error = {0};
    Dataset *data = make_set(4);
    ck_assert_int_eq(dataset_cut_valid(data, 4, 1, &error), -1);
    ck_assert_has(error.text, "the training part has 4 samples; 4 of them cannot be for validation");
    ck_assert_int_eq(dataset_split(data, &error), 0); /* shares its rows */
    ck_assert(data->shared);
    ck_assert_int_eq(dataset_cut_valid(data, 0.1, 1, &error), 0); /* one at least */
    ck_assert(data->part[DATA_TRAIN].count == 3 && data->part[DATA_VALID].count == 1);
    ck_assert(!data->shared && data->part[DATA_TEST].count == 4 && data->part[DATA_TEST].values[6] == 3);
    dataset_free(data);
}
END_TEST

START_TEST(limits_keep_shares)
{
    NnError error = {0};
    Dataset *data = make_set(ROWS);
    int seen[ROWS] = {0}, per_class[CLASSES];
    ck_assert_int_eq(dataset_split(data, &error), 0);
    ck_assert(data->part[DATA_TEST].count == 200 && data->part[DATA_TEST].values[0] == 4);
    ck_assert_int_eq(dataset_limit(data, 60, 3, &error), 0);
    ck_assert(data->part[DATA_TRAIN].count == 60 && data->part[DATA_TEST].count == 60);
    check_rows(data, DATA_TRAIN, seen, per_class);
    ck_assert(per_class[0] == 30 && per_class[1] == 20 && per_class[2] == 10);
    check_rows(data, DATA_TEST, seen, per_class);
    ck_assert(per_class[0] == 30 && per_class[1] == 20 && per_class[2] == 10);
    dataset_free(data);
}
END_TEST

START_TEST(classes_are_renumbered)
{
    static const struct {
        const char *list, *error;
    } wrong[] = {{"0,7", "no class '7'; it has 3"}, {"1,1", "'1' is there twice"}, {",", "names no class"}};
    NnError error = {0};
    Dataset *data = make_set(ROWS);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_int_eq(dataset_choose(data, wrong[i].list, &error), -1);
        ck_assert_has(error.text, wrong[i].error);
    }
    data->part[DATA_TRAIN].labels[0] = NO_CLASS;
    ck_assert_int_eq(dataset_choose(data, "2,0", &error), 0);
    ck_assert(data->class_count == 2 && !strcmp(data->class_names[0], "2") && !strcmp(data->class_names[1], "0"));
    ck_assert_int_eq(data->part[DATA_TRAIN].count, 166 + 501 - 1); /* row 0 has no class */
    for (int i = 0; i < data->part[DATA_TRAIN].count; i++)
        ck_assert_int_eq(data->part[DATA_TRAIN].labels[i],
                         class_of_row((int)data->part[DATA_TRAIN].values[2 * i]) == 2 ? 0 : 1);
    ck_assert_int_eq(dataset_choose(data, "0", &error), 0); /* by their names */
    ck_assert(data->class_count == 1 && data->part[DATA_TRAIN].count > 166);
    dataset_free(data);
}
END_TEST

/* valid.csv, x_valid.npy and the like; what serves as the test part is not one for validation, too. */
START_TEST(files_for_validation)
{
    NnError error = {0};
    write_text("train.csv", "1,2,a\n3,4,b\n5,6,a\n");
    write_text("test.csv", "7,8,b\n");
    write_text("valid.csv", "9,10,c\n11,12,a\n");
    Dataset *data = dataset_open(folder, &(DatasetOptions){0}, &error);
    ck_assert_msg(data != NULL, "%s", error.text);
    ck_assert(data->class_count == 3 && data->part[DATA_TRAIN].count == 3 && data->part[DATA_TEST].count == 1);
    ck_assert(data->part[DATA_VALID].count == 2 && data->part[DATA_VALID].values[1] == 10);
    ck_assert(data->part[DATA_VALID].labels[0] == 2 && data->part[DATA_VALID].labels[1] == 0);
    dataset_free(data);
}
END_TEST

Suite *parts_suite(void)
{
    Suite *suite = suite_create("parts");
    TCase *tcase = tcase_create("parts");
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_add_test(tcase, validation_is_drawn_by_class);
    tcase_add_test(tcase, validation_leaves_training);
    tcase_add_test(tcase, limits_keep_shares);
    tcase_add_test(tcase, classes_are_renumbered);
    tcase_add_test(tcase, files_for_validation);
    suite_add_tcase(suite, tcase);
    return suite;
}
