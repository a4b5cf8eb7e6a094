/*
 * The sum of int8 branches in the fast form, of a node of its own or of a convolution's epilogue: what
 * runtime/kernels/quantized/int8_sum.h takes.
 */
#include "ops/shared/quantized.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernels/limits.h"
#include "runtime/kernels/system/fixed_point.h"

/* ---- two branches as a linear function ---------------------------------------------------------- */

/* (x0 · factor[0] + x1 · factor[1] + offset) >> shift, in 32 bits, before it is cut off; shift 0: there is none. */
typedef struct LinearSum {
    int64_t factor[2], offset;
    int shift;
} LinearSum;

/* By x0 + 128 and x1 + 128. */
typedef int8_t PairResults[256][256];

static void pair_results(const Node *n, PairResults y)
{
    const QuantizedAdd *a = n->attrs;
    int32_t term[2][256];
    for (int b = 0; b < 2; b++)
        for (int k = 0; k < 256; k++)
            term[b][k] = nn_rescale((k - 128 - n->in[b]->zero_point) * (1 << QUANTIZED_HEADROOM), a->branch[b].value,
                                    a->branch[b].shift);
    for (int i = 0; i < 256; i++)
        for (int k = 0; k < 256; k++)
            y[i][k] =
                nn_clamp_int8(nn_rescale(term[0][i] + term[1][k], a->sum.value, a->sum.shift) + n->out[0]->zero_point,
                              a->low, a->high);
}

/* The offset with which these factors give every pair its result: it lies between what the results ask
 * for that are not cut off. */
static bool find_offset(const QuantizedAdd *a, PairResults y, LinearSum *l)
{
    const int64_t unit = (int64_t)1 << l->shift;
    int64_t least = -((int64_t)1 << 40), most = (int64_t)1 << 40;
    for (int i = 0; i < 256; i++) {
        for (int k = 0; k < 256; k++) {
            const int64_t below = y[i][k] * unit - ((i - 128) * l->factor[0] + (k - 128) * l->factor[1]);
            if (y[i][k] > a->low && below > least) least = below;
            if (y[i][k] < a->high && below + unit - 1 < most) most = below + unit - 1;
        }
        if (least > most) return false;
    }
    l->offset = least + (most - least) / 2;
    const int64_t reach = 128 * (llabs(l->factor[0]) + llabs(l->factor[1])) + llabs(l->offset);
    return reach <= INT32_MAX;
}

/* Every pair of numbers is tried, so that the integers are those of the definition.  Factors that are
 * rounded a little differently are tried as well: some pairs are near ties. */
static LinearSum linear_sum(const Node *n)
{
    enum { AROUND = 3, LARGEST_SHIFT = 23 };
    const LinearSum none = {.shift = 0};
    if (n->in_count != 2) return none;
    PairResults *y = malloc(sizeof *y);
    if (!y) abort();
    pair_results(n, *y);
    const double scale[2] = {n->in[0]->scale / n->out[0]->scale, n->in[1]->scale / n->out[0]->scale};
    LinearSum l = {.shift = LARGEST_SHIFT};
    while (l.shift > NN_INT8_LINEAR_SHIFT && (scale[0] + scale[1]) * 256 * (double)((int64_t)1 << l.shift) > INT32_MAX)
        l.shift--;
    const int64_t first[2] = {llround(ldexp(scale[0], l.shift)), llround(ldexp(scale[1], l.shift))};
    bool found = false;
    for (int around = 0; around <= AROUND && !found; around++)
        for (int i = -around; i <= around && !found; i++)
            for (int k = -around; k <= around && !found; k++) {
                if (abs(i) != around && abs(k) != around) continue;
                l.factor[0] = first[0] + i, l.factor[1] = first[1] + k;
                found = find_offset(n->attrs, *y, &l);
            }
    free(y);
    return found ? l : none;
}

/* ---- text -------------------------------------------------------------------------------------------- */

enum { FACTOR_TEXT = 48 };

static void int8_factor_text(char text[FACTOR_TEXT], int zero, Multiplier m)
{
    snprintf(text, FACTOR_TEXT, "{%d, %ld, %d}", zero, (long)m.value, m.shift);
}

/* Binds $linear, with the factor of branch `first` before the other's. */
static void bind_linear(Writer *w, const LinearSum *l, int first)
{
    writer_bind(w, "linear", "%s", "");
    if (l->shift)
        writer_bind(w, "linear", ",\n    .linear = {{%ld, %ld}, %ld, %d}", (long)l->factor[first],
                    (long)l->factor[1 - first], (long)l->offset, l->shift);
}

void quantized_put_add(Writer *w, const Node *sum, int first)
{
    const QuantizedAdd *a = sum->attrs;
    const LinearSum l = linear_sum(sum);
    char factors[QUANTIZED_BRANCHES * (FACTOR_TEXT + 2)] = "", text[FACTOR_TEXT];
    for (int k = 0; k < sum->in_count; k++) {
        const int i = k == 0 ? first : k <= first ? k - 1 : k;
        int8_factor_text(text, sum->in[i]->zero_point, a->branch[i]);
        strcat(strcat(factors, k ? ", " : ""), text);
    }
    int8_factor_text(text, sum->out[0]->zero_point, a->sum);
    bind_linear(w, &l, first);
    writer_bind_int(w, "branches", sum->in_count);
    writer_bind_int(w, "low", a->low);
    writer_bind_int(w, "high", a->high);
    writer_bind(w, "sum", "%s", text);
    writer_bind(w, "factors", "%s", factors);
    writer_put(w, "static const nn_int8_add add = {\n"
                  "    .branches = $branches, .low = $low, .high = $high, .sum = $sum$linear};\n"
                  "static const nn_int8_factor branch[] = {$factors};");
}
