"""Kernels of subtraction."""
