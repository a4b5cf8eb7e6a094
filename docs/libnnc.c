/*
 * An example of libnnc: a net is parsed, reported on, trained to compute exclusive or, saved and
 * used.  cc libnnc.c $(pkg-config --cflags --libs nnc) -o libnnc
 */
#include <math.h>
#include <nnc.h>
#include <stdio.h>
#include <stdlib.h>

static const char source[] = "net xor(hidden=3) {\n"
                             "    input(2)\n"
                             "    dense(hidden) as hidden  tanh\n"
                             "    dense(1)      as output  sigmoid\n"
                             "}\n"
                             "train xor {\n"
                             "    loss      bce\n"
                             "    optimizer adam(lr=0.05)\n"
                             "    batch     4\n"
                             "}\n";

static const float x[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, target[4] = {0, 1, 1, 0};

/* Prints what there is to say as compilers do, and ends the program when something failed. */
static void check(nnc *n, int status)
{
    static const char *const words[] = {"error", "warning", "note"};
    for (int i = 0; status && i < nnc_message_count(n); i++) {
        const nnc_message m = nnc_message_at(n, i);
        fprintf(stderr, "%s:%d:%d: %s: %s\n", m.path, m.line, m.column, words[m.severity], m.text);
    }
    if (status) exit(status);
}

static void train(nnc *n)
{
    float loss = 0;
    for (int step = 0; step < 1000; step++) check(n, nnc_step(n, x[0], target, nnc_learning_rate(n), &loss));
    printf("loss after 1000 steps: %s\n", loss < 0.05f ? "below 0.05" : "not below 0.05");
}

int main(void)
{
    const char *const defines[] = {"hidden=4", NULL};
    const nnc_options options = {.defines = defines, .threads = 1};
    float y[4];
    nnc *n = nnc_new();
    if (!n) return 3;
    check(n, nnc_parse_text(n, "xor.nn", source, &options));
    check(n, nnc_report(n, "csv", stdout));
    check(n, nnc_load(n, 7));
    train(n);
    check(n, nnc_write_weights(n, "xor.safetensors"));
    check(n, nnc_infer(n, x[0], y));
    for (int i = 0; i < 4; i++) printf("%g xor %g = %g\n", x[i][0], x[i][1], roundf(y[i]));
    nnc_free(n);
    return 0;
}
