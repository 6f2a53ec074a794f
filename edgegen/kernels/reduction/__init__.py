"""Kernels of REDUCTION."""
