/* front_end.h - vibration in, the model's input out, in fixed point.
 *
 * features.py defines the same computation in Python; both give the same bytes.
 */
#ifndef FRONT_END_H
#define FRONT_END_H

#include <stdbool.h>
#include <stdint.h>

#define FRONT_END_FRAME 1024 /* samples, 4096 Hz */
#define FRONT_END_FRAMES 4   /* in a window: one second */
#define FRONT_END_BANDS 48

/* Energies of the window that is coming, and room to work in: about 4.5 kB. */
typedef struct {
    uint64_t energy[FRONT_END_BANDS];
    int32_t frames;
    int32_t work[FRONT_END_FRAME];
} front_end_t;

void front_end_reset(front_end_t *front_end);

/* Takes the next frame. Returns true and writes the levels of the bands once it completes a window. */
bool front_end_push(front_end_t *front_end, const int16_t *frame, int8_t *levels);

#endif
