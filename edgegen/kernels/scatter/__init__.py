"""Kernels of SCATTER."""
