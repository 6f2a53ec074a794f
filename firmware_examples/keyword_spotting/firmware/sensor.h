/* sensor.h - where the sound comes from: the one function to replace for a real microphone. */
#ifndef SENSOR_H
#define SENSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "front_end.h"

/* Waits for the next hop of sound: FRONT_END_HOP samples, 16 kHz, mono, 16 bits. Returns false when there
 * will be no more, which a microphone never says.
 *
 * sensor.c plays recordings. With a microphone, fill one buffer by DMA while the other is processed and
 * return here when one is full; a hop lasts 20 ms:
 *
 *   I2S (INMP441, ICS-43434)  24 bits left-aligned in 32: take the upper 16
 *   PDM (MP34DT05, the nRF52840's PDM peripheral, STM32 DFSDM)  the peripheral decimates to 16 bits
 *   analogue (MAX4466 and an ADC at 16 kHz)  subtract the middle, shift up to 16 bits
 *
 * The features remove no offset: bins below 40 Hz are not used. The loudest part of a word should reach
 * -24 to -1 dB of full scale, as in training. */
bool sensor_read(int16_t *hop);

#endif
