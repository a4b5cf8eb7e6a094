/*
 * Bins of probabilities.
 */
#include "commands/predict/calibration.h"

#include <math.h>
#include <stdio.h>

void calibration_add(Calibration *c, double probability, bool right)
{
    int bin = (int)ceil(probability * CALIBRATION_BINS) - 1;
    bin = bin < 0 ? 0 : bin >= CALIBRATION_BINS ? CALIBRATION_BINS - 1 : bin;
    c->bin[bin].count++;
    c->bin[bin].right += right;
    c->bin[bin].confidence += probability;
    c->count++;
}

static double bin_accuracy(const CalibrationBin *b) { return (double)b->right / (double)b->count; }
static double bin_confidence(const CalibrationBin *b) { return b->confidence / (double)b->count; }

/* The expected calibration error (Guo et al., On Calibration of Modern Neural Networks, 2017):
 * Σ over bins of count/all · |right/count − mean probability|. */
static double calibration_error(const Calibration *c)
{
    double sum = 0;
    for (int i = 0; i < CALIBRATION_BINS; i++) {
        const CalibrationBin *b = &c->bin[i];
        if (b->count) sum += (double)b->count * fabs(bin_accuracy(b) - bin_confidence(b));
    }
    return c->count ? sum / (double)c->count : 0;
}

static double bin_edge(int bin) { return (double)bin / CALIBRATION_BINS; }

void calibration_print(const Calibration *c)
{
    printf("\ncalibration error (ECE) %.2f %%\n%15s %11s %10s %8s\n", 100 * calibration_error(c), "probability", "mean",
           "accuracy", "count");
    for (int i = 0; i < CALIBRATION_BINS; i++) {
        const CalibrationBin *b = &c->bin[i];
        if (b->count)
            printf("%6.2f - %6.2f %9.2f %% %8.2f %% %8lld\n", 100 * bin_edge(i), 100 * bin_edge(i + 1),
                   100 * bin_confidence(b), 100 * bin_accuracy(b), (long long)b->count);
    }
}

json_t *calibration_json(const Calibration *c)
{
    json_t *bins = json_array();
    for (int i = 0; i < CALIBRATION_BINS; i++) {
        const CalibrationBin *b = &c->bin[i];
        json_array_append_new(bins, json_pack("{sf sf sI so so}", "from", bin_edge(i), "to", bin_edge(i + 1), "count",
                                              (json_int_t)b->count, "confidence",
                                              b->count ? json_real(bin_confidence(b)) : json_null(), "accuracy",
                                              b->count ? json_real(bin_accuracy(b)) : json_null()));
    }
    return json_pack("{sf so}", "ece", calibration_error(c), "bins", bins);
}
