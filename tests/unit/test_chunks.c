/*
 * The tree of a batch's chunks: what each rank computes of it.
 */
#include "commands/chunking.h"
#include "runtime/train/chunks.h"

#include <check.h>

static int end_of(ChunkNode n, int leaves)
{
    const int end = (n.index + 1) << n.level;
    return end < leaves ? end : leaves;
}

static bool is_within(ChunkNode n, int leaves, int begin, int end)
{
    return n.index << n.level >= begin && end_of(n, leaves) <= end;
}

/* The nodes of a rank are its leaves, in order, and none of them is a part of a larger one of the same
 * rank. */
static void check_nodes(int leaves, int begin, int end)
{
    ChunkNode node[CHUNK_NODES];
    const int count = chunk_nodes(leaves, begin, end, node);
    int at = begin;
    for (int i = 0; i < count; i++) {
        const ChunkNode n = node[i], parent = {n.level + 1, n.index / 2};
        ck_assert_int_eq(n.index << n.level, at);
        at = end_of(n, leaves);
        ck_assert(1 << n.level >= leaves || !is_within(parent, leaves, begin, end));
    }
    ck_assert_int_eq(at, end);
}

START_TEST(ranks_have_whole_nodes)
{
    for (int leaves = 1; leaves <= 40; leaves++)
        for (int size = 1; size <= leaves; size++)
            for (int rank = 0; rank < size; rank++)
                check_nodes(leaves, chunk_begin(leaves, rank, size), chunk_begin(leaves, rank + 1, size));
}
END_TEST

START_TEST(a_shorter_batch_has_no_other_leaves)
{
    ChunkNode node[CHUNK_NODES];
    ck_assert_int_eq(chunk_nodes(3, 4, 8, node), 0);
    ck_assert_int_eq(chunk_nodes(3, 2, 4, node), 1);
    ck_assert_int_eq(node[0].level, 1); /* 2 and 3, of which 3 is not there */
    ck_assert_int_eq(node[0].index, 1);
}
END_TEST

START_TEST(chunks_divide_the_batch)
{
    for (int64_t batch = 1; batch <= 600; batch++) {
        const int64_t chunk = chunking_default(batch);
        ck_assert_int_eq(batch % chunk, 0);
        ck_assert_int_le(batch / chunk, 8);
        ck_assert(batch % 16 != 0 || chunk % 16 == 0);
    }
    ck_assert_int_eq(chunking_default(64), 16);
    ck_assert_int_eq(chunking_default(256), 32);
    ck_assert_int_eq(chunking_default(50), 25);
    ck_assert_int_eq(chunking_default(8), 2);
}
END_TEST

Suite *chunks_suite(void)
{
    Suite *s = suite_create("chunks");
    TCase *c = tcase_create("chunks");
    tcase_add_test(c, ranks_have_whole_nodes);
    tcase_add_test(c, a_shorter_batch_has_no_other_leaves);
    tcase_add_test(c, chunks_divide_the_batch);
    suite_add_tcase(s, c);
    return s;
}
