/*
 * factors: gradients that the caller may take as what they are made of.
 *
 * The gradient of a dense layer's weights is a sum of outer products, of one vector of inputs and one of
 * gradients for each sample: two small matrices, its factors.  Enters: a program for a chunk of a batch.
 * Leaves: where the caller wants the factors (nn_chunk.factored), they are handed to it and the gradient is
 * not computed; PREFIX_gradient_rows, which computes some rows of it by the same kernel; and a table of
 * these parameters.
 *
 * "Sufficient factors": Xie, Kim, Zhou, Ho, Kumar, Yu and Xing 2014; Zhang, Zheng, Xu et al. 2017.
 */
#include "emit/entry_point.h"

/* The sum of gradients that the node adds to, or NULL. */
static const Tensor *sum_of(const Node *adds)
{
    for (int i = 0; i < adds->in_count; i++) {
        const Tensor *whole = adds->in[i]->slice_of ? adds->in[i]->slice_of : adds->in[i];
        if (whole->kind == TENSOR_GRADIENT_SUM && node_mutates(adds, i)) return whole;
    }
    return NULL;
}

/* The node that makes what this one adds to a sum, if the factors of that can take its place; else NULL. */
static const Node *product_added_by(const Node *adds)
{
    const Node *n = sum_of(adds) ? adds->in[0]->producer : NULL;
    return n && n->op->outer_rows && n->variant ? n : NULL;
}

static int count_readers(const Graph *g, const Tensor *t)
{
    int count = 0;
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *n = g->nodes.at[i];
        for (int k = 0; k < n->in_count; k++) count += tensor_storage(n->in[k]) == tensor_storage(t);
    }
    return count;
}

/* The first of the nodes that compute the sum's rows, if all that is added to it is of the same two factors. */
static const Node *product_of_sum(const Graph *g, const Tensor *sum)
{
    const Node *first = NULL;
    if (g->kind != PROGRAM_GRAD_CHUNK || g->micro_batches > 1 || !sum->model) return NULL;
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *adds = g->nodes.at[i];
        if (sum_of(adds) != sum) continue;
        const Node *n = product_added_by(adds);
        if (!n || count_readers(g, n->out[0]) != 1) return NULL;
        if (!first) first = n;
        if (n->in[0] != first->in[0] || n->in[1] != first->in[1]) return NULL;
    }
    return first;
}

/* The sum for which the node computes rows, or to which it adds them; or NULL. */
static const Tensor *sum_made_by(const Graph *g, const Node *n)
{
    const Tensor *own = sum_of(n);
    if (own) return own;
    for (int i = 0; n->op->outer_rows && i < g->nodes.count; i++)
        if (product_added_by(g->nodes.at[i]) == n) return sum_of(g->nodes.at[i]);
    return NULL;
}

static bool has_factors(const Emitter *e) { return e->team && entry_of(e, PROGRAM_GRAD_CHUNK); }

void factors_write_before(EntryPoint *p, const Node *n)
{
    if (!has_factors(p->e) || p->program->kind != PROGRAM_GRAD_CHUNK) return;
    const Tensor *sum = sum_made_by(p->program, n);
    const Node *first = sum ? product_of_sum(p->program, sum) : NULL;
    if (!first) return;
    const int tensor = model_index(p->e, sum);
    if (n == first) {
        for (int i = 0; i < 2; i++) barrier_before_read(p, n->in[i]);
        statement_begin(p, true);
        text_addf(&p->text, "if (chunk->factored && chunk->factored[%d]) chunk->factors(chunk->ctx, %d, %s, %s);\n",
                  tensor, tensor, place_text(p, n->in[0]), place_text(p, n->in[1]));
    }
    text_addf(&p->text, "    if (!chunk->factored || !chunk->factored[%d])\n    ", tensor);
    entry_point_uses(p, NAME_CHUNK);
}

/* ---- some rows of a gradient ------------------------------------------------------------------ */

typedef struct FactoredSum {
    int tensor;
    const Node *product;
} FactoredSum;

/* In the order of the sums; returns how many. */
static int list_factored(const Emitter *e, FactoredSum *list)
{
    const Graph *g = entry_of(e, PROGRAM_GRAD_CHUNK)->program;
    int count = 0;
    for (int i = 0; i < g->tensors.count; i++) {
        const Tensor *t = g->tensors.at[i];
        if (t->kind != TENSOR_GRADIENT_SUM || t->slice_of) continue;
        const Node *product = product_of_sum(g, t);
        if (product) list[count++] = (FactoredSum){model_index(e, t), product};
    }
    return count;
}

static FactoredSum *factored_sums(const Emitter *e, int *count)
{
    const size_t most = has_factors(e) ? (size_t)entry_of(e, PROGRAM_GRAD_CHUNK)->program->tensors.count : 0;
    FactoredSum *list = arena_alloc(e->arena, (most + 1) * sizeof *list);
    *count = most ? list_factored(e, list) : 0;
    return list;
}

static void write_cases(Emitter *e, const FactoredSum *list, int count)
{
    const Graph *g = entry_of(e, PROGRAM_GRAD_CHUNK)->program;
    for (int i = 0; i < count; i++) {
        text_addf(&e->source, "    case %d: ", list[i].tensor);
        text_add(&e->source, functions_rows_body(e, g, list[i].product));
        text_add(&e->source, "    break;\n");
    }
}

void factors_write_rows(Emitter *e)
{
    int count;
    const FactoredSum *list = factored_sums(e, &count);
    if (!count) return;
    emitter_put(e, &e->source,
                "struct {prefix}_rows_pass {\n"
                "    int tensor, first, count;\n"
                "    const float *left, *right;\n"
                "    float *rows;\n"
                "};\n\n"
                "static void {prefix}_rows_part(const void *pass, int t, int T, nn_team *team)\n"
                "{\n"
                "    const struct {prefix}_rows_pass *p = (const struct {prefix}_rows_pass *)pass;\n"
                "    const int first = p->first, count = p->count;\n"
                "    const float *const left = p->left, *const right = p->right;\n"
                "    float *const rows = p->rows;\n"
                "    (void)first, (void)count, (void)left, (void)right, (void)rows, (void)t, (void)T, (void)team;\n"
                "    switch (p->tensor) {\n");
    write_cases(e, list, count);
    emitter_put(e, &e->source,
                "    default: break;\n"
                "    }\n"
                "}\n\n"
                "static void {prefix}_gradient_rows(int tensor, const float *left, const float *right, int first, "
                "int count, float *rows)\n"
                "{\n"
                "    const struct {prefix}_rows_pass pass = {tensor, first, count, left, right, rows};\n"
                "    nn_team_run({prefix}_rows_part, &pass, {PREFIX}_THREADS);\n"
                "}\n\n");
}

/* ---- the table ---------------------------------------------------------------------------------- */

static long long sample_vectors(const Graph *g, const Tensor *t)
{
    return (long long)(tensor_count(t, g->batch) / t->shape.dim[t->shape.rank - 1]);
}

void factors_write_table(Emitter *e)
{
    int count;
    const FactoredSum *list = factored_sums(e, &count);
    if (!count) return;
    emitter_put(e, &e->source, "static const nn_factored {prefix}_factored[] = {\n");
    for (int i = 0; i < count; i++) {
        const Tensor *left = list[i].product->in[0], *right = list[i].product->in[1];
        text_addf(&e->source, "    {%d, %lld, %lld, %lld},\n", list[i].tensor,
                  sample_vectors(entry_of(e, PROGRAM_GRAD_CHUNK)->program, left),
                  (long long)right->shape.dim[right->shape.rank - 1], (long long)left->shape.dim[left->shape.rank - 1]);
    }
    text_add(&e->source, "};\n\n");
}

void factors_write_info_members(Emitter *e)
{
    int count;
    factored_sums(e, &count);
    if (count)
        emitter_put_parts(e, &e->source, "        {count}, {prefix}_factored, {prefix}_gradient_rows\n",
                          PARTS({"count", emitter_number(e, count)}));
    else
        text_add(&e->source, "        0, NULL, NULL\n");
}
