/*
 * Formulas of the operators' records, and the same with the numbers of a trace.
 *
 * Of a sum of products (Op.terms) the terms are printed; of an element-wise function the
 * names of the record's formula are replaced, and of its gradient the local derivative
 * (Op.derivative) is; of all others the formula stands as it is.
 */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "commands/trace/trace.h"

enum { MOST_TERMS = 6 };

/* ---- numbers ------------------------------------------------------------------------ */

/* ASCII "-" → "−". */
static const char *with_minus(const Trace *t, const char *number)
{
    Text out;
    text_init(&out, t->arena);
    for (const char *p = number; *p; p++) *p == '-' ? text_add(&out, "−") : text_add_bytes(&out, p, 1);
    return out.data;
}

/* Whole numbers as such, others to `digits` places, small ones to two that are not zero. */
const char *trace_number(const Trace *t, double x)
{
    const double size = fabs(x);
    int places = t->digits;
    if (!isfinite(x)) return isnan(x) ? "NaN" : x < 0 ? "−∞" : "∞";
    if (x == 0) return "0";
    if (x == floor(x) && size < 1e7) return with_minus(t, arena_printf(t->arena, "%.0f", x));
    if (size >= 1e7 || size < 1e-6) return with_minus(t, arena_printf(t->arena, "%.3g", x));
    while (size < pow(10, 1 - places)) places++;
    return with_minus(t, arena_printf(t->arena, "%.*f", places, x));
}

static const char *factor_text(const Trace *t, double x)
{
    return x < 0 ? arena_printf(t->arena, "(%s)", trace_number(t, x)) : trace_number(t, x);
}

/* ---- typesetting ---------------------------------------------------------------------- */

static const struct Sign {
    const char *ascii, *text;
} signs[] = {{" * ", " · "}, {"<=", "≤"}, {">=", "≥"}, {"!=", "≠"}, {"^2", "²"}, {"-", "−"}, {"sum_", "Σ_"}};

static const struct Sign *sign_at(const char *p)
{
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strncmp(p, signs[i].ascii, strlen(signs[i].ascii)) == 0) return &signs[i];
    return NULL;
}

/* One character or sign of a formula; returns how much of it that was. */
static size_t put_sign(Text *out, const char *p)
{
    const struct Sign *sign = sign_at(p);
    if (!sign) {
        text_add_bytes(out, p, 1);
        return 1;
    }
    text_add(out, sign->text);
    return strlen(sign->ascii);
}

const char *trace_formula(const Trace *t, const Node *n)
{
    Text out;
    text_init(&out, t->arena);
    const char *formula = n->op->formula ? n->op->formula : "";
    for (const char *p = formula; *p;) p += put_sign(&out, p);
    return out.data ? out.data : "";
}

/* ---- names → numbers -------------------------------------------------------------------- */

static bool names_value(const char *const *names, int count, const char *word, size_t length, int *index)
{
    for (int i = 0; names && i < count && names[i]; i++) {
        *index = i;
        if (strlen(names[i]) == length && memcmp(names[i], word, length) == 0) return true;
    }
    return false;
}

static bool attribute_value(const Node *n, const char *word, size_t length, double *value)
{
    for (const Attr *a = n->op->attrs; a && a->name; a++) {
        const char *at = (const char *)n->attrs + a->offset;
        if (strlen(a->name) != length || memcmp(a->name, word, length) != 0) continue;
        if (a->type != ATTR_REAL && a->type != ATTR_INT) return false;
        *value = a->type == ATTR_REAL ? *(const double *)at : (double)*(const int64_t *)at;
        return true;
    }
    return false;
}

/* Of the forward node, for element k: x, y, or an argument. */
static bool word_value(const Trace *t, const Node *n, const char *word, size_t length, int64_t k, double *value)
{
    int i;
    if (names_value(n->op->in, n->data_count, word, length, &i) && t->value[n->in[i]->id]) {
        *value = t->value[n->in[i]->id][k];
        return true;
    }
    if (names_value(n->op->out, 1, word, length, &i)) {
        *value = t->value[n->out[0]->id][k];
        return true;
    }
    return attribute_value(n, word, length, value);
}

static bool is_wrapped(const char *begin, const char *word, size_t length)
{
    return word > begin && word[-1] == '(' && (word[length] == ')' || word[length] == ',');
}

static size_t put_word(const Trace *t, const Node *n, Text *out, const char *formula, const char *p, int64_t k)
{
    size_t length = 1;
    double value;
    while (is_identifier_char(p[length]) || p[length] == '.') length++;
    if (!isalpha((unsigned char)*p) || !word_value(t, n, p, length, k, &value)) {
        text_add_bytes(out, p, length);
        return length;
    }
    const bool alone = is_wrapped(formula, p, length) || (p == formula && !p[length]);
    text_add(out, alone ? trace_number(t, value) : factor_text(t, value));
    return length;
}

static const char *filled_names(const Trace *t, const Node *n, const char *formula, int64_t k)
{
    Text out;
    text_init(&out, t->arena);
    for (const char *p = formula; *p;)
        p += isalnum((unsigned char)*p) ? put_word(t, n, &out, formula, p, k) : put_sign(&out, p);
    return out.data;
}

/* ---- the three forms ----------------------------------------------------------------------- */

static const char *term_text(const Trace *t, const Node *n, const Term *term)
{
    const double a = t->value[n->in[term->input[0]]->id][term->at[0]];
    if (term->input[1] < 0) return factor_text(t, a);
    const double b = t->value[n->in[term->input[1]]->id][term->at[1]];
    return arena_printf(t->arena, "%s · %s", factor_text(t, a), factor_text(t, b));
}

static bool terms_known(const Trace *t, const Node *n)
{
    for (int i = 0; i < n->in_count; i++)
        if (!t->value[n->in[i]->id]) return false;
    return true;
}

/* 2 · (−1) + (−3) · (−2) + … */
static const char *sum_text(const Trace *t, const Node *n, int64_t k)
{
    Term terms[MOST_TERMS];
    const int64_t count = terms_known(t, n) ? n->op->terms(n, t->program->batch, k, terms, MOST_TERMS) : 0;
    Text out;
    text_init(&out, t->arena);
    for (int64_t i = 0; i < count && i < MOST_TERMS; i++) {
        text_add(&out, i ? " + " : "");
        const bool first = i == 0 && terms[i].input[1] < 0;
        text_add(&out, first ? trace_number(t, t->value[n->in[terms[i].input[0]]->id][terms[i].at[0]])
                             : term_text(t, n, &terms[i]));
    }
    if (count > MOST_TERMS) text_addf(&out, " + … (%lld terms)", (long long)count);
    return out.data;
}

/* 0.73 · (1 − 0.73) = 0.20;  · 1 */
static const char *slope_text(const Trace *t, const Node *n, int64_t k)
{
    const char *derivative = n->origin->op->derivative, *slope = trace_number(t, t->slope[n->id][k]);
    const char *filled = derivative ? filled_names(t, n->origin, derivative, k) : slope;
    const bool same = strcmp(filled, slope) == 0;
    return arena_printf(t->arena, "dy/dx = %s%s%s;  · %s", filled, same ? "" : " = ", same ? "" : slope,
                        factor_text(t, t->value[n->in[0]->id][k]));
}

/* 1 / (1 + exp(−1)), of "y = 1 / (1 + exp(-x))" */
static const char *function_text(const Trace *t, const Node *n, int64_t k)
{
    const char *formula = n->op->formula ? strstr(n->op->formula, " = ") : NULL;
    if (!formula || !n->op->slope || !t->value[n->in[0]->id]) return NULL;
    if (strchr(formula, '[')) return NULL;
    return filled_names(t, n, formula + 3, k);
}

const char *trace_filled(const Trace *t, const Node *n, int64_t k)
{
    const double *values = n->out_count ? t->value[n->out[0]->id] : NULL;
    if (!values) return NULL;
    const char *text = t->slope[n->id] ? slope_text(t, n, k)
                       : n->op->terms  ? sum_text(t, n, k)
                                       : function_text(t, n, k);
    if (!text || !*text) return NULL;
    const char *result = trace_number(t, values[k]);
    return strcmp(text, result) == 0 ? text : arena_printf(t->arena, "%s = %s", text, result);
}
