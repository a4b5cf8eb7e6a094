/*
 * quantization: an f32 model and the int8 models that are made of it, on the same samples.
 *
 * The f32 net runs with all values that get a scale as further outputs, and what it makes of samples of
 * the training part gives the scales (quantization_observe).  Then an int8 net is made, in which some
 * layers may stay in f32 (`kept`), as often as one likes.
 */
#ifndef NNC_COMMANDS_QUANTIZATION_H
#define NNC_COMMANDS_QUANTIZATION_H

#include "commands/support/certificate.h"
#include "commands/support/feeding.h"
#include "commands/support/weighted.h"
#include "quantize/calibrate.h"

typedef struct QuantizeRequest {
    LoadOptions load;
    const char *weights, *output;
    const char *certificate, *page; /* FILE.json and FILE.html, or NULL */
    const char *keep;               /* names between commas, or NULL */
    double max_drop;                /* points; negative: none given */
    DataRequest data;
    RangeChoice method;
    bool method_given;
    int64_t samples;
    bool as_training; /* inputs as the train section has them, not as the weights file says */
} QuantizeRequest;

/* A model that runs, and where each of the values stands in a row of its outputs. */
typedef struct ShownNet {
    Model m;
    const void *model;
    int64_t *offset;
    float *y;
    void *scratch;
    void *block; /* of the model; NULL: it is another's */
} ShownNet;

typedef struct Quantization {
    const QuantizeRequest *request;
    Arena *arena;
    WeightedModel weights;
    Feeding feeding;
    DataPart samples_part, judged_part;
    bool learned;                 /* the weights have scales, from training with simulated int8 */
    const QuantizedNet *recorded; /* all in int8, with scales of 1: whose values are observed */
    Observer *observers;          /* by value of `recorded` */
    List kept;                    /* of const char *: layers that stay in f32 */
    const QuantizedNet *net;      /* with the scales that were found */
    int *twin;                    /* by value of `net`: that of `recorded`, or −1 */
    Arena *numbers;               /* of this net's layers */
    List layers;                  /* of LayerNumbers */
    ShownNet f32, int8;
    ValueError *errors; /* by value of `net` */
    double noise;       /* Σ (y − ŷ)² of the net's output */
    int64_t seen;       /* samples */
    size_t bad;         /* values that are no numbers */
} Quantization;

/* Each returns a Status, after a message. */
int quantization_open(Quantization *);    /* of a net that is loaded: `recorded`, the f32 code, weights, data */
int quantization_observe(Quantization *); /* the observers */
int quantization_scale(Quantization *);   /* the scales, of values and weights, without code */
/* The int8 net in place of the one before; with its values as outputs, for quantization_errors. */
int quantization_make(Quantization *, bool values);
int quantization_errors(Quantization *); /* of the values, on the samples */
int quantization_noise(Quantization *);  /* of the output, on the samples */

/* Whether there is an accuracy; that of the f32 net, then of both, sample by sample. */
bool quantization_is_judged(const Quantization *);
int quantization_agreement(Quantization *, Agreement *);

void quantization_close(Quantization *);

/* ---- quantize_search.c ---- */

/* Finds the layers that have to stay in f32, `kept`, so that the accuracy drops by no more than is
 * asked for. */
int quantization_search(Quantization *);

#endif
