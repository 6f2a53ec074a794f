/* recordings.h - motion to try the firmware with, of a person who is not in the training data. */
#ifndef RECORDINGS_H
#define RECORDINGS_H

#include <stdint.h>

#define RECORDINGS_SAMPLES 2400 /* 24 s */

/* x, y, z; 100 samples a second, 4096 for each g. */
extern const int16_t recordings[RECORDINGS_SAMPLES][3];

#endif
