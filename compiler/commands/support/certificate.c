/* Numbers of the certificate, as JSON and as a table. */
#include "commands/support/certificate.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/support/output.h"
#include "report/page_text.h"

static double decibels(const ValueError *e) { return e->noise > 0 ? 10 * log10(e->signal / e->noise) : INFINITY; }

static double share(int64_t part, int64_t whole) { return whole ? (double)part / (double)whole : 0; }

/* Six digits: what follows them is the order of sums. */
static json_t *number(double value)
{
    char text[32];
    if (!isfinite(value)) return json_null();
    snprintf(text, sizeof text, "%.6g", value);
    return json_real(strtod(text, NULL));
}

/* Wilson's score interval of a share, at 95 %. */
static void wilson(int64_t right, int64_t all, double bounds[2])
{
    const double z = 1.959964, n = (double)all, p = share(right, all), z2 = z * z;
    const double middle = (p + z2 / (2 * n)) / (1 + z2 / n);
    const double half = z / (1 + z2 / n) * sqrt(p * (1 - p) / n + z2 / (4 * n * n));
    bounds[0] = middle - half;
    bounds[1] = middle + half;
}

/* Of the change of a share over pairs, at 95 %: only samples that changed count. */
static double change_half_width(const Agreement *a)
{
    const double n = (double)a->samples, changed = (double)(a->lost + a->won), d = (double)(a->won - a->lost);
    return 1.959964 * sqrt(fmax(changed - d * d / n, 0)) / n;
}

static json_t *accuracy_json(int64_t right, int64_t all, double loss)
{
    double bounds[2];
    wilson(right, all, bounds);
    return json_pack("{s:o, s:[o, o], s:I, s:o}", "accuracy", number(share(right, all)), "interval_95",
                     number(bounds[0]), number(bounds[1]), "right", (json_int_t)right, "loss", number(loss));
}

static json_t *agreement_json(const Agreement *a)
{
    if (!a) return json_null();
    const double change = share(a->won - a->lost, a->samples), half = change_half_width(a);
    return json_pack("{s:s, s:I, s:o, s:o, s:o, s:[o, o], s:I, s:I}", "part", a->part, "samples",
                     (json_int_t)a->samples, "before", accuracy_json(a->before, a->samples, a->loss_before), "after",
                     accuracy_json(a->after, a->samples, a->loss_after), "change", number(change), "change_interval_95",
                     number(change - half), number(change + half), "lost", (json_int_t)a->lost, "won",
                     (json_int_t)a->won);
}

static json_t *value_json(const QuantizedValue *v, const ValueError *e)
{
    return json_pack("{s:s, s:o, s:i, s:o, s:o, s:o, s:o}", "value", v->value->name, "scale", number(v->made->scale),
                     "zero_point", v->made->zero_point, "snr_db", number(decibels(e)), "largest_error",
                     number(e->largest), "saturated", number(share(e->cut, e->count)), "at_ends",
                     number(share(e->ends, e->count)));
}

const char *certificate_text(Arena *arena, const CertificateFacts *f)
{
    json_t *values = json_array(), *reals = json_array(), *kept = json_array();
    for (int i = 0; i < f->kept->count; i++) json_array_append_new(kept, json_string(f->kept->at[i]));
    for (int i = 0; i < f->quantized->values.count; i++)
        if (f->errors[i].count) json_array_append_new(values, value_json(f->quantized->values.at[i], &f->errors[i]));
    for (int i = 0; i < f->quantized->reals.count; i++)
        json_array_append_new(reals, json_string(((const Node *)f->quantized->reals.at[i])->name));
    json_t *all = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "version", 1,
                            "net", f->net, "weights", f->weights, "data", f->data, "format", "int8", "calibration",
                            f->method, "calibration_samples", (json_int_t)f->calibration_samples, "compared_samples",
                            (json_int_t)f->compared_samples, "weight_bytes_before", (json_int_t)f->bytes_before,
                            "weight_bytes_after", (json_int_t)f->bytes_after, "accuracy", agreement_json(f->agreement),
                            "layers", values, "in_f32", reals, "kept_in_f32", kept, "max_drop",
                            f->max_drop < 0 ? json_null() : number(f->max_drop));
    char *text = json_dumps(all, JSON_INDENT(2) | JSON_REAL_PRECISION(7));
    json_decref(all);
    const char *made = arena_printf(arena, "%s\n", text ? text : "");
    free(text);
    return made;
}

int certificate_write_page(const char *path, const char *net, const char *text)
{
    const Page page = {certificate_html_text,   net, "int8 certificate", certificate_style_text,
                       certificate_script_text, text};
    return output_write_page(path, &page);
}

const char *certificate_hash(Arena *arena, const char *text)
{
    return arena_printf(arena, "%016llx", (unsigned long long)hash_bytes(HASH_START, text, strlen(text)));
}

static void print_agreement(const Agreement *a)
{
    double bounds[2];
    wilson(a->before, a->samples, bounds);
    printf("before     %.2f %% (%.2f to %.2f %%), loss %.6g\n", 100 * share(a->before, a->samples), 100 * bounds[0],
           100 * bounds[1], a->loss_before);
    wilson(a->after, a->samples, bounds);
    printf("after      %.2f %% (%.2f to %.2f %%), loss %.6g\n", 100 * share(a->after, a->samples), 100 * bounds[0],
           100 * bounds[1], a->loss_after);
    const double change = 100 * share(a->won - a->lost, a->samples), half = 100 * change_half_width(a);
    printf("change     %+.2f points (%+.2f to %+.2f): %lld of %lld %s samples lost, %lld won\n", change, change - half,
           change + half, (long long)a->lost, (long long)a->samples, a->part, (long long)a->won);
}

void certificate_print(const CertificateFacts *f)
{
    printf("net        %s\nweights    %lld bytes, in f32 %lld\n", f->net, (long long)f->bytes_after,
           (long long)f->bytes_before);
    if (f->calibration_samples)
        printf("calibrated %s, %lld samples\n", f->method, (long long)f->calibration_samples);
    else
        printf("scales     learned in training with simulated int8\n");
    if (f->agreement) print_agreement(f->agreement);
    printf("\n%-32s %8s %12s %10s %6s\n", "value", "SNR dB", "max error", "saturated", "zero");
    for (int i = 0; i < f->quantized->values.count; i++) {
        const QuantizedValue *v = f->quantized->values.at[i];
        const ValueError *e = &f->errors[i];
        if (e->count)
            printf("%-32s %8.2f %12.4g %9.3f%% %6d\n", v->value->name, decibels(e), e->largest,
                   100 * share(e->cut, e->count), v->made->zero_point);
    }
    for (int i = 0; i < f->quantized->reals.count; i++)
        printf("%s%s", i ? ", " : "\nin f32     ", ((const Node *)f->quantized->reals.at[i])->name);
    if (f->quantized->reals.count) putchar('\n');
}
