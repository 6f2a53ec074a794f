"""Kernels of concatenation."""
