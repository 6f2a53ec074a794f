"""Kernels of PRELU."""
