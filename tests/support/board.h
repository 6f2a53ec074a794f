/* board.h - what the application of a firmware project needs of a board. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

void board_init(void);
uint32_t board_clock_hz(void);
void board_putc(char c);
int32_t board_getc(void);
uint32_t board_cycles(void);
uint32_t board_micros(void);

#endif /* BOARD_H */
