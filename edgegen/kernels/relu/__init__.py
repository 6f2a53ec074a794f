"""Kernels of RELU."""
