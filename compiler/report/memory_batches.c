/*
 * How memory grows with the batch, and the largest batch within a limit.
 *
 * Every number is a plan made for that batch, nothing is extrapolated.  What is
 * compared with the limit is what the user of the generated code gives it: the
 * model's block and the scratch, for training where there is a train section,
 * else for inference.  A batch that is cut into micro-batches would need less, and what
 * grows then is time alone: so here it is run at once.
 */
#include "report/analysis_stages.h"

enum { GROWTH_ROWS = 7 }; /* batch/8 … batch·8 */

static const int64_t too_much = (int64_t)1 << 45; /* bytes: half of what a plan may be */
static const int64_t max_batch = (int64_t)1 << 31;

static int64_t needed(const Analysis *a, const MemoryAt *at)
{
    return a->largest_trains ? a->train_model + at->train : at->infer_model + at->infer;
}

static bool within_limit(const Analysis *a, int64_t bytes)
{
    return !a->options.memory_limit || bytes <= a->options.memory_limit;
}

/* ---- growth ------------------------------------------------------------------ */

static bool add_growth(Graph *net, const TrainSpec *spec, Analysis *a)
{
    int64_t most = a->infer.arena > a->train_arena ? a->infer.arena : a->train_arena, before = 0;
    for (int k = 0; k < GROWTH_ROWS; k++) {
        int64_t batch = a->batch > max_batch ? max_batch : (a->batch << k) / 8;
        if (batch <= before || batch > max_batch || most / a->batch > too_much / batch) continue;
        MemoryAt *at = arena_alloc(net->compilation->arena, sizeof *at);
        if (!memory_at(net, spec, &a->options, batch, at)) return false;
        at->fits = within_limit(a, needed(a, at));
        list_push(net->compilation->arena, &a->growth, at);
        before = batch;
    }
    return true;
}

/* ---- the largest batch --------------------------------------------------------- */

typedef struct BatchProbe {
    int64_t batch, bytes;
} BatchProbe;

static bool probe_batch(Graph *net, const TrainSpec *spec, const Analysis *a, int64_t batch, BatchProbe *p)
{
    MemoryAt at;
    if (!memory_at(net, spec, &a->options, batch, &at)) return false;
    *p = (BatchProbe){batch, needed(a, &at)};
    return true;
}

/* The batch where a line through the two probes meets the limit. */
static int64_t interpolate(BatchProbe low, BatchProbe high, int64_t limit)
{
    double slope = (double)(high.bytes - low.bytes) / (double)(high.batch - low.batch);
    double batch = (double)low.batch + (double)(limit - low.bytes) / (slope < 1 ? 1 : slope);
    return batch > (double)max_batch ? max_batch : (int64_t)batch;
}

/* Memory is nearly a line in the batch, so a few probes along it are enough;
 * each brings the two ends closer by one at least, and every third halves. */
static bool find_largest(Graph *net, const TrainSpec *spec, Analysis *a)
{
    int64_t limit = a->options.memory_limit;
    BatchProbe low, high, p;
    a->largest_batch = 0;
    if (!probe_batch(net, spec, a, 1, &low)) return false;
    if (!within_limit(a, low.bytes)) return true;
    for (high = low; within_limit(a, high.bytes) && high.batch < max_batch;) {
        low = high;
        if (!probe_batch(net, spec, a, high.batch * 2, &high)) return false;
    }
    for (int turn = 1; high.batch - low.batch > 1 && !within_limit(a, high.bytes); turn++) {
        int64_t batch = turn % 3 ? interpolate(low, high, limit) : low.batch + (high.batch - low.batch) / 2;
        batch = batch <= low.batch ? low.batch + 1 : batch >= high.batch ? high.batch - 1 : batch;
        if (!probe_batch(net, spec, a, batch, &p)) return false;
        if (within_limit(a, p.bytes))
            low = p;
        else
            high = p;
    }
    a->largest_batch = within_limit(a, high.bytes) ? high.batch : low.batch;
    return true;
}

bool analyse_batches(Graph *net, const TrainSpec *spec, Analysis *a)
{
    a->largest_trains = spec != NULL;
    a->largest_batch = -1;
    if (a->options.growth && !add_growth(net, spec, a)) return false;
    return !a->options.memory_limit || find_largest(net, spec, a);
}
