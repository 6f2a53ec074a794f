"""Kernels of LEAKY_RELU."""
