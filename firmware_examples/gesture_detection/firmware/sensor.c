/* sensor.c - plays the recording of recordings.h instead of an accelerometer. */
#include "sensor.h"

#include <string.h>

#include "recordings.h"

bool sensor_read(int16_t *sample)
{
    static int32_t next;
    if (next >= RECORDINGS_SAMPLES) {
        return false;
    }
    memcpy(sample, recordings[next], sizeof recordings[next]);
    next++;
    return true;
}
