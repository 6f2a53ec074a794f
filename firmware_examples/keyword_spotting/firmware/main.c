/* main.c - keyword spotting: sound in, words out.
 *
 * Every 20 ms a hop of sound becomes a row of features. The last 49 rows, one second, are the model's
 * input. Every 200 ms the model says how probable each word is, and the detector decides.
 */
#include <string.h>

#include "board.h"
#include "detector.h"
#include "front_end.h"
#include "keyword_spotting.h"
#include "printing.h"
#include "sensor.h"

#define LABELS 10
#define ROWS_BETWEEN_RUNS 10
#define HOPS_PER_TENTH 5 /* hops in 0.1 s */

static const char *const labels[LABELS] = {
    "noise", "unknown", "yes", "no", "up", "down", "left", "right", "on", "off",
};

static const detector_settings_t settings = {
    .labels = LABELS,
    .first = 2, /* after noise and unknown */
    .runs = 3,
    .threshold = 500, /* 65 % */
    .pause = 3,
};

static front_end_t front_end;
static detector_t detector;
static keyword_spotting_arena_t arena;

/* The rows of the last second; the oldest is at `oldest`. */
static int8_t window[FRONT_END_ROWS][FRONT_END_COEFFICIENTS];
static int32_t oldest;

/* As if it had been silent before. */
static void start_silent(void)
{
    static const int16_t silence[FRONT_END_HOP];
    front_end_reset(&front_end);
    detector_start(&detector, &settings);
    front_end_push(&front_end, silence, window[0]);
    front_end_push(&front_end, silence, window[0]);
    for (int32_t row = 1; row < FRONT_END_ROWS; row++) {
        memcpy(window[row], window[0], sizeof window[0]);
    }
}

static const int8_t *run_model(void)
{
    int8_t *input = keyword_spotting_input(&arena);
    const size_t later = (size_t)(FRONT_END_ROWS - oldest) * sizeof window[0];
    memcpy(input, window[oldest], later);
    memcpy(input + later, window[0], sizeof window - later);
    keyword_spotting_run(&arena);
    return keyword_spotting_output(&arena);
}

static void report(const detection_t *found, int32_t hops)
{
    print_text("word: ");
    print_text(labels[found->label]);
    print_text(" (");
    print_number(found->percent);
    print_text(" %) at ");
    print_tenths(hops / HOPS_PER_TENTH);
    print_text(" s\n");
}

int main(void)
{
    int16_t hop[FRONT_END_HOP];
    int32_t hops = 0;
    detection_t found;

    board_init();
    print_text("keyword spotting: listening\n");
    start_silent();
    while (sensor_read(hop)) {
        hops++;
        front_end_push(&front_end, hop, window[oldest]);
        oldest = (oldest + 1) % FRONT_END_ROWS;
        if (hops % ROWS_BETWEEN_RUNS == 0 && detector_push(&detector, run_model(), &found)) {
            report(&found, hops);
        }
    }
    print_text("end of the recordings\n");
    for (;;) {
    }
}
