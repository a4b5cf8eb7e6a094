/* Layers that are exported and read back. */
#ifndef NNC_TESTS_UNIT_EXPORT_CASES_H
#define NNC_TESTS_UNIT_EXPORT_CASES_H

/* What comes back: the outputs to the bit or nearly, of a net with the same report or of one with
 * other layers. */
typedef enum Comeback { SAME_NET, SAME_BITS, CLOSE_NET, CLOSE } Comeback;

typedef struct LayerCase {
    const char *name, *layers;
    Comeback comes_back;
} LayerCase;

extern const LayerCase export_cases[];
extern const int export_case_count;

#endif
