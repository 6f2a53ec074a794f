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
    /* What is on standard input has arrived already. */
    int available()
    {
        const int c = std::ungetc(std::fgetc(stdin), stdin);
        return c == EOF ? 0 : 1;
    }
    int read() { return std::fgetc(stdin); }
};

extern SerialStandIn Serial;

inline unsigned long millis() { return 0; }
inline unsigned long micros() { return 0; }

void setup();
void loop();

#endif
