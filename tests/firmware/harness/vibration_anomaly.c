/* Frames of vibration on standard input, the levels of each window on standard output. */
#include <stdio.h>

#include "front_end.h"

int main(void)
{
    static front_end_t front_end;
    static int16_t frame[FRONT_END_FRAME];
    int8_t levels[FRONT_END_BANDS];

    front_end_reset(&front_end);
    while (fread(frame, sizeof frame, 1, stdin) == 1) {
        if (front_end_push(&front_end, frame, levels)) {
            fwrite(levels, sizeof levels, 1, stdout);
        }
    }
    return 0;
}
