/* features.h - sound in, rows of the model's input out, in fixed point.
 *
 * features_fixed.py defines the same computation in Python; both give the same bytes.
 */
#ifndef FEATURES_H
#define FEATURES_H

#include <stdbool.h>
#include <stdint.h>

#define FEATURES_HOP 320       /* samples in a hop: 20 ms at 16 kHz */
#define FEATURES_COEFFICIENTS 10
#define FEATURES_ROWS 49       /* rows in a window: one second */

/* What is kept from hop to hop, and room to work in: about 5 kB. */
typedef struct {
    int16_t last[FEATURES_HOP];
    bool has_last;
    int32_t work[1024];
} features_t;

/* Starts anew, as after a break in the sound. */
void features_reset(features_t *features);

/* Takes the next hop. Returns true and writes a row, ten coefficients, once there are two hops. */
bool features_push(features_t *features, const int16_t *hop, int8_t *row);

#endif
