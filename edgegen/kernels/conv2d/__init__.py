"""Kernels of CONV_2D."""
