"""Kernels of POINTWISE."""
