/* score.h - how badly the autoencoder reproduced a spectrum.
 *
 * score.py defines the same computation in Python; both give the same integers.
 */
#ifndef SCORE_H
#define SCORE_H

#include <stdint.h>

/* The sum over the bands of the squared difference of the model's input and output, in real units
 * times 2^24. */
uint64_t anomaly_score(const int8_t *input, const int8_t *output);

/* A score as tenths of a threshold, at most 999.9 times it. */
int32_t score_tenths(uint64_t score, uint32_t threshold);

#endif
