/* Hops of sound on standard input, rows of features on standard output. */
#include <stdio.h>

#include "front_end.h"

int main(void)
{
    static front_end_t front_end;
    int16_t hop[FRONT_END_HOP];
    int8_t row[FRONT_END_COEFFICIENTS];

    front_end_reset(&front_end);
    while (fread(hop, sizeof hop, 1, stdin) == 1) {
        if (front_end_push(&front_end, hop, row)) {
            fwrite(row, sizeof row, 1, stdout);
        }
    }
    return 0;
}
