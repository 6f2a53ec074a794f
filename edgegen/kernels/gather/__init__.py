"""Kernels of GATHER."""
