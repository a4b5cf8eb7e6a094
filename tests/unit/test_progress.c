/*
 * The progress line on terminals of several widths, read from the other end of a
 * pseudo-terminal.
 */
#define _GNU_SOURCE /* posix_openpt */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "runtime/train/progress.h"
#include "tests/unit/suites.h"

static int master;
static ProgressLine line;
static NnTrainConfig config;

static void set_width(int columns)
{
    struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};
    ck_assert_int_eq(ioctl(master, TIOCSWINSZ, &size), 0);
}

static void open_terminal(void)
{
    unsetenv("COLUMNS");
    master = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    FILE *stream = fopen(ptsname(master), "w");
    ck_assert_ptr_nonnull(stream);
    config = (NnTrainConfig){.epochs = 10, .progress = stream, .terminal = true};
    progress_line_init(&line, &config);
}

static void close_terminal(void)
{
    fclose(config.progress);
    close(master);
}

/* What has been written since the last call. */
static const char *seen(void)
{
    static char text[1024];
    ssize_t size = read(master, text, sizeof text - 1);
    ck_assert(size > 0);
    text[size] = '\0';
    return text;
}

static Progress at_step(int64_t step, double seconds)
{
    return (Progress){.epoch = 1,
                      .epochs = 10,
                      .step = step,
                      .steps = 3120,
                      .in_epoch = step,
                      .per_epoch = 312,
                      .loss = 1.23456,
                      .seconds = seconds,
                      .rate = 12345};
}

static const char *shown(int64_t step, double seconds)
{
    Progress m = at_step(step, seconds);
    progress_line_step(&line, &m);
    return seen();
}

/* From a tenth of the time on. */
START_TEST(waiting_for_data_is_shown)
{
    open_terminal();
    set_width(100);
    ck_assert(!strstr(shown(30, 1), "data"));
    Progress m = at_step(31, 2);
    m.waiting = 0.354;
    progress_line_step(&line, &m);
    ck_assert(strstr(seen(), "12345/s  data 35 %  ") != NULL);
    close_terminal();
}
END_TEST

START_TEST(line_fits_any_width)
{
    static const int widths[] = {200, 100, 80, 79, 50, 40, 30, 20, 12, 5, 1};
    open_terminal();
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        set_width(widths[i]);
        const char *text = shown(30 + (int64_t)i, 1 + (double)i);
        ck_assert_int_eq(text[0], '\r');
        ck_assert_msg((int)strcspn(text + 1, "\r") < widths[i], "%d columns: %s", widths[i], text);
        ck_assert_msg(!strchr(text, '\033') && !strchr(text, '\n'), "%s", text);
    }
    close_terminal();
}
END_TEST

START_TEST(line_keeps_what_matters)
{
    open_terminal();
    set_width(120);
    ck_assert_str_eq(shown(30, 10),
                     "\repoch 1/10  [==>                     ]  step 30/312  loss 1.2346  12345/s  17:10 left");
    set_width(80);
    const char *text = shown(30, 11);
    ck_assert_msg(strstr(text, "epoch 1/10  step 30/312  loss 1.2346  12345/s  18:53 left "), "%s", text);
    set_width(50);
    text = shown(30, 12);
    ck_assert_msg(strstr(text, "loss 1.2346  20:36 left"), "%s", text);
    set_width(24);
    text = shown(30, 13);
    ck_assert_msg(strstr(text, "epoch 1/10  22:19 left"), "%s", text);
    close_terminal();
}
END_TEST

START_TEST(columns_go_before_the_terminal)
{
    open_terminal();
    set_width(200);
    setenv("COLUMNS", "40", 1);
    const char *text = shown(30, 10);
    ck_assert_msg(strlen(text + 1) < 40, "%s", text);
    unsetenv("COLUMNS");
    close_terminal();
}
END_TEST

/* --steps 30: 30 of an epoch's 312. */
START_TEST(steps_of_the_last_epoch)
{
    open_terminal();
    set_width(100);
    Progress m = at_step(15, 10);
    m.steps = 30;
    progress_line_step(&line, &m);
    const char *text = seen();
    ck_assert_msg(strstr(text, "step 15/30 ") && strstr(text, "[============>           ]"), "%s", text);
    close_terminal();
}
END_TEST

START_TEST(time_left_is_within_the_limit)
{
    open_terminal();
    set_width(100);
    line.time_limit = 50;
    ck_assert_ptr_nonnull(strstr(shown(30, 10), "40.0 s left"));
    close_terminal();
}
END_TEST

START_TEST(clearing_leaves_a_blank_line)
{
    open_terminal();
    set_width(100);
    int length = (int)strlen(shown(30, 10)) - 1;
    progress_line_clear(&line);
    const char *text = seen();
    ck_assert_int_eq((int)strlen(text), length + 2);
    ck_assert_int_eq((int)strspn(text + 1, " "), length);
    ck_assert_int_eq(text[length + 1], '\r');
    close_terminal();
}
END_TEST

static int lines_in(FILE *file)
{
    int lines = 0;
    rewind(file);
    for (int c; (c = getc(file)) != EOF;) lines += c == '\n';
    return lines;
}

/* With 2>&1 the rows of the table are enough. */
START_TEST(one_row_for_an_epoch_in_one_file)
{
    Progress m = at_step(30, 10);
    FILE *results = tmpfile(), *same = fdopen(dup(fileno(results)), "w"), *other = tmpfile();
    config = (NnTrainConfig){.epochs = 10, .results = results, .progress = same};
    progress_line_init(&line, &config);
    progress_line_epoch(&line, &m);
    ck_assert_int_eq(lines_in(results), 0);
    config.progress = other;
    progress_line_init(&line, &config);
    progress_line_epoch(&line, &m);
    ck_assert_int_eq(lines_in(other), 1);
    fclose(results);
    fclose(same);
    fclose(other);
}
END_TEST

Suite *progress_suite(void)
{
    Suite *suite = suite_create("progress");
    TCase *cases = tcase_create("progress");
    tcase_add_test(cases, line_fits_any_width);
    tcase_add_test(cases, line_keeps_what_matters);
    tcase_add_test(cases, waiting_for_data_is_shown);
    tcase_add_test(cases, columns_go_before_the_terminal);
    tcase_add_test(cases, steps_of_the_last_epoch);
    tcase_add_test(cases, time_left_is_within_the_limit);
    tcase_add_test(cases, clearing_leaves_a_blank_line);
    tcase_add_test(cases, one_row_for_an_epoch_in_one_file);
    suite_add_tcase(suite, cases);
    return suite;
}
