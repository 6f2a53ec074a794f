"""Kernels of CONVOLUTION."""
