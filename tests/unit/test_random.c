/*
 * Random numbers and permutations of the runtime.
 */
#include <check.h>
#include <stdlib.h>

#include "runtime/core/core.h"

/* Known answers of the generator's authors (Random123, kat_vectors). */
START_TEST(philox_known_answers)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (int i = 0; i < 3; i++) {
        uint32_t out[4];
        nn_philox(known[i].counter, known[i].key, out);
        ck_assert_mem_eq(out, known[i].out, sizeof out);
    }
    ck_assert_uint_eq(nn_random(0, 0, 0), 0xe169c58d6627e8d5u);
    ck_assert_uint_eq(nn_random(0, 0, 1), 0x9b00dbd8bc57ac4cu);
}
END_TEST

START_TEST(shuffle_is_a_permutation)
{
    enum { COUNT = 1000 };
    int32_t a[COUNT], b[COUNT];
    int seen[COUNT] = {0}, moved = 0;
    nn_shuffle(a, COUNT, 7, 3);
    nn_shuffle(b, COUNT, 7, 3);
    ck_assert_mem_eq(a, b, sizeof a);
    for (int i = 0; i < COUNT; i++) {
        ck_assert(a[i] >= 0 && a[i] < COUNT);
        seen[a[i]]++;
        moved += a[i] != i;
    }
    for (int i = 0; i < COUNT; i++) ck_assert_int_eq(seen[i], 1);
    ck_assert_int_gt(moved, COUNT * 9 / 10);
    nn_shuffle(b, COUNT, 7, 4);
    ck_assert_mem_ne(a, b, sizeof a);
    nn_shuffle(b, COUNT, 8, 3);
    ck_assert_mem_ne(a, b, sizeof a);
}
END_TEST

/* Each of the 6 orders of 3 comes up about 1000 times in 6000 (σ = 29). */
START_TEST(shuffle_is_fair)
{
    int times[27] = {0};
    for (uint64_t epoch = 0; epoch < 6000; epoch++) {
        int32_t order[3];
        nn_shuffle(order, 3, 1, epoch);
        times[order[0] * 9 + order[1] * 3 + order[2]]++;
    }
    for (int i = 0; i < 27; i++)
        if (times[i]) ck_assert_msg(abs(times[i] - 1000) < 150, "an order came up %d times", times[i]);
}
END_TEST

Suite *random_suite(void)
{
    Suite *suite = suite_create("random");
    TCase *tcase = tcase_create("random");
    tcase_add_test(tcase, philox_known_answers);
    tcase_add_test(tcase, shuffle_is_a_permutation);
    tcase_add_test(tcase, shuffle_is_fair);
    suite_add_tcase(suite, tcase);
    return suite;
}
