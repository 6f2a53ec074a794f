/* dsp.c - see dsp.h. */
#include "dsp.h"

#include "dsp_tables.h"

int32_t dsp_mul_q15(int32_t a, int32_t w)
{
    /* Two 32-bit products: Cortex-M0+ has no instruction for a 64-bit one.
     * a = high * 65536 + low, and high * 65536 / 32768 is a whole number. */
    const int32_t high = a >> 16;
    const int32_t low = (int32_t)((uint32_t)a & 0xffffu);
    return high * w * 2 + ((low * w + (1 << 14)) >> 15);
}

int32_t dsp_log2_q16(uint64_t x)
{
    int32_t exponent = 63;
    while ((x >> 63) == 0) {
        x <<= 1;
        exponent--;
    }
    /* 23 bits behind the leading one: 7 choose a line of the table, 16 the place on it. */
    const uint32_t behind = (uint32_t)(x >> 40) & 0x7fffffu;
    const uint32_t line = behind >> 16;
    const uint32_t place = behind & 0xffffu;
    const uint32_t step = (uint32_t)dsp_log2[line + 1] - dsp_log2[line];
    return exponent * 65536 + (int32_t)(dsp_log2[line] + ((step * place + (1u << 15)) >> 16));
}

/* cos and sin of 2 pi k / 1024 in Q15, for 0 <= k < 512. */
static int32_t cosine(int32_t k)
{
    return k <= 256 ? (int32_t)dsp_sine[256 - k] : -(int32_t)dsp_sine[k - 256];
}

static int32_t sine(int32_t k)
{
    return (int32_t)dsp_sine[k <= 256 ? k : 512 - k];
}

static void swap_pairs(int32_t *data, int32_t i, int32_t j)
{
    for (int32_t part = 0; part < 2; part++) {
        const int32_t kept = data[2 * i + part];
        data[2 * i + part] = data[2 * j + part];
        data[2 * j + part] = kept;
    }
}

static void bit_reverse(int32_t *data, int32_t size)
{
    int32_t j = 0;
    for (int32_t i = 1; i < size; i++) {
        /* j counts up with its bits in reverse order. */
        int32_t bit = size >> 1;
        while ((j & bit) != 0) {
            j ^= bit;
            bit >>= 1;
        }
        j ^= bit;
        if (i < j) {
            swap_pairs(data, i, j);
        }
    }
}

/* The complex transform of `size` pairs. */
static void fft(int32_t *data, int32_t size)
{
    bit_reverse(data, size);
    for (int32_t span = 1; span < size; span *= 2) {
        const int32_t turn = DSP_FFT_MAX / 2 / span;
        for (int32_t k = 0; k < span; k++) {
            const int32_t c = cosine(k * turn);
            const int32_t s = sine(k * turn);
            for (int32_t i = k; i < size; i += 2 * span) {
                int32_t *a = data + 2 * i;
                int32_t *b = a + 2 * span;
                const int32_t re = dsp_mul_q15(b[0], c) + dsp_mul_q15(b[1], s);
                const int32_t im = dsp_mul_q15(b[1], c) - dsp_mul_q15(b[0], s);
                b[0] = a[0] - re;
                b[1] = a[1] - im;
                a[0] += re;
                a[1] += im;
            }
        }
    }
}

/* One bin of the real transform from bin p of the pairs' transform and its mirror image q:
 * the spectrum of the even samples plus the turned spectrum of the odd ones. */
static void split(int32_t *bin, const int32_t *p, const int32_t *q, int32_t angle)
{
    const int32_t even_re = (p[0] + q[0]) >> 1;
    const int32_t even_im = (p[1] - q[1]) >> 1;
    const int32_t odd_re = (p[1] + q[1]) >> 1;
    const int32_t odd_im = (q[0] - p[0]) >> 1;
    const int32_t c = cosine(angle);
    const int32_t s = sine(angle);
    bin[0] = even_re + dsp_mul_q15(odd_re, c) + dsp_mul_q15(odd_im, s);
    bin[1] = even_im + dsp_mul_q15(odd_im, c) - dsp_mul_q15(odd_re, s);
}

void dsp_rfft(int32_t *data, int32_t size)
{
    const int32_t half = size / 2;
    const int32_t turn = DSP_FFT_MAX / 2 / half;
    fft(data, half);
    split(data, (const int32_t[]){data[0], data[1]}, (const int32_t[]){data[0], data[1]}, 0);
    for (int32_t k = 1; k <= half / 2; k++) {
        int32_t *low = data + 2 * k;
        int32_t *high = data + 2 * (half - k);
        const int32_t p[2] = {low[0], low[1]};
        const int32_t q[2] = {high[0], high[1]};
        split(low, p, q, k * turn);
        split(high, q, p, (half - k) * turn);
    }
}

uint64_t dsp_power(const int32_t *bin)
{
    const int64_t re = bin[0];
    const int64_t im = bin[1];
    return (uint64_t)(re * re) + (uint64_t)(im * im);
}
