/* features.h - vibration in, the model's input out, in fixed point.
 *
 * features.py defines the same computation in Python; both give the same bytes.
 */
#ifndef FEATURES_H
#define FEATURES_H

#include <stdbool.h>
#include <stdint.h>

#define FEATURES_FRAME 1024 /* samples, 4096 Hz */
#define FEATURES_FRAMES 4   /* in a window: one second */
#define FEATURES_BANDS 48

/* Energies of the window that is coming, and room to work in: about 4.5 kB. */
typedef struct {
    uint64_t energy[FEATURES_BANDS];
    int32_t frames;
    int32_t work[FEATURES_FRAME];
} features_t;

void features_reset(features_t *features);

/* Takes the next frame. Returns true and writes the levels of the bands once it completes a window. */
bool features_push(features_t *features, const int16_t *frame, int8_t *levels);

#endif
