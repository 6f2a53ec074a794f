/* Stands in for an Arduino core: what the sketches use of it, on the machine that runs the tests. */
#ifndef ARDUINO_H
#define ARDUINO_H

#include <cstddef>
#include <cstdint>
#include <cstdio>

class SerialStandIn {
public:
    void begin(unsigned long) {}
    operator bool() const { return true; }
    size_t write(uint8_t byte) { return std::fputc(byte, stdout) == EOF ? 0 : 1; }
    int available() { return 0; }
    int read() { return -1; }
};

extern SerialStandIn Serial;

inline unsigned long millis() { return 0; }
inline unsigned long micros() { return 0; }

void setup();
void loop();

#endif
