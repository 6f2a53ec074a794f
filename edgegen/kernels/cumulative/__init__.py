"""Kernels of CUMULATIVE."""
