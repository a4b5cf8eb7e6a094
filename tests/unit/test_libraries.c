/* The libraries of kernels: what is in a table, and what it falls through to. */
#include <check.h>
#include <string.h>

#include "tests/unit/libraries.h"

static const nn_symbol *end_of(const nn_symbol *table)
{
    while (table->name) table++;
    return table;
}

/* Every kernel is found under its name in every table. */
START_TEST(tables_have_all_kernels)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    int count = 0;
    for (const nn_symbol *kernel = nn_kernel_names(table); kernel->name; kernel++, count++)
        ck_assert_ptr_nonnull(nn_kernel_named(table, kernel->name));
    ck_assert_int_gt(count, 150);
    ck_assert_ptr_null(nn_kernel_named(table, "nn_no_kernel"));
    ck_assert_ptr_null(end_of(nn_kernel_names(table))->address);
}
END_TEST

/* A target that falls through to another has kernels of its own, which come before the other's, and not most. */
START_TEST(tables_have_what_differs)
{
    const nn_symbol *table = kernels_of(_i), *base = table ? end_of(table)->address : NULL;
    if (!base) return;
    int own = 0, all = 0;
    for (const nn_symbol *kernel = table; kernel->name; kernel++) {
        ck_assert_ptr_eq(nn_kernel_named(table, kernel->name), kernel->address);
        ck_assert_ptr_nonnull(nn_kernel_named(base, kernel->name));
        ck_assert_ptr_ne(nn_kernel_named(base, kernel->name), kernel->address);
        own += strcmp(kernel->name, "nn_target_sizes") != 0;
    }
    for (const nn_symbol *kernel = nn_kernel_names(table); kernel->name; kernel++) all++;
    ck_assert_int_gt(own, 0);
    ck_assert_int_lt(own, all / 4);
}
END_TEST

Suite *libraries_suite(void)
{
    Suite *suite = suite_create("libraries");
    TCase *tests = tcase_create("libraries of kernels");
    tcase_add_loop_test(tests, tables_have_all_kernels, 0, kernel_tables());
    tcase_add_loop_test(tests, tables_have_what_differs, 0, kernel_tables());
    suite_add_tcase(suite, tests);
    return suite;
}
