/* recordings.h - five seconds of vibration to try the firmware with, two of them of a faulty machine. */
#ifndef RECORDINGS_H
#define RECORDINGS_H

#include <stdint.h>

#define RECORDINGS_SAMPLES 20480

/* 4096 samples a second, 2048 for each g. */
extern const int16_t recordings[RECORDINGS_SAMPLES];

#endif
