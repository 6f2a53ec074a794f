/* Pairs of the model's input and output on standard input, 64-bit scores on standard output. */
#include <stdio.h>

#include "score.h"
#include "vibration_anomaly.h"

int main(void)
{
    int8_t pair[2][VIBRATION_ANOMALY_OUTPUT_BYTES];

    while (fread(pair, sizeof pair, 1, stdin) == 1) {
        const uint64_t score = anomaly_score(pair[0], pair[1]);
        fwrite(&score, sizeof score, 1, stdout);
    }
    return 0;
}
