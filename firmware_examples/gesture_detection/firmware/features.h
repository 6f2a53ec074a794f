/* features.h - acceleration in, the model's input out, in integers.
 *
 * features.py defines the same computation in Python; both give the same bytes.
 */
#ifndef FEATURES_H
#define FEATURES_H

#include <stdbool.h>
#include <stdint.h>

#define FEATURES_AXES 3
#define FEATURES_ROWS 64           /* in a window: 2.56 s */
#define FEATURES_SAMPLES_PER_ROW 4 /* 100 Hz become 25 Hz */

/* The last rows, in a ring. */
typedef struct {
    int16_t rows[FEATURES_ROWS][FEATURES_AXES];
    int32_t oldest;
    int32_t filled;
    int32_t sum[FEATURES_AXES]; /* of the samples of the row that is coming */
    int32_t samples;
} features_t;

void features_reset(features_t *features);

/* Takes a sample of all axes, 4096 for each g. Returns true if it completed a row. */
bool features_push(features_t *features, const int16_t *sample);

/* Writes the model's input: the last FEATURES_ROWS rows without their mean. Returns false, and writes
 * nothing, before there are so many. */
bool features_window(const features_t *features, int8_t *input);

#endif
