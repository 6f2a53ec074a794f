"""Kernels of AVERAGE_POOL_2D."""
