/* One function of dsp.h on numbers from standard input: fft SIZE, log2 or mul. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsp.h"

static void fft(int32_t size)
{
    static int32_t data[DSP_FFT_MAX];
    while (fread(data, (size_t)size * sizeof data[0], 1, stdin) == 1) {
        dsp_rfft(data, size);
        fwrite(data, (size_t)size * sizeof data[0], 1, stdout);
    }
}

int main(int count, char **words)
{
    if (count == 3 && strcmp(words[1], "fft") == 0) {
        fft((int32_t)atoi(words[2]));
    } else if (count == 2 && strcmp(words[1], "log2") == 0) {
        uint64_t x;
        while (fread(&x, sizeof x, 1, stdin) == 1) {
            const int32_t y = dsp_log2_q16(x);
            fwrite(&y, sizeof y, 1, stdout);
        }
    } else {
        int32_t pair[2];
        while (fread(pair, sizeof pair, 1, stdin) == 1) {
            const int32_t y = dsp_mul_q15(pair[0], pair[1]);
            fwrite(&y, sizeof y, 1, stdout);
        }
    }
    return 0;
}
