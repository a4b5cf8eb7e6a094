/*
 * Nets from text, analysed or running.
 */
#include "nets.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "elab/elaborate.h"

Graph *net_of_file(Compilation *c, const File *file, const List *defines, TrainSpec **spec)
{
    List none = {0};
    Graph *net = file ? elaborate(c, file, NULL, defines ? defines : &none) : NULL;
    if (net && spec) *spec = train_section_exists(file, net) ? train_spec(c, file, net, &none) : NULL;
    if (!net || c->errors) diag_print(c, stderr, false);
    ck_assert_ptr_nonnull(net);
    ck_assert_int_eq(c->errors, 0);
    return net;
}

Graph *net_of_text(Compilation *c, const char *text, TrainSpec **spec)
{
    return net_of_file(c, front_parse_text(c, "test.nn", text, strlen(text)), NULL, spec);
}

Analysis *analyse(Compilation *c, const char *text, const ReportOptions *options)
{
    TrainSpec *spec = NULL;
    Graph *net = net_of_text(c, text, &spec);
    Analysis *a = analysis_build(net, spec, options);
    ck_assert_ptr_nonnull(a);
    return a;
}

Analysis *analyse_batch(Compilation *c, const char *text, int64_t batch)
{
    ReportOptions options = report_options();
    options.batch = batch;
    return analyse(c, text, &options);
}

const LayerReport *layer_of(const Analysis *a, const char *name)
{
    for (int i = 0; i < a->layer_count; i++) {
        if (strcmp(a->layers[i].name, name) == 0) return &a->layers[i];
    }
    ck_abort_msg("there is no layer %s", name);
    return NULL;
}

static void *symbol(const Running *r, Compilation *c, const char *name)
{
    return jit_symbol(r->jit, arena_printf(c->arena, "%s_%s", r->emitted->prefix, name));
}

Running run_net(Compilation *c, const char *text, int64_t batch) { return run_net_form(c, text, batch, true); }

Running run_net_form(Compilation *c, const char *text, int64_t batch, bool plain)
{
    Running r = {0};
    TrainSpec *spec = NULL;
    const char *error = NULL;
    Graph *net = net_of_text(c, text, &spec);
    EmitOptions options = {.lower.batch = batch,
                           .lower.infer = true,
                           .lower.train = spec != NULL,
                           .lower.vjp = true,
                           .lower.plain = plain,
                           .standalone = true,
                           .threads = 1};
    r.emitted = emit_c(net, spec, &options);
    ck_assert_ptr_nonnull(r.emitted);
    r.jit = jit_compile(JIT_TCC, r.emitted->source, c->arena, &error);
    ck_assert_msg(r.jit != NULL, "%s", error ? error : "");
    r.info = ((const nn_model_info *(*)(void))symbol(&r, c, "info"))();
    r.vjp = (void (*)(void *, const float *, const float *, float *, float *, void *))symbol(&r, c, "vjp");
    r.get_vjp = (int (*)(const void *, const char *, float *, size_t, const void *))symbol(&r, c, "get_vjp");
    size_t scratch = (size_t)(r.emitted->infer_scratch > r.emitted->train_scratch ? r.emitted->infer_scratch
                                                                                  : r.emitted->train_scratch);
    void *block = aligned_alloc(64, ((size_t)r.emitted->model_bytes + 127) / 64 * 64);
    r.scratch = aligned_alloc(64, (scratch + 127) / 64 * 64);
    ck_assert(block && r.scratch);
    r.model = r.info->init(block, 1, 1);
    return r;
}

void run_end(Running *r)
{
    free(r->model);
    free(r->scratch);
    jit_free(r->jit);
}
