/* detector.h - from a classifier's answers, run after run, to events.
 *
 * Something is detected when the mean of its probability over the last runs is high and stops rising; then
 * the detector is deaf for a while, since the same event is still in the model's window. detector.py
 * defines the same in Python.
 */
#ifndef DETECTOR_H
#define DETECTOR_H

#include <stdbool.h>
#include <stdint.h>

#define DETECTOR_LABELS_MAX 12
#define DETECTOR_RUNS_MAX 4

typedef struct {
    int32_t labels;    /* outputs of the model, at most DETECTOR_LABELS_MAX */
    int32_t first;     /* the labels before it mean that there was nothing */
    int32_t runs;      /* in the mean, at most DETECTOR_RUNS_MAX */
    int32_t threshold; /* of a sum of 256 * probability over the runs */
    int32_t pause;     /* deaf until so many runs after an event */
} detector_settings_t;

typedef struct {
    detector_settings_t settings;
    uint8_t history[DETECTOR_RUNS_MAX][DETECTOR_LABELS_MAX]; /* 256 * probability */
    int32_t oldest;
    int32_t pause;
    int32_t rising;  /* label that may become more probable yet, or -1 */
    int32_t highest; /* and the sum of its history so far */
} detector_t;

typedef struct {
    int32_t label;
    int32_t percent; /* its highest mean probability */
} detection_t;

void detector_start(detector_t *detector, const detector_settings_t *settings);

/* Takes the model's output, int8 of scale 1 / 256 and zero point -128. Returns true if something was
 * detected, and what. */
bool detector_push(detector_t *detector, const int8_t *output, detection_t *found);

#endif
