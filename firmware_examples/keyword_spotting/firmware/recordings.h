/* recordings.h - words to try the firmware with, spoken by voices that are not in the training data. */
#ifndef RECORDINGS_H
#define RECORDINGS_H

#include <stdint.h>

#define RECORDINGS 4
#define RECORDINGS_END 72000 /* samples: 4.5 s */

typedef struct {
    int32_t start;        /* samples since the beginning */
    int32_t length;       /* samples, 16 kHz */
    const uint8_t *codes; /* 8-bit mu-law */
} recording_t;

extern const recording_t recordings[RECORDINGS];

#endif
