/* printing.c - see printing.h. */
#include "printing.h"

#include "board.h"

void print_text(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            board_putc('\r');
        }
        board_putc(*text);
    }
}

static uint32_t magnitude(int32_t value)
{
    if (value < 0) {
        board_putc('-');
        return 0u - (uint32_t)value;
    }
    return (uint32_t)value;
}

static void print_digits(uint32_t value)
{
    char digits[11];
    int32_t first = 10;
    digits[first] = '\0';
    do {
        digits[--first] = (char)('0' + value % 10u);
        value /= 10u;
    } while (value != 0);
    print_text(digits + first);
}

void print_number(int32_t value)
{
    print_digits(magnitude(value));
}

void print_tenths(int32_t value)
{
    const uint32_t size = magnitude(value);
    print_digits(size / 10u);
    board_putc('.');
    print_digits(size % 10u);
}
