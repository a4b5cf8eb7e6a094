/*
 * Nets from text, analysed or running: what several suites begin with.
 */
#ifndef NNC_TESTS_NETS_H
#define NNC_TESTS_NETS_H

#include "backend/backend.h"
#include "emit/emit.h"
#include "report/analysis.h"
#include "runtime/nn.h"

/* The net of a text or a file, or the test fails with its diagnostics.  `spec`
 * is set where there is a train section; it may be NULL. */
Graph *net_of_text(Compilation *, const char *text, TrainSpec **spec);
Graph *net_of_file(Compilation *, const File *, const List *defines, TrainSpec **spec);

Analysis *analyse(Compilation *, const char *text, const ReportOptions *);
Analysis *analyse_batch(Compilation *, const char *text, int64_t batch); /* with the defaults */
const LayerReport *layer_of(const Analysis *, const char *name);

/* A net compiled in this process, and a model of it. */
typedef struct Running {
    EmitResult *emitted;
    Jit *jit;
    const nn_model_info *info;
    void *model, *scratch;
    /* m, x, dL/dy → y, dL/dx */
    void (*vjp)(void *, const float *, const float *, float *, float *, void *);
    int (*get_vjp)(const void *, const char *, float *, size_t, const void *);
} Running;

Running run_net(Compilation *, const char *text, int64_t batch); /* in its plain form */
Running run_net_form(Compilation *, const char *text, int64_t batch, bool plain);
void run_end(Running *);

#endif
