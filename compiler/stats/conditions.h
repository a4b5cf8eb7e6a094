/* The conditions of the kinds of findings: each looks at the evidence and adds what it finds. */
#ifndef NNC_STATS_CONDITIONS_H
#define NNC_STATS_CONDITIONS_H

#include "stats/findings.h"

/* conditions_data.c */
void look_for_constant_labels(const Evidence *, Findings *);
void look_for_constant_inputs(const Evidence *, Findings *);
void look_for_unscaled_inputs(const Evidence *, Findings *);
void look_for_small_batches(const Evidence *, Findings *);

/* conditions_layers.c */
void look_for_bad_number(const Evidence *, Findings *);
void look_for_vanishing_gradient(const Evidence *, Findings *);
void look_for_exploding_gradient(const Evidence *, Findings *);
void look_for_dead_units(const Evidence *, Findings *);
void look_for_saturation(const Evidence *, Findings *);

/* conditions_loss.c */
void look_for_high_rate(const Evidence *, Findings *);
void look_for_low_rate(const Evidence *, Findings *);
void look_for_chance_level(const Evidence *, Findings *);
void look_for_missing_classes(const Evidence *, Findings *);
void look_for_over_fitting(const Evidence *, Findings *);

#endif
