/* sensor.h - where the sound comes from: the one function to replace for a real microphone. */
#ifndef SENSOR_H
#define SENSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "front_end.h"

/* Waits for the next hop of sound: FRONT_END_HOP samples, 16 kHz, mono, 16 bits. Returns false when there
 * will be no more, which a microphone never says.
 *
 * sensor.c plays recordings. With a microphone, let DMA fill a ring of buffers, one hop each, and return the
 * oldest full one. A hop lasts 20 ms; every tenth time the model runs before the next call, which may take
 * longer than that (about 30 ms on an RP2040), so have four buffers or more:
 *
 *   I2S (INMP441, ICS-43434)  24 bits left-aligned in 32: take the upper 16
 *   PDM (MP34DT05, the nRF52840's PDM peripheral, STM32 DFSDM)  the peripheral decimates to 16 bits
 *   analogue (MAX4466 and an ADC at 16 kHz)  subtract the middle, shift up to 16 bits
 *
 * The features remove no offset: bins below 40 Hz are not used. The loudest part of a word should reach
 * -24 to -1 dB of full scale, as in training. */
bool sensor_read(int16_t *hop);

#endif
