/* dsp.h - fixed-point arithmetic, logarithm and Fourier transform for the firmware examples.
 *
 * A Q15 number q stands for q / 32768, a Q16 number for q / 65536. fixed.py defines the same functions
 * in Python; both give the same integers. Negative numbers shift right arithmetically, as they do with
 * every compiler for these cores.
 */
#ifndef DSP_H
#define DSP_H

#include <stdint.h>

#define DSP_FFT_MAX 1024

/* a * w / 32768, rounded to the nearest, halves up; |a| < 2^30, -32768 <= w <= 32768. */
int32_t dsp_mul_q15(int32_t a, int32_t w);

/* log2(x) in Q16, for x >= 1. */
int32_t dsp_log2_q16(uint64_t x);

/* The discrete Fourier transform of `size` real samples, not scaled, in place.
 *
 * size: a power of two from 4 to DSP_FFT_MAX. The sum of all |data[i]| must stay below 2^30.
 * After the call data[2 * k] is the real and data[2 * k + 1] the imaginary part of bin k, for
 * k < size / 2. */
void dsp_rfft(int32_t *data, int32_t size);

/* The squared magnitude of a bin of dsp_rfft's result. */
uint64_t dsp_power(const int32_t *bin);

#endif
