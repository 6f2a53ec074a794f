/* front_end.h - sound in, rows of the model's input out, in fixed point.
 *
 * features_fixed.py defines the same computation in Python; both give the same bytes.
 */
#ifndef FRONT_END_H
#define FRONT_END_H

#include <stdbool.h>
#include <stdint.h>

#define FRONT_END_HOP 320       /* samples in a hop: 20 ms at 16 kHz */
#define FRONT_END_COEFFICIENTS 10
#define FRONT_END_ROWS 49       /* rows in a window: one second */

/* What is kept from hop to hop, and room to work in: about 5 kB. */
typedef struct {
    int16_t last[FRONT_END_HOP];
    bool has_last;
    int32_t work[1024];
} front_end_t;

/* Starts anew, as after a break in the sound. */
void front_end_reset(front_end_t *front_end);

/* Takes the next hop. Returns true and writes a row, ten coefficients, once there are two hops. */
bool front_end_push(front_end_t *front_end, const int16_t *hop, int8_t *row);

#endif
