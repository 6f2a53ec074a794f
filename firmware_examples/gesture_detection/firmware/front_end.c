/* front_end.c - see front_end.h. */
#include "front_end.h"

#include <string.h>

#define MEAN_SHIFT 6 /* 64 rows */
#define UNIT_SHIFT 6 /* 4096 for each g become 64 */

void front_end_reset(front_end_t *front_end)
{
    memset(front_end, 0, sizeof *front_end);
}

bool front_end_push(front_end_t *front_end, const int16_t *sample)
{
    for (int32_t axis = 0; axis < FRONT_END_AXES; axis++) {
        front_end->sum[axis] += sample[axis];
    }
    front_end->samples++;
    if (front_end->samples < FRONT_END_SAMPLES_PER_ROW) {
        return false;
    }
    int16_t *row = front_end->rows[front_end->oldest];
    for (int32_t axis = 0; axis < FRONT_END_AXES; axis++) {
        row[axis] = (int16_t)((front_end->sum[axis] + 2) >> 2);
        front_end->sum[axis] = 0;
    }
    front_end->samples = 0;
    front_end->oldest = (front_end->oldest + 1) % FRONT_END_ROWS;
    if (front_end->filled < FRONT_END_ROWS) {
        front_end->filled++;
    }
    return true;
}

bool front_end_window(const front_end_t *front_end, int8_t *input)
{
    if (front_end->filled < FRONT_END_ROWS) {
        return false;
    }
    for (int32_t axis = 0; axis < FRONT_END_AXES; axis++) {
        int32_t sum = 0;
        for (int32_t i = 0; i < FRONT_END_ROWS; i++) {
            sum += front_end->rows[i][axis];
        }
        const int32_t mean = (sum + (1 << (MEAN_SHIFT - 1))) >> MEAN_SHIFT;
        for (int32_t i = 0; i < FRONT_END_ROWS; i++) {
            const int32_t row = (front_end->oldest + i) % FRONT_END_ROWS;
            const int32_t moved = front_end->rows[row][axis] - mean;
            const int32_t value = (moved + (1 << (UNIT_SHIFT - 1))) >> UNIT_SHIFT;
            input[i * FRONT_END_AXES + axis] =
                (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
        }
    }
    return true;
}
