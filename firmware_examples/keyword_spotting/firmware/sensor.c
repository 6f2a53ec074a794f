/* sensor.c - plays the recordings of recordings.h instead of a microphone. */
#include "sensor.h"

#include "recordings.h"

/* The 8-bit code of ITU-T G.711, mu-law: sign, exponent and four bits behind the leading one. */
static int16_t expand(uint8_t code)
{
    const int32_t bits = ~code & 0xff;
    const int32_t size = (((bits & 0x0f) * 8 + 0x84) << ((bits >> 4) & 7)) - 0x84;
    return (int16_t)((bits & 0x80) != 0 ? -size : size);
}

/* The sample at a time since the start; silence before, between and after the words. */
static int16_t sample_at(int32_t time)
{
    for (int32_t i = 0; i < RECORDINGS; i++) {
        const recording_t *word = &recordings[i];
        if (time >= word->start && time < word->start + word->length) {
            return expand(word->codes[time - word->start]);
        }
    }
    return 0;
}

bool sensor_read(int16_t *hop)
{
    static int32_t time;
    if (time + FRONT_END_HOP > RECORDINGS_END) {
        return false;
    }
    for (int32_t i = 0; i < FRONT_END_HOP; i++) {
        hop[i] = sample_at(time + i);
    }
    time += FRONT_END_HOP;
    return true;
}
