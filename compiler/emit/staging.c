/*
 * Staging: a node that computes in floats what is stored in bf16, some samples at a time.
 *
 * Enters: a node with Node.chunk, and its body for a batch of so many samples.  Leaves: a body
 * around it.  A thread takes a chunk after the other: its inputs are widened into memory of the
 * thread, which stays in its cache, the body computes from there, and its results are rounded to
 * where they are stored.  What is not of samples is as it is; memory that a variant works in has
 * a part for each of NN_WINOGRAD_THREADS threads.
 */
#include <string.h>

#include "emit/emitter.h"
#include "runtime/kernels/limits.h"

static bool is_work(const Node *n, const Tensor *t)
{
    return n->variant && n->variant->workspace && n->out_count > 1 && t == n->out[n->out_count - 2];
}

Node staging_inner(const Node *n)
{
    Node inner = *n;
    inner.out_count -= n->chunk > 0;
    return inner;
}

const char *staging_suffix(const Node *n, const Tensor *t)
{
    return n->chunk && (t->batched || is_work(n, t)) ? "_all" : "";
}

static int arrays_of(const Node *n) { return n->in_count + n->out_count - 1; }

/* Elements of a chunk. */
static long long chunk_count(const Node *n, const Tensor *t) { return (long long)tensor_count(t, n->chunk); }

/* The array as the body sees it; `at` is its place in the staging memory. */
static void put_array(Emitter *e, Text *out, const Node *n, int i, int64_t at)
{
    const Tensor *t = function_array(n, i);
    const char *name = function_array_name(e, n, i), *kept = i < n->in_count ? "const " : "";
    if (tensor_is_bf16_value(t))
        text_addf(out, "            %sfloat *const %s = staged + %lld;\n", kept, name, (long long)at);
    else if (t->batched)
        text_addf(out, "            %s%s *const %s = %s_all + (int64_t)k * %lld;\n", kept, dtype_c_type(t->dtype), name,
                  name, chunk_count(n, t));
    else if (is_work(n, t))
        text_addf(out, "            float *const %s = %s_all + t * %lld;\n", name, name,
                  (long long)tensor_count(t, 1) / NN_WINOGRAD_THREADS);
}

/* nn_widen of an input, or nn_narrow of a result. */
static void put_conversion(Emitter *e, Text *out, const Node *n, int i, int64_t at)
{
    const Tensor *t = function_array(n, i);
    const char *name = function_array_name(e, n, i);
    const long long count = chunk_count(n, t);
    if (!tensor_is_bf16_value(t)) return;
    if (i < n->in_count)
        text_addf(out, "        nn_widen(%lld, %s_all + (int64_t)k * %lld, staged + %lld, 0, 1);\n", count, name, count,
                  (long long)at);
    else
        text_addf(out, "        nn_narrow(%lld, staged + %lld, %s_all + (int64_t)k * %lld, 0, 1);\n", count,
                  (long long)at, name, count);
}

typedef void PutArray(Emitter *, Text *, const Node *, int i, int64_t at);

/* The floats of all before `to`, from `from` on; returns those of all. */
static int64_t put_all(Emitter *e, Text *out, const Node *n, PutArray *put, int from, int to)
{
    int64_t at = 0;
    for (int i = 0; i < arrays_of(n); i++) {
        if (i >= from && i < to) put(e, out, n, i, at);
        at += staging_floats(function_array(n, i), n->chunk);
    }
    return at;
}

static void put_body(Text *out, const char *body)
{
    for (const char *line = body; *line;) {
        const char *end = strchr(line, '\n');
        const int length = end ? (int)(end - line) : (int)strlen(line);
        text_addf(out, length && *line != '#' ? "            %.*s\n" : "%.*s\n", length, line);
        line += length + (end != NULL);
    }
}

const char *staging_body(Emitter *e, const Graph *g, const Node *n, const char *body)
{
    Text out;
    text_init(&out, e->arena);
    const long long chunks = (long long)(g->batch / n->chunk), threads = (long long)staging_threads(g, n->chunk);
    text_addf(&out,
              "{\n"
              "    const int threads = T < %lld ? T : %lld;\n"
              "    if (t >= threads) {\n"
              "        return;\n"
              "    }\n"
              "    float *const staged = staging + (int64_t)t * %lld;\n",
              threads, threads, (long long)put_all(e, &out, n, put_array, 0, 0));
    text_addf(&out, "    for (int k = %lld * t / threads; k < %lld * (t + 1) / threads; k++) {\n", chunks, chunks);
    put_all(e, &out, n, put_conversion, 0, n->in_count);
    text_add(&out, "        {\n");
    put_all(e, &out, n, put_array, 0, arrays_of(n));
    put_body(&out, body);
    text_add(&out, "        }\n");
    put_all(e, &out, n, put_conversion, n->in_count, arrays_of(n));
    text_add(&out, "    }\n}\n");
    map_put(e->kernels, "convert", e);
    emitter_uses(e, "nn_widen");
    emitter_uses(e, "nn_narrow");
    return out.data;
}
