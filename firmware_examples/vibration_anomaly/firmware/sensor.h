/* sensor.h - where the vibration comes from: the one function to replace for a real sensor. */
#ifndef SENSOR_H
#define SENSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "front_end.h"

/* Waits for the next FRONT_END_FRAME samples of one axis, 4096 a second, 2048 for each g. Returns false when
 * there will be no more, which a sensor never says.
 *
 * sensor.c plays recordings. For a real sensor (IIS3DWB, ADXL355, ADXL1002 with an ADC), let a timer or
 * the sensor's FIFO set the pace, fill one buffer by DMA while the other is processed, and scale to 2048
 * for each g. Frequencies of 2 kHz and more must be filtered out before sampling. */
bool sensor_read(int16_t *frame);

#endif
