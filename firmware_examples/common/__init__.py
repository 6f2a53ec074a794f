"""What the firmware examples share: fixed-point signal processing; dsp.c is its twin in C."""
