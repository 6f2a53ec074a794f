"""Kernels of CONTRACTION."""
