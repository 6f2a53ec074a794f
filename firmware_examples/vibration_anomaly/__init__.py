"""A vibration monitor: its data, its training and its firmware."""
