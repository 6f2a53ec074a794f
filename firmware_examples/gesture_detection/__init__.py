"""A gesture detector for an accelerometer: its data, its training and its firmware."""
