/*
 * libnnc where something is wrong: in the source, in the order of calls, in files; and where the
 * system has no memory, at every allocation of the compiler's in turn.
 */
#include <nnc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what) \
    if (!(what)) fprintf(stderr, "line %d: %s\n", __LINE__, #what), exit(1)

/* ---- memory: linked with --wrap=calloc ------------------------------------------------------ */

static long allocations_left = -1; /* −1: as many as there are */

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    if (allocations_left == 0) return NULL;
    if (allocations_left > 0) allocations_left--;
    return __real_calloc(count, size);
}

static const char text[] = "net two(k=3) {\n    input(1x8x8)\n    conv(4, k) as c  relu\n    flatten\n    dense(2)\n}\n"
                           "train two {\n    loss cross_entropy\n    optimizer sgd(lr=0.5)\n    batch 2\n}\n";

/* True when memory sufficed. */
static int compile_with(long allocations)
{
    const char *source, *header;
    allocations_left = allocations;
    nnc *n = nnc_new();
    int status = n ? nnc_parse_text(n, "two.nn", text, NULL) : NNC_FAILED;
    if (!status) status = nnc_compile(n, "two.h", &source, &header);
    CHECK(status == NNC_OK || status == NNC_FAILED);
    if (n && status) CHECK(nnc_compile(n, "two.h", &source, &header) != NNC_OK);
    allocations_left = -1;
    nnc_free(n);
    return status == NNC_OK;
}

static void memory_runs_out(void)
{
    int failed = 0;
    while (!compile_with(failed)) failed++;
    CHECK(failed >= 3 && failed < 1000);
    CHECK(compile_with(-1));
}

/* ---- sources -------------------------------------------------------------------------------- */

static void messages_have_places(void)
{
    nnc *n = nnc_new();
    CHECK(nnc_parse_text(n, "bad.nn", "net bad {\n    input(4)\n    dens(3)\n}\n", NULL) == NNC_BAD_INPUT);
    CHECK(nnc_message_count(n) >= 1);
    const nnc_message m = nnc_message_at(n, 0);
    CHECK(m.severity == NNC_ERROR && m.line == 3 && m.column == 5 && !strcmp(m.path, "bad.nn"));
    CHECK(strstr(m.text, "dens") && !strchr(m.text, '\n'));
    CHECK(nnc_message_at(n, 99).line == 0 && nnc_message_at(n, -1).line == 0);
    CHECK(nnc_load(n, 1) == NNC_BAD_CALL && !nnc_info(n));
    CHECK(nnc_parse_text(n, "again.nn", text, NULL) == NNC_BAD_CALL);
    nnc_free(n);
    nnc_free(NULL);
}

static void options_are_checked(void)
{
    const char *const bad[] = {"k", NULL}, *const other[] = {"nosuch=1", NULL}, *const good[] = {"k=5", NULL};
    const nnc_options options[] = {
        {.defines = bad}, {.defines = other}, {.batch = -1}, {.net = "three"}, {.threads = 1025}};
    const int want[] = {NNC_BAD_CALL, NNC_BAD_INPUT, NNC_BAD_CALL, NNC_BAD_INPUT, NNC_BAD_CALL};
    for (int i = 0; i < 5; i++) {
        nnc *n = nnc_new();
        CHECK(nnc_parse_text(n, "two.nn", text, &options[i]) == want[i] && nnc_message_count(n) > 0);
        nnc_free(n);
    }
    nnc *n = nnc_new();
    CHECK(nnc_parse_text(n, "two.nn", text, &(nnc_options){.defines = good, .batch = 7, .inference = 1}) == NNC_OK);
    CHECK(nnc_load(n, 1) == NNC_OK && nnc_info(n)->batch == 7 && !nnc_info(n)->step);
    CHECK(nnc_info(n)->params == 4 * 25 + 4 + 2 * 4 * 16 + 2);
    CHECK(nnc_step(n, NULL, NULL, 1, NULL) == NNC_BAD_CALL);
    nnc_free(n);
    n = nnc_new();
    CHECK(nnc_parse_file(n, "nosuch.nn", NULL) == NNC_BAD_INPUT && strstr(nnc_message_at(n, 0).text, "nosuch.nn"));
    nnc_free(n);
}

static void tensors_and_files(void)
{
    static float values[4 * 9], same[4 * 9], x[2 * 64], y[4];
    const int32_t labels[] = {0, 1};
    float loss[2];
    nnc *n = nnc_new();
    CHECK(nnc_parse_text(n, "two.nn", text, NULL) == NNC_OK && nnc_report(n, "xml", stdout) == NNC_BAD_CALL);
    CHECK(nnc_infer(n, x, y) == NNC_BAD_CALL && nnc_load(n, 1) == NNC_OK && nnc_load(n, 1) == NNC_BAD_CALL);
    CHECK(nnc_learning_rate(n) == 0.5f);
    CHECK(nnc_get(n, "c.weight", values, 36) == NNC_OK && nnc_get(n, "c.weight", values, 35) == NNC_BAD_CALL);
    CHECK(nnc_set(n, "nosuch", values, 36) == NNC_BAD_CALL);
    CHECK(nnc_write_weights(n, "nosuch/w") != NNC_OK && nnc_write_weights(n, "two.safetensors") == NNC_OK);
    x[3] = 1;
    CHECK(nnc_evaluate(n, x, labels, 2, NULL, &loss[0]) == NNC_OK &&
          nnc_evaluate(n, x, labels, 3, y, loss) == NNC_BAD_CALL);
    CHECK(nnc_step(n, x, labels, 0.5f, NULL) == NNC_OK);
    CHECK(nnc_get(n, "c.weight", same, 36) == NNC_OK && memcmp(values, same, sizeof same) != 0);
    CHECK(nnc_read_weights(n, "two.safetensors") == NNC_OK);
    CHECK(nnc_get(n, "c.weight", same, 36) == NNC_OK && memcmp(values, same, sizeof same) == 0);
    CHECK(nnc_evaluate(n, x, labels, 2, y, &loss[1]) == NNC_OK && loss[0] == loss[1]);
    CHECK(nnc_read_weights(n, "errors.c") == NNC_BAD_INPUT);
    nnc_free(n);
}

/* ---- several at once -------------------------------------------------------------------------- */

static void *train_one(void *result)
{
    static const float x[2 * 64] = {1};
    const int32_t labels[] = {0, 1};
    nnc *n = nnc_new();
    int status = nnc_parse_text(n, "two.nn", text, &(nnc_options){.threads = 1});
    if (!status) status = nnc_load(n, 3);
    for (int i = 0; !status && i < 20; i++) status = nnc_step(n, x, labels, 0.1f, result);
    nnc_free(n);
    return status ? NULL : result;
}

static void threads_have_one_each(void)
{
    pthread_t thread[4];
    float loss[4];
    for (int i = 0; i < 4; i++) CHECK(pthread_create(&thread[i], NULL, train_one, &loss[i]) == 0);
    for (int i = 0; i < 4; i++) {
        void *result;
        CHECK(pthread_join(thread[i], &result) == 0 && result);
        CHECK(loss[i] == loss[0] && loss[i] > 0);
    }
}

int main(void)
{
    messages_have_places();
    options_are_checked();
    tensors_and_files();
    threads_have_one_each();
    memory_runs_out();
    return 0;
}
