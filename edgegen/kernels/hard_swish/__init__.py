"""Kernels of HARD_SWISH."""
