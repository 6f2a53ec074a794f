/* board.h on a computer: the console is standard input and output, the clock a count of 10 ns. */
#define _POSIX_C_SOURCE 200809L
#include "board.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

void board_init(void)
{
}

uint32_t board_clock_hz(void)
{
    return 100000000u;
}

void board_putc(char c)
{
    if (write(1, &c, 1) != 1) {
        exit(0);
    }
}

int32_t board_getc(void)
{
    struct pollfd wait = {.fd = 0, .events = POLLIN, .revents = 0};
    unsigned char c;

    if (poll(&wait, 1, 20) <= 0) {
        return -1;
    }
    if (read(0, &c, 1) != 1) {
        exit(0); /* the other side has gone */
    }
    return c;
}

uint32_t board_cycles(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 100000000u + (uint64_t)now.tv_nsec / 10u);
}

uint32_t board_micros(void)
{
    return board_cycles() / 100u;
}
