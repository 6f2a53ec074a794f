/* front_end.h - acceleration in, the model's input out, in integers.
 *
 * features.py defines the same computation in Python; both give the same bytes.
 */
#ifndef FRONT_END_H
#define FRONT_END_H

#include <stdbool.h>
#include <stdint.h>

#define FRONT_END_AXES 3
#define FRONT_END_ROWS 64           /* in a window: 2.56 s */
#define FRONT_END_SAMPLES_PER_ROW 4 /* 100 Hz become 25 Hz */

/* The last rows, in a ring. */
typedef struct {
    int16_t rows[FRONT_END_ROWS][FRONT_END_AXES];
    int32_t oldest;
    int32_t filled;
    int32_t sum[FRONT_END_AXES]; /* of the samples of the row that is coming */
    int32_t samples;
} front_end_t;

void front_end_reset(front_end_t *front_end);

/* Takes a sample of all axes, 4096 for each g. Returns true if it completed a row. */
bool front_end_push(front_end_t *front_end, const int16_t *sample);

/* Writes the model's input: the last FRONT_END_ROWS rows without their mean. Returns false, and writes
 * nothing, before there are so many. */
bool front_end_window(const front_end_t *front_end, int8_t *input);

#endif
