/* printing.h - text and numbers on the board's console. */
#ifndef PRINTING_H
#define PRINTING_H

#include <stdint.h>

void print_text(const char *text);

void print_number(int32_t value);

/* A number of tenths: 12 as 1.2. */
void print_tenths(int32_t value);

#endif
