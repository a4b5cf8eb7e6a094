/*
 * Pictures: pixels and text, sizes, files, and the frames of a contact sheet.
 */
#include "commands/predict/predict_sheet.h"

#include <stdlib.h>

#include "commands/pictures/canvas.h"
#include "runtime/data/decode.h"
#include "tests/unit/files.h"
#include "tests/unit/suites.h"

static const Color black = {0, 0, 0}, white = {255, 255, 255}, blue = {10, 20, 200};

static Arena *arena;

static void make_arena(void)
{
    make_folder();
    arena = arena_new();
}

static void remove_arena(void)
{
    arena_free(arena);
    remove_folder();
}

static Color at(const Canvas *c, int x, int y) { return c->pixels[y * c->width + x]; }

static void is_color(Color have, Color want)
{
    ck_assert_int_eq(have.r, want.r);
    ck_assert_int_eq(have.g, want.g);
    ck_assert_int_eq(have.b, want.b);
}

static int painted(const Canvas *c, Color background)
{
    int count = 0;
    for (int i = 0; i < c->width * c->height; i++)
        count += c->pixels[i].r != background.r || c->pixels[i].g != background.g || c->pixels[i].b != background.b;
    return count;
}

START_TEST(what_is_outside_is_cut_off)
{
    Canvas *c = canvas_new(arena, 4, 3, white), *other = canvas_new(arena, 3, 3, blue);
    canvas_fill(c, -5, 1, 7, 1, black);
    ck_assert_int_eq(painted(c, white), 2);
    is_color(at(c, 1, 1), black);
    canvas_draw(c, 3, -2, other);
    ck_assert_int_eq(painted(c, white), 3);
    is_color(at(c, 3, 0), blue);
    canvas_draw(c, -3, 0, other);
    canvas_text(c, 4, 3, 2, black, "outside");
    ck_assert_int_eq(painted(c, white), 3);
}
END_TEST

/* From either end, along either axis, slanted, and a single point. */
START_TEST(lines_are_drawn)
{
    Canvas *c = canvas_new(arena, 9, 9, white);
    canvas_line(c, 1, 1, 7, 4, 1, black);
    ck_assert_int_eq(painted(c, white), 7);
    is_color(at(c, 1, 1), black);
    is_color(at(c, 3, 2), black);
    is_color(at(c, 7, 4), black);
    canvas_line(c, 7, 4, 1, 1, 1, black);
    canvas_line(c, 4, 6, 4, 6, 1, black);
    ck_assert_int_eq(painted(c, white), 8);
    canvas_fill(c, 0, 0, 9, 9, white);
    canvas_line(c, 2, 8, 2, -3, 3, black); /* three columns, cut at the top */
    ck_assert_int_eq(painted(c, white), 27);
}
END_TEST

/* A capital L is a column of seven pixels and a row of five that share one. */
START_TEST(text_is_drawn)
{
    Canvas *c = canvas_new(arena, 20, 20, white);
    canvas_text(c, 2, 1, 1, black, "L");
    for (int i = 0; i < 7; i++) is_color(at(c, 2, 1 + i), black);
    for (int i = 0; i < 5; i++) is_color(at(c, 2 + i, 7), black);
    ck_assert_int_eq(painted(c, white), 11);
    canvas_fill(c, 0, 0, 20, 20, white);
    canvas_text(c, 0, 0, 2, black, " L");
    is_color(at(c, 2 * GLYPH_WIDTH, 0), black);
    ck_assert_int_eq(painted(c, white), 4 * 7 + 3 * 4); /* cut at the right edge */
}
END_TEST

START_TEST(characters_are_counted)
{
    ck_assert_int_eq(text_characters("h\xc3\xa9llo \xe7\x8c\xab"), 7);
    ck_assert_int_eq(text_bytes("h\xc3\xa9llo", 2), 3);
    ck_assert_int_eq(text_bytes("ab", 5), 2);
    ck_assert_int_eq(text_characters("\xff\xc3"), 2); /* no UTF-8 */
}
END_TEST

START_TEST(sizes_change_by_whole_factors)
{
    Canvas *c = canvas_new(arena, 2, 1, white);
    c->pixels[1] = blue;
    Canvas *large = canvas_scaled(arena, c, 7);
    ck_assert_int_eq(large->width, 6);
    ck_assert_int_eq(large->height, 3);
    is_color(at(large, 2, 2), white);
    is_color(at(large, 3, 0), blue);
    Canvas *small = canvas_scaled(arena, large, 2);
    ck_assert_int_eq(small->width, 2);
    is_color(at(small, 1, 0), blue);
    c->pixels[1] = black;
    is_color(at(canvas_scaled(arena, c, 1), 0, 0), (Color){127, 127, 127});
}
END_TEST

/* [3][H][W] of a file in the folder. */
static uint8_t *decode(const char *name, ImageHead *head)
{
    NnError error = {0};
    ck_assert_int_eq(image_head(in_folder(name), head, &error), 0);
    uint8_t *planes = malloc(3 * (size_t)head->width * (size_t)head->height);
    ck_assert_int_eq(image_decode(in_folder(name), head, 3, planes, &error), 0);
    return planes;
}

static bool has_pixel(const uint8_t *planes, const ImageHead *h, int x, int y, int r, int g, int b)
{
    const size_t area = (size_t)h->width * (size_t)h->height, i = (size_t)y * (size_t)h->width + (size_t)x;
    return planes[i] == r && planes[area + i] == g && planes[2 * area + i] == b;
}

START_TEST(a_file_has_the_pixels)
{
    ImageHead head;
    Canvas *c = canvas_new(arena, 5, 3, white);
    c->pixels[7] = blue;
    ck_assert_int_eq(canvas_write(c, in_folder("a.png")), 0);
    uint8_t *planes = decode("a.png", &head);
    ck_assert_int_eq(head.width, 5);
    ck_assert_int_eq(head.height, 3);
    ck_assert(has_pixel(planes, &head, 2, 1, 10, 20, 200));
    ck_assert(has_pixel(planes, &head, 1, 1, 255, 255, 255));
    free(planes);
}
END_TEST

/* ---- contact sheets -------------------------------------------------------------------- */

static void add_digit(Sheet *s, int predicted, int truth)
{
    const OutputClass classes[] = {{predicted, 0.75}};
    const Prediction p = {.file = "a/b.png", .classes = classes, .class_count = 1, .truth = truth};
    sheet_add(s, &p, canvas_new(arena, 28, 28, blue), NULL);
}

START_TEST(frames_tell_right_from_wrong)
{
    static const int red[3] = {208, 36, 44}, green[3] = {38, 152, 66}, grey[3] = {150, 150, 150};
    const int *const frame[] = {green, red, grey, grey};
    ImageHead head;
    Sheet sheet;
    sheet_init(&sheet, arena);
    add_digit(&sheet, 3, 3);
    add_digit(&sheet, 3, 5);
    add_digit(&sheet, 3, -1);
    add_digit(&sheet, 3, -100); /* NO_CLASS */
    ck_assert_int_eq(sheet.right, 1);
    ck_assert_int_eq(sheet.judged, 2);
    ck_assert_int_eq(sheet_write(&sheet, in_folder("sheet.png")), 0);
    uint8_t *planes = decode("sheet.png", &head);
    for (int i = 0; i < 4; i++) { /* the cells are as wide apart as the sheet has room for */
        const int x = 12 + i * (head.width - 12) / 4, y = 12 + 32 + 1;
        ck_assert(has_pixel(planes, &head, x, y, frame[i][0], frame[i][1], frame[i][2]));
        ck_assert(has_pixel(planes, &head, x + 70, y + 70, 10, 20, 200));
    }
    free(planes);
}
END_TEST

START_TEST(a_full_sheet_counts_on)
{
    Sheet sheet;
    sheet_init(&sheet, arena);
    for (int i = 0; i < SHEET_CELLS + 3; i++) add_digit(&sheet, i % 2, 0);
    ck_assert(sheet_is_full(&sheet));
    ck_assert_int_eq(sheet.left_out, 3);
    ck_assert_int_eq(sheet.judged, SHEET_CELLS + 3);
}
END_TEST

Suite *canvas_suite(void)
{
    Suite *suite = suite_create("canvas");
    TCase *pictures = tcase_create("canvas");
    tcase_add_checked_fixture(pictures, make_arena, remove_arena);
    tcase_add_test(pictures, what_is_outside_is_cut_off);
    tcase_add_test(pictures, lines_are_drawn);
    tcase_add_test(pictures, text_is_drawn);
    tcase_add_test(pictures, characters_are_counted);
    tcase_add_test(pictures, sizes_change_by_whole_factors);
    tcase_add_test(pictures, a_file_has_the_pixels);
    tcase_add_test(pictures, frames_tell_right_from_wrong);
    tcase_add_test(pictures, a_full_sheet_counts_on);
    suite_add_tcase(suite, pictures);
    return suite;
}
