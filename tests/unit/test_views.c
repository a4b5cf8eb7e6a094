/*
 * Windows of an image for test-time augmentation.
 */
#include <check.h>
#include <string.h>

#include "runtime/train/views.h"
#include "tests/unit/files.h"

/* An image of 3x4 whose elements are their numbers, seen by a net of 2x2. */
static const float image[2][12] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
                                   {20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}};

static NnViews views_of(NnViewKind kind)
{
    NnViews v = {.kind = kind, .dims = {1, 2, 2}};
    v.fitting.to[1] = 3;
    v.fitting.to[2] = 4;
    return v;
}

START_TEST(crops_are_corners_and_centre_and_mirrored)
{
    static const int first[] = {0, 2, 4, 6, 1}; /* corners in the order of reading, and the centre */
    const NnViews v = views_of(NN_VIEWS_CROPS);
    ck_assert_int_eq(views_count(&v), 10);
    for (int view = 0; view < 10; view++) {
        float out[8];
        views_cut(&v, view, 2, image[0], out);
        for (int sample = 0; sample < 2; sample++)
            for (int row = 0; row < 2; row++)
                for (int column = 0; column < 2; column++) {
                    const int from = view % 2 ? 1 - column : column;
                    near((double)out[sample * 4 + row * 2 + column], 20 * sample + first[view / 2] + 4 * row + from, 0);
                }
    }
}
END_TEST

START_TEST(one_view_is_the_image)
{
    NnViews v = {.kind = NN_VIEWS_FLIP, .dims = {1, 3, 4}};
    memcpy(v.fitting.to, v.dims, sizeof v.dims);
    float out[12];
    ck_assert_int_eq(views_count(&v), 2);
    views_cut(&v, 0, 1, image[1], out);
    ck_assert_int_eq(memcmp(out, image[1], sizeof out), 0);
    views_cut(&v, 1, 1, image[1], out);
    near((double)out[0], 23, 0);
    near((double)out[11], 28, 0);
}
END_TEST

/* The input is 8/7 as large, rounded up; images that are cropped have no more than they have. */
START_TEST(sizes_of_what_is_cropped)
{
    static const int net[] = {32, 224, 7, 1}, larger[] = {37, 256, 8, 2};
    for (int i = 0; i < COUNT(net); i++) {
        Fitting f = {.rank = 3, .to = {3, net[i], net[i]}, .from = {3, 500, 500}};
        const Feed feed = {.kind = FEED_LABELS, .fitting = &f};
        NnViews v;
        NnError error = {0};
        ck_assert_int_eq(nn_views_init(&v, NN_VIEWS_CROPS, 0, 10, &feed, &error), 0);
        ck_assert_int_eq(v.fitting.to[1], larger[i]);
        ck_assert_uint_eq(v.fitting.elements, 3 * (size_t)larger[i] * (size_t)larger[i]);
        ck_assert_ptr_eq(v.feed.fitting, &v.fitting);
        f.fit = NN_FIT_CROP;
        f.from[1] = f.from[2] = net[i];
        ck_assert_int_eq(nn_views_init(&v, NN_VIEWS_CROPS, 0, 10, &feed, &error), -1);
        ck_assert_has(error.text, "nothing to crop from");
    }
}
END_TEST

START_TEST(pixels_with_targets_have_one_view)
{
    const Fitting f = {.rank = 3, .to = {1, 8, 8}, .from = {1, 8, 8}};
    const Feed feed = {.kind = FEED_MAP, .fitting = &f};
    NnViews v;
    NnError error = {0};
    ck_assert_int_eq(nn_views_init(&v, NN_VIEWS_ONE, 0, 10, &feed, &error), 0);
    ck_assert_int_eq(nn_views_init(&v, NN_VIEWS_FLIP, 0, 10, &feed, &error), -1);
    ck_assert_has(error.text, "belong to pixels");
}
END_TEST

Suite *views_suite(void)
{
    Suite *suite = suite_create("views");
    TCase *views = tcase_create("views");
    tcase_add_test(views, crops_are_corners_and_centre_and_mirrored);
    tcase_add_test(views, one_view_is_the_image);
    tcase_add_test(views, sizes_of_what_is_cropped);
    tcase_add_test(views, pixels_with_targets_have_one_view);
    suite_add_tcase(suite, views);
    return suite;
}
