/*
 * scale: the time of a data-parallel training step on N ranks, predicted.
 *
 *     cc -O2 bench/scale/scale.c -o scale -lm
 *     scale --latency 20 --overhead 3 --gbit 9.4 --ranks 1,2,4,8 --per-rank 16 alexnet.profile
 *
 * A profile says how long a pass takes on one rank and when in it each gradient is final
 * (profile.awk makes it from `nnc bench`):
 *
 *     profile NET SAMPLES                a pass of so many samples
 *     compute SECONDS                    what is computed next
 *     gradient BYTES SECONDS NAME [ROWSxCOLUMNS]
 *                                        a gradient is final here; its tensor's update takes so long; with a shape,
 *                                        it is the matrix of a dense layer
 *
 * Several profiles of a net, of different numbers of samples, give the time of other numbers by
 * linear interpolation.
 *
 * The network is that of the α-β model with the sender's part of α apart, as in LogP [1]: a message of n
 * bytes arrives after L + o + nβ, and a rank that sends k messages at once is done after L + ko + nβ.
 * The network is full duplex and without contention: every rank has its own link, and the switches take
 * all that the links bring.  Adding a vector of n bytes to another takes nγ.  A byte that is sent or received
 * takes κ of the processor.  α = L + o.  R ranks, an array of n bytes:
 *
 *     slices    nnc train: each rank gets all ranks' nodes of the tree for its slice, adds them, sends
 *               the sum to all.  L + k(R−1)o + max(out, in)β, then (K−1)n/R γ, then L + (R−1)o + (R−1)/R nβ,
 *               with k nodes on this rank and K on all
 *     ring      2(R−1)α + 2(R−1)/R nβ + (R−1)/R nγ                                     [2, 3]
 *     halving   2 log R α + 2(R−1)/R nβ + (R−1)/R nγ, recursive halving and doubling   [2, 3];
 *               where R is not a power of two, one more message of n bytes before and after
 *     binomial  log R (α + nβ + nγ) + log R (α + nβ), a reduction and a broadcast: what Open MPI's
 *               MPI_Iallreduce does with fewer than four ranks
 *
 * Each is a reduction, after which every rank has the sum of its slice, and a distribution of the slices.
 * With --overlap, gradients are sent in buckets, one after the other, in the order of the backward pass,
 * while it goes on.  With --shard, a rank updates its slice, and what is distributed is the weights.  With both,
 * as in nnc train (runtime/train/buckets.c), that too happens bucket by bucket, during the pass.  And with --factors, the
 * rows and columns whose outer products make a dense layer's gradient are sent to all ranks in the place of its
 * slices, where those of the whole batch are at most half as large (runtime/train/factors.c).
 *
 * [1] Culler et al., LogP: towards a realistic model of parallel computation, 1993
 * [2] Thakur, Rabenseifner, Gropp, Optimization of collective communication operations in MPICH, 2005
 * [3] Patarasuk, Yuan, Bandwidth optimal all-reduce algorithms for clusters of workstations, 2009
 */
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROFILES = 16, EVENTS = 4096, RANK_LIST = 64, NAME = 64 };

typedef struct Event {
    double before; /* seconds of computation before it, since the last one */
    double bytes, update;
    double vectors; /* bytes of the two vectors of a sample that it is made of; 0: it is not */
} Event;

typedef struct Profile {
    char net[NAME];
    double samples;
    int count;
    Event event[EVENTS];
    double after;                  /* computation after the last gradient */
    double seconds, bytes, update; /* sums; seconds without the updates */
} Profile;

typedef enum Algorithm { SLICES, RING, HALVING, BINOMIAL, ALGORITHMS } Algorithm;
static const char *const algorithm_names[ALGORITHMS] = {"slices", "ring", "halving", "binomial"};

typedef struct Setup {
    double latency, overhead, beta, gamma, kappa; /* seconds; seconds per byte */
    double speed, share;                          /* a rank's, of the profile's; ranks for each processor */
    double batch, chunk, per_rank, bucket;
    Algorithm algorithm;
    bool overlap, shard, factors;
    int ranks[RANK_LIST], rank_count;
    const Profile *profile[PROFILES];
    int profiles;
} Setup;

/* What an exchange of n bytes takes: of the reduction and of the distribution. */
typedef struct Cost {
    double messages, wire, add; /* seconds, one after the other */
    double cpu;                 /* seconds of the processor, meanwhile */
} Cost;

typedef struct Step {
    int ranks, chunks, most; /* most: chunks of a rank */
    double compute, exchange, hidden, update, adds, step;
    double messages, wire; /* of the exchange */
} Step;

static void stop(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("scale: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    exit(2);
}

/* ---- profiles ------------------------------------------------------------------------------ */

static void add_gradient(Profile *p, const char *path, const char *line)
{
    Event *e = &p->event[p->count];
    if (p->count == EVENTS) stop("%s: more than %d gradients", path, EVENTS);
    double rows = 0, columns = 0;
    const int read = sscanf(line, "gradient %lf %lf %*s %lfx%lf", &e->bytes, &e->update, &rows, &columns);
    if ((read != 2 && read != 4) || !(e->bytes > 0) || !(e->update >= 0))
        stop("%s: a gradient has bytes and seconds: %s", path, line);
    e->before = p->after;
    e->vectors = sizeof(float) * (rows + columns);
    p->after = 0;
    p->bytes += e->bytes;
    p->update += e->update;
    p->count++;
}

static Profile *read_profile(const char *path)
{
    char line[512];
    double seconds;
    FILE *f = fopen(path, "r");
    Profile *p = calloc(1, sizeof *p);
    if (!f || !p) stop("cannot read %s", path);
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        if (!*line || *line == '#') continue;
        if (sscanf(line, "profile %63s %lf", p->net, &p->samples) == 2) continue;
        if (sscanf(line, "compute %lf", &seconds) == 1 && seconds >= 0) {
            p->after += seconds;
            p->seconds += seconds;
        } else {
            add_gradient(p, path, line);
        }
    }
    fclose(f);
    if (!(p->samples > 0) || !p->count || !(p->seconds > 0)) stop("%s is no profile", path);
    return p;
}

/* The profile of so many samples or of the next larger number, else the largest. */
static const Profile *nearest_profile(const Setup *s, double samples)
{
    const Profile *best = s->profile[s->profiles - 1];
    for (int i = s->profiles - 1; i >= 0; i--)
        if (s->profile[i]->samples >= samples) best = s->profile[i];
    return best;
}

/* Seconds of a pass without its updates. */
static double pass_seconds(const Setup *s, double samples)
{
    const Profile *first = s->profile[0];
    if (s->profiles == 1) return first->seconds * samples / first->samples;
    if (samples < first->samples) return first->seconds; /* no less is known */
    int i = 1;
    while (i < s->profiles - 1 && s->profile[i]->samples < samples) i++;
    const Profile *a = s->profile[i - 1], *b = s->profile[i];
    return a->seconds + (b->seconds - a->seconds) * (samples - a->samples) / (b->samples - a->samples);
}

static int by_samples(const void *a, const void *b)
{
    const double x = (*(const Profile *const *)a)->samples, y = (*(const Profile *const *)b)->samples;
    return (x > y) - (x < y);
}

/* ---- the tree of nnc train (runtime/train/chunks.c) -------------------------------------------- */

static int chunk_of(int chunks, int rank, int ranks) { return (int)((long long)chunks * rank / ranks); }

static int node_limit(int level, int index, int leaves)
{
    const int end = (index + 1) << level;
    return end < leaves ? end : leaves;
}

/* How many largest nodes of the tree have only the leaves begin … end−1. */
static int tree_nodes(int leaves, int begin, int end)
{
    int count = 0;
    while (begin < end) {
        int level = 0, index = begin;
        while (index % 2 == 0 && 1 << level < leaves && node_limit(level + 1, index / 2, leaves) <= end) {
            level++;
            index /= 2;
        }
        begin = node_limit(level, index, leaves);
        count++;
    }
    return count;
}

static int nodes_of(int chunks, int rank, int ranks)
{
    return tree_nodes(chunks, chunk_of(chunks, rank, ranks), chunk_of(chunks, rank + 1, ranks));
}

/* ---- exchanges --------------------------------------------------------------------------------- */

/* What the links take, and the processor where that is slower. */
static double wire_seconds(const Setup *s, double out, double in)
{
    const double link = s->beta * fmax(out, in), cpu = s->kappa * s->share * (out + in);
    return fmax(link, cpu);
}

static Cost slices_cost(const Setup *s, const Step *t, double n, bool reduces)
{
    const double r = t->ranks, slice = n / r;
    Cost cost = {s->latency + (r - 1) * s->overhead, wire_seconds(s, n - slice, n - slice), 0, 0};
    cost.cpu = s->kappa * s->share * 2 * (n - slice);
    if (!reduces) return cost;
    int all = 0, most = 0;
    for (int i = 0; i < t->ranks; i++) {
        const int k = nodes_of(t->chunks, i, t->ranks);
        all += k;
        if (k > most) most = k;
    }
    cost = (Cost){s->latency + most * (r - 1) * s->overhead, 0, (all - 1) * slice * s->gamma * s->share, 0};
    for (int i = 0; i < t->ranks; i++) {
        const double k = nodes_of(t->chunks, i, t->ranks), out = k * (n - slice), in = (all - k) * slice;
        cost.wire = fmax(cost.wire, wire_seconds(s, out, in));
        cost.cpu = fmax(cost.cpu, s->kappa * s->share * (out + in));
    }
    return cost;
}

/* Rounds of messages, bytes sent by a rank in all of them, bytes added. */
static Cost rounds_cost(const Setup *s, double rounds, double bytes, double added)
{
    return (Cost){rounds * (s->latency + s->overhead), wire_seconds(s, bytes, bytes), added * s->gamma * s->share,
                  s->kappa * s->share * 2 * bytes};
}

static Cost exchange_cost(const Setup *s, const Step *t, double n, bool reduces)
{
    const double r = t->ranks, part = n * (r - 1) / r, log = ceil(log2(r)), whole = floor(log2(r));
    const bool folds = whole < log;
    if (t->ranks == 1) return (Cost){0, 0, 0, 0};
    switch (s->algorithm) {
    case RING: return rounds_cost(s, r - 1, part, reduces ? part : 0);
    case HALVING: {
        const double p = exp2(whole), some = n * (p - 1) / p;
        return rounds_cost(s, whole + folds, some + (folds ? n : 0), reduces ? some + (folds ? n : 0) : 0);
    }
    case BINOMIAL: return rounds_cost(s, log, log * n, reduces ? log * n : 0);
    default: return slices_cost(s, t, n, reduces);
    }
}

static double cost_seconds(Cost c) { return c.messages + c.wire + c.add; }

static void add_cost(Step *t, Cost c)
{
    t->exchange += cost_seconds(c);
    t->messages += c.messages;
    t->wire += c.wire;
}

/* Every rank's vectors, of so many bytes for a sample, to all others. */
static Cost factors_cost(const Setup *s, const Step *t, double vectors)
{
    const double r = t->ranks, own = vectors * (s->per_rank > 0 ? s->per_rank : t->most * s->chunk);
    return (Cost){s->latency + (r - 1) * s->overhead, wire_seconds(s, (r - 1) * own, (r - 1) * own), 0,
                  s->kappa * s->share * 2 * (r - 1) * own};
}

/* ---- a step ------------------------------------------------------------------------------------- */

static double step_samples(const Setup *s, const Step *t)
{
    return s->per_rank > 0 ? s->per_rank * t->ranks : s->batch;
}

static bool sends_factors(const Setup *s, const Step *t, const Event *e)
{
    return s->factors && e->vectors > 0 && 2 * step_samples(s, t) * e->vectors <= e->bytes;
}

static Cost sum_costs(Cost a, Cost b)
{
    return (Cost){a.messages + b.messages, a.wire + b.wire, a.add + b.add, a.cpu + b.cpu};
}

/* Bytes of a bucket: all, of the slices of gradients, and of the vectors of a sample. */
typedef struct Bucket {
    double all, slices, vectors;
} Bucket;

static Cost bucket_cost(const Setup *s, const Step *t, Bucket b)
{
    Cost cost = exchange_cost(s, t, b.all, false);
    if (b.slices > 0) cost = sum_costs(cost, exchange_cost(s, t, b.slices, true));
    return b.vectors > 0 ? sum_costs(cost, factors_cost(s, t, b.vectors)) : cost;
}

/* Buckets go out one after the other while the pass of the last chunk goes on.  Returns when the last one is
 * there, in seconds since the beginning of that pass; *pass: what the pass takes then. */
static double send_buckets(const Setup *s, Step *t, const Profile *p, double *pass)
{
    const double stretch = *pass / p->seconds;
    double now = 0, link = 0, cpu = 0, update = 0;
    Bucket bucket = {0, 0, 0};
    for (int i = 0; i < p->count; i++) {
        now += p->event[i].before * stretch;
        bucket.all += p->event[i].bytes;
        if (sends_factors(s, t, &p->event[i]))
            bucket.vectors += p->event[i].vectors;
        else
            bucket.slices += p->event[i].bytes;
        update += s->shard ? p->event[i].update * s->share / s->speed / t->ranks : 0;
        if (bucket.all < s->bucket && i + 1 < p->count) continue;
        const Cost cost = bucket_cost(s, t, bucket);
        link = fmax(link, now + cpu) + cost_seconds(cost) + update;
        cpu += cost.cpu + cost.add + update;
        add_cost(t, cost);
        bucket = (Bucket){0, 0, 0};
        update = 0;
    }
    /* Work for the messages delays the pass, but no further than to the last of them. */
    *pass = fmin(now + p->after * stretch + cpu, fmax(now + p->after * stretch, link));
    return link;
}

static void take_step(const Setup *s, Step *t)
{
    const double samples = s->per_rank > 0 ? s->per_rank : s->chunk;
    const Profile *p = nearest_profile(s, samples);
    const double slow = s->share / s->speed;
    double pass = pass_seconds(s, samples) * slow, end;
    t->compute = t->most * pass;
    t->adds = (t->most - 1) * p->bytes * s->gamma * s->share;
    t->update = p->update * slow / (s->shard ? t->ranks : 1);
    if (s->overlap && t->ranks > 1) {
        const double before = (t->most - 1) * pass + t->adds, alone = pass;
        const double sent = send_buckets(s, t, p, &pass);
        end = before + fmax(pass, sent);
        t->hidden = before + alone + t->exchange - end;
    } else {
        const Cost cost = exchange_cost(s, t, p->bytes, true);
        add_cost(t, cost);
        end = t->compute + t->adds + cost_seconds(cost);
    }
    if (!s->shard || !s->overlap || t->ranks == 1) end += t->update;
    if (!s->overlap) {
        const Cost cost = exchange_cost(s, t, p->bytes, false);
        add_cost(t, cost);
        end += cost_seconds(cost);
    }
    t->step = end;
}

/* False where there are more ranks than chunks. */
static bool predict(const Setup *s, int ranks, Step *t)
{
    *t = (Step){.ranks = ranks, .chunks = s->per_rank > 0 ? ranks : (int)(s->batch / s->chunk)};
    if (t->chunks < ranks) return false;
    t->most = (t->chunks + ranks - 1) / ranks;
    take_step(s, t);
    return true;
}

/* What takes most of the step beside the computation that R ranks share evenly. */
static const char *what_holds(const Setup *s, const Step *t, double alone)
{
    const double exposed = t->exchange - t->hidden, part = t->exchange > 0 ? exposed / t->exchange : 0;
    const double even = s->per_rank > 0 ? t->compute : t->compute * t->chunks / ((double)t->most * t->ranks);
    const struct {
        const char *name;
        double seconds;
    } parts[] = {
        {"bandwidth", t->wire * part},
        {"messages", t->messages * part},
        {"adding", (t->exchange - t->wire - t->messages) * part + t->adds},
        {"update", t->update},
        {"uneven chunks", t->compute - even},
    };
    int most = 0;
    for (int i = 1; i < (int)(sizeof parts / sizeof *parts); i++)
        if (parts[i].seconds > parts[most].seconds) most = i;
    return alone >= 0.95 ? "-" : parts[most].name;
}

static void print_steps(const Setup *s)
{
    Step one, t;
    predict(s, 1, &one);
    const double alone = step_samples(s, &one) / one.step;
    puts("net,algorithm,overlap,shard,ranks,chunks,compute_s,exchange_s,hidden_s,update_s,step_s,samples_per_s,"
         "efficiency,limit");
    for (int i = 0; i < s->rank_count; i++) {
        if (!predict(s, s->ranks[i], &t)) {
            printf("%s,%s,%d,%d,%d,%d,,,,,,,,chunks\n", s->profile[0]->net, algorithm_names[s->algorithm], s->overlap,
                   s->shard, t.ranks, t.chunks);
            continue;
        }
        const double rate = step_samples(s, &t) / t.step, efficiency = rate / alone / t.ranks;
        printf("%s,%s,%d,%d,%d,%d,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.6g,%s\n", s->profile[0]->net,
               algorithm_names[s->algorithm], s->overlap, s->shard, t.ranks, t.chunks, t.compute, t.exchange, t.hidden,
               t.update, t.step, rate, efficiency, what_holds(s, &t, efficiency));
    }
}

/* ---- the command line ----------------------------------------------------------------------------- */

static const char usage[] = "usage: scale [OPTIONS] PROFILE...\n"
                            "  --ranks 1,2,4         numbers of ranks\n"
                            "  --per-rank N          each rank has N samples, however many ranks; or\n"
                            "  --batch N --chunk N   all ranks share a batch in chunks\n"
                            "  --algorithm A         slices (nnc train), ring, halving or binomial\n"
                            "  --overlap             gradients are sent during the backward pass,\n"
                            "  --bucket MB           in buckets of at least so many MB (25)\n"
                            "  --shard               each rank updates a slice\n"
                            "  --factors             with both: dense layers' gradients travel as vectors of samples\n"
                            "  --gbit G              of payload per second and direction (10)\n"
                            "  --latency US          of a message (20), and what it takes the sender:\n"
                            "  --overhead US         (3)\n"
                            "  --add GB              per second that are added to a vector (5)\n"
                            "  --cpu NS              of the processor for a byte sent or received (0)\n"
                            "  --speed X             a rank computes X times as fast as in the profile (1)\n"
                            "  --share X             X ranks share what a rank had in the profile (1)\n";

static double number_after(const char *name, const char *text, double least)
{
    char *end = NULL;
    const double x = text ? strtod(text, &end) : 0;
    if (!text || end == text || *end || !(x >= least)) stop("%s takes a number from %g", name, least);
    return x;
}

static void read_ranks(Setup *s, const char *text)
{
    char *end = NULL;
    for (s->rank_count = 0; text && *text; text = *end == ',' ? end + 1 : end) {
        const long n = strtol(text, &end, 10);
        if (end == text || n < 1 || n > 1 << 20 || (*end && *end != ',')) stop("--ranks takes numbers such as 1,2,4");
        if (s->rank_count == RANK_LIST) stop("--ranks takes %d numbers at most", RANK_LIST);
        s->ranks[s->rank_count++] = (int)n;
    }
}

static void read_algorithm(Setup *s, const char *text)
{
    for (int i = 0; i < ALGORITHMS; i++)
        if (text && !strcmp(text, algorithm_names[i])) {
            s->algorithm = (Algorithm)i;
            return;
        }
    stop("--algorithm takes slices, ring, halving or binomial");
}

/* Returns how many words it took. */
static int read_option(Setup *s, const char *name, const char *value)
{
    struct {
        const char *name;
        double *to, factor, least;
    } numbers[] = {
        {"--latency", &s->latency, 1e-6, 0}, {"--overhead", &s->overhead, 1e-6, 0}, {"--cpu", &s->kappa, 1e-9, 0},
        {"--speed", &s->speed, 1, 1e-9},     {"--share", &s->share, 1, 1},          {"--batch", &s->batch, 1, 1},
        {"--chunk", &s->chunk, 1, 1},        {"--per-rank", &s->per_rank, 1, 1},    {"--bucket", &s->bucket, 1e6, 0},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!strcmp(name, numbers[i].name)) {
            *numbers[i].to = number_after(name, value, numbers[i].least) * numbers[i].factor;
            return 2;
        }
    if (!strcmp(name, "--gbit"))
        s->beta = 8e-9 / number_after(name, value, 1e-9);
    else if (!strcmp(name, "--add"))
        s->gamma = 1e-9 / number_after(name, value, 1e-9);
    else if (!strcmp(name, "--ranks"))
        read_ranks(s, value);
    else if (!strcmp(name, "--algorithm"))
        read_algorithm(s, value);
    else if (!strcmp(name, "--overlap"))
        return s->overlap = true;
    else if (!strcmp(name, "--shard"))
        return s->shard = true;
    else if (!strcmp(name, "--factors"))
        return s->factors = true;
    else
        stop("there is no option %s\n%s", name, usage);
    return 2;
}

int main(int argc, char **argv)
{
    Setup s = {.latency = 20e-6,
               .overhead = 3e-6,
               .beta = 8e-10,
               .gamma = 2e-10,
               .speed = 1,
               .share = 1,
               .bucket = 25e6,
               .ranks = {1},
               .rank_count = 1};
    for (int i = 1; i < argc;) {
        if (argv[i][0] == '-') {
            i += read_option(&s, argv[i], argv[i + 1]);
            continue;
        }
        if (s.profiles == PROFILES) stop("%d profiles at most", PROFILES);
        s.profile[s.profiles++] = read_profile(argv[i++]);
    }
    if (!s.profiles) stop("no profile\n%s", usage);
    if (s.per_rank > 0 ? s.batch > 0 || s.chunk > 0 : !(s.batch > 0 && s.chunk > 0))
        stop("--per-rank, or --batch and --chunk");
    if (s.factors && !(s.overlap && s.shard)) stop("--factors goes with --overlap and --shard");
    if (s.chunk > 0 && fmod(s.batch, s.chunk) > 0)
        stop("the batch of %g is not a multiple of the chunk of %g", s.batch, s.chunk);
    qsort(s.profile, (size_t)s.profiles, sizeof s.profile[0], by_samples);
    for (int i = 0; i < s.profiles; i++) {
        if (strcmp(s.profile[i]->net, s.profile[0]->net))
            stop("%s and %s are two nets", s.profile[0]->net, s.profile[i]->net);
        if (i && !(s.profile[i]->samples > s.profile[i - 1]->samples))
            stop("two profiles of %g samples", s.profile[i]->samples);
    }
    print_steps(&s);
    for (int i = 0; i < s.profiles; i++) free((void *)s.profile[i]);
    return 0;
}
