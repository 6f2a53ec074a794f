/* sensor.h - where the acceleration comes from: the one function to replace for a real accelerometer. */
#ifndef SENSOR_H
#define SENSOR_H

#include <stdbool.h>
#include <stdint.h>

/* Waits for the next sample, 100 a second: x to the right, y forward, z up, 4096 for each g. Returns false
 * when there will be no more, which an accelerometer never says.
 *
 * sensor.c plays recordings. For a real sensor, set its data rate to about 100 Hz and its range to 8 g,
 * wait for its data-ready pin or its FIFO, and read six bytes over I2C or SPI:
 *
 *   LSM6DS3, LSM6DSL  0.244 mg a step in the range of 8 g: pass the registers as they are
 *   LIS3DH, ADXL345   left-aligned or fewer bits: shift until 1 g gives 4096
 *
 * Turn the axes to those above in the same place. */
bool sensor_read(int16_t *sample);

#endif
