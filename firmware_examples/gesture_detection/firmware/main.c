/* main.c - gesture detection: acceleration in, gestures out.
 *
 * Four samples of the accelerometer become a row, 25 rows a second. The last 64 rows, 2.56 s, are the
 * model's input. Every 0.32 s the model says how probable each gesture is, and the detector decides.
 */
#include "board.h"
#include "detector.h"
#include "front_end.h"
#include "gesture_detection.h"
#include "printing.h"
#include "sensor.h"

#define LABELS 5
#define ROWS_BETWEEN_RUNS 8
#define SAMPLES_PER_TENTH 10 /* samples in 0.1 s */

static const char *const labels[LABELS] = {"none", "circle", "shake", "swipe", "knock"};

static const detector_settings_t settings = {
    .labels = LABELS,
    .first = 1, /* after none */
    .runs = 3,
    .threshold = 614, /* 80 % */
    .pause = 5,
};

static front_end_t front_end;
static detector_t detector;
static gesture_detection_arena_t arena;

static void report(const detection_t *found, int32_t samples)
{
    print_text("gesture: ");
    print_text(labels[found->label]);
    print_text(" (");
    print_number(found->percent);
    print_text(" %) at ");
    print_tenths(samples / SAMPLES_PER_TENTH);
    print_text(" s\n");
}

int main(void)
{
    int16_t sample[FRONT_END_AXES];
    int32_t samples = 0;
    int32_t rows = 0;
    detection_t found;

    board_init();
    print_text("gesture detection: waiting\n");
    front_end_reset(&front_end);
    detector_start(&detector, &settings);
    while (sensor_read(sample)) {
        samples++;
        if (!front_end_push(&front_end, sample)) {
            continue;
        }
        rows++;
        if (rows % ROWS_BETWEEN_RUNS != 0 ||
            !front_end_window(&front_end, gesture_detection_input(&arena))) {
            continue;
        }
        gesture_detection_run(&arena);
        if (detector_push(&detector, gesture_detection_output(&arena), &found)) {
            report(&found, samples);
        }
    }
    print_text("end of the recordings\n");
    for (;;) {
    }
}
