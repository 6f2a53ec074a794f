/* Samples of acceleration on standard input, a window after each row on standard output. */
#include <stdio.h>

#include "front_end.h"

int main(void)
{
    static front_end_t front_end;
    int16_t sample[FRONT_END_AXES];
    int8_t window[FRONT_END_ROWS * FRONT_END_AXES];

    front_end_reset(&front_end);
    while (fread(sample, sizeof sample, 1, stdin) == 1) {
        if (front_end_push(&front_end, sample) && front_end_window(&front_end, window)) {
            fwrite(window, sizeof window, 1, stdout);
        }
    }
    return 0;
}
