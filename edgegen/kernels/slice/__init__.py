"""Kernels of slices."""
