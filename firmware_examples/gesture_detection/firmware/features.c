/* features.c - see features.h. */
#include "features.h"

#include <string.h>

#define MEAN_SHIFT 6 /* 64 rows */
#define UNIT_SHIFT 6 /* 4096 for each g become 64 */

void features_reset(features_t *features)
{
    memset(features, 0, sizeof *features);
}

bool features_push(features_t *features, const int16_t *sample)
{
    for (int32_t axis = 0; axis < FEATURES_AXES; axis++) {
        features->sum[axis] += sample[axis];
    }
    features->samples++;
    if (features->samples < FEATURES_SAMPLES_PER_ROW) {
        return false;
    }
    int16_t *row = features->rows[features->oldest];
    for (int32_t axis = 0; axis < FEATURES_AXES; axis++) {
        row[axis] = (int16_t)((features->sum[axis] + 2) >> 2);
        features->sum[axis] = 0;
    }
    features->samples = 0;
    features->oldest = (features->oldest + 1) % FEATURES_ROWS;
    if (features->filled < FEATURES_ROWS) {
        features->filled++;
    }
    return true;
}

bool features_window(const features_t *features, int8_t *input)
{
    if (features->filled < FEATURES_ROWS) {
        return false;
    }
    for (int32_t axis = 0; axis < FEATURES_AXES; axis++) {
        int32_t sum = 0;
        for (int32_t i = 0; i < FEATURES_ROWS; i++) {
            sum += features->rows[i][axis];
        }
        const int32_t mean = (sum + (1 << (MEAN_SHIFT - 1))) >> MEAN_SHIFT;
        for (int32_t i = 0; i < FEATURES_ROWS; i++) {
            const int32_t row = (features->oldest + i) % FEATURES_ROWS;
            const int32_t moved = features->rows[row][axis] - mean;
            const int32_t value = (moved + (1 << (UNIT_SHIFT - 1))) >> UNIT_SHIFT;
            input[i * FEATURES_AXES + axis] =
                (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
        }
    }
    return true;
}
