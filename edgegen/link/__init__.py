"""Boards on a serial port: the console's client, verification, and writing of images."""
