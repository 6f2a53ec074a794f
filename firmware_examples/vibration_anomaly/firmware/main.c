/* main.c - vibration monitor: acceleration of a machine in, a verdict a second out.
 *
 * Every second the levels of 48 frequency bands go through an autoencoder that knows the healthy machine.
 * The worse it reproduces them, the higher the score; above the threshold the vibration is unusual.
 */
#include <string.h>

#include "board.h"
#include "front_end.h"
#include "printing.h"
#include "score.h"
#include "sensor.h"
#include "threshold.h"
#include "vibration_anomaly.h"

static front_end_t front_end;
static vibration_anomaly_arena_t arena;
static int16_t frame[FRONT_END_FRAME];

static uint64_t score_of(const int8_t *levels)
{
    memcpy(vibration_anomaly_input(&arena), levels, VIBRATION_ANOMALY_INPUT_BYTES);
    vibration_anomaly_run(&arena);
    return anomaly_score(levels, vibration_anomaly_output(&arena));
}

static void report(uint64_t score, int32_t seconds)
{
    print_text("vibration: ");
    print_text(score > THRESHOLD ? "ANOMALY" : "normal");
    print_text(" (score ");
    print_tenths(score_tenths(score, THRESHOLD));
    print_text(") at ");
    print_number(seconds);
    print_text(" s\n");
}

int main(void)
{
    int8_t levels[FRONT_END_BANDS];
    int32_t seconds = 0;

    board_init();
    print_text("vibration anomaly: listening\n");
    front_end_reset(&front_end);
    while (sensor_read(frame)) {
        if (front_end_push(&front_end, frame, levels)) {
            seconds++;
            report(score_of(levels), seconds);
        }
    }
    print_text("end of the recordings\n");
    for (;;) {
    }
}
