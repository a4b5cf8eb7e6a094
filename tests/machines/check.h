/*
 * check.h: as much of Check as the tests of kernels need, where there is no library of it for the machine.
 * Tests run when they are added to their test case, and the first that fails ends the program.
 */
#ifndef NNC_TESTS_MACHINES_CHECK_H
#define NNC_TESTS_MACHINES_CHECK_H

#include <stdio.h>
#include <stdlib.h>

typedef struct TCase TCase;
typedef struct Suite Suite;

#define START_TEST(name) static void name(int _i)
#define END_TEST
#define suite_create(name) NULL
#define tcase_create(name) NULL

#define tcase_add_loop_test(tests, test, first, end)   \
    do {                                               \
        (void)tests;                                   \
        for (int k = (first); k < (end); k++) test(k); \
        printf("%s\n", #test);                         \
    } while (0)
#define suite_add_tcase(suite, tests) (void)(suite)

#define ck_abort_msg(...)             (fprintf(stderr, __VA_ARGS__), fprintf(stderr, "\n"), exit(1))
#define ck_assert_msg(condition, ...) ((condition) ? (void)0 : ck_abort_msg(__VA_ARGS__))
#define ck_assert(condition)          ck_assert_msg(condition, "%s:%d: %s", __FILE__, __LINE__, #condition)
#define ck_assert_int_ne(a, b)        ck_assert_msg((a) != (b), "%s:%d: %s is %ld", __FILE__, __LINE__, #a, (long)(a))
#define ck_assert_int_eq(a, b)        ck_assert_msg((a) == (b), "%s:%d: %s is %ld", __FILE__, __LINE__, #a, (long)(a))
#define ck_assert_ptr_nonnull(p)      ck_assert_msg((p) != NULL, "%s:%d: %s is NULL", __FILE__, __LINE__, #p)

#endif
