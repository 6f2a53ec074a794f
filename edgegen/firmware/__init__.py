"""Firmware projects: application, start-up code and build files around a generated library."""
