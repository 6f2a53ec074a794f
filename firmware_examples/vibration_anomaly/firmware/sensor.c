/* sensor.c - plays the recording of recordings.h instead of a sensor. */
#include "sensor.h"

#include <string.h>

#include "recordings.h"

bool sensor_read(int16_t *frame)
{
    static int32_t next;
    if (next + FRONT_END_FRAME > RECORDINGS_SAMPLES) {
        return false;
    }
    memcpy(frame, recordings + next, FRONT_END_FRAME * sizeof frame[0]);
    next += FRONT_END_FRAME;
    return true;
}
