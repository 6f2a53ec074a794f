/* On standard input: five numbers, the settings; then answers. On standard output, after each answer: the
 * label that was detected and its percents, or -1 and 0. */
#include <stdio.h>

#include "detector.h"

int main(void)
{
    static detector_t detector;
    int32_t numbers[5];
    int8_t answer[DETECTOR_LABELS_MAX];

    if (fread(numbers, sizeof numbers, 1, stdin) != 1) {
        return 1;
    }
    const detector_settings_t settings = {numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]};
    detector_start(&detector, &settings);
    while (fread(answer, (size_t)settings.labels, 1, stdin) == 1) {
        detection_t found = {-1, 0};
        if (!detector_push(&detector, answer, &found)) {
            found.label = -1;
        }
        fwrite(&found, sizeof found, 1, stdout);
    }
    return 0;
}
