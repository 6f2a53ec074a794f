"""Kernels of MAX_POOL_2D."""
