"""Kernels of POOLING."""
