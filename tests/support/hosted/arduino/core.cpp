/* The part of a core that calls the sketch. */
#include <Arduino.h>

SerialStandIn Serial;

int main()
{
    setup();
    loop();
    return 0;
}
