/*
 * convert_einsum: Einsum of one or two operands, as a sum or as a product of matrices.
 *
 * The letters of two operands are of four kinds: in both and in the result (a batch of products), in
 * the first or the second and in the result (rows and columns), in both alone (summed over).
 *
 *   [batch, rows, summed] · [batch, summed, columns] = [batch, rows, columns]
 */
#include <ctype.h>
#include <string.h>

#include "interop/importer.h"

typedef struct EinsumTerm {
    int count;
    char letter[ONNX_MAX_RANK];
} EinsumTerm;

typedef struct EinsumParts {
    EinsumTerm in[2], out;
    int count; /* of operands */
    bool batched;
    int64_t size[128]; /* by letter */
    ImportNode *node[2];
} EinsumParts;

/* ---- the equation ------------------------------------------------------------------ */

static bool has_letter(const EinsumTerm *t, char letter)
{
    return t->count && memchr(t->letter, letter, (size_t)t->count) != NULL;
}

/* The letters up to one of `ends`; NULL where there is anything else, or a letter twice. */
static const char *read_term(const char *p, const char *ends, EinsumTerm *t)
{
    t->count = 0;
    for (; *p && !strchr(ends, *p); p++) {
        if (*p == ' ') continue;
        if (!isalpha((unsigned char)*p) || has_letter(t, *p) || t->count == ONNX_MAX_RANK) return NULL;
        t->letter[t->count++] = *p;
    }
    return p;
}

static bool read_equation(const Conversion *c, EinsumParts *e)
{
    const char *p = onnx_attr_string(c, "equation", "");
    for (e->count = 0; e->count < 2; p++) {
        p = read_term(p, ",-", &e->in[e->count++]);
        if (!p || *p != ',') break;
    }
    if (!p || e->count != c->in_count || strncmp(p, "->", 2) != 0) return false;
    p = read_term(p + 2, "", &e->out);
    return p != NULL;
}

/* ---- operands ----------------------------------------------------------------------- */

static bool read_sizes(const Conversion *c, EinsumParts *e)
{
    for (int i = 0; i < e->count; i++) {
        const EinsumTerm *t = &e->in[i];
        if (c->in[i]->rank != t->count) return false;
        for (int k = 0; k < t->count; k++) {
            int64_t *size = &e->size[(int)t->letter[k]];
            if (*size && *size != c->in[i]->dims[k]) return false;
            *size = c->in[i]->dims[k];
        }
    }
    for (int k = 0; k < e->out.count; k++)
        if (!e->size[(int)e->out.letter[k]]) return false;
    return true;
}

/* Whether the batch is the first letter of all terms. */
static bool batch_is_first(const Conversion *c, const EinsumParts *e)
{
    bool first = e->out.count > 0;
    for (int i = 0; i < e->count && first; i++) first = c->in[i]->batched && e->in[i].letter[0] == e->out.letter[0];
    return first;
}

static void drop_first(EinsumTerm *t) { memmove(t->letter, t->letter + 1, (size_t)--t->count); }

static bool read_operands(Conversion *c, EinsumParts *e)
{
    e->batched = batch_is_first(c, e);
    for (int i = 0; i < e->count; i++) {
        OnnxValue *v = e->batched ? c->in[i] : as_whole(c, c->in[i]);
        e->node[i] = v ? value_node(c, v) : NULL;
        if (!e->node[i]) return refuse(c, "its operands do not have the batch as their first axis");
        if (e->batched) drop_first(&e->in[i]);
    }
    if (e->batched) drop_first(&e->out);
    return true;
}

/* ---- orders ------------------------------------------------------------------------- */

/* Appends the letters of `from` that are, or are not, in each of two terms. */
static void select_letters(EinsumTerm *to, const EinsumTerm *from, const EinsumTerm *a, bool in_a, const EinsumTerm *b,
                           bool in_b)
{
    for (int i = 0; i < from->count; i++)
        if (has_letter(a, from->letter[i]) == in_a && has_letter(b, from->letter[i]) == in_b)
            to->letter[to->count++] = from->letter[i];
}

static int64_t letters_size(const EinsumParts *e, const EinsumTerm *t)
{
    int64_t size = 1;
    for (int i = 0; i < t->count; i++) size *= e->size[(int)t->letter[i]];
    return size;
}

static void append_letters(EinsumTerm *to, const EinsumTerm *from)
{
    memcpy(to->letter + to->count, from->letter, (size_t)from->count);
    to->count += from->count;
}

/* The node with its axes, which are those of `from`, in the order of `to`: in any shape. */
static ImportNode *in_order(Conversion *c, const EinsumParts *e, ImportNode *n, const EinsumTerm *from,
                            const EinsumTerm *to)
{
    int64_t dims[ONNX_MAX_RANK];
    int axes[ONNX_MAX_RANK];
    for (int i = 0; i < from->count; i++) {
        dims[i] = e->size[(int)from->letter[i]];
        axes[i] = (int)((const char *)memchr(from->letter, to->letter[i], (size_t)from->count) - from->letter);
    }
    return permuted_in_steps(c, n, from->count, dims, axes);
}

static bool put_ordered(Conversion *c, const EinsumParts *e, ImportNode *n)
{
    OnnxValue *out = value_new(c->imp, NULL, 0, NULL, e->batched);
    if (e->batched) out->dims[out->rank++] = c->imp->batch;
    for (int i = 0; i < e->out.count; i++) out->dims[out->rank++] = e->size[(int)e->out.letter[i]];
    return put_like(c, reshaped(c, n, sample_shape(out)), out);
}

/* ---- one operand, two operands -------------------------------------------------------- */

static bool sum_of_one(Conversion *c, const EinsumParts *e)
{
    EinsumTerm order = e->out;
    select_letters(&order, &e->in[0], &e->in[0], true, &e->out, false);
    ImportNode *n = in_order(c, e, e->node[0], &e->in[0], &order);
    const int64_t kept = letters_size(e, &e->out), all = letters_size(e, &order);
    if (kept == all) return put_ordered(c, e, n);
    return put_ordered(c, e, reduced(c, "reduce_sum", reshaped(c, n, (Shape){2, {kept, all / kept}}), 2, true));
}

static bool product_of_two(Conversion *c, const EinsumParts *e)
{
    const EinsumTerm *a = &e->in[0], *b = &e->in[1], *out = &e->out;
    EinsumTerm batch = {0}, rows = {0}, columns = {0}, summed = {0}, left, right, result;
    select_letters(&batch, out, a, true, b, true);
    select_letters(&rows, out, a, true, b, false);
    select_letters(&columns, out, a, false, b, true);
    select_letters(&summed, a, b, true, out, false);
    left = right = result = batch;
    append_letters(&left, &rows);
    append_letters(&left, &summed);
    append_letters(&right, &summed);
    append_letters(&right, &columns);
    append_letters(&result, &rows);
    append_letters(&result, &columns);
    if (left.count != a->count || right.count != b->count) return refuse(c, "it sums over one operand alone");
    const int64_t products = letters_size(e, &batch), inner = letters_size(e, &summed);
    ImportNode *x = in_order(c, e, e->node[0], a, &left), *y = in_order(c, e, e->node[1], b, &right);
    x = reshaped(c, x, shape_image(products, letters_size(e, &rows), inner));
    y = reshaped(c, y, shape_image(products, inner, letters_size(e, &columns)));
    return put_ordered(c, e, in_order(c, e, matrix_product(c, x, y), &result, out));
}

static bool convert_einsum(Conversion *c)
{
    EinsumParts e = {0};
    if (!read_equation(c, &e)) return refuse(c, "its equation is not of one or two operands with each letter once");
    if (!read_sizes(c, &e)) return refuse(c, "the sizes of its inputs do not agree");
    if (!read_operands(c, &e)) return false;
    return e.count == 1 ? sum_of_one(c, &e) : product_of_two(c, &e);
}

const OnnxOperator onnx_einsum_operators[] = {
    {"Einsum", 12, 0, EACH_INPUT, convert_einsum},
    {0},
};
