/* front_end.c - levels of frequency bands in fixed point; see front_end.h. */
#include "front_end.h"

#include <string.h>

#include "dsp.h"
#include "front_end_tables.h"

#define SAMPLE_GAIN 32 /* five more bits than a sample has */
#define POWER_SHIFT 14
#define LEVEL_SHIFT 13 /* from Q16 to eighths */

void front_end_reset(front_end_t *front_end)
{
    memset(front_end->energy, 0, sizeof front_end->energy);
    front_end->frames = 0;
}

static int8_t to_int8(int32_t value)
{
    return (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
}

static void add_frame(front_end_t *front_end, const int16_t *frame)
{
    int32_t *work = front_end->work;
    const int32_t half = FRONT_END_FRAME / 2;
    for (int32_t i = 0; i < half; i++) {
        work[i] = dsp_mul_q15(frame[i] * SAMPLE_GAIN, spectrum_hann[i]);
        work[half + i] = dsp_mul_q15(frame[half + i] * SAMPLE_GAIN, spectrum_hann[half - 1 - i]);
    }
    dsp_rfft(work, FRONT_END_FRAME);
    for (int32_t band = 0; band < FRONT_END_BANDS; band++) {
        for (int32_t k = spectrum_edges[band]; k < spectrum_edges[band + 1]; k++) {
            front_end->energy[band] += dsp_power(work + 2 * k) >> POWER_SHIFT;
        }
    }
    front_end->frames++;
}

bool front_end_push(front_end_t *front_end, const int16_t *frame, int8_t *levels)
{
    add_frame(front_end, frame);
    if (front_end->frames < FRONT_END_FRAMES) {
        return false;
    }
    for (int32_t band = 0; band < FRONT_END_BANDS; band++) {
        const int32_t level = dsp_log2_q16(front_end->energy[band] + 1u) - spectrum_offsets[band];
        levels[band] = to_int8((level + (1 << (LEVEL_SHIFT - 1))) >> LEVEL_SHIFT);
    }
    front_end_reset(front_end);
    return true;
}
