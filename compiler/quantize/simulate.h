/*
 * simulate: a net → the same net in floats that rounds as its int8 form would, for training.
 *
 * Each value that has an int8 form is rounded to what its integers stand for, each weight of a layer
 * in integers to those of its rows, after the batchnorm behind the layer is folded into it, with its
 * running statistics, which stay as they are.  Gradients pass through the rounding (Bengio et al.,
 * 2013), and steps are learned (Esser et al., Learned Step Size Quantization, ICLR 2020).
 *
 * The tensors of a scale NAME, of a value or of LAYER.qweight, in the model and in its files:
 *
 *   quantization/NAME.scale          as it was found before training
 *   quantization/NAME.zero_point     of a value: the number that stands for 0
 *   quantization/NAME.scale_factor   learned: the scale is scale · scale_factor, floats
 */
#ifndef NNC_QUANTIZE_SIMULATE_H
#define NNC_QUANTIZE_SIMULATE_H

#include "quantize/quantizer.h"

#define SIMULATED_PREFIX "quantization/"
#define SIMULATED_SCALE  ".scale"
#define SIMULATED_ZERO   ".zero_point"
#define SIMULATED_FACTOR ".scale_factor"

/* The net, whose parameters keep their names; NULL where no layer of it can be in int8. */
Graph *simulate_net(Graph *net);

/* The value whose scale a value of the net has: its own; of a branch of a concat, that of the
 * result; of what is moved or averaged, that of the input. */
const Tensor *simulated_owner(const Graph *net, const QuantizedNet *, const Tensor *value);

/* ---- attributes of ops/internal ------------------------------------------------------------ */

typedef struct StepSizeAttrs {
    double gradient_factor; /* of LSQ: 1 / √(elements · largest integer) */
} StepSizeAttrs;

typedef struct SimulateAttrs {
    bool averages;  /* halfway cases are frequent, */
    bool integers;  /* and away from the 0 of −128 … 127, not from that of the numbers */
    bool rows_last; /* the last axis is that of the layer's rows, not the first */
} SimulateAttrs;

typedef struct RowUnitsAttrs {
    double divisor;
} RowUnitsAttrs;

#endif
