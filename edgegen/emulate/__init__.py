"""Builds firmware for a board and runs it on an emulated core, counting what it does."""
