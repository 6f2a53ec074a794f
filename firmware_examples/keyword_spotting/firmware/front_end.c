/* front_end.c - mel-frequency cepstral coefficients in fixed point; see front_end.h.
 *
 * One row: window, spectrum, energies of 40 mel bands, their logarithms, cosine transform.
 */
#include "front_end.h"

#include <string.h>

#include "dsp.h"
#include "front_end_tables.h"

#define BANDS 40
#define FFT_SIZE 1024
#define SAMPLE_GAIN 64   /* six more bits than a sample has */
#define POWER_SHIFT 14
#define ENERGY_BITS 43   /* 2^43 is the energy of full scale */
#define FINAL_SHIFT 29

void front_end_reset(front_end_t *front_end)
{
    front_end->has_last = false;
}

/* The frame of two hops, windowed and filled up with zeros. */
static void load_frame(front_end_t *front_end, const int16_t *hop)
{
    int32_t *work = front_end->work;
    for (int32_t i = 0; i < FRONT_END_HOP; i++) {
        const int32_t early = front_end->last[i] * SAMPLE_GAIN;
        const int32_t late = hop[i] * SAMPLE_GAIN;
        work[i] = dsp_mul_q15(early, mfcc_hann[i]);
        work[FRONT_END_HOP + i] = dsp_mul_q15(late, mfcc_hann[FRONT_END_HOP - 1 - i]);
    }
    memset(work + 2 * FRONT_END_HOP, 0, (FFT_SIZE - 2 * FRONT_END_HOP) * sizeof work[0]);
}

/* Energies of the mel bands. Band b rises over stretch b of the bins and falls over stretch b + 1. */
static void mel_energies(const int32_t *spectrum, uint64_t *energy)
{
    const uint16_t *rise = mfcc_mel_rise;
    memset(energy, 0, BANDS * sizeof energy[0]);
    for (int32_t stretch = 0; stretch <= BANDS; stretch++) {
        uint64_t rising = 0;
        uint64_t falling = 0;
        for (int32_t k = mfcc_mel_edges[stretch]; k < mfcc_mel_edges[stretch + 1]; k++) {
            const uint64_t power = dsp_power(spectrum + 2 * k) >> POWER_SHIFT;
            rising += power * *rise;
            falling += power * (32768u - *rise);
            rise++;
        }
        if (stretch < BANDS) {
            energy[stretch] += rising;
        }
        if (stretch > 0) {
            energy[stretch - 1] += falling;
        }
    }
}

static int8_t to_int8(int64_t sum)
{
    const int64_t value = sum >> FINAL_SHIFT;
    return (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
}

bool front_end_push(front_end_t *front_end, const int16_t *hop, int8_t *row)
{
    const bool complete = front_end->has_last;
    if (complete) {
        uint64_t energy[BANDS];
        int32_t level[BANDS];
        load_frame(front_end, hop);
        dsp_rfft(front_end->work, FFT_SIZE);
        mel_energies(front_end->work, energy);
        for (int32_t band = 0; band < BANDS; band++) {
            level[band] = dsp_log2_q16(energy[band] + MFCC_LOG_FLOOR) - ENERGY_BITS * 65536;
        }
        for (int32_t c = 0; c < FRONT_END_COEFFICIENTS; c++) {
            int64_t sum = mfcc_final_offset[c];
            for (int32_t band = 0; band < BANDS; band++) {
                sum += (int64_t)level[band] * mfcc_final_matrix[c][band];
            }
            row[c] = to_int8(sum);
        }
    }
    memcpy(front_end->last, hop, sizeof front_end->last);
    front_end->has_last = true;
    return complete;
}
