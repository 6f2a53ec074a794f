"""Models of the registers that firmware for a board's console touches."""
