"""Kernels of RESIZE_BILINEAR."""
