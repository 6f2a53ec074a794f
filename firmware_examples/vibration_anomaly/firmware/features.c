/* features.c - levels of frequency bands in fixed point; see features.h. */
#include "features.h"

#include <string.h>

#include "dsp.h"
#include "features_tables.h"

#define SAMPLE_GAIN 32 /* five more bits than a sample has */
#define POWER_SHIFT 14
#define LEVEL_SHIFT 13 /* from Q16 to eighths */

void features_reset(features_t *features)
{
    memset(features->energy, 0, sizeof features->energy);
    features->frames = 0;
}

static int8_t to_int8(int32_t value)
{
    return (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
}

static void add_frame(features_t *features, const int16_t *frame)
{
    int32_t *work = features->work;
    const int32_t half = FEATURES_FRAME / 2;
    for (int32_t i = 0; i < half; i++) {
        work[i] = dsp_mul_q15(frame[i] * SAMPLE_GAIN, spectrum_hann[i]);
        work[half + i] = dsp_mul_q15(frame[half + i] * SAMPLE_GAIN, spectrum_hann[half - 1 - i]);
    }
    dsp_rfft(work, FEATURES_FRAME);
    for (int32_t band = 0; band < FEATURES_BANDS; band++) {
        for (int32_t k = spectrum_edges[band]; k < spectrum_edges[band + 1]; k++) {
            features->energy[band] += dsp_power(work + 2 * k) >> POWER_SHIFT;
        }
    }
    features->frames++;
}

bool features_push(features_t *features, const int16_t *frame, int8_t *levels)
{
    add_frame(features, frame);
    if (features->frames < FEATURES_FRAMES) {
        return false;
    }
    for (int32_t band = 0; band < FEATURES_BANDS; band++) {
        const int32_t level = dsp_log2_q16(features->energy[band] + 1u) - spectrum_offsets[band];
        levels[band] = to_int8((level + (1 << (LEVEL_SHIFT - 1))) >> LEVEL_SHIFT);
    }
    features_reset(features);
    return true;
}
