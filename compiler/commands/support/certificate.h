/*
 * certificate: how far an int8 model is from the f32 model that it was made of, measured.
 */
#ifndef NNC_COMMANDS_CERTIFICATE_H
#define NNC_COMMANDS_CERTIFICATE_H

#include "commands/support/quantized.h"

/* Of a value, over the samples: the f32 numbers against those that the integers stand for. */
typedef struct ValueError {
    double signal, noise; /* sums of squares */
    double largest;       /* of |difference| */
    int64_t ends, count;  /* integers that are −128 or 127; all */
    int64_t cut;          /* f32 numbers beyond what the integers reach */
} ValueError;

/* Before and after, sample by sample. */
typedef struct Agreement {
    const char *part;
    int64_t samples, before, after, lost, won; /* right before; after; before alone; after alone */
    double loss_before, loss_after;
} Agreement;

typedef struct CertificateFacts {
    const char *net, *weights, *data, *method;
    int64_t calibration_samples, compared_samples;
    const QuantizedNet *quantized;
    const ValueError *errors;   /* by value; of no numbers: it was not observed */
    const List *kept;           /* of const char *: layers that are in f32 because it was wanted */
    double max_drop;            /* points; negative: none was asked for */
    const Agreement *agreement; /* NULL: the data has no part for it, or no classes */
    int64_t bytes_before, bytes_after;
} CertificateFacts;

/* As JSON; deterministic. */
const char *certificate_text(Arena *, const CertificateFacts *);
/* The text as a page; a Status. */
int certificate_write_page(const char *path, const char *net, const char *text);
/* Of the text, 16 hexadecimal digits. */
const char *certificate_hash(Arena *, const char *text);
/* The same for people, on standard output. */
void certificate_print(const CertificateFacts *);

#endif
