/* score.c - see score.h. */
#include "score.h"

#include "vibration_anomaly.h"

/* A step of the input and of the output in Q16; the compiler computes them. */
#define Q16(real) ((int32_t)((real)*65536.0f + 0.5f))
#define SHIFT 4 /* differences are squared in Q12 */
#define HIGHEST 9999

uint64_t anomaly_score(const int8_t *input, const int8_t *output)
{
    const int32_t unit_in = Q16(VIBRATION_ANOMALY_INPUT_SCALE);
    const int32_t unit_out = Q16(VIBRATION_ANOMALY_OUTPUT_SCALE);
    uint64_t score = 0;
    for (int32_t i = 0; i < VIBRATION_ANOMALY_OUTPUT_BYTES; i++) {
        const int32_t there = unit_in * (input[i] - VIBRATION_ANOMALY_INPUT_ZERO_POINT);
        const int32_t back = unit_out * (output[i] - VIBRATION_ANOMALY_OUTPUT_ZERO_POINT);
        const int64_t difference = (there - back) >> SHIFT;
        score += (uint64_t)(difference * difference);
    }
    return score;
}

int32_t score_tenths(uint64_t score, uint32_t threshold)
{
    const uint64_t tenths = score * 10u / threshold;
    return tenths < HIGHEST ? (int32_t)tenths : HIGHEST;
}
