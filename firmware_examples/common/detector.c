/* detector.c - see detector.h. */
#include "detector.h"

#include <string.h>

void detector_start(detector_t *detector, const detector_settings_t *settings)
{
    memset(detector, 0, sizeof *detector);
    detector->settings = *settings;
    detector->rising = -1;
}

static void remember(detector_t *detector, const int8_t *output)
{
    uint8_t *now = detector->history[detector->oldest];
    for (int32_t label = 0; label < detector->settings.labels; label++) {
        now[label] = (uint8_t)(output[label] + 128);
    }
    detector->oldest = (detector->oldest + 1) % detector->settings.runs;
}

static int32_t sum_of(const detector_t *detector, int32_t label)
{
    int32_t sum = 0;
    for (int32_t run = 0; run < detector->settings.runs; run++) {
        sum += detector->history[run][label];
    }
    return sum;
}

bool detector_push(detector_t *detector, const int8_t *output, detection_t *found)
{
    const detector_settings_t *settings = &detector->settings;
    int32_t best = 0;
    remember(detector, output);
    for (int32_t label = 1; label < settings->labels; label++) {
        if (sum_of(detector, label) > sum_of(detector, best)) {
            best = label;
        }
    }
    const int32_t sum = sum_of(detector, best);
    const bool strong = best >= settings->first && sum >= settings->threshold;
    if (detector->pause > 0) {
        detector->pause--;
    }
    if (detector->rising >= 0 && !(strong && sum > detector->highest)) {
        const int32_t certain = 256 * settings->runs;
        found->label = detector->rising;
        found->percent = (detector->highest * 100 + certain / 2) / certain;
        detector->rising = -1;
        detector->pause = settings->pause;
        return true;
    }
    if (strong && detector->pause == 0) {
        detector->rising = best;
        detector->highest = sum;
    }
    return false;
}
