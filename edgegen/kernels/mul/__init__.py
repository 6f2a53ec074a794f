"""Kernels of MUL."""
