"""Kernels of transpositions."""
